"""How an emptied cache fills, and how what is behind it lives through that."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.cli.stored import CACHE, capacity_of, stored_step
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.caches import Warming
    from qmodel.pipeline import Pipeline, PipelineResult

__all__ = ["refill", "span"]

FILL_LIKE_LRU = ("lru", "fifo", "random", "clock")
"""Policies that take in all that they missed: they are full at the same time."""


def refill(
    model: Pipeline, result: PipelineResult, behind: str, policy: str
) -> tuple[str, dict[str, Any]]:
    """Return how an emptied cache fills, where its policy takes in all that it missed."""
    from qmodel.caches import LRU, Warming

    step = stored_step(model)
    load = float(result.arrival_rate)
    if policy not in FILL_LIKE_LRU or not 0 < load < float(result.max_rate):
        return "", {}
    cold = Warming(LRU(capacity_of(step)), step.popularity, result.caches[CACHE].request_rate)
    full = float(cold.full_at)
    expires = hasattr(step.policy, "ttl")
    # Entries that expire before it is full, and hits of other policies, are not covered.
    if full > getattr(step.policy, "ttl", math.inf) or (math.isinf(full) and policy != "lru"):
        return "", {}
    facts: dict[str, Any] = {"full_after": full}
    if policy != "lru" or expires:
        said = f"Emptied, the cache is full again after {span(full)}"
        return f"{said}, if the {behind} can do all the misses.", {"refill": facts}
    half, most = (float(cold.time_to(share)) for share in (0.5, 0.9))
    said = f"Emptied, the cache has half of its hits back after {span(half)}, 90 % after "
    said += span(most) + (f", and is full after {span(full)}" if math.isfinite(full) else "")
    facts |= {"half_after": half, "nine_tenths_after": most}
    through, more = _through(model, cold, load, behind)
    return f"{said}, if the {behind} can do all the misses.{through}", {"refill": facts | more}


def _through(
    model: Pipeline, cold: Warming, load: float, behind: str
) -> tuple[str, dict[str, Any]]:
    """Return how what is behind an emptied cache lives through its filling."""
    from qmodel.planning._hit_ratios import with_hit_ratio

    empty, whole = (
        with_hit_ratio(model, CACHE, ratio).solve(load).stations[behind] for ratio in (0.0, 1.0)
    )
    # What other requests leave of it, in misses.
    each = float(empty.arrival_rate - whole.arrival_rate) / float(cold.request_rate)
    able = float(empty.station.max_rate - whole.arrival_rate) / each
    if not 0 < able < math.inf:
        return "", {}
    found = cold.survival(able)
    facts = {"queued_duration": found.queued_duration, "backlog": found.backlog}
    facts |= {"throttled_duration": found.throttled_duration}
    facts |= {"turned_away": found.turned_away, "basis": str(found.basis)}
    if found.overload <= 1:
        return " It can.", facts
    queued, throttled = (
        span(float(t)) for t in (found.queued_duration, found.throttled_duration)
    )
    return (
        f" It cannot: up to {found.backlog:,.0f} wait, and it takes {queued} until none does. "
        f"Or requests are turned away for {throttled}, {found.turned_away:,.0f} in all."
    ), facts


def span(seconds: float) -> str:
    """Return a time that may be long in the unit that people would take."""
    for name, unit in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * unit:
            return f"{text(seconds / unit, '-', digits=2)} {name}"
    return text(seconds, "s", digits=2)
