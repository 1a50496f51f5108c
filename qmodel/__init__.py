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

Here stands what is asked for most; `dir` lists it, and the reference has it by what one wants
to do. All other names are in their rooms (``qm.queues.MG1LCFS``), and found from here as well
(``qm.MG1LCFS``): a room has every name once.
"""

from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from qmodel._lazy import NoSuchName
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
    from qmodel.basis import *
    from qmodel.distributions import *
    from qmodel.errors import *
    from qmodel.explanation import *
    from qmodel.files import *
    from qmodel.loads import *
    from qmodel.measurements import *
    from qmodel.pipeline import *
    from qmodel.planning import *
    from qmodel.queues import *
    from qmodel.recorded_load import *
    from qmodel.reports import *

# Imported when first asked for, so that `import qmodel` costs next to nothing and nobody pays
# for pandas who makes no frame: from the home named here, or the first room that has it.
_HOMES = {
    "distributions": """Deterministic Empirical Exponential Gamma HyperExponential LogNormal
        from_mean_scv""",
    "explanation": "explain",
    "files": "read_model",
    "loads": "Closed Poisson Profile",
    "measurements": "calibrate",
    "pipeline": """Pipeline branch cached call circuit_breaker fan_out hedge hold limit nothing
        parallel repeat retry series timeout""",
    "planning": "capacity compare sensitivity size solve_for sweep uncertainty",
    "queues": "Delay MG1 MG1PS MGc MMc MMcK Stream",
    "recorded_load": "replay",
    "reports": "report",
}
_ROOMS = (
    "basis", "errors", "loads", "distributions", "queues", "pipeline", "planning",
    "measurements", "recorded_load", "files", "reports", "explanation",
)  # fmt: skip
_MODULES = (
    "answers", "balancing", "caches", "distributions", "files", "measurements", "networks",
    "pipeline", "planning", "queues", "symbolic", "testing", "transients", "units", "web",
)  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

# A literal: type checkers read what is exported, and a contract test compares it with _HOMES.
__all__ = [
    "MG1",
    "MG1PS",
    "Closed",
    "Delay",
    "Deterministic",
    "Empirical",
    "Exponential",
    "Gamma",
    "HyperExponential",
    "LogNormal",
    "MGc",
    "MMc",
    "MMcK",
    "Pipeline",
    "Poisson",
    "Profile",
    "Stream",
    "__version__",
    "answers",
    "balancing",
    "branch",
    "cached",
    "caches",
    "calibrate",
    "call",
    "capacity",
    "circuit_breaker",
    "compare",
    "distributions",
    "explain",
    "fan_out",
    "files",
    "from_mean_scv",
    "hedge",
    "hold",
    "limit",
    "measurements",
    "networks",
    "nothing",
    "parallel",
    "pipeline",
    "planning",
    "queues",
    "read_model",
    "repeat",
    "replay",
    "report",
    "retry",
    "sensitivity",
    "series",
    "size",
    "solve_for",
    "sweep",
    "symbolic",
    "testing",
    "timeout",
    "transients",
    "uncertainty",
    "units",
    "web",
]


if not TYPE_CHECKING:  # Else a name that is not there would be one of any type.

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"qmodel.{name}")
        homes = (_HOME_OF[name],) if name in _HOME_OF else _ROOMS
        for home in homes if name[0] != "_" else ():
            room = import_module(f"qmodel.{home}")
            if name in room.__all__:
                globals()[name] = found = getattr(room, name)
                return found
        rooms = (import_module(f"qmodel.{room}").__all__ for room in _ROOMS)
        known = __all__ if name[0] == "_" else {*__all__, *chain.from_iterable(rooms)}
        raise NoSuchName("qmodel", name, known)


def __dir__() -> list[str]:
    return list(__all__)
