"""The wait of M/D/1: Erlang's sum with its kinks, and beyond it the sum over the poles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.numerics.exponential import exp_rest
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.waits.mg1 import ClosedWait

__all__ = ["ConstantServiceWait"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConstantServiceWait(ClosedWait):
    """The wait of M/D/1, with its kinks."""

    @property
    def analytic(self) -> bool:
        """Whether the transform continues into the left half-plane."""
        return False

    def _both(self, t: Value) -> tuple[Any, Any]:
        shape = np.broadcast_shapes(
            *(np.shape(x) for x in (t, self.arrival_rate, self.service.mean))
        )
        t, rate, constant = (
            np.atleast_1d(np.broadcast_to(x, shape))
            for x in (t, self.arrival_rate, self.service.mean)
        )
        spare = spare_servers(rate, constant, 1)
        below, slope = np.zeros(t.shape), np.zeros(t.shape)
        with np.errstate(all="ignore"):
            for k, factorial in enumerate(_FACTORIALS):
                # (-u)^k e^u / k! at u = rate (t - kD), where that is not negative.
                u = rate * (t - k * constant)
                term = (-u) ** k / factorial * np.exp(u)
                before = (-u) ** (k - 1) * k / factorial * np.exp(u) if k else 0.0
                below += np.where(u >= 0, term, 0.0)
                slope += np.where(u >= 0, rate * (term - before), 0.0)
            tail, density = 1 - spare * below, spare * slope
            far = t >= len(_FACTORIALS) * constant
            if far.any():
                late = _late(rate[far], constant[far], spare[far], t[far])
                tail[far], density[far] = late
        over = spare <= 0
        tail = np.where(over, 1.0, np.where(t < 0, 1 + 0 * spare, np.clip(tail, 0, 1)))
        density = np.where(over | (t < 0), 0.0, density)
        return tail.reshape(shape)[()], density.reshape(shape)[()]


def _late(rate: Any, constant: Any, spare: Any, t: Any) -> tuple[Any, Any]:
    """Return tail and density of the M/D/1 wait beyond eight service times.

    The transform has its poles where z = load (1 - exp(-z)), z in service times: a real one
    and pairs, by the branches of Lambert's W; the pairs beyond the 24th are gone by then.
    """
    from scipy.special import lambertw

    load, x = rate * constant, t / constant
    branch = -load * np.exp(-load)
    # The real pole: W loses its digits near saturation, where Newton's method, begun at the
    # heavy-traffic value above the pole, finds it in a few steps.
    decay = np.where(spare < 0.1, 2 * spare / load, -(load + lambertw(branch, -1).real))
    for _ in range(5):
        slope_there = load * np.expm1(decay) - spare
        decay = decay - (load * exp_rest(decay) - spare * decay) / slope_there
    first = spare * np.exp(-decay * x) / (decay - spare)
    tail, slope = first, decay * first
    for k in range(1, 25):
        w = lambertw(branch, k)
        term = -2 * spare * np.exp((load + w) * x) / (1 + w)
        tail, slope = tail + term.real, slope - ((load + w) * term).real
    # Without load nobody waits, and W has no branches to follow.
    idle = load == 0
    return np.where(idle, 0.0, tail), np.where(idle, 0.0, slope / constant)


_FACTORIALS = (1.0, 1.0, 2.0, 6.0, 24.0, 120.0, 720.0, 5040.0)
