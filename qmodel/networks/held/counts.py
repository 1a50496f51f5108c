r"""How many holders a pool has, and where they are: the open network inside, cut at P holders.

Let :math:`q_k(j)` be the probability of j at station k inside if nothing limited their number.
With n requests inside, a product form has them at the stations with weights
:math:`\prod_k q_k(j_k)`, so that with the convolution :math:`C = q_1 * q_2 * \dots`, P permits
and one queue in front (flow equivalence [1]_),

.. math::

    X(P) = \lambda \frac{C(P - 1)}{C(P)}, \qquad
    p_n = \begin{cases} C(n) / Z & n \le P \\ p_P \, (\lambda / X(P))^{n - P} & n > P
    \end{cases} ,

for any :math:`\lambda`: only the ratios of the weights count. An arrival meets n with
probability :math:`p_n`. It waits if :math:`n \ge P`, for an exponential time of rate
:math:`X(P) - \lambda`, and then enters among P - 1 others; below P it enters at once. What it
meets at station k among m others is :math:`q_k(j) C_{-k}(m - j) / C(m)` (the arrival theorem
[2]_). The two cases are kept apart: who has waited also meets full queues inside.

Where only a share f of those present count as holders, as others use the station too, or as a
holder is at several stations at once, :math:`q_k` is thinned by f, in closed form for c equal
servers (`_beside`), and what holders meet there is not limited by the pool.

References
----------
.. [1] K. M. Chandy, U. Herzog, L. Woo, "Parametric analysis of queuing networks", IBM Journal
   of Research and Development 19, 1975.
.. [2] S. S. Lavenberg, M. Reiser, "Stationary state probabilities at arrival instants for
   closed queueing networks with multiple types of customers", Journal of Applied Probability
   17, 1980.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import Distribution
from qmodel.networks.held.variability import varied_throughput
from qmodel.numerics.roots import increasing_root

__all__ = ["Counts", "Met", "Place", "counts", "curve", "saturation", "shape_of"]

_LEAST = 1e-18
"""A probability that counts as zero."""


class Place(NamedTuple):
    """A station inside, as it counts."""

    visits: Any
    """Mean visits of a holder. [-]"""
    work: Any
    """Mean work of a visit, at speed 1. [s]"""
    servers: Any = np.inf
    """Number of equal servers; inf where nobody waits. [-]"""
    speeds: tuple[Any, ...] | None = None
    """Speed with 1, 2, ... present, the last of which goes on; None for equal servers. [-]"""
    counted: Any = 1.0
    """Share of those present who count as holders of a permit. [-]"""
    pool: Any = None
    """The pool that it is, if it is one."""
    service: Distribution | None = None
    """The shape of a service, as far as the throughput depends on it; None if exponential."""

    @property
    def scv(self) -> Any:
        """SCV of a service, as far as the throughput depends on it. [-]."""
        return 1.0 if self.service is None else self.service.scv

    @property
    def endless(self) -> bool:
        """Whether nobody waits."""
        return self.speeds is None and np.ndim(self.servers) == 0 and self.servers == np.inf

    @property
    def first(self) -> Any:
        """Speed with one present. [-]."""
        return 1.0 if self.speeds is None else self.speeds[0]

    @property
    def limited(self) -> bool:
        """Whether the pool limits the number there, so that it says what holders meet."""
        return not self.endless and bool(np.all(np.asarray(self.counted) == 1))

    @property
    def fastest(self) -> Any:
        """Speed with many present. [-]."""
        return self.servers if self.speeds is None else self.speeds[-1]


class Met(NamedTuple):
    """What a holder meets at a station: probabilities of 0, 1, ... others, in cells."""

    at_once: Any
    """Of those that found a permit."""
    waited: Any
    """Of those that waited for one."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The state of a pool in cells.

    Parameters
    ----------
    full : array
        Probability that all permits are taken. [-]
    holders : array
        Mean number of permits in use. [-]
    present : array
        Mean number of requests, those that wait included. [-]
    inside : array of shape (P + 1, ...)
        Probability of each number of holders. [-]
    met : mapping of str to Met
        What a holder meets at each place. [-]
    parts : mapping of str to tuple
        Weights of the numbers at each place, and of those at all others. [-]
    whole : array
        Weights of the numbers of holders. [-]
    """

    full: Any
    holders: Any
    present: Any
    inside: Any
    met: dict[str, Met]
    parts: dict[str, tuple[Any, Any]]
    whole: Any

    def among(self, others: Any) -> dict[str, Any]:
        """Return what is met at each place among 0, 1, ... others with these probabilities."""
        size = len(self.whole)
        given = np.zeros((size, *self.whole.shape[1:]))
        given[: min(size, len(others))] = others[:size]
        found = {}
        with np.errstate(divide="ignore", invalid="ignore"):
            given = np.where(self.whole > 0, given / self.whole, 0.0)
        for name, (own, rest) in self.parts.items():
            met = np.zeros_like(given)
            for j in range(size):
                met[j] = own[j] * (given[j:] * rest[: size - j]).sum(axis=0)
            found[name] = _sure(met)
        return found


def _weights(place: Place, flow: Any, most: int) -> Any:
    """Return weights of 0, ..., `most` holders at a place, the greatest of them 1."""
    load = flow * place.visits * place.work
    tail = (-1, *[1] * np.ndim(load))
    n = np.arange(most + 1).reshape(tail)
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.where(n == 0, 0.0, n * np.log(load))
        if not place.endless and np.any(np.asarray(place.counted) != 1):
            others = load * (1 / np.asarray(place.counted) - 1)
            logs = grown + _beside(n, others, np.asarray(place.fastest, dtype=float))
        else:
            if place.speeds is None:
                speeds: Any = np.minimum(n[1:], place.servers)  # all of them, of endless ones
            else:
                shape, last = np.shape(load), len(place.speeds)
                used = (place.speeds[min(i, last) - 1] for i in range(1, most + 1))
                speeds = np.stack([np.broadcast_to(x, shape) for x in used])
            steps = np.cumsum(np.log(speeds), axis=0)
            logs = grown - np.concatenate([np.zeros((1, *steps.shape[1:])), steps])
    return np.exp(logs - logs.max(axis=0))


def _beside(n: Any, others: Any, servers: Any) -> Any:
    """Return logs of the weights of n requests at servers that a Poisson load uses, too."""
    from scipy.special import betainc, gammaln, logsumexp, xlogy

    rho = others / servers
    below = np.arange(int(np.max(servers))).reshape(-1, *[1] * np.ndim(rho + n))
    full = xlogy(servers, servers) - gammaln(servers + 1) - n * np.log(servers)
    spread = full - xlogy(n + 1, 1 - rho)  # more than c present, whoever they are
    few = servers - n
    part = np.where(few > 0, betainc(np.maximum(few, 1e-9), n + 1.0, np.minimum(rho, 1.0)), 1.0)
    terms = np.where(below < few, xlogy(below, others) - gammaln(below + 1.0), -np.inf)
    return np.logaddexp(spread + np.log(part), logsumexp(terms, axis=0) - gammaln(n + 1.0))


def _convolved(first: Any, second: Any) -> Any:
    """Return the convolution of two sequences in cells, cut to the length of the first."""
    size = len(first)
    # The shorter one, as it counts, is run through.
    ends = [
        int(np.max(np.nonzero(np.max(x.reshape(size, -1), axis=1) > _LEAST)[0], initial=0))
        for x in (first, second)
    ]
    if ends[0] < ends[1]:
        first, second, ends = second, first, ends[::-1]
    if first.ndim == second.ndim == 1:
        return np.convolve(first, second[: ends[1] + 1])[:size]
    found = np.zeros(np.broadcast_shapes(first.shape, second.shape))
    for j in range(ends[1] + 1):
        found[j:] += second[j] * first[: size - j]
    return found


def _all(weights: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Return the convolution of all, and for each place that of all others."""
    first = np.zeros_like(weights[0])
    first[0] = 1.0
    before = [first]
    for w in weights:
        before.append(_convolved(before[-1], w))
    others, behind = [], first
    for w, rest in zip(reversed(weights), reversed(before[:-1]), strict=True):
        others.append(_convolved(rest, behind))
        behind = _convolved(behind, w)
    return before[-1], others[::-1]


