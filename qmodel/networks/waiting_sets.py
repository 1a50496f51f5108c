"""The sets of stations at which a request of a closed network waits, with their weights.

Given z in the contour integral, a request waits at a station or finds a free server there
(`qmodel.networks.round_trip`); each is a polynomial in x z, x being the throughput, and the
weight of a set of stations is the product of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Waiting", "WaitingSet", "beside", "waiting", "waiting_sets"]


class Waiting(NamedTuple):
    """A station: the rate of its waits, and in powers of x z, free servers and none free."""

    rate: Any
    free: Any
    busy: Any


class WaitingSet(NamedTuple):
    """Stations at which a request waits: their rates, and the coefficients of the weight."""

    rates: tuple[Any, ...]
    factor: tuple[Any, ...]


def waiting(demand: Any, servers: Any, throughput: Any) -> tuple[Waiting, Any]:
    """Return the factors of a station, and the log that was taken out of them."""
    from scipy.special import gammaln

    c = np.asarray(servers, dtype=float)
    most = int(np.max(c))
    n = np.arange(most + 1).reshape(-1, *[1] * np.ndim(throughput * demand * c))
    with np.errstate(divide="ignore", invalid="ignore"):
        # A station that nobody visits has all servers free, and a rate that never shows.
        logs = np.where(n == 0, 0.0, n * np.log(throughput * demand)) - gammaln(n + 1.0)
        rate = np.where(demand == 0, 1e9 * throughput, np.divide(c, demand))
    top = np.where(n <= c, logs, -np.inf).max(axis=0)
    terms = np.exp(logs - top)
    return Waiting(rate, np.where(n < c, terms, 0.0)[:-1], np.where(n == c, terms, 0.0)), top


def waiting_sets(stations: Sequence[Waiting]) -> tuple[WaitingSet, ...]:
    """Return all sets of stations at which a request may wait, the empty one first."""
    found: list[tuple[tuple[Any, ...], Any]] = [((), np.ones(1))]
    for station in stations:
        found = [
            part
            for rates, factor in found
            for part in (
                (rates, _times(factor, station.free)),
                ((*rates, station.rate), _times(factor, station.busy)),
            )
        ]
    return tuple(WaitingSet(rates, tuple(factor)) for rates, factor in found)


def beside(coefficients: tuple[Any, ...], other: Any) -> Any:
    """Return coefficients along a first axis, with axes for the cells of another array."""
    polynomial = np.array(coefficients)
    more = max(other.ndim - polynomial.ndim, 0)
    return polynomial.reshape(len(polynomial), *[1] * more, *polynomial.shape[1:])


def _times(first: Any, second: Any) -> Any:
    """Return the product of two polynomials, whose coefficients are along the first axis."""
    cells = np.broadcast_shapes(first.shape[1:], second.shape[1:])
    product = np.zeros((len(first) + len(second) - 1, *cells))
    few, many = sorted((first, second), key=lambda p: np.count_nonzero(p.any(axis=_cells(p))))
    for i in np.flatnonzero(few.any(axis=_cells(few))):
        product[i : i + len(many)] += many * few[i]
    return product


def _cells(polynomial: Any) -> tuple[int, ...]:
    return tuple(range(1, polynomial.ndim))
