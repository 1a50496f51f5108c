"""Names that go: after the first release a name that is replaced warns for a while.

What is replaced keeps working, says what to use instead, and is removed in the release that it
names. Nothing is deprecated before the first release.

Examples
--------
>>> import warnings
>>> @deprecated(instead="capacity", since="0.3", until="0.5")
... def most(x: float) -> float:
...     return x
>>> with warnings.catch_warnings(record=True) as said:
...     warnings.simplefilter("always")
...     most(3.0)
3.0
>>> print(said[0].message)
most is deprecated since 0.3 and goes in 0.5: use capacity
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["deprecated"]

P = ParamSpec("P")
R = TypeVar("R")


def deprecated(
    *, instead: str, since: str, until: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator of what is replaced: each call warns, naming what to use instead."""

    def mark(old: Callable[P, R]) -> Callable[P, R]:
        said = f"{old.__name__} is deprecated since {since} and goes in {until}: use {instead}"

        @functools.wraps(old)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            warnings.warn(said, DeprecationWarning, stacklevel=2)
            return old(*args, **kwargs)

        called.__doc__ = f"{old.__doc__ or ''}\n\n.. deprecated:: {since}\n   Use {instead}.\n"
        return called

    return mark
