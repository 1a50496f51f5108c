"""Caches: from catalogue, demand, capacity and policy to hit ratio and misses."""

from qmodel.caches import ttl
from qmodel.caches.base import Cache, CacheResult
from qmodel.caches.lru import LRU
from qmodel.caches.measured import Measured
from qmodel.caches.popularity import Popularity
from qmodel.caches.zipf import Zipf

__all__ = ["LRU", "Cache", "CacheResult", "Measured", "Popularity", "Zipf", "ttl"]
