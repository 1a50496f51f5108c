"""Loads that change faster than queues settle: crowds, ramps, days, autoscalers, outages."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.transients.autoscaler import Autoscaler, highest_target
    from qmodel.transients.emptied import Emptied
    from qmodel.transients.over_time import StationOverTime
    from qmodel.transients.profiles import diurnal, pulse, ramp, recorded, visitors
    from qmodel.transients.schedule import Schedule
    from qmodel.transients.uniformisation import number_after
    from qmodel.transients.walk import Walk, walk_of

__all__ = [
    "Autoscaler",
    "Emptied",
    "Schedule",
    "StationOverTime",
    "Walk",
    "diurnal",
    "highest_target",
    "number_after",
    "pulse",
    "ramp",
    "recorded",
    "visitors",
    "walk_of",
]

lazily(
    __name__,
    {
        "autoscaler": "Autoscaler highest_target",
        "emptied": "Emptied",
        "over_time": "StationOverTime",
        "profiles": "diurnal pulse ramp recorded visitors",
        "schedule": "Schedule",
        "uniformisation": "number_after",
        "walk": "Walk walk_of",
    },
)
