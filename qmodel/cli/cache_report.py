"""The answer of ``qmodel cache``: tables by memory and by policy, limits, loss and refill."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qmodel.cli.report import (
    BAR,
    RATE,
    SHARE,
    TEXT,
    TIME,
    Column,
    Report,
    Table,
    percent,
    shown,
)
from qmodel.cli.stored import CACHE, POLICIES, Memory, in_words, policy_of, stored_in
from qmodel.errors import InfeasibleError
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.pipeline.nodes import Stored
    from qmodel.planning import Objective

__all__ = ["answer"]

FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)
LIVES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0, math.inf)
MORE = 1.25
FILL_LIKE_LRU = ("lru", "fifo", "random", "clock")
"""Policies that take in all that they missed: they are full at the same time."""


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
    import pandas as pd

    step, result = stored_step(model), model.solve(load)
    behind = _behind(step, result)
    ttl = getattr(step.policy, "ttl", None)
    others = _by_policy(model, load, behind, policy) if ttl is None else None
    tables = [
        _by_memory(model, load, behind),
        others or _by_life(model, load, behind),
    ]
    least, needed = _least(model, load)
    within = _least(model, load, goal)[1]
    loss, lost = _loss(model, load, behind)
    refill, filling = _refill(model, result, behind, policy)
    hit, met = result.caches[CACHE], bool(goal.met(result))
    facts: dict[str, Any] = {"arrival_rate": load, "policy": policy, "ttl": ttl}
    facts |= {"objects": step.popularity.objects, "memory": _capacity(step)}
    facts |= {"hit_ratio": hit.hit_ratio, "look_ups": hit.request_rate}
    facts |= {"miss_rate": hit.miss_rate, "mean": result.latency.mean}
    facts |= {"p99": result.latency.quantile(0.99), "max_rate": result.max_rate}
    facts |= {"bottleneck": result.bottleneck, "objective": str(goal), "met": met}
    facts |= {"memory_within_objective": within}
    facts |= {"least_hit_ratio": least, "least_memory": needed, **lost, **filling}
    labels = {"hit_ratio": hit.basis["hit_ratio"]}
    labels |= {q: result.basis[q] for q in ("max_rate", "mean", "p99")}
    facts |= {"basis": labels, "assumptions": list(result.assumptions)}
    limit = _limit(result, behind, least, needed)
    notes = [limit, _more(model, result, behind), loss, refill, *_basis(result)]
    return Report(
        verdict=_verdict(result, step, behind),
        meaning=_meaning(result, step, goal, within, (policy, remark, guessed)),
        tables=tables,
        notes=[note for note in notes if note],
        frame=pd.concat([_frame(table) for table in tables], ignore_index=True),
        facts=facts,
        good=met,
    )


def stored_step(model: Pipeline) -> Stored:
    """Return the step that looks up in the modelled cache."""
    from qmodel.pipeline.nodes import Stored

    steps = (step for _, root in model.kinds.values() for step in root.walk())
    return next(s for s in steps if isinstance(s, Stored) and s.name == CACHE)


def _capacity(step: Stored) -> float:
    cache: Any = step.policy
    return float(cache.capacity)


def _behind(step: Stored, result: PipelineResult) -> str:
    """Return the busiest of the stations that a miss calls."""
    from qmodel.pipeline.nodes import Call

    names = [s.name for s in step.miss.walk() if isinstance(s, Call)]
    busy = {name: float(result.stations[name].utilization) for name in names}
    return max(names, key=lambda name: -1.0 if math.isnan(busy[name]) else busy[name])


# Tables -------------------------------------------------------------------------------------


def _by_memory(model: Pipeline, load: float, behind: str) -> Table:
    import numpy as np

    step = stored_step(model)
    own, everything = _capacity(step), float(np.asarray(step.popularity.volume))
    # Room for twice of what there is says nothing new.
    factors = [f for f in FACTORS if f <= 1 or f * own / 2 < everything]
    sizes = own * np.array(factors)
    found = _numbers(
        model.replace({f"{CACHE}.capacity": sizes}).solve(load), behind, sizes.size
    )
    head = Memory("memory", "memory", "B", sizes.tolist())
    title = f"What the memory does, at {text(load, '1/s')}"
    return _table("by_memory", title, head, found, behind, factors.index(1.0))


def _by_life(model: Pipeline, load: float, behind: str) -> Table:
    import numpy as np

    step = stored_step(model)
    cache: Any = step.policy
    lives = float(cache.ttl) * np.array(LIVES)
    found = _numbers(model.replace({f"{CACHE}.ttl": lives}).solve(load), behind, lives.size)
    words = ["never" if math.isinf(life) else _span(life) for life in lives.tolist()]
    head = Column("ttl", "expires after", TEXT, words)
    title = f"What the time to live does, with {in_words(_capacity(step))}"
    return _table("by_ttl", title, head, found, behind, LIVES.index(1.0))


def _by_policy(model: Pipeline, load: float, behind: str, policy: str) -> Table:
    step = stored_step(model)
    own, found = _capacity(step), dict[str, list[float]]()
    for name in POLICIES:
        other = stored_in(model, policy_of(name, own), step.popularity)
        for key, values in _numbers(other.solve(load), behind, 1).items():
            found.setdefault(key, []).extend(values)
    head = Column("policy", "policy", TEXT, list(POLICIES))
    title = f"What the policy does, with {in_words(own)}"
    return _table("by_policy", title, head, found, behind, POLICIES.index(policy))


def _numbers(result: PipelineResult, behind: str, cells: int) -> dict[str, list[float]]:
    """Return what a table says of each of some scenarios, by the name of its column."""
    import numpy as np

    hit = result.caches[CACHE]
    found: dict[str, Any] = {"hit_ratio": hit.hit_ratio, "miss_rate": hit.miss_rate}
    found |= {"utilization": result.stations[behind].utilization}
    found |= {"mean": result.latency.mean, "p99": result.latency.quantile(0.99)}
    found |= {"max_rate": result.max_rate}
    return {name: np.broadcast_to(v, cells).tolist() for name, v in found.items()}


def _table(
    key: str,
    title: str,
    head: Column,
    found: Mapping[str, Sequence[float]],
    behind: str,
    marked: int,
) -> Table:
    heads = {
        "hit_ratio": ("hit ratio", SHARE),
        "miss_rate": ("misses", RATE),
        "utilization": (f"{behind} busy", BAR),
        "mean": ("mean", TIME),
        "p99": ("p99", TIME),
        "max_rate": ("carries", RATE),
    }
    columns = [Column(name, *heads[name], values) for name, values in found.items()]
    return Table(key, title, [head, *columns], marked, "as it is now")


def _frame(table: Table) -> pd.DataFrame:
    import pandas as pd

    head, *columns = table.columns
    found = pd.DataFrame({c.key: list(c.values) for c in columns})
    found.insert(0, "value", [head.shown(row) for row in range(len(table))])
    found.insert(0, "varied", head.key)
    return found


# Limits, loss and refill --------------------------------------------------------------------


def _least(model: Pipeline, load: float, goal: Objective | None = None) -> tuple[float, float]:
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


def _limit(result: PipelineResult, behind: str, least: float, needed: float) -> str:
    at = text(float(result.arrival_rate), "1/s")
    if math.isinf(least):
        return f"No hit ratio is enough at {at}: another part than the {behind} is full."
    if least == 0:
        return f"The {behind} survives {at} without a cache."
    room = in_words(needed) if math.isfinite(needed) else "no memory is enough: entries expire"
    return f"The {behind} survives {at} from a hit ratio of {percent(least)} on: {room}."


def _more(model: Pipeline, result: PipelineResult, behind: str) -> str:
    own = _capacity(stored_step(model))
    after = model.replace({f"{CACHE}.capacity": MORE * own}).solve(result.arrival_rate)
    pairs = [
        (
            f"{behind} busy",
            *(percent(float(r.stations[behind].utilization)) for r in (result, after)),
        ),
        ("misses", *(text(float(r.caches[CACHE].miss_rate), "1/s") for r in (result, after))),
        ("mean", *(shown(r.latency.mean, TIME) for r in (result, after))),
    ]
    parts = [f"{name} {a}" + ("" if a == b else f" to {b}") for name, a, b in pairs]
    hits = f"hit ratio {percent(float(result.caches[CACHE].hit_ratio))} to "
    hits += percent(float(after.caches[CACHE].hit_ratio))
    return f"25 % more memory ({in_words(MORE * own)}): {hits}, {', '.join(parts)}."


def _loss(model: Pipeline, load: float, behind: str) -> tuple[str, dict[str, Any]]:
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


def _refill(
    model: Pipeline, result: PipelineResult, behind: str, policy: str
) -> tuple[str, dict[str, Any]]:
    """Return how an emptied cache fills, where its policy takes in all that it missed."""
    from qmodel.caches import LRU, Warming
    from qmodel.planning._hit_ratios import with_hit_ratio

    step = stored_step(model)
    flow = float(result.caches[CACHE].request_rate)
    if policy not in FILL_LIKE_LRU or flow == 0:
        return "", {}
    cold = Warming(LRU(_capacity(step)), step.popularity, flow)
    full = float(cold.full_at)
    cache: Any = step.policy
    if full > getattr(cache, "ttl", math.inf):
        return "", {}
    facts: dict[str, Any] = {"refill": {"full_after": full}}
    when = f"is full again after {_span(full)}" if math.isfinite(full) else "never fills up"
    said = f"Emptied, the cache {when}, if the {behind} can do all the misses"
    if policy != "lru" or hasattr(cache, "ttl"):
        return f"{said}.", facts
    half, most = (float(cold.time_to(share)) for share in (0.5, 0.9))
    facts["refill"] |= {"half_after": half, "nine_tenths_after": most}
    said += f"; half of its hits are back after {_span(half)}, 90 % after {_span(most)}."
    empty, whole = (
        with_hit_ratio(model, CACHE, h).solve(result.arrival_rate).stations[behind]
        for h in (0.0, 1.0)
    )
    each = float(empty.arrival_rate - whole.arrival_rate) / flow
    able = float(empty.station.max_rate - whole.arrival_rate) / each
    if not 0 < able < math.inf:
        return said, facts
    through = cold.survival(able)
    facts["refill"] |= {"queued_duration": through.queued_duration, "backlog": through.backlog}
    facts["refill"] |= {"throttled_duration": through.throttled_duration}
    facts["refill"] |= {"turned_away": through.turned_away}
    if through.overload <= 1:
        return said, facts
    if math.isinf(through.queued_duration):
        return f"{said} It cannot: there is no way through at this load.", facts
    said += (
        f" It cannot at first: up to {through.backlog:,.0f} misses wait, for "
        f"{_span(float(through.queued_duration))} in all; or let in only what it can do, for "
        f"{_span(float(through.throttled_duration))}."
    )
    return said, facts


def _span(seconds: float) -> str:
    """Return a time that may be long in the unit that people would take."""
    for name, unit in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * unit:
            return f"{text(seconds / unit, '-', digits=2)} {name}"
    return text(seconds, "s", digits=2)


# Words --------------------------------------------------------------------------------------


def _verdict(result: PipelineResult, step: Stored, behind: str) -> str:
    hit, at = result.caches[CACHE], text(float(result.arrival_rate), "1/s")
    has = f"Hit ratio {percent(float(hit.hit_ratio))} with {in_words(_capacity(step))}"
    if result.arrival_rate >= result.max_rate:
        most = text(float(result.max_rate), "1/s")
        return f"{has}; overloaded at {at}: the {result.bottleneck} is full from {most} on"
    does = text(float(result.stations[behind].arrival_rate), "1/s")
    p99 = text(float(result.latency.quantile(0.99)), "s")
    return f"{has}; at {at} the {behind} does {does}; p99 {p99}"


def _meaning(
    result: PipelineResult,
    step: Stored,
    goal: Objective,
    within: float,
    said: tuple[str, str, str],
) -> list[str]:
    policy, remark, guessed = said
    load, hit, catalogue = float(result.arrival_rate), result.caches[CACHE], step.popularity
    chosen = f" ({remark})" if remark else ""
    held = float(hit.occupancy) / float(catalogue.objects)
    lines = [
        f"{catalogue.objects:,.0f} objects are {in_words(float(catalogue.volume))}; {policy} "
        f"holds {percent(held)} of them. Of {text(load, '1/s')}{chosen}, "
        f"{text(float(hit.request_rate), '1/s')} look up and "
        f"{text(float(hit.miss_rate), '1/s')} miss."
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
