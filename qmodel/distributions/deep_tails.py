r"""Tails so small that an inversion, whose error is absolute, has lost their digits.

Where :math:`E[e^{\theta X}]` is finite up to a limit, :math:`e^{\theta t} P(X > t)` just below
it is no small number: behind a queue it tends to a constant (Cramér and Lundberg). Its
transform is that of the tail, moved,

.. math::

    \int_0^\infty e^{-st} e^{\theta t} P(X > t) \, dt
    = \frac{m - F(s - \theta)}{s - \theta} ,

so the same rules invert it, to the same error of a number that is not small, which
:math:`e^{-\theta t}` makes a relative one of the tail (Esscher's tilt [1]_). Where that number
still grows, as of many times in a row, :math:`\theta` is the rate at which the tail falls at t
itself. What the null weights of the rule do not confirm stays as it was.

Where no such moment is finite, one time of a sum is late alone
(`qmodel.distributions.one_big_jump`).

References
----------
.. [1] S. Asmussen, H. Albrecher, "Ruin Probabilities", 2nd ed., World Scientific, 2010,
   ch. IV.4 and IV.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.distributions.broadcasting import select
from qmodel.distributions.shared import asked_once, transformed
from qmodel.numerics import inversion

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["deepened", "lost"]

_DEEP, _LOST = 1e-3, 1e-5
"""Tails below the one are inverted again where their error is more than the other of them."""

_RULES = 62, 254

_BESIDE = np.array([[1 - 1e-4], [1.0], [1 + 1e-4]])
"""Times where the slope of a density is looked at, relative."""

_SHORT = 1e-3
"""How far below its limit, relative, a tail is tilted."""

_NEAR = 1e-3
"""Relative distance from the origin of the transform that a point keeps."""


def lost(tail: Any, error: Any) -> np.ndarray:
    """Return which tails have lost digits that are worth another inversion."""
    return np.flatnonzero((error > _LOST * tail) & (tail < _DEEP))


def deepened(distribution: Distribution, mass: Any, t: np.ndarray, faces: Any) -> Any:
    """Return tail, density and error at `t`, better where the error is no small part."""
    tail, density, error = faces
    deep = lost(tail, error)
    if not deep.size:
        return faces
    with np.errstate(all="ignore"):
        limit = asked_once(distribution, "exponential_limit")
        limit = np.broadcast_to(limit, t.shape)[deep]
        if np.all(limit == 0) and np.all(np.equal(mass, 1.0)):
            return _by_one(distribution, t, faces, deep)
        usable = (limit > 0) & np.isfinite(limit)
        deep, tilt = deep[usable], (1 - _SHORT) * limit[usable]
        if not deep.size:
            return faces
        tail, density, error = (np.array(x) for x in faces)
        for last in _RULES:
            here = select(distribution, t.shape, deep) if deep.size < t.size else distribution
            amount = np.broadcast_to(mass, t.shape)[deep]
            found = _flat(here, amount, t[deep], tilt, inversion.line(last))
            better = found[2] < error[deep]
            cells = deep[better]
            tail[cells], density[cells], error[cells] = (x[better] for x in found)
            left = error[deep] > _LOST * tail[deep]
            deep, tilt = deep[left], tilt[left]
            if not deep.size:
                break
    return tail, density, error


def _by_one(distribution: Distribution, t: np.ndarray, faces: Any, deep: np.ndarray) -> Any:
    """Return the faces, better where one heavy time is late alone."""
    here = select(distribution, t.shape, deep) if deep.size < t.size else distribution
    found = here.far_faces(t[deep] * _BESIDE)
    if found is None:
        return faces
    found = found[0], found[1][1], found[2]
    better = found[2] < faces[2][deep]
    faces = tuple(np.array(x) for x in faces)
    for whole, part in zip(faces, found, strict=True):
        whole[deep[better]] = part[better]
    return faces


def _flat(
    distribution: Distribution, mass: Any, t: np.ndarray, tilt: Any, rule: inversion.Rule
) -> Any:
    """Return tail, density and error, tilted by less than `tilt` where that still grows."""
    found = _tilted(distribution, mass, t, tilt, rule)
    rate = found[1] / found[0]
    grows = np.flatnonzero((tilt - rate) * t > 1)
    if not grows.size:
        return found
    # Many times in a row fall more slowly at first: by their own rate they are flat at `t`,
    # and what comes round from three times later is less.
    some = select(distribution, t.shape, grows) if grows.size < t.size else distribution
    lower = np.maximum(rate[grows], 0.0)
    again = _tilted(some, mass[grows], t[grows], lower, rule)
    sure = np.abs(again[1] / again[0] - lower) * t[grows] < 1
    again[2][~sure] = np.inf
    for whole, part in zip(found, again, strict=True):
        whole[grows] = part
    return found


def _tilted(
    distribution: Distribution, mass: Any, t: np.ndarray, tilt: Any, rule: inversion.Rule
) -> tuple[Any, Any, Any]:
    s = rule.points[:, None] / t
    # The one real point must not fall on the origin, where the quotient is 0/0.
    first = s[0].real
    tilt = np.where(abs(first - tilt) < _NEAR * tilt, (1 - 2 * _NEAR) * tilt, tilt)
    values = np.broadcast_to(transformed(distribution, s - tilt), s.shape)
    above = s * (mass - values) / (s - tilt)
    size = np.exp(-tilt * t)
    tail = np.einsum("k,k...->...", rule.tail_weights, above).real * size
    density = np.einsum("k,k...->...", rule.weights, values).real / t * size
    doubt = np.abs(np.einsum("jk,k...->j...", rule.null, above).real).max(axis=0) / rule.limit
    good = (doubt <= 1) & (tail >= 0) & (density >= 0)
    error = (1e-10 + 1e-9 * doubt) * (mass * size + tail)
    return tail, density, np.where(good, error, np.inf)
