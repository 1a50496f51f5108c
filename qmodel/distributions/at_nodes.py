r"""A smooth time by its tail at nodes, where one tail is asked for very often.

What a client with a timeout sees are integrals of a tail, in several attempts, at each step of
a percentile; a tail that is inverted would be inverted some ten thousand times. Here it is once
at the Chebyshev points of

.. math:: u = \frac{1}{a} \ln\left(1 + \frac{t - t_0}{t_1 - t_0} (e^a - 1)\right),

which is dense near the start, and interpolated by the barycentric formula [1]_: to 1e-9 for
tails that are smooth from their start on. A time of several parts, such as one that sometimes
has a constant more, has nodes for each part, from its start on.

References
----------
.. [1] J.-P. Berrut, L. N. Trefethen, "Barycentric Lagrange interpolation", SIAM Review 46,
   2004.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.distributions.heavy import LogNormal
from qmodel.distributions.tails import faces

__all__ = ["AtNodes", "Interpolated", "Known", "at_nodes", "inside"]

_LAST = 128
_POINTS = (1 - np.cos(np.pi * np.arange(_LAST + 1) / _LAST)) / 2
_SIGNS = (-1.0) ** np.arange(_LAST + 1)
_SIGNS[[0, -1]] /= 2
_ORDERS = np.arange(1, _LAST // 2 + 1)
_COSINES = np.cos(2 * np.pi / _LAST * np.outer(np.arange(_LAST + 1), _ORDERS))
_CURTIS = (
    np.where(_SIGNS**2 < 1, 0.5, 1.0)
    * (1 - _COSINES @ (np.where(_ORDERS < _LAST // 2, 2.0, 1.0) / (4.0 * _ORDERS**2 - 1)))
    / _LAST
)
"""Weights of the points in an integral from 0 to 1: the rule of Clenshaw and Curtis."""

_ROOM = 4096
"""Times that are interpolated together."""

_FINE = 0.02
"""The part of the mean beyond its start that the nodes resolve."""

_ROUNDING = 1e-13

_BETWEEN, _SMOOTH = np.array([0.013, 0.05, 0.11, 0.2, 0.31, 0.43, 0.58, 0.71, 0.93]), 1e-8
"""Where, in parts of the end, nodes are held against the tail, and how close they must be."""

_FAR, _INTERPOLATED = 1e-6, 1e-9
"""Tails below the one are looked at more closely; what the nodes leave of one."""

_MOST = 8
"""Parts beyond which the times themselves are as quick."""


class _Run(NamedTuple):
    """A part of a time by its values at nodes from `start` to `end`, dense by `bend`."""

    start: Value
    end: Value
    bend: Value
    mass: Value
    tails: tuple[Value, ...]
    densities: tuple[Value, ...]

    def integrals(self) -> list[Any]:
        """Return those of n t^(n - 1) times what the tail is above its end, n = 1, 2, 3."""
        tails = np.stack(np.broadcast_arrays(*self.tails))
        above = np.maximum(tails - tails[-1], 0.0)
        before = np.asarray(self.mass - tails[-1])
        start, bend = np.where(before > 0, self.start, 0.0), np.asarray(self.bend)
        column = (-1, *[1] * (tails.ndim - 1))
        u, length = _POINTS.reshape(column), np.asarray(self.end) - self.start
        length = np.where(before > 0, length, 1.0)
        t = start + length * np.expm1(u * bend) / np.expm1(bend)
        stretch = length * bend * np.exp(u * bend) / np.expm1(bend)
        mass = _CURTIS.reshape(column) * stretch * above
        return [before * start**n + n * (mass * t ** (n - 1)).sum(axis=0) for n in (1, 2, 3)]

    def at(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return tail and density at times [s]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.clip((t - self.start) / (np.asarray(self.end) - self.start), 0.0, 1.0)
            u = np.log1p(share * np.expm1(self.bend)) / self.bend
        flat, shape = np.asarray(u).ravel(), np.shape(u)
        values = [np.stack(np.broadcast_arrays(*x)) for x in (self.tails, self.densities)]
        own = values[0].shape[1:]
        tables = [x.reshape(len(x), -1) for x in values]
        # The cells of the values are the last axes of the times.
        cell = np.broadcast_to(np.arange(tables[0].shape[1]).reshape(own), shape).ravel()
        found = np.empty((2, flat.size))
        for first in range(0, flat.size, _ROOM):
            here = slice(first, first + _ROOM)
            gap = flat[here] - _POINTS[:, None]
            hit = gap == 0
            weight = _SIGNS[:, None] / np.where(hit, 1.0, gap)
            weight = np.where(hit.any(axis=0), hit, weight)
            weight = weight / weight.sum(axis=0)
            for row, table in zip(found, tables, strict=True):
                if own:
                    row[here] = (weight * table[:, cell[here]]).sum(axis=0)
                else:
                    row[here] = table[:, 0] @ weight
        tail, density = found.reshape(2, *shape)
        before = t < self.start
        tail = np.where(before, self.mass, np.clip(tail, 0.0, 1.0))
        return tail, np.where(before, 0.0, np.maximum(density, 0.0))


class Interpolated(Distribution):
    """A distribution whose tail and density are interpolated up to an end."""

    __slots__ = ()
    closed = True

    if TYPE_CHECKING:

        @property
        def distribution(self) -> Distribution:
            """The time, from which moments and transform are."""

        @property
        def end(self) -> Any:
            """Up to where the tail is known. [s]."""

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.distribution.mean

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.distribution.variance

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.distribution.third_cumulant

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self.distribution.atom

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self.distribution.defect

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        return self.distribution.unknown

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return self.distribution.laplace(s)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], up to the end."""
        return self.tail_and_density(t)[0]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], up to the end."""
        return self.tail_and_density(t)[1]

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error; where it is small those of the time itself."""
        tail, density = self.tail_and_density(t)
        error = np.where(t[1] < self.end, _INTERPOLATED, np.inf) + 0 * tail[1]
        tail = tail[1].copy()
        far = np.flatnonzero(~(tail > _FAR))
        if far.size:
            whole = far.size == tail.size
            here = self.distribution if whole else select(self.distribution, tail.shape, far)
            found = here.far_faces(t[:, far])
            if found is not None:
                better = found[2] < error[far]
                some = far[better]
                tail[some], error[some] = found[0][better], found[2][better]
                density[:, some] = found[1][:, better]
        return tail, density, error


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AtNodes(Interpolated):
    """A distribution by its tail at nodes.

    Parameters
    ----------
    distribution : Distribution
        The time, from which moments and transform are. [-]
    runs : tuple
        Its parts, each with its values at nodes. [-]
    """

    distribution: Distribution
    runs: tuple[_Run, ...]

    @property
    def end(self) -> Any:
        """Up to where its tail is known. [s]."""
        return reduce(np.maximum, (run.end for run in self.runs))

    def integrals(self) -> list[Any]:
        """Return those of n t^(n - 1) (P(X > t) - P(X > end)) up to the end, n = 1, 2, 3."""
        runs = [run.integrals() for run in self.runs]
        return [sum(run[n] for run in runs) for n in range(3)]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return `tail` and `density` at `t` [s], up to the end."""
        t = np.asarray(t, dtype=float)
        found = [run.at(t) for run in self.runs]
        tail: Any = sum(one for one, _ in found)
        density: Any = sum(one for _, one in found)
        # What is all of it but for a rounding is all of it: certainty stays certain.
        return np.where(tail > 1 - _ROUNDING, 1.0, tail)[()], density[()]


@dataclass(frozen=True, slots=True, eq=False)
class Known(Distribution):
    """A time of which tail and density are known where they are asked for."""

    known: Value
    dense: Value
    closed = True

    def laplace(self, s: Value) -> Value:
        """Refuse."""
        raise NotImplementedError

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return what is known."""
        return self.known + 0 * self.dense, self.dense


