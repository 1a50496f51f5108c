"""One visit to a station."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qmodel import _check
from qmodel._checked import checked
from qmodel.distributions import Deterministic, Distribution, Repeated, Sum
from qmodel.errors import ModelError
from qmodel.pipeline.steps.base import Outcome, Step, again, checked_name
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.queues.waits.repeated_visits import mean_of_visits

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved
    from qmodel.queues.approximations.dispersion import Dispersion
    from qmodel.queues.approximations.waits_in_a_row import Wait

__all__ = ["Call", "call"]


@dataclass(frozen=True, slots=True, eq=False)
class Call(Step):
    """One visit to a station."""

    name: str
    station: Station
    service: Distribution | None = None
    priority: int | None = None
    word = "station"

    @property
    def loses(self) -> bool:
        return self.station.loses

    @property
    def meets(self) -> str:
        return self.name

    @property
    def queues(self) -> bool:
        """Whether requests may wait for each other at the station."""
        return not isinstance(self.station, Delay)

    @property
    def work(self) -> Distribution:
        """The service time of this call."""
        return self.station.service if self.service is None else self.service

    def serving(self, service: Distribution) -> Call:
        """Return a call to the same station with another service time."""
        return replace(self, service=service)

    def owned(self) -> Iterator[tuple[str, Any]]:
        yield self.name, self.station
        if self.service is not None:
            yield self.name, self.service

    def flow(self, share: Any, at: Flows) -> Any:
        return at.call(self, share)

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        return self.visits(at, (self,), times)

    def visits(self, at: Solved, same: tuple[Call, ...], times: Any = 1) -> Outcome:
        """Return the outcome of all calls that a request makes to the station on its path."""
        result, stream = at.stream(self)
        accepted = (1, 0, 0)
        if self.station.loses:
            accepted = (result.accepted, result.loss, result.abandonment)
        once = isinstance(times, int) and times == 1
        served = self.station.loses and same[0].service is None
        if once and len(same) == 1:
            return Outcome(*accepted, result.served_response if served else stream.response)
        works = tuple(call.work for call in same)
        work = works[0] if len(works) == 1 else Sum(works)
        work = work if once else Repeated(work, times)
        visits = len(same) * times
        lost = again(Outcome(*accepted, work), visits)
        # The waits of one request are those of its stream, and of those that are served.
        wait = result.served_wait if self.station.loses else stream.wait or result.wait
        own = result
        if wait is not None:
            pause = at.pause_of(stream.response_time, len(same))
            own = replace(result, wait=mean_of_visits(result, wait, visits, pause))
        return lost._replace(time=result.station.distribution_of_response(own, work, visits))

    def waits(self, at: Solved) -> tuple[tuple[Wait, Distribution], ...]:
        wait = at.wait(self)
        return () if wait is None else ((wait, self.work),)

    def answered(self, reading: Answering) -> Any:
        return reading.unit(self.name)

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        return at.through(self, arriving)

    def passage(self, behind: set[Any], trace: Trace) -> set[Any]:
        if self.queues:
            trace.arrive(self.name, behind)
            return {(self.name,)}
        constant = isinstance(self.work, Deterministic)
        return {
            state and ((*state, self.name) if constant else (*state, trace.RANDOM_DELAY))
            for state in behind
        }

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        return on.station(self, ends)


@checked
def call(
    name: str,
    station: Station,
    service: Distribution | None = None,
    *,
    priority: int | None = None,
) -> Call:
    """Visit a station once.

    Parameters
    ----------
    name : str
        Name of the station; all calls of one name share one station. [-]
    station : Station
        The station. [-]
    service : Distribution, optional
        Service time of this call; by default the station's own. [-]
    priority : int, optional
        At a station with priorities, the class of this call: 0 is served first. By default
        that of the kind of request, in the order of the kinds. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If `priority` is no whole number >= 0.
    ModelError
        If `name` is no text or has a dot, `station` or `service` are something else, or
        the station is not one that a path can call.

    Examples
    --------
    >>> import qmodel as qm
    >>> db = qm.MMc(0.004, servers=8)
    >>> path = qm.series(qm.call("db", db), qm.call("db", db, service=qm.Exponential(0.01)))
    >>> float(qm.Pipeline(path).solve(100.0).visits["db"])
    2.0
    """
    if service is not None:
        _check.instance("service", service, Distribution)
    _check.instance("station", station, Station)
    if station.not_in_paths and not station.users_only:
        kind = type(station).__name__
        raise ModelError(f"a path cannot call {kind} {name!r}: {station.not_in_paths}")
    if priority is not None:
        priority = _check.one_count("priority", priority, least=0)
    return Call(checked_name(name), station, service, priority)
