"""A cache of some memory and policy in place of a given hit ratio, and the site around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmodel.caches import Cache, CacheResult, Popularity
    from qmodel.pipeline import Pipeline, PipelineResult

__all__ = ["POLICIES", "Site", "hits_of", "policy_named", "policy_of", "stored_in"]

POLICIES = ("lru", "fifo", "random", "clock", "2-lru", "q-lru", "lfu")
"""Names of policies; `policy_of` makes caches of them."""


def policy_named(written: str) -> str:
    """Return the name of a policy as in `POLICIES`, however it is written."""
    name = written.lower().replace(" ", "-").replace("_", "-")
    if name in POLICIES:
        return name
    raise DomainError(f"no policy {written!r} for a cache{did_you_mean(name, POLICIES)}")


def policy_of(name: str, capacity: float, ttl: float | None = None) -> Cache:
    """Return the cache that a policy, its memory [B] and a time to live [s] make."""
    from qmodel import caches

    if ttl is not None:
        if name != "lru":
            raise ModelError(f"a time to live goes with the policy lru, not with {name}")
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


def stored_in(model: Pipeline, name: str, cache: Cache, popularity: Popularity) -> Pipeline:
    """Return the pipeline whose cache is modelled, whatever it was before."""
    from qmodel.pipeline.steps.cached import Cached
    from qmodel.planning._hit_ratios import cache_steps

    return model.swap(
        {
            id(s): Cached(s.name, s.lookup, s.miss, policy=cache, popularity=popularity)
            for s in cache_steps(model, name)
        }
    )


def hits_of(solved: CacheResult) -> Any:
    """Return the hit ratio; a sum of ones may round to a little less."""
    import numpy as np

    return np.where(np.asarray(solved.miss_ratio) == 0, 1.0, solved.hit_ratio)[()]


@dataclass(frozen=True, eq=False)
class Site:
    """A pipeline with a modelled cache, at a load [1/s]."""

    model: Pipeline
    name: str
    load: float

    @cached_property
    def result(self) -> PipelineResult:
        """The steady state."""
        return self.model.solve(self.load)

    @cached_property
    def step(self) -> Any:
        """The step that looks up in the cache."""
        from qmodel.planning._hit_ratios import cache_steps

        return cache_steps(self.model, self.name)[0]

    @property
    def memory(self) -> float:
        """The memory of the cache [B]."""
        return float(self.step.policy.capacity)

    @property
    def ttl(self) -> float | None:
        """The time to live of its entries [s], where they expire."""
        return getattr(self.step.policy, "ttl", None)

    @property
    def cache(self) -> CacheResult:
        """The steady state of the cache."""
        return self.result.caches[self.name]

    @property
    def hit_ratio(self) -> float:
        """The hit ratio."""
        return float(hits_of(self.cache))

    def look_ups(self, result: PipelineResult) -> Any:
        """Return the look-ups [1/s]; without load the cache is solved at very few."""
        import numpy as np

        return np.where(result.arrival_rate > 0, result.caches[self.name].request_rate, 0.0)[()]

    def misses(self, result: PipelineResult) -> Any:
        """Return the misses [1/s]."""
        return self.look_ups(result) * result.caches[self.name].miss_ratio

    @cached_property
    def behind(self) -> str:
        """The busiest of the stations that a miss calls, before any that never queues."""
        stations = self.result.stations
        called = [str(getattr(s, "name", "")) for s in self.step.miss.walk()]

        def rank(name: str) -> tuple[bool, float]:
            found = stations[name]
            queues = math.isfinite(float(found.station.servers))
            return queues, float(found.utilization) if queues else 0.0

        return max((name for name in called if name in stations), key=rank)