def _at(values: Any, index: Any) -> Any:
    """Return the entries of a sequence in cells at an index by cell; 0 below the first."""
    index = np.broadcast_to(index, np.broadcast_shapes(np.shape(index), (1, *values.shape[1:])))
    found = np.take_along_axis(values, np.maximum(index, 0), axis=0)
    return np.where(index < 0, 0.0, found)


def shape_of(permits: Any, places: Mapping[str, Place], *more: Any) -> tuple[int, ...]:
    """Return the shape of the cells of a pool."""
    values = [permits, *more]
    for place in places.values():
        values += [place.visits, place.work, place.servers, place.counted]
        values += place.speeds or ()
    return np.broadcast_shapes(*map(np.shape, values))


def saturation(permits: Any, places: Mapping[str, Place]) -> Any:
    """Return the rate at which a pool saturates, X(P). [1/s].

    Parameters
    ----------
    permits : int or integer array
        Permits, >= 1. [-]
    places : mapping of str to Place
        The stations inside. [-]

    Returns
    -------
    number or array
        The rate. [1/s]
    """
    shape = shape_of(permits, places)
    p = np.broadcast_to(np.asarray(permits, dtype=int), shape)
    most, (first, cap) = int(p.max()), _asymptotes(p, places)

    def ratio(flow: Any) -> Any:
        ends = _at(_whole(places, flow, most), np.stack([p - 1, p]))
        with np.errstate(divide="ignore", invalid="ignore"):
            # Far below saturation the last weights are nothing.
            return np.where(ends[1] > 0, ends[0] / ends[1], np.inf)

    def varied(flow: Any) -> Any:
        rates = _rates(places, flow, most, p, first)
        return varied_throughput(rates, p[np.newaxis], first / p, cap, places.values())[0]

    if not any(np.any(np.asarray(place.counted) != 1) for place in places.values()):
        # Between the two asymptotes all weights are of one size.
        guess = (first**-4.0 + cap**-4.0) ** -0.25
        return varied(guess)[()]
    # What others bring grows with the load: the rate at which it is its own limit.
    high = np.minimum(cap * (1 - 1e-9), first)
    found = increasing_root(lambda x: 1 - ratio(x), 1e-9 * high, high, rtol=1e-12)
    return varied(found)[()]


