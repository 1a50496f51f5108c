r"""Where a pipeline saturates: the load at which the first of its stations takes no more.

With :math:`u_i(\lambda)` the flow into station i over the greatest that it
takes, the pipeline saturates where :math:`\max_i u_i` reaches 1. Without coupled places that is
:math:`\min_i \lambda / u_i` at any load. With fixed points it is the greatest load that has a
steady state at all, which is a fold: below it, and above the load that the stations sustain
with the greatest shares (the *hidden capacity*), there are several.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._xp import is_symbolic, namespace
from qmodel.numerics.roots import increasing_root
from qmodel.pipeline.flows import Flows
from qmodel.pipeline.losses import flows_at
from qmodel.pipeline.saturates_first import saturates_first

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan

__all__ = ["saturation"]

_FAR = 1e9
"""A load so many times the first guess shows whether a station ever saturates."""


def saturation(
    plan: Plan, given: Mapping[Any, Any], but: frozenset[str] = frozenset()
) -> tuple[Any, Any]:
    """Return the load at which the first station saturates, and which that is.

    `given` are the shares of what depends on times; `but` are left out.
    """
    worst = dict.fromkeys((n for n, s in plan.stations.items() if s.loses), 1.0)
    shares = {k: step.worst for k, step in plan.coupled.items()} | dict(given)
    # Without load no budget is spent, and no breaker open: the most that may come.
    flows = Flows(plan, 0, {**worst, **shares})
    least = {name: x for name, x in _flows(flows).items() if name not in but}
    held = flows.inside
    if not least:
        return np.inf, ""
    rates = {name: _greatest(parts) for name, parts in least.items()}
    first = reduce(namespace(*rates.values()).minimum, rates.values())
    if is_symbolic(first):
        return first, None
    settled_by_load = plan.by_rate or any(
        s.settled_by == "flow" and getattr(s, "rising", True) for s in plan.coupled.values()
    )
    if not settled_by_load and not worst:
        return first, saturates_first(rates, held)
    start = np.where(np.isfinite(first), first, 1.0)
    # At the least load that could be too much, and at one that is beyond all.
    loads, last = (_at(plan, rate, given) for rate in (start * (1 + 1e-12), start * _FAR))
    at_once, far = (
        np.max(np.broadcast_arrays(*here.values()), axis=0) >= 1 for here in (loads, last)
    )
    never = ~far | np.isinf(first)
    known = never | at_once
    found, names = start, _most(loads, held)
    if not np.all(known):

        def beyond(rate: Any) -> Any:
            here = _at(plan, rate, given).values()
            return np.max(np.broadcast_arrays(*here), axis=0) - 1.0

        found = _crossing(beyond, start, known)
        names = np.where(known, names, _most(_at(plan, found, given), held))
    most, name = np.where(never, np.inf, found)[()], np.where(never, "", names)
    return most, name if np.ndim(name) else str(name)


def _flows(flows: Flows) -> dict[str, list[tuple[Any, Any]]]:
    """Return how often a request calls each station, and the greatest rate that it takes."""
    parts: dict[str, list[tuple[Any, Any]]] = {}
    for (name, _, service, _), count in flows.visits.items():
        station = flows.station(name)
        most = station.max_rate
        if type(most) is float and most == 0:
            most = np.float64(0.0)  # It stands still, and any flow is too much.
        if service is not None:
            count = count * (service.mean / station.service.mean)
        parts.setdefault(name, []).append((count, most))
    return parts


def _load(parts: list[tuple[Any, Any]], rate: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return sum(rate * count / most for count, most in parts)


def _loads(flows: Flows, rate: Any) -> dict[str, Any]:
    """Return the flow into each station, over the greatest that it takes."""
    return {name: _load(parts, rate) for name, parts in _flows(flows).items()}


def _greatest(parts: list[tuple[Any, Any]]) -> Any:
    """Return the rate at which a station saturates: of one stream without a rounding more."""
    (count, most), *others = parts
    if others or is_symbolic(count, most):
        return _inverse(_load(parts, 1))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.divide(most, count)


def _at(plan: Plan, rate: Any, given: Mapping[Any, Any]) -> dict[str, Any]:
    return _loads(flows_at(plan, rate, given), rate)


def _inverse(load: Any) -> Any:
    if is_symbolic(load):
        return 1 / load if load != 0 else namespace(load).inf
    with np.errstate(divide="ignore", over="ignore"):
        return (1 / np.asarray(load, dtype=float))[()]


def _most(loads: Mapping[str, Any], held: Any) -> Any:
    return saturates_first({name: _inverse(load) for name, load in loads.items()}, held)


def _crossing(beyond: Any, start: Any, known: Any) -> Any:
    """Return where a rising function crosses zero above `start`, in cells not known."""
    high = np.array(start, dtype=float)
    for _ in range(64):
        below = ~known & (np.asarray(beyond(high[()])) < 0)
        if not below.any():
            break
        high = np.where(below, 2 * high, high)
    low = np.where(known, high, np.maximum(start, high / 2) * (1 - 1e-12))
    found = increasing_root(beyond, low, high)
    return np.where(known, start, found)[()]
