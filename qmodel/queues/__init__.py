"""Stations, one file a Kendall model: formulas on top, the station class below."""

from qmodel.queues.base import Station, StationResult, Stream
from qmodel.queues.delay import Delay
from qmodel.queues.erlang import erlang_b, erlang_c
from qmodel.queues.mg1 import MG1
from qmodel.queues.mg1_ps import MG1PS
from qmodel.queues.mgc import MGc
from qmodel.queues.mgc_ps import MGcPS
from qmodel.queues.mmc import MMc

__all__ = [
    "MG1",
    "MG1PS",
    "Delay",
    "MGc",
    "MGcPS",
    "MMc",
    "Station",
    "StationResult",
    "Stream",
    "erlang_b",
    "erlang_c",
]
