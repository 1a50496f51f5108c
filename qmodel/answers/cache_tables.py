"""The tables on a cache: by memory, and by policy or by time to live."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qmodel.answers.answer import Column, Table
from qmodel.answers.stored import POLICIES, Site, hits_of, policy_of, stored_in
from qmodel.answers.words import AGE, BAR, BYTES, RATE, SHARE, TEXT, TIME, size
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import PipelineResult

__all__ = ["MORE", "by_life", "by_memory", "by_policy", "frame_of"]

FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)
MORE = 1.25
LIVES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0, math.inf)


def by_memory(site: Site) -> tuple[Table, Mapping[str, float]]:
    """Return what the site does for several sizes of the cache, and for `MORE` than now."""
    import numpy as np

    own, everything = site.memory, float(np.asarray(site.step.popularity.volume))
    # Room for twice of what there is says nothing new.
    factors = [f for f in FACTORS if f <= 1 or f * own / 2 < everything]
    sizes = own * np.array([*factors, MORE])
    solved = site.model.replace({f"{site.name}.capacity": sizes}).solve(site.load)
    found = _numbers(site, solved, sizes.size)
    more = {name: values.pop() for name, values in found.items()}
    head = Column("memory", "memory", BYTES, sizes[:-1].tolist())
    title = f"What the memory does, at {text(site.load, '1/s')}"
    return _table("by_memory", title, head, found, site.behind, factors.index(1.0)), more


def by_life(site: Site) -> Table:
    """Return what the site does for several times to live."""
    import numpy as np

    lives = float(site.step.policy.ttl) * np.array(LIVES)
    solved = site.model.replace({f"{site.name}.ttl": lives}).solve(site.load)
    head = Column("ttl", "expires after", AGE, lives.tolist())
    title = f"What the time to live does, with {size(site.memory)}"
    found = _numbers(site, solved, lives.size)
    return _table("by_ttl", title, head, found, site.behind, LIVES.index(1.0))


def by_policy(site: Site, policy: str) -> Table:
    """Return what the site does for each policy."""
    found = dict[str, list[float]]()
    for name in POLICIES:
        cache = policy_of(name, site.memory)
        other = stored_in(site.model, site.name, cache, site.step.popularity)
        for key, values in _numbers(site, other.solve(site.load), 1).items():
            found.setdefault(key, []).extend(values)
    head = Column("policy", "policy", TEXT, list(POLICIES))
    title = f"What the policy does, with {size(site.memory)}"
    return _table("by_policy", title, head, found, site.behind, POLICIES.index(policy))


def _numbers(site: Site, result: PipelineResult, cells: int) -> dict[str, list[float]]:
    """Return what a table says of each of some scenarios, by the name of its column."""
    import numpy as np

    found: dict[str, Any] = {
        "hit_ratio": hits_of(result.caches[site.name]),
        "miss_rate": site.misses(result),
    }
    found |= {"utilization": result.stations[site.behind].utilization}
    found |= {"loss": 1 - np.asarray(result.accepted)}
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
        "loss": ("lost", SHARE),
        "mean": ("mean", TIME),
        "p99": ("p99", TIME),
        "max_rate": ("sustains", RATE),
    }
    columns = [
        Column(name, *heads[name], values)
        for name, values in found.items()
        if name != "loss" or max(values) > 1e-9  # The shares of kinds of request round.
    ]
    return Table(key, title, [head, *columns], marked, "as it is now")


def frame_of(
    tables: Sequence[Table], policy: str, memory: float, ttl: float | None
) -> pd.DataFrame:
    """Return the rows of all tables with memory, policy and time to live of each."""
    import pandas as pd

    own: dict[str, Any] = {"memory": memory, "policy": policy}
    if ttl is not None:
        own["ttl"] = float(ttl)
    frames = []
    for table in tables:
        found = pd.DataFrame({c.key: list(c.values) for c in table.columns})
        for name, value in reversed(own.items()):
            values = found.pop(name) if name in found else value
            found.insert(0, name, values)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)
