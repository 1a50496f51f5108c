"""A pipeline: stations, the paths that requests take through them, and its steady state.

``Pipeline(path)`` has one kind of request; ``Pipeline({"browse": (0.8, path), "buy": (0.2,
path)})`` has a mix, with results for each kind and for the mix. Solving adds up what all paths
bring to each station, solves the stations, and composes their distributions along the paths.
Parameters may be arrays anywhere: they broadcast, and every scenario is solved at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError, ModelError
from qmodel.loads import Closed, Load, Poisson, Profile, poisson_rate
from qmodel.pipeline.parameters import changed, check_names, parameters, swapped
from qmodel.pipeline.plan import Plan
from qmodel.pipeline.result import PipelineResult
from qmodel.pipeline.shares import kinds_of_requests, rescaled
from qmodel.pipeline.steps.base import Step, checked_step
from qmodel.queues.base import Station

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline.drawing import Drawing
    from qmodel.pipeline.over_time import PipelineOverTime
    from qmodel.transients.autoscaler import Autoscaler
    from qmodel.transients.emptied import Emptied
    from qmodel.transients.schedule import Schedule

__all__ = ["Pipeline"]

Number = float | int | Sequence[Any] | np.ndarray[Any, Any] | np.generic
"""What a load may be as a plain number; SymPy's have no types."""


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Pipeline:
    """Stations and the paths that requests take through them.

    Parameters
    ----------
    path : Step or mapping of str to (number or array, Step)
        The path of every request; or for each kind of request its share and its path, the
        shares summing to 1. [-]
    urgent : iterable of str, optional
        The kinds in the order in which stations with priorities serve them, most urgent
        first; by default as they are given. [-]
    measured : Region, optional
        Loads, utilization and kinds that the model was held against, as of `calibrate_site`
        (`qmodel.planning.Region`): questions beyond are answered with a warning. [-]

    Raises
    ------
    DomainError
        If the shares do not sum to 1.
    ModelError
        If two different stations have one name, or something is not a step; if `urgent` are
        not the kinds, or `measured` is no region.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.MMc(0.010, servers=4), qm.MMc(0.004, servers=2)
    >>> browse = qm.call("web", web)
    >>> buy = qm.series(browse, qm.repeat(2, qm.call("db", db)))
    >>> shop = Pipeline({"browse": (0.8, browse), "buy": (0.2, buy)})
    >>> print(shop.solve(300.0))
    at 300/s: mean 16.8 ms, p99 63 ms (approximate); web saturates first, at 400/s
    >>> float(shop.replace({"buy.share": 0.5}).solve(300.0).visits["db"])
    1.0
    """

    kinds: Mapping[str, tuple[Value, Step]]
    urgent: tuple[str, ...]
    measured: Any
    plan: Plan = field(repr=False)

    def __init__(
        self,
        path: Step | Mapping[str, tuple[Value, Step]],
        *,
        urgent: Iterable[str] | None = None,
        measured: Any = None,
    ) -> None:
        kinds = {"all": (1, path)} if isinstance(path, Step) else kinds_of_requests(path)
        shares = _check.weights("shares of the kinds", [share for share, _ in kinds.values()])
        checked = {
            kind: (share, checked_step(f"the path of {kind!r}", step))
            for (kind, (_, step)), share in zip(kinds.items(), shares, strict=True)
        }
        if measured is not None and (
            isinstance(measured, type) or not hasattr(measured, "doubts")
        ):
            raise ModelError(f"measured must be a Region, got {_check.short(measured)}")
        order = tuple(checked) if urgent is None else _check.several("urgent", urgent)
        if sorted(map(str, order)) != sorted(checked):
            raise ModelError(f"urgent must be the kinds {', '.join(checked)}, got {urgent!r}")
        object.__setattr__(self, "kinds", checked)
        object.__setattr__(self, "urgent", order)
        object.__setattr__(self, "measured", measured)
        object.__setattr__(self, "plan", Plan(checked, order))
        arrays = {n: x for n, x in self.parameters().items() if np.ndim(x)}
        if len(arrays) > 1:
            _check.broadcast(**arrays)

    def __repr__(self) -> str:
        kinds = "" if len(self.kinds) == 1 else f"{', '.join(self.kinds)} through "
        return f"<Pipeline: {kinds}{', '.join(self.stations) or 'nothing'}>"

    def _repr_html_(self) -> str:
        from html import escape

        try:
            return self.draw()._repr_html_()
        except ModelError:  # Several scenarios have no drawing.
            return f"<pre>{escape(repr(self))}</pre>"

    def __getstate__(self) -> Any:
        return self.kinds, self.urgent, self.measured

    def __setstate__(self, state: Any) -> None:
        kinds, urgent, measured = state
        self.__init__(kinds, urgent=urgent, measured=measured)  # type: ignore[misc]

    @property
    def stations(self) -> Mapping[str, Station]:
        """The stations, by name."""
        return self.plan.stations

    @property
    def visits(self) -> dict[str, Value]:
        """Mean visits of one request to each station, the most at any load. [-]."""
        return self.plan.visits

    @property
    def max_rate(self) -> Value:
        """Greatest arrival rate with a steady state: there the first station saturates. [1/s].

        ``inf`` where nothing does. With hedges it is the greatest load at which the healthy
        state exists, which above `hidden_capacity` is not the only one.
        """
        return self.plan.max_rate

    @property
    def fold(self) -> Value:
        """Arrival rate at which the healthy state ends. [1/s].

        It is `max_rate` where clients who time out and try again bring the load that no
        station can serve; with a budget, a bounded queue or a breaker there are steady states
        beyond it, in which many requests fail. ``inf`` where more load only ever makes a few
        more fail, and nothing saturates.
        """
        found = self.plan.folds
        return self.plan.max_rate if found is None else found[0]

    @property
    def hidden_capacity(self) -> Value:
        """Arrival rate below which the pipeline comes back from any backlog. [1/s].

        It is less than `max_rate` where requests are copied because others are late: above it
        a backlog that makes all of them late can keep itself alive (Bronson et al. 2021).
        """
        found = self.plan.folds
        return self.plan.hidden[0] if found is None else found[1]

    @property
    def bottleneck(self) -> Any:
        """The station that saturates first, or ""."""
        name = self.plan.hidden[1]
        if name is None:
            raise ModelError("which station saturates first is open in a symbolic pipeline")
        return name

    @overload
    def solve(self, arrival_rate: Number | Poisson) -> PipelineResult: ...
    @overload
    def solve(self, arrival_rate: Closed) -> ClosedResult: ...
    @overload
    def solve(self, arrival_rate: Profile) -> PipelineOverTime: ...
    @checked
    def solve(
        self, arrival_rate: Value | Load
    ) -> PipelineResult | ClosedResult | PipelineOverTime:
        """Return the steady state at a load.

        Parameters
        ----------
        arrival_rate : number, array or Load
            Requests a second, all kinds together, >= 0, or a `qmodel.Poisson` load, which
            is the same; `qmodel.Closed`, users who wait for their answers; or
            `qmodel.Profile`, a rate that changes in time. [1/s]

        Returns
        -------
        PipelineResult, ClosedResult or PipelineOverTime
            Latency, stations, capacity and their basis; ``inf`` in cells of overload. [-]

        Raises
        ------
        DomainError
            If `arrival_rate` is negative, or not finite beside symbols.
        ModelError
            If this pipeline cannot take a load of this kind.

        Examples
        --------
        >>> import qmodel as qm
        >>> web, db = qm.call("web", qm.MMc(0.02, 2)), qm.call("db", qm.MMc(0.008))
        >>> site = Pipeline(qm.series(web, qm.repeat(3, db)))
        >>> print(site.solve(30.0))
        at 30/s: mean 108 ms, p99 387 ms (approximate); db saturates first, at 41.7/s
        >>> r = site.solve(qm.Closed(users=200, think_time=5.0))
        >>> float(r.throughput), float(r.response_time)
        (38.1878, 0.2373)
        """
        if isinstance(arrival_rate, Closed):
            from qmodel.pipeline.closed_load import closed_state

            return closed_state(self.plan, arrival_rate)
        if isinstance(arrival_rate, Profile):
            return self.plan.over_time(arrival_rate)
        rate = poisson_rate(arrival_rate, "a pipeline")
        unknown = not is_symbolic(rate) and not np.all(np.isfinite(rate))
        if unknown and is_symbolic(*self.parameters().values()):
            raise DomainError(f"arrival_rate must be known where symbols are, got {rate}")
        self.plan.check_open()
        return PipelineResult.of(self, Poisson(rate))

    @checked
    def over_time(
        self,
        load: Profile,
        *,
        times: Any = None,
        servers: Mapping[str, Schedule | Autoscaler] | Schedule | Autoscaler | None = None,
        start: Mapping[str, int] | int | PipelineOverTime | None = None,
        emptied: Mapping[str, Emptied | float] | None = None,
    ) -> PipelineOverTime:
        """Return the pipeline under a load that changes in time.

        Parameters
        ----------
        load : Profile
            What comes; `qmodel.transients` has crowds, ramps and days. [1/s]
        times : array, optional
            Increasing times at which to look, be it after the load began; by default 300 of
            them, and the corners of the load. [s]
        servers : mapping of str to Schedule or Autoscaler, optional
            By station, how the number of its servers changes; one without a mapping is for
            all stations. [-]
        start : mapping of str to int, int, or PipelineOverTime, optional
            By station, requests that are there at the first of the `times`, or an earlier
            part of the way, from the end of which it goes on; by default the load begins in
            the steady state of its first rate, or with none where there is no such state. [-]
        emptied : mapping of str to Emptied or float, optional
            By cache, when it loses all that it has, and fills again. [s]

        Returns
        -------
        PipelineOverTime
            Latency, losses, backlogs and stations over time. [-]

        Raises
        ------
        DomainError
            If times do not increase, or a parameter is an array.
        ModelError
            If a name is no station or cache, or a station has no solution over time.

        Examples
        --------
        >>> import qmodel as qm
        >>> web, db = qm.MMc(0.02, servers=24), qm.MMc(0.005, servers=4)
        >>> site = qm.Pipeline(qm.series(qm.call("web", web), qm.call("db", db)))
        >>> crowd = qm.transients.pulse(20_000, 60.0, base=300.0)
        >>> print(site.over_time(crowd))
        peak of 821/s after 90 s: db is saturated from 88 s to 97 s; backlog up to 185, p99 at
        ...
        """
        from qmodel.pipeline.refill import refilled

        model, refills = refilled(self, emptied)
        return model.plan.over_time(load, refills, times=times, servers=servers, start=start)

    @checked
    def draw(self, arrival_rate: float = 0.0) -> Drawing:
        """Return a map of the stations and of the flows between them.

        Parameters
        ----------
        arrival_rate : float, default 0
            The load; without one the flows are those of one request. [1/s]

        Returns
        -------
        Drawing
            The map: a notebook shows it, ``svg()`` and ``mermaid()`` give it as text. [-]

        Raises
        ------
        DomainError
            If `arrival_rate` is negative.
        ModelError
            If the pipeline has arrays or symbols.

        Examples
        --------
        >>> import qmodel as qm
        >>> print(Pipeline(qm.repeat(3, qm.call("db", qm.MMc(0.004, 8)))).draw(100.0).mermaid())
        flowchart TD
            n0(["client<br/>100/s"])
            n1["db<br/>8 servers × 4 ms<br/>15 % busy"]
            n0 -->|"300/s, 3 times"| n1
        <BLANKLINE>
        """
        from qmodel.pipeline.drawing import Drawing
        from qmodel.pipeline.drawing.graph import Graph

        return Drawing(Graph(self.solve(arrival_rate)))

    # Parameters.

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that `replace` takes, with their values.

        Returns
        -------
        dict
            From names such as "database.servers", "cache.hit_ratio" or, of a kind of
            request, "buy.share" to values. [-]

        Examples
        --------
        >>> import qmodel as qm
        >>> Pipeline(qm.call("db", qm.MMc(0.004, servers=8))).parameters()
        {'db.service_time': 0.004, 'db.servers': 8}
        """
        return {**self._shares(), **self.plan.parameters}

    def _shares(self) -> dict[str, Any]:
        if len(self.kinds) == 1:
            return {}
        return {f"{kind}.share": share for kind, (share, _) in self.kinds.items()}

    @checked
    def replace(self, changes: Mapping[str, Value]) -> Pipeline:
        """Return the pipeline with other parameters; arrays broadcast.

        Parameters
        ----------
        changes : mapping of str to number or array
            From names as in `parameters` to new values. Of shares and probabilities that sum
            to 1, those that are not named keep their ratios. [-]

        Returns
        -------
        Pipeline
            The changed pipeline. [-]

        Raises
        ------
        DomainError
            If a value is outside its domain.
        ModelError
            If there is no such parameter; the message has the nearest one.

        Examples
        --------
        >>> import qmodel as qm
        >>> p = Pipeline(qm.call("db", qm.MMc(0.004, servers=8)))
        >>> float(p.replace({"db.servers": 12}).max_rate)
        3000.0
        """
        check_names(changes, self.parameters())
        shares = {name: value for name, value in changes.items() if name in self._shares()}
        kinds = rescaled("share", self._shares(), shares) if shares else None
        swap: dict[int, Any] = {}
        for owner, things in self.plan.owners.items():
            mine = {
                name.removeprefix(f"{owner}."): value
                for name, value in changes.items()
                if name.startswith(f"{owner}.") and name not in shares
            }
            for thing in things if mine else ():
                own = {n: v for n, v in mine.items() if n in parameters(thing)}
                if own:
                    swap[id(thing)] = changed(thing, own)
        return self._swapped(swap, kinds)

    @checked
    def swap(self, things: Mapping[int, Any]) -> Pipeline:
        """Return the pipeline with things exchanged, by their `id`: stations or steps."""
        return self._swapped(things, None)

    def _swapped(self, swap: Mapping[int, Any], shares: Any) -> Pipeline:
        done: dict[int, Step] = {}
        weights = shares or [share for share, _ in self.kinds.values()]
        return Pipeline(
            {
                kind: (share, swapped(root, swap, done))
                for share, (kind, (_, root)) in zip(weights, self.kinds.items(), strict=True)
            },
            urgent=self.urgent,
            measured=self.measured,
        )
