"""The cells of a distribution whose parameters are arrays.

A distribution is a tree of frozen dataclasses; its parameters broadcast. Chunked and compacted
work needs "the same distribution, in these cells only": `select` gives it, sharing
sub-distributions that the tree shares; `joined` puts cells together again, of distributions of
one form. A field marked `WHOLE` (the samples of an empirical
distribution) is no parameter.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

__all__ = ["WHOLE", "form_of", "joined", "one_by_one", "select", "shape_of", "whole"]

WHOLE = "whole"
_NUMBERS = (float, int, np.float64)
_FEW = 64  # cells that are copied as soon as looked at


def whole(**options: Any) -> Any:
    """Declare a dataclass field that is one object, not a parameter with cells."""
    return field(metadata={WHOLE: True}, **options)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if not f.metadata.get(WHOLE))


def shape_of(distribution: Any) -> tuple[int, ...]:
    """Return the shape that the parameters of `distribution` broadcast to."""
    if isinstance(distribution, tuple):
        values: Iterable[Any] = distribution
    elif is_dataclass(distribution) and not isinstance(distribution, type):
        values = [getattr(distribution, name) for name in _names(type(distribution))]
    else:
        return np.shape(distribution) if isinstance(distribution, (np.ndarray, list)) else ()
    shapes = [shape_of(v) for v in values if type(v) not in _NUMBERS]
    return np.broadcast_shapes(*shapes) if any(shapes) else ()


def select(distribution: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Return the cells with flat `index` of its broadcast `shape`, as one axis."""
    where = np.unravel_index(index, shape)
    if len(shape) == 1 and np.size(index) > _FEW:
        first, last = int(index[0]), int(index[-1]) + 1
        # Cells next to each other are not copied.
        if last - first == len(index) and (np.diff(index) == 1).all():
            where = (slice(first, last),)
    return _select(distribution, shape, where, {})


def _select(x: Any, shape: tuple[int, ...], where: Any, seen: dict[int, Any]) -> Any:
    kind: Any = type(x)
    if kind in _NUMBERS:
        return x
    if isinstance(x, np.ndarray):
        return x if x.ndim == 0 else np.broadcast_to(x, shape)[where]
    if isinstance(x, tuple):
        chosen = [_select(v, shape, where, seen) for v in x]
        if all(map(operator.is_, chosen, x)):
            return x
        return kind(*chosen) if hasattr(x, "_fields") else tuple(chosen)
    if not is_dataclass(x):
        return x
    found = seen.get(id(x))
    if found is None:
        found = x
        cells = {}
        for name in _names(kind):
            value = getattr(x, name)
            chosen = _select(value, shape, where, seen)
            if chosen is not value:
                cells[name] = chosen
        # What has no cells is one object in all of them.
        if cells:
            found = object.__new__(kind)
            for f in fields(x):
                value = cells[f.name] if f.name in cells else getattr(x, f.name)
                object.__setattr__(found, f.name, value)
        seen[id(x)] = found
    return found


def one_by_one(distribution: Any, shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, Any]]:
    """Yield each cell of a distribution, and where it is in a flat array of a `shape`."""
    own = shape_of(distribution)
    cell = np.arange(math.prod(own)).reshape(own)
    places = np.broadcast_to(cell, shape).ravel()
    for k in cell.flat:
        yield np.flatnonzero(places == k), select(distribution, own, k)


def form_of(x: Any) -> Any:
    """Return what is the same of distributions that differ only in their cells."""
    if isinstance(x, (np.ndarray, *_NUMBERS)):
        return 0
    if isinstance(x, tuple):
        return type(x), *map(form_of, x)
    if not is_dataclass(x):
        return id(x)
    values = ((getattr(x, f.name), f.metadata.get(WHOLE)) for f in fields(x))
    return type(x), *(id(value) if same else form_of(value) for value, same in values)


def joined(parts: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Return distributions of one form as one, with so many cells from each, as one axis."""
    return _joined(tuple(parts), sizes, {})


def _joined(xs: tuple[Any, ...], sizes: Sequence[int], seen: dict[Any, Any]) -> Any:
    first = xs[0]
    if all(x is first for x in xs) and not np.ndim(first):
        return first
    if isinstance(first, tuple):
        parts = [_joined(each, sizes, seen) for each in zip(*xs, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    if not is_dataclass(first):
        cells = (np.broadcast_to(x, size) for x, size in zip(xs, sizes, strict=True))
        return np.concatenate([*cells])
    key = tuple(map(id, xs))
    if key not in seen:
        seen[key] = copy = object.__new__(type(first))
        for f in fields(first):
            values = tuple(getattr(x, f.name) for x in xs)
            same = f.metadata.get(WHOLE)
            value = values[0] if same else _joined(values, sizes, seen)
            object.__setattr__(copy, f.name, value)
    return seen[key]
