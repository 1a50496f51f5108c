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

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.numerics.roots import increasing_root
from qmodel.pipeline.fixed_points import FixedPoints

if TYPE_CHECKING:
    from qmodel.pipeline.late_curve import LateCurve
    from qmodel.pipeline.plan import Plan

__all__ = ["SCurve", "s_curve"]

_ZOOMS, _FINE = 3, 33


def s_curve(plan: Plan) -> SCurve | None:
    """Return the curve of a pipeline that stands behind one timeout; None of others."""
    curve = plan.curve
    if curve is None or curve.shape or any(step.by_rate for step in plan.steps()):
        return None
    if set(plan.stations) - curve.stations or set(plan.coupled) - {*curve.keys, *curve.given}:
        return None
    return SCurve(plan, curve)


class SCurve:
    """The fresh load by the attempts, with its turning points among the nodes."""

    def __init__(self, plan: Plan, curve: LateCurve) -> None:
        self._plan, self._curve = plan, curve
        x = np.concatenate([[0.0], curve.nodes, [curve.end * (1 - 1e-15)]])
        loads = self.load(x)
        turns = self._turning_points(x, loads)
        if turns.size:
            # Between two nodes one would hide two crossings.
            x = np.sort(np.concatenate([x, turns]))
            loads = self.load(x)
        # In the end all fail.
        last = np.inf if curve.saturates else loads[-1]
        self._x, self._loads = x, np.append(loads, last)

    def _turning_points(self, x: Any, loads: Any) -> Any:
        """Return where the curve turns, by scans that narrow, and a parabola in the end."""
        slopes = np.sign(np.diff(loads))
        at = np.flatnonzero(slopes[:-1] * slopes[1:] < 0) + 1
        if not at.size:
            return x[:0]
        way, low, high = slopes[at - 1], x[at - 1], x[at + 1]
        for _ in range(_ZOOMS):
            fine = low + np.linspace(0.0, 1.0, _FINE)[:, np.newaxis] * (high - low)
            values = way * self.load(fine)
            best = np.clip(values.argmax(axis=0), 1, _FINE - 2)[np.newaxis]
            low, middle, high = (np.take_along_axis(fine, best + k, 0)[0] for k in (-1, 0, 1))
        left, top, right = (np.take_along_axis(values, best + k, 0)[0] for k in (-1, 0, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = (right - left) / (2 * top - left - right) / 2 * (middle - low)
        return np.where(np.abs(shift) < middle - low, middle + shift, middle)

    def load(self, attempts: Any) -> Any:
        """Return the fresh load at a rate of attempts [1/s]."""
        curve = self._curve
        flows = self._plan.flows(1.0, curve.shares(attempts))
        return np.asarray(attempts / flows.inflow[curve.key])

    @property
    def greatest(self) -> float:
        """The greatest load at which not all fail."""
        return float(self._loads[:-1].max())

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
        size = len(self._loads)
        # At the fold itself there is no healthy state any more.
        above = self._loads.reshape(-1, *[1] * rate.ndim) > rate
        rises, falls = above[1:] & ~above[:-1], above[:-1] & ~above[1:]
        first = rises.argmax(axis=0)
        last = size - 2 - rises[::-1].argmax(axis=0)
        turn = size - 2 - falls[::-1].argmax(axis=0)
        several = falls.any(axis=0) & (last > first)
        # A load beyond the end of the curve, at which all fail.
        collapsed = np.stack([first, turn, last]) == size - 2
        where = np.minimum(np.stack([first, turn, last]), size - 3)
        low, high = self._x[where], self._x[where + 1]
        sign = np.array([1.0, -1.0, 1.0]).reshape(-1, *[1] * rate.ndim)
        known = np.broadcast_to(collapsed | (rate == 0), where.shape)
        ends = (np.where(known, where, where + k) for k in (0, 1))
        at_low, at_high = (sign * (self._loads[k] - rate) for k in ends)
        low, high = np.where(known, low, low), np.where(known, low, high)
        found = increasing_root(
            lambda x: sign * (self.load(x) - rate),
            low, high, rtol=1e-14, at_low=at_low, at_high=at_high,
        )  # fmt: skip
        read, idle = self._curve.shares(found), self._curve.shares(0.0)
        least, between, greatest = {}, {}, {}
        for key in self._curve.keys:
            shares = np.where(collapsed, 1.0, read[key])
            shares = np.where(np.isnan(rate), np.nan, shares)
            least[key] = np.where(rate == 0, idle[key], shares[0])[()]
            between[key], greatest[key] = (
                np.where(several, share, np.nan)[()] for share in shares[1:]
            )
        return FixedPoints(least, lambda: greatest, lambda: between, True)