def at_nodes(distribution: Distribution, end: Value) -> Distribution:
    """Return a distribution by its tail at nodes up to an end, where that is worth it.

    Parameters
    ----------
    distribution : Distribution
        The time. [-]
    end : number or array
        Up to where its tail is asked for. [s]

    Returns
    -------
    Distribution
        The same where its tail is a closed form, or not smooth from the starts of its parts on.

    Examples
    --------
    >>> from qmodel.distributions import Erlang, Gamma, Sum
    >>> time = Sum([Gamma(0.1, 0.3), Erlang(0.2, 3)])
    >>> fast = at_nodes(time, 2.0)
    >>> bool(abs(fast.tail(0.37) - time.tail(0.37)) < 1e-9)
    True
    """
    if is_symbolic(distribution.mean, end) or distribution.closed:
        return distribution
    parts = distribution.parts()
    if len(parts) > _MOST or not all(_smooth(part.distribution) for part in parts):
        return distribution
    shape = np.broadcast_shapes(shape_of(distribution), np.shape(end))
    mean, last, never, unknown = (
        np.broadcast_to(x, shape)
        for x in (
            distribution.mean,
            end,
            np.asarray(distribution.defect) >= 1,
            distribution.unknown,
        )
    )
    unknown = unknown | np.isnan(last)
    usable = np.isfinite(mean) & (last < np.inf) & ~unknown
    # What never ends, or is unknown, is so at each node; others have no scale.
    if not (usable | never | unknown).all() or not usable.any():
        return distribution
    found = AtNodes(
        distribution, tuple(_run(part, last, usable, unknown, shape) for part in parts)
    )
    # What is lognormal, or begins with an endless slope, was not built for nodes.
    times = np.where(usable, last, 1.0) * _BETWEEN.reshape(-1, *[1] * len(shape))
    away = np.abs(np.asarray(found.tail(times)) - distribution.tail(times))
    return found if (away[:, usable] < _SMOOTH).all() else distribution


