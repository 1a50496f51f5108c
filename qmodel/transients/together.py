"""Two stations in a row: how the probabilities of the second and the moments change."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qmodel.transients.feed import Coupling

__all__ = ["Together"]


@dataclass(slots=True, eq=False)
class Together:
    """How moments of the first station over the levels of the second change at a moment.

    Parameters
    ----------
    coupling : Coupling
        How they depend on each other. [-]
    up, down : array of shape (n,)
        Jumps to the next level of what comes and leaves in the mean. [1/s]
    of_more : tuple of two arrays of shape (n,)
        How much more often they are for one more that comes a second. [-]
    """

    coupling: Coupling
    up: np.ndarray
    down: np.ndarray
    of_more: tuple[np.ndarray, np.ndarray]
    _factored: tuple[float, np.ndarray, np.ndarray] | None = field(init=False, default=None)

    @property
    def _differs(self) -> np.ndarray:
        """What comes, less that of the mean."""
        coming = self.coupling.coming
        return np.asarray(coming - coming[0, 0] * np.eye(len(coming)))

    def flow(self, p: np.ndarray) -> np.ndarray:
        """Return the change a second."""
        more, (rise, fall) = self._differs @ p, self.of_more
        up, down = self.up * p + rise * more, self.down * p + fall * more
        across = up[:, :-1] - down[:, 1:]
        change = self.coupling.here @ p
        change[:, :-1] -= across
        change[:, 1:] += across
        return np.asarray(change)

    def solved(self, step: float, right: np.ndarray) -> np.ndarray:
        """Return x with x - step * flow(x) equal to `right`."""
        from scipy.linalg.lapack import dgbtrf, dgbtrs

        size, length = right.shape
        width = min(2 * size, size * length) - 1
        if self._factored is None or self._factored[0] != step:
            matrix = self._banded(step, size, length, width)
            factors, pivots, _ = dgbtrf(matrix, width, width, overwrite_ab=True)
            self._factored = step, factors, pivots
        _, factors, pivots = self._factored
        found, _ = dgbtrs(factors, width, width, right.T.reshape(-1), pivots)
        return np.asarray(found.reshape(length, size).T)

    def _banded(self, step: float, size: int, length: int, width: int) -> np.ndarray:
        """Return the matrix of the equation, level by level, with room for its factors."""
        differs, (rise, fall) = self._differs.T, self.of_more

        def blocks(plain: np.ndarray, more: np.ndarray) -> np.ndarray:
            found: np.ndarray = np.multiply.outer(-step * more, differs)
            np.einsum("kii->ki", found)[...] -= step * plain[:, None]
            return found

        # By level, column and row of a block.
        ups, downs = blocks(self.up, rise), blocks(self.down, fall)
        stays = (np.eye(size) - step * self.coupling.here.T) - ups - downs
        found = np.zeros((length, size, 3 * width + 1))
        for j in range(size):
            row = 2 * width - j
            found[:, j, row : row + size] = stays[:, j]
            if length > 1:
                found[:-1, j, row + size : row + 2 * size] = ups[:-1, j]
                found[1:, j, row - size : row] = downs[1:, j]
        return found.reshape(size * length, -1).T

    def size(self, missed: np.ndarray) -> float:
        """Return an error as probability mass, and moments in their standard deviations [-]."""
        return float(np.abs(missed).sum(axis=1).max())
