"""Equality by value of frozen models: what has the same parameters is equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

import numpy as np

__all__ = ["digest_fields", "remembered", "same", "same_fields"]

F = TypeVar("F", bound=Callable[..., Any])

_REMEMBERED = 256
"""Values of a function that are kept."""


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal: by fields, in all cells; NaN equals NaN.

    Examples
    --------
    >>> same((1.0, np.array([2.0, np.nan])), (1.0, np.array([2.0, np.nan])))
    True
    >>> same(np.array([1.0, 1.0]), 1.0)
    False
    """
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        shapes = np.shape(one) == np.shape(other)
        return shapes and bool(np.all((one == other) | ((one != one) & (other != other))))
    if isinstance(one, (tuple, list)):
        return (
            type(one) is type(other)
            and len(one) == len(other)
            and all(same(x, y) for x, y in zip(one, other, strict=True))
        )
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (one != one and other != other)
    return bool(one == other)


def same_fields(one: Any, other: Any) -> bool:
    """Return whether two objects are of one dataclass with equal fields."""
    if one is other:
        return True
    if type(one) is not type(other) or not is_dataclass(one):
        return False
    return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))


def _digest(value: Any) -> int:
    """Return a hash that equal values share; of an array, that of its shape and ends."""
    if isinstance(value, np.ndarray) and value.ndim:
        ends = (value.flat[0], value.flat[-1]) if value.size else ()
        return hash((value.shape, *map(_digest, ends)))
    if isinstance(value, (tuple, list)):
        return hash(tuple(map(_digest, value)))
    value = value[()] if isinstance(value, np.ndarray) else value
    return hash(value) if value == value else 0  # each NaN has a hash of its own


def digest_fields(thing: Any) -> int:
    """Return a hash that equal objects of one dataclass share."""
    if not is_dataclass(thing):
        return object.__hash__(thing)
    return hash((type(thing), *(_digest(getattr(thing, f.name)) for f in fields(thing))))


def remembered(function: F) -> F:
    """Return a function that is worked out once for equal models, of the last that it had.

    Examples
    --------
    >>> import qmodel as qm
    >>> third = remembered(lambda service: print("once") or service.mean / 3)
    >>> [float(third(qm.Exponential(mean))) for mean in (0.3, 0.3)]
    once
    [0.1, 0.1]
    """
    known = lru_cache(maxsize=_REMEMBERED)(function)

    @wraps(function)
    def call(*args: Any) -> Any:
        try:
            return known(*args)
        except TypeError:  # A distribution of somebody's own need not have a hash.
            return function(*args)

    return call  # type: ignore[return-value]
