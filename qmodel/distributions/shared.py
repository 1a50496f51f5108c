"""What parts share, each found once: transforms at the same points, and plain readings.

The parts of one time, such as those of a pipeline with a cache, are sums and mixtures of the
same few distributions: a tree of them is far larger than their number. Where they are looked at
together, each of these is asked once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["asked_once", "each_once", "read", "transform", "transformed"]

_KNOWN: ContextVar[dict[tuple[int, Any], tuple[Any, ...]] | None] = ContextVar(
    "what is known", default=None
)


@contextmanager
def each_once() -> Iterator[None]:
    """Find each transform at the same array of points once, and each reading."""
    token = _KNOWN.set({})
    try:
        yield
    finally:
        _KNOWN.reset(token)


def transform(distribution: Distribution, s: Any) -> Any:
    """Return the transform at the points `s`, as it is known if it is."""
    known = _KNOWN.get()
    if known is None:
        return distribution.laplace(s)
    key = id(distribution), id(s)
    if key not in known:
        # What is held beside the value keeps its id.
        known[key] = distribution.laplace(s), distribution, s
    return known[key][0]


def read(distribution: Distribution, name: str) -> Any:
    """Return an attribute of a distribution, as it is known if it is."""
    known = _KNOWN.get()
    if known is None:
        return getattr(distribution, name)
    key = id(distribution), name
    if key not in known:
        known[key] = getattr(distribution, name), distribution
    return known[key][0]


def asked_once(distribution: Distribution, name: str) -> Any:
    """Return an attribute of a tree, of which each node is asked once."""
    with each_once():
        return read(distribution, name)


def transformed(distribution: Distribution, s: Any) -> Any:
    """Return the transform of a tree at the points `s`, of which each node is asked once."""
    with each_once():
        return transform(distribution, s)
