"""What the exponential function is beyond its first two terms, without cancellation."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

__all__ = ["exp_rest"]


def exp_rest(s: Any) -> Any:
    """Return exp(s) - 1 - s, for real and complex `s`.

    Examples
    --------
    >>> float(exp_rest(1e-9))
    5e-19
    """
    s = np.asarray(s)
    near = np.abs(s) < 0.5
    if not near.any():
        with np.errstate(over="ignore"):
            return (np.expm1(s) - s)[()]
    small = np.where(near, s, 0.0)
    series = np.zeros_like(small)
    for k in range(16, 1, -1):
        series = series * small + 1.0 / factorial(k)
    with np.errstate(over="ignore"):
        return np.where(near, series * small * small, np.expm1(s) - s)[()]
