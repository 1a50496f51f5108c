"""Capacity and latency of web pipelines, in closed form.

Times are seconds, rates are per second; `qmodel.units` has multipliers (``12 * ms``).

Examples
--------
>>> import qmodel as qm
>>> from qmodel.units import ms
>>> workers = qm.MMc(service_time=50 * ms, servers=6)
>>> r = workers.solve(arrival_rate=90.0)
>>> float(r.response_time), r.response.quantile([0.5, 0.9, 0.99]).round(5)
(0.0641, array([0.04874, 0.1397 , 0.25909]))
"""

from qmodel import distributions, errors, queues, units
from qmodel._version import __version__
from qmodel.basis import Assumption, Basis
from qmodel.distributions import *  # noqa: F403
from qmodel.errors import DomainError, InfeasibleError, LoadFileError, ModelError
from qmodel.queues import *  # noqa: F403
from qmodel.pipeline import *  # noqa: F403
