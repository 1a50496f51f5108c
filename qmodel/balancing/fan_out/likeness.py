r"""How like the times at queues are that the same requests load: waits are, services are not.

The waits of two such queues depend on one normal factor z that they have in common, their
services are independent. With the probability q(w, z) to wait longer than w given z,

.. math::

    P(W + S > t \mid z) = E\big[q(t - S, z)\big],

and the times are independent. Of stations to which all requests come, q follows from when they
came (`qmodel.balancing.fan_out.common_arrivals`). Of several stations in a row, and where some
requests come to one station only, waits have normal scores of one correlation :math:`\kappa`
(`qmodel.balancing.fan_out.fork_join`),

.. math::

    q(w, z) = \Phi\Big( \frac{\Phi^{-1}(\bar F_W(w)) + \sqrt \kappa z}{\sqrt{1 - \kappa}} \Big).

Who is late by a long service is late alone, who is late by a long wait is late together with
others; a service that has a longest time cannot make a request later than that. Ours; the
distribution of one time is not touched: a shift of all scores at t gives it back, whatever the
tables have lost.

**Numerics.** The expectation is a sum over differences of the distribution of S between 88 or
96 waits. The score of P(W + S > t | z) is a line between scores of t that are 0.2 apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.balancing.fan_out.common_arrivals import FACTOR, waits_given
from qmodel.distributions import Distribution, Sum
from qmodel.distributions.broadcasting import shape_of, whole

__all__ = [
    "SCORES",
    "Likeness",
    "common_factor",
    "correlation_of_waits",
    "likeness",
    "over",
    "scores_of_times",
]

_FARTHEST, _STEP = 8.4, 0.2
SCORES = np.linspace(-_FARTHEST, _FARTHEST, round(2 * _FARTHEST / _STEP) + 1)
_WAITS = np.concatenate([[0.0], np.geomspace(0.03, 40.0, 95)])
_BODY = np.linspace(-3.0, 3.0, 13)
"""Scores of services at which times are looked at that have hardly waited."""
_CLOSEST = 0.998
_WIDEST = 8.0
_STEPS = (0.5, 0.25, 0.125, 0.0625, 0.03125)


def common_factor(correlation: Any) -> tuple[Any, Any]:
    """Return values of the common factor and their weights, close enough for a correlation."""
    largest = np.nanmax(correlation, initial=0.0)
    tight = np.sqrt((1 - largest) / max(largest, 1e-300))
    step = next((h for h in _STEPS if h <= 0.7 * tight), _STEPS[-1])
    z = np.arange(-_WIDEST, _WIDEST + step / 2, step)
    weights = np.exp(-z * z / 2)
    return z, weights / weights.sum()


@dataclass(frozen=True, eq=False)
class Likeness:
    """Scores of times given a factor that they have in common, by the score of the time.

    Parameters
    ----------
    largest : number or array
        Correlation of the scores of the waits. [-]
    cell : int or integer array
        Where in the table a cell is. [-]
    table : array
        Scores given the factor: at scores from -8.4 to 8.4, of each cell, at values of the
        factor of the largest correlation. [-]
    """

    largest: Any
    cell: Any
    table: np.ndarray = whole()  # noqa: RUF009

    def factor(self) -> tuple[np.ndarray, np.ndarray]:
        """Return values of the factor, and their weights."""
        return common_factor(np.minimum(self.largest, _CLOSEST))

    def given(self, score: Any, weights: np.ndarray) -> tuple[Any, Any]:
        """Return scores given the factor, along a new last axis, and how fast they grow."""
        score = np.nan_to_num(score) + 0.0 * np.asarray(self.largest)
        found, slope = self._kept(score, weights)
        # Beyond the table, of which nothing is seen, as of normal times.
        far = (np.abs(score) > _FARTHEST)[..., None]
        apart = np.sqrt(1 - np.asarray(self.largest))
        z = np.linspace(-_WIDEST, _WIDEST, len(weights))
        normal = (score / apart)[..., None] + (np.sqrt(self.largest) / apart)[..., None] * z
        return np.where(far, normal, found), np.where(far, (1 / apart)[..., None], slope)

    def _kept(self, score: Any, weights: np.ndarray) -> tuple[Any, Any]:
        """Return what the table has, shifted so that the distribution of one time is kept."""
        found, slope = self._apart(score, weights)
        found, density = _shifted(found, score, weights, 2)
        own = _density(score) - over(density * slope, weights)
        total = over(density, weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            turned = np.where(total > 0, own / total, 0.0)
        return found, slope + turned[..., None]

    def _apart(self, score: Any, weights: np.ndarray) -> tuple[Any, Any]:
        """Return scores given the factor, from the table, and how fast they grow."""
        place = (score + _FARTHEST) / _STEP
        below = np.clip(place.astype(int), 0, len(SCORES) - 2)
        cell = np.broadcast_to(self.cell, score.shape)
        first, second = (
            _at_points(self.table[i, cell], len(weights)) for i in (below, below + 1)
        )
        return first + (place - below)[..., None] * (second - first), (second - first) / _STEP


def _at_points(table: np.ndarray, points: int) -> np.ndarray:
    """Return a table at more values of the factor, or at fewer of the same."""
    table = table[..., :: max(1, (table.shape[-1] - 1) // (points - 1))]
    while table.shape[-1] < points:
        finer = np.empty((*table.shape[:-1], 2 * table.shape[-1] - 1))
        finer[..., ::2] = table
        finer[..., 1::2] = (table[..., 1:] + table[..., :-1]) / 2
        table = finer
    return table


def over(values: Any, weights: np.ndarray) -> Any:
    """Return the mean over the factor, whose weights may differ between cells."""
    if weights.ndim == 1:
        return values @ weights
    return np.einsum("...z,...z->...", values, weights)


def _density(score: Any) -> Any:
    return np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi)


def _shifted(given: Any, score: Any, weights: Any, steps: int) -> tuple[Any, Any]:
    """Return scores that the factor leaves at `score` in all, and their densities."""
    from scipy.special import ndtr, ndtri

    for _ in range(steps):
        total = over(_density(given), weights)
        found = ndtri(np.minimum(over(ndtr(given), weights), 1.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = (score - found) * _density(found) / total
        shift = np.where(np.isfinite(shift), np.clip(shift, -0.5, 0.5), 0.0)
        given = given + shift[..., None]
    return given, _density(given)


def correlation_of_waits(service: Distribution, wait: Distribution) -> Any:
    """Return the correlation of the waits at two stations that the same requests load.

    Parameters
    ----------
    service, wait : Distribution
        Service and wait at one of them. [-]

    Returns
    -------
    number or array
        The correlation, NaN where nobody waits. [-]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, variance = np.asarray(wait.mean), np.asarray(wait.variance)
        heavy = np.where(variance > 0, mean**2 / variance, 0.0)
        heavy = np.where(np.isfinite(heavy), np.minimum(heavy, 1.0), 0.0)
        driver = 1 / (1 + np.asarray(service.scv))
        return (1 - heavy) * _left_alone(service) + heavy * driver * (0.8 + 0.2 * driver)


