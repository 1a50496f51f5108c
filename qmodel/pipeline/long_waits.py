r"""Percentiles in a jam, in closed form: where a wait outlasts all else that a request meets.

The wait at a station over time is a mixture of gamma distributions
(`qmodel.transients.reading`). A transform of one that lasts minutes, give or take some seconds,
needs hundreds of points for its tail, and it need not be inverted: what else is in the latency,
with a small share :math:`\epsilon` of the variance, makes of each gamma distributed wait nearly
another one, of the sum of the means and of the variances. A percentile is off by at most
:math:`\epsilon^{3/2}` times the skewness of the rest, in standard deviations.

Requests that do not wait (those of other kinds, hits of a cache) keep their distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import Distribution, Gamma, Mixture, Scaled, Shifted, Sum
from qmodel.distributions.algebra import measure
from qmodel.distributions.broadcasting import select
from qmodel.distributions.percentiles import quantile

__all__ = ["percentiles"]

_SMALL = 0.01
"""Share of the variance that the rest may have."""

_RARE = 1e-6
"""Probability that does not count."""

_MOST_TERMS = 200


class _Way(NamedTuple):
    """One of the ways in which a request may come through: its long wait, and the rest.

    The wait is a constant time, `after` which comes one with a mean and a variance.
    """

    weight: Any
    after: Any
    mean: Any
    variance: Any
    rest: tuple[Distribution, ...]

    @property
    def waits(self) -> bool:
        """Whether there is a long wait on it."""
        return bool(np.any(self.variance))


def percentiles(distribution: Distribution, p: float, size: int) -> np.ndarray:
    """Return a percentile of a latency in each of `size` cells [s]."""
    ways = list(_ways(distribution))
    waits = [way for way in ways if way.waits]
    found = np.empty(size)
    inverted = np.arange(size)
    if waits and len(ways) <= _MOST_TERMS:
        times = [_joined(way) for way in waits]
        long = np.ones(size, dtype=bool)
        for way, time in zip(waits, times, strict=True):
            small = time.variance - way.variance <= _SMALL * time.variance
            long &= small | (np.asarray(way.weight) < _RARE)
        others = [(way.weight, Sum(way.rest)) for way in ways if not way.waits]
        weights = (*(way.weight for way in waits), *(weight for weight, _ in others))
        found[:] = measure(weights, (*times, *(other for _, other in others))).quantile(p)
        inverted = np.flatnonzero(~long)
    if inverted.size:
        # Where this is not it, it is next to it.
        start = found[inverted] if waits and len(ways) <= _MOST_TERMS else None
        exact = select(distribution, (size,), inverted)
        found[inverted] = exact.quantile(p) if start is None else quantile(exact, p, start)
    return found


def _joined(way: _Way) -> Distribution:
    """Return the time of a way, as a gamma distribution."""
    mean = way.mean + sum(distribution.mean for distribution in way.rest)
    variance = way.variance + sum(distribution.variance for distribution in way.rest)
    time = Gamma(mean, variance / mean**2)
    return Shifted(time, way.after) if np.any(way.after) else time


def _ways(distribution: Distribution) -> Iterator[_Way]:
    """Yield the ways through a distribution."""
    if isinstance(distribution, Gamma):
        yield _Way(1.0, 0.0, distribution.mean, distribution.variance, ())
    elif isinstance(distribution, Shifted):
        for way in _ways(distribution.distribution):
            yield (
                way._replace(after=way.after + distribution.by)
                if way.waits
                else _plain(distribution, way)
            )
    elif isinstance(distribution, Scaled):
        for way in _ways(distribution.distribution):
            rest = tuple(Scaled(time, distribution.factor) for time in way.rest)
            after, mean = distribution.factor * way.after, distribution.factor * way.mean
            yield _Way(way.weight, after, mean, distribution.factor**2 * way.variance, rest)
    elif isinstance(distribution, Mixture):
        found = [
            way._replace(weight=p * way.weight)
            for p, time in zip(
                distribution.probabilities, distribution.distributions, strict=True
            )
            for way in _ways(time)
        ]
        yield from (
            found
            if any(way.waits for way in found)
            else [_Way(1.0, 0.0, 0.0, 0.0, (distribution,))]
        )
    elif isinstance(distribution, Sum):
        yield from _in_sequence(distribution)
    else:
        yield _shortly(distribution)


def _shortly(distribution: Distribution) -> _Way:
    return _Way(1.0, 0.0, 0.0, 0.0, (distribution,))


def _plain(distribution: Shifted, way: _Way) -> _Way:
    return way._replace(rest=(Shifted(Sum(way.rest), distribution.by),))


def _in_sequence(distribution: Sum) -> Iterator[_Way]:
    found = [_Way(1.0, 0.0, 0.0, 0.0, ())]
    variances = np.broadcast_arrays(*(time.variance for time in distribution.distributions))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [np.max(v / sum(variances), initial=0.0) for v in variances]
    for time, share in zip(distribution.distributions, shares, strict=True):
        # What is never more than a little of the variance is told apart nowhere.
        more = list(_ways(time)) if share > _SMALL else [_shortly(time)]
        if len(found) * len(more) > _MOST_TERMS:
            more = [_shortly(time)]
        found = [
            _Way(
                one.weight * other.weight,
                one.after + other.after,
                one.mean + other.mean,
                one.variance + other.variance,
                one.rest + other.rest,
            )
            for one in found
            for other in more
        ]
    yield from found
