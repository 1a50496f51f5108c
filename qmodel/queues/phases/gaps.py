"""Times between arrivals of given SCVs, cell by cell, as few phases of mean 1."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qmodel.distributions.few_phases import balanced, erlangs

__all__ = ["gaps_of"]

_MOST = 20
"""Phases in a row: the SCV of arrivals is taken as no less than one over that."""
_LARGEST = 1e4


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
        rows = [erlangs(float(scv[cell]), _MOST) for cell in cells]
        yield cells, (np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows]))
    cells = np.flatnonzero(~low)
    if cells.size:
        yield cells, balanced(scv[cells])
