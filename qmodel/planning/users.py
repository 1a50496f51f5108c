"""How many users a model can have: the greatest closed load under which objectives hold.

Users who wait for their answer never overload a model; they slow it down. Every objective
worsens with their number, but for a goodput, which only grows, so the greatest whole number
that meets them is bracketed in factors of four and halved, in all scenarios together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.errors import InfeasibleError
from qmodel.loads import Closed, in_words
from qmodel.planning._models import Asked, stations_of
from qmodel.planning.slo import Objective

__all__ = ["most_users"]

_MOST = 2.0**50


def most_users(model: Asked, objectives: Sequence[Objective], think_time: Value) -> Value:
    """Return the greatest number of users under whom all objectives hold."""
    limits = [o for o in objectives if not o.from_below]
    floors = [o for o in objectives if o.from_below]

    def missed(users: Any, those: Sequence[Objective]) -> Any:
        result = model.solve(Closed(users, think_time))
        margins = [o.margin(result) for o in those]
        return reduce(np.maximum, margins or [0 * result.throughput - 1])

    alone = np.asarray(missed(1, limits))
    low, high = np.zeros(alone.shape), np.ones(alone.shape)
    open_ = alone <= 0
    if not alone.ndim and alone > 0:
        raise InfeasibleError(_why(model, limits, Closed(1, think_time)))
    # Nobody slows others down where nothing is bounded; then one look far away tells.
    clients = [s.population for s in stations_of(model) if s.users_only]  # type: ignore[attr-defined]
    top = reduce(np.minimum, clients, _MOST)
    endless = open_ & (np.asarray(missed(top, limits)) <= 0)
    open_ = open_ & ~endless
    while open_.any():
        low = np.where(open_, high, low)
        high = np.where(open_, np.minimum(4 * high, top), high)
        open_ = open_ & ~(np.asarray(missed(high, limits)) > 0)
    while np.any(high - low > 1):
        middle = np.floor((low + high) / 2)
        bad = np.asarray(missed(np.maximum(middle, 1.0), limits)) > 0
        low, high = np.where(bad, low, middle), np.where(bad, middle, high)
    most = np.where(endless, top, low)
    found = np.where(most < _MOST, most, np.inf)
    if floors:
        most = np.maximum(most, 1.0)[()]
        lacking = np.asarray(missed(most, floors)) > 0
        if not lacking.ndim and lacking:
            raise InfeasibleError(_why(model, floors, Closed(most, think_time)))
        found = np.where(lacking, 0.0, found)
    return np.where(np.isnan(alone), np.nan, found)[()]


def _why(model: Asked, objectives: Sequence[Objective], load: Closed) -> str:
    """Return the message for the first objective missed under the best load."""
    result = model.solve(load)
    first = next(o for o in objectives if o.margin(result) > 0)
    value = first.text(float(first.value(result)))
    best = "at most " if first.from_below else ""
    return f"{first.quantity} is {best}{value} {in_words(load)}: {str(first)!r} cannot be met"
