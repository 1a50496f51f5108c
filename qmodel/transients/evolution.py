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

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

__all__ = ["Change", "Neighbours", "evolve"]

_GAMMA = 2 - np.sqrt(2)
_HALF = _GAMMA / 2
_ERROR = (-3 * _GAMMA**2 + 4 * _GAMMA - 2) / (12 * (2 - _GAMMA))


class Change(Protocol):
    """How probabilities change at a moment."""

    def flow(self, p: np.ndarray) -> np.ndarray:
        """Return the change a second."""
        ...

    def solved(self, step: float, right: np.ndarray) -> np.ndarray:
        """Return x with x - step * flow(x) equal to `right`."""
        ...

    def size(self, missed: np.ndarray) -> float:
        """Return an error as probability mass [-]."""
        ...


class Neighbours(NamedTuple):
    """Jumps to the next level above and below, of an array of rates each [1/s]."""

    up: np.ndarray
    down: np.ndarray

    def flow(self, p: np.ndarray) -> np.ndarray:
        """Return the change of the probabilities a second."""
        across = self.up[:-1] * p[:-1] - self.down[1:] * p[1:]
        change = np.zeros(len(p))
        change[:-1] -= across
        change[1:] += across
        return change

    def solved(self, step: float, right: np.ndarray) -> Any:
        """Return x with x - step * flow(x) equal to `right`."""
        from scipy.linalg.lapack import dgtsv

        if len(right) == 1:
            return right.copy()
        up, down = -step * self.up, -step * self.down
        *_, found, _ = dgtsv(up[:-1], 1 - up - down, down[1:], right, 1, 1, 1)
        return found

    def size(self, missed: np.ndarray) -> float:
        """Return an error as probability mass [-]."""
        return float(np.abs(missed).sum())


def evolve(
    rates: Callable[..., Sequence[Change]],
    p: np.ndarray,
    start: float,
    end: float,
    *,
    tolerance: float,
    step: float,
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yield times and probabilities after each step, the last at `end`, and the next step.

    Parameters
    ----------
    rates : callable
        From times to how probabilities change then. [1/s]
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
    now, change = start, rates(start)[0].flow(p)
    while now < end:
        # The last two are as long, and one that ends there says little about the next.
        left, longest = end - now, step
        step = left if step >= left * (1 - 1e-9) else min(step, left / 2)
        middle, last = rates(now + _GAMMA * step, now + step)
        half = middle.solved(_HALF * step, p + _HALF * step * change)
        between = middle.flow(half)
        mixed = (half - (1 - _GAMMA) ** 2 * p) / (_GAMMA * (2 - _GAMMA))
        new = last.solved(_HALF * step, mixed)
        after = last.flow(new)
        rough = change / _GAMMA - between / (_GAMMA * (1 - _GAMMA)) + after / (1 - _GAMMA)
        error = last.size(last.solved(_HALF * step, 2 * _ERROR * step * rough))
        more = min(5.0, max(0.2, 0.85 * (tolerance / max(error, 1e-300)) ** (1 / 3)))
        if error <= tolerance or step <= 1e-9 * (end - start):
            now, p, change = end if step == left else now + step, new, after
            step = max(step * more, longest) if step < longest else step * more
            yield now, p, step
        else:
            step *= more
