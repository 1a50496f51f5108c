"""What the numbers of a cache come from, read off its result."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from qmodel._nearest import did_you_mean
from qmodel.caches.base import QUANTITIES, CacheResult
from qmodel.errors import ModelError
from qmodel.explanation.on_symbols import equation
from qmodel.explanation.results import explain, literature
from qmodel.explanation.text import Explanation

__all__: list[str] = []

_I, _N = sp.symbols("i N", integer=True, positive=True)
_HIT, _MISS, _RATE, _TIME, _CAPACITY, _OBJECTS = (
    sp.Symbol(name, positive=True) for name in ("h", "m", "Lambda", "T_C", "C", "n")
)
_P, _H, _SIZE = (sp.IndexedBase(name)[_I] for name in ("p", "h", "s"))
_MEANING = {
    _RATE: ("requests", "1/s"),
    _CAPACITY: ("capacity, in the unit of the sizes", "-"),
    _TIME: ("characteristic time", "s"),
    _MISS: ("share of misses", "-"),
    _N: ("objects", "-"),
    _OBJECTS: ("mean number of objects in the cache", "-"),
}


def _over_catalogue(term: Any) -> Any:
    return sp.Sum(term, (_I, 1, _N))


_ASKED, _ANSWERED = _over_catalogue(_P * _SIZE), _over_catalogue(_P * _SIZE * _H)
_FORMULAS = {
    "hit_ratio": equation(_HIT, _over_catalogue(_P * _H)),
    "byte_hit_ratio": equation(_HIT, _ANSWERED / _ASKED),
    "miss_ratio": equation(_MISS, _over_catalogue(_P * (1 - _H))),
    "miss_rate": equation(sp.Symbol("Lambda_m"), _RATE * _MISS),
    "occupancy": equation(_OBJECTS, _over_catalogue(_H)),
}  # fmt: skip
_HOW = {
    "miss_rate": "",
    "eviction_age": "By Little's law: the objects in the cache over those that come in.",
    "characteristic_time": "The time in which what is asked for fills the cache: a root.",
}


@explain.register
def _cache(result: CacheResult, quantity: str) -> Explanation:
    if quantity not in QUANTITIES:
        hint = did_you_mean(quantity, QUANTITIES)
        raise ModelError(f"no quantity {quantity!r} of a cache{hint}")
    time, capacity = result.characteristic_time, getattr(result.cache, "capacity", None)
    numbers: dict[Any, Any] = {_N: result.popularity.objects, _RATE: result.request_rate}
    if capacity is not None:
        numbers[_CAPACITY] = capacity
    if not np.isnan(np.asarray(time)).all():
        numbers[_TIME] = time
    if quantity == "miss_rate":
        numbers[_MISS] = result.miss_ratio
    return Explanation(
        quantity=quantity,
        value=getattr(result, quantity),
        formula=_FORMULAS.get(quantity),
        how=_HOW.get(
            quantity,
            "The sums go over the catalogue, with the share p of the requests and the share h "
            "of hits of each object, by the rule of the policy below.",
        ),
        numbers=numbers,
        meanings=_MEANING,
        parts=(),
        rows=(),
        assumptions=result.basis.assumptions(quantity),
        sources=literature(type(result.cache)),
    )
