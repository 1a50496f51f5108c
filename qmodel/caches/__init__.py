"""Caches: from catalogue, demand, capacity and policy to hit ratio and misses."""

from qmodel.caches import delayed_hits, echoes, invalidation, levels, refresh, ttl
from qmodel.caches.base import Cache, CacheResult
from qmodel.caches.clock import Clock
from qmodel.caches.delayed_hits import FetchedLRU, FetchedTTL
from qmodel.caches.exact_fifo import ExactFIFO
from qmodel.caches.exact_lru import ExactLRU
from qmodel.caches.exact_q_lru import ExactQLRU
from qmodel.caches.fetching import FetchResult, Outcome
from qmodel.caches.fifo import FIFO, Random
from qmodel.caches.hierarchy import Hierarchy, Level
from qmodel.caches.hierarchy_result import HierarchyResult, LevelResult
from qmodel.caches.invalidation import WrittenLRU
from qmodel.caches.k_lru import KLRU
from qmodel.caches.lfu import LFU
from qmodel.caches.lru import LRU
from qmodel.caches.lru_ttl import ExpiringLRU
from qmodel.caches.measured import Measured
from qmodel.caches.mixed import Mixed
from qmodel.caches.popularity import Popularity
from qmodel.caches.q_lru import QLRU
from qmodel.caches.refresh import RefreshedTTL
from qmodel.caches.resolvers import Resolvers
from qmodel.caches.sampled_lru import SampledLRU
from qmodel.caches.sharding import Replicated, load_scv
from qmodel.caches.slow_misses import SlowMissesResult, slow_misses
from qmodel.caches.stampede import UnsharedTTL, stampede_size
from qmodel.caches.ttl import TTL
from qmodel.caches.warming import SurvivalResult, Warming
from qmodel.caches.zipf import Zipf

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
    "echoes",
    "invalidation",
    "levels",
    "load_scv",
    "refresh",
    "slow_misses",
    "stampede_size",
    "ttl",
]
