r"""What service that is not exponential makes of a pool: of its limit, and of its waits.

With P holders inside, nothing is lost below the two asymptotes of a closed network: a round
takes at least :math:`b = \max(T, P D)`, T the time without queues and D that of the station
that limits the throughput, over its servers. What a round takes beyond that is taken as the
mean of the positive part of a normal variable (our heuristic), whose deviation
:math:`\sigma` is found from the exponential network, where all is known:

.. math::

    \frac{P}{X} = b + \sigma \, \psi\Bigl(\frac{|T - P D|}{\sigma}\Bigr), \qquad
    \psi(x) = \varphi(x) - x \, \Phi(-x) .

Service of SCV :math:`c_s^2` multiplies :math:`\sigma^2` by

.. math::

    v = \begin{cases} 1 - (1 - c/P) \, \bigl(1 - \tfrac12 (c_a^2 + c_s^2)\bigr), \quad
    c_a^2 = 1 - 0.7 (1 - c_s^2) (1 - c_z^2)^+ & c_s^2 \le 1 \\
    (c_s^2)^{0.3 (1 - c/P)} & c_s^2 > 1 \end{cases}

at c servers, as not more than P - c can wait; the SCV :math:`c_z^2` of the time elsewhere says
how much of the order of the departures is left when they come back. Several stations count by
the fourth power of their loads. It is exact for exponential service, without queues, and far
above saturation.

The wait for a permit is multiplied by that of M/G/P over M/M/P [1]_, with the SCV of the time
for which permits are held, as far as permits are the limit, and by :math:`(1 + c_s^2) / 2` as
far as the station is.

References
----------
.. [1] T. Kimura, "A two-moment approximation for the mean waiting time in the GI/G/s queue",
   Management Science 32, 1986.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from qmodel.numerics.roots import increasing_root
from qmodel.queues.approximations.interpolated_waits import kimura

if TYPE_CHECKING:
    from qmodel.networks.held_counts import Place
    from qmodel.networks.held_pool import HeldPool
    from qmodel.networks.held_states import State

__all__ = ["permit_factor", "varied_throughput"]

_NONE = 1e-12
"""A part of a round that is rounding."""

_MOST = 16.0
"""An SCV beyond which a throughput, which has a limit, is not extrapolated."""


def varied_throughput(
    throughput: Any, holders: Any, first: Any, cap: Any, places: Iterable[Place]
) -> Any:
    """Return the throughput with general service from that with exponential service.

    Parameters
    ----------
    throughput : array
        Throughput with exponential service. [1/s]
    holders : array
        Requests inside, >= 1. [-]
    first, cap : array
        Throughput without queues, and of the slowest station. [1/s]
    places : iterable of Place
        The stations inside. [-]

    Returns
    -------
    array
        The throughput. [1/s]
    """
    variance = _variance(holders, list(places))
    if np.all(np.abs(variance - 1) < _NONE):
        return throughput
    with np.errstate(divide="ignore", invalid="ignore"):
        least = holders / np.minimum(first, cap)
        apart = np.abs(holders / first - holders / cap)
        beyond = holders / throughput - least
        counts = beyond > _NONE * least
        beyond, apart = np.where(counts, beyond, 1.0), np.where(counts, apart, 0.0)
        spread = increasing_root(
            lambda s: _beyond(s, apart) - beyond, 2.5 * beyond, 2.6 * beyond + 1.3 * apart
        )
        varied = holders / (least + _beyond(spread * np.sqrt(variance), apart))
    return np.where(counts, varied, throughput)[()]


def _beyond(spread: Any, apart: Any) -> Any:
    """Return the mean of what a normal variable of this deviation is above `apart`."""
    x = apart / spread
    return spread * (np.exp(-x * x / 2) / np.sqrt(2 * np.pi) - x * ndtr(-x))


def _variance(holders: Any, places: list[Place]) -> Any:
    """Return the variance of what a round takes beyond its asymptotes, over exponential."""
    queues = [place for place in places if not place.endless]
    if all(np.all(np.asarray(place.scv) == 1) for place in queues):
        return np.asarray(1.0)
    loads = [place.visits * place.work / (place.fastest * place.counted) for place in queues]
    most: Any = np.asarray(0.0)
    for load in loads:
        most = np.maximum(most, load)
    total: Any = 0.0
    weight: Any = 0.0
    for place, load in zip(queues, loads, strict=True):
        elsewhere = [other for other in places if other is not place]
        waiting = np.maximum(1 - place.fastest / holders, 0.0)
        own = (load / np.where(most > 0, most, 1.0)) ** 4
        total = total + own * _of_one(place.scv, waiting, _scv(elsewhere))
        weight = weight + own
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), 1.0)


def _of_one(scv: Any, waiting: Any, elsewhere: Any) -> Any:
    """Return it of one station, where a share of the holders may be `waiting`."""
    few = np.minimum(scv, 1.0)
    arrivals = 1 - 0.7 * (1 - few) * np.maximum(1 - elsewhere, 0.0)
    regular = 1 - waiting * (1 - (arrivals + few) / 2)
    return np.where(scv > 1, np.clip(scv, 1.0, _MOST) ** (0.3 * waiting), regular)


def _scv(places: list[Place]) -> Any:
    """Return the SCV of the time at places without queues; 1 where there are none."""
    mean: Any = sum((p.visits * p.work for p in places), np.asarray(0.0))
    variance: Any = sum((p.visits * p.work**2 * p.scv for p in places), np.asarray(0.0))
    return np.where(mean > 0, variance / np.where(mean > 0, mean, 1.0) ** 2, 1.0)


def permit_factor(pool: HeldPool, state: State, chain_scv: Any) -> Any:
    """Return the wait for a permit over that of a chain, by what service makes of it.

    `chain_scv` is the SCV of the time held in the chain; None for completions of a full pool
    that come as a Poisson stream.
    """
    inside, shape = pool.within, state.flow.shape
    queues = {name: place for name, place in inside.places.items() if not place.endless}
    alone = inside.once("moments", lambda: (inside.alone.mean, inside.alone.scv))
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.clip(alone[0] * state.limit / pool.servers, 0.0, 1.0)
        loads = [np.broadcast_to(p.visits * p.work / p.fastest, shape) for p in queues.values()]
    scvs = [np.broadcast_to(inside.result(n).station.service.scv, shape) for n in queues]
    first = np.argmax(np.array(loads), axis=0)[None]
    of_queue = np.take_along_axis(np.array(scvs), first, axis=0)[0]
    if chain_scv is None or np.all(of_queue == 1):
        factor = 1 + free * alone[1] + (1 - free) * of_queue
        factor = factor / (2 if chain_scv is None else 2 - free + free * chain_scv)
    else:
        busy = np.max(np.array(loads), axis=0) * state.limit
        queue, own, chained = (
            _part_of_queue(free, busy),
            *(_of_permits(pool, state, scv) for scv in (alone[1], chain_scv)),
        )
        factor = (1 - queue) * own + queue * (1 + of_queue) / 2
        factor = factor / ((1 - queue) * chained + queue)
    return np.where(np.isfinite(factor), factor, 1.0)[()]


def _part_of_queue(free: Any, busy: Any) -> Any:
    """Return how much the limit is that of a queue inside, by how near it is to either."""
    permits, queue = np.maximum(1 - busy, 0.0) ** 2, (1 - free) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return queue / (queue + permits)


def _of_permits(pool: HeldPool, state: State, scv: Any) -> Any:
    """Return the wait of M/G/P with this SCV over that of M/M/P."""
    with np.errstate(divide="ignore", invalid="ignore"):
        load = pool.servers * np.where(state.known, state.flow / state.limit, np.nan)
        general, plain = (
            kimura(load, 1.0, servers=pool.servers, arrival_scv=1.0, service_scv=x)
            for x in (scv, 1.0)
        )
        return np.where(plain > 0, general / plain, 1.0)
