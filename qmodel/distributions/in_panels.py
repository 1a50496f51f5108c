r"""A time by its tail in panels, where hundreds of tails are asked for at each of many points.

The transform of an extreme is an integral of its tail. Where its times are sums themselves each
tail is an inversion, of transforms that may be such integrals again: of a fork in a branch of a
fork in a branch each is found once, here, and the cost grows with their number.

Between two edges tail and density are polynomials through Chebyshev points: in the sum of

.. math:: P(X > t) \approx \sum_{k < 16} c_k T_k(x), \qquad -1 \le x \le 1,

the last coefficients are what the next would change [1]_. A panel where they are not small is
halved. So that of a sum of constants and others, with kinks, or of a time that begins with an
endless slope, is as good as a smooth one: to 1e-10, but for panels of which the integral is.

References
----------
.. [1] L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM, 2013, ch. 2-8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions.at_nodes import Interpolated, at_nodes
from qmodel.distributions.base import Distribution
from qmodel.distributions.broadcasting import shape_of, whole
from qmodel.distributions.tails import faces
from qmodel.numerics.quadrature import gauss_legendre

__all__ = ["InPanels", "in_panels", "to_its_end"]

_ENDS, _NOTHING = 2.0 ** np.arange(2, 16), 1e-15
"""Means after which a time may have ended, and the tail there."""

_NODES = 16
_X = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
_TO_COEFFICIENTS = (
    np.cos(np.pi * np.outer(np.arange(_NODES), np.arange(_NODES) + 0.5) / _NODES) * 2 / _NODES
)
_TO_COEFFICIENTS[0] /= 2

_TO_LEGENDRE = np.linalg.solve(
    np.polynomial.legendre.legvander(_X, _NODES - 1),
    np.polynomial.chebyshev.chebvander(_X, _NODES - 1),
)
_CLOSE, _MANY, _GONE = 6.0, 22, 40.0
"""Below the one an exponential is resolved by so many nodes; what it makes nothing of."""

_GROWTH, _FIRST = 4.0, 2.0**-6
"""How much longer each panel is than that before, and the first, in means."""

_LAST, _LEFT, _OWN, _SEEN = 3, 1e-9, 0.1, 1e-10
"""So many coefficients must be small: in themselves, beside the errors of the tails themselves,
or times the length of the panel, in means."""

_HALVINGS, _MOST = 24, 512
"""How often panels are halved, and how many there may be."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InPanels(Interpolated):
    """A distribution by polynomials between edges.

    Parameters
    ----------
    distribution : Distribution
        The time, from which moments and transform are. [-]
    edges : array
        Where the panels begin and end. [s]
    tails, densities : array
        Coefficients, one column a panel. [-]
    """

    distribution: Distribution
    edges: np.ndarray = whole()  # noqa: RUF009
    tails: np.ndarray = whole()  # noqa: RUF009
    densities: np.ndarray = whole()  # noqa: RUF009

    @property
    def end(self) -> float:
        """Up to where its tail is known. [s]."""
        return float(self.edges[-1])

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], up to the end."""
        t = np.asarray(t, dtype=float)
        tail = np.clip(_sum(self.tails, *self._places(t)), 0.0, 1.0)
        return np.where(t < 0, 1.0, tail)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], up to the end."""
        t = np.asarray(t, dtype=float)
        density = np.maximum(_sum(self.densities, *self._places(t)), 0.0)
        return np.where((t < 0) | (t > self.end), 0.0, density)[()]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return `tail` and `density` at `t` [s], up to the end."""
        return self.tail(t), self.density(t)

    def transform_after(self, s: Value, taken: Any = 0.0) -> Value:
        """Return the transform at `s` [1/s], Re s >= 0, of what is left after a time [s]."""
        s = np.asarray(s)
        points, whole = s.ravel(), np.zeros(s.size, dtype=complex)
        for k in np.flatnonzero(self.edges[:-1] >= taken * (1 - 1e-15)):
            start, half = self.edges[k] - taken, (self.edges[k + 1] - self.edges[k]) / 2
            here = np.flatnonzero(points.real * start < _GONE)
            own, row = points[here], _TO_LEGENDRE @ self.tails[:, k]
            whole[here] += half * np.exp(-own * start) * _integrals(row, own * half)
        late = self.tail(self.end) * np.exp(-points * (self.end - taken))
        found: Any = 1 - points * whole - late
        return found.reshape(s.shape)[()]

    def _places(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the panel of each time, and where in it from -1 to 1."""
        panel = np.clip(
            np.searchsorted(self.edges, t, side="right") - 1, 0, len(self.edges) - 2
        )
        left, right = self.edges[panel], self.edges[panel + 1]
        x = np.clip((2 * t - left - right) / (right - left), -1.0, 1.0)
        return panel, x


