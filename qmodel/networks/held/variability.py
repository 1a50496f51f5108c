r"""What service that is not exponential makes of a pool, where no chain says it by its phases.

With P holders inside, E of them are at places, or busy servers, where nobody is in their way,
and Q = P - E stand at queues. The idle time of a queue is that of fewer holders, who compete
as those of exponential service do: with the diffusion between two queues, whose variance grows
by v with that of service, decays :math:`\rho^Q` become :math:`\rho^{Q / v}` [1]_. So the
throughput is that of the exponential network with

.. math::

    P' = E + \frac{Q}{v^{1 - \kappa / 4}}, \quad v \ge 1, \qquad
    P' = P - W + \frac{W}{v^{1 - \kappa / 4}}, \quad v < 1, \\
    E = X \sum_k D_k \Bigl(1 - \frac{1}{c_k}\Bigr), \qquad W = P - X \sum_k D_k ,

where X is the throughput itself, :math:`\kappa` the share of the others that nobody waits for,
as the number there is spread otherwise than that of a queue, and v - 1 is half of the sum over
the queue and the others of what the SCV adds,

.. math::

    \frac{(c_s^2 - 1) \, m}{m + \frac52 c_s^2 \, c^{4/5}} \quad (c_s^2 > 1), \qquad
    \frac{(c_s^2 - 1) \, m}{m + 2 (\sqrt{c} - 1)} \quad (c_s^2 < 1), \qquad
    m = \sqrt{(Q - 1)^2 + E} :

long services come too seldom to be seen by few. Others count by the square of their loads, and
where nobody waits they pass on :math:`0.7 (1 - c_s^2) (1 - c_z^2)` of the order of the
departures, :math:`c_z^2` their SCV; queues count by the fourth power of theirs. The damping and
the powers are ours, from simulations of closed networks of a delay, one to three queues of one
to 16 servers, lognormal service and 4 to 32 holders. There the throughput is within 4 % for an
SCV of 0 to 4, of hyperexponential service, too, and within 9 % for one of 16.

The wait for a permit is multiplied by :math:`(1 + c_s^2) / 2`, with the SCV of the time for
which permits are held as far as permits are the limit, and that of the busiest station as far
as that is; where phases say how unevenly a full pool completes, by :math:`(1 + I) / 2`.

References
----------
.. [1] D. P. Gaver, G. S. Shedler, "Processor utilization in multiprogramming systems via
   diffusion approximations", Operations Research 21, 1973.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.numerics.roots import increasing_root

if TYPE_CHECKING:
    from qmodel.networks.held.counts import Place
    from qmodel.networks.held.pool import HeldPool
    from qmodel.networks.held.states import State

__all__ = ["permit_factor", "varied_throughput"]

_NONE = 1e-12
"""A part of a round that is rounding."""

_KEPT = 0.7
_LEAST = 0.02
"""A variability below which nothing is left to gain."""


def varied_throughput(
    throughput: Any, holders: Any, first: Any, cap: Any, places: Iterable[Place]
) -> Any:
    """Return the throughput with general service from that with exponential service.

    Parameters
    ----------
    throughput : array of shape (P, ...)
        Throughput of 1, ..., P holders with exponential service. [1/s]
    holders : array of shape (n, ...)
        For how many of them it is asked, >= 1. [-]
    first, cap : array
        Throughput of one holder, and of the slowest station. [1/s]
    places : iterable of Place
        The stations inside. [-]

    Returns
    -------
    array of shape (n, ...)
        The throughput. [1/s]
    """
    known, queues = list(places), [place for place in places if not place.endless]
    own = np.take_along_axis(throughput, holders - 1, axis=0)
    if all(np.all(np.abs(np.asarray(place.scv) - 1) < _NONE) for place in queues):
        return own
    numbers = np.arange(1, len(throughput) + 1).reshape(-1, *[1] * (throughput.ndim - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        rounds = np.concatenate([1 / first[np.newaxis], numbers / throughput])
        network = _Varied(holders, rounds, known)
        fewer = increasing_root(
            lambda n: n - network.alike(network.throughput(n)),
            0.0,
            holders / _LEAST,
            rtol=1e-11,
        )
        found = np.minimum(network.throughput(fewer), np.minimum(holders * first, cap))
    return np.where(np.isfinite(found), found, own)


class _Varied:
    """A closed network with general service, by the rounds of the exponential one."""

    def __init__(self, holders: Any, rounds: Any, places: list[Place]) -> None:
        self._holders, self._rounds = holders, rounds
        self._places = [(place, *self._as_queue(place)) for place in places]

    def _as_queue(self, place: Place) -> tuple[Any, Any, Any]:
        """Return demand, servers, infinite where nobody waits, and load."""
        demand = place.visits * place.work / place.first
        servers = np.asarray(place.fastest / place.first, dtype=float)
        load = demand / (np.minimum(servers, self._holders) * place.counted)
        return demand, np.where(servers < self._holders, servers, np.inf), load

    def throughput(self, number: Any) -> Any:
        """Return the throughput of a number that need not be whole.

        Beyond all holders rounds go on growing as they did.
        """
        low = np.clip(np.nan_to_num(number), 0, self._holders - 1).astype(int)
        at, next_ = (np.take_along_axis(self._rounds, low + k, axis=0) for k in (0, 1))
        return number / (at + (number - low) * (next_ - at))

    def alike(self, throughput: Any) -> Any:
        """Return the number of holders with exponential service who do as much."""
        alone = sum(demand for _, demand, _, _ in self._places)
        free = sum(demand * (1 - 1 / servers) for _, demand, servers, _ in self._places)
        free = np.minimum(throughput * free, self._holders)
        queued = self._holders - free
        waiting = np.maximum(self._holders - throughput * alone, 0.0)
        others = np.sqrt(np.maximum(queued - 1, 0.0) ** 2 + free)
        added, spread = self._added(others)
        v = np.maximum(1 + added, _LEAST) ** (1 - spread / 4)
        more = self._holders - waiting + waiting / v
        return np.where(v < 1, more, free + queued / v)

    def _added(self, others: Any) -> tuple[Any, Any]:
        """Return what the SCVs add to the variability, where so many others are met.

        And the share of others that nobody waits for.
        """
        most = np.max(
            np.broadcast_arrays(
                *(np.where(np.isinf(c), 0.0, x) for _, _, c, x in self._places)
            ),
            axis=0,
        )
        total, spread, weight = (np.zeros(self._holders.shape) for _ in range(3))
        for place, _, servers, load in self._places:
            passed, delays, whole = (np.zeros(self._holders.shape) for _ in range(3))
            for other, _, there, x in self._places:
                if other is not place:
                    kept = -_KEPT * np.maximum(1 - place.scv, 0) * np.maximum(1 - other.scv, 0)
                    one = np.where(np.isinf(there), kept, _adds(other.scv, there, others))
                    passed, whole = passed + x**2 * one, whole + x**2
                    delays = delays + np.where(np.isinf(there), x**2, 0.0)
            own = np.where(np.isinf(servers), 0.0, (load / most) ** 4)
            whole = np.where(whole > 0, whole, 1.0)
            felt = _adds(place.scv, servers, others) + passed / whole
            total += np.where(own > 0, own * felt / 2, 0.0)
            spread += np.where(own > 0, own * delays / whole, 0.0)
            weight += own
        weight = np.where(weight > 0, weight, 1.0)
        return total / weight, spread / weight


def _adds(scv: Any, servers: Any, others: Any) -> Any:
    """Return what an SCV adds to the variability of a queue."""
    slow = np.where(scv > 1, 2.5 * scv * servers**0.8, 2 * (np.sqrt(servers) - 1))
    return (scv - 1) * others / (others + slow)


def permit_factor(pool: HeldPool, state: State) -> Any:
    """Return the wait for a permit over that of an exponential drain, by what service does."""
    inside, shape = pool.within, state.flow.shape
    queues = {name: place for name, place in inside.places.items() if not place.endless}
    alone = inside.once("moments", lambda: (inside.alone.mean, inside.alone.scv))
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.clip(alone[0] * state.limit / pool.servers, 0.0, 1.0)
        loads = [np.broadcast_to(p.visits * p.work / p.fastest, shape) for p in queues.values()]
    scvs = [np.broadcast_to(inside.result(n).station.service.scv, shape) for n in queues]
    first = np.argmax(np.array(loads), axis=0)[None]
    of_queue = np.take_along_axis(np.array(scvs), first, axis=0)[0]
    factor = (1 + free * alone[1] + (1 - free) * of_queue) / 2
    factor = np.where(np.isfinite(state.uneven), state.uneven / 2, factor)
    return np.where(np.isfinite(factor), factor, 1.0)[()]
