"""Nothing: no time, no station."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.distributions import ZERO
from qmodel.pipeline.steps.base import Outcome, Step

if TYPE_CHECKING:
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["Nothing", "nothing"]


@dataclass(frozen=True, slots=True, eq=False)
class Nothing(Step):
    """No time, no station."""

    name: str = ""
    word = "nothing"

    def flow(self, share: Any, at: Flows) -> Any:
        return share

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        return Outcome(1, 0, 0, ZERO)

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        return ends


@checked
def nothing() -> Step:
    """Do nothing: no time, no station.

    Returns
    -------
    Step
        The step.

    Examples
    --------
    >>> import qmodel as qm
    >>> float(qm.Pipeline(qm.nothing()).solve(10.0).latency.mean)
    0.0
    """
    return Nothing()
