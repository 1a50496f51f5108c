"""What a site needs of its cache, gains from more of it, and suffers from its loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.cli.cache_tables import MORE
from qmodel.cli.report import RATE, TIME, percent, shown
from qmodel.cli.stored import CACHE, hits_of, in_words, stored_step
from qmodel.errors import InfeasibleError
from qmodel.units import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmodel.cli.report import Table
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning import Objective

__all__ = ["least", "limit", "loss", "more"]


def least(
    model: Pipeline, result: PipelineResult, goal: Objective | None = None
) -> tuple[float, float]:
    """Return the least hit ratio that is enough, and the memory for it [B]; inf for none."""
    from qmodel.planning.cache_loss import least_hit_ratio
    from qmodel.planning.cache_size import cache_size

    step, load = stored_step(model), result.arrival_rate
    try:
        ratio = float(least_hit_ratio(model, CACHE, load, () if goal is None else goal))
    except InfeasibleError:
        return math.inf, math.inf
    flow = result.caches[CACHE].request_rate
    try:
        return ratio, float(cache_size(step.policy, step.popularity, ratio, flow))
    except InfeasibleError:
        return ratio, math.inf


def limit(model: Pipeline, load: float, behind: str, least: float, needed: float) -> str:
    """Return in words the least hit ratio that is enough, and its memory."""
    from qmodel.planning._hit_ratios import with_hit_ratio

    at = text(load, "1/s")
    if math.isinf(least):
        first = with_hit_ratio(model, CACHE, 1.0).bottleneck
        return f"No hit ratio is enough for {at}: the {first} is full even if all are hits."
    if least == 0:
        return f"The {behind} survives {at} without a cache."
    room = in_words(needed) if math.isfinite(needed) else "no memory is enough: entries expire"
    return f"The {behind} survives {at} from a hit ratio of {percent(least)} on: {room}."


def more(table: Table, more: Mapping[str, float], behind: str) -> str:
    """Return in words what a quarter more memory changes in the marked row of a table."""
    now = {c.key: c.values[table.marked or 0] for c in table.columns}
    units = {
        "hit_ratio": ("hit ratio", "%"),
        "utilization": (f"{behind} busy", "%"),
        "miss_rate": ("misses", RATE),
    }
    pairs = [
        (name, *(text(row[key], unit) for row in (now, more)))
        for key, (name, unit) in units.items()
    ]
    pairs.append(("mean", *(shown(row["mean"], TIME) for row in (now, more))))
    changes = [f"{name} {old} to {new}" for name, old, new in pairs if old != new]
    room = in_words(MORE * now["memory"])
    return f"25 % more memory ({room}): {', '.join(changes) or 'no change'}."


def loss(model: Pipeline, result: PipelineResult, behind: str) -> tuple[str, dict[str, Any]]:
    """Return in words and numbers what the site does without the cache."""
    from qmodel.planning._hit_ratios import with_hit_ratio
    from qmodel.planning.cache_loss import CacheLoss

    load = result.arrival_rate
    lost = CacheLoss(
        hit_ratio=hits_of(result.caches[CACHE]),
        remaining=0.0,
        before=result,
        after=with_hit_ratio(model, CACHE, 0.0).solve(load),
    )
    factor, busy = float(lost.load_factor[behind]), lost.after.stations[behind].utilization
    facts = {"load_factor": factor, "misses_factor": lost.miss_factor, "utilization": busy}
    facts |= {"survives": bool(lost.survives), "max_rate": lost.max_rate}
    if load == 0:
        return "", {"loss": facts}
    times = f"gets {factor:.3g} times the load" if math.isfinite(factor) else "gets all of it"
    state = f"{percent(float(busy))} busy" + ("" if lost.survives else ", overloaded")
    carries = f"the site carries {shown(lost.max_rate, RATE)}"
    return f"Without the cache the {behind} {times} ({state}); {carries}.", {"loss": facts}
