r"""Least connections: each request joins the replica with the fewest requests.

Also "join the shortest queue". Two replicas of up to eight workers are solved exactly
(`qmodel.balancing.two_queues`). There is no closed distribution for more. With N
replicas of c workers, exponential service and load :math:`\rho`, the levels found are nearly
geometric from c on, with the ratio that is exact far out, so that the wait is exponential

.. math::

    P(T_q > t) = P e^{-(1 - q) c \mu t}, \qquad
    q = \rho^{N (1 - 0.17 (1 - 1/N) (1 - \rho^N) / c)},

.. math::

    P = C(Nc, Nc\rho) \Big[ 1 - \rho + \rho \Big( 1 + \alpha_c z \frac{N - 1}{N + 0.22}
    \Big)^{-1.7} \Big], \qquad \alpha_c = 0.376 - 0.23 \, c^{-0.2}, \quad z = N (1 - \rho),

with Erlang's C of all workers behind one queue. The form is ours: it is exact for N = 1, has
the heavy traffic of one queue [1]_, and the limit :math:`1 - \rho` of many replicas, where an
arrival that finds all busy waits behind one request [2]_. The six constants are fitted to
simulations of 1e7 to 6e7 requests over N from 2 to 1000, c from 1 to 32 and loads of 0.5 to
0.95.

**Error** (exponential service), over that range, on the fitted points and between: mean
response 1 %, p99 of it 3 %, probability of a wait 0.02. Mean wait, where it is above 0.02
service times: 7 %. At loads of 0.3 and 0.98 the same. Points drawn at random are in
docs/reference/errors-of-balancing.md.

**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] G. J. Foschini, J. Salz, "A basic dynamic routing problem and diffusion", IEEE
   Transactions on Communications 26, 1978.
.. [2] P. Eschenfeldt, D. Gamarnik, "Join the shortest queue with many servers: the
   heavy-traffic asymptotics", Mathematics of Operations Research 43, 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.balancing.informed_pool import InformedPool
from qmodel.balancing.policy_errors import WORST
from qmodel.balancing.two_queues import LEVELS, equal_levels
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.numerics.erlang import erlang_c
from qmodel.queues.approximations.measured import of_response

__all__ = ["LeastConnections", "shortest_levels"]

SHORTEST_QUEUE = Assumption(
    "shortest-queue",
    "requests join the replica with the fewest, and find geometric levels with fitted "
    "constants; measured errors of the response, for 2 to 1000 replicas of 1 to 32 workers at "
    f"loads of 0.5 to 0.95: {of_response(WORST.get('least connections', {}))}",
    "our simulations; Foschini and Salz 1978",
    APPROXIMATE,
)
SHORTER_OF_TWO = Assumption(
    "shorter-of-two",
    "requests join the replica of two that has fewer; its levels are those of the exact chain",
    "Haight 1958; Neuts 1981",
)
_MOST_WORKERS = 8


@checked
def shortest_levels(load: Value, *, replicas: Value, servers: Value) -> tuple[Any, Any]:
    """Return the probability that a request waits behind the shortest queue, and the ratio.

    Parameters
    ----------
    load : number or array
        Load, inside 0 to 1. [-]
    replicas : int or integer array
        Number of replicas, N >= 1. [-]
    servers : int or integer array
        Workers of each, c >= 1. [-]

    Returns
    -------
    tuple of numbers or arrays
        Probability to find c requests or more; what each further one multiplies it by. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    Two servers, where the exact probability is 0.6942 and the exact ratio tends to 0.64:

    >>> [round(float(x), 3) for x in shortest_levels(0.8, replicas=2, servers=1)]
    [0.687, 0.649]
    """
    load = _check.nonnegative("load", load)
    n, c = _check.count("replicas", replicas), _check.count("servers", servers)
    load, n, c = (np.asarray(x, dtype=float)[()] for x in (load, n, c))
    slow = (0.376 - 0.23 * c**-0.2) * n * (1 - load) * (n - 1) / (n + 0.22)
    fewer = 1 - load + load * (1 + slow) ** -1.7
    far = load**n
    ratio = far ** (1 - 0.17 * (1 - 1 / n) * (1 - far) / c)
    return erlang_c(n * c * load, n * c) * fewer, ratio


@dataclass(frozen=True, slots=True, eq=False)
class LeastConnections(InformedPool):
    """Equal replicas; each request goes to the one with the fewest requests.

    Parameters
    ----------
    replica : Station
        What one replica is: `MMc`, `MG1`, `MGc`, `MDc`, `MG1PS` or `MGcPS`. [-]
    replicas : int or integer array
        Their number, >= 1. [-]

    Raises
    ------
    DomainError
        If `replicas` is not a whole number >= 1.
    ModelError
        If `replica` is not a station.

    Examples
    --------
    Eight servers at 90 % load. Behind one queue they would take 0.19 s, at random 1 s:

    >>> import qmodel as qm
    >>> load = LeastConnections(qm.MMc(service_time=0.1), replicas=8).solve(72.0)
    >>> round(float(load.response_time), 2), round(float(load.response.quantile(0.99)), 2)
    (0.21, 0.91)
    >>> load.basis
    'approximate'
    """

    def _levels(self, load: Any, replicas: Any, servers: Any) -> tuple[tuple[Any, ...], Any]:
        levels, ratio = least_levels(load, replicas, servers)
        return tuple(levels), ratio

    def _grounds(self) -> tuple[Assumption, ...]:
        exact = _solved(self.replicas, self.replica.servers).all()
        return (SHORTER_OF_TWO if exact else SHORTEST_QUEUE,)


def least_levels(load: Any, replicas: Any, servers: Any) -> tuple[np.ndarray, Any]:
    """Return the levels of pools whose requests ask all replicas, and their ratio beyond."""
    probability, ratio = shortest_levels(load, replicas=replicas, servers=servers)
    two = _solved(replicas, servers)
    if not two.any():
        return np.asarray(probability)[None], ratio
    levels = np.stack([*accumulate([ratio] * (LEVELS - 1), mul, initial=probability)])
    for workers in np.unique(servers[two]):
        here = two & (servers == workers)
        levels[:, here] = equal_levels(load[here], int(workers))
    return levels, np.where(two, load**2, ratio)


def _solved(replicas: Any, servers: Any) -> Any:
    """Return whether pools are two replicas of few workers."""
    return np.equal(replicas, 2) & np.less_equal(servers, _MOST_WORKERS)
