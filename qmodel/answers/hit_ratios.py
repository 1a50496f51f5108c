"""What hit ratios of caches do to capacity, latency and bottleneck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmodel.answers.answer import Column, Table
from qmodel.answers.words import RATE, SHARE, TEXT, TIME, percent
from qmodel.units import text

if TYPE_CHECKING:
    import numpy as np

    from qmodel.pipeline import Pipeline
    from qmodel.planning import Objective

__all__ = ["hit_ratios", "within_header"]

RATIOS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)


def hit_ratios(
    model: Pipeline, load: float, goals: Sequence[Objective]
) -> tuple[list[Table], list[str]]:
    """Return a table for each cache that decides the capacity, and a line for each other."""
    import numpy as np

    tables, notes = [], []
    for name, own in model.parameters().items():
        if name.endswith(".hit_ratio"):
            ratios = _ratios(float(own))
            scenarios = model.replace({name: ratios})
            decides = len(set(np.broadcast_to(scenarios.max_rate, ratios.shape).tolist())) > 1
            if decides or load < float(model.max_rate):
                if decides:
                    tables.append(_table(scenarios, name, float(own), load, goals))
                else:
                    notes.append(_note(scenarios, name, float(own), load))
    return tables, notes


def within_header(goals: Sequence[Objective]) -> str:
    """Return the header of the load that is sustained within objectives."""
    if len(goals) != 1:
        return "within objectives"
    (goal,) = goals
    what = goal.quantity if goal.subject is None else f"{goal.quantity} of {goal.subject}"
    return f"with {what} {str(goal).removeprefix(what).strip()}"


def _ratios(own: float) -> np.ndarray:
    import numpy as np

    return np.array(sorted({*(r for r in RATIOS if abs(r - own) > 1e-9), own}))


def _table(
    scenarios: Pipeline, name: str, own: float, load: float, goals: Sequence[Objective]
) -> Table:
    import numpy as np

    from qmodel.planning import capacity

    ratios = _ratios(own)
    result = scenarios.solve(load)

    def cells(values: object) -> list[float]:
        found: list[float] = np.broadcast_to(np.asarray(values), ratios.shape).tolist()
        return found

    columns = [
        Column("hit_ratio", "hit ratio", SHARE, ratios.tolist()),
        Column("max_rate", "sustains", RATE, cells(result.max_rate)),
    ]
    if goals:
        within = cells(capacity(scenarios, *goals))
        columns.append(Column("capacity", within_header(goals), RATE, within))
    lost = cells(1 - np.asarray(result.accepted))
    if max(lost) > 1e-9:
        columns.append(Column("loss", "lost", SHARE, lost))
    columns += [
        Column("mean", "mean", TIME, cells(result.latency.mean)),
        Column("p99", "p99", TIME, cells(result.latency.quantile(0.99))),
        Column("bottleneck", "saturates first", TEXT, cells(result.bottleneck)),
    ]
    cache = name.removesuffix(".hit_ratio")
    title = f"What the hit ratio of the {cache} does, at {text(load, '1/s')}"
    marked = int(np.flatnonzero(ratios == own)[0])
    return Table(name, title, columns, marked, "as it is now")


def _note(scenarios: Pipeline, name: str, own: float, load: float) -> str:
    """Return the least, own and greatest hit ratio with the mean latency, in one line."""
    import numpy as np

    ratios = _ratios(own)
    means = np.broadcast_to(scenarios.solve(load).latency.mean, ratios.shape)
    mean = Column("mean", "mean", TIME, means.tolist())
    now = int(np.flatnonzero(ratios == own)[0])
    parts = [
        f"{mean.shown(i)} {'now' if i == now else f'at {percent(float(ratios[i]))}'}"
        for i in sorted({0, now, len(ratios) - 1})
    ]
    cache = name.removesuffix(".hit_ratio")
    return f"{cache} hit ratio: same capacity; mean {', '.join(parts)}"
