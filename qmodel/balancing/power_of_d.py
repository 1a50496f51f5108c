r"""The power of d choices: each request joins the shortest of d replicas drawn at random.

What it finds there comes from `qmodel.balancing.mean_field`, for few replicas as for many.
Where all replicas are drawn the policy is least connections
(`qmodel.balancing.join_shortest`), and near that the probabilities of the mean field are a
little low. Both agree where N = d, and from there on their ratio is spread over N

.. math::

    u_j(N) = u_j^{MF}(N) \left( \frac{u_j^{LC}(d)}{u_j^{MF}(d)} \right)^{(d / N)^{1.1}}

with an exponent that is ours, and no less than with N choices, no more than with one. (Draws
that may repeat have the mean field alone.) d = 1 is a random choice, exactly, and one replica
is that one.

**Error** (exponential service), for d from 2 to 10 of N = 3 to 1000 replicas of 1 to 32
workers at loads of 0.5 to 0.95, on points that were fitted and between, against simulations of
1e7 to 6e7 requests: mean response 1.6 %, p99 of it 3 %, probability of a wait 0.03. Mean wait,
where it is above 0.02 service times: 13 %. For draws that may repeat: 3.4 %, 4 %, 0.05 and 8
% (of two replicas 4.3 % and 5.4 %); points drawn at random are in
docs/reference/errors-of-balancing.md. For many replicas the mean is that of Mitzenmacher [1]_
to 1e-6; what is left of it is of the order of 1 / N [2]_.

**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] M. Mitzenmacher, "The power of two choices in randomized load balancing", IEEE
   Transactions on Parallel and Distributed Systems 12, 2001.
.. [2] N. Gast, B. Van Houdt, "A refined mean field approximation", Proceedings of the ACM on
   Measurement and Analysis of Computing Systems 1, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.balancing.informed_pool import InformedPool
from qmodel.balancing.join_shortest import (
    SHORTEST_QUEUE,
    LeastConnections,
    least_levels,
    shortest_levels,
)
from qmodel.balancing.mean_field import levels_found, prolonged
from qmodel.balancing.policy_errors import WORST
from qmodel.balancing.pool import Pool
from qmodel.balancing.random_split import RandomSplit
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.errors import DomainError
from qmodel.numerics.erlang import erlang_c
from qmodel.queues.approximations.measured import of_response

__all__ = ["PowerOfChoices"]

POWER_OF_CHOICES = Assumption(
    "power-of-choices",
    "requests join the shortest of d replicas; the number a replica is taken as slow against "
    "its spread, with fitted constants; measured errors of the response, for 3 to 1000 "
    "replicas of 1 to 32 workers at loads of 0.5 to 0.95: "
    f"{of_response(WORST.get('choices', {}))}; where draws may repeat, also of two replicas, "
    f"{of_response(WORST.get('choices that may repeat', {}))}",
    "Mitzenmacher 2001 for many replicas; our simulations",
    APPROXIMATE,
)

_DIFFERENT, _REPEATED, _ANCHOR = 0.77, -1.0, 1.1  # fitted, see the modules


@dataclass(frozen=True, slots=True, eq=False)
class PowerOfChoices(InformedPool):
    """Equal replicas; each request goes to the shortest of a few drawn at random.

    Parameters
    ----------
    replica : Station
        What one replica is: `MMc`, `MG1`, `MGc`, `MDc`, `MG1PS` or `MGcPS`. [-]
    replicas : int or integer array
        Their number, >= 1. [-]
    choices : int or integer array, default 2
        How many are drawn for a request, d >= 1. [-]
    distinct : bool, default True
        Whether those are different, so that d is at most `replicas`. [-]

    Raises
    ------
    DomainError
        If `replicas` or `choices` is not a whole number >= 1, or more different replicas are
        drawn than there are.
    ModelError
        If `replica` is not a station.

    Examples
    --------
    A hundred servers at 90 % load. One choice would take 1 s, infinitely many servers 0.261 s:

    >>> import qmodel as qm
    >>> load = PowerOfChoices(qm.MMc(service_time=0.1), replicas=100).solve(900.0)
    >>> round(float(load.response_time), 3), round(float(load.response.quantile(0.99)), 2)
    (0.265, 0.89)
    >>> PowerOfChoices(qm.MMc(0.1), 100, [1, 2, 3, 5]).solve(900.0).response_time.round(3)
    array([1.   , 0.265, 0.206, 0.167])
    """

    choices: Count = parameter(
        "replicas drawn for a request", symbol="d", check=_check.count, default=2
    )
    distinct: bool = True

    def __post_init__(self) -> None:
        Pool.__post_init__(self)
        choices = self.choices
        _check.numbers("PowerOfChoices", choices, self.replicas)
        if self.distinct:
            d, n = np.broadcast_arrays(choices, self.replicas)
            if np.any(d > n):
                worst = np.flatnonzero((d > n).ravel())[0]
                raise DomainError(
                    f"choices must be at most replicas where they are distinct, got choices "
                    f"{d.ravel()[worst]:g} of replicas {n.ravel()[worst]:g}"
                )

    def _same(self) -> Pool | None:
        if np.all(np.asarray(self.choices) == 1):
            return RandomSplit(self.replica, self.replicas)
        if self.distinct and np.all(np.equal(self.choices, self.replicas)):
            return LeastConnections(self.replica, self.replicas)
        return None

    def _choosing(self, chooses: Any) -> Pool:
        replicas, choices = (np.where(chooses, x, 2) for x in (self.replicas, self.choices))
        return replace(self, replicas=replicas, choices=choices)

    def _compared(self) -> Count:
        return self.choices

    def _chooses(self) -> Any:
        return np.greater(self.replicas, 1) & np.greater(self.choices, 1)

    def _grounds(self) -> tuple[Assumption, ...]:
        return (SHORTEST_QUEUE, POWER_OF_CHOICES) if self.distinct else (POWER_OF_CHOICES,)

    def _shared_queue(self) -> tuple[Count, Value, Value]:
        # Between one queue and as many as replicas, by simulations.
        apart = np.maximum(np.divide(self.replicas, self.choices), 1.0)
        return self.servers, np.sqrt(apart)[()], 1.0

    def _levels(self, load: Any, replicas: Any, servers: Any) -> tuple[tuple[Any, ...], Any]:
        shape = np.broadcast_shapes(load.shape, np.shape(self.choices))
        rho, n, c, d = (
            np.broadcast_to(x, shape).ravel() for x in (load, replicas, servers, self.choices)
        )
        blind = (d == 1) | (n == 1)
        last = self.distinct & (d == n) & ~blind
        least, steps = least_levels(rho, n, c)
        most = erlang_c(c * rho, c)
        ratio = np.where(blind, rho, steps)
        levels = np.where(blind, most * rho ** np.arange(len(least))[:, None], least)
        for kind in np.unique(np.stack([c, d])[:, ~(blind | last)], axis=1).T:
            cells = np.flatnonzero((c == kind[0]) & (d == kind[1]) & ~(blind | last))
            found = self._found(rho[cells], n[cells], int(kind[0]), int(kind[1]))
            levels = prolonged(levels, ratio, max(len(levels), len(found)))
            levels[:, cells] = prolonged(found, ratio[cells], len(levels))
        # No policy that asks some finds less than all would, or more than one.
        j = np.arange(len(levels))[:, None]
        levels = np.clip(
            levels, np.minimum(prolonged(least, steps, len(j)), most * rho**j), most * rho**j
        )
        return tuple(u.reshape(shape) for u in levels), ratio.reshape(shape)

    def _found(self, load: Any, n: Any, c: int, d: int) -> np.ndarray:
        sampling = _DIFFERENT if self.distinct else _REPEATED
        found = levels_found(load, replicas=n, servers=c, choices=d, sampling=sampling)
        if not self.distinct:
            return found
        few = np.full(load.shape, float(d))
        field = levels_found(load, replicas=few, servers=c, choices=d, sampling=sampling)
        most = max(len(found), len(field))
        found, field = prolonged(found, load**n, most), prolonged(field, load**d, most)
        probability, ratio = shortest_levels(load, replicas=few, servers=c)
        exact = probability * ratio ** np.arange(most)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            # Levels that are never found have nothing to correct.
            factor = np.where(field > 1e-12, np.clip(exact / field, 0.05, 20.0), 1.0)
        corrected = found * factor ** ((d / n) ** _ANCHOR)
        fallen: np.ndarray = np.minimum.accumulate(np.minimum(corrected, 1.0))
        return fallen