def inside(distribution: Distribution) -> list[Distribution]:
    """Return the distributions that one is made of."""
    values = [getattr(distribution, field.name) for field in fields(distribution)]  # type: ignore[arg-type]
    return [
        inner
        for value in values
        for inner in (value if isinstance(value, tuple) else (value,))
        if isinstance(inner, Distribution)
    ]


def _smooth(distribution: Distribution) -> bool:
    """Return whether a time is made of smooth ones: of analytic and of lognormal times."""
    if distribution.analytic or isinstance(distribution, LogNormal):
        return True
    within = inside(distribution)
    keeps = distribution.of_smooth or not distribution.closed
    return bool(within) and keeps and all(map(_smooth, within))


def _run(part: Part, end: Any, usable: Any, unknown: Any, shape: tuple[int, ...]) -> _Run:
    """Return a part at its nodes, where the tail is of use."""
    mass, start = (np.broadcast_to(x, shape) for x in (part.mass, part.shift))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.broadcast_to(part.distribution.mean / np.asarray(part.mass), shape)
    length = np.asarray(end, dtype=float) - start
    here = usable & (length > 0) & (mass > 0)
    length = np.where(here, length, 1.0)
    fine = np.where(here, _FINE * mean, length)
    bend = np.log1p(np.maximum(length / np.maximum(fine, 1e-9 * length), 2.0))
    level = np.where(unknown, np.nan, mass)
    tails = np.broadcast_to(level, (_LAST + 1, *shape)).reshape(_LAST + 1, -1).copy()
    densities = np.where(unknown, np.nan, np.zeros((_LAST + 1, *shape))).reshape(_LAST + 1, -1)
    cells = np.flatnonzero(here)
    if cells.size:
        a = bend.ravel()[cells]
        # Just after the start: at the start itself the density is that of no time.
        away = np.maximum(np.expm1(np.outer(_POINTS, a)) / np.expm1(a), 1e-12)
        some = select(part.distribution, shape, cells) if shape else part.distribution
        tails[:, cells], densities[:, cells], _ = faces(some, length.ravel()[cells] * away)
    values = [tuple(row.reshape(shape)[()] for row in table) for table in (tails, densities)]
    return _Run(start[()], (start + length)[()], bend[()], level[()], *values)
