r"""How the probabilities of the levels change: the Kolmogorov equations, in adaptive steps.

.. math:: \dot p = p \, Q(t)

is stiff (a request takes milliseconds, a crowd minutes), so it is integrated by TR-BDF2 [1]_:
half a step of the trapezoidal rule, then one of the second backward formula. Both are
tridiagonal, keep the mass to rounding and forget fast modes. Steps are as long as the error of
one allows.

References
----------
.. [1] M. E. Hosea, L. F. Shampine, "Analysis and implementation of TR-BDF2", Applied Numerical
   Mathematics 20, 1996.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["evolve"]

_GAMMA = 2 - np.sqrt(2)
_HALF = _GAMMA / 2
_ERROR = (-3 * _GAMMA**2 + 4 * _GAMMA - 2) / (12 * (2 - _GAMMA))

Rates = Callable[[float], tuple[np.ndarray, np.ndarray]]
"""From a time to the rates up and down from each level."""


def evolve(
    rates: Rates, p: np.ndarray, start: float, end: float, *, tolerance: float, step: float
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yield times and probabilities after each step, the last at `end`, and the next step.

    Parameters
    ----------
    rates : callable
        From a time to the rates up and down from each level. [1/s]
    p : array
        The probabilities at the start. [-]
    start, end : float
        From when to when. [s]
    tolerance : float
        Error of one step, in probability mass. [-]
    step : float
        The first step to try. [s]

    Yields
    ------
    tuple of float, array and float
        Time [s], probabilities [-], and the step that may be tried next [s].
    """
    now, (up, down) = start, rates(start)
    change = _flow(up, down, p)
    while now < end:
        # The last two are as long, and one that ends there says little about the next.
        left, longest = end - now, step
        step = left if step >= left * (1 - 1e-9) else min(step, left / 2)
        middle, last = rates(now + _GAMMA * step), rates(now + step)
        half = _solved(*middle, _HALF * step, p + _HALF * step * change)
        between = _flow(*middle, half)
        mixed = (half - (1 - _GAMMA) ** 2 * p) / (_GAMMA * (2 - _GAMMA))
        new = _solved(*last, _HALF * step, mixed)
        after = _flow(*last, new)
        rough = change / _GAMMA - between / (_GAMMA * (1 - _GAMMA)) + after / (1 - _GAMMA)
        missed = _solved(*last, _HALF * step, 2 * _ERROR * step * rough)
        error = float(np.abs(missed).sum())
        more = min(5.0, max(0.2, 0.85 * (tolerance / max(error, 1e-300)) ** (1 / 3)))
        if error <= tolerance or step <= 1e-9 * (end - start):
            now, p, change = end if step == left else now + step, new, after
            step = max(step * more, longest) if step < longest else step * more
            yield now, p, step
        else:
            step *= more


def _flow(up: np.ndarray, down: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the change of the probabilities a second."""
    across = up[:-1] * p[:-1] - down[1:] * p[1:]
    change = np.zeros(len(p))
    change[:-1] -= across
    change[1:] += across
    return change


def _solved(up: np.ndarray, down: np.ndarray, step: float, right: np.ndarray) -> Any:
    """Return x with x - step * flow(x) equal to `right`."""
    from scipy.linalg.lapack import dgtsv

    if len(right) == 1:
        return right.copy()
    *_, found, _ = dgtsv(-step * up[:-1], 1 + step * (up + down), -step * down[1:], right)
    return found
