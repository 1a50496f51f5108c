"""Which hit ratio a cache has, and what memory, policy and its loss do to the site."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers import cache_limits, cache_tables
from qmodel.answers.answer import Answer, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.cache_refill import refill
from qmodel.answers.load import goals_of, lost_in, most, pipeline_of, sensible_load
from qmodel.answers.read_off import losses
from qmodel.answers.stored import Site, policy_named, policy_of, stored_in
from qmodel.answers.words import BYTES, RATE, SHARE, TIME, percent, size
from qmodel.loads import Poisson
from qmodel.units import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmodel.caches import Popularity
    from qmodel.pipeline import Pipeline
    from qmodel.planning.slo import Objective, Objectives

__all__ = ["cache"]


@checked
@with_doubts
def cache(
    model: Pipeline,
    arrival_rate: float | Poisson | None = None,
    *,
    popularity: Popularity,
    memory: float,
    policy: str = "lru",
    ttl: float | None = None,
    name: str = "cache",
    objectives: Objectives = (),
) -> Answer:
    """Say which hit ratio a cache has, and what its memory, policy and loss do to the site.

    Parameters
    ----------
    model : Pipeline
        A pipeline that looks up in the cache; its hit ratio there is not used. [-]
    arrival_rate : float, optional
        The load of the site; by default 60 % of what it can sustain. [1/s]
    popularity : Popularity
        What is asked for, with the sizes of the objects, such as a `qmodel.caches.Zipf`. [-]
    memory : float
        Memory of the cache, > 0. [B]
    policy : str, default "lru"
        "lru", "fifo", "random", "clock", "2-lru", "q-lru" or "lfu". [-]
    ttl : float, optional
        Time to live of an entry; with "lru". [s]
    name : str, default "cache"
        Which cache of the pipeline it is. [-]
    objectives : str, Objective or sequence of them, optional
        What must hold, such as "p99 < 300 ms". [-]

    Returns
    -------
    Answer
        The site by memory and by policy or time to live, the least memory that is enough, and
        the loss and the filling of the cache. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or there is no such policy.
    ModelError
        If the pipeline has no such cache, or the time to live is not for the policy.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(100_000, 0.8, size=1024)
    >>> site = qm.web.typical_pipeline()
    >>> print(cache(site, 1500.0, popularity=pages, memory=10 * 2**20).verdict)
    Hit ratio 47 % with 10 MiB; at 1500/s the database does 890/s; p99 242 ms
    """
    policy, goals = policy_named(policy), goals_of(objectives)
    store = policy_of(policy, memory, ttl)
    whole = stored_in(pipeline_of(model), name, store, popularity)
    load, remark = sensible_load(whole, arrival_rate)
    site = Site(whole, name, load)
    result = site.result
    table, more = cache_tables.by_memory(site)
    tables = [table]
    tables.append(
        cache_tables.by_policy(site, policy) if ttl is None else cache_tables.by_life(site)
    )
    least, needed = cache_limits.least(site)
    enough = [(goal, cache_limits.least(site, [goal])[1]) for goal in goals]
    loss, lost = cache_limits.loss(site)
    filling, filled = refill(site, policy)
    met = all(bool(goal.met(result)) for goal in goals)
    facts = [
        Fact("arrival_rate", "load", load, RATE),
        Fact("hit_ratio", "hit ratio", site.hit_ratio, SHARE),
        Fact("memory", "memory", site.memory, BYTES),
        Fact("look_ups", "look-ups", float(site.look_ups(result)), RATE),
        Fact("miss_rate", "misses", float(site.misses(result)), RATE),
        Fact("mean", "mean", float(result.latency.mean), TIME),
        Fact("p99", "p99", float(result.latency.quantile(0.99)), TIME),
        Fact("max_rate", "saturates at", float(result.max_rate), RATE),
        Fact("bottleneck", "saturates first", str(result.bottleneck)),
        *losses(result),
        Fact("least_hit_ratio", "", least, SHARE),
        Fact("least_memory", "least memory", needed, BYTES),
    ]
    details: dict[str, Any] = {"policy": policy, "ttl": ttl}
    details["objects"] = int(site.step.popularity.objects)
    if goals:
        facts.append(Fact("met", "", met))
        details["objectives"] = [
            {"objective": str(goal), "met": bool(goal.met(result)), "memory": memory}
            for goal, memory in enough
        ]
    details |= {**lost, **filled}
    labels = {"hit_ratio": site.cache.basis["hit_ratio"]}
    labels |= {q: result.basis[q] for q in ("max_rate", "mean", "p99")}
    details |= {"basis": labels, "assumptions": list(result.assumptions)}
    notes = [
        cache_limits.limit(site, least, needed),
        cache_limits.more(table, more, site.behind),
        loss,
        filling,
        *_basis(site),
    ]
    return Answer(
        question="cache",
        verdict=_verdict(site),
        meaning=[_meaning(site, policy, remark), *(_objective(site, *e) for e in enough)],
        facts=facts,
        tables=tables,
        notes=[note for note in notes if note],
        details=details,
        good=met and load < float(result.max_rate),
        frame=partial(cache_tables.frame_of, tables, policy, site.memory, ttl),
        draw=partial(_pictures, table),
    )


def _verdict(site: Site) -> str:
    result, at = site.result, text(site.load, "1/s")
    has = f"Hit ratio {percent(site.hit_ratio)} with {size(site.memory)}"
    if site.load >= result.max_rate:
        first = result.bottleneck
        return f"{has}; overloaded at {at}: the {first} is saturated from {most(result)} on"
    does = text(float(result.stations[site.behind].arrival_rate), "1/s")
    p99 = text(float(result.latency.quantile(0.99)), "s")
    lost = lost_in(result)
    return f"{has}; at {at} the {site.behind} does {does}; p99 {p99}" + (
        f" of those served; {lost}" if lost else ""
    )


def _meaning(site: Site, policy: str, remark: str) -> str:
    catalogue, result = site.step.popularity, site.result
    chosen = f" ({remark})" if remark else ""
    held = float(site.cache.occupancy) / float(catalogue.objects)
    return (
        f"Of {size(float(catalogue.volume))} ({catalogue.objects:,.0f} objects) {policy} "
        f"holds {percent(held)}. Of {text(site.load, '1/s')}{chosen}, "
        f"{text(site.look_ups(result), '1/s')} look up and "
        f"{text(site.misses(result), '1/s')} miss."
    )


def _objective(site: Site, goal: Objective, memory: float) -> str:
    met = "met" if goal.met(site.result) else "MISSED"
    if math.isfinite(memory):
        enough = f"{size(memory)} are enough" if memory > 0 else "no cache is needed"
    else:
        enough = "no memory is enough"
    return f"Objective {goal}: {met} here; {enough} at this load."


def _basis(site: Site) -> list[str]:
    result, grounds = site.result, site.cache.basis
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


def _pictures(table: Table) -> Sequence[Picture]:
    from qmodel.answers.pictures import lines, rows_of

    cells = {c.key: list(c.values) for c in table.columns}
    memory = [m / 2**20 for m in cells["memory"]]
    found = []
    for key, title, axis in (
        ("hit_ratio", "Hit ratio by memory", "hit ratio"),
        ("p99", "p99 by memory", "p99 [s]"),
    ):
        rows = rows_of({"MiB": memory, key: cells[key], "of": [axis] * len(memory)})
        found.append(
            lines(title, rows, ("MiB", "memory [MiB]"), (key, axis), by="of", logarithmic=True)
        )
    return found
