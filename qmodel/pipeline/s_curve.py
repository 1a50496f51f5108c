r"""All steady states of clients who try again, read off one curve.

Where all that a pipeline does stands behind one timeout, or a chain of timeouts each inside the
next, the rate x of the innermost attempts says all: shares :math:`\varphi(x)` of the attempts
fail, with so many a request makes :math:`g(\varphi)` innermost attempts, and so the fresh
requests a second are

.. math:: \lambda_0(x) = \frac{x}{g(\varphi(x))} ,

without any search; for n attempts :math:`\lambda_0 = x (1 - \varphi) / (1 - \varphi^n)`. The
steady states at a load are the crossings of this S-shaped curve: stable where it rises,
unstable where it falls; its turning points are the folds. Beyond saturation all fail, and
there is the collapsed state :math:`x = \lambda_0 \, g(1)`.

References
----------
.. [1] N. Bronson, A. Aghayev, A. Charapko, T. Zhu, "Metastable failures in distributed
   systems", HotOS 2021.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.numerics.roots import increasing_root
from qmodel.pipeline.fixed_points import FixedPoints
from qmodel.pipeline.flows import FELT

if TYPE_CHECKING:
    from qmodel.pipeline.late_curve import LateCurve
    from qmodel.pipeline.plan import Plan

__all__ = ["SCurve", "s_curve"]

_ZOOMS, _FINE, _FLAT = 3, 33, 1e-12
_STEPS, _MET = 5, 1e-14
_FAR = 4
"""Rounds in which the attempts far beyond the capacity follow from those that fail."""


def s_curve(plan: Plan) -> SCurve | None:
    """Return the curve of a pipeline that stands behind one timeout; None of others."""
    curve = plan.curve
    if curve is None or curve.shape or any(step.by_rate for step in plan.steps()):
        return None
    if set(plan.stations) - curve.stations or set(plan.coupled) - {*curve.keys, *curve.given}:
        return None
    return SCurve(plan, curve)


class SCurve:
    """The fresh load by the attempts, as branches that rise and fall in turn."""

    def __init__(self, plan: Plan, curve: LateCurve) -> None:
        self._plan, self._curve = plan, curve
        x, shares = curve.dense
        loads = self._fresh(x, shares)
        turns, tops = self._turning_points(x, loads)
        if turns.size:
            # Between two nodes one would hide two crossings.
            at = np.searchsorted(x, turns)
            x, loads = np.insert(x, at, turns), np.insert(loads, at, tops)
        self._x, self._loads = x, loads
        slopes = np.sign(np.diff(loads))
        ends = np.flatnonzero(slopes[:-1] * slopes[1:] < 0) + 1
        self._ends = [0, *ends.tolist(), len(x) - 1]

    def _turning_points(self, x: Any, loads: Any) -> tuple[Any, Any]:
        """Return where the curve turns, and the loads there."""
        slopes = np.sign(np.diff(loads))
        at = np.flatnonzero(slopes[:-1] * slopes[1:] < 0) + 1
        if not at.size:
            return x[:0], x[:0]
        way, low, high = slopes[at - 1], x[at - 1], x[at + 1]
        for _ in range(_ZOOMS):
            fine = low + np.linspace(0.0, 1.0, _FINE)[:, np.newaxis] * (high - low)
            values = way * self.load(fine)
            best = np.clip(values.argmax(axis=0), 1, _FINE - 2)[np.newaxis]
            low, middle, high = (np.take_along_axis(fine, best + k, 0)[0] for k in (-1, 0, 1))
            left, top, right = (np.take_along_axis(values, best + k, 0)[0] for k in (-1, 0, 1))
            with np.errstate(divide="ignore", invalid="ignore"):
                part = (right - left) / (2 * top - left - right) / 2
                part = np.where(np.abs(part) < 1, part, 0.0)
            turns = middle + part * (middle - low)
            tops = way * self.load(turns)
            # Where a budget bends the curve there is no parabola.
            if np.all(np.abs(tops - top - part * (right - left) / 4) <= _FLAT * np.abs(tops)):
                break
        better = tops > top
        return np.where(better, turns, middle), way * np.where(better, tops, top)

    def _fresh(self, attempts: Any, shares: dict[Any, Any]) -> Any:
        """Return the fresh load at a rate of attempts of which these shares fail [1/s]."""
        felt = {(FELT, name): attempts for name in self._curve.stations}
        return np.asarray(
            attempts / self._plan.flows(1.0, felt | shares).inflow[self._curve.key]
        )

    def load(self, attempts: Any) -> Any:
        """Return the fresh load at a rate of attempts [1/s]."""
        return self._fresh(attempts, self._curve.shares(attempts))

    @property
    def greatest(self) -> float:
        """The greatest load at which not all fail."""
        return float(self._loads.max())

    @property
    def folds(self) -> tuple[float, float]:
        """The load at which the healthy state ends, and below which it is the only one.

        ``inf`` where the curve rises throughout.
        """
        loads = self._loads
        down = np.flatnonzero(loads[1:] < loads[:-1] * (1 - 1e-12))
        if not down.size:
            return np.inf, np.inf
        return float(loads[down[0]]), float(loads[down[0] :].min())

    def states(self, rate: Any) -> FixedPoints:
        """Return all steady states at a load."""
        rate = np.asarray(rate, dtype=float)
        first, turn, last = self._crossings(rate)
        several = (turn >= 0) & (last > first)
        wanted = np.stack([first, np.where(several, turn, -1), np.where(several, last, -1)])
        wanted[:, (rate == 0) | np.isnan(rate)] = -1
        # A load beyond the end of the curve, at which all fail.
        collapsed = np.stack([first, turn, last]) == len(self._x) - 1
        some = (wanted >= 0) & ~collapsed
        found = np.zeros(wanted.shape)
        if some.any():
            found[some] = self._roots(wanted[some], np.broadcast_to(rate, wanted.shape)[some])
        if not self._curve.saturates and collapsed.any():
            # What never saturates answers some, however many come.
            beyond = np.broadcast_to(rate, wanted.shape)[collapsed]
            attempts = np.maximum(beyond, self._x[-1])
            for _ in range(_FAR):
                attempts = beyond * attempts / self.load(attempts)
            found[collapsed], collapsed = attempts, np.zeros_like(collapsed)
        read = self._curve.shares(found)
        least, between, greatest = {}, {}, {}
        for key in self._curve.keys:
            shares = np.where(collapsed & (rate != 0), 1.0, read[key])
            shares = np.where(np.isnan(rate), np.nan, shares)
            least[key] = shares[0][()]
            between[key], greatest[key] = (
                np.where(several, share, np.nan)[()] for share in shares[1:]
            )
        return FixedPoints(least, lambda: greatest, lambda: between, True)

    def _crossings(self, rate: Any) -> tuple[Any, Any, Any]:
        """Return before which node a load is first met, last met on the way down, and last.

        It is the last node where all fail, and -1 where there is no such crossing.
        """
        end = len(self._x) - 1
        first, turn, last = (np.full(rate.shape, k) for k in (end, -1, end))
        found = np.zeros(rate.shape, dtype=bool)
        for low, high in itertools.pairwise(self._ends):
            branch = self._loads[low : high + 1]
            falls = branch[-1] < branch[0]
            # At the fold itself there is no healthy state any more.
            at = np.searchsorted(branch[::-1] if falls else branch, rate, side="right")
            here = (at > 0) & (at < len(branch))
            if falls:
                turn = np.where(here, high - at, turn)
                continue
            first = np.where(here & ~found, low + at - 1, first)
            last = np.where(here, low + at - 1, last)
            found |= here
        # Beyond what the curve ends with, all fail.
        over = rate >= self._loads[-1]
        return first, turn, np.where(over | ~found, end, last)

    def _roots(self, at: Any, rate: Any) -> Any:
        """Return where loads are met between the nodes `at` and those that follow."""
        x, loads = self._x, self._loads
        low, high = x[at], x[at + 1]
        slope = (loads[at + 1] - loads[at]) / (high - low)
        four = np.clip(at - 1, 0, len(x) - 4) + np.arange(4)[:, np.newaxis]
        with np.errstate(all="ignore"):
            found = _interpolated(loads[four], x[four], rate)
            found = np.where((found > low) & (found < high), found, (low + high) / 2)
            off = self.load(found) - rate
            for _ in range(_STEPS):
                stepped = np.clip(found - off / slope, low, high)
                left = self.load(stepped) - rate
                slope = np.where(left != off, (left - off) / (stepped - found), slope)
                found, off = stepped, left
                open_ = ~(np.abs(off) <= _MET * rate)
                if not open_.any():
                    return found
        # Beside a fold, and where a budget bends the curve.
        sign = np.where(loads[at + 1] > loads[at], 1.0, -1.0)[open_]
        found[open_] = increasing_root(
            lambda u: sign * (self.load(u) - rate[open_]), low[open_], high[open_], rtol=1e-14
        )
        return found


def _interpolated(t: Any, values: Any, at: Any) -> Any:
    """Return the cubic through four points of each cell, by Neville's scheme."""
    rows = list(values)
    for gap in range(1, 4):
        rows = [
            ((at - t[i]) * rows[i + 1] - (at - t[i + gap]) * rows[i]) / (t[i + gap] - t[i])
            for i in range(4 - gap)
        ]
    return rows[0]
