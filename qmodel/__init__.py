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

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qmodel._version import __version__

if TYPE_CHECKING:
    from qmodel import (
        answers,
        balancing,
        caches,
        distributions,
        files,
        measurements,
        networks,
        pipeline,
        planning,
        queues,
        symbolic,
        testing,
        transients,
        units,
        web,
    )
    from qmodel._fields import parameter
    from qmodel._xp import namespace
    from qmodel.basis import Assumption, Basis
    from qmodel.distributions import (
        Deterministic,
        Distribution,
        Empirical,
        Erlang,
        Exponential,
        Fit,
        Gamma,
        HyperExponential,
        LogNormal,
        Maximum,
        Minimum,
        Mixture,
        OrderStatistic,
        Pareto,
        PhaseType,
        Quorum,
        Repeated,
        Scaled,
        Shifted,
        Sum,
        Uniform,
        from_histogram,
        from_mean_scv,
        from_percentiles,
        from_samples,
    )
    from qmodel.errors import (
        DomainError,
        InfeasibleError,
        LoadFileError,
        ModelError,
        ModelFileError,
        QModelError,
    )
    from qmodel.explanation import Explanation, explain
    from qmodel.files import Site, read_model, write_model
    from qmodel.loads import Closed, Load, Poisson, Profile, Renewal
    from qmodel.measurements import backtest, calibrate, calibrate_site
    from qmodel.pipeline import (
        Pipeline,
        PipelineResult,
        Step,
        branch,
        cached,
        call,
        circuit_breaker,
        fan_out,
        hedge,
        hold,
        limit,
        nothing,
        parallel,
        repeat,
        retry,
        series,
        timeout,
    )
    from qmodel.planning.availability import AvailabilityResult, availability
    from qmodel.planning.best_pool import best_pool
    from qmodel.planning.blast_radius import blast_radius
    from qmodel.planning.boundary import Boundary
    from qmodel.planning.cache_loss import CacheLoss, least_hit_ratio, lose_cache
    from qmodel.planning.cache_size import cache_size
    from qmodel.planning.capacity import capacity
    from qmodel.planning.collapse import safe_load, time_to_collapse
    from qmodel.planning.compare import compare
    from qmodel.planning.crossing import Crossing, crossing
    from qmodel.planning.frontier import cost_frontier
    from qmodel.planning.memory_split import CacheDemand, MemorySplit, split_memory
    from qmodel.planning.memory_value import MemoryValue, memory_value
    from qmodel.planning.sensitivity import Sensitivity, sensitivity
    from qmodel.planning.size import size
    from qmodel.planning.sizing import Sizing
    from qmodel.planning.slo import Objective
    from qmodel.planning.solve_for import solve_for
    from qmodel.planning.sweep import sweep
    from qmodel.planning.triggers import Trigger, trigger
    from qmodel.planning.uncertainty import Uncertainty, uncertainty
    from qmodel.queues import (
        GM1,
        MG1,
        MG1K,
        MG1KPS,
        MG1LCFS,
        MG1PS,
        MXG1,
        BirthDeath,
        Delay,
        Engset,
        ErlangA,
        FiniteSource,
        FixedBatch,
        GeometricBatch,
        GGc,
        GMc,
        LoadDependent,
        MDc,
        MG1Priority,
        MG1Setup,
        MG1SizeBased,
        MG1Threshold,
        MG1Vacations,
        MGc,
        MGcc,
        MGcK,
        MGcPS,
        MMc,
        MMcD,
        MMcK,
        MMcLCFS,
        MMcPriority,
        RandomBatch,
        Serverless,
        States,
        Station,
        StationResult,
        Stream,
        UnequalServers,
        erlang_b,
        erlang_c,
    )
    from qmodel.recorded_load import read_load, replay
    from qmodel.reports import Report, report

