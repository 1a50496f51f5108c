"""A look-up in a cache, and on a miss another step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.caches.base import Cache, CacheResult
from qmodel.caches.popularity.base import Popularity
from qmodel.distributions.broadcasting import shape_of
from qmodel.errors import ModelError
from qmodel.pipeline.steps.base import Outcome, Step, checked_name, checked_step
from qmodel.pipeline.steps.branch import Branch
from qmodel.pipeline.steps.call import Call
from qmodel.pipeline.steps.nothing import Nothing
from qmodel.pipeline.steps.series import Series
from qmodel.queues.approximations.dispersion import DISTURBED, Dispersion
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["Cached", "cached"]


@dataclass(frozen=True, slots=True, eq=False)
class Cached(Step):
    """A look-up, and on a miss another step; the hit ratio is given, or a cache gives it."""

    name: str
    lookup: Step
    miss: Step
    hit_ratio: Value | None = parameter(
        "share of hits", symbol="h", check=_check.share, default=None
    )
    # None where the hit ratio is given.
    policy: Cache = None  # type: ignore[assignment]
    popularity: Popularity = None  # type: ignore[assignment]
    word = "cache"

    @property
    def settled_by(self) -> str:  # type: ignore[override]
        """By the flow of look-ups, where the hit ratio is not given."""
        return "" if self.policy is None else "flow"

    @property
    def in_sequence(self) -> tuple[Step, ...]:
        return self.lookup, self.miss

    def owned(self) -> Iterator[tuple[str, Any]]:
        if self.policy is None:
            yield self.name, self
        else:
            yield self.name, self.policy
            yield self.name, self.popularity

    def recipe(self) -> dict[str, Any]:
        """Return the arguments of `cached` that make the same."""
        ratio = self.hit_ratio if self.policy is None else self.policy
        return {
            "hit_ratio": ratio,
            "lookup": self.lookup,
            "miss": self.miss,
            "popularity": self.popularity,
            "name": self.name,
        }

    @property
    def rising(self) -> bool:
        """Whether the hit ratio depends on the flow of look-ups."""
        return self.policy is not None and self.policy.needs_rate

    @property
    def worst(self) -> Any:
        """No hit, of the shape of hit ratios; or the hit ratio that no load changes."""
        if not self.rising:
            return self.settled(1.0)
        shapes = shape_of((self.policy, self.popularity)), self.popularity.grid.shape
        return np.zeros(np.broadcast_shapes(*shapes))[()]

    def solve(self, flow: Any) -> CacheResult:
        """Return the steady state of the cache at a flow of look-ups [1/s]."""
        # Without look-ups the cache is as it would be under very few.
        idle = is_symbolic(flow) and not self.rising
        return self.policy.solve(self.popularity, 1.0 if idle else np.maximum(flow, 1e-200))

    def settled(self, flow: Any, scv: Any = 1.0) -> Any:
        return self.solve(flow).hit_ratio

    def _steps(self, hit_ratio: Any) -> Series:
        then = Branch((1 - hit_ratio, hit_ratio), (self.miss, Nothing()))
        return Series((self.lookup, then))

    def flow(self, share: Any, at: Flows) -> Any:
        ratio = self.hit_ratio if self.policy is None else at.settled(self, share)
        return self._steps(ratio).flow(share, at)

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        ratio = self.hit_ratio if self.policy is None else at.settled[self.key]
        return self._steps(ratio).outcome(at, times)

    def answered(self, reading: Answering) -> Any:
        ratio: Any = self.hit_ratio if self.policy is None else reading.hit_ratios[self.name]
        looked, miss = reading.plain(self.lookup), reading.of(self.miss)
        spared = reading.of(self.lookup) - looked
        return looked * (ratio + (1 - ratio) * miss) + spared * miss

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        # Misses of one object keep their distance: its last fetch is in the cache.
        behind = self.lookup.departures(arriving, at)
        if self.policy is not None:
            behind = behind or DISTURBED
        ratio: Any = self.hit_ratio if self.policy is None else at.share(self)
        return Branch((1 - ratio, ratio), (self.miss, Nothing())).departures(behind, at)

    def passage(self, behind: set[Any], trace: Trace) -> set[Any]:
        behind = self.lookup.passage(behind, trace)
        return behind | self.miss.passage(behind, trace)

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        ratio = on.share(self) if self.policy is not None else on.number(self.hit_ratio)
        looked = self.lookup.sketch(ends, on)
        if looked == ends:
            looked = on.node(ends, self, self.name)
        on.note(looked, f"{text(ratio, '%', digits=3)} hits")
        missed = self.miss.sketch(on.scaled(looked, 1 - ratio, "miss"), on)
        return on.merged([on.scaled(looked, ratio), missed])


@checked
def cached(
    hit_ratio: Value | Cache,
    *,
    lookup: Step,
    miss: Step,
    popularity: Popularity | None = None,
    name: str | None = None,
) -> Step:
    """Look something up in a cache, and on a miss do another step.

    Parameters
    ----------
    hit_ratio : number, array or Cache
        Share of the look-ups that the cache answers; or the cache, which gives it. [-]
    lookup : Step
        What every request does. [-]
    miss : Step
        What a miss does, after the look-up. [-]
    popularity : Popularity, optional
        With a cache: which share of the look-ups asks for each object. [-]
    name : str, optional
        Name under which `Pipeline.replace` finds the hit ratio, or the parameters of
        cache and popularity; by default that of the station that is looked up in, or
        "cache". [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If `hit_ratio` is outside 0 to 1.
    ModelError
        If `lookup` or `miss` is not a step, or a cache comes without a popularity or a
        popularity without a cache.

    Examples
    --------
    >>> import qmodel as qm
    >>> cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=4))
    >>> p = qm.Pipeline(qm.cached(0.9, lookup=cache, miss=db))
    >>> float(p.max_rate), p.bottleneck
    (4000.0, 'db')
    >>> p.replace({"cache.hit_ratio": np.array([0.5, 0.9, 0.99])}).max_rate
    array([ 800., 4000., 5000.])

    How big must it be?

    >>> pages = qm.caches.Zipf(10**6, exponent=0.9)
    >>> store = qm.cached(qm.caches.LRU(10**4), popularity=pages, lookup=cache, miss=db)
    >>> site = qm.Pipeline(store).replace({"cache.capacity": [10**3, 10**4, 10**5]})
    >>> r = site.solve(600.0)
    >>> r.caches["cache"].hit_ratio.round(3), r.stations["db"].utilization.round(2)
    (array([0.224, 0.395, 0.637]), array([1.16, 0.91, 0.54]))
    """
    checked_step("lookup", lookup)
    if name is None:
        name = lookup.name if isinstance(lookup, Call) else "cache"
    if isinstance(hit_ratio, Cache):
        what = _check.instance("popularity", popularity, Popularity)
        miss = checked_step("miss", miss)
        return Cached(checked_name(name), lookup, miss, None, policy=hit_ratio, popularity=what)
    if popularity is not None:
        raise ModelError("popularity needs a cache: the first argument is a hit ratio")
    if hit_ratio is None:
        _check.share("hit_ratio", hit_ratio)
    return Cached(checked_name(name), lookup, checked_step("miss", miss), hit_ratio)
