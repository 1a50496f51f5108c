"""Caches: from catalogue, demand, capacity and policy to hit ratio and misses."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.caches import invalidation, synchronised_expiry
    from qmodel.caches.base import Cache, CacheResult
    from qmodel.caches.fetching import delayed_hits, refresh
    from qmodel.caches.fetching.base import FetchResult, Outcome
    from qmodel.caches.fetching.delayed_hits import FetchedLRU, FetchedTTL
    from qmodel.caches.fetching.refresh import RefreshedTTL
    from qmodel.caches.fetching.slow_misses import SlowMissesResult, slow_misses
    from qmodel.caches.fetching.stampede import UnsharedTTL, stampede_size
    from qmodel.caches.hierarchy import levels
    from qmodel.caches.hierarchy.hierarchy import Hierarchy, Level
    from qmodel.caches.hierarchy.result import HierarchyResult, LevelResult
    from qmodel.caches.invalidation import WrittenLRU
    from qmodel.caches.policies import ttl
    from qmodel.caches.policies.clock import Clock
    from qmodel.caches.policies.exact_fifo import ExactFIFO
    from qmodel.caches.policies.exact_lru import ExactLRU
    from qmodel.caches.policies.exact_q_lru import ExactQLRU
    from qmodel.caches.policies.fifo import FIFO, Random
    from qmodel.caches.policies.k_lru import KLRU
    from qmodel.caches.policies.lfu import LFU
    from qmodel.caches.policies.lru import LRU
    from qmodel.caches.policies.lru_ttl import ExpiringLRU
    from qmodel.caches.policies.q_lru import QLRU
    from qmodel.caches.policies.sampled_lru import SampledLRU
    from qmodel.caches.policies.ttl import TTL
    from qmodel.caches.popularity.base import Popularity
    from qmodel.caches.popularity.measured import Measured
    from qmodel.caches.popularity.mixed import Mixed
    from qmodel.caches.popularity.zipf import Zipf
    from qmodel.caches.resolvers import Resolvers
    from qmodel.caches.sharding import Replicated, load_scv
    from qmodel.caches.warming import SurvivalResult, Warming

__all__ = [
    "FIFO",
    "KLRU",
    "LFU",
    "LRU",
    "QLRU",
    "TTL",
    "Cache",
    "CacheResult",
    "Clock",
    "ExactFIFO",
    "ExactLRU",
    "ExactQLRU",
    "ExpiringLRU",
    "FetchResult",
    "FetchedLRU",
    "FetchedTTL",
    "Hierarchy",
    "HierarchyResult",
    "Level",
    "LevelResult",
    "Measured",
    "Mixed",
    "Outcome",
    "Popularity",
    "Random",
    "RefreshedTTL",
    "Replicated",
    "Resolvers",
    "SampledLRU",
    "SlowMissesResult",
    "SurvivalResult",
    "UnsharedTTL",
    "Warming",
    "WrittenLRU",
    "Zipf",
    "delayed_hits",
    "invalidation",
    "levels",
    "load_scv",
    "refresh",
    "slow_misses",
    "stampede_size",
    "synchronised_expiry",
    "ttl",
]

lazily(
    __name__,
    {
        "base": "Cache CacheResult",
        "fetching.base": "FetchResult Outcome",
        "fetching.delayed_hits": "FetchedLRU FetchedTTL",
        "fetching.refresh": "RefreshedTTL",
        "fetching.slow_misses": "SlowMissesResult slow_misses",
        "fetching.stampede": "UnsharedTTL stampede_size",
        "hierarchy.hierarchy": "Hierarchy Level",
        "hierarchy.result": "HierarchyResult LevelResult",
        "invalidation": "WrittenLRU",
        "policies.clock": "Clock",
        "policies.exact_fifo": "ExactFIFO",
        "policies.exact_lru": "ExactLRU",
        "policies.exact_q_lru": "ExactQLRU",
        "policies.fifo": "FIFO Random",
        "policies.k_lru": "KLRU",
        "policies.lfu": "LFU",
        "policies.lru": "LRU",
        "policies.lru_ttl": "ExpiringLRU",
        "policies.q_lru": "QLRU",
        "policies.sampled_lru": "SampledLRU",
        "policies.ttl": "TTL",
        "popularity.base": "Popularity",
        "popularity.measured": "Measured",
        "popularity.mixed": "Mixed",
        "popularity.zipf": "Zipf",
        "resolvers": "Resolvers",
        "sharding": "Replicated load_scv",
        "warming": "SurvivalResult Warming",
    },
    modules="""
        invalidation synchronised_expiry fetching.delayed_hits fetching.refresh
        hierarchy.levels policies.ttl
    """,
)
