r"""All steady states of what depends on itself, with their stability.

A copy of a late request makes others late; a request that is tried again is load like any
other. The share u that is copied or tried again makes a load under which a share f(u) is:
a steady state is u = f(u). f rises with u, and stays between 0 and the greatest share, so
there is a least and a greatest such u, and where they differ an unstable one between them
(f crosses the diagonal upwards): the *threshold* above which the system runs to the greatest
one by itself [1]_ [2]_.

One unknown is found by a scan of the interval and a root search in each bracket, for all cells
at once. Several unknowns have their least and their greatest solution by iteration from
below and from above, which is monotone (Tarski and Kleene) [3]_, with Aitken's extrapolation;
the threshold is where, on the line between the two, the iteration turns from one to the other.

References
----------
.. [1] N. Bronson, A. Aghayev, A. Charapko, T. Zhu, "Metastable failures in distributed
   systems", HotOS 2021.
.. [2] F. P. Kelly, "Stochastic models of computer communication systems", Journal of the
   Royal Statistical Society B 47, 1985, sec. 4 (several states of one network).
.. [3] A. Tarski, "A lattice-theoretical fixpoint theorem and its applications", Pacific
   Journal of Mathematics 5, 1955.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qmodel.numerics.roots import increasing_root

__all__ = ["FixedPoints", "Guess", "fixed_points", "greatest_root", "least_fixed_point"]

_ROUNDING = 1e-14  # of a share that stays where it is

_GRID = np.concatenate([[0.0], np.geomspace(1e-6, 0.02, 12), np.linspace(0.04, 1.0, 49)])
"""Where the interval is looked at: finer near zero, where healthy states are."""

_ROUNDS = 400

_PATIENCE = 25
"""Steps after which an iteration between two states has shown where it goes."""

_NEAR = 1e-3
"""The part of the way between two states at which an iteration has come to one."""

_NOISE = 1e-14
"""What inverted tails leave of a share that stands still."""


@dataclass(frozen=True)
class FixedPoints:
    """The fixed points of a rising map, by unknown; NaN where there is none of a kind.

    Parameters
    ----------
    least : mapping
        The least one, stable: the healthy state. [-]
    above : callable
        Returns the greatest one, where it differs from the least. [-]
    between : callable
        Returns the unstable one below the greatest, by unknown. [-]
    converged : bool or array of bool
        Whether they were found to rounding. [-]
    """

    least: Mapping[Any, Any]
    above: Callable[[], Mapping[Any, Any]]
    between: Callable[[], Mapping[Any, Any]]
    converged: Any

    @cached_property
    def greatest(self) -> Mapping[Any, Any]:
        """The greatest one, where it differs from the least: the collapsed state."""
        return self.above()

    @cached_property
    def threshold(self) -> Mapping[Any, Any]:
        """The unstable one below the greatest; of several unknowns to about a percent."""
        return self.between()

    @property
    def several(self) -> Any:
        """Where there is more than one."""
        return ~np.isnan(next(iter(self.greatest.values())))


def fixed_points(f: Callable[[dict[Any, Any]], dict[Any, Any]], top: Mapping[Any, Any]) -> Any:
    """Return the fixed points of a rising map of shares, between 0 and `top`.

    Parameters
    ----------
    f : callable
        From shares by unknown to shares by unknown; leading axes broadcast. [-]
    top : mapping
        The greatest share of each unknown. [-]

    Returns
    -------
    FixedPoints
        All that there are of one unknown; of several, the least, the greatest, and one
        threshold.

    Examples
    --------
    >>> found = fixed_points(lambda u: {"u": 3 * u["u"] ** 2 - 2 * u["u"] ** 3}, {"u": 1.0})
    >>> [float(x["u"]) for x in (found.least, found.threshold, found.greatest)]
    [0.0, 0.5, 1.0]
    """
    if len(top) == 1:
        return _of_one(f, *next(iter(top.items())))
    return _of_several(f, dict(top))


def _of_one(f: Callable[[dict[Any, Any]], dict[Any, Any]], key: Any, top: Any) -> FixedPoints:
    def excess(u: Any) -> Any:
        return np.asarray(f({key: u})[key]) - u

    cells = np.shape(np.asarray(f({key: top})[key]) + 0.0 * np.asarray(top))
    nodes = _GRID.reshape(-1, *[1] * len(cells)) * np.broadcast_to(top, cells)
    over = np.broadcast_to(excess(nodes), nodes.shape)
    nodes, over = _with_lowest(excess, nodes, over)
    above = over > 0
    falls, rises = above[:-1] & ~above[1:], ~above[:-1] & above[1:]
    last = len(nodes) - 2
    first_fall = falls.argmax(axis=0)
    last_fall = last - falls[::-1].argmax(axis=0)
    last_rise = last - rises[::-1].argmax(axis=0)
    # Where nothing is above the diagonal at zero, nothing copied is a steady state.
    none = ~above[0]
    some = falls.any(axis=0)
    several = some & rises.any(axis=0) & (none | (last_fall > first_fall))

    def root(at: Any, there: Any, sign: float) -> Any:
        """Return where the excess changes its sign, NaN where it does not."""
        ends = [np.take_along_axis(over, at + k, axis=0)[0] for k in (0, 1)]
        low, high = (np.take_along_axis(nodes, at + k, axis=0)[0] for k in (0, 1))
        low, high = np.where(there, low, 0.0), np.where(there, high, 0.0)
        known = dict(zip(("at_low", "at_high"), (sign * x for x in ends), strict=True))
        # One number stays a number: a station of one load takes a fifth of an array's time.
        found = increasing_root(
            lambda u: sign * excess(u[()]), low, high, rtol=1e-14, atol=_NOISE, **known
        ) if there.any() else low  # fmt: skip
        # A share that is all but the greatest is the greatest.
        found = np.where(found > (1 - 1e-12) * np.asarray(top), top, found)
        return np.where(there & ~unknown, found, np.nan)[()]

    unknown = np.isnan(over[-1])
    least = root(first_fall[np.newaxis], some & ~none, -1.0)
    least = np.where(none & ~unknown, 0.0, least)[()]
    return FixedPoints(
        {key: least},
        lambda: {key: root(last_fall[np.newaxis], several, -1.0)},
        lambda: {key: root(last_rise[np.newaxis], several, 1.0)},
        True,
    )


def _with_lowest(excess: Any, nodes: Any, over: Any) -> tuple[Any, Any]:
    """Return nodes and values with one more node, the lowest point of a dip between two.

    Close to a fold the two roots that meet there are nearer to each other than two nodes.
    """
    inner = over[1:-1]
    dips = (inner > 0) & (inner <= over[:-2]) & (inner <= over[2:])
    if not dips.any():
        return nodes, over
    at = np.where(dips, inner, np.inf).argmin(axis=0)[np.newaxis]
    low, high = (np.take_along_axis(nodes, at + k, axis=0) for k in (0, 2))
    fractions = np.linspace(0.0, 1.0, 17).reshape(-1, *[1] * (nodes.ndim - 1))
    for _ in range(4):
        fine = low + fractions * (high - low)
        values = np.broadcast_to(excess(fine), fine.shape)
        k = np.clip(values.argmin(axis=0), 1, 15)[np.newaxis]
        low, high = (np.take_along_axis(fine, k + step, axis=0) for step in (-1, 1))
    lowest = np.take_along_axis(fine, k, axis=0)
    nodes = np.concatenate([nodes, lowest])
    over = np.concatenate([over, np.take_along_axis(values, k, axis=0)])
    order = nodes.argsort(axis=0, kind="stable")
    return np.take_along_axis(nodes, order, axis=0), np.take_along_axis(over, order, axis=0)


def _of_several(f: Any, top: dict[Any, Any]) -> FixedPoints:
    low, sure = _iterated(f, {k: 0.0 * np.asarray(v) for k, v in top.items()})
    high, also = _iterated(f, top)
    apart = np.logical_or.reduce(
        np.broadcast_arrays(*(np.abs(high[k] - low[k]) > 1e-9 * (high[k] + 1e-9) for k in top))
    )

    def where_apart(shares: Mapping[Any, Any]) -> dict[Any, Any]:
        return {k: np.where(apart, v, np.nan)[()] for k, v in shares.items()}

    return FixedPoints(
        low,
        lambda: where_apart(high),
        lambda: where_apart(_edge(f, low, high)),
        sure & also,
    )


def least_fixed_point(
    f: Any, top: Mapping[Any, Any], rounds: int = _ROUNDS
) -> tuple[dict[Any, Any], Any]:
    """Return the least fixed point of a rising map, from nothing, and whether it is found."""
    return _iterated(f, {k: 0.0 * np.asarray(v) for k, v in top.items()}, rounds)


def _iterated(
    f: Any, start: dict[Any, Any], rounds: int = _ROUNDS
) -> tuple[dict[Any, Any], Any]:
    """Return where a monotone iteration ends, and whether it has."""
    now, past = start, []
    still: Any = True
    for _ in range(rounds):
        past.append(now)
        now = f(now)
        moved = (np.abs(x - past[-1][k]) > 1e-13 * x + _NOISE for k, x in now.items())
        still = np.logical_or.reduce(np.broadcast_arrays(*moved))
        if not still.any():
            break
        if len(past) == 2:  # The third of a row, which is nearly geometric.
            now = {k: _limit_of(past[0][k], past[1][k], x) for k, x in now.items()}
            past.clear()
    return now, ~np.asarray(still)


def _limit_of(first: Any, second: Any, third: Any) -> Any:
    """Return where a monotone row tends, by Aitken's extrapolation, on its safe side."""
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = third - (third - second) ** 2 / (third - 2 * second + first)
        # Half of the way: beyond a threshold the row would tend elsewhere.
        half = (limit + third) / 2
    onward = (half - third) * (third - second) >= 0
    return np.where(onward & np.isfinite(half) & (half >= 0), half, third)[()]


