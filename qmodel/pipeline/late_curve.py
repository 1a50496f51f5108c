r"""The share that fails behind a timeout, as a curve of the attempts that come there.

All steady states of clients who try again lie on one curve: what fails behind a timeout
depends on the rate x of the attempts alone, :math:`f = \varphi(x)`, wherever they come from.
So the part that costs, the stations and the tail of their time, is solved at some nodes once
for all loads, and read off Chebyshev polynomials on panels that get narrower towards
saturation, where :math:`\varphi` changes by :math:`e^{-(c \mu - x) \tau}`. The polynomials are
used where their last coefficients have vanished; where they have not, as beside the jumps of
constant services, the stations are solved at each load.

References
----------
.. [1] L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM, 2013, ch. 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.pipeline.steps.call import Call

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan
    from qmodel.pipeline.steps.base import Step

__all__ = ["LateCurve", "late_curve"]

_NODES = 18
_HALVINGS = (8, 24)
_BEYOND = 10
"""Doublings of the capacity up to which the curve of what never saturates is known."""
_RESOLVED = 2e-11
_CHECKED = np.array([0.5, 0.7, 0.8, 0.87, 0.92, 0.96, 0.98, 0.99])

_ANGLES = (np.arange(_NODES) + 0.5) * np.pi / _NODES
_POINTS = np.cos(_ANGLES)
_TO_SERIES = 2.0 / _NODES * np.cos(np.outer(np.arange(_NODES), _ANGLES))
_TO_SERIES[0] /= 2


def late_curve(plan: Plan) -> LateCurve | None:
    """Return the curve of the only timeout of a plan; None where there is no such curve."""
    if len(plan.timed) != 1:
        return None
    (key,) = plan.timed
    late = plan.coupled[key]
    steps = list(plan.steps())
    if not late.loses or sum(step is late for step in steps) != 1:
        return None
    (step,) = late.children
    inside = {id(inner) for inner in step.walk()}
    own = {_name(inner) for inner in step.walk()} - {None}
    others = [other for other in steps if id(other) not in inside and other is not late]
    if own & {_name(other) for other in others}:
        return None
    # What holds a resource meanwhile, or sends no Poisson stream there, is part of the times.
    if any(other.word == "hold" for other in others):
        return None
    curve = LateCurve.of(plan, key, step)
    return curve if curve is not None and curve.agrees_with(plan) else None


def _name(step: Step) -> Any:
    """Return by what a step may be the same as another one."""
    if isinstance(step, Call):
        return step.name
    return step.key if step.settled_by else None


class LateCurve:
    """The share that fails behind one timeout, by the rate of the attempts [1/s]."""

    def __init__(self, edges: Any, series: Any, key: Any, exact: Any, given: Any) -> None:
        self._edges, self._series = edges, series  # (panels + 1, cells), (nodes, panels, cells)
        self.key, self.exact = key, exact
        self.given = given
        """Shares inside, which count for nothing outside."""
        self.stations: frozenset[str] = frozenset()
        """The stations behind the timeout."""
        self.saturates = True
        """Whether all fail from some rate on."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cells of parameters."""
        return tuple(self._edges.shape[1:])

    @property
    def end(self) -> Any:
        """The rate up to which the curve is known [1/s]."""
        return self._edges[-1]

    @property
    def nodes(self) -> Any:
        """Rates at which the curve was solved, rising, of one cell [1/s]."""
        low, high = self._edges[:-1], self._edges[1:]
        return np.sort(((high + low) / 2 + (high - low) / 2 * _POINTS[:, np.newaxis]).ravel())

    @classmethod
    def of(cls, plan: Plan, key: Any, step: Step) -> LateCurve | None:
        """Return the curve, or None where polynomials do not resolve it."""
        late, kind = plan.coupled[key], plan.kind_of[key]
        inner = type(plan)({kind: (1, step)}, (kind,))

        given = {name: 1.0 for name, station in inner.stations.items() if station.loses}
        given |= dict.fromkeys(inner.coupled, 1.0)

        shares = {key: 0.5 * late.worst}
        through = plan.variable and len(plan.stations) > 1

        def exact(rate: Any) -> Any:
            if not through:
                return np.asarray(late.settled_in(inner.solved(rate, {})))
            # How variable the attempts are is known where they come from.
            fresh = rate / plan.flows(1.0, {**given, **shares}).inflow[key]
            return np.asarray(late.settled_in(plan.solved(fresh, shares).of_kind(kind)))

        cap = inner.hidden[0]
        endless = any(station.newest_first for station in inner.stations.values())
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
        unknown = np.isnan(late.after).all()  # type: ignore[attr-defined]
        if unknown or not np.all(np.isfinite(cap)) or not np.all(np.asarray(cap) > 0):
            return None
        wait = float(np.nanmax(cap * late.after))  # type: ignore[attr-defined]
        halvings = int(np.clip(np.ceil(np.log2(max(wait, 1.0))) + 3, *_HALVINGS))
        grid = np.concatenate([1 - 0.5 ** np.arange(halvings), [1.0]])
        if endless:
            grid = np.concatenate([grid, 2 - grid[-2:0:-1], 2.0 ** np.arange(1, _BEYOND)])
        cells = np.shape(cap + 0.0 * np.asarray(late.after))  # type: ignore[attr-defined]
        edges = grid.reshape(-1, *[1] * len(cells)) * np.broadcast_to(cap, cells)
        middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
        points = _POINTS.reshape(-1, 1, *[1] * len(cells))
        at = np.minimum(middle + half * points, edges[-1] * (1 - 1e-15))
        values = exact(at.reshape(-1, *cells))
        if values.shape[1:] != cells:
            return None
        values = values.reshape(at.shape)
        series = np.tensordot(_TO_SERIES, values, axes=1)
        if not np.all(np.abs(series[-2:]).sum(axis=0) < _RESOLVED):
            return None
        curve = cls(edges, series, key, exact, given)
        curve.stations, curve.saturates = frozenset(inner.stations), not endless
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
        return np.allclose(whole, self(parts), rtol=1e-9, atol=1e-9)

    def __call__(self, rate: Any) -> Any:
        """Return the share that fails at a rate of attempts."""
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
        series, twice = self._series[(slice(None), *which)], 2 * t
        one, two = series[-1], np.zeros(shape)
        for coefficient in series[-2:0:-1]:
            one, two = coefficient + twice * one - two, one
        found = np.minimum(np.maximum(series[0] + t * one - two, 0.0), 1.0)
        beyond = x >= self._edges[-1]
        if beyond.any():
            most = 1.0 if self.saturates else self.exact(np.where(beyond, x, low))
            found = np.where(beyond, most, found)
        return np.where(np.isnan(x), np.nan, found)[()]
