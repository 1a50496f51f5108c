"""Whole numbers tried under scenarios: do they meet the objectives, and if none do, why?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel.errors import InfeasibleError, ModelError
from qmodel.loads import Closed, Profile
from qmodel.networks.closed_result import ClosedResult
from qmodel.pipeline import PipelineResult
from qmodel.planning._attempts import over_time
from qmodel.planning._domains import Domain
from qmodel.planning._least_cost import Numbers
from qmodel.planning._models import Asked, StationModel
from qmodel.planning._results import (
    Result,
    footprint,
    latency_of,
    load_share_of,
    lost_of,
    unchanged,
)
from qmodel.planning.quantities import Mean, Percentile, quantity_of
from qmodel.planning.slo import Objective, missed_by
from qmodel.planning.solve_for import solve_for
from qmodel.units import text

__all__ = ["Case", "Trial", "why_none"]

_ROWS = 4096
"""Choices solved at once."""

_FEW = 64
"""Choices asked for together of which each is remembered."""

_DOUBLINGS = 40
_DOUBLINGS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario: the model in it, its load, and which share is left of what is sized."""

    name: str
    model: Asked
    arrival_rate: float | Closed | Profile
    left: np.ndarray


@dataclass(frozen=True, slots=True)
class Trial:
    """What a choice of numbers makes of the objectives in all scenarios."""

    cases: list[Case]
    domains: list[Domain]
    objectives: list[Objective]
    factor: float
    lots: np.ndarray
    """How much of each parameter one of it is: 1 where it is a whole number."""
    known: dict[tuple[int, ...], float] = field(default_factory=dict)
    """What was found of choices under a load that changes in time."""
    held: dict[tuple[int, ...], bool] = field(default_factory=dict)
    """Which choices are enough, of those that were asked for a few at a time."""
    solutions: dict[tuple[int, ...], list[tuple[Case, Result]]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    """How many choices were not enough in each scenario: the hardest is tried first."""

    @property
    def over_time(self) -> bool:
        """Whether a load changes in time: choices are then tried one by one."""
        return any(isinstance(case.arrival_rate, Profile) for case in self.cases)

    def results(self, rows: Numbers) -> Iterable[tuple[Case, Result, np.ndarray]]:
        """Yield each scenario with its solution, and where too few are left of something."""
        for case in self.cases:
            yield case, *self._solved(case, rows)

    def _solved(self, case: Case, rows: Numbers) -> tuple[Any, np.ndarray]:
        """Return the solution in a scenario, and where too few are left of something."""
        low = self.bottom
        here = np.floor(rows * case.left * (1 + 1e-12))
        kept = np.maximum(here, low) * self.lots
        too_few = (here < low).any(axis=1)
        rate = case.arrival_rate * self.factor
        if isinstance(rate, Profile):
            one = {d.name: d.number(kept[0, i]) for i, d in enumerate(self.domains)}
            return over_time(case.model.replace(one), rate), too_few
        changes = {d.name: kept[:, i] for i, d in enumerate(self.domains)}
        return case.model.replace(changes).solve(rate), too_few

    def _at(self, numbers: Numbers) -> list[tuple[Case, Result]]:
        """Return the solutions of one choice, which are asked for several times."""
        key = tuple(map(int, numbers))
        if key not in self.solutions:
            self.solutions[key] = [(case, r) for case, r, _ in self.results(numbers[None])]
        return self.solutions[key]

    @property
    def bottom(self) -> np.ndarray:
        """The fewest of each that there may be."""
        least = [
            max(math.ceil(domain.bottom / lot), 0 if domain.closed and domain.whole else 1)
            for domain, lot in zip(self.domains, self.lots, strict=True)
        ]
        return np.array(least, dtype=np.int64)

    @property
    def top(self) -> np.ndarray:
        """The most of each that there may be."""
        most: np.ndarray = np.floor(np.array([d.top for d in self.domains]) / self.lots)
        return most

    def excess(self, rows: Numbers) -> np.ndarray:
        """Return by how much each choice misses the worst objective."""
        if self.over_time:
            return np.array([self._of_one(row) for row in rows])
        parts = [rows[i : i + _ROWS] for i in range(0, len(rows), _ROWS)]
        return np.concatenate([self._excess(part) for part in parts])

    def _of_one(self, row: Numbers) -> float:
        key = tuple(map(int, row))
        if key not in self.known:
            self.known[key] = float(self._excess(row[None])[0])
        return self.known[key]

    def _excess(self, rows: Numbers) -> np.ndarray:
        worst = np.full(len(rows), -np.inf)
        with np.errstate(all="ignore"):
            for _, result, gone in self.results(rows):
                missed = np.broadcast_to(missed_by(result, self.objectives), len(rows))
                # A steady state needs to lie below its boundary, where nothing is missed.
                missed = np.where((missed == 0) & (not self.objectives), 1e-300, missed)
                worst = np.maximum(worst, np.where(gone, np.inf, missed))
        return worst

    def holds(self, rows: Numbers) -> np.ndarray:
        """Return where all objectives hold: what fails in a scenario is tried in no other."""
        if self.over_time:
            return self.excess(rows) <= 0
        if len(rows) > _FEW:
            return self._hold(rows)
        keys = list(map(tuple, rows.tolist()))
        new = [i for i, key in enumerate(keys) if key not in self.held]
        if new:
            for i, good in zip(new, self._hold(rows[new]), strict=True):
                self.held[keys[i]] = bool(good)
        return np.array([self.held[key] for key in keys])

    def _hold(self, rows: Numbers) -> np.ndarray:
        good = np.ones(len(rows), dtype=bool)
        for case in sorted(self.cases, key=lambda case: -self.failed[case.name]):
            for part in np.split(np.arange(len(rows)), range(_ROWS, len(rows), _ROWS)):
                open_ = part[good[part]]
                if open_.size:
                    good[open_] = here = self._hold_in(case, rows[open_])
                    self.failed[case.name] += int(np.sum(~here))
        return good

    def _hold_in(self, case: Case, rows: Numbers) -> np.ndarray:
        with np.errstate(all="ignore"):
            result, gone = self._solved(case, rows)
            good: np.ndarray = ~gone & np.less(load_share_of(result), 1)
            # Percentiles last, as they cost most.
            for objective in sorted(self.objectives, key=lambda o: o.probability is not None):
                if good.any():
                    good &= objective.margin(result) <= 0
        return good

    def unlimited(self, low: Numbers) -> Numbers:
        """Return numbers beyond which more of all changes nothing, or is not asked for.

        Numbers below `low` are not enough.
        """
        top = np.minimum(self.top, 2.0**_DOUBLINGS)
        # Not below what is left in the worst scenario.
        here = np.ceil(np.maximum(low, 1.0) / np.min([c.left for c in self.cases], axis=0))
        powers = 2.0 ** np.arange(_DOUBLINGS)[:, None]
        rows: Numbers = np.minimum(np.minimum(here, top) * powers, top).astype(np.int64)
        if not self.objectives:
            return self._first_steady(rows)
        before: list[Any] = []
        for which, now in self._footprints(rows):
            if before and unchanged(before, now):
                return self._row(rows, which)
            before = now
        return self._row(rows, -1)

    def _footprints(self, rows: Numbers) -> Iterator[tuple[int, list[Any]]]:
        """Yield what changes of the solutions with each row of numbers."""
        at_once = 1 if self.over_time else _DOUBLINGS_AT_ONCE
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            cells: list[Any] = []
            with np.errstate(all="ignore"):
                for _, result, _ in self.results(part):
                    cells += footprint(result, self._rough(result))
            if self.over_time:  # Of all times of one choice.
                yield start, cells
                continue
            for k in range(len(part)):
                yield start + k, [np.broadcast_to(value, len(part))[k] for value in cells]

    def _rough(self, result: Result) -> Any:
        """Return by how much objectives are missed, 0 if none is, without the percentiles.

        Who waits less than before has a shorter mean: where the mean rests, so do they. By how
        much an objective is met does not matter: a utilization falls with any further number.
        """
        plain = [o for o in self.objectives if self.over_time or o.probability is None]
        return np.maximum(missed_by(result, plain), 0.0) if plain else 0.0

    def _first_steady(self, rows: Numbers) -> Numbers:
        """Return the first row with a steady state, or the last."""
        for start in range(0, len(rows), _DOUBLINGS_AT_ONCE):
            enough = np.flatnonzero(self.holds(rows[start : start + _DOUBLINGS_AT_ONCE]))
            if enough.size:
                return self._row(rows, start + int(enough[0]))
        return self._row(rows, -1)

    @staticmethod
    def _row(rows: Numbers, which: int) -> Numbers:
        row: Numbers = rows[which]
        return row

    def refuse_what_worsens(self, most: Numbers) -> None:
        """Refuse numbers of which more misses the objectives by more."""
        low = self.bottom
        fewer = np.tile(most, (2, most.size, 1))
        n = np.arange(most.size)
        fewer[:, n, n] = low, np.sqrt(np.maximum(low, 1.0) * most)
        missed = np.maximum(self.excess(np.vstack([most, *fewer])), 0.0)
        worse = (missed[1:] < missed[0] - 1e-6).reshape(2, -1).any(axis=0)
        if worse.any():
            name = self.domains[int(np.argmax(worse))].name
            goals = " and ".join(map(str, self.objectives))
            raise ModelError(f"more of {name} is worse for {goals}: see `solve_for`")

    def values(self, numbers: Numbers) -> dict[str, dict[str, float]]:
        """Return the values of the objectives' quantities in each scenario."""
        return {
            case.name: {str(o): float(np.ravel(o.value(r))[0]) for o in self.objectives}
            for case, r in self._at(numbers)
        }

    def lost(self, numbers: Numbers) -> dict[str, float]:
        """Return the greatest shares that are rejected and abandoned in any scenario."""
        results = [result for _, result in self._at(numbers)]
        return {
            name: max(float(np.max(lost_of(result, name))) for result in results)
            for name in ("rejected", "abandoned")
        }

    def binding(self, numbers: Numbers) -> tuple[str, Objective]:
        """Return the scenario and the objective that are nearest to a limit."""
        nearest = [
            (float(np.ravel(o.margin(result))[0]), case.name, i)
            for case, result in self._at(numbers)
            for i, o in enumerate(self.objectives)
        ]
        _, scenario, i = max(nearest)
        return scenario, self.objectives[i]

    def gains(
        self, numbers: Numbers, scenario: str, objective: Objective
    ) -> list[tuple[float, float]]:
        """Return the change of the margin, and the value, with one more of each."""
        top = self.top
        one = np.vstack([0 * numbers, np.eye(numbers.size, dtype=np.int64)])
        rows = np.minimum(numbers + one, top).astype(np.int64)
        parts = rows[:, None] if self.over_time else [rows]
        case = next(case for case in self.cases if case.name == scenario)
        found = [self._solved(case, part)[0] for part in parts]
        each = len(rows) if len(found) == 1 else 1
        margins = np.ravel([np.broadcast_to(objective.margin(r), each) for r in found])
        values = np.ravel([np.broadcast_to(objective.value(r), each) for r in found])
        return list(zip(margins[1:] - margins[0], values[1:], strict=True))


def why_none(trial: Trial, high: Numbers) -> str:
    """Return the message for objectives that no numbers meet, with what would."""
    names = ", ".join(domain.name for domain in trial.domains)
    for case, result, _ in trial.results(high[None]):
        for objective in trial.objectives:
            if np.all(objective.margin(result) <= 0):
                continue
            much = zip(trial.domains, high, trial.lots, strict=True)
            unlimited = {d.name: d.number(n * lot) for d, n, lot in much}
            value = objective.text(float(np.ravel(objective.value(result))[0]))
            where = f" in scenario {case.name!r}" if len(trial.cases) > 1 else ""
            said = (
                f"no number of {names} is enough for {str(objective)!r}{where}: with any "
                f"number {objective.quantity} is {value}"
            )
            rate = case.arrival_rate * trial.factor
            if isinstance(rate, Profile):
                return said
            ways = _ways(case.model.replace(unlimited), rate, objective)
            return f"{said}{_alone(result, objective)}; {ways}"
    return f"no number of {names} is enough for all objectives at once"


def _alone(result: Result, objective: Objective) -> str:
    """Return which stations alone take longer than the whole may."""
    quantity = quantity_of(objective.quantity)
    if not isinstance(result, (PipelineResult, ClosedResult)):
        return ""
    if not isinstance(quantity, (Mean, Percentile)):
        return ""
    slow = []
    for name, station in result.stations.items():
        if quantity_of(objective.quantity) == quantity and np.any(result.visits[name] > 0):
            distribution = latency_of(station)
            p = objective.probability
            alone = float(
                np.ravel(distribution.mean if p is None else distribution.quantile(p))[0]
            )
            if alone > objective.limit:
                slow.append(f"{name} {text(alone, 's')}")
    return f" (alone {', '.join(slow)})" if slow else ""


def _ways(model: Asked, rate: float | Closed, objective: Objective) -> str:
    """Return how fast each service would have to become, if only it did."""
    base = model.station if isinstance(model, StationModel) else model
    enough = []
    for name, value in model.parameters().items():
        if name.rpartition(".")[2] in ("service_time", "mean"):
            try:
                found = solve_for(base, name, rate, objective)
            except (InfeasibleError, ModelError):
                continue
            if found.side == "at most":
                most, now = text(float(found), "s"), text(float(value), "s")
                enough.append(f"{name} at most {most} (now {now})")
    if not enough:
        return "no single service time would be enough, however short"
    return f"enough would be {', or '.join(enough)}"
