r"""Traffic equations: how often a request comes to each stop of a network.

A stop is a station, or a station as a certain class. With entries :math:`\gamma` and routing
probabilities P,

.. math::

    \lambda_j = \gamma_j + \sum_i \lambda_i P_{ij}, \qquad
    E_i[n_j] = (I - P)^{-1}_{ij}, \qquad
    E_i[n_j n_k] = N_{ij} N_{jk} + N_{ik} N_{kj} - [j = k] N_{ij} .

The equations have a solution if a request can leave from wherever it gets to.

References
----------
.. [1] J. R. Jackson, "Networks of waiting lines", Operations Research 5, 1957.
.. [2] J. G. Kemeny, J. L. Snell, "Finite Markov Chains", Van Nostrand, 1960, ch. 3.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError, ModelError

__all__ = ["check_exits", "fundamental", "routing_matrix", "stationary"]

Routes = list[list[Any]]


def routing_matrix(stops: Sequence[Hashable], routing: Any) -> Routes:
    """Return the probabilities between stops as rows, checked.

    Parameters
    ----------
    stops : sequence
        The stops, in the order of the rows. [-]
    routing : mapping or array
        Probabilities, ``{from: {to: p}}`` or a matrix; what a row lacks to 1 leaves. [-]

    Returns
    -------
    list of lists
        The matrix. [-]

    Raises
    ------
    DomainError
        If a probability is outside 0 to 1, or a row sums to more than 1.
    ModelError
        If a stop is unknown, or the matrix is not square.
    """
    size = len(stops)
    rows: Routes = [[0] * size for _ in stops]
    if isinstance(routing, Mapping):
        index = {s: i for i, s in enumerate(stops)}
        for start, row in routing.items():
            if not isinstance(row, Mapping):
                raise ModelError(
                    f"the routing from {_named(start)} must be a mapping, got {row!r}"
                )
            for end, p in row.items():
                for stop in (start, end):
                    if stop not in index:
                        known = ", ".join(_named(s) for s in stops)
                        raise ModelError(f"no stop {_named(stop)} to route; there are {known}")
                rows[index[start]][index[end]] = p
    else:
        several = _check.several("routing", routing)
        given = [list(_check.several("each row of routing", row)) for row in several]
        if len(given) != size or any(len(row) != size for row in given):
            raise ModelError(f"a routing matrix of {size} stations must be {size} by {size}")
        rows = given
    for stop, row in zip(stops, rows, strict=True):
        for j, p in enumerate(row):
            to = _named(stops[j])
            row[j] = _check.share(f"the routing from {_named(stop)} to {to}", p)
        total = sum(row)
        if not is_symbolic(total) and np.any(np.asarray(total) > 1 + 1e-9):
            raise DomainError(
                f"the routing from {_named(stop)} must sum to at most 1, got {np.max(total)}"
            )
    return rows


def _named(stop: Hashable) -> str:
    parts = stop if isinstance(stop, tuple) else (stop,)
    return " at ".join(str(part) for part in parts if part != "")


def leaves(rows: Routes) -> list[Any]:
    """Return the probability that a request leaves after each stop."""
    return [1 - sum(row) for row in rows]


def check_exits(stops: Sequence[Hashable], rows: Routes, entries: Sequence[Any]) -> None:
    """Refuse a network in which requests get to where they cannot leave."""
    size = len(stops)

    def positive(x: Any) -> bool:
        return is_symbolic(x) or bool(np.any(np.asarray(x) > 1e-12))

    edges = [[j for j in range(size) if positive(rows[i][j])] for i in range(size)]
    can_leave = {i for i, p in enumerate(leaves(rows)) if positive(p)}
    for _ in stops:
        can_leave |= {i for i in range(size) if can_leave & set(edges[i])}
    reached = {i for i in range(size) if positive(entries[i])}
    for _ in stops:
        reached |= {j for i in reached for j in edges[i]}
    trapped = sorted(_named(stops[i]) for i in reached - can_leave)
    if trapped:
        raise ModelError(f"requests that get to {', '.join(trapped)} never leave")


def fundamental(rows: Routes) -> Any:
    """Return the mean visits to each stop from each, (I - P)^-1, matrices last."""
    size = len(rows)
    if is_symbolic(*(p for row in rows for p in row)):
        import sympy as sp

        matrix = sp.eye(size) - sp.Matrix(
            size, size, lambda i, j: sp.nsimplify(sp.sympify(rows[i][j], strict=True))
        )
        return np.array(matrix.inv().tolist(), dtype=object)
    cells = np.broadcast_shapes(*(np.shape(p) for row in rows for p in row))
    matrix = np.empty((*cells, size, size))
    for i, row in enumerate(rows):
        for j, p in enumerate(row):
            matrix[..., i, j] = float(i == j) - p
    # Stops that nobody reaches may be closed loops.
    stuck = np.abs(np.linalg.det(matrix)) < 1e-300
    matrix[stuck] += 1e-12 * np.eye(size)
    return np.linalg.inv(matrix)


def stationary(rows: Routes, reference: int) -> list[Any]:
    """Return the visits of a loop without an end, for one visit to the stop of reference."""
    size = len(rows)
    cells = np.broadcast_shapes(*(np.shape(p) for row in rows for p in row))
    matrix = np.empty((*cells, size, size))
    for i, row in enumerate(rows):
        for j, p in enumerate(row):
            matrix[..., j, i] = p - float(i == j)
    matrix[..., reference, :] = 0.0
    matrix[..., reference, reference] = 1.0
    unit = np.zeros((*cells, size, 1))
    unit[..., reference, 0] = 1.0
    found = np.linalg.solve(matrix, unit)[..., 0]
    return [np.maximum(found[..., j], 0.0)[()] for j in range(size)]
