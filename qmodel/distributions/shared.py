"""Transforms at the same points, each found once.

The parts of one time, such as those of a pipeline with a cache, are sums and mixtures of the
same few distributions. Where they are inverted together, each of these is asked for its
transform once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["each_once", "transform"]

_KNOWN: ContextVar[dict[tuple[int, int], tuple[Any, ...]] | None] = ContextVar(
    "known transforms", default=None
)


@contextmanager
def each_once() -> Iterator[None]:
    """Find each transform at the same array of points once."""
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
