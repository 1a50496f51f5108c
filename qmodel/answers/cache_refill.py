"""How an emptied cache fills, and how what is behind it survives that."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.answers.words import age

if TYPE_CHECKING:
    from qmodel.answers.stored import Site
    from qmodel.caches import Warming

__all__ = ["refill"]

FILL_LIKE_LRU = ("lru", "fifo", "random", "clock")
"""Policies that take in all that they missed: they are full at the same time."""


def refill(site: Site, policy: str) -> tuple[str, dict[str, Any]]:
    """Return how an emptied cache fills, where its policy takes in all that it missed."""
    from qmodel.caches import LRU, Warming

    step, behind = site.step, site.behind
    if policy not in FILL_LIKE_LRU or not 0 < site.load < float(site.result.max_rate):
        return "", {}
    cold = Warming(LRU(site.memory), step.popularity, site.cache.request_rate)
    full = float(cold.full_at)
    expires = hasattr(step.policy, "ttl")
    # Entries that expire before it is full, and hits of other policies, are not covered.
    if full > getattr(step.policy, "ttl", math.inf) or (math.isinf(full) and policy != "lru"):
        return "", {}
    facts: dict[str, Any] = {"full_after": full}
    if policy != "lru" or expires:
        said = f"Emptied, the cache is full again after {age(full)}"
        return f"{said}, if the {behind} can do all the misses.", {"refill": facts}
    half, most = (float(cold.time_to(share)) for share in (0.5, 0.9))
    said = f"Emptied, the cache has half of its hits back after {age(half)}, 90 % after "
    said += age(most) + (f", and is full after {age(full)}" if math.isfinite(full) else "")
    facts |= {"half_after": half, "nine_tenths_after": most}
    through, more = _through(site, cold)
    return f"{said}, if the {behind} can do all the misses.{through}", {"refill": facts | more}


def _through(site: Site, cold: Warming) -> tuple[str, dict[str, Any]]:
    """Return how what is behind an emptied cache survives its filling."""
    from qmodel.planning._hit_ratios import with_hit_ratio

    empty, whole = (
        with_hit_ratio(site.model, site.name, ratio).solve(site.load) for ratio in (0.0, 1.0)
    )
    # What other requests leave of it, in misses.
    most, others = (float(site.load * r.visits[site.behind]) for r in (empty, whole))
    each = (most - others) / float(cold.request_rate)
    able = float(empty.stations[site.behind].station.max_rate - others) / each
    if not 0 < able < math.inf:
        return "", {}
    found = cold.survival(able)
    facts = {"queued_duration": found.queued_duration, "backlog": found.backlog}
    facts |= {"throttled_duration": found.throttled_duration}
    facts |= {"turned_away": found.turned_away, "basis": str(found.basis)}
    if found.overload <= 1:
        return " It can.", facts
    queued, throttled = (
        age(float(t)) for t in (found.queued_duration, found.throttled_duration)
    )
    return (
        f" It cannot: up to {found.backlog:,.0f} wait, and it takes {queued} until none does. "
        f"Or requests are turned away for {throttled}, {found.turned_away:,.0f} in all."
    ), facts