def _edge(f: Any, low: dict[Any, Any], high: dict[Any, Any]) -> dict[Any, Any]:
    """Return the unstable point between two stable ones, where iterations part."""
    shape = np.broadcast_shapes(*(np.shape(v) for v in high.values()))
    below, above = np.zeros(shape), np.ones(shape)

    def between(part: Any) -> dict[Any, Any]:
        return {k: low[k] + part * (high[k] - low[k]) for k in low}

    for _ in range(45):
        middle = (below + above) / 2
        up = _rises(f, between(middle), low, high)
        below, above = np.where(up, below, middle), np.where(up, middle, above)
    # From where they part the iteration comes by the unstable point, and is slowest there.
    best = now = between((below + above) / 2)
    slowest = np.full(shape, np.inf)
    whole = sum(high[k] - low[k] for k in low)
    for _ in range(_PATIENCE):
        new = f(now)
        ends = np.minimum(*(sum(np.abs(x[k] - now[k]) for k in now) for x in (low, high)))
        step = sum(np.abs(new[k] - now[k]) for k in new)
        # At either end it stands still as well.
        step = np.where(ends > _NEAR * whole, step, np.inf)
        best = {k: np.where(step < slowest, now[k], best[k]) for k in new}
        slowest, now = np.minimum(step, slowest), new
        if np.all(ends <= _NEAR * whole):
            break
    return best


