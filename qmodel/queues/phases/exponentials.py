r"""The tails of waits as sums of few exponentials.

A tail :math:`y e^{T t} z` of a matrix of few states is the sum of the exponentials of its
eigenvalues, complex where service has Erlang phases. Of more states than `TERMS`, and of more
exponentials, that many are kept: two-sided Lanczos steps with :math:`M = (\sigma I - T)^{-1}`
make the tridiagonal matrix J with

.. math:: y M^k z = y z \, e_1^T J^k e_1, \qquad k < 2 m ,

whose eigenvalues :math:`1 / (\sigma + x_i)` and vectors give the exponentials [1]_ [2]_. Of a
positive measure this is its Gauss quadrature. With 16 nodes it is mostly right to 1e-12, also
for tails of Erlang phases and where the matrix has no eigenvectors; where the tail of four
nodes fewer is another one, as of service that takes a thousand times as long for few, there
are more.

References
----------
.. [1] G. H. Golub, G. Meurant, "Matrices, Moments and Quadrature with Applications", Princeton
   University Press, 2010.
.. [2] P. Feldmann, R. W. Freund, "Efficient linear circuit analysis by Padé approximation via
   the Lanczos process", IEEE Transactions on Computer-Aided Design 14, 1995.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["TERMS", "exponentials", "few", "in_order"]

TERMS = 16
"""Exponentials that a tail has where these are enough."""

_Product = Callable[[np.ndarray], np.ndarray]

_SIZES = (TERMS, 24, 32, 40)
_RIGHT = 1e-9  # error of a tail that is known
_FEWER, _AGREED = 4, 1e-8  # nodes fewer, of which the tail is the same but for so much
_TIMES = np.geomspace(1e-4, 10.0, 21)[:, None, None]  # over the slowest rate

_NOTHING = 1e-12  # weight of an exponential that is left out
_END = 1e-26  # a product of steps, over the square of the first, at which a chain ends


def exponentials(
    start: np.ndarray, matrix: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a tail ``start exp(matrix t) end``, over its value at 0, as exponentials.

    Parameters
    ----------
    start : array of shape (cells, states)
        Row vector. [-]
    matrix : array of shape (cells, states, states)
        The generator, as nearly symmetric as it can be. [1/s]
    end : array of shape (cells, states)
        Column vector. [-]

    Returns
    -------
    tuple of two arrays of shape (cells, terms)
        Weights, which sum to 1 [-], and rates [1/s], the slowest first, real where all are.

    Examples
    --------
    >>> matrix, one = np.array([[[-3.0, 1.0], [1.0, -3.0]]]), np.ones((1, 2))
    >>> weights, rates = exponentials(np.array([[1.0, 0.0]]), matrix, one)
    >>> abs(weights).round(6), rates.round(6)
    (array([[1., 0.]]), array([[2., 4.]]))
    """
    total = np.einsum("ni,ni->n", start, end)[:, None]
    # Of a wait too rare for a float any tail will do.
    some = abs(total) > 1e-280
    start = np.where(some, start, end)
    start = start / np.where(some, total, (end**2).sum(axis=1, keepdims=True))
    if matrix.shape[-1] > TERMS:
        once = np.linalg.solve(-np.swapaxes(matrix, 1, 2), start[..., None])[..., 0]
        mean = np.einsum("ni,ni->n", once, end)
        square = np.einsum("ni,ni->n", once, np.linalg.solve(-matrix, end[..., None])[..., 0])
        # Of a single exponential twice its rate.
        shift = (2 * mean / square)[:, None]
        inverse = np.linalg.inv(shift[..., None] * np.eye(matrix.shape[-1]) - matrix)
        fewer = _nodes(
            lambda x: np.einsum("ni,nij->nj", x, inverse),
            lambda x: np.einsum("nij,nj->ni", inverse, x),
            (start, end),
            shift,
            mean,
        )
        if fewer is not None:
            return fewer
    values, vectors = np.linalg.eig(matrix)
    left = np.einsum("ni,nij->nj", start, vectors)
    weights = left * np.linalg.solve(vectors, end[..., None].astype(vectors.dtype))[..., 0]
    return few(weights / weights.sum(axis=1, keepdims=True), -values)


