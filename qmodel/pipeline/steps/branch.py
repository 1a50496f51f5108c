"""One of several steps, by probability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.pipeline.shares import labels, rescaled
from qmodel.pipeline.steps.base import Outcome, Step, again, checked_step, choice
from qmodel.queues.approximations.dispersion import Dispersion, mixed

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["Branch", "branch"]


@dataclass(frozen=True, slots=True, eq=False)
class Branch(Step):
    """One of several steps, by probability."""

    probabilities: tuple[Value, ...]
    steps: tuple[Step, ...]
    name: str = ""
    word = "branch"

    def owned(self) -> Iterator[tuple[str, Any]]:
        if len(self.steps) > 1:
            yield self.name, self

    def _labels(self) -> list[str]:
        return labels([step.name or step.word for step in self.steps])

    def parameters(self) -> dict[str, Any]:
        """Return the probability of each choice, by the name of its step."""
        names = (f"{label}.probability" for label in self._labels())
        return dict(zip(names, self.probabilities, strict=True))

    def changed(self, changes: Mapping[str, Any]) -> Branch:
        """Return the branch with other probabilities; those not named keep their ratios."""
        return replace(self, probabilities=rescaled("probability", self.parameters(), changes))

    def recipe(self) -> dict[str, Any]:
        """Return the arguments of `branch` that make the same."""
        choices = tuple(zip(self.probabilities, self.steps, strict=True))
        return {"choices": choices, "name": self.name}

    def flow(self, share: Any, at: Flows) -> Any:
        comes = [share * p for p in self.probabilities]
        goes = [step.flow(x, at) for step, x in zip(self.steps, comes, strict=True)]
        # Where nothing is lost all go on: no rounding, and no sum of p's on symbols.
        lossless = all(a is b for a, b in zip(comes, goes, strict=True))
        return share if lossless else sum(goes)

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        return again(choice(self.probabilities, [s.outcome(at) for s in self.steps]), times)

    def answered(self, reading: Answering) -> Any:
        shares = (reading.of(step) for step in self.steps)
        return sum(p * x for p, x in zip(self.probabilities, shares, strict=True))

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        parts = []
        for share, step in zip(self.probabilities, self.steps, strict=True):
            chosen = arriving.thinned(share)
            left = step.departures(chosen, at)
            parts.append((share, arriving if left is chosen else left))
        return mixed(parts)

    def passage(self, behind: set[Any], trace: Trace) -> set[Any]:
        return set().union(*(step.passage(set(behind), trace) for step in self.steps))

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        comes = zip(self.steps, self.probabilities, strict=True)
        return on.merged(step.sketch(on.scaled(ends, p), on) for step, p in comes)


@checked
def branch(*choices: tuple[Value, Step], name: str = "") -> Step:
    """Do one of several steps, by probability.

    Parameters
    ----------
    *choices : tuple of number or array, and Step
        Probability and step of each; the probabilities sum to 1, with `nothing` for those
        that do nothing. [-]
    name : str, optional
        Name of the branch, for `Pipeline.replace`: the probability of the step "disk" is the
        parameter "<name>.disk.probability". [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If a probability is outside 0 to 1, or they do not sum to 1.
    ModelError
        If a choice is not a pair of probability and step.

    Examples
    --------
    >>> import qmodel as qm
    >>> disk = qm.call("disk", qm.MMc(0.01))
    >>> path = qm.branch((0.2, disk), (0.8, qm.nothing()), name="read")
    >>> p = qm.Pipeline(path)
    >>> float(p.max_rate), float(p.replace({"read.disk.probability": 0.5}).max_rate)
    (500.0, 200.0)
    """
    for pair in choices:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ModelError(f"a choice must be a pair (probability, step), got {pair!r}")
    steps = tuple(checked_step("the step of a choice", s) for _, s in choices)
    return Branch(_check.weights("branch probabilities", [p for p, _ in choices]), steps, name)
