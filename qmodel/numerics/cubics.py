r"""Values between equally spaced ones, by the cubic through the four around (Lagrange).

References
----------
.. [1] M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, 25.2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["cubic"]


def cubic(near: Callable[[int], Any], x: Any) -> Any:
    """Return the value at x of the cubic through `near(k)` at k = -1, 0, 1 and 2.

    Examples
    --------
    >>> cubic(lambda k: k**3, 0.5)
    0.125
    """
    weights = (
        -x * (x - 1) * (x - 2) / 6,
        (x + 1) * (x - 1) * (x - 2) / 2,
        -(x + 1) * x * (x - 2) / 2,
        (x + 1) * x * (x - 1) / 6,
    )
    return sum(weight * near(k) for k, weight in enumerate(weights, -1))
