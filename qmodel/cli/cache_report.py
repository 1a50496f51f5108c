"""The answer of ``qmodel cache``: its verdict, what it means, and on what it rests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.cli import cache_limits, cache_tables
from qmodel.cli.cache_refill import refill
from qmodel.cli.report import Report, percent
from qmodel.cli.stored import (
    CACHE,
    capacity_of,
    hits_of,
    in_words,
    look_ups_of,
    misses_of,
    station_behind,
    stored_step,
)
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.pipeline.steps.cached import Cached
    from qmodel.planning import Objective

__all__ = ["answer"]


def answer(
    model: Pipeline,
    load: float,
    goal: Objective,
    *,
    policy: str = "lru",
    remark: str = "",
    guessed: str = "",
) -> Report:
    """Return the answer for a pipeline whose cache is modelled, at a load [1/s]."""
    step, result = stored_step(model), model.solve(load)
    behind = station_behind(step, result)
    ttl = getattr(step.policy, "ttl", None)
    table, more = cache_tables.by_memory(model, load, behind)
    tables = [table]
    if ttl is None:
        tables.append(cache_tables.by_policy(model, load, behind, policy))
    else:
        tables.append(cache_tables.by_life(model, load, behind))
    least, needed = cache_limits.least(model, result)
    within = cache_limits.least(model, result, goal)[1]
    loss, lost = cache_limits.loss(model, result, behind)
    filling, filled = refill(model, result, behind, policy)
    hit, met = result.caches[CACHE], bool(goal.met(result))
    facts: dict[str, Any] = {"arrival_rate": load, "policy": policy, "ttl": ttl}
    facts |= {"objects": int(step.popularity.objects), "memory": capacity_of(step)}
    facts |= {"hit_ratio": hits_of(hit), "look_ups": look_ups_of(result)}
    facts |= {"miss_rate": misses_of(result), "mean": result.latency.mean}
    facts |= {"p99": result.latency.quantile(0.99), "max_rate": result.max_rate}
    facts |= {"bottleneck": result.bottleneck, "objective": str(goal), "met": met}
    facts |= {"memory_within_objective": within}
    facts |= {"least_hit_ratio": least, "least_memory": needed, **lost, **filled}
    labels = {"hit_ratio": hit.basis["hit_ratio"]}
    labels |= {q: result.basis[q] for q in ("max_rate", "mean", "p99")}
    facts |= {"basis": labels, "assumptions": list(result.assumptions)}
    notes = [
        cache_limits.limit(model, load, behind, least, needed),
        cache_limits.more(table, more, behind),
        loss,
        filling,
        *_basis(result),
    ]
    return Report(
        verdict=_verdict(result, step, behind),
        meaning=_meaning(result, step, goal, within, (policy, remark, guessed)),
        tables=tables,
        notes=[note for note in notes if note],
        frame=cache_tables.frame_of(tables, policy, step),
        facts=facts,
        good=met,
    )


def _verdict(result: PipelineResult, step: Cached, behind: str) -> str:
    hit, at = result.caches[CACHE], text(float(result.arrival_rate), "1/s")
    has = f"Hit ratio {percent(float(hits_of(hit)))} with {in_words(capacity_of(step))}"
    if result.arrival_rate >= result.max_rate:
        most = text(float(result.max_rate), "1/s")
        return f"{has}; overloaded at {at}: the {result.bottleneck} is full from {most} on"
    does = text(float(result.stations[behind].arrival_rate), "1/s")
    p99 = text(float(result.latency.quantile(0.99)), "s")
    return f"{has}; at {at} the {behind} does {does}; p99 {p99}"


def _meaning(
    result: PipelineResult,
    step: Cached,
    goal: Objective,
    within: float,
    said: tuple[str, str, str],
) -> list[str]:
    policy, remark, guessed = said
    load, hit, catalogue = float(result.arrival_rate), result.caches[CACHE], step.popularity
    chosen = f" ({remark})" if remark else ""
    held = float(hit.occupancy) / float(catalogue.objects)
    lines = [
        f"Of {in_words(float(catalogue.volume))} ({catalogue.objects:,.0f} objects) {policy} "
        f"holds {percent(held)}. Of {text(load, '1/s')}{chosen}, "
        f"{text(look_ups_of(result), '1/s')} look up and "
        f"{text(misses_of(result), '1/s')} miss."
    ]
    if guessed:
        lines.append(f"Not given, so plausible values are taken: {guessed}.")
    met = "met" if goal.met(result) else "MISSED"
    if math.isfinite(within):
        enough = f"{in_words(within)} are enough" if within > 0 else "no cache is needed"
    else:
        enough = "no memory is enough"
    lines.append(f"Objective {goal}: {met} here; {enough} at this load.")
    return lines


def _basis(result: PipelineResult) -> list[str]:
    grounds = result.caches[CACHE].basis
    label = grounds["hit_ratio"]
    weak = [a for a in grounds.assumptions("hit_ratio") if a.label != "exact"]
    stated = "".join(f"; {a}: {a.statement}" for a in weak)
    weaker = [a for a in result.assumptions if a.label != "exact" and a not in weak]
    names = f" ({', '.join(weaker)})" if weaker else ""
    labels = {"capacity": "max_rate", "mean": "mean", "percentiles": "p99"}
    rest = ", ".join(f"{name} {result.basis[key]}" for name, key in labels.items())
    model = [a for a in result.assumptions if a.label == "exact"]
    return [
        f"Basis: hit ratio {label}{stated}.",
        f"{rest[:1].upper()}{rest[1:]}{names}.",
        f"Model: {', '.join(model)}.",
    ]
