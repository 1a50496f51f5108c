r"""Times between arrivals of a given SCV, as few phases in a row or beside each other.

Above an SCV of 1 they are hyperexponential with balanced means; below it a mixture of n - 1 and
n phases in a row, of one rate, with :math:`1 / n \le c_a^2 \le 1 / (n - 1)` [1]_.

References
----------
.. [1] H. C. Tijms, "Stochastic Models: An Algorithmic Approach", Wiley 1994, appendix B.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["gaps_of", "in_a_row", "in_two_ways"]

_MOST = 20
"""Phases in a row: the SCV of arrivals is taken as no less than one over that."""
_LARGEST = 1e4


def in_a_row(scv: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return n or n - 1 phases of one rate with this SCV, at least 1 / `most`, of mean 1.

    Examples
    --------
    >>> [part.tolist() for part in in_a_row(0.5, 8)]
    [[1.0, 0.0], [[-2.0, 2.0], [0.0, -2.0]]]
    """
    scv = max(scv, 1 / most)
    n = int(np.ceil(1 / scv - 1e-9))
    fewer = (n * scv - np.sqrt(max(n * (1 + scv) - n**2 * scv, 0.0))) / (1 + scv)
    initial = np.eye(n)[0] * (1 - fewer) + (np.eye(n)[1] * fewer if n > 1 else 0.0)
    return initial, (n - fewer) * (np.eye(n, k=1) - np.eye(n))


def in_two_ways(scv: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two phases beside each other with SCVs of 1 and more, of mean 1.

    Examples
    --------
    >>> [part.round(4).tolist() for part in in_two_ways(3.0)]
    [[0.8536, 0.1464], [[-1.7071, 0.0], [0.0, -0.2929]]]
    """
    often = (1 + np.sqrt((scv - 1) / (scv + 1))) / 2
    share = np.stack([often, 1 - often], axis=-1)
    return share, -2 * share[..., :, None] * np.eye(2) + 0.0


def gaps_of(scv: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Yield cells whose times between arrivals have as many phases, and these.

    Parameters
    ----------
    scv : array of shape (cells,)
        SCV of the times between arrivals; as if Poisson where it is NaN. [-]

    Yields
    ------
    tuple of (int array, pair of arrays)
        Cells, and for each of them the initial probabilities and the rates of a time of mean 1.
        [-]

    Examples
    --------
    >>> [(cells.tolist(), first.shape) for cells, (first, _) in gaps_of(np.array([4.0, 0.3]))]
    [([1], (1, 4)), ([0], (1, 2))]
    """
    scv = np.where(np.isnan(scv), 1.0, np.clip(scv, 1 / _MOST, _LARGEST))
    phases = np.where(scv > 1, 2, np.ceil(1 / scv - 1e-9)).astype(int)
    low = scv <= 1
    for n in np.unique(phases[low])[::-1]:
        cells = np.flatnonzero(low & (phases == n))
        rows = [in_a_row(float(scv[cell]), _MOST) for cell in cells]
        yield cells, (np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows]))
    cells = np.flatnonzero(~low)
    if cells.size:
        yield cells, in_two_ways(scv[cells])
