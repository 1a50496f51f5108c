r"""The share that fails behind a timeout, as a curve of the attempts that come there.

All steady states of clients who try again lie on one curve: what fails behind a timeout
depends on the rate x of the attempts alone, :math:`f = \varphi(x)`, wherever they come from.
So the part that costs, the stations and the tail of their time, is solved at some nodes once
for all loads, and read off Chebyshev polynomials on panels that get narrower towards
saturation, where :math:`\varphi` changes by :math:`e^{-(c \mu - x) \tau}`. The polynomials are
used where their last coefficients have vanished; where they have not, as beside the jumps of
constant services, the stations are solved at each load.

**Chains.** Where the calls of one timeout have timeouts of their own, the rate at the innermost
one still says all: its share that fails tells how many calls there were for each attempt at the
one around it, so that its rate, and the distribution of its time, follow from the inside out.

References
----------
.. [1] L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM, 2013, ch. 8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.pipeline.steps.call import Call

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan
    from qmodel.pipeline.steps.base import Step

__all__ = ["LateCurve", "innermost_first", "late_curve"]

_NODES = 18
_HALVINGS = (8, 24)
_BEYOND = 10
"""Doublings of the capacity up to which the curve of what never saturates is known."""
_RESOLVED, _NEARLY = 2e-11, 1e-5
"""What the last coefficients may be; where streams are not Poisson, waits have kinks in the
load that no polynomial resolves, and errors far above these."""
_INVERTED = 1e-8
"""The same around a timeout: the times within it are inverted from transforms of tails."""
_CHECKED = np.array([0.5, 0.7, 0.8, 0.87, 0.92, 0.96, 0.98, 0.99])

_ANGLES = (np.arange(_NODES) + 0.5) * np.pi / _NODES
_POINTS = np.cos(_ANGLES)
_TO_SERIES = 2.0 / _NODES * np.cos(np.outer(np.arange(_NODES), _ANGLES))
_TO_SERIES[0] /= 2
_PARTS = np.arange(32) / 32
"""Where a panel is looked at, from its lower edge on."""
_AT_PARTS = np.cos(np.arccos(2 * _PARTS - 1)[:, np.newaxis] * np.arange(_NODES))


def late_curve(plan: Plan, *keys: Any) -> LateCurve | None:
    """Return the curve of timeouts, each inside the next; None where there is no such curve."""
    if any(not plan.coupled[key].loses for key in keys):
        return None
    levels = []
    for key in keys:
        inside = _apart(plan, plan.coupled[key])
        if inside is None:
            return None
        kind = plan.kind_of[key]
        levels.append((key, plan.coupled[key], type(plan)({kind: (1, inside)}, (kind,))))
    for place, (_, _, inner) in enumerate(levels):
        if set(inner.timed) != set(keys[:place]):
            return None
    if any(
        s.loses for n, s in levels[-1][2].stations.items() if n not in levels[0][2].stations
    ):
        return None
    if len(plan.timed) > 1 and plan.variable and len(plan.stations) > 1:
        return None
    curve = LateCurve.of(plan, levels)
    return curve if curve is not None and curve.agrees_with(plan) else None


def innermost_first(plan: Plan) -> list[Any]:
    """Return the timeouts of a plan, those with fewer inside first."""
    timed = {key: plan.coupled[key] for key in plan.timed}
    inside = {
        key: sum(any(part is one for one in timed.values()) for part in step.walk())
        for key, step in timed.items()
    }
    return sorted(timed, key=inside.__getitem__)


def _apart(plan: Plan, late: Step) -> Step | None:
    """Return what is behind a timeout, if its time depends on nothing else."""
    steps = list(plan.steps())
    if sum(step is late for step in steps) != 1:
        return None
    (step,) = late.children
    own = {_name(inner) for inner in step.walk()} - {None}
    # One step may stand behind this timeout and elsewhere.
    left = Counter(id(inner) for inner in late.walk())
    others = []
    for other in steps:
        left[id(other)] -= 1
        if left[id(other)] < 0:
            others.append(other)
    if own & {_name(other) for other in others}:
        return None
    # What holds a resource meanwhile, or sends no Poisson stream there, is part of the times.
    if any(other.word == "hold" for other in others):
        return None
    return step


def _name(step: Step) -> Any:
    """Return by what a step may be the same as another one."""
    if isinstance(step, Call):
        return step.name
    return step.key if step.settled_by else None


class LateCurve:
    """The shares that fail behind timeouts, by the rate of the innermost attempts [1/s]."""

    def __init__(self, edges: Any, series: Any, keys: Any, exact: Any, given: Any) -> None:
        # (panels + 1, cells), (nodes, timeouts, panels, cells)
        self._edges, self._series = edges, series
        self.keys, self.exact = keys, exact
        self.given = given
        """Shares inside, which count for nothing outside."""
        self.stations: frozenset[str] = frozenset()
        """The stations behind the timeouts."""
        self.saturates = True
        """Whether all fail from some rate on."""

    @property
    def key(self) -> Any:
        """Key of the innermost timeout."""
        return self.keys[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cells of parameters."""
        return tuple(self._edges.shape[1:])

    @property
    def end(self) -> Any:
        """The rate up to which the curve is known [1/s]."""
        return self._edges[-1]

    @property
    def dense(self) -> tuple[Any, dict[Any, Any]]:
        """Rates all along the curve of one cell, rising [1/s], and the shares that fail."""
        low, high = self._edges[:-1, np.newaxis], self._edges[1:, np.newaxis]
        x = (low + (high - low) * _PARTS).ravel()
        values = np.einsum("tn,nkp->kpt", _AT_PARTS, self._series).reshape(len(self.keys), -1)
        x = np.append(x, self.end * (1 - 1e-15))
        values = np.hstack([values, self._series[:, :, -1].sum(axis=0)[:, np.newaxis]])
        values = np.clip(values, 0.0, 1.0)
        return x, {**self.given, **dict(zip(self.keys, values, strict=True))}

    @classmethod
    def of(cls, plan: Plan, levels: Sequence[tuple[Any, Any, Plan]]) -> LateCurve | None:
        """Return the curve, or None where polynomials do not resolve it.

        `levels` are the key, the timeout and the plan of what is behind it, innermost first.
        """
        key, late, inner = levels[0]
        given = {name: 1.0 for name, station in inner.stations.items() if station.loses}
        given |= dict.fromkeys(inner.coupled, 1.0)

        some = {key: 0.5 * late.worst}
        through = plan.variable and len(plan.stations) > 1

        def exact(rate: Any) -> Any:
            if through:
                # How variable the attempts are is known where they come from.
                fresh = rate / plan.flows(1.0, {**given, **some}).inflow[key]
                at = plan.solved(fresh, some).of_kind(plan.kind_of[key])
                return np.asarray(late.settled_in(at))[np.newaxis]
            shares: dict[Any, Any] = {}
            for each, timeout, behind in levels:
                calls = behind.flows(1.0, given | shares).inflow[key] if shares else 1.0
                shares[each] = timeout.settled_in(behind.solved(rate / calls, shares))
            return np.stack(np.broadcast_arrays(*shares.values()))

        cap = inner.hidden[0]
        endless = any(station.last_come_first_served for station in inner.stations.values())
        if np.any(np.isinf(cap)):
            # What never saturates fails more and more beyond what its servers can do.
            work = [
                count * station.service.mean / station.servers
                for count, station in zip(
                    inner.visits.values(), inner.stations.values(), strict=True
                )
            ]
            most = np.max(np.broadcast_arrays(*work), axis=0) if work else 0.0
            cap, endless = 1 / np.where(most > 0, most, np.nan), True
        unknown = np.isnan(late.after).all()
        if unknown or not np.all(np.isfinite(cap)) or not np.all(np.asarray(cap) > 0):
            return None
        wait = float(np.nanmax(cap * late.after))
        halvings = int(np.clip(np.ceil(np.log2(max(wait, 1.0))) + 3, *_HALVINGS))
        grid = np.concatenate([1 - 0.5 ** np.arange(halvings), [1.0]])
        if endless:
            grid = np.concatenate([grid, 2 - grid[-2:0:-1], 2.0 ** np.arange(1, _BEYOND)])
        cells = np.shape(cap + 0.0 * np.asarray(late.after))
        edges = grid.reshape(-1, *[1] * len(cells)) * np.broadcast_to(cap, cells)
        middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
        points = _POINTS.reshape(-1, 1, *[1] * len(cells))
        at = np.minimum(middle + half * points, edges[-1] * (1 - 1e-15))
        values = exact(at.reshape(-1, *cells))
        if values.shape[2:] != cells:
            return None
        values = values.reshape(len(levels), *at.shape).swapaxes(0, 1)
        series = np.tensordot(_TO_SERIES, values, axes=1)
        resolved = np.full(len(levels), _NEARLY if through else _RESOLVED)
        resolved[1:] = np.maximum(resolved[1:], _INVERTED)
        if not np.all(resolved > np.abs(series[-2:]).sum(axis=0).reshape(len(levels), -1).T):
            return None
        curve = cls(edges, series, tuple(each for each, _, _ in levels), exact, given)
        curve.stations, curve.saturates = frozenset(levels[-1][2].stations), not endless
        return curve

    def agrees_with(self, plan: Plan) -> bool:
        """Return whether the rate of the attempts says all, wherever they come from."""
        if not plan.variable or len(plan.stations) == 1:
            return True
        late, kind = plan.coupled[self.key], plan.kind_of[self.key]
        shares = {self.key: 0.1 * late.worst}
        parts = _CHECKED.reshape(-1, *[1] * len(self.shape)) * self.end
        rates = parts / plan.flows(1.0, {**self.given, **shares}).inflow[self.key]
        whole = late.settled_in(plan.solved(rates, shares).of_kind(kind))
        return np.allclose(whole, self(parts), rtol=1e-9, atol=_NEARLY)

    def shares(self, rate: Any) -> dict[Any, Any]:
        """Return the shares that fail at a rate of attempts, and those inside."""
        found = dict(zip(self.keys, self._at(rate), strict=True))
        return {**self.given, **found}

    def __call__(self, rate: Any) -> Any:
        """Return the share that fails at the innermost timeout."""
        return self._at(rate)[0]

    def _at(self, rate: Any) -> Any:
        cells = self._edges.shape[1:]
        x = np.asarray(rate, dtype=float)
        shape = np.broadcast_shapes(x.shape, cells)
        x = np.broadcast_to(x, shape)
        last = len(self._edges) - 2
        if cells:
            panel = np.zeros(shape, dtype=int)
            for edge in self._edges[1:-1]:
                panel += x >= edge
        else:
            panel = np.clip(np.searchsorted(self._edges, x, side="right") - 1, 0, last)
        own = np.meshgrid(*(np.arange(n) for n in cells), indexing="ij")
        which = (panel, *(np.broadcast_to(i, shape) for i in own))
        low, high = self._edges[:-1][which], self._edges[1:][which]
        t = (2 * x - low - high) / (high - low)
        series, twice = self._series[(slice(None), slice(None), *which)], 2 * t
        one, two = series[-1], np.zeros(series.shape[1:])
        for coefficient in series[-2:0:-1]:
            one, two = coefficient + twice * one - two, one
        found = np.minimum(np.maximum(series[0] + t * one - two, 0.0), 1.0)
        beyond = x >= self._edges[-1]
        if beyond.any():
            most = 1.0 if self.saturates else self.exact(np.where(beyond, x, low))
            found = np.where(beyond, most, found)
        return np.where(np.isnan(x), np.nan, found)