def _sum(c: np.ndarray, panel: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sum of Chebyshev polynomials (Clenshaw)."""
    one, two, twice = np.zeros_like(x), np.zeros_like(x), 2 * x
    for row in c[:0:-1]:
        one, two = row[panel] + twice * one - two, one
    found: np.ndarray = c[0][panel] + x * one - two
    return found


def _integrals(row: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return those of exp(-z (x + 1)) times a sum of Legendre polynomials, from -1 to 1."""
    found = np.empty(z.shape, dtype=complex)
    near = np.abs(z) < _CLOSE
    if near.any():
        x, weights = gauss_legendre(_MANY)
        mass = weights * np.polynomial.legendre.legval(x, row)
        found[near] = np.exp(-np.multiply.outer(z[near], x + 1)) @ mass
    if not near.all():
        # Modified spherical Bessel functions, whose recursion is stable while it is far.
        far = z[~near]
        gone = np.exp(-2 * far)
        before, now = (1 + gone) / far, (1 - gone) / far
        total = row[0] * now
        for k, weight in enumerate(row[1:]):
            before, now = now, before - (2 * k + 1) / far * now
            total = total + (-1) ** (k + 1) * weight * now
        found[~near] = total
    return found


def to_its_end(distribution: Distribution) -> Distribution:
    """Return a distribution by its tail in panels, as far as there is any.

    Parameters
    ----------
    distribution : Distribution
        The time. [-]

    Returns
    -------
    Distribution
        The same where its tail is a closed form; of several cells, at one set of nodes.

    Examples
    --------
    >>> from qmodel.distributions import Erlang, Gamma, Sum
    >>> time = Sum([Gamma(0.1, 0.3), Erlang(0.2, 3)])
    >>> bool(abs(to_its_end(time).tail(0.37) - time.tail(0.37)) < 1e-9)
    True
    """
    if is_symbolic(distribution.mean) or distribution.closed:
        return distribution
    mean = distribution.mean
    if shape_of(distribution) or not 0 < mean < np.inf or distribution.defect:
        return at_nodes(distribution, _end_of(distribution, np.asarray(mean)))
    shifts = [part.shift for part in distribution.parts()]
    return in_panels(distribution, partial(faces, distribution), mean, shifts)


def _end_of(distribution: Distribution, scale: np.ndarray) -> Any:
    ends = _ENDS.reshape(-1, *[1] * scale.ndim) * scale
    over = np.asarray(distribution.tail(ends)) < _NOTHING
    last = np.where(over.any(axis=0), over.argmax(axis=0), len(ends) - 1)
    return (_ENDS[last] * scale)[()]


def in_panels(
    distribution: Distribution,
    look: Callable[[np.ndarray], tuple[Any, Any, Any]],
    scale: Any,
    kinks: Sequence[Any],
) -> InPanels:
    """Return a distribution in panels.

    Parameters
    ----------
    distribution : Distribution
        The time, with no axis of cells. [-]
    look : callable
        Takes times and returns its tail, its density, and the error of the tail. [-]
    scale : number
        A time of its size. [s]
    kinks : sequence of numbers
        Where it begins, jumps, or has a kink. [s]
    """
    scale, end = float(scale), float(_end_of(distribution, np.asarray(scale)))
    grown = min([*kinks, scale]) + scale * _FIRST * _GROWTH ** np.arange(30)
    edges = np.unique([0.0, *kinks, *grown, end])
    edges = edges[edges <= end]
    left, right = edges[:-1], edges[1:]
    done: list[tuple[np.ndarray, ...]] = []
    for turn in range(_HALVINGS + 1):
        t = (left + right) / 2 + (right - left) / 2 * _X[:, None]
        tail, density, error = look(t)
        tails, densities = _TO_COEFFICIENTS @ tail, _TO_COEFFICIENTS @ density
        enough = np.maximum(_LEFT, _OWN * np.max(error, axis=0))
        wrong = np.abs(tails[-_LAST:]).max(axis=0)
        far = (wrong > enough) & (wrong * (right - left) > _SEEN * scale)
        panels = sum(one[0].size for one in done) + left.size + far.sum()
        far &= turn < _HALVINGS and panels <= _MOST
        done.append(tuple(x[..., ~far] for x in (left, right, tails, densities)))
        if not far.any():
            break
        middle = (left[far] + right[far]) / 2
        left, right = np.append(left[far], middle), np.append(middle, right[far])
    left, _, tails, densities = (np.concatenate(x, axis=-1) for x in zip(*done, strict=True))
    order = np.argsort(left)
    edges = np.append(left[order], end)
    return InPanels(distribution, edges, tails[:, order], densities[:, order])
