"""A cache of some memory and policy in place of a given hit ratio, by name and size."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

from qmodel.cli.report import Column
from qmodel.errors import DomainError, ModelError
from qmodel.units import GiB, KiB, MiB, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmodel.caches import Cache, CacheResult, Popularity
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.pipeline.steps.cached import Cached

__all__ = [
    "CACHE",
    "POLICIES",
    "Memory",
    "capacity_of",
    "hits_of",
    "in_words",
    "look_ups_of",
    "misses_of",
    "policy_named",
    "policy_of",
    "station_behind",
    "stored_in",
    "stored_step",
]

CACHE = "cache"
"""Name of the cache in the pipeline."""

POLICIES = ("lru", "fifo", "random", "clock", "2-lru", "q-lru", "lfu")
"""Names of policies; `policy_of` makes caches of them."""


class Memory(Column):
    """A column of sizes in bytes, written in KiB, MiB or GiB."""

    __slots__ = ()

    def shown(self, row: int) -> str:
        """Return a cell in words and readable units."""
        return in_words(float(self.values[row]))


def in_words(size: float) -> str:
    """Return a size [B] in powers of 1024."""
    for name, unit in (("GiB", GiB), ("MiB", MiB), ("KiB", KiB)):
        if size >= 0.9995 * unit:
            return f"{text(size / unit, '-')} {name}"
    return f"{text(size, '-')} B"


def policy_named(written: str) -> str:
    """Return the name of a policy as in `POLICIES`, however it is written."""
    name = written.lower().replace(" ", "-").replace("_", "-")
    if name in POLICIES:
        return name
    near = difflib.get_close_matches(name, POLICIES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(POLICIES)}"
    raise DomainError(f"no policy {written!r} for a cache; {hint}")


def policy_of(name: str, capacity: float, ttl: float | None = None) -> Cache:
    """Return the cache that a policy, its memory [B] and a time to live [s] make."""
    from qmodel import caches

    if ttl is not None:
        if name != "lru":
            raise ModelError(f"--ttl goes with the policy lru, not with {name}")
        return caches.ExpiringLRU(capacity, ttl)
    makers: dict[str, Callable[[float], Cache]] = {
        "lru": caches.LRU,
        "fifo": caches.FIFO,
        "random": caches.Random,
        "clock": caches.Clock,
        "2-lru": caches.KLRU,
        "q-lru": caches.QLRU,
        "lfu": caches.LFU,
    }
    return makers[name](capacity)


def stored_in(model: Pipeline, cache: Cache, popularity: Popularity) -> Pipeline:
    """Return the pipeline whose cache is modelled, whatever it was before."""
    from qmodel.pipeline.steps.cached import Cached

    steps = [step for _, root in model.kinds.values() for step in root.walk()]
    swap = {
        id(s): Cached(s.name, s.lookup, s.miss, None, cache, popularity)
        for s in steps
        if isinstance(s, Cached) and s.name == CACHE
    }
    if not swap:
        raise ModelError(f"no {CACHE!r} in the pipeline")
    return model.swap(swap)


def stored_step(model: Pipeline) -> Cached:
    """Return the step that looks up in the modelled cache."""
    from qmodel.pipeline.steps.cached import Cached

    steps = (step for _, root in model.kinds.values() for step in root.walk())
    caches = (s for s in steps if isinstance(s, Cached) and s.hit_ratio is None)
    return next(s for s in caches if s.name == CACHE)


def capacity_of(step: Cached) -> float:
    """Return the memory of the cache [B]."""
    cache: Any = step.policy
    return float(cache.capacity)


def hits_of(solved: CacheResult) -> Any:
    """Return the hit ratio; a sum of ones may round to a little less."""
    import numpy as np

    return np.where(np.asarray(solved.miss_ratio) == 0, 1.0, solved.hit_ratio)[()]


def look_ups_of(result: PipelineResult) -> Any:
    """Return the look-ups in the cache [1/s]; without load it is solved at very few."""
    import numpy as np

    return np.where(result.arrival_rate > 0, result.caches[CACHE].request_rate, 0.0)[()]


def misses_of(result: PipelineResult) -> Any:
    """Return the misses of the cache [1/s]."""
    return look_ups_of(result) * result.caches[CACHE].miss_ratio


def station_behind(step: Cached, result: PipelineResult) -> str:
    """Return the busiest of the stations that a miss calls, before any that never queues."""
    from qmodel.pipeline.steps.call import Call

    def rank(name: str) -> tuple[bool, float]:
        found = result.stations[name]
        queues = math.isfinite(float(found.station.servers))
        return queues, float(found.utilization) if queues else 0.0

    return max((s.name for s in step.miss.walk() if isinstance(s, Call)), key=rank)
