"""What a site needs of its cache, gains from more of it, and suffers from its loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.answers.cache_tables import MORE
from qmodel.answers.stored import hits_of
from qmodel.answers.words import RATE, TIME, percent, shown, size
from qmodel.errors import InfeasibleError
from qmodel.units import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qmodel.answers.answer import Table
    from qmodel.answers.stored import Site
    from qmodel.planning import Objective

__all__ = ["least", "limit", "loss", "more"]


def least(site: Site, goals: Sequence[Objective] = ()) -> tuple[float, float]:
    """Return the least hit ratio that is enough, and the memory for it [B]; inf for none."""
    from qmodel.planning.cache_loss import least_hit_ratio
    from qmodel.planning.cache_size import cache_size

    step = site.step
    try:
        ratio = float(least_hit_ratio(site.model, site.name, site.load, goals))
    except InfeasibleError:
        return math.inf, math.inf
    try:
        flow = site.cache.request_rate
        return ratio, float(cache_size(step.policy, step.popularity, ratio, flow))
    except InfeasibleError:
        return ratio, math.inf


def limit(site: Site, least: float, needed: float) -> str:
    """Return in words the least hit ratio that is enough, and its memory."""
    from qmodel.planning._hit_ratios import with_hit_ratio

    at, behind = text(site.load, "1/s"), site.behind
    if math.isinf(least):
        first = with_hit_ratio(site.model, site.name, 1.0).bottleneck
        return (
            f"No hit ratio is enough for {at}: the {first} is saturated even if all are hits."
        )
    if least == 0:
        return f"The {behind} survives {at} without a cache."
    room = size(needed) if math.isfinite(needed) else "no memory is enough: entries expire"
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
    room = size(MORE * now["memory"])
    return f"25 % more memory ({room}): {', '.join(changes) or 'no change'}."


def loss(site: Site) -> tuple[str, dict[str, Any]]:
    """Return in words and numbers what the site does without the cache."""
    from qmodel.planning._hit_ratios import with_hit_ratio
    from qmodel.planning.cache_loss import CacheLoss

    lost = CacheLoss(
        hit_ratio=hits_of(site.cache),
        remaining=0.0,
        before=site.result,
        after=with_hit_ratio(site.model, site.name, 0.0).solve(site.load),
    )
    behind = site.behind
    factor, busy = float(lost.load_factor[behind]), lost.after.stations[behind].utilization
    facts = {"load_factor": factor, "misses_factor": lost.miss_factor, "utilization": busy}
    facts |= {"survives": bool(lost.survives), "max_rate": lost.max_rate}
    if site.load == 0:
        return "", {"loss": facts}
    times = f"gets {factor:.3g} times the load" if math.isfinite(factor) else "gets all of it"
    state = f"{percent(float(busy))} busy" + ("" if lost.survives else ", overloaded")
    sustains = f"the site sustains {shown(lost.max_rate, RATE)}"
    return f"Without the cache the {behind} {times} ({state}); {sustains}.", {"loss": facts}
