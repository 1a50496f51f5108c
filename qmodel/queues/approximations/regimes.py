r"""One station whose cells are of several kinds, each solved as what it is.

An array of servers may hold a 1, an array of SCVs a 0 or a 1 (`qmodel.distributions.fit` then
gives a mixture with probabilities of 0 and 1): such a cell has an exact solution where its
neighbours have an approximate one. Each kind is solved in its own cells, without load in the
others, and every cell takes what is its own. A label is that of the weakest cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import Basis, union
from qmodel.distributions import Distribution, Mixture
from qmodel.queues.base import MEANS, Station, StationResult
from qmodel.queues.counts.states import States

__all__ = ["by_kind", "kinds_of", "of_cells"]


def kinds_of(distribution: Distribution) -> tuple[tuple[Any, Distribution], ...]:
    """Return where a distribution is of which kind: one kind, unless it is chosen by cell.

    Parameters
    ----------
    distribution : Distribution
        The distribution. [-]

    Returns
    -------
    tuple of (bool or array, Distribution)
        The cells of each kind, and the distribution there. [-]

    Examples
    --------
    >>> from qmodel.distributions import from_mean_scv
    >>> [cells.tolist() for cells, _ in kinds_of(from_mean_scv(0.1, np.array([0.0, 1.0])))]
    [[True, False], [False, True]]
    """
    if not isinstance(distribution, Mixture) or is_symbolic(
        *distribution.probabilities, distribution.mean
    ):
        return ((True, distribution),)
    chosen = [np.asarray(p) for p in distribution.probabilities]
    if not all(np.all((p == 0) | (p == 1)) for p in chosen):
        return ((True, distribution),)
    return tuple(
        (p == 1, kind)
        for p, kind in zip(chosen, distribution.distributions, strict=True)
        if p.any()
    )


def by_kind(
    station: Station, arrival_rate: Value, kinds: Sequence[tuple[Any, Station]]
) -> StationResult:
    """Return the steady state of a station whose cells are of several kinds.

    Parameters
    ----------
    station : Station
        The station. [-]
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    kinds : sequence of (bool array, Station)
        The cells of each kind, which are all cells together, and what stands there. [-]

    Returns
    -------
    StationResult
        Means, distributions and their basis. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> one, more = np.array([True, False]), np.array([False, True])
    >>> service = qm.Gamma(1.0, 0.5)
    >>> r = by_kind(qm.MG1(service), 0.5, [(one, qm.MG1(service)), (more, qm.MMc(1.0, 2))])
    >>> r.waiting_time
    array([0.75  , 0.0667])
    """
    rate = np.asarray(arrival_rate, dtype=float)
    cells = [np.asarray(where) for where, _ in kinds]
    found = [
        kind._solve(np.where(where, rate, 0.0 * rate)[()])
        for where, (_, kind) in zip(cells, kinds, strict=True)
    ]
    return of_cells(station, arrival_rate, cells, found)


def of_cells(
    station: Station,
    arrival_rate: Value,
    cells: Sequence[Any],
    found: Sequence[StationResult],
) -> StationResult:
    """Return the result that has, in its cells, what each of several results has there.

    Parameters
    ----------
    station : Station
        The station. [-]
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    cells : sequence of bool arrays
        The cells of each result, which are all cells together. [-]
    found : sequence of StationResult
        The results. [-]

    Returns
    -------
    StationResult
        Means, distributions and their basis. [-]
    """
    weights = tuple((1.0 * np.asarray(where))[()] for where in cells)
    cells = [np.asarray(where) for where in cells]
    means = {name: _pick(cells, [getattr(r, name) for r in found]) for name in MEANS}
    waits = [r.wait for r in found if r.wait is not None]
    numbers = [r.number for r in found if r.number is not None]
    return replace(
        found[0],
        **means,
        arrival_rate=arrival_rate,
        wait=Mixture(weights, tuple(waits)),
        response=Mixture(weights, tuple(r.response for r in found)),
        station=station,
        number=_CellStates(tuple(cells), tuple(numbers)) if numbers else None,
        basis=Basis({
            name: union(*(r.basis.grounds[name] for r in found))
            for name in found[0].basis.grounds
        }),
    )  # fmt: skip


def _pick(cells: Sequence[Any], values: Sequence[Any]) -> Any:
    picked = values[0]
    for where, value in zip(cells[1:], values[1:], strict=True):
        picked = np.where(where, value, picked)
    return np.broadcast_to(picked, np.broadcast_shapes(np.shape(picked), cells[0].shape))[()]


@dataclass(frozen=True, slots=True, eq=False)
class _CellStates(States):
    """The number present, of the distribution of its cell."""

    cells: tuple[Any, ...]
    distributions: tuple[States, ...]

    def _of(self, each: Callable[[States], Any]) -> Any:
        return _pick(self.cells, [each(distribution) for distribution in self.distributions])

    @property
    def mean(self) -> Value:
        return self._of(lambda distribution: distribution.mean)

    @property
    def variance(self) -> Value:
        return self._of(lambda distribution: distribution.variance)

    def probability(self, n: Count) -> Value:
        return self._of(lambda distribution: distribution.probability(n))

    def tail(self, n: Count) -> Value:
        return self._of(lambda distribution: distribution.tail(n))
