"""Roots of monotone functions, on whole arrays.

Capacity and sizing ask where an increasing function crosses zero. All cells are bracketed
by doubling and then narrowed together by the method of Chandrupatla, which takes an
inverse quadratic step where that is safe and halves the bracket where it is not.

References
----------
.. [1] T. R. Chandrupatla, "A new hybrid quadratic/bisection algorithm for finding the zero
   of a nonlinear function without using derivatives", Advances in Engineering Software
   28, 1997.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["increasing_root", "least_above"]


def increasing_root(
    f: Callable[[Any], Any],
    low: Any,
    high: Any,
    *,
    rtol: float = 1e-12,
    atol: float = 0.0,
    most: int = 100,
    at_low: Any = None,
    at_high: Any = None,
) -> Any:
    """Return where the increasing `f` crosses zero between `low` and `high`.

    Parameters
    ----------
    f : callable
        Takes an array and returns one of its shape; increasing, ``inf`` is allowed. [-]
    low, high : number or array
        The bracket, in every cell. [-]
    rtol : float, default 1e-12
        Relative width of the final bracket. [-]
    atol : float, default 0
        Width of a bracket that is narrow enough, whatever its root. [-]
    most : int, default 100
        Most evaluations of `f`. [-]
    at_low, at_high : number or array, optional
        What `f` is at `low` and at `high`, where that is known. [-]

    Returns
    -------
    number or array
        The crossing; `low` where f(low) > 0, `high` where f(high) < 0, NaN where f is NaN.

    Examples
    --------
    >>> increasing_root(lambda x: x**2 - np.array([2.0, 9.0]), 0.0, np.array([10.0, 10.0]))
    array([1.4142, 3.    ])
    """
    a, b = (np.array(x, dtype=float) for x in np.broadcast_arrays(low, high))
    fa = _finite(f(a) if at_low is None else at_low)
    fb = _finite(f(b) if at_high is None else at_high)
    a, b, fa, fb = (np.array(x) for x in np.broadcast_arrays(a, b, fa, fb))
    found = np.where(fa >= 0, a, np.where(fb <= 0, b, np.nan))
    unknown = np.isnan(fa) | np.isnan(fb)
    open_ = np.isnan(found) & ~unknown
    t = np.full(a.shape, 0.5)
    c, fc = a, fa
    with np.errstate(all="ignore"):
        for _ in range(most):
            if not open_.any():
                break
            x = a + t * (b - a)
            fx = _finite(f(np.where(open_, x, a)))
            same = np.sign(fx) == np.sign(fa)
            c, fc = np.where(same, a, b), np.where(same, fa, fb)
            b, fb = np.where(same, b, a), np.where(same, fb, fa)
            a, fa = x, fx
            best = np.where(np.abs(fa) < np.abs(fb), a, b)
            width = np.abs(b - a)
            done = open_ & ((width <= rtol * np.abs(best) + atol) | (fa == 0))
            found = np.where(done, best, found)
            open_ &= ~done
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (
                fc - fb
            )
            t = np.where(safe & np.isfinite(step), step, 0.5)
            least = 0.5 * rtol * np.abs(best) / width
            t = np.clip(t, least, 1 - least)
    found = np.where(open_, np.where(np.abs(fa) < np.abs(fb), a, b), found)
    return np.where(unknown, np.nan, found)[()]


def _finite(values: Any) -> Any:
    return np.clip(values, -1e300, 1e300)


def least_above(f: Callable[[Any], Any], start: Any) -> Any:
    """Return where the increasing `f` crosses zero at or above `start`; inf if it never does.

    Parameters
    ----------
    f : callable
        Takes an array and returns one of its shape; increasing. [-]
    start : number or array
        Where to begin, > 0. [-]

    Returns
    -------
    number or array
        The crossing, or inf beyond 2^60 times the start. [-]

    Examples
    --------
    >>> float(least_above(lambda x: np.sqrt(x) - 3.0, 1.0))
    9.0
    >>> float(least_above(lambda x: -1.0 / x, 1.0))
    inf
    """
    start = np.asarray(start, dtype=float)
    finite = np.where(np.isfinite(start), start, 1.0)
    high = finite.copy()
    for _ in range(60):
        below = np.asarray(f(high[()])) < 0
        if not below.any():
            break
        high = np.where(below, 2 * high, high)
    found = increasing_root(f, finite * (1 - 1e-12), high)
    never = (np.asarray(f(high[()])) < 0) | np.isinf(start)
    return np.where(never, np.inf, found)[()]
