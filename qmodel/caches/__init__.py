"""Caches: from catalogue, demand, capacity and policy to hit ratio and misses."""

from qmodel.caches import ttl
from qmodel.caches.base import Cache, CacheResult
from qmodel.caches.clock import Clock
from qmodel.caches.exact_fifo import ExactFIFO
from qmodel.caches.exact_lru import ExactLRU
from qmodel.caches.fifo import FIFO, Random
from qmodel.caches.k_lru import KLRU
from qmodel.caches.lfu import LFU
from qmodel.caches.lru import LRU
from qmodel.caches.lru_ttl import ExpiringLRU
from qmodel.caches.measured import Measured
from qmodel.caches.mixed import Mixed
from qmodel.caches.popularity import Popularity
from qmodel.caches.q_lru import QLRU
from qmodel.caches.ttl import TTL
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
    "ExpiringLRU",
    "Measured",
    "Mixed",
    "Popularity",
    "Random",
    "Zipf",
    "ttl",
]
