r"""Folds: where a healthy state ends, and below which load it is the only one.

To each share u that fails (or is copied) belongs the load under which just that share fails. As
u rises, so does this load, up to the *fold* where the healthy state ends; then it may fall, and
rise again. Between its least value after the fold and the fold there are three steady states
for one load: healthy, threshold and collapsed. Where the load rises with u throughout, there is
one state at any load, and no collapse.

References
----------
.. [1] S. H. Strogatz, "Nonlinear Dynamics and Chaos", 2nd ed., Westview, 2015, sec. 3.6
   (hysteresis and catastrophes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.numerics.roots import increasing_root
from qmodel.pipeline.fixed_points import greatest_root, least_fixed_point

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan

__all__ = ["fold", "folds", "last_with_a_state", "served_late"]

_FAR = 1e6
"""A load so many times the first guess is endless."""

_GRID = np.concatenate(
    [
        np.geomspace(1e-7, 0.02, 15),
        np.linspace(0.03, 0.97, 48),
        1 - np.geomspace(0.02, 1e-6, 12),
    ]
)
_ZOOMS, _FINE = 4, 17

_USED = 1 - 0.5 ** np.linspace(0.5, 18.0, 26)
"""Utilizations at which the load of several unknowns is looked at: finer near saturation."""

_TURNS, _STILL = 24, 1e-11
_FLAT = 1e-5
"""How much lower a smooth turning point is one step beside it, after all scans."""


def fold(plan: Plan, key: Any) -> Any:
    """Return the greatest load that is a steady state for some share of one unknown."""
    if plan.s_curve is not None and np.isfinite(plan.hidden[0]):
        return plan.s_curve.greatest
    shape, load_of = _loads(plan, key, beyond=False)
    return greatest_root(load_of, shape)


def folds(plan: Plan) -> tuple[Any, Any] | None:
    """Return the load at which the healthy state ends, and below which it is the only one.

    Both are ``inf``, or the saturation, where there is one state at any load; None where the
    stations saturate at both.
    """
    curve = plan.s_curve
    if (curve is None and len(plan.timed) != 1) or not _holds_out(plan):
        return None
    upper, lower = _of_curve(plan, plan.timed[0]) if curve is None else curve.folds
    return upper, np.fmin(lower, plan.max_rate)[()]


def _holds_out(plan: Plan) -> bool:
    """Return whether something bounds the attempts, or serves in time, in overload."""
    stations = plan.stations.values()
    soft = any(station.loses or station.last_come_first_served for station in stations)
    return soft or any(step.holds_out for step in plan.steps())


def last_with_a_state(plan: Plan, low: Any) -> Any:
    """Return the greatest load at which the least fixed point of several is no overload.

    That is where the load turns as a function of the utilization of what saturates first, by
    which the shares are all but fixed; where it does not turn smoothly, by halving.
    """
    nothing = {key: 0.0 * top for key, top in plan.tops().items()}
    high = plan.saturation(nothing)[0]
    peak, known = _peak(plan, nothing, high)
    low, high, peak = np.broadcast_arrays(low, high, peak)
    low, high = np.fmax(low, peak), np.array(high, dtype=float)
    if np.all(known):
        return low[()]
    # A load that has a state is a bound from below, whether or not it is the last.
    high = np.where(known, low, high)
    for _ in range(50):
        middle = (low + high) / 2
        limit = plan.saturation(least_fixed_point(plan.map(middle), plan.tops())[0])[0]
        below = middle < limit
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low[()]


def _peak(plan: Plan, nothing: dict[Any, Any], high: Any) -> tuple[Any, Any]:
    """Return the greatest load by utilization, and whether the load turns there smoothly."""
    shape = np.broadcast_shapes(np.shape(high), *map(np.shape, nothing.values()))
    used = np.broadcast_to(_USED.reshape(-1, *[1] * len(shape)), (_USED.size, *shape))
    shares: dict[Any, Any] = {key: x + np.zeros(used.shape) for key, x in nothing.items()}
    best, known = np.zeros(shape), np.isfinite(high) & np.ones(shape, dtype=bool)
    for zoom in range(_ZOOMS):
        shares, loads, settled = _at_utilization(plan, used, shares)
        at = np.where(settled, loads, -np.inf).argmax(axis=0)
        known &= np.take_along_axis(settled, at[np.newaxis], 0)[0]
        top = np.take_along_axis(loads, at[np.newaxis], 0)[0]
        best = np.fmax(best, np.where(known, top, 0.0))
        at = np.clip(at, 1, len(used) - 2)[np.newaxis]
        ends = [np.take_along_axis(loads, at + k, 0)[0] for k in (-1, 1)]
        if zoom == _ZOOMS - 1:
            # A parabola through the last three; beside a jump there is none.
            with np.errstate(divide="ignore", invalid="ignore"):
                known &= np.fmin(*ends) > top * (1 - _FLAT)
                more = (ends[1] - ends[0]) ** 2 / (8 * (2 * top - ends[0] - ends[1]))
            best = np.where(known & (more > 0) & (more < _FLAT * top), best + more, best)
            break
        left, right = (np.take_along_axis(used, at + k, 0) for k in (-1, 1))
        steps = np.linspace(0.0, 1.0, _FINE).reshape(-1, *[1] * len(shape))
        used = left + steps * (right - left)
        shares = {
            key: np.take_along_axis(np.broadcast_to(x, loads.shape), at, 0) + 0.0 * used
            for key, x in shares.items()
        }
    return best[()], known


def _at_utilization(plan: Plan, used: Any, shares: dict[Any, Any]) -> Any:
    """Return shares that follow from themselves where so much is used, their load, and whether.

    At one utilization shares depend on each other by the mix of requests alone.
    """
    away: Any = np.inf
    for _ in range(_TURNS):
        now = plan.map(used * plan.saturation(shares)[0])(shares)
        now = {key: np.broadcast_to(x, used.shape) for key, x in now.items()}
        away = np.max([np.abs(x - shares[key]) for key, x in now.items()], axis=0)
        shares = now
        if not (away > _STILL).any():
            break
    return shares, used * plan.saturation(shares)[0], away <= 10 * _STILL


def served_late(plan: Plan) -> frozenset[str]:
    """Return the stations whose timeouts say what they serve in overload, in LIFO order."""
    late = [step for step in plan.steps() if step.settled_by == "times" and step.loses]
    inside = {id(step) for one in late for step in one.walk()}
    newest = {name for name, station in plan.stations.items() if station.last_come_first_served}
    plain = {step.name for step in plan.steps() if id(step) not in inside}
    return frozenset(newest - plain)


def _of_curve(plan: Plan, key: Any) -> tuple[Any, Any]:
    shape, load_of = _loads(plan, key, beyond=True)
    nodes = np.broadcast_to(_GRID.reshape(-1, *[1] * len(shape)), (_GRID.size, *shape))
    loads = np.broadcast_to(load_of(nodes), nodes.shape)
    with np.errstate(invalid="ignore"):
        down = loads[1:] < loads[:-1] * (1 - 1e-9)
    several = down.any(axis=0)
    top = down.argmax(axis=0)
    after = np.arange(_GRID.size).reshape(-1, *[1] * len(shape)) > top
    bottom = np.where(after, loads, np.inf).argmin(axis=0)
    most = _refined(load_of, nodes, top, 1.0)
    least = _refined(load_of, nodes, bottom, -1.0)
    return np.where(several, most, np.inf)[()], np.where(several, least, np.inf)[()]


def _loads(plan: Plan, key: Any, *, beyond: bool) -> tuple[tuple[int, ...], Any]:
    """Return the shape of the cells, and the load that belongs to fractions of the top share.

    `beyond` the saturation of a station its requests may still be served in time.
    """
    top = plan.coupled[key].worst
    shape = np.broadcast_shapes(np.shape(top), np.shape(plan.hidden[0]))

    def load_of(fraction: Any) -> Any:
        share = fraction * top
        limit = plan.saturation({key: share}, served_late(plan) if beyond else frozenset())[0]

        def excess(rate: Any) -> Any:
            return np.asarray(plan.map(rate)({key: share})[key]) - share

        endless = np.isinf(limit)
        far = _FAR * plan.saturation({key: 0.0 * share})[0] if beyond else 0.0
        far = np.where(np.isfinite(far), far, _FAR)
        high = np.where(endless, far if beyond else 0.0, limit * (1 - 1e-13)) + 0.0 * share
        found = increasing_root(excess, 0.0 * high, high, rtol=1e-13)
        return np.where(endless & beyond & (found >= high), np.inf, found)[()]

    once = load_of(np.full((1,) * (len(shape) + 1), 0.5))
    return np.broadcast_shapes(shape, np.shape(once)[1:]), load_of


def _refined(load_of: Any, nodes: Any, at: Any, sign: float) -> Any:
    """Return the greatest (sign 1) or least load near a node, by narrower scans."""
    best: Any = np.full(at.shape, -np.inf)
    at = at[np.newaxis]
    for _ in range(_ZOOMS):
        low = np.take_along_axis(nodes, np.maximum(at - 1, 0), axis=0)
        high = np.take_along_axis(nodes, np.minimum(at + 1, len(nodes) - 1), axis=0)
        steps = np.linspace(0.0, 1.0, _FINE).reshape(-1, *[1] * (nodes.ndim - 1))
        nodes = low + steps * (high - low)
        loads = np.broadcast_to(load_of(nodes), nodes.shape)
        at = (sign * loads).argmax(axis=0)[np.newaxis]
        best = np.fmax(best, sign * np.take_along_axis(loads, at, axis=0)[0])
    return sign * best
