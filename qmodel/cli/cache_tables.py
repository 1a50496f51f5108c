"""The tables of ``qmodel cache``: by memory, and by policy or by time to live."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qmodel.cli.cache_refill import span
from qmodel.cli.report import BAR, RATE, SHARE, TEXT, TIME, Column, Table
from qmodel.cli.stored import (
    CACHE,
    POLICIES,
    Memory,
    capacity_of,
    hits_of,
    in_words,
    misses_of,
    policy_of,
    stored_in,
    stored_step,
)
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.pipeline.steps.cached import Cached

__all__ = ["MORE", "by_life", "by_memory", "by_policy", "frame_of"]

FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)
MORE = 1.25
LIVES = (1 / 16, 1 / 4, 1.0, 4.0, 16.0, math.inf)


class Lives(Column):
    """A column of times to live, of which the longest may be without end."""

    __slots__ = ()

    def shown(self, row: int) -> str:
        """Return a cell in words and readable units."""
        life = float(self.values[row])
        return "never" if math.isinf(life) else span(life)


def by_memory(model: Pipeline, load: float, behind: str) -> tuple[Table, Mapping[str, float]]:
    """Return what the site does for several sizes of the cache, and for `MORE` than now."""
    import numpy as np

    step = stored_step(model)
    own, everything = capacity_of(step), float(np.asarray(step.popularity.volume))
    # Room for twice of what there is says nothing new.
    factors = [f for f in FACTORS if f <= 1 or f * own / 2 < everything]
    sizes = own * np.array([*factors, MORE])
    solved = model.replace({f"{CACHE}.capacity": sizes}).solve(load)
    found = _numbers(solved, behind, sizes.size)
    more = {name: values.pop() for name, values in found.items()}
    head = Memory("memory", "memory", "B", sizes[:-1].tolist())
    title = f"What the memory does, at {text(load, '1/s')}"
    return _table("by_memory", title, head, found, behind, factors.index(1.0)), more


def by_life(model: Pipeline, load: float, behind: str) -> Table:
    """Return what the site does for several times to live."""
    import numpy as np

    step = stored_step(model)
    cache: Any = step.policy
    lives = float(cache.ttl) * np.array(LIVES)
    found = _numbers(model.replace({f"{CACHE}.ttl": lives}).solve(load), behind, lives.size)
    head = Lives("ttl", "expires after", TIME, lives.tolist())
    title = f"What the time to live does, with {in_words(capacity_of(step))}"
    return _table("by_ttl", title, head, found, behind, LIVES.index(1.0))


def by_policy(model: Pipeline, load: float, behind: str, policy: str) -> Table:
    """Return what the site does for each policy."""
    step = stored_step(model)
    own, found = capacity_of(step), dict[str, list[float]]()
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

    found: dict[str, Any] = {
        "hit_ratio": hits_of(result.caches[CACHE]),
        "miss_rate": misses_of(result),
    }
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


def frame_of(tables: Sequence[Table], policy: str, step: Cached) -> pd.DataFrame:
    """Return the rows of all tables with memory, policy and time to live of each."""
    import pandas as pd

    own = {"memory": capacity_of(step), "policy": policy}
    if hasattr(step.policy, "ttl"):
        own["ttl"] = float(step.policy.ttl)
    frames = []
    for table in tables:
        found = pd.DataFrame({c.key: list(c.values) for c in table.columns})
        for name, value in reversed(own.items()):
            values = found.pop(name) if name in found else value
            found.insert(0, name, values)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)
