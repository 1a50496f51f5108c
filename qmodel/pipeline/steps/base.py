"""A step of a path: what every kind of step says of itself, in five readings.

A path is a tree of steps, and each kind of step is one file with one class. It says

* where requests *flow* (`Step.flow`): which share of them comes to each station, and which
  share goes on;
* how long they take (`Step.outcome`): the distribution of the time, given the solved
  stations, and the shares that are rejected or give up on the way;
* whether they are *answered* (`Step.answered`), given which stations are up;
* what must hold for the numbers to be exact (`Step.departures`, `Step.passage` and
  `Step.grounds`);
* how it is *drawn* (`Step.sketch`).

Its numbers are fields declared by `qmodel._fields.parameter`. The base class has the reading
of steps done one after the other, which a new kind of step overrides where it differs.

In three places what becomes of a request depends on the load. A *station* may lose them; what a
step makes of them may follow from the *flow* into it (`settled_by = "flow"`: a limit, a
modelled cache), or from the *times* behind it (`settled_by = "times"`: a hedge). The plan of
the pipeline settles these shares, and both of the first readings ask for them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from qmodel._fields import Model, described
from qmodel.basis import Assumption
from qmodel.distributions import ZERO, Distribution, Repeated, Sum
from qmodel.distributions.algebra import measure
from qmodel.errors import ModelError

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved
    from qmodel.queues.approximations.dispersion import Dispersion
    from qmodel.queues.approximations.waits_in_a_row import Wait

__all__ = ["Grounds", "Outcome", "Step", "again", "checked_name", "checked_step", "choice"]


class Outcome(NamedTuple):
    """What becomes of the requests that come to a step.

    Parameters
    ----------
    accepted : number or array
        Share that goes on. [-]
    rejected : number or array
        Share that a limit or a full station turns away. [-]
    abandoned : number or array
        Share that gives up waiting. [-]
    time : Distribution
        Distribution of the time of those that go on. [-]
    """

    accepted: Any
    rejected: Any
    abandoned: Any
    time: Distribution


class Grounds(NamedTuple):
    """What a step adds to the grounds of a pipeline's numbers, beside those of its stations."""

    flow: tuple[Assumption, ...] = ()
    mean: tuple[Assumption, ...] = ()
    percentiles: tuple[Assumption, ...] = ()


