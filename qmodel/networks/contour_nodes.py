r"""Where the contour sum of a closed network is taken.

With z = x exp(v), x the rate of an open network, the contour is

.. math::

    v = \alpha(s) + i s, \qquad \alpha = \frac{A \, a p}{A + a p}, \quad p = 2 (1 - \cos s),
    \quad a = \frac{\kappa_3}{6 \kappa_2},

with :math:`\kappa_2, \kappa_3` cumulants of the number in the open network (a is the curvature
of steepest descent) and A a limit past which the delays would grow again.

**Everywhere.** :math:`\tan(s / 2) = w \tan(t / 2)`, with nodes even in t, goes around the whole
circle and is dense within a standard deviation of the saddle.

**As far as it counts.** Nodes even in s end where the integrand has fallen to rounding, which
is looked for at a few places. Their error falls as :math:`e^{-2 \pi d / h}` with d the distance
to the first pole [1]_: where that is near, at a station that is always busy, they begin before
the saddle, by up to two standard deviations of the number, at the cost of a digit or less.

References
----------
.. [1] L. N. Trefethen, J. A. C. Weideman, "The exponentially convergent trapezoidal rule",
   SIAM Review 56, 2014.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from qmodel.networks.saddle import Loop, OpenNetwork

__all__ = ["FEW", "Nodes", "all_around", "as_far_as_it_counts"]

FEW = 24
_WIDTH = 3.5  # of the dense part, in standard deviations of the number
_BEFORE = 2.0  # the same
_ENDS = np.array([7.0, 9.0, 12.0, 16.0, 22.0]).reshape(-1, 1)
_FALLEN = -33.0


class Nodes(NamedTuple):
    """The contour, each (nodes, cells), in real and imaginary parts."""

    weight: tuple[Any, Any]
    step: tuple[Any, Any]  # exp(v) - 1
    v: tuple[Any, Any]
    limit: Any

    @property
    def turn(self) -> Any:
        """Return exp(v)."""
        return (1 + self.step[0]) + 1j * self.step[1]


def _limit(found: OpenNetwork) -> Any:
    """Return how far to the right the delays and busy servers grow less than queues fall."""
    if not found.tables:
        with_delay = np.maximum(found.delayed, 1e-300)
        return np.minimum(np.log(np.maximum(found.total, with_delay) / with_delay), 100.0)
    low, high = np.zeros(found.total.shape), np.full(found.total.shape, 100.0)
    for _ in range(20):
        middle = (low + high) / 2
        grown = np.exp(middle)
        held = grown * found.delayed
        for table in found.tables:
            held = held + np.minimum(grown * table.bounded, len(table.log_distribution) - 1)
        enough = held < found.total
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return low


def all_around(found: OpenNetwork, count: int) -> Nodes:
    """Return nodes on the whole circle, one more than `count`."""
    limit = _limit(found)
    width = np.minimum(1.0, _WIDTH / np.sqrt(found.second))
    # Where A is small, the bend has poles beside the saddle: ten nodes away is far enough.
    bend = found.third / (6 * found.second)
    bend = np.minimum(bend, limit / (10 * np.pi / count * width) ** 2)
    t = (np.pi / count * np.arange(count + 1)).reshape(-1, 1)
    cos, sin = np.cos(t / 2), np.sin(t / 2)
    norm = cos**2 + width**2 * sin**2
    s = 2 * np.arctan(width * np.tan(t / 2))
    turned, p = 2 * width * sin * cos / norm, 4 * width**2 * sin**2 / norm
    return _bent(width / norm, s, turned, p, bend, limit)


def as_far_as_it_counts(
    loop: Loop, saddle: OpenNetwork, sizes: Callable[[OpenNetwork, Nodes], Any]
) -> tuple[OpenNetwork, Nodes]:
    """Return where the nodes begin, and the few that suffice mostly.

    `sizes` returns the integrand.
    """
    sd = np.sqrt(saddle.second)
    to_pole = np.log1p(np.exp(-saddle.log_odds)) * sd
    found = saddle.before(loop, np.clip(1 + _BEFORE - to_pole, 0.0, _BEFORE) / sd)
    limit, bend = _limit(found), found.third / (6 * found.second)

    def even(s: Any, end: Any) -> Nodes:
        half = np.tan(s / 2)
        norm = 1 / (1 + half * half)
        bent = np.minimum(bend, limit / (8 / FEW * end) ** 2)
        return _bent(np.ones_like(s), s, 2 * half * norm, 4 * half * half * norm, bent, limit)

    ends = np.minimum(np.pi, _ENDS / sd)
    size = np.log(np.abs(sizes(found, even(ends, ends))))
    fallen = size < _FALLEN
    last = np.where(fallen.any(axis=0), fallen.argmax(axis=0), len(ends) - 1)[np.newaxis]
    before = np.maximum(last - 1, 0)
    low, high = (np.take_along_axis(ends, k, axis=0)[0] for k in (before, last))
    above, below = (np.take_along_axis(size, k, axis=0)[0] for k in (before, last))
    part = np.nan_to_num(np.clip((_FALLEN - above) / (below - above), 0.0, 1.0), nan=1.0)
    end = low + part * (high - low)
    return found, even(np.arange(FEW + 1).reshape(-1, 1) / FEW * end, end)


def _bent(weight: Any, s: Any, turned: Any, p: Any, bend: Any, limit: Any) -> Nodes:
    """Return the nodes at angles `s`, of sine `turned` and p = 2 - 2 cos s."""
    room = limit + bend * p
    room = np.where(room > 0, room, 1.0)
    shift = limit * bend * p / room
    slope = 2 * bend * turned * (limit / room) ** 2
    weight[0] /= 2
    weight[-1] /= 2
    grown = np.exp(shift)
    # cos(s) - 1 is -p / 2, whose digits are those of the step where the contour is short.
    step = (np.expm1(shift) - grown * p / 2, grown * turned)
    return Nodes((weight, -weight * slope), step, (shift, s), limit)
