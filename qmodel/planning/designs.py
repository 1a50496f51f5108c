"""Designs: which scenarios a sweep solves, a grid or points that fill a space.

A design knows its cells by their number, so any part of it can be laid out alone: the parts
of a sweep are the same on one core, on many and on a cluster.

==========  ================================================================
design      cells
==========  ================================================================
`Grid`      all combinations of the values of its axes; the last varies fastest
`Sobol`     points that fill the box of the ranges evenly, with scrambling [1]_
`Random`    independent points
==========  ================================================================

A grid of k values on d axes has k^d cells, and half of the axes hardly matter; Sobol points see
each axis at all of its values. A range is two numbers, or a distribution that is drawn from;
between two whole numbers all values are whole.

References
----------
.. [1] A. B. Owen, "Scrambling Sobol' and Niederreiter-Xing points", Journal of Complexity 14,
   1998; I. M. Sobol', USSR Computational Mathematics and Mathematical Physics 7, 1967.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check, units
from qmodel._fields import Model, parameter
from qmodel.distributions import Distribution
from qmodel.errors import DomainError, ModelError

__all__ = ["Design", "Grid", "Random", "Sobol"]

_BLOCK = 4096
"""Cells that are drawn together: the same whatever part of a design is asked for."""

_EDGE = 1e-9
"""Probability beyond the values of a distribution that stand for its ends."""


class Design(Model, ABC):
    """The scenarios of a sweep, by their number.

    Examples
    --------
    >>> grid = Grid({"arrival_rate": [10.0, 20.0], "db.servers": [1, 2, 3]})
    >>> len(grid), list(grid.names)
    (6, ['arrival_rate', 'db.servers'])
    """

    __slots__ = ()

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The parameters that vary."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of cells."""

    @abstractmethod
    def cells(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return the values of the cells from `start` to `stop`, flat, by parameter."""

    @abstractmethod
    def ends(self, name: str) -> np.ndarray:
        """Return the least and the greatest value of a parameter."""

    def corners(self) -> dict[str, np.ndarray]:
        """Return all combinations of the ends, by parameter."""
        grid = np.meshgrid(*(np.unique(self.ends(n)) for n in self.names))
        return dict(zip(self.names, (x.ravel() for x in grid), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Grid(Design):
    """All combinations of the values of some axes.

    Parameters
    ----------
    axes : mapping of str to sequence
        The axes and their values, numbers or texts with units ("5 ms"). [-]

    Raises
    ------
    DomainError
        If an axis is empty or is not of numbers.
    ModelError
        If there is no axis.

    Examples
    --------
    >>> Grid({"arrival_rate": [10.0, 20.0], "db.servers": [1, 2]}).cells(1, 3)
    {'arrival_rate': array([10., 20.]), 'db.servers': array([2, 1])}
    """

    axes: Mapping[str, Any]

    def __post_init__(self) -> None:
        axes = {name: _axis(name, values) for name, values in self.axes.items()}
        if not axes:
            raise ModelError("a sweep needs at least one axis")
        object.__setattr__(self, "axes", axes)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that vary."""
        return tuple(self.axes)

    def __len__(self) -> int:
        """Return the number of cells."""
        return math.prod(map(len, self.axes.values()))

    def cells(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return the values of the cells from `start` to `stop`, flat, by parameter."""
        rows = np.arange(*_part(start, stop, len(self)))
        where = np.unravel_index(rows, tuple(map(len, self.axes.values())))
        return {n: a[i] for (n, a), i in zip(self.axes.items(), where, strict=True)}

    def ends(self, name: str) -> np.ndarray:
        """Return the least and the greatest value of a parameter."""
        axis = self.axes[name]
        return np.array([np.fmin.reduce(axis), np.fmax.reduce(axis)])


def _part(start: int, stop: int, count: int) -> tuple[int, int]:
    """Return the ends of a part of so many cells."""
    first, last = (
        _check.one_count(name, x, least=0) for name, x in (("start", start), ("stop", stop))
    )
    return min(first, count), min(last, count)


def _axis(name: str, values: Any) -> np.ndarray:
    if isinstance(values, str) or not np.iterable(values):
        values = [values]
    if not isinstance(values, np.ndarray):
        values = [units.parse(v) if isinstance(v, str) else v for v in values]
    try:
        axis = np.array(values)
    except ValueError:
        axis = np.empty((0, 0))
    if axis.ndim != 1 or axis.dtype.kind not in "iuf":
        said = _check.short(values)
        raise DomainError(f"axis {name!r} must be a sequence of numbers, got {said}")
    if axis.size == 0:
        raise DomainError(f"axis {name!r} must have at least one value")
    axis.flags.writeable = False
    return axis


@dataclass(frozen=True, slots=True, eq=False)
class _Filling(Design):
    """Points of a box, made from points of the unit cube."""

    ranges: Mapping[str, Any]
    count: int = parameter("number of cells", symbol="n", check=_check.one_count)
    seed: int = parameter("which points", check=partial(_check.one_count, least=0), default=0)

    def __post_init__(self) -> None:
        ranges = {name: _range(name, given) for name, given in self.ranges.items()}
        if not ranges:
            raise ModelError("a sweep needs at least one range")
        object.__setattr__(self, "ranges", ranges)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that vary."""
        return tuple(self.ranges)

    def __len__(self) -> int:
        """Return the number of cells."""
        return self.count

    def cells(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return the values of the cells from `start` to `stop`, flat, by parameter."""
        points = self._points(*_part(start, stop, self.count))
        drawn = zip(self.ranges.items(), points.T, strict=True)
        return {name: _within(given, u) for (name, given), u in drawn}

    def ends(self, name: str) -> np.ndarray:
        """Return the least and the greatest value of a parameter."""
        given = self.ranges[name]
        edges = (_EDGE, 1 - _EDGE) if isinstance(given, Distribution) else (0.0, 1 - _EDGE)
        return _within(given, np.array(edges))

    @abstractmethod
    def _points(self, start: int, stop: int) -> np.ndarray:
        """Return points of the unit cube, one a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Sobol(_Filling):
    """Points that fill a box evenly: Sobol's sequence, scrambled.

    Parameters
    ----------
    ranges : mapping of str to pair or Distribution
        The parameters, each with its least and greatest value, numbers or texts with units,
        or a distribution that is drawn from. [-]
    count : int
        Number of cells, >= 1; a power of two fills best. [-]
    seed : int, default 0
        Which scrambling, >= 0. [-]

    Raises
    ------
    DomainError
        If a range is not two numbers in order.
    ModelError
        If there is no range.

    Examples
    --------
    >>> design = Sobol({"arrival_rate": (10.0, 20.0), "db.servers": (1, 4)}, count=4)
    >>> np.sort(design.cells(0, 4)["db.servers"])
    array([1, 2, 3, 4])
    """

    def _points(self, start: int, stop: int) -> np.ndarray:
        import warnings

        from scipy.stats import qmc

        points = qmc.Sobol(len(self.ranges), scramble=True, seed=self.seed)
        if start:
            points.fast_forward(start)
        with warnings.catch_warnings():
            # A part of the sequence is no power of two, but the whole may be.
            warnings.simplefilter("ignore", UserWarning)
            found: np.ndarray = points.random(stop - start)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Random(_Filling):
    """Independent points of a box, uniform in each range or drawn from its distribution.

    Parameters
    ----------
    ranges : mapping of str to pair or Distribution
        As for `Sobol`. [-]
    count : int
        Number of cells, >= 1. [-]
    seed : int, default 0
        Which draws, >= 0. [-]

    Raises
    ------
    DomainError
        If a range is not two numbers in order.
    ModelError
        If there is no range.

    Examples
    --------
    >>> design = Random({"db.service_time": ("5 ms", "20 ms")}, count=1000, seed=7)
    >>> times = design.cells(0, 1000)["db.service_time"]
    >>> bool((design.cells(500, 600)["db.service_time"] == times[500:600]).all())
    True
    """

    def _points(self, start: int, stop: int) -> np.ndarray:
        first, last = start // _BLOCK, -(-stop // _BLOCK)
        blocks = [
            np.random.default_rng([self.seed, block]).random((_BLOCK, len(self.ranges)))
            for block in range(first, last)
        ]
        drawn = np.concatenate(blocks) if blocks else np.empty((0, len(self.ranges)))
        return drawn[start - first * _BLOCK : stop - first * _BLOCK]


def _range(name: str, given: Any) -> Any:
    if isinstance(given, Distribution):
        return given
    ends = _axis(name, _check.several(f"the range of {name!r}", given))
    if ends.size != 2 or not ends[0] <= ends[1] or not np.isfinite(ends).all():
        raise DomainError(
            f"the range of {name!r} must be a least and a greatest value, got "
            f"{_check.short(given)}"
        )
    return ends


def _within(given: Any, u: np.ndarray) -> np.ndarray:
    """Return the values of a range at points of the unit interval."""
    if isinstance(given, Distribution):
        return np.asarray(given.quantile(u))
    low, high = given
    if given.dtype.kind in "iu":
        return np.asarray(low + np.floor(u * (high - low + 1)).astype(given.dtype))
    return np.asarray(low + u * (high - low))
