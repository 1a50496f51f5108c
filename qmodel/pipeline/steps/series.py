"""Steps one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.distributions import Sum
from qmodel.pipeline.steps.base import Outcome, Step, checked_step, one_after_the_other

if TYPE_CHECKING:
    from qmodel.distributions import Distribution
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved
    from qmodel.queues.approximations.dispersion import Dispersion
    from qmodel.queues.approximations.waits_in_a_row import Wait

__all__ = ["Series", "series"]


@dataclass(frozen=True, slots=True, eq=False)
class Series(Step):
    """Steps one after the other."""

    steps: tuple[Step, ...]
    name: str = ""
    word = "series"

    @property
    def in_sequence(self) -> tuple[Step, ...]:
        return self.steps

    def _flat(self) -> Iterator[Step]:
        for step in self.steps:
            yield from step._flat() if isinstance(step, Series) else (step,)

    def flow(self, share: Any, at: Flows) -> Any:
        for step in self.steps:
            share = step.flow(share, at)
        return share

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        flat = tuple(self._flat())
        once = isinstance(times, int) and times == 1
        visits: dict[str, list[int]] = {}
        for place, step in enumerate(flat):
            if step.meets:
                visits.setdefault(step.meets, []).append(place)
        in_a_row = once and len(visits) > 1
        outcomes: list[Outcome] = []
        waits: dict[int, tuple[Wait, Distribution]] = {}
        for step in flat:
            if not step.meets:
                outcomes.append(step.outcome(at, times))
            # Visits to one station find the same queue: they are taken together, at once.
            elif places := visits.pop(step.meets, None):
                here = at
                if len(places) > 1 and at.round is None:
                    # The mean time from one visit to a station to the next.
                    row = flat[places[0] : places[-1]]
                    others = (at.time_of(o) for o in row if o.meets != step.meets)
                    here = at.again_after(sum(others) / (len(places) - 1))
                elif len(places) == 1 and in_a_row:
                    waits |= {len(outcomes): found for found in step.waits(at)}
                outcomes.append(step.visits(here, tuple(flat[i] for i in places), times))
        if len(waits) > 1:
            # What a request waits at one station depends on what it waited before.
            varied = at.in_a_row([wait for wait, _ in waits.values()])
            for (place, (wait, work)), time in zip(waits.items(), varied, strict=True):
                if time is not wait.time:
                    outcomes[place] = outcomes[place]._replace(time=Sum((time, work)))
        return one_after_the_other(outcomes)

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        for step in self.steps:
            arriving = step.departures(arriving, at)
        return arriving

    def passage(self, behind: set[Any], trace: Trace) -> set[Any]:
        for step in self.steps:
            behind = step.passage(behind, trace)
        return behind

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        for step in self.steps:
            ends = step.sketch(ends, on)
        return ends


@checked
def series(*steps: Step, name: str = "") -> Step:
    """Do steps one after the other.

    Parameters
    ----------
    *steps : Step
        The steps, in order. [-]
    name : str, optional
        What the series is called where it is one of several choices. [-]

    Returns
    -------
    Step
        The step; of one step alone that step itself.

    Raises
    ------
    ModelError
        If an argument is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> path = qm.series(qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02)))
    >>> float(qm.Pipeline(path).solve(20.0).latency.mean)
    0.0458
    """
    flat: list[Step] = []
    for step in steps:
        if isinstance(step, Series) and not step.name:
            flat.extend(step.steps)
        else:
            flat.append(checked_step("steps", step))
    return flat[0] if len(flat) == 1 and not name else Series(tuple(flat), name)
