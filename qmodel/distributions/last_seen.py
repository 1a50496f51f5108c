"""The last answers to costly questions, of distributions that are asked again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["Last", "where"]


class Last:
    """So many answers, the oldest of which is forgotten for a new one."""

    __slots__ = ("_most", "_seen")

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[Any, Any] = {}

    def of(self, key: Any, distribution: Distribution, make: Callable[[], Any]) -> Any:
        """Return what was found of a distribution, or find it."""
        found = self._seen.get(key)
        # What is held beside the answer keeps its id.
        if found is None or found[0] is not distribution:
            new = make()
            while len(self._seen) >= self._most:
                self._seen.pop(next(iter(self._seen)), None)
            found = self._seen[key] = distribution, new
        return found[1]


def where(s: Any) -> Any:
    """Return what equal points share."""
    return None if s is None else (np.shape(s), np.asarray(s).tobytes())