def few(weights: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return exponentials from the slowest on, real where all are, and but a few of many.

    Parameters
    ----------
    weights : array of shape (cells, terms)
        Weights, which sum to 1. [-]
    rates : array of shape (cells, terms)
        Rates. [1/s]

    Returns
    -------
    tuple of two arrays of shape (cells, terms)
        Weights [-] and rates [1/s].

    Examples
    --------
    >>> few(np.array([[0.75, 0.25 + 0j]]), np.array([[4.0, 2.0 + 0j]]))
    (array([[0.25, 0.75]]), array([[2., 4.]]))
    """
    weights, rates = in_order(weights, rates)
    if weights.shape[1] <= TERMS:
        return weights, rates
    shift = 2 * rates[:, :1].real
    at, mean = 1 / (rates + shift), (weights / rates).sum(axis=1).real
    both = (weights, np.ones_like(weights))
    fewer = _nodes(
        lambda x: at * x, lambda x: at * x, both, shift, mean, _tail(weights, rates, shift)
    )
    return (weights, rates) if fewer is None else fewer


def in_order(weights: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return exponentials from the slowest on, real where all are."""
    order = np.argsort(rates.real, axis=1)
    weights, rates = (np.take_along_axis(x, order, axis=1) for x in (weights, rates))
    # What hardly counts may have rates that rounding has made complex.
    slight = (abs(rates.imag) <= 1e-6 * abs(rates)) | (abs(weights) < 1e-12)
    return (weights.real, rates.real) if slight.all() else (weights, rates)


def _nodes(
    row: _Product,
    column: _Product,
    ends: tuple[np.ndarray, np.ndarray],
    shift: np.ndarray,
    mean: np.ndarray,
    tail: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return weights and rates by Lanczos steps, None where so few are not right.

    `row` and `column` multiply rows and columns by the inverse of the shift less the matrix.
    Where the tail is not known it is compared with that of a few nodes fewer.
    """
    chain = _Chain(row, column, ends)
    for size in _SIZES:
        if size >= ends[0].shape[1]:
            break
        jacobi = chain.of(size)
        weights, rates = _of_chain(jacobi, shift)
        if not (rates.real > 0).all():
            continue
        shorter = jacobi[:, :-_FEWER, :-_FEWER]
        known, most = (
            (tail, _RIGHT)
            if tail is not None
            else (_tail(*_of_chain(shorter, shift), shift), _AGREED)
        )
        away = abs(_tail(weights, rates, shift) - known)
        later = abs((weights / rates).sum(axis=1) - mean)
        if (away < most).all() and (later < _AGREED * mean).all():
            return in_order(weights, rates)
    return None


class _Chain:
    """Two-sided Lanczos steps, with the rows and columns that they have made."""

    def __init__(self, row: _Product, column: _Product, ends: tuple[np.ndarray, np.ndarray]):
        cells, states = ends[0].shape
        self._row, self._column, self._steps = row, column, 0
        self._rows, self._columns = (
            np.zeros((cells, _SIZES[-1], states), dtype=x.dtype) for x in ends
        )
        self._rows[:, 0], self._columns[:, 0] = ends
        self._jacobi = np.zeros((cells, _SIZES[-1], _SIZES[-1]))

    def of(self, size: int) -> np.ndarray:
        """Return the tridiagonal matrices of so many steps."""
        for j in range(self._steps, size):
            self._step(j)
        self._steps = size
        return self._jacobi[:, :size, :size]

    def _step(self, j: int) -> None:
        rows, columns, jacobi = self._rows, self._columns, self._jacobi
        after, before = self._row(rows[:, j]), self._column(columns[:, j])
        jacobi[:, j, j] = np.einsum("ni,ni->n", after, columns[:, j]).real
        if j + 1 == _SIZES[-1]:
            return
        known, other = rows[:, : j + 1], columns[:, : j + 1]
        for _ in range(2):  # twice is enough
            after = after - ((other @ after[..., None]).swapaxes(1, 2) @ known)[:, 0]
            before = before - ((known @ before[..., None]).swapaxes(1, 2) @ other)[:, 0]
        product = np.einsum("ni,ni->n", after, before).real
        # Where the tail has fewer terms, the rest of the chain is cut off.
        more = abs(product) > _END * jacobi[:, 0, 0] ** 2
        step, sign = np.sqrt(np.where(more, abs(product), 0.0)), np.sign(product)
        jacobi[:, j, j + 1], jacobi[:, j + 1, j] = sign * step, step
        length = np.where(more, step, np.inf)[:, None]
        rows[:, j + 1], columns[:, j + 1] = sign[:, None] * after / length, before / length


def _tail(weights: np.ndarray, rates: np.ndarray, shift: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):  # of nodes that are not right
        return np.asarray((weights * np.exp(-rates * _TIMES / shift)).sum(axis=-1).real)


def _of_chain(jacobi: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and rates, of which those that hardly count are left out."""
    if positive := bool((jacobi == np.swapaxes(jacobi, 1, 2)).all()):
        values, vectors = np.linalg.eigh(jacobi)
        weights = vectors[:, 0] ** 2
    else:
        values, vectors = np.linalg.eig(jacobi)
        first = np.zeros((*values.shape, 1), dtype=vectors.dtype)
        first[:, 0] = 1
        weights = vectors[:, 0] * np.linalg.solve(vectors, first)[..., 0]
    kept = abs(values) > 1e-300
    rates = 1 / np.where(kept, values, 1.0) - shift
    kept &= rates > 0 if positive else abs(weights) > _NOTHING
    return np.where(kept, weights, 0.0), np.where(kept, rates, shift)
