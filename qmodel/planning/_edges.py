"""Where a margin changes its sign, between a value that fails and one that holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qmodel.numerics.roots import increasing_root

__all__ = ["Margin", "halved", "nearly", "root"]

Margin = Callable[[Any], Any]
"""From a value to how far it misses what must hold; negative where it does not."""


def halved(margin: Margin, fails: Any, holds: Any) -> Any:
    """Return the last whole number that holds, between one that fails and one that does."""
    while (np.abs(holds - fails) > 1).any():
        middle = np.where(np.abs(holds - fails) > 1, np.floor((fails + holds) / 2), holds)
        good = np.asarray(margin(middle[()])) < 0
        fails, holds = np.where(good, fails, middle), np.where(good, middle, holds)
    return holds


def nearly(margin: Margin, fails: Any, holds: Any) -> Any:
    """Return a value that holds, a thousandth beside one that does not."""
    while abs(holds - fails) > 1e-3 * abs(holds):
        middle = (fails + holds) / 2
        good = margin(middle) < 0
        fails, holds = (fails, middle) if good else (middle, holds)
    return holds


def root(margin: Margin, fails: Any, holds: Any) -> Any:
    """Return where the margin passes through zero, on the side that holds."""

    def at(t: Any) -> Any:
        return (fails + t * (holds - fails))[()]

    def spare(t: Any) -> Any:
        return -np.asarray(margin(at(t)))

    return at(increasing_root(spare, np.zeros_like(fails), 1.0, side="above"))