def _left_alone(service: Distribution) -> Any:
    """Return the correlation of waits that single requests leave behind, L."""
    # Mean excesses at ages even in the logarithm, from the far end on.
    unit = np.geomspace(1e-4, 1e4, 1200).reshape(-1, *[1] * np.ndim(service.mean))
    age = unit * service.mean
    late = np.asarray(service.tail(age), dtype=float)
    width = np.diff(age, axis=0)
    steps = width * (late[1:] + late[:-1]) / 2
    excess = np.concatenate([np.cumsum(steps[::-1], axis=0)[::-1], 0 * late[:1]])
    square, moment = (
        (width * (x[1:] + x[:-1]) / 2).sum(axis=0) + age[0] * first
        for x, first in ((excess**2, excess[0] ** 2), (excess * age, 0.0))
    )
    return square / (2 * moment)


def _tail_of(service: Distribution) -> Callable[[Any], Any]:
    """Return the tail of a service; of one that is inverted, between points."""
    if not isinstance(service, Sum) or shape_of(service):
        return service.tail
    points = service.mean * np.concatenate(
        [np.linspace(0, 8, 401), np.geomspace(8.2, 1e5, 100)]
    )
    values = service.tail(points)
    return lambda t: np.interp(t, points, values)


def _normal(
    wait: Distribution, of_waits: Any, z: Any, cells: tuple[int, ...]
) -> tuple[Any, Any]:
    """Return waits, and the scores of being longer given the factor, of normal scores."""
    from scipy.special import ndtri

    late = np.asarray(1 - np.asarray(wait.atom), dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.broadcast_to(np.asarray(wait.mean) / late, cells)
    unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
    waits = _WAITS.reshape(-1, *[1] * len(cells)) * unit
    still = np.array(np.broadcast_to(wait.tail(waits), waits.shape), dtype=float)
    still[0] = late
    score = ndtri(np.clip(still, 1e-300, 1 - 1e-16))
    root, own = (np.broadcast_to(np.sqrt(x), cells) for x in (of_waits, 1 - of_waits))
    return waits, ((score + 0 * root) / own)[..., None] + (root / own)[..., None] * z


def _at(given: Any, z: Any) -> Any:
    """Return scores at other values of the factor; beyond all, on straight lines."""
    place = (z - FACTOR[0]) / (FACTOR[1] - FACTOR[0])
    first = np.clip(place.astype(int), 0, len(FACTOR) - 2)
    return given[..., first] + (place - first) * (given[..., first + 1] - given[..., first])


def likeness(
    wait: Distribution,
    service: Distribution,
    time: Distribution,
    of_waits: Any,
    arrivals: tuple[Any, Any] | None = None,
) -> Likeness:
    """Return how like times at a station and at another one like it are.

    Parameters
    ----------
    wait, service : Distribution
        The two that the time is the sum of. [-]
    time : Distribution
        The time. [-]
    of_waits : number or array
        Correlation of the scores of the waits. [-]
    arrivals : tuple of number or array, optional
        Rate of the requests and number of servers, where all that the waits have in common is
        that all these requests come to all stations. [1/s], [-]

    Returns
    -------
    Likeness
        The scores of times, given what they have in common. [-]
    """
    of_waits = np.minimum(np.asarray(of_waits, dtype=float), _CLOSEST)
    z, weights = common_factor(of_waits)
    cells = np.broadcast_shapes(np.shape(of_waits), np.shape(time.mean))
    if arrivals is None:
        waits, given = _normal(wait, of_waits, z, cells)
    else:
        waits, given = waits_given(
            wait, service, _tail_of(service), *arrivals, np.broadcast_to(of_waits, cells)
        )
        given = _at(given, z)
    table = scores_of_times(waits, given, service, time, weights)
    alike = (np.broadcast_to(of_waits, cells) > 0)[..., None] & np.isfinite(table)
    table = np.where(alike, table, SCORES.reshape(-1, *[1] * (len(cells) + 1)))
    cell = np.arange(max(1, math.prod(cells))).reshape(cells)[()]
    return Likeness(of_waits[()], cell, table.reshape(len(table), -1, len(z)))


def scores_of_times(
    waits: Any, given: Any, service: Distribution, time: Distribution, weights: np.ndarray
) -> Any:
    """Return the scores of times given what waits have in common, where one has `SCORES`.

    Parameters
    ----------
    waits, given : array
        Waits of each cell, and the scores of longer ones given the factor. [-]
    service, time : Distribution
        What is added to a wait, and the time of both. [-]
    weights : array
        Of the factor; of cells along the axes before the last. [-]

    Returns
    -------
    array
        Along the first axis of `SCORES`, and along the last of the factor.
    """
    from scipy.special import ndtr, ndtri

    tail, cells = _tail_of(service), waits.shape[1:]
    still = ndtr(given)
    body = np.asarray(service.quantile(ndtr(_BODY).reshape(-1, *[1] * len(cells))))
    body = np.broadcast_to(body, (len(_BODY), *cells))
    times = np.concatenate([body, body[0] + waits[1::4], body[-1] + waits[1::4]])
    times = np.sort(times, axis=0)
    left = times[:, None] - waits
    done = np.where(left < 0, 0.0, 1 - np.asarray(tail(np.maximum(left, 0.0))))
    begun, longer = np.diff(-done, axis=1), (still[1:] + still[:-1]) / 2
    found = np.einsum("tw...,w...z->t...z", begun, longer)
    found = found + np.asarray(tail(times))[..., None]
    given = ndtri(np.clip(found, 1e-300, 1 - 1e-11))  # Sums round.
    scores = np.clip(
        ndtri(np.clip(np.asarray(time.tail(times)), 1e-300, 1 - 1e-16)), -_FARTHEST, _FARTHEST
    )
    # From the score of each time to even ones: times rise, scores fall.
    even = SCORES.reshape(-1, *[1] * len(cells))
    behind = np.clip((scores[None] > even[:, None]).sum(axis=1), 1, len(times) - 1)
    x0, x1 = (np.take_along_axis(scores, i, axis=0) for i in (behind - 1, behind))
    y0, y1 = (np.take_along_axis(given, i[..., None], axis=0) for i in (behind - 1, behind))
    width = np.where(x0 > x1, x0 - x1, 1.0)
    part = np.clip((x0 - even) / width, 0.0, 1.0)[..., None]
    # Beyond the times, and where nobody waits, as far apart as scores are.
    beyond = np.where(even > x0, even - x0, np.minimum(even - x1, 0.0))[..., None]
    table = y0 + part * (y1 - y0) + beyond
    even = np.broadcast_to(even, (len(even), *cells))
    return _shifted(table, even, weights, 12)[0]
