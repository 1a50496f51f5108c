"""What becomes of equal replicas where a ring of hashes assigns the requests to them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.answers.words import percent
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.answers.policies import Pools

__all__ = ["hot_key", "on_a_ring"]

RINGS = 0.95
"""Share of the hash rings that are no worse than what is said."""


def on_a_ring(pools: Pools, rate: float) -> tuple[str, dict[str, Any] | None]:
    """Return what the fullest replica has where a ring of hashes assigns the requests."""
    from qmodel.balancing import ring_imbalance, ring_imbalance_quantile

    n, points = pools.replicas, pools.virtual_nodes
    if n == 1:
        return "", None
    mean = float(ring_imbalance(servers=n, virtual_nodes=points))
    worst = float(ring_imbalance_quantile(RINGS, servers=n, virtual_nodes=points))
    each = float(pools.replica.max_rate)
    fullest = pools.replica.solve(rate * worst / n)
    p99 = float(fullest.response.quantile(0.99))
    facts = {"imbalance": mean, "imbalance_p95": worst, "max_rate": each * n / worst}
    facts |= {"load": rate * worst / (n * each), "p99": p99}
    state = f"{percent(facts['load'])} busy"
    state += ", overloaded" if math.isinf(p99) else f" with a p99 of {text(p99, 's')}"
    count = "1 point" if points == 1 else f"{points} points"
    return (
        f"By a hash of keys, on a ring with {count} each, the fullest replica has "
        f"{mean:.3g} times its share, in one ring of twenty {worst:.3g} times or more: then "
        f"it is {state}, and all can do {text(facts['max_rate'], '1/s')}."
    ), facts


def hot_key(pools: Pools, rate: float) -> str:
    """Return from which share of the requests on one key would fill its replica alone."""
    each = float(pools.replica.max_rate)
    if pools.replicas == 1 or rate <= each:
        return ""
    return (
        f"Were one key asked for by more than {percent(each / rate)} of the requests, it would "
        "fill its replica alone, however many replicas there are."
    )
