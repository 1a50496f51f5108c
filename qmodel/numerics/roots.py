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
from typing import Any, Literal

import numpy as np

__all__ = ["bracketed", "increasing_root", "least_above"]


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
    side: Literal["below", "above"] | None = None,
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
    side : str, optional
        "below" for the end of the last bracket where `f` was seen to be below zero, "above" for
        that where it was above: what has noise is on the side that is meant all the same. [-]

    Returns
    -------
    number or array
        The crossing; `low` where f(low) > 0, `high` where f(high) < 0, NaN where f is NaN.

    Examples
    --------
    >>> increasing_root(lambda x: x**2 - np.array([2.0, 9.0]), 0.0, np.array([10.0, 10.0]))
    array([1.4142, 3.    ])
    >>> bool(increasing_root(lambda x: x**2 - 7.0, 0.0, 10.0, side="below") ** 2 < 7.0)
    True
    """

    def beyond(values: Any) -> Any:
        return values > 0 if side == "above" else values >= 0

    def best_of(a: Any, b: Any, fa: Any, fb: Any) -> Any:
        nearer = np.abs(fa) < np.abs(fb) if side is None else beyond(fa) == (side == "above")
        return np.where(nearer, a, b)

    a, b = (np.array(x, dtype=float) for x in np.broadcast_arrays(low, high))
    fa = _finite(f(a) if at_low is None else at_low)
    fb = _finite(f(b) if at_high is None else at_high)
    a, b, fa, fb = (np.array(x) for x in np.broadcast_arrays(a, b, fa, fb))
    inside = ~beyond(fa) & (beyond(fb) if side else fb > 0)
    found = np.where(inside, np.nan, np.where(beyond(fa), a, b))
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
            same = beyond(fx) == beyond(fa)
            c, fc = np.where(same, a, b), np.where(same, fa, fb)
            b, fb = np.where(same, b, a), np.where(same, fb, fa)
            a, fa = x, fx
            best = best_of(a, b, fa, fb)
            width = np.abs(b - a)
            narrow = width <= rtol * np.abs(best) + atol
            done = open_ & (narrow | ((fa == 0) & (side is None)))
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
    found = np.where(open_, best_of(a, b, fa, fb), found)
    return np.where(unknown, np.nan, found)[()]


def _finite(values: Any) -> Any:
    return np.clip(values, -1e300, 1e300)


def bracketed(f: Callable[[Any], Any], points: Any) -> tuple[Any, Any, Any, Any]:
    """Return the neighbours in `points` between which `f` crosses zero, and what it is there.

    The points ascend along their first axis and are evaluated at once; where all of them are
    beyond zero these are the first two, where none is the last two.
    """
    values = np.asarray(f(points))
    beyond = np.where(np.isnan(values), False, values >= 0)
    after = np.where(beyond.any(axis=0), np.argmax(beyond, axis=0), len(points) - 1)
    after = np.maximum(after, 1)

    def at(x: Any, i: Any) -> Any:
        return np.take_along_axis(np.broadcast_to(x, values.shape), i[None], axis=0)[0]

    low, high = (at(points, i) for i in (after - 1, after))
    return low, high, at(values, after - 1), at(values, after)


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
