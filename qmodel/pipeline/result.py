"""The steady state of a pipeline, for the mix and for each kind of request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._frames import frame_of, joined
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import Assumption, Basis, union
from qmodel.caches.base import CacheResult
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.loads import Poisson
from qmodel.pipeline import exactness
from qmodel.pipeline.folds import served_late
from qmodel.pipeline.solved import Solved
from qmodel.pipeline.steps.base import Outcome, choice
from qmodel.pipeline.steps.cached import Cached
from qmodel.pipeline.steps.full_again import restated
from qmodel.pipeline.steps.retried import RetryResult
from qmodel.pipeline.steps.retry import Retry
from qmodel.queues.base import MEANS, StationResult
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline.fixed_points import FixedPoints
    from qmodel.pipeline.model import Pipeline

__all__ = ["KindResult", "PipelineResult"]


@dataclass(frozen=True, slots=True, eq=False)
class KindResult:
    """What one kind of request sees.

    Parameters
    ----------
    share : number or array
        Share of the requests that are of this kind. [-]
    accepted : number or array
        Share of them that gets through. [-]
    rejected : number or array
        Share of them that limits and full stations turn away. [-]
    abandoned : number or array
        Share of them that gives up waiting. [-]
    latency : Distribution
        Distribution of the time of those that get through. [-]
    arrival_rate : number or array
        Requests of all kinds that arrive. [1/s]
    goodput : number or array
        Requests of this kind that are served, below saturation. [1/s]
    """

    share: Value
    accepted: Value
    rejected: Value
    abandoned: Value
    latency: Distribution
    arrival_rate: Value
    goodput: Value


@dataclass(frozen=True, eq=False, repr=False)
class PipelineResult:
    """The steady state of a pipeline.

    What it is made of is computed when it is asked for: stations and latency, the labels, and
    the load at which it saturates.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline. [-]
    load : Poisson
        What arrives. [-]
    shares : mapping
        The shares of what depends on times, such as that which a hedge copies. [-]
    other : str, default ""
        Which steady state this is, if it is not the least. [-]
    """

    pipeline: Pipeline
    load: Poisson
    shares: Mapping[Any, Any] = field(default_factory=dict)
    other: str = ""

    @classmethod
    def of(cls, pipeline: Pipeline, load: Poisson) -> PipelineResult:
        """Solve a pipeline: return its healthy state where there is one, else the other."""
        plan = pipeline.plan
        late = any(plan.coupled[key].loses for key in plan.timed)
        if late and is_symbolic(load.rate, plan.hidden[0]):
            raise ModelError("what a timeout makes late has no symbolic form: put numbers in")
        result = cls(pipeline, load)
        shares, states = plan.least(result._rate)
        result = cls(pipeline, load, shares)
        if states is not None:
            result.__dict__["states"] = states  # What the cached property would find again.
        return result

    @cached_property
    def _rate(self) -> Any:
        """The load, a great finite one for an endless one of which a part is lost [1/s]."""
        plan, rate = self.pipeline.plan, self.load.rate
        if is_symbolic(rate) or not np.any(np.isinf(rate)):
            return rate
        if not any(plan.loses(root) for _, root in plan.kinds.values()):
            return rate
        work = [1.0, *(s.servers / s.service.mean for s in plan.stations.values())]
        finite = [np.where(np.isfinite(x), x, 1.0) for x in work]
        return np.where(np.isinf(rate), _ENDLESS * sum(finite), rate)[()]

    def _through(self, accepted: Value) -> Any:
        """Return the requests a second that get through, of which an endless load may be."""
        if is_symbolic(self.load.rate, accepted) or not np.any(np.isinf(self.load.rate)):
            return self.load.rate * accepted
        whole = np.isinf(self.load.rate) & (np.asarray(accepted) > _SOME)
        return np.where(whole, np.inf, self._rate * accepted)[()]

    @cached_property
    def states(self) -> FixedPoints | None:
        """All steady states, as shares, where there may be several."""
        return None if self.other else self.pipeline.plan.states(self._rate)

    @cached_property
    def state(self) -> Any:
        """Which steady state this is: "healthy", or "collapsed" where there is no other."""
        if self.other or not self.pipeline.plan.timed:
            return self.other or "healthy"
        lost = np.greater_equal(self.load.rate, self.pipeline.fold)
        state = np.where(lost, "collapsed", "healthy")
        return state if np.ndim(state) else str(state)

    @cached_property
    def solved(self) -> Solved:
        """The solved stations, and the shares that the load decides."""
        return self.pipeline.plan.solved(self._rate, self.shares)

    @property
    def arrival_rate(self) -> Value:
        """Requests a second that arrive. [1/s]."""
        return self.load.rate

    @cached_property
    def kinds(self) -> Mapping[str, KindResult]:
        """What each kind of request sees."""
        found = {}
        for kind, (share, root) in self.pipeline.kinds.items():
            outcome = root.outcome(self.solved.of_kind(kind))
            through = self._through(share * outcome.accepted)
            found[kind] = KindResult(share, *outcome, self.load.rate, through)
        return found

    @cached_property
    def _mix(self) -> Outcome:
        kinds = self.kinds.values()
        outcomes = [Outcome(k.accepted, k.rejected, k.abandoned, k.latency) for k in kinds]
        return outcomes[0] if len(outcomes) == 1 else choice((k.share for k in kinds), outcomes)

    @property
    def latency(self) -> Distribution:
        """Distribution of the time of a request that gets through."""
        return self._mix.time

    @property
    def accepted(self) -> Value:
        """Share of the requests that gets through. [-]."""
        return self._mix.accepted

    @property
    def rejected(self) -> Value:
        """Share of the requests that limits and full stations turn away. [-]."""
        return self._mix.rejected

    @property
    def abandoned(self) -> Value:
        """Share of the requests that gives up waiting. [-]."""
        return self._mix.abandoned

    @property
    def goodput(self) -> Value:
        """Requests a second that are served, at most those that the stations can. [1/s]."""
        through = self._through(self.accepted)
        if is_symbolic(through):
            return through
        # In overload, what the stations can do with these shares of copies and attempts.
        plan = self.pipeline.plan
        limit = (
            plan.saturation(self.shares, served_late(plan))[0] if self.shares else self.max_rate
        )
        with np.errstate(invalid="ignore"):
            # Of an endless load a share of nothing is not known, what is served is.
            served = np.fmin(through, limit * self.accepted)
        return np.where(np.isnan(self.arrival_rate), np.nan, served)[()]

    @cached_property
    def visits(self) -> Mapping[str, Value]:
        """Mean number of visits of one request to each station. [-]."""
        visits = self.solved.flows.attempts()
        return {name: namespace(count).asarray(count) for name, count in visits.items()}

    @property
    def max_rate(self) -> Value:
        """Greatest arrival rate with a steady state (`Pipeline.max_rate`). [1/s]."""
        return self.pipeline.max_rate

    @property
    def bottleneck(self) -> Any:
        """The station that saturates first; "" if none ever does."""
        name = self.pipeline.plan.hidden[1]
        return "" if name is None else name

    @property
    def hidden_capacity(self) -> Value:
        """Rate below which any backlog goes away (`Pipeline.hidden_capacity`). [1/s]."""
        return self.pipeline.hidden_capacity

    @property
    def headroom(self) -> Value:
        """Share by which the load can still grow; negative in overload. [-]."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self.max_rate / self.load.rate - 1

    @property
    def converged(self) -> Any:
        """Whether all that depends on itself was found to rounding."""
        flows = self.solved.flows.converged
        return flows if self.states is None else flows & np.asarray(self.states.converged)

    @cached_property
    def equilibria(self) -> Mapping[str, PipelineResult]:
        """All steady states by name: "healthy", "threshold" (unstable) and "collapsed".

        In cells that have no such state its numbers are NaN. A collapsed state may be an
        overload: a backlog that grows for ever.
        """
        if self.states is None or not np.any(self.states.several):
            return {str(np.ravel(self.state)[0]): self}
        others = {"threshold": self.states.threshold, "collapsed": self.states.greatest}
        return {"healthy": self} | {
            name: PipelineResult(self.pipeline, self.load, shares, name)
            for name, shares in others.items()
        }

    @cached_property
    def retries(self) -> Mapping[str, RetryResult]:
        """The attempts of each retry, by the name that its parameters have."""
        found = {}
        for name, things in self.pipeline.plan.owners.items():
            if isinstance(retry := things[0], Retry):
                kind = next(
                    k for k, (_, root) in self.pipeline.kinds.items() if retry in root.walk()
                )
                found[name] = retry.result(self.solved.of_kind(kind))
        return found

    @cached_property
    def caches(self) -> Mapping[str, CacheResult]:
        """The steady state of each cache that is modelled."""
        flows = self.solved.flows
        return {
            step.name: step.solve(self.load.rate * flows.inflow[key])
            for key, step in self.pipeline.plan.coupled.items()
            if isinstance(step, Cached)
        }

    @cached_property
    def _labelled(self) -> tuple[Basis, Mapping[str, StationResult]]:
        roots = [root for _, root in self.pipeline.kinds.values()]
        return exactness.labelled(
            roots, self.solved.as_found, self.solved.stations.arrivals, self.caches.values()
        )

    @property
    def basis(self) -> Basis:
        """How much "mean", "p99", "max_rate" can be trusted."""
        return self._labelled[0]

    @property
    def stations(self) -> Mapping[str, StationResult]:
        """The steady state of each station."""
        found = dict(self._labelled[1])
        for name, turn in self.solved.flows.tried.items():
            found[name] = restated(found[name], turn.more, "loss", "abandonment", accepted=None)
        return found

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())

    def to_frame(self) -> pd.DataFrame:
        """Return the stations, one row for each station and load point.

        Returns
        -------
        pandas.DataFrame
            ``attrs["units"]`` has the units; `time_per_request` adds up to the mean
            latency where nothing runs in parallel and nothing is lost. [-]

        Examples
        --------
        >>> import qmodel as qm
        >>> web, db = qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02))
        >>> frame = qm.Pipeline(qm.series(web, db)).solve(20.0).to_frame()
        >>> list(frame["station"]), float(frame["time_per_request"].sum())
        (['web', 'db'], 0.0458)
        """
        frames = []
        for name, result in self.stations.items():
            columns: dict[str, Any] = {"arrival_rate": self.arrival_rate}
            columns["visits"] = self.visits[name]
            columns |= {name: getattr(result, name) for name in (*MEANS, *_LOSSES)}
            weigh = namespace(columns["visits"], result.time_here).weigh
            columns["time_per_request"] = weigh(columns["visits"], result.time_here)
            frame = frame_of(columns, station=name)
            frame["basis"] = result.basis["response_time"]
            frames.append(frame)
        return joined(frames, time_per_request="s")

    def __str__(self) -> str:
        """Return the answer in one line, where there is one scenario."""
        rates = self.arrival_rate, self.max_rate, self.accepted
        if any(map(np.ndim, rates)) or is_symbolic(*rates):
            return f"PipelineResult of {', '.join(self.pipeline.stations)}"
        load = f"at {text(float(self.arrival_rate), '1/s')}"
        if self.arrival_rate >= self.max_rate:
            return (
                f"{load} the pipeline is overloaded: {self.bottleneck} saturates at "
                f"{text(float(self.max_rate), '1/s')}"
            )
        p99 = text(float(self.latency.quantile(0.99)), "s")
        mean = text(float(self.latency.mean), "s")
        return (
            f"{load}: {self._lost()}mean {mean}, p99 {p99} ({self.basis['p99']}); "
            f"{self._limit()}{self._other_state()}"
        )

    def _lost(self) -> str:
        """Return what is lost, as the answer must not hide it."""
        lost = [
            f"{text(float(share), '%') if share > _FEW else 'under 0.001 %'} {what}"
            for what, share in (("rejected", self.rejected), ("abandoned", self.abandoned))
            if share > 0
        ]
        if not lost:
            return ""
        return f"{', '.join(lost)}, goodput {text(float(self.goodput), '1/s')}; of the rest "

    def _limit(self) -> str:
        if not self.bottleneck:
            return "nothing saturates"
        return f"{self.bottleneck} saturates first, at {text(float(self.max_rate), '1/s')}"

    def _other_state(self) -> str:
        """Return what other steady state there is, in words."""
        other = self.equilibria.get("collapsed")
        if other is None or other is self:
            return ""
        goodput = text(float(other.goodput), "1/s")
        return (
            f"; also a collapsed state with a goodput of {goodput}, from which it comes back "
            f"only below {text(float(self.hidden_capacity), '1/s')}"
        )

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"


_ENDLESS = 1e6
"""An endless load of which a part is lost is so many times what all servers do."""

_SOME = 1e-3
"""A share that no station lets through of it: it is of requests that none loses."""

_FEW = 1e-5
"""A share of the requests that is not worth its digits in a sentence."""

_LOSSES = ("rejected", "abandoned", "goodput")
