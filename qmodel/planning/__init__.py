"""Questions to a model: does it hold, up to which load, and which of several is better."""

from qmodel.planning.capacity import capacity
from qmodel.planning.compare import compare
from qmodel.planning.least import least
from qmodel.planning.slo import Objective, parse_objective
from qmodel.planning.sweep import sweep, sweep_chunks

__all__ = [
    "Objective",
    "capacity",
    "compare",
    "least",
    "parse_objective",
    "sweep",
    "sweep_chunks",
]
