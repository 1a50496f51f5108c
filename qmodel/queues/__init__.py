"""Stations, one file a Kendall model: formulas on top, the station class below."""

from typing import TYPE_CHECKING

from qmodel._fields import parameter
from qmodel._lazy import lazily
from qmodel._xp import namespace
from qmodel.queues import generalisations  # noqa: F401  (ties special cases to general ones)

if TYPE_CHECKING:
    from qmodel.queues.base import Station, StationResult, Stream
    from qmodel.queues.birth_death import BirthDeath
    from qmodel.queues.counts.batches import FixedBatch, GeometricBatch, RandomBatch
    from qmodel.queues.counts.erlang import erlang_b, erlang_c
    from qmodel.queues.counts.states import States
    from qmodel.queues.delay import Delay
    from qmodel.queues.engset import Engset
    from qmodel.queues.erlang_a import ErlangA
    from qmodel.queues.finite_source import FiniteSource
    from qmodel.queues.ggc import GGc
    from qmodel.queues.gm1 import GM1
    from qmodel.queues.gmc import GMc
    from qmodel.queues.load_dependent import LoadDependent
    from qmodel.queues.mdc import MDc
    from qmodel.queues.mg1 import MG1
    from qmodel.queues.mg1_lcfs import MG1LCFS
    from qmodel.queues.mg1_priority import MG1Priority
    from qmodel.queues.mg1_ps import MG1PS
    from qmodel.queues.mg1_size_based import MG1SizeBased
    from qmodel.queues.mg1_vacations import MG1Setup, MG1Threshold, MG1Vacations
    from qmodel.queues.mg1k import MG1K
    from qmodel.queues.mg1k_ps import MG1KPS
    from qmodel.queues.mgc import MGc
    from qmodel.queues.mgc_ps import MGcPS
    from qmodel.queues.mgcc import MGcc
    from qmodel.queues.mgck import MGcK
    from qmodel.queues.mmc import MMc
    from qmodel.queues.mmc_lcfs import MMcLCFS
    from qmodel.queues.mmc_priority import MMcPriority
    from qmodel.queues.mmcd import MMcD
    from qmodel.queues.mmck import MMcK
    from qmodel.queues.mxg1 import MXG1
    from qmodel.queues.serverless import Serverless, cold_starts
    from qmodel.queues.unequal_servers import UnequalServers

__all__ = [
    "GM1",
    "MG1",
    "MG1K",
    "MG1KPS",
    "MG1LCFS",
    "MG1PS",
    "MXG1",
    "BirthDeath",
    "Delay",
    "Engset",
    "ErlangA",
    "FiniteSource",
    "FixedBatch",
    "GGc",
    "GMc",
    "GeometricBatch",
    "LoadDependent",
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
    "RandomBatch",
    "Serverless",
    "States",
    "Station",
    "StationResult",
    "Stream",
    "UnequalServers",
    "cold_starts",
    "erlang_b",
    "erlang_c",
    "namespace",
    "parameter",
]

lazily(
    __name__,
    {
        "base": "Station StationResult Stream",
        "birth_death": "BirthDeath",
        "counts.batches": "FixedBatch GeometricBatch RandomBatch",
        "counts.erlang": "erlang_b erlang_c",
        "counts.states": "States",
        "delay": "Delay",
        "engset": "Engset",
        "erlang_a": "ErlangA",
        "finite_source": "FiniteSource",
        "ggc": "GGc",
        "gm1": "GM1",
        "gmc": "GMc",
        "load_dependent": "LoadDependent",
        "mdc": "MDc",
        "mg1": "MG1",
        "mg1_lcfs": "MG1LCFS",
        "mg1_priority": "MG1Priority",
        "mg1_ps": "MG1PS",
        "mg1_size_based": "MG1SizeBased",
        "mg1_vacations": "MG1Setup MG1Threshold MG1Vacations",
        "mg1k": "MG1K",
        "mg1k_ps": "MG1KPS",
        "mgc": "MGc",
        "mgc_ps": "MGcPS",
        "mgcc": "MGcc",
        "mgck": "MGcK",
        "mmc": "MMc",
        "mmc_lcfs": "MMcLCFS",
        "mmc_priority": "MMcPriority",
        "mmcd": "MMcD",
        "mmck": "MMcK",
        "mxg1": "MXG1",
        "serverless": "Serverless cold_starts",
        "unequal_servers": "UnequalServers",
    },
)
