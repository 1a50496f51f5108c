"""The cells of a law whose parameters are arrays.

A law is a tree of frozen dataclasses; its parameters broadcast. Chunked and compacted work
needs "the same law, in these cells only": `select` gives it, sharing sub-laws that the
tree shares. A field marked `WHOLE` (the samples of an empirical law) is no parameter.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import field, fields, is_dataclass
from typing import Any

import numpy as np

__all__ = ["WHOLE", "select", "shape_of", "whole"]

WHOLE = "whole"


def whole(**options: Any) -> Any:
    """Declare a dataclass field that is one object, not a parameter with cells."""
    return field(metadata={WHOLE: True}, **options)


def _values(law: Any) -> Iterator[Any]:
    for f in fields(law):
        if not f.metadata.get(WHOLE):
            yield getattr(law, f.name)


def shape_of(law: Any) -> tuple[int, ...]:
    """Return the shape that the parameters of `law` broadcast to."""
    if isinstance(law, tuple):
        values: Iterator[Any] = iter(law)
    elif is_dataclass(law):
        values = _values(law)
    else:
        return np.shape(law) if isinstance(law, (np.ndarray, list)) else ()
    return np.broadcast_shapes(*(shape_of(v) for v in values))


def select(law: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Return `law` in the cells with flat `index` of its broadcast `shape`, as one axis."""
    where = np.unravel_index(index, shape)
    return _select(law, shape, where, {})


def _select(x: Any, shape: tuple[int, ...], where: Any, seen: dict[int, Any]) -> Any:
    if isinstance(x, np.ndarray):
        return x if x.ndim == 0 else np.broadcast_to(x, shape)[where]
    if isinstance(x, tuple):
        chosen = [_select(v, shape, where, seen) for v in x]
        if all(map(operator.is_, chosen, x)):
            return x
        return type(x)(*chosen) if hasattr(x, "_fields") else tuple(chosen)
    if not is_dataclass(x):
        return x
    if id(x) not in seen:
        kept = {}
        for f in fields(x):
            value = getattr(x, f.name)
            same = f.metadata.get(WHOLE)
            kept[f.name] = value if same else _select(value, shape, where, seen)
        seen[id(x)] = x
        # What has no cells is one object in all of them.
        if any(value is not getattr(x, name) for name, value in kept.items()):
            seen[id(x)] = copy = object.__new__(type(x))
            for name, value in kept.items():
                object.__setattr__(copy, name, value)
    return seen[id(x)]
