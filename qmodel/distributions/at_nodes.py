r"""A smooth time by its tail at nodes, where one tail is asked for very often.

What a client with a timeout sees are integrals of a tail, in several attempts, at each step of
a percentile; a tail that is inverted would be inverted some ten thousand times. Here it is once
at the Chebyshev points of

.. math:: u = \frac{1}{a} \ln\left(1 + \frac{t - t_0}{t_1 - t_0} (e^a - 1)\right),

which is dense near the start, and interpolated by the barycentric formula [1]_: to 1e-9 for
tails that are smooth from their start on.

References
----------
.. [1] J.-P. Berrut, L. N. Trefethen, "Barycentric Lagrange interpolation", SIAM Review 46,
   2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions.base import Distribution
from qmodel.distributions.tails import faces

__all__ = ["AtNodes", "at_nodes"]

_LAST = 128
_POINTS = (1 - np.cos(np.pi * np.arange(_LAST + 1) / _LAST)) / 2
_SIGNS = (-1.0) ** np.arange(_LAST + 1)
_SIGNS[[0, -1]] /= 2
_ROOM = 4096
"""Times that are interpolated together."""

_FINE = 0.02
"""The part of the mean beyond its start that the nodes resolve."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AtNodes(Distribution):
    """A distribution whose tail and density are interpolated up to an end.

    Parameters
    ----------
    law : Distribution
        The time, from which moments and transform are. [-]
    start, end : number or array
        Where the nodes are. [s]
    bend : number or array
        The exponent a. [-]
    tails, densities : tuple of numbers or arrays
        Their values at the nodes. [-]
    """

    law: Distribution
    start: Value
    end: Value
    bend: Value
    tails: tuple[Value, ...]
    densities: tuple[Value, ...]
    closed = True

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.law.mean

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.law.variance

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.law.third_cumulant

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self.law.atom

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self.law.defect

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return self.law.laplace(s)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], up to the end."""
        t = np.asarray(t, dtype=float)
        return np.where(t < self.start, 1.0, np.clip(self._between(t, self.tails), 0.0, 1.0))[
            ()
        ]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], up to the end."""
        t = np.asarray(t, dtype=float)
        inside = np.maximum(self._between(t, self.densities), 0.0)
        return np.where(t < self.start, 0.0, inside)[()]

    def _between(self, t: np.ndarray, values: tuple[Value, ...]) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.clip((t - self.start) / (np.asarray(self.end) - self.start), 0.0, 1.0)
            u = np.log1p(share * np.expm1(self.bend)) / self.bend
        flat = u.ravel()
        # The cells of the values are the last axes of the times.
        known = np.stack([np.broadcast_to(value, u.shape) for value in values])
        table, found = known.reshape(_LAST + 1, -1), np.empty(flat.size)
        for first in range(0, flat.size, _ROOM):
            here = slice(first, first + _ROOM)
            gap = flat[here] - _POINTS[:, None]
            hit = gap == 0
            weight = _SIGNS[:, None] / np.where(hit, 1.0, gap)
            between = (weight * table[:, here]).sum(axis=0) / weight.sum(axis=0)
            at = (hit * table[:, here]).sum(axis=0)
            found[here] = np.where(hit.any(axis=0), at, between)
        return found.reshape(u.shape)


def at_nodes(law: Distribution, end: Value) -> Distribution:
    """Return a distribution by its tail at nodes up to an end, where that is worth it.

    Parameters
    ----------
    law : Distribution
        The time. [-]
    end : number or array
        Up to where its tail is asked for. [s]

    Returns
    -------
    Distribution
        The same where its tail is a closed form, or not smooth from one start on.

    Examples
    --------
    >>> from qmodel.distributions import Erlang, Gamma, Sum
    >>> time = Sum([Gamma(0.1, 0.3), Erlang(0.2, 3)])
    >>> fast = at_nodes(time, 2.0)
    >>> bool(abs(fast.tail(0.37) - time.tail(0.37)) < 1e-9)
    True
    """
    if is_symbolic(law.mean, end) or law.closed:
        return law
    parts = law.parts()
    if len(parts) != 1 or not parts[0].law.analytic:
        return law
    start = parts[0].shift
    mean = np.asarray(law.mean, dtype=float)
    length = np.asarray(end, dtype=float) - start
    usable = (length > 0) & np.isfinite(mean) & np.isfinite(length)
    if not usable.all():
        return law
    bend = np.log1p(np.maximum(length / np.maximum(_FINE * (mean - start), 1e-9 * length), 2.0))
    shape = np.broadcast_shapes(bend.shape, length.shape)
    nodes = _POINTS.reshape(-1, *[1] * len(shape))
    # Just after the start: at the start itself the density is that of no time.
    times = start + length * np.maximum(np.expm1(bend * nodes) / np.expm1(bend), 1e-12)
    tails, densities, _ = faces(law, times)
    return AtNodes(law, start, end, bend[()], tuple(tails), tuple(densities))
