r"""Join idle queue: replicas with a free worker report to a dispatcher, which sends there.

Each of m dispatchers keeps a list of replicas that reported to it; a request that comes to an
empty list goes to a replica drawn at random. The levels found at full replicas are taken as
geometric, so that those that wait have an exponential wait:
:math:`P(T_q > t) = P e^{-(1 - q) c \mu t}`.

**One dispatcher.** A request waits where no worker at all is free. With N replicas of c
workers, load :math:`\rho`, :math:`z = N (1 - \rho)` and Erlang's C of all workers,

.. math::

    P_1 = C \Big[ 1 - \rho + \rho \Big( 1 + \alpha_c z \frac{N - 1}{N + 0.68}
    \Big)^{-0.88} \Big], \quad q_1 = \rho^{1 + (N - 1) h}, \quad
    h = \frac{\min(0.5 + 0.186 \ln c, \, 1)}{\sqrt{1 + 0.835 \, c^{0.42} z}},

and :math:`\alpha_c = 0.508 + 0.312 \ln c`: fitted by us to simulations of 4e6 to 8e6 requests,
of the form of `qmodel.balancing.join_shortest`, exact for one replica, and with a mean that is
no less than there.

**Several dispatchers** (replicas with one worker). The replicas that one list does not hold
come and go like the busy servers of a loss system with
:math:`M = N (\rho + (1 - \rho) / m)` servers that sustains :math:`N \rho`. So a list is empty
with Erlang's B of M and of the A that solves
:math:`A (1 - B) = N \rho`, and a request waits with :math:`P_m = B M / N`, as does the next.
With m in proportion to N that is the model of Lu and others [1]_, for large N
:math:`\rho / (1 + (1 - \rho) N / m)`. To both :math:`P_m` and :math:`q_m = P_m` we add what
one dispatcher lacks in the same model, :math:`(P_1 - P_1^B) m^{-3/2}` and
:math:`(q_1 - P_1^B) m^{-3/2}`.

**Error** (exponential service), at loads of 0.5 to 0.95, against the simulations that were
fitted: for one dispatcher, 2 to 300 replicas and 1 to 32 workers, mean response 2.1 %,
probability of a wait 0.03; for 2 to 100 dispatchers of 2 to 500 replicas, mean response 7 %,
probability 0.036. The p99 of the response, for one dispatcher: 2 % to 80 % load, at 95 % up to
13 % low, for two 15 %; points drawn at random are in docs/reference/errors-of-balancing.md.

**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] Y. Lu, Q. Xie, G. Kliot, A. Geller, J. R. Larus, A. Greenberg, "Join-Idle-Queue: a novel
   load balancing algorithm for dynamically scalable web services", Performance Evaluation 68,
   2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.balancing.informed_pool import InformedPool
from qmodel.balancing.join_shortest import shortest_levels
from qmodel.balancing.policy_errors import WORST
from qmodel.balancing.pool import Pool
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.errors import DomainError
from qmodel.numerics.erlang import erlang_b, erlang_c
from qmodel.queues.approximations.measured import of_response

__all__ = ["JoinIdleQueue", "idle_levels"]

JOIN_IDLE = Assumption(
    "join-idle-queue",
    "the list of idle replicas empties like a loss system, with fitted constants; measured "
    "errors of the response at loads of 0.5 to 0.95, with one dispatcher: "
    f"{of_response(WORST.get('idle queue', {}))}; with several: "
    f"{of_response(WORST.get('idle queue, several dispatchers', {}))}",
    "Lu et al. 2011 for many dispatchers; our simulations",
    APPROXIMATE,
)


@checked
def idle_levels(
    load: Value, *, replicas: Value, servers: Value, dispatchers: Value
) -> tuple[Any, Any]:
    """Return the probability that a request waits, and the ratio of the levels found.

    Parameters
    ----------
    load : number or array
        Load, inside 0 to 1. [-]
    replicas : int or integer array
        Number of replicas, N >= 1. [-]
    servers : int or integer array
        Workers of each, c >= 1. [-]
    dispatchers : int or integer array
        Number of dispatchers, m >= 1. [-]

    Returns
    -------
    tuple of numbers or arrays
        Probability to find c requests or more; what each further one multiplies it by. [-]

    Examples
    --------
    >>> [round(float(x), 2) for x in idle_levels(0.9, replicas=20, servers=1, dispatchers=1)]
    [0.33, 0.49]
    """
    rho, n, c, m = (np.asarray(x, dtype=float) for x in (load, replicas, servers, dispatchers))
    many = n * (1 - rho)
    slow = (0.508 + 0.312 * np.log(c)) * many * (n - 1) / (n + 0.68)
    probability = erlang_c(n * c * rho, n * c) * (1 - rho + rho * (1 + slow) ** -0.88)
    pooled = np.minimum(0.5 + 0.186 * np.log(c), 1.0) / np.sqrt(1 + 0.835 * c**0.42 * many)
    ratio = rho ** (1 + (n - 1) * pooled)
    if np.all(m == 1):
        return probability, ratio
    apart, together = _lost(rho, n, m), _lost(rho, n, 1.0)
    weight = m**-1.5
    single = m == 1
    return (
        np.where(single, probability, apart + (probability - together) * weight),
        np.where(single, ratio, apart + (ratio - together) * weight),
    )


def _lost(rho: Any, n: Any, m: Any) -> Any:
    """Return the probability to wait where lists are loss systems."""
    carried, most = n * rho, n * (rho + (1 - rho) / m)
    # Newton's method from below on a concave function: it does not overshoot.
    offered = carried
    for _ in range(40):
        lost = erlang_b(offered, most)
        slope = 1 - lost - offered * lost * (most / offered - 1 + lost)
        # Where all is lost to rounding, it stays so.
        missing = np.maximum(carried - offered * (1 - lost), 0.0)
        offered = offered + np.where(slope > 0, missing / np.maximum(slope, 1e-300), 0.0)
    return erlang_b(offered, most) * most / n


@dataclass(frozen=True, slots=True, eq=False)
class JoinIdleQueue(InformedPool):
    """Equal replicas; each request goes to one with a free worker, if one is known.

    Parameters
    ----------
    replica : Station
        What one replica is: `MMc`, `MG1`, `MGc`, `MDc`, `MG1PS` or `MGcPS`. [-]
    replicas : int or integer array
        Their number, >= 1. [-]
    dispatchers : int or integer array, default 1
        Number of dispatchers, each with its own list of idle replicas; at most `replicas`,
        and one where a replica has several workers. [-]

    Raises
    ------
    DomainError
        If `replicas` or `dispatchers` is not a whole number >= 1, or there are too many
        dispatchers.
    ModelError
        If `replica` is not a station.

    Examples
    --------
    A hundred servers at 90 % load:

    >>> import qmodel as qm
    >>> load = JoinIdleQueue(qm.MMc(service_time=0.1), replicas=100).solve(900.0)
    >>> round(float(load.response_time), 3), load.basis
    (0.107, 'approximate')
    """

    dispatchers: Count = parameter("dispatchers", symbol="m", check=_check.count, default=1)

    def __post_init__(self) -> None:
        Pool.__post_init__(self)
        dispatchers = self.dispatchers
        _check.numbers("JoinIdleQueue", dispatchers, self.replicas, self.replica.servers)
        m, n, c = np.broadcast_arrays(dispatchers, self.replicas, self.replica.servers)
        if np.any((m > 1) & (c > 1)):
            worst = np.flatnonzero(((m > 1) & (c > 1)).ravel())[0]
            raise DomainError(
                f"dispatchers must be 1 where a replica has several workers, got dispatchers "
                f"{m.ravel()[worst]:g} and workers {c.ravel()[worst]:g}"
            )
        if np.any(m > n):
            worst = np.flatnonzero((m > n).ravel())[0]
            raise DomainError(
                f"dispatchers must be at most replicas, got dispatchers {m.ravel()[worst]:g} "
                f"of replicas {n.ravel()[worst]:g}"
            )

    def _levels(self, load: Any, replicas: Any, servers: Any) -> tuple[tuple[Any, ...], Any]:
        probability, ratio = idle_levels(
            load, replicas=replicas, servers=servers, dispatchers=self.dispatchers
        )
        # On the mean no request fares better than behind the shortest queue.
        other, steps = shortest_levels(load, replicas=replicas, servers=servers)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.where(other > 0, 1 - probability * (1 - steps) / other, 0.0)
        return (probability,), np.clip(ratio, np.minimum(least, 1.0), 1.0)

    def _compared(self) -> Count:
        return 1  # where none is known to be idle

    def _grounds(self) -> tuple[Assumption, ...]:
        return (JOIN_IDLE,)
