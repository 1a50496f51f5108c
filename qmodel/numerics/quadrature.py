r"""Integrals of tails: moments and transforms of a distribution that is known by its tail only.

Maxima and minima of independent times have a closed tail and no closed transform. Their
moments and transform are integrals of the tail,

.. math::

    E[X^n] = n \int_0^\infty t^{n-1} P(X > t)\,dt, \qquad
    E[e^{-sX}] = 1 - s \int_0^\infty e^{-st} P(X > t)\,dt ,

by Gauss-Legendre panels that start anew at every kink of the tail (`breaks`), grow
geometrically from there, and for a transform then follow the decay of
:math:`e^{-\mathrm{Re}(s) t}` evenly, to resolve its oscillation. Absolute error of a
transform about 1e-12 on the points of the Euler line, for distributions whose scale is above a
thousandth of the time asked for (at points that turn little, a ten-millionth); of a moment
about 1e-12 relative for tails that fall at least as fast as an exponential.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["gauss_legendre", "moments", "on_unit_interval", "transform"]

_GAUSS = 16
_ROOM = 1 << 16
_MOMENT_EDGES = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 56)])
_STEEP_EDGES = np.concatenate([[0.0], np.geomspace(1e-16, 1e-4, 85)[:-1], _MOMENT_EDGES[1:]])
_NEAR, _GONE = 42, 1e-25
"""So many edges lie below 70 means, where most tails have come down to nothing."""
_AHEAD = _MOMENT_EDGES[1] / np.array([1.0, 16.0, 256.0])
_VISIBLE = 1e-10  # a probability before the first edge
_DECAY_EDGES = np.concatenate([[0.0], 2.0 * 3.0 ** np.arange(-8, 0), np.arange(2.0, 38.0, 2.0)])
_NEAR_ZERO, _HARDLY = np.concatenate([[0.0], 2.0 * 3.0 ** np.arange(-16, -8)]), 2.0
"""More edges before these, for points that turn no faster than so."""


@lru_cache(maxsize=32)
def on_unit_interval(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes and weights of Gauss and Legendre on 0 to 1."""
    x, weights = gauss_legendre(nodes)
    return (1 + x) / 2, weights / 2


@lru_cache(maxsize=32)
def gauss_legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights on -1 to 1.

    The weights are by sums of squares: those of NumPy lose digits, the more nodes the more.
    """
    from numpy.polynomial import legendre

    x, _ = legendre.leggauss(nodes)
    return x, 1 / (legendre.legvander(x, nodes - 1) ** 2 @ (np.arange(nodes) + 0.5))


@lru_cache(maxsize=16)
def _in_units(edges: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of all panels between edges, for a scale of 1."""
    bounds = np.frombuffer(edges)
    nodes, weights = gauss_legendre(_GAUSS)
    left, half = bounds[:-1, None], np.diff(bounds)[:, None] / 2
    return (left + half * (1 + nodes)).ravel(), (half * weights).ravel()


