"""Capacity and latency of web pipelines, in closed form.

Times are seconds and rates are per second; `qmodel.units` has multipliers (``12 * ms``).

Examples
--------
>>> import qmodel as qm
>>> from qmodel.units import ms
>>> workers = qm.MMc(service_time=50 * ms, servers=6)
>>> r = workers.solve(arrival_rate=90.0)
>>> float(r.response_time), r.response.quantile([0.5, 0.9, 0.99]).round(5)
(0.0641, array([0.04874, 0.1397 , 0.25909]))
"""

from typing import TYPE_CHECKING, Any

from qmodel import caches, distributions, pipeline, queues, units, web
from qmodel._version import __version__
from qmodel.basis import Assumption, Basis
from qmodel.distributions import (
    Deterministic,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    HyperExponential,
    LogNormal,
    Maximum,
    Minimum,
    Mixture,
    Pareto,
    Repeated,
    Scaled,
    Shifted,
    Sum,
    Uniform,
    from_mean_scv,
)
from qmodel.errors import (
    DomainError,
    InfeasibleError,
    LoadFileError,
    ModelError,
    QModelError,
)
from qmodel.pipeline import (
    Pipeline,
    PipelineResult,
    Step,
    branch,
    cached,
    call,
    limit,
    nothing,
    parallel,
    repeat,
    retry,
    series,
)
from qmodel.queues import (
    MG1,
    MG1PS,
    Delay,
    MGc,
    MGcPS,
    MMc,
    Station,
    StationResult,
    Stream,
    erlang_b,
    erlang_c,
)

if TYPE_CHECKING:
    from qmodel import planning
    from qmodel.planning import Objective, capacity, compare
    from qmodel.recorded_load import read_load, replay
    from qmodel.sweep import sweep

__all__ = [
    "MG1",
    "MG1PS",
    "Assumption",
    "Basis",
    "Delay",
    "Deterministic",
    "Distribution",
    "DomainError",
    "Empirical",
    "Erlang",
    "Exponential",
    "Gamma",
    "HyperExponential",
    "InfeasibleError",
    "LoadFileError",
    "LogNormal",
    "MGc",
    "MGcPS",
    "MMc",
    "Maximum",
    "Minimum",
    "Mixture",
    "ModelError",
    "Objective",
    "Pareto",
    "Pipeline",
    "PipelineResult",
    "QModelError",
    "Repeated",
    "Scaled",
    "Shifted",
    "Station",
    "StationResult",
    "Step",
    "Stream",
    "Sum",
    "Uniform",
    "__version__",
    "branch",
    "cached",
    "caches",
    "call",
    "capacity",
    "compare",
    "distributions",
    "erlang_b",
    "erlang_c",
    "from_mean_scv",
    "limit",
    "nothing",
    "parallel",
    "pipeline",
    "planning",
    "queues",
    "read_load",
    "repeat",
    "replay",
    "retry",
    "series",
    "sweep",
    "units",
    "web",
]

# What works on frames and questions is imported when it is first asked for.
_LAZY = {
    "Objective": "qmodel.planning",
    "capacity": "qmodel.planning",
    "compare": "qmodel.planning",
    "planning": "qmodel.planning",
    "read_load": "qmodel.recorded_load",
    "replay": "qmodel.recorded_load",
    "sweep": "qmodel.sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'qmodel' has no attribute {name!r}")
    import importlib

    module = importlib.import_module(_LAZY[name])
    found = module if name == "planning" else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
