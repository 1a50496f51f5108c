"""Questions to a model: does it hold, up to which load, and which of several is better."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
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
    from qmodel.planning.designs import Design, Grid, Random, Sobol
    from qmodel.planning.engines import Dask, Engine, Local
    from qmodel.planning.frontier import cost_frontier
    from qmodel.planning.memory_split import CacheDemand, MemorySplit, split_memory
    from qmodel.planning.memory_value import MemoryValue, memory_value
    from qmodel.planning.region import Region
    from qmodel.planning.sensitivity import Sensitivity, sensitivity
    from qmodel.planning.size import size
    from qmodel.planning.sizing import Sizing
    from qmodel.planning.slo import Objective, parse_objective
    from qmodel.planning.solve_for import solve_for
    from qmodel.planning.sweep import sweep, sweep_chunks
    from qmodel.planning.sweep_parts import SweepParts
    from qmodel.planning.triggers import Trigger, trigger
    from qmodel.planning.uncertainty import Uncertainty, uncertainty

__all__ = [
    "AvailabilityResult",
    "Boundary",
    "CacheDemand",
    "CacheLoss",
    "Crossing",
    "Dask",
    "Design",
    "Engine",
    "Grid",
    "Local",
    "MemorySplit",
    "MemoryValue",
    "Objective",
    "Random",
    "Region",
    "Sensitivity",
    "Sizing",
    "Sobol",
    "SweepParts",
    "Trigger",
    "Uncertainty",
    "availability",
    "best_pool",
    "blast_radius",
    "cache_size",
    "capacity",
    "compare",
    "cost_frontier",
    "crossing",
    "least_hit_ratio",
    "lose_cache",
    "memory_value",
    "parse_objective",
    "safe_load",
    "sensitivity",
    "size",
    "solve_for",
    "split_memory",
    "sweep",
    "sweep_chunks",
    "time_to_collapse",
    "trigger",
    "uncertainty",
]

lazily(
    __name__,
    {
        "availability": "AvailabilityResult availability",
        "best_pool": "best_pool",
        "blast_radius": "blast_radius",
        "boundary": "Boundary",
        "cache_loss": "CacheLoss least_hit_ratio lose_cache",
        "cache_size": "cache_size",
        "capacity": "capacity",
        "collapse": "safe_load time_to_collapse",
        "compare": "compare",
        "crossing": "Crossing crossing",
        "designs": "Design Grid Random Sobol",
        "engines": "Dask Engine Local",
        "frontier": "cost_frontier",
        "memory_split": "CacheDemand MemorySplit split_memory",
        "memory_value": "MemoryValue memory_value",
        "region": "Region",
        "sensitivity": "Sensitivity sensitivity",
        "size": "size",
        "sizing": "Sizing",
        "slo": "Objective parse_objective",
        "solve_for": "solve_for",
        "sweep": "sweep sweep_chunks",
        "sweep_parts": "SweepParts",
        "triggers": "Trigger trigger",
        "uncertainty": "Uncertainty uncertainty",
    },
)