def curve(permits: Any, places: Mapping[str, Place]) -> Any:
    """Return the throughput with 1, ..., P inside, and from P on the same. [1/s]."""
    shape = shape_of(permits, places)
    p = np.broadcast_to(np.asarray(permits, dtype=int), shape)
    most, (first, cap) = int(p.max()), _asymptotes(p, places)
    flow = (first**-4.0 + cap**-4.0) ** -0.25
    n = np.arange(1, most + 1).reshape(-1, *[1] * len(shape))
    found = _rates(places, flow, most, p, first)
    all_ = np.broadcast_to(n, found.shape)
    found = varied_throughput(found, all_, first / p, cap, places.values())
    return np.where(n <= p, found, _at(found, p[None] - 1))


def _rates(places: Mapping[str, Place], flow: Any, most: int, p: Any, first: Any) -> Any:
    """Return the throughput of 1, ..., `most` holders whose service is exponential."""
    whole = _whole(places, flow, most)
    n = np.arange(1, most + 1).reshape(-1, *[1] * np.ndim(p))
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where weights are too small for their digits, nobody waits.
        return np.where(whole[:-1] > 1e-290, flow * whole[:-1] / whole[1:], n / p * first)


def _asymptotes(p: Any, places: Mapping[str, Place]) -> tuple[Any, Any]:
    """Return P over the time held alone, and what the slowest station can."""
    own = sum(place.visits * place.work / place.first for place in places.values())
    cap: Any = np.full(p.shape, np.inf)
    for place in places.values():
        if not place.endless:
            with np.errstate(divide="ignore"):  # a station that nobody visits is no limit
                most = place.fastest * place.counted / np.asarray(place.visits * place.work)
            cap = np.minimum(cap, most)
    return p / np.asarray(own + np.zeros(p.shape)), cap


def _whole(places: Mapping[str, Place], flow: Any, most: int) -> Any:
    """Return the weights of 0, ..., `most` holders in all."""
    shape = (most + 1, *np.shape(flow))
    own = [np.broadcast_to(_weights(place, flow, most), shape) for place in places.values()]
    return _all(own)[0]


def counts(permits: Any, places: Mapping[str, Place], flow: Any, limit: Any) -> Counts:
    """Return the state of a pool below saturation.

    Parameters
    ----------
    permits : int or integer array
        Permits, >= 1. [-]
    places : mapping of str to Place
        The stations inside. [-]
    flow : array
        Poisson arrivals, below `limit`. [1/s]
    limit : array
        The rate at which the pool saturates. [1/s]

    Returns
    -------
    Counts
        Means, and what holders meet inside.
    """
    shape = shape_of(permits, places, flow, limit)
    p = np.broadcast_to(np.asarray(permits, dtype=int), shape)
    most = int(p.max())
    flow, limit = np.broadcast_to(flow, shape), np.broadcast_to(limit, shape)
    names = list(places)
    weights = [
        np.broadcast_to(_weights(places[name], flow, most), (most + 1, *shape))
        for name in names
    ]
    whole, others = _all(weights)
    n = np.arange(most + 1).reshape(-1, *[1] * len(shape))
    inside = np.where(n < p, whole, 0.0)
    last, spare = _at(whole, p[None])[0], 1 - flow / limit
    full = last / spare
    total = inside.sum(axis=0) + full
    inside = (inside + np.where(n == p, full, 0.0)) / total
    full = full / total
    met: dict[str, Met] = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, w, rest in zip(names, weights, others, strict=True):
            if not places[name].limited:
                continue
            sums = np.cumsum(rest, axis=0)
            free, taken = w * _at(sums, p - 1 - n), w * _at(rest, p - 1 - n)
            met[name] = Met(_sure(free), _sure(taken))
    beyond = full * (flow / limit) / spare
    holders = (n * inside).sum(axis=0)
    parts = {
        name: (w, rest)
        for name, w, rest in zip(names, weights, others, strict=True)
        if places[name].limited
    }
    return Counts(full, holders, holders + beyond, inside, met, parts, whole)


def _sure(weights: Any) -> Any:
    """Return probabilities from weights; where there are none, nobody is met."""
    mass = weights.sum(axis=0)
    found = weights / np.where(mass > 0, mass, 1.0)
    found[0] += mass == 0
    return found
