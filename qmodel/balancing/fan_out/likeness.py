r"""How like the times at queues are that the same requests load: waits are, services are not.

The waits of two such queues have normal scores of one correlation :math:`\kappa`
(`qmodel.balancing.fan_out.fork_join`), their services are independent. Who is late by a long
service is late alone, who is late by a long wait is late together with others, so that the
correlation of the times W + S depends on how late they are. To first order in the factor that
the waits have in common, with the density :math:`\psi(u) = \varphi(\Phi^{-1}(u))` of scores,

.. math::

    \sqrt{r(t)} = \sqrt \kappa\, \frac{E\big[\psi(\bar F_W(t - S))\big]}{\psi(\bar F_{W+S}(t))},

which is :math:`\kappa` for constant service, and tends to it where the tail is that of the
wait; a service with a long tail is alone in its tail. Ours; the distribution of one time is
not touched, whatever r(t) is.

**Numerics.** The root of r is a line between scores 0.4 apart; the expectation is a sum over
differences of the distribution of S between 48 waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qmodel.distributions import Distribution
from qmodel.queues.base import StationResult

__all__ = ["Likeness", "correlation_of_waits", "likeness"]

_FARTHEST, _STEP = 8.4, 0.4
_SCORES = np.linspace(-_FARTHEST, _FARTHEST, round(2 * _FARTHEST / _STEP) + 1)
_WAITS = np.concatenate([[0.0], np.geomspace(0.01, 40.0, 47)])
_BODY = np.linspace(-3.0, 3.0, 13)
"""Scores of services at which times are looked at that have hardly waited."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """The root of the correlation of scores, at scores from -8.4 to 8.4."""

    roots: tuple[Any, ...]

    @cached_property
    def _table(self) -> np.ndarray:
        return np.stack(np.broadcast_arrays(*self.roots))

    @property
    def largest(self) -> Any:
        """The largest correlation at any score. [-]."""
        return self._table.max(axis=0) ** 2

    def at(self, score: Any) -> tuple[Any, Any]:
        """Return the root at a normal score, and by how much it grows with it."""
        table = self._table
        shape = np.broadcast_shapes(np.shape(score), table.shape[1:])
        place = (np.broadcast_to(score, shape) + _FARTHEST) / _STEP
        place = np.clip(np.nan_to_num(place), 0.0, len(table) - 1.000001)
        below = place.astype(int)
        ahead = (1,) * (len(shape) - table.ndim + 1)
        cells = table.reshape(len(table), *ahead, *table.shape[1:])
        whole = np.broadcast_to(cells, (len(table), *shape))
        first, second = (
            np.take_along_axis(whole, i[None], axis=0)[0] for i in (below, below + 1)
        )
        inner = (place > 0) & (place < len(table) - 1.0001)
        slope = np.where(inner, second - first, 0.0)
        return first + (place - below) * (second - first), slope / _STEP


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


def likeness(leaf: StationResult, of_waits: Any) -> Likeness:
    """Return how like the times at a station and at another one like it are.

    Parameters
    ----------
    leaf : StationResult
        The station, solved, of which the distribution of the wait is known. [-]
    of_waits : number or array
        Correlation of the scores of the waits. [-]

    Returns
    -------
    Likeness
        The correlation, by the score of the time. [-]
    """
    from scipy.special import ndtr, ndtri

    def density(late: Any) -> Any:
        score = ndtri(np.clip(late, 1e-300, 1 - 1e-16))
        return np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi)

    wait, service = leaf.wait, leaf.station.service
    assert wait is not None
    cells = np.broadcast_shapes(np.shape(of_waits), np.shape(leaf.response.mean))
    late = np.asarray(1 - np.asarray(wait.atom), dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.broadcast_to(np.asarray(wait.mean) / late, cells)
    unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
    waits = _WAITS.reshape(-1, *[1] * len(cells)) * unit
    psi = density(np.asarray(wait.tail(waits)))
    psi[0] = density(np.broadcast_to(late, cells))
    body = np.asarray(service.quantile(ndtr(_BODY).reshape(-1, *[1] * len(cells))))
    body = np.broadcast_to(body, (len(_BODY), *cells))
    times = np.concatenate([body, body[-1] + waits[1::2]])
    left = times[:, None] - waits
    done = np.where(left < 0, 0.0, 1 - np.asarray(service.tail(np.maximum(left, 0.0))))
    mean = (np.diff(-done, axis=1) * (psi[1:] + psi[:-1]) / 2).sum(axis=1)
    tail = np.asarray(leaf.response.tail(times))
    whole = density(tail)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(mean / whole, 0.0, 1.0)
    roots = np.sqrt(of_waits) * np.where(np.isfinite(share), share, 1.0)
    scores = np.clip(ndtri(np.clip(tail, 1e-300, 1 - 1e-16)), -_FARTHEST, _FARTHEST)
    # From the score of each time to even ones: times rise, scores fall.
    even = _SCORES.reshape(-1, *[1] * len(cells))
    behind = np.clip((scores[None] > even[:, None]).sum(axis=1), 1, len(times) - 1)
    (x0, x1), (y0, y1) = (
        [np.take_along_axis(values, i, axis=0) for i in (behind - 1, behind)]
        for values in (scores, roots)
    )
    width = np.where(x0 > x1, x0 - x1, 1.0)
    found = y0 + np.clip((x0 - even) / width, 0.0, 1.0) * (y1 - y0)
    return Likeness(tuple(found))