class Step(Model, ABC):
    """A part of a request's path.

    A kind of step is a frozen dataclass derived from this class; its fields that are steps,
    or tuples of steps, are its children.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        name: str
        """Under which its parameters are known; "" for the default, its `word`."""

    word: ClassVar[str] = "step"
    """What it is called in messages, and by default in the names of its parameters."""

    settled_by: ClassVar[str] = ""
    """What settles the share that the load decides: "flow", "times", or nothing."""

    at_once: ClassVar[bool] = False
    """Whether one request may do several things in it at the same time."""

    @property
    def settles_down(self) -> bool:
        """Whether more failures may bring less load, as with a breaker that opens."""
        return False

    @property
    def holds_out(self) -> bool:
        """Whether it bounds the load that failures bring, as a budget of retries does."""
        return self.settles_down

    by_rate: bool = False
    """Whether what flows out of it depends on the rate into it, though nothing is settled."""

    repeats: ClassVar[bool] = False
    """Whether a request may do what is inside several times."""

    guards: ClassVar[bool] = False
    """Whether what it lets in depends on what fails inside."""

    def __post_init__(self) -> None:
        for child in self.children:
            checked_step("a part of a step", child)

    @property
    def children(self) -> tuple[Step, ...]:
        """The steps inside this one."""
        found: list[Step] = []
        own: Any = type(self)
        for name in _names(own):
            value = getattr(self, name)
            kind: Any = type(value)
            if _is_step(kind):
                found.append(value)
            elif kind is tuple:
                found.extend(v for v in value if isinstance(v, Step))
        return tuple(found)

    @property
    def in_sequence(self) -> tuple[Step, ...]:
        """The steps inside that one request does one after the other."""
        return ()

    @property
    def loses(self) -> bool:
        """Whether fewer requests may leave this step itself than come."""
        return False

    spaces = False
    """Whether it lets requests go at a pace of its own."""

    @property
    def together(self) -> bool:
        """Whether it sends a request to one station several times at once."""
        return False

    @property
    def reorders(self) -> bool:
        """Whether requests may come out of what is inside in another order."""
        return False

    def walk(self) -> Iterator[Step]:
        """Yield this step and all inside it."""
        ahead: list[Step] = [self]
        while ahead:
            step = ahead.pop()
            yield step
            ahead.extend(reversed(step.children))

    @property
    def key(self) -> tuple[str, str | int]:
        """What its settled share is found by: a cache may be called as its station is."""
        return self.word, self.name or id(self)

    # Its parameters.

    def owned(self) -> Iterator[tuple[str, Any]]:
        """Yield what has parameters in this step itself, each with the name it goes by."""
        if described(self):
            yield self.name, self

    # What depends on the load.

    def settled(self, flow: Any, scv: Any = 1.0) -> Any:
        """Return the share that the step makes of a `flow` into it [1/s], so variable."""
        raise NotImplementedError(f"a {self.word} is not settled by its flow")

    def settled_in(self, at: Solved) -> Any:
        """Return the share that follows from the times behind the step."""
        raise NotImplementedError(f"a {self.word} is not settled by times")

    @property
    def worst(self) -> Any:
        """The share that brings the most load to the stations."""
        return 1.0

    # The five readings.

    @abstractmethod
    def flow(self, share: Any, at: Flows) -> Any:
        """Note where a share of the requests flows, and return the share that goes on.

        Parameters
        ----------
        share : number or array
            Share of all requests that comes here. [-]
        at : Flows
            Takes note of the calls, `at.call`, and knows the shares that the load decides,
            `at.settled`. [-]

        Returns
        -------
        number or array
            The share that goes on; the same object where none is lost.
        """

    @abstractmethod
    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        """Return what becomes of requests, and how long they take, `times` in a row.

        Parameters
        ----------
        at : Solved
            The solved stations, and the shares that the load decides. [-]
        times : int or integer array, default 1
            How often one request does the step, one after the other. [-]

        Returns
        -------
        Outcome
            Shares, and the distribution of the time.
        """

    @property
    def meets(self) -> str:
        """The queue that several such steps on one path find the same; "" for none."""
        return ""

    def visits(self, at: Solved, same: tuple[Any, ...], times: Any = 1) -> Outcome:
        """Return the outcome of all steps of a path that meet the `same` queue."""
        return one_after_the_other(step.outcome(at, times) for step in same)

    def waits(self, at: Solved) -> tuple[tuple[Wait, Distribution], ...]:
        """Return the wait of its one visit to a station, and the work there, if it has them."""
        return ()

    def answered(self, reading: Answering) -> Any:
        """Return the share of the requests that is answered; by default all parts must be."""
        return prod(reading.of(child) for child in self.children)

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        """Return how variable the stream is that leaves, given the one that comes."""
        left = [child.departures(arriving, at) for child in self.children]
        return next((stream for stream in left if stream), arriving)

    def passage(self, behind: set[Any], trace: Trace) -> set[Any]:
        """Return which queues a request may have left last, given those before the step."""
        found = set(behind)
        for child in self.children:
            found |= child.passage(set(behind), trace)
        return found

    def grounds(self, trace: Trace) -> Grounds:
        """Return what the numbers of a pipeline rest on because of this step."""
        return Grounds()

    @property
    def caption(self) -> str:
        """What is written on the way into it, such as "3 attempts"."""
        return ""

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        """Draw the step behind the ends that are open, and return those that it leaves open."""
        if len(self.children) == 1:
            return on.around(self, ends)
        for child in self.children:
            ends = child.sketch(ends, on)
        return ends


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


@cache
def _is_step(kind: Any) -> bool:
    return issubclass(kind, Step)


def checked_step(name: str, x: Any) -> Step:
    """Return `x`, refusing what is not a step."""
    if not isinstance(x, Step):
        raise ModelError(f"{name} must be a Step, got {x!r}")
    return x


def checked_name(x: Any) -> str:
    """Return `x`, refusing what cannot be a name."""
    if not isinstance(x, str) or not x or "." in x:
        raise ModelError(f"name must be text without a dot, got {x!r}")
    return x


def again(outcome: Outcome, times: Any) -> Outcome:
    """Return the outcome of a step done `times` in a row, each independently."""
    if isinstance(times, int) and times == 1:
        return outcome
    time = outcome.time if outcome.time is ZERO else Repeated(outcome.time, times)
    if not lossy(outcome):
        return Outcome(1, 0, 0, time)
    through = outcome.accepted**times
    lost = np.asarray(outcome.rejected + outcome.abandoned)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The first attempt that fails ends it: a geometric sum.
        met = np.where(lost > 0, (1 - through) / np.where(lost > 0, lost, 1.0), 0.0)[()]
    return Outcome(through, outcome.rejected * met, outcome.abandoned * met, time)


def lossy(outcome: Outcome) -> bool:
    """Return whether any request may be lost; numbers that are all through are plain."""
    shares = outcome[:3]
    return not all(isinstance(x, int) for x in shares) or shares != (1, 0, 0)


def one_after_the_other(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of steps that are all done; who is lost does not come to the next."""
    outcomes = list(outcomes)
    times: tuple[Distribution, ...] = ()
    for o in outcomes:  # A sum in a sum is one, so that deep paths make no deep distributions.
        times += (
            o.time.distributions
            if isinstance(o.time, Sum)
            else (o.time,) * (o.time is not ZERO)
        )
    accepted: Any = 1
    rejected: Any = 0
    abandoned: Any = 0
    for o in outcomes:
        if lossy(o):
            rejected = rejected + accepted * o.rejected
            abandoned = abandoned + accepted * o.abandoned
            accepted = accepted * o.accepted
    return Outcome(accepted, rejected, abandoned, times[0] if len(times) == 1 else Sum(times))


def choice(probabilities: Iterable[Any], outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of a choice; the time is that of the requests that go on."""
    weights, outcomes = tuple(probabilities), list(outcomes)
    times = tuple(o.time for o in outcomes)
    if not any(lossy(o) for o in outcomes):
        return Outcome(1, 0, 0, measure(weights, times))
    accepted, rejected, abandoned = (
        sum(p * o[i] for p, o in zip(weights, outcomes, strict=True)) for i in range(3)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where nobody goes on there is no time of those who do.
        through = tuple(
            p * o.accepted / accepted for p, o in zip(weights, outcomes, strict=True)
        )
    return Outcome(accepted, rejected, abandoned, measure(through, times))
