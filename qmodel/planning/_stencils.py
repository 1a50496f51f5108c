"""Derivatives by differences of sixth order; those of the fourth bound their error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["BACKWARD", "CENTRAL", "FORWARD", "STEP", "Stencil"]

STEP = 1e-3
"""Greatest step of the logarithm of a parameter."""


@dataclass(frozen=True, slots=True)
class Stencil:
    """Offsets in steps, and the weights of the derivative at 0 by two orders."""

    offsets: tuple[int, ...]
    sixth: tuple[float, ...]
    fourth: tuple[float, ...]

    def slope(self, logs: np.ndarray, step: float) -> tuple[float, float]:
        """Return the derivative to sixth order, and by how much the fourth differs."""
        # What is endless or none on either side does not depend on the parameter.
        if np.isinf(logs).all():
            return 0.0, 0.0
        slope, rougher = (float(logs @ np.array(w) / step) for w in (self.sixth, self.fourth))
        return slope + 0.0, abs(slope - rougher)


CENTRAL = Stencil(
    (-3, -2, -1, 1, 2, 3),
    (-1 / 60, 3 / 20, -3 / 4, 3 / 4, -3 / 20, 1 / 60),
    (0, 1 / 12, -2 / 3, 2 / 3, -1 / 12, 0),
)
FORWARD = Stencil(
    (0, 1, 2, 3, 4, 5, 6),
    (-49 / 20, 6, -15 / 2, 20 / 3, -15 / 4, 6 / 5, -1 / 6),
    (-25 / 12, 4, -3, 4 / 3, -1 / 4, 0, 0),
)
BACKWARD = Stencil(
    tuple(-offset for offset in FORWARD.offsets),
    tuple(-weight for weight in FORWARD.sixth),
    tuple(-weight for weight in FORWARD.fourth),
)
