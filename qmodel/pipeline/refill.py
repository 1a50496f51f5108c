r"""A cache that loses all that it has, and fills again under a load that changes.

A cache that takes in all that it missed has, until it is full, each object that was asked for
since the loss. So after n requests, at whatever rates they came,

.. math:: h = \min \Big( \sum_i p_i (1 - e^{-p_i n}), \; h_\infty \Big)

with the steady hit ratio :math:`h_\infty` of the policy: exactly for LRU, whose characteristic
time is where both are equal (`qmodel.caches.warming`). Of first in, first out, and where
lifetimes end, it leaves out that what came in together goes together
(`qmodel.caches.synchronised_expiry`).

**A given hit ratio** says neither how many objects there are nor how popular: from the
`entries` that fit, and the `exponent` of a Zipf popularity, follows the catalogue under which
an LRU cache has that hit ratio; it then fills as that.

References
----------
.. [1] P. Flajolet, D. Gardy, L. Thimonier, "Birthday paradox, coupon collectors, caching
   algorithms and self-organizing search", Discrete Applied Mathematics 39, 1992, sec. 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.caches import KLRU, LFU, LRU, QLRU, Zipf
from qmodel.caches.policies.filling import hit_ratio_while_filling
from qmodel.errors import ModelError
from qmodel.pipeline.steps.cached import Cached
from qmodel.transients.emptied import Emptied

if TYPE_CHECKING:
    from qmodel.pipeline.model import Pipeline

__all__ = ["Refill", "refilled"]

_DOUBLINGS = 40


def refilled(
    model: Pipeline, emptied: Mapping[str, Emptied | float] | None
) -> tuple[Pipeline, dict[Any, Refill]]:
    """Return a pipeline whose emptied caches are modelled, and how each of them fills."""
    refills: dict[Any, Refill] = {}
    swap: dict[int, Cached] = {}
    for name, given in (emptied or {}).items():
        lost = given if isinstance(given, Emptied) else Emptied(at=given)
        for step in _steps(model, name):
            full = step
            if step.policy is None:
                full = swap[id(step)] = _modelled(step, lost)
            refills[full.key] = Refill(full, float(lost.at))
    return (model.swap(swap) if swap else model), refills


def _steps(model: Pipeline, name: str) -> list[Cached]:
    steps = [step for _, root in model.kinds.values() for step in root.walk()]
    caches = [step for step in steps if isinstance(step, Cached)]
    found = [step for step in caches if step.name == name]
    if not found:
        known = ", ".join(sorted({step.name for step in caches})) or "none"
        raise ModelError(f"no cache {name!r} in the pipeline; there are {known}")
    return found


def _modelled(step: Cached, lost: Emptied) -> Cached:
    """Return a cache of so many entries that has the given hit ratio."""
    if lost.entries is None:
        raise ModelError(
            f"{step.name} has a given hit ratio, which does not say how soon it fills: say "
            "how many entries fit, Emptied(at=0, entries=100_000)"
        )
    wanted, places = float(np.asarray(step.hit_ratio)), int(lost.entries)
    cache = LRU(places)

    def pages(doublings: float) -> Zipf:
        return Zipf(max(round(places * 2.0**doublings), places), float(lost.exponent))

    low, high = 0.0, float(_DOUBLINGS)
    if not float(cache.solve(pages(high)).hit_ratio) < wanted < 1:
        raise ModelError(
            f"{places:,} entries under a Zipf popularity of exponent {lost.exponent:g} have "
            f"no hit ratio of {wanted:g}"
        )
    while high - low > 1e-9:
        middle = (low + high) / 2
        more = float(cache.solve(pages(middle)).hit_ratio) > wanted
        low, high = (middle, high) if more else (low, middle)
    return Cached(step.name, step.lookup, step.miss, None, policy=cache, popularity=pages(high))


class Refill:
    """A cache on its way from empty to full.

    Parameters
    ----------
    step : Cached
        The modelled cache. [-]
    at : float
        When it is emptied. [s]
    """

    def __init__(self, step: Cached, at: float) -> None:
        if isinstance(step.policy, (KLRU, LFU)):
            raise ModelError(
                f"{step.name} does not take in all that it missed: how a "
                f"{type(step.policy).__name__} fills again has no form here"
            )
        self.at, self.popularity = at, step.popularity
        # Of what is missed, so much comes in.
        self._taken = float(step.policy.admitted) if isinstance(step.policy, QLRU) else 1.0
        self._asked = self._now = 0.0

    def keep(self) -> None:
        """Go on from the end of what was asked last."""
        self._asked = self._now

    def times(self, first: float, last: float) -> np.ndarray:
        """Return times beside the loss, where the hits come back soonest [s]."""
        span = last - first
        # What comes to a cache that starts cold finds its stations as they were before.
        self.at = max(self.at, first + 1e-6 * span)
        near = self.at + span * np.concatenate([[-1e-6, 0.0], np.geomspace(1e-5, 1e-2, 16)])
        return near[(near >= first) & (near <= last)]

    def hit_ratio(self, times: np.ndarray, flow: np.ndarray, steady: np.ndarray) -> np.ndarray:
        """Return the hit ratio at each of some times, at a flow of look-ups [1/s]."""
        steps = np.diff(times) * (flow[1:] + flow[:-1]) / 2
        came = np.where(times[1:] > self.at * (1 + 1e-12), steps, 0.0)
        asked = self._asked + np.concatenate([[0.0], np.cumsum(came)])
        self._now = float(asked[-1])
        filled = hit_ratio_while_filling(self.popularity, self._taken * asked)
        return np.where(times < self.at, steady, np.minimum(filled, steady))