# Where each public name lives. It is imported when it is first asked for, so that
# `import qmodel` costs next to nothing and nobody pays for pandas who makes no frame.
_HOMES = {
    "_fields": "parameter",
    "_xp": "namespace",
    "basis": "Assumption Basis",
    "distributions": """Deterministic Distribution Empirical Erlang Exponential Fit Gamma
        HyperExponential LogNormal Maximum Minimum Mixture OrderStatistic Pareto PhaseType
        Quorum Repeated Scaled Shifted Sum Uniform from_histogram from_mean_scv
        from_percentiles from_samples""",
    "explanation": "Explanation explain",
    "errors": """DomainError InfeasibleError LoadFileError ModelError ModelFileError
        QModelError""",
    "files": "Site read_model write_model",
    "loads": "Closed Load Poisson Profile Renewal",
    "measurements": "backtest calibrate calibrate_site",
    "pipeline": """Pipeline PipelineResult Step branch cached call circuit_breaker fan_out
        hedge hold limit nothing parallel repeat retry series timeout""",
    "planning": """AvailabilityResult CacheDemand CacheLoss Crossing MemorySplit MemoryValue
        Boundary Objective Sensitivity Sizing Uncertainty availability best_pool blast_radius
        cache_size capacity compare cost_frontier crossing least_hit_ratio lose_cache
        memory_value sensitivity size solve_for split_memory sweep uncertainty safe_load
        time_to_collapse Trigger trigger""",
    "queues": """BirthDeath Delay Engset ErlangA FiniteSource FixedBatch GGc GM1 GMc
        GeometricBatch LoadDependent MDc MG1 MG1K MG1KPS MG1LCFS MG1PS MG1Priority MG1Setup
        MG1SizeBased MG1Threshold MG1Vacations MGc MGcK MGcPS MGcc MMc MMcD MMcK MMcLCFS
        MMcPriority MXG1 RandomBatch Serverless States Station StationResult Stream
        UnequalServers erlang_b erlang_c""",
    "recorded_load": "read_load replay",
    "reports": "Report report",
}
_MODULES = (
    "answers",
    "balancing",
    "caches",
    "distributions",
    "files",
    "measurements",
    "networks",
    "pipeline",
    "planning",
    "queues",
    "symbolic",
    "testing",
    "transients",
    "units",
    "web",
)
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

# A literal: type checkers read what is exported, and a contract test compares it with _HOMES.
__all__ = [
    "GM1",
    "MG1",
    "MG1K",
    "MG1KPS",
    "MG1LCFS",
    "MG1PS",
    "MXG1",
    "Assumption",
    "AvailabilityResult",
    "Basis",
    "BirthDeath",
    "Boundary",
    "CacheDemand",
    "CacheLoss",
    "Closed",
    "Crossing",
    "Delay",
    "Deterministic",
    "Distribution",
    "DomainError",
    "Empirical",
    "Engset",
    "Erlang",
    "ErlangA",
    "Explanation",
    "Exponential",
    "FiniteSource",
    "Fit",
    "FixedBatch",
    "GGc",
    "GMc",
    "Gamma",
    "GeometricBatch",
    "HyperExponential",
    "InfeasibleError",
    "Load",
    "LoadDependent",
    "LoadFileError",
    "LogNormal",
    "MDc",
    "MG1Priority",
    "MG1Setup",
    "MG1SizeBased",
    "MG1Threshold",
    "MG1Vacations",
    "MGc",
    "MGcK",
    "MGcPS",
    "MGcc",
    "MMc",
    "MMcD",
    "MMcK",
    "MMcLCFS",
    "MMcPriority",
    "Maximum",
    "MemorySplit",
    "MemoryValue",
    "Minimum",
    "Mixture",
    "ModelError",
    "ModelFileError",
    "Objective",
    "OrderStatistic",
    "Pareto",
    "PhaseType",
    "Pipeline",
    "PipelineResult",
    "Poisson",
    "Profile",
    "QModelError",
    "Quorum",
    "RandomBatch",
    "Renewal",
    "Repeated",
    "Report",
    "Scaled",
    "Sensitivity",
    "Serverless",
    "Shifted",
    "Site",
    "Sizing",
    "States",
    "Station",
    "StationResult",
    "Step",
    "Stream",
    "Sum",
    "Trigger",
    "Uncertainty",
    "UnequalServers",
    "Uniform",
    "__version__",
    "answers",
    "availability",
    "backtest",
    "balancing",
    "best_pool",
    "blast_radius",
    "branch",
    "cache_size",
    "cached",
    "caches",
    "calibrate",
    "calibrate_site",
    "call",
    "capacity",
    "circuit_breaker",
    "compare",
    "cost_frontier",
    "crossing",
    "distributions",
    "erlang_b",
    "erlang_c",
    "explain",
    "fan_out",
    "files",
    "from_histogram",
    "from_mean_scv",
    "from_percentiles",
    "from_samples",
    "hedge",
    "hold",
    "least_hit_ratio",
    "limit",
    "lose_cache",
    "measurements",
    "memory_value",
    "namespace",
    "networks",
    "nothing",
    "parallel",
    "parameter",
    "pipeline",
    "planning",
    "queues",
    "read_load",
    "read_model",
    "repeat",
    "replay",
    "report",
    "retry",
    "safe_load",
    "sensitivity",
    "series",
    "size",
    "solve_for",
    "split_memory",
    "sweep",
    "symbolic",
    "testing",
    "time_to_collapse",
    "timeout",
    "transients",
    "trigger",
    "uncertainty",
    "units",
    "web",
    "write_model",
]


if not TYPE_CHECKING:  # Else a name that is not there would be one of any type.

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"qmodel.{name}")
        if name not in _HOME_OF:
            raise AttributeError(f"module 'qmodel' has no attribute {name!r}")
        found = getattr(import_module(f"qmodel.{_HOME_OF[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return list(__all__)
