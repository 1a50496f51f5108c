"""What a site needs of its cache, gains from more of it, and suffers from its loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.cli.report import RATE, TIME, percent, shown
from qmodel.cli.stored import CACHE, capacity_of, hits_of, in_words, stored_step
from qmodel.errors import InfeasibleError
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning import Objective

__all__ = ["least", "limit", "loss", "more"]

MORE = 1.25


def least(model: Pipeline, load: float, goal: Objective | None = None) -> tuple[float, float]:
    """Return the least hit ratio that is enough, and the memory for it [B]; inf for none."""
    from qmodel.planning.cache_loss import least_hit_ratio
    from qmodel.planning.cache_size import cache_size

    step = stored_step(model)
    try:
        ratio = float(least_hit_ratio(model, CACHE, load, () if goal is None else goal))
    except InfeasibleError:
        return math.inf, math.inf
    flow = max(float(model.solve(load).caches[CACHE].request_rate), 1e-200)
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


def more(model: Pipeline, result: PipelineResult, behind: str) -> str:
    """Return in words what a quarter more memory changes."""
    own = capacity_of(stored_step(model))
    more = model.replace({f"{CACHE}.capacity": MORE * own}).solve(result.arrival_rate)
    both = (result, more)
    pairs = {
        "hit ratio": [text(float(hits_of(r.caches[CACHE])), "%") for r in both],
        f"{behind} busy": [text(float(r.stations[behind].utilization), "%") for r in both],
        "misses": [text(float(r.caches[CACHE].miss_rate), "1/s") for r in both],
        "mean": [shown(r.latency.mean, TIME) for r in both],
    }
    changes = [f"{name} {now} to {then}" for name, (now, then) in pairs.items() if now != then]
    return f"25 % more memory ({in_words(MORE * own)}): {', '.join(changes) or 'no change'}."


def loss(model: Pipeline, load: float, behind: str) -> tuple[str, dict[str, Any]]:
    """Return in words and numbers what the site does without the cache."""
    from qmodel.planning.cache_loss import lose_cache

    lost = lose_cache(model, CACHE, load)
    factor, busy = (
        float(x) for x in (lost.load_factor[behind], lost.after.stations[behind].utilization)
    )
    facts = {"loss": {"load_factor": factor, "misses_factor": lost.miss_factor}}
    facts["loss"] |= {"utilization": busy, "survives": bool(lost.survives)}
    facts["loss"] |= {"max_rate": lost.max_rate}
    if load == 0:
        return "", facts
    times = f"gets {factor:.3g} times the load" if math.isfinite(factor) else "gets all of it"
    state = f"{percent(busy)} busy" + ("" if lost.survives else ", overloaded")
    carries = f"the site carries {shown(lost.max_rate, RATE)}"
    return f"Without the cache the {behind} {times} ({state}); {carries}.", facts
