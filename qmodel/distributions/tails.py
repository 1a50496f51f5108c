"""Tails and densities of any law: shifts exactly, smooth parts closed or by inversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.distributions.cells import select, shape_of
from qmodel.numerics import inversion

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["CELLS", "tail_and_density"]

CELLS = 1024
"""Cells a chunk: 12 complex points of each fit in the second-level cache."""


def tail_and_density(law: Distribution, t: Any) -> tuple[Any, Any]:
    """Return P(X > t) and the density at `t`, of the broadcast shape."""
    shape = np.broadcast_shapes(np.shape(t), shape_of(law))
    flat = np.broadcast_to(np.asarray(t, dtype=float), shape).ravel()
    tail, density = np.empty(flat.size), np.empty(flat.size)
    for start in range(0, flat.size, CELLS):
        cells = slice(start, min(start + CELLS, flat.size))
        here = select(law, shape, np.arange(cells.start, cells.stop)) if shape else law
        tail[cells], density[cells] = chunk(here, flat[cells])
    return tail.reshape(shape)[()], density.reshape(shape)[()]


def chunk(law: Distribution, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return tail and density of a law with parameters of the one-axis shape of `t`."""
    tail, density = np.zeros(t.shape), np.zeros(t.shape)
    early = np.zeros(t.shape, dtype=bool)
    for mass, shift, smooth in law.parts():
        after = t - shift
        inside = after > 0
        if inside.all():
            part = _smooth(smooth, mass, after)
            tail += part[0]
            density += part[1]
            continue
        early |= ~inside
        tail += np.where(after < 0, mass, np.where(after == 0, mass - smooth.atom, 0 * after))
        if inside.any():
            cells = np.flatnonzero(inside)
            here = select(smooth, t.shape, cells)
            part = _smooth(here, select(np.asarray(mass), t.shape, cells), after[cells])
            tail[cells] += part[0]
            density[cells] += part[1]
    if early.any():
        # Before its shift a part does not look at its law, which may be unknown.
        with np.errstate(all="ignore"):
            unknown = early & np.isnan(law.mean)
        tail, density = (np.where(unknown, np.nan, x) for x in (tail, density))
    return np.clip(tail, 0.0, 1.0), np.maximum(density, 0.0)


def _smooth(law: Distribution, mass: Any, t: np.ndarray) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        if law.closed:
            return law.tail(t), law.density(t)
        terms = law.terms()
        if not any(term.closed for _, term in terms):
            rule = inversion.TALBOT if law.analytic else inversion.EULER
            return inversion.tail_and_density(law.laplace, mass, t, rule)
        # What has a closed tail keeps its kinks; only the rest is inverted.
        tail, density = np.zeros(t.shape), np.zeros(t.shape)
        for weight, term in terms:
            part = _smooth(term, term.mass, t)
            tail += weight * part[0]
            density += weight * part[1]
        return tail, density
