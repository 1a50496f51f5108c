r"""How like M/M/c queues are that the same requests load, from tables that are made once.

In service times M/M/c depends on nothing but c and the share D of requests that wait there, so
the scores of times given what the queues have in common
(`qmodel.balancing.fan_out.likeness`) are polynomials in :math:`\sqrt D`, one set for each c,
through those of 16 loads. They are kept by a factor :math:`\zeta` whose unit is the same in
light traffic: of the requests that wait most a share :math:`1 - \Phi(\zeta)^D`, about
:math:`D (-\ln \Phi(\zeta))`, is beyond it, as are gaps of exponential length.

**One server.** Waits given the arrivals are those of
`qmodel.balancing.fan_out.common_arrivals`. All scores are then moved away from, or towards,
those of independent queues, so that the later of two has its exact mean
(`qmodel.balancing.fan_out.fork_join`); it takes at most some percent.

**Several servers.** While all c are busy, they are one of the service S / c. With the load
:math:`\rho`, the wait is that at such a server less :math:`\ln(\rho / D)` of its mean waits,
where that is something left, as both fall exponentially. That forgets how long servers stay
busy when not all are: scores are :math:`1 + (1 - D)^2 / 4` times as far from those of
independent queues, a fit to simulations of 11 loads of 2 to 32 servers.

References
----------
.. [1] L. Flatto, S. Hahn, "Two parallel queues created by arrivals with two demands I",
   SIAM Journal on Applied Mathematics 44, 1984 (the mean for two queues).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qmodel.balancing.fan_out.common_arrivals import FACTOR, waits_given
from qmodel.balancing.fan_out.likeness import (
    SCORES,
    Likeness,
    common_factor,
    correlation_of_waits,
    over,
    scores_of_times,
)
from qmodel.numerics.erlang import erlang_c
from qmodel.numerics.quadrature import on_unit_interval
from qmodel.numerics.roots import increasing_root
from qmodel.queues import mmc
from qmodel.queues.base import StationResult

__all__ = ["LikenessByLoad", "likeness_by_load"]

_LOADS, _SMOOTH = 16, 11
_LIGHT = 0.02
_POINTS, _SCALES, _SCALE_POWERS, _SECANTS = 3, 48, 40, 4
_UNIT = np.linspace(-5.0, 6.0, 34)
"""Values of the factor."""


@dataclass(frozen=True, eq=False)
class LikenessByLoad(Likeness):
    """Scores of times at M/M/c queues given a factor that they have in common.

    Parameters
    ----------
    largest : number or array
        Correlation of the scores of the waits. [-]
    cell : int or integer array
        Which of the tables is that of a cell. [-]
    table : array
        For each number of servers coefficients of splines through scores given the factor. [-]
    late : number or array
        Share of the requests that wait. [-]
    scale : number or array
        By how much scores are further from those of independent queues. [-]
    """

    late: Any = 0.0
    scale: Any = 1.0

    def factor(self) -> tuple[np.ndarray, np.ndarray]:
        """Return values of the factor, and their weights, in each cell."""
        from scipy.special import log_ndtr

        ends = log_ndtr((_UNIT[1:] + _UNIT[:-1]) / 2)
        above = -np.expm1(np.asarray(self.late)[..., None] * ends)
        none = np.zeros((*above.shape[:-1], 1))
        return _UNIT, -np.diff(np.concatenate([none + 1, above, none], axis=-1))

    def given(self, score: Any, weights: np.ndarray) -> tuple[Any, Any]:
        """Return scores given the factor, along a new last axis, and how fast they grow."""
        return self._kept(np.nan_to_num(score) + 0.0 * np.asarray(self.largest), weights)

    def _apart(self, score: Any, weights: np.ndarray) -> tuple[Any, Any]:
        step, last = SCORES[1] - SCORES[0], SCORES[-1]
        place = (np.clip(score, -last, last) + last) / step
        below = np.clip(place.astype(int), 0, len(SCORES) - 2)
        x = place - below
        parts = (1 - x) ** 3, (3 * x - 6) * x * x + 4, ((3 - 3 * x) * x + 3) * x + 1, x**3
        growths = -((1 - x) ** 2), (3 * x - 4) * x, (2 - 3 * x) * x + 1, x * x
        rows = self._rows(score.shape)
        found: Any = 0.0
        slope: Any = 0.0
        for k, (part, growth) in enumerate(zip(parts, growths, strict=True)):
            row = rows(below + k)
            found = found + part[..., None] / 6 * row
            slope = slope + growth[..., None] / (2 * step) * row
        # Beyond the table less and less, so that tails are as much longer.
        less = (last / np.maximum(np.abs(score), last))[..., None]
        beyond = less < 1
        slope = np.where(beyond, -found / np.where(beyond, score[..., None], 1.0), slope)
        scale = np.asarray(self.scale)[..., None] * less
        return score[..., None] + scale * found, 1 + scale * slope

    def _rows(self, shape: tuple[int, ...]) -> Callable[[Any], Any]:
        """Return what reads rows of the table, for looks of a shape."""
        own = shape[len(shape) - np.ndim(self.late) :]
        cell, late = (np.broadcast_to(x, own) for x in (self.cell, self.late))
        powers = _powers(late)
        if math.prod(shape) == late.size:
            parts = np.moveaxis(powers, -1, 0)[..., None]
            return lambda row: sum(x * self.table[cell, row, k] for k, x in enumerate(parts))
        # All rows of each cell first.
        cell, powers = cell.ravel(), powers.reshape(late.size, -1)
        rows = np.empty((self.table.shape[1], late.size, len(_UNIT)))
        for number in np.unique(cell):
            here = cell == number
            found = np.tensordot(self.table[number], powers[here], (1, 1))
            rows[:, here] = np.moveaxis(found, 1, 2)

        def read(row: Any) -> Any:
            found = np.take_along_axis(rows, row.reshape(-1, late.size, 1), 0)
            return found.reshape(*shape, -1)

        return read

    def by_normal_factor(self) -> Likeness:
        """Return the same by the normal factor, which queues that differ have in common."""
        from scipy.special import log_ndtr, ndtri_exp

        late, (z, _) = np.asarray(self.late), common_factor(0.5)
        shape = len(SCORES) + 2, *late.shape
        numbers = np.arange(shape[0]).reshape(-1, *[1] * late.ndim)
        rows = self._rows(shape)(np.broadcast_to(numbers, shape))
        known = (rows[:-2] + 4 * rows[1:-1] + rows[2:]) / 6
        with np.errstate(divide="ignore"):
            unit = np.clip(ndtri_exp(log_ndtr(z) / late[..., None]), _UNIT[0], _UNIT[-1])
        apart = _between(known, _UNIT, np.broadcast_to(unit, (*known.shape[:-1], len(z))))
        scores = SCORES.reshape(-1, *[1] * (late.ndim + 1))
        table = scores + np.asarray(self.scale)[..., None] * apart
        cell = np.arange(late.size).reshape(late.shape)[()]
        return Likeness(self.largest, cell, table.reshape(len(SCORES), -1, len(z)))


def likeness_by_load(leaf: StationResult) -> Any:
    """Return how like the times at M/M/c queues are to which the same requests come.

    Parameters
    ----------
    leaf : StationResult
        One of them, solved. [-]

    Returns
    -------
    LikenessByLoad or number
        The scores given what the queues have in common; 0 where nobody waits, or no
        distribution of the wait is known. [-]

    Examples
    --------
    >>> like = likeness_by_load(mmc.MMc(1.0, servers=4).solve([2.0, 3.6]))
    >>> like.late.round(3), like.largest.round(3)
    (array([0.174, 0.788]), array([0.269, 0.38 ]))
    """
    if leaf.wait is None:
        return 0.0
    station, servers = leaf.station, np.asarray(leaf.station.servers)
    load = np.asarray(leaf.arrival_rate * station.service.mean / servers, dtype=float)
    late = np.broadcast_to(1 - np.asarray(leaf.wait.atom, dtype=float), load.shape)
    some = (load < 1) & (late > 0)
    if not np.any(some):
        return 0.0
    late = np.where(some, late, 0.0)
    correlation = np.where(some, correlation_of_waits(station.service, leaf.wait), 0.0)
    numbers, which = np.unique(servers, return_inverse=True)
    scale = 1 + (1 - late) ** 2 / 4  # A fit.
    if numbers[0] == 1:
        at_one = np.polynomial.chebyshev.chebval(2 * np.sqrt(late) - 1, _scale_at_one())
        scale = np.where(servers == 1, at_one, scale)
    tables = _tables(tuple(numbers.tolist()))
    return LikenessByLoad(
        correlation[()], which.reshape(servers.shape)[()], tables, late[()], scale[()]
    )


def _factor_of(unit: Any, late: Any) -> Any:
    """Return the normal factor that is as seldom exceeded."""
    from scipy.special import log_ndtr, ndtri_exp

    return ndtri_exp(late * log_ndtr(unit))


def _powers(late: Any, powers: int = _LOADS) -> Any:
    """Return the Chebyshev polynomials of a share that waits."""
    angle = np.arccos(np.clip(2 * np.sqrt(late) - 1, -1.0, 1.0))
    return np.cos(angle[..., None] * np.arange(powers))


def _coefficients(values: Any, powers: int = _LOADS) -> Any:
    """Return the coefficients, along the second axis, of what is known along it."""
    columns = np.moveaxis(values, 1, 0).reshape(_LOADS, -1)
    found = np.linalg.lstsq(_powers(_shares(), powers), columns, rcond=None)[0]
    return np.moveaxis(found.reshape(powers, len(values), -1), 0, 1).copy()


def _shares() -> Any:
    """Return shares that wait, from few to nearly all."""
    return np.sin(np.pi * (np.arange(_LOADS) + 0.5) / (2 * _LOADS)) ** 4


@lru_cache(maxsize=1)
def _waits_at_one() -> tuple[Any, Any]:
    """Return waits at M/M/1, in mean ones of those who wait, and coefficients of scores."""
    load = _shares()
    load = load[load > _LIGHT]
    leaf = mmc.MMc(1.0).solve(load)
    service, wait = leaf.station.service, leaf.wait
    assert wait is not None
    waits, scores = waits_given(
        wait, service, service.tail, load, 1, correlation_of_waits(service, wait)
    )
    factor = _factor_of(_UNIT, load[:, None])
    scores = _between(scores, FACTOR, np.broadcast_to(factor, (len(waits), *factor.shape)))
    unit = waits[:, 0] * (1 - load[0])
    more = scores - _in_light_traffic(unit[:, None, None], _UNIT, load[:, None])
    none = np.zeros((len(unit), _LOADS - len(load), len(_UNIT)))
    return unit, _coefficients(np.concatenate([none, more], axis=1), _SMOOTH)


def _in_light_traffic(wait: Any, unit: Any, load: Any) -> Any:
    """Return the scores of waits after gaps of these lengths, and what came before anyhow."""
    from scipy.special import log_ndtr, ndtri_exp

    return ndtri_exp((1 - load) * log_ndtr(unit) - wait)


def _between(values: Any, known: Any, at: Any) -> Any:
    """Return what is on straight lines between values along the last axis."""
    place = (at - known[0]) / (known[1] - known[0])
    first = np.clip(place.astype(int), 0, len(known) - 2)
    low, high = (np.take_along_axis(values, k, -1) for k in (first, first + 1))
    return low + (place - first) * (high - low)


@lru_cache(maxsize=256)
def _table(servers: int) -> Any:
    """Return coefficients of what scores of times are beyond `SCORES`: by power and factor."""
    return _coefficients(_splines(_at_shares(servers, _shares())))


def _at_shares(servers: int, late: Any) -> Any:
    """Return what scores of times are beyond `SCORES` where such shares wait."""
    load = increasing_root(
        lambda x: erlang_c(x * servers, servers) - late, np.zeros(len(late)), np.ones(len(late))
    ) if servers > 1 else late  # fmt: skip
    leaf = mmc.MMc(1.0, servers).solve(load * servers)
    unit, known = _waits_at_one()
    waits = unit[:, None] / (servers * (1 - load))
    apart = np.einsum("xkz,lk->xlz", known, _powers(load, _SMOOTH))
    # The same requests, in what is left of the waits at one server.
    further = unit[:, None] + np.log(load / late)
    first = np.clip(np.searchsorted(unit, further, side="right") - 1, 0, len(unit) - 2)
    part = np.clip((further - unit[first]) / (unit[first + 1] - unit[first]), 0.0, 1.0)
    low, high = (np.take_along_axis(apart, k[..., None], 0) for k in (first, first + 1))
    apart = low + part[..., None] * (high - low)
    from scipy.special import log_ndtr, ndtri_exp

    seldom = ndtri_exp(log_ndtr(_UNIT) * (late / load)[:, None])
    given = _between(apart, _UNIT, np.broadcast_to(seldom, apart.shape))
    given = given + _in_light_traffic(further[..., None], seldom, load[:, None])
    weights = LikenessByLoad(0.0, 0, np.empty(0), late, 1.0).factor()[1]
    found = scores_of_times(waits, given, leaf.station.service, leaf.response, weights)
    return found - SCORES[:, None, None]


def _splines(values: Any) -> Any:
    """Return the coefficients of cubic splines through values that are evenly apart."""
    count = len(values)
    system = 4 * np.eye(count) + np.eye(count, k=1) + np.eye(count, k=-1)
    system[[0, -1]] = 6 * np.eye(count)[[0, -1]]  # Straight beyond the ends.
    found = np.linalg.solve(system / 6, values.reshape(count, -1)).reshape(values.shape)
    return np.concatenate([
        2 * found[:1] - found[1:2], found, 2 * found[-1:] - found[-2:-1]
    ])  # fmt: skip


@lru_cache(maxsize=4)
def _tables(servers: tuple[int, ...]) -> Any:
    return np.stack([_table(c) for c in servers])


@lru_cache(maxsize=1)
def _scale_at_one() -> Any:
    """Return coefficients of the scale with which the later of two has its exact mean."""
    from scipy.special import ndtr

    share, weights = on_unit_interval(_POINTS)
    step = SCORES[1] - SCORES[0]
    score = (SCORES[:-1, None] + step * share).ravel()
    # Of exponential times -ln(Phi(score)).
    weight = np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi) / ndtr(score)
    weight *= np.tile(step * weights, len(SCORES) - 1)
    root = (1 - np.cos(np.pi * (np.arange(_SCALES) + 0.5) / _SCALES)) / 2
    late = root**2

    def missed(scale: Any) -> Any:
        like = LikenessByLoad(0.4, 0, _tables((1,)), late, scale)
        factors = like.factor()[1]
        both = ndtr(like.given(score[:, None] + 0 * late, factors)[0])
        return 2 - weight @ over(both**2, factors) - (12 - late) / 8

    before, scale = np.ones(_SCALES), np.full(_SCALES, 1.02)
    far = missed(before)
    for _ in range(_SECANTS):
        near = missed(scale)
        apart = np.where(near == far, 1.0, near - far)
        before, scale, far = scale, scale - near * (scale - before) / apart, near
    return np.polynomial.chebyshev.chebfit(2 * root - 1, scale, _SCALE_POWERS, w=late)