def _panels(
    edges: np.ndarray, scale: np.ndarray, breaks: Sequence[Any]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield nodes and weights, cells last, of as many panels at a time as have room."""
    step = max(1, _ROOM // (_GAUSS * max(scale.size, 1)))
    if not breaks and step >= len(edges):
        column = (-1, *[1] * scale.ndim)
        nodes, weights = _in_units(edges.tobytes())
        yield nodes.reshape(column) * scale, weights.reshape(column) * scale
        return
    zero = np.zeros(scale.shape)
    starts = np.sort([zero, *(np.maximum(b, 0) + zero for b in breaks)], axis=0)
    ends = np.concatenate([starts[1:], np.full((1, *scale.shape), np.inf)])
    lengths = np.where(np.isinf(starts), 0.0, ends - np.where(np.isinf(starts), 0.0, starts))
    column = (-1, *[1] * scale.ndim)
    nodes, weights = (x.reshape(column) for x in gauss_legendre(_GAUSS))
    bounds = edges.reshape(column) * scale
    for start, length in zip(starts, lengths, strict=True):
        if not np.any(length):
            continue
        for first in range(0, len(bounds) - 1, step):
            cut = np.minimum(bounds[first : first + step + 1], length)
            left, half = cut[:-1], np.diff(cut, axis=0) / 2
            some = half.reshape(len(half), -1).any(axis=1)
            if some.any():
                left, half = left[some][:, None], half[some][:, None]
                flat = (-1, *scale.shape)
                t = start + left + half * (1 + nodes)
                yield t.reshape(flat), (half * weights).reshape(flat)


def moments(
    tail: Callable[[Any], Any], scale: Any, breaks: Sequence[Any] = ()
) -> tuple[Any, Any, Any]:
    """Return the first three raw moments of the distribution with this `tail`.

    Parameters
    ----------
    tail : callable
        Takes times with one axis before those of the cells, and returns P(X > t). [-]
    scale : number or array
        A time of the size of the distribution's mean. [s]
    breaks : sequence of numbers or arrays, default ()
        Kinks and jumps of the tail. [s]

    Returns
    -------
    tuple of three arrays
        E[X] [s], E[X^2] [s^2] and E[X^3] [s^3].
    """
    scale = np.asarray(scale, dtype=float)
    first = second = third = np.zeros(scale.shape)
    all_edges = _STEEP_EDGES if _steep(tail, scale, breaks) else _MOMENT_EDGES
    near = _NEAR - len(_MOMENT_EDGES) + len(all_edges)
    for edges in (all_edges[:near], all_edges[near - 1 :]):
        late: Any = np.zeros(1)  # where all is zero, and no panel is left
        for t, weights in _panels(edges, scale, breaks):
            late = tail(t)
            mass = weights * late
            first = first + mass.sum(axis=0)
            second = second + 2 * (mass * t).sum(axis=0)
            third = third + 3 * (mass * t * t).sum(axis=0)  # 0 where no mass is, however late
        # Compared so that NaN goes on.
        if np.all(np.asarray(late)[-1:] < _GONE):
            break
    return first[()], second[()], third[()]


def _steep(tail: Callable[[Any], Any], scale: np.ndarray, breaks: Sequence[Any]) -> bool:
    """Return whether a tail falls with an endless slope at its start, or after a kink."""
    ahead = _AHEAD.reshape(-1, *[1] * scale.ndim) * scale
    for start in (0.0, *(np.maximum(np.nan_to_num(b), 0) for b in breaks)):
        late = tail(ahead + start)
        far, near = late[1] - late[0], late[2] - late[1]
        # A slope that is finite falls by a 16th of it in a 16th of the time.
        if np.any((far > _VISIBLE) & (near > far / 8)):
            return True
    return False


def transform(tail: Callable[[Any], Any], s: Any, breaks: Sequence[Any] = ()) -> Any:
    """Return E[exp(-s X)] of the distribution with this `tail`, for Re s > 0.

    Parameters
    ----------
    tail : callable
        Takes times with one axis before those of the cells, and returns P(X > t). [-]
    s : number or array
        Where, real or complex. In an array of two axes or more whose first axis has one
        real part (the points of an inversion), the tail is evaluated once for all. [1/s]
    breaks : sequence of numbers or arrays, default ()
        Kinks and jumps of the tail. [s]

    Returns
    -------
    number or array
        The transform, of the shape of `s`. [-]
    """
    s = np.asarray(s)
    points = s if s.ndim > 1 and np.all(s.real == s.real[:1]) else s[None]
    scale = 1 / points.real[0]
    edges = _resolving(float(np.nanmax(np.abs(points.imag) * scale, initial=0.0)))
    turned = points * scale
    first = turned.reshape(len(points), -1)[:, :1]
    if not breaks and np.allclose(turned.reshape(len(points), -1), first, rtol=1e-13, atol=0):
        # One kernel serves all cells, as on the points of an inversion.
        nodes, weights, kernel = _kernel(tuple(first[:, 0]))
        column = (-1, *[1] * scale.ndim)
        mass = tail(nodes.reshape(column) * scale) * weights.reshape(column)
        real, imaginary = (np.einsum("pj,j...->p...", k, mass) for k in kernel)
        integral = scale * (real + 1j * imaginary)
    elif _same_for_all(points, breaks):
        integral = _by_products(tail, points, edges, [np.ravel(b)[0] for b in breaks])
    else:
        integral = np.zeros(points.shape, dtype=complex)
        for t, weight in _panels(edges, scale, breaks):
            for here, amount in zip(t, weight * tail(t), strict=True):
                integral += amount * np.exp(-points * here)
    return (1 - points * integral).reshape(s.shape)[()]


def _same_for_all(points: np.ndarray, breaks: Sequence[Any]) -> bool:
    """Return whether the points are the same in all cells, but for the first axis of those."""
    if points.ndim < 2 or points[0].size == 1:
        return False
    rows = points.reshape(*points.shape[: min(points.ndim - 1, 2)], -1)
    alike = np.all(rows == rows[..., :1])
    return bool(alike and all(np.all(np.ravel(b) == np.ravel(b)[0]) for b in breaks))


def _by_products(
    tail: Any, points: np.ndarray, edges: np.ndarray, breaks: Sequence[Any]
) -> Any:
    """Return the integrals where one set of times serves many cells: products of matrices."""
    integral = np.zeros(points.shape, dtype=complex)
    # Times along the first axis of the cells, if they have others.
    rows = points.shape[1] if points.ndim > 2 else 1
    for row in range(rows):
        whole = integral[:, row] if points.ndim > 2 else integral
        one = points.reshape(*points.shape[: min(points.ndim - 1, 2)], -1)[..., 0]
        one = one[:, row] if points.ndim > 2 else one
        for t, weight in _panels(edges, np.asarray(1 / one[0].real), breaks):
            mass = np.asarray(tail(t.reshape(-1, *[1] * (points.ndim - 1))))
            if points.ndim > 2:
                mass = mass[:, row if mass.shape[1] > 1 else 0]
            mass = np.broadcast_to(mass, (len(t), *whole.shape[1:]))
            whole += np.tensordot(np.exp(-np.outer(one, t)) * weight, mass, axes=1)
    return integral


def _resolving(turns: float) -> np.ndarray:
    """Return the edges of panels over which an oscillation so fast turns by 20 at most."""
    most = max(1, int(np.ceil(turns * 2 / 20)))
    pieces = [
        # Short panels near zero turn less than the even ones behind.
        np.linspace(low, high, max(1, int(np.ceil(most * (high - low) / 2))), endpoint=False)
        for low, high in itertools.pairwise(_DECAY_EDGES)
    ]
    edges = np.concatenate([*pieces, _DECAY_EDGES[-1:]])
    # Points near zero are asked of times that are far shorter than theirs.
    return np.concatenate([_NEAR_ZERO, edges[1:]]) if turns <= _HARDLY else edges


@lru_cache(maxsize=8)
def _kernel(turned: tuple[complex, ...]) -> tuple[np.ndarray, np.ndarray, tuple[Any, Any]]:
    """Return nodes and weights in units of 1 / Re s, and exp(-s t) there, in two parts."""
    edges = _resolving(max(abs(s.imag / s.real) for s in turned))
    nodes, weights = _in_units(edges.tobytes())
    kernel = np.exp(-np.outer(np.array(turned), nodes))
    return nodes, weights, (kernel.real.copy(), kernel.imag.copy())