def _rises(f: Any, now: dict[Any, Any], low: dict[Any, Any], high: dict[Any, Any]) -> Any:
    """Return where the iteration goes up: for good once all unknowns do, as the map rises."""
    up: Any = False
    for _ in range(_PATIENCE):
        new = f(now)
        steps = [new[k] - now[k] for k in new]
        up, down = (
            np.all(np.broadcast_arrays(*(s * x > 0 for x in steps)), axis=0) for s in (1, -1)
        )
        now = new
        if (up | down).all():
            return up
    nearer = sum(now[k] - low[k] for k in now) > sum(high[k] - now[k] for k in now)
    return np.where(up | down, up, nearer)


def greatest_root(curve: Callable[[Any], Any], shape: tuple[int, ...]) -> Any:
    """Return the greatest value of a smooth curve on 0 to 1, by a scan that is refined.

    `curve` takes nodes along a leading axis before the cells of `shape`.
    """
    axis = (-1, *[1] * len(shape))
    nodes = np.broadcast_to(_GRID.reshape(axis), (len(_GRID), *shape))
    best: Any = np.full(shape, -np.inf)
    for _ in range(5):
        values = np.broadcast_to(curve(nodes), nodes.shape)
        at = np.nanargmax(np.where(np.isnan(values), -np.inf, values), axis=0)[np.newaxis]
        best = np.fmax(best, np.take_along_axis(values, at, axis=0)[0])
        low = np.take_along_axis(nodes, np.maximum(at - 1, 0), axis=0)
        high = np.take_along_axis(nodes, np.minimum(at + 1, len(nodes) - 1), axis=0)
        nodes = low + np.linspace(0.0, 1.0, 17).reshape(axis) * (high - low)
    return best[()]


class Guess:
    """How far the guess of a share goes: half as far where the last one went too far.

    For what oscillates where it only follows from what was guessed before, as more
    failures bring less load.
    """

    def __init__(self) -> None:
        self._part: Any = 1.0
        self._last: Any = 0.0

    def towards(self, new: Any, old: Any) -> Any:
        """Return the next guess between an old one and what follows from it."""
        way = new - old
        self._part = np.where(way * self._last < 0, self._part / 2, self._part)[()]
        self._last = np.where(np.abs(way) > _ROUNDING, way, self._last)[()]
        return old + self._part * way
