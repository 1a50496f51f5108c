"""What can be asked: a pipeline, or a station as the only one of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmodel._nearest import did_you_mean
from qmodel._typing import Value
from qmodel.distributions.broadcasting import shape_of
from qmodel.errors import ModelError
from qmodel.loads import Closed, Load
from qmodel.pipeline import Pipeline, call
from qmodel.pipeline.parameters import changed, parameters
from qmodel.planning._results import latency_of, max_rate_of
from qmodel.queues.base import Station, StationResult

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult

__all__ = [
    "Asked",
    "StationModel",
    "as_pipeline",
    "asked",
    "counted",
    "has_arrays",
    "stations_of",
]


def as_pipeline(station: Station, name: str | None = None) -> Pipeline:
    """Return the pipeline of one call to a station, by default named after its class."""
    return Pipeline(call((name or type(station).__name__).replace(".", " "), station))


@dataclass(frozen=True, slots=True, eq=False)
class StationModel:
    """A station that is asked as a pipeline is; its parameters have no prefix."""

    station: Station

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return parameters(self.station)

    def replace(self, changes: Mapping[str, Any]) -> StationModel:
        """Return the station with other parameters."""
        known = self.parameters()
        for name in changes:
            if name not in known:
                raise ModelError(
                    f"no parameter {name!r} in the station{did_you_mean(name, known)}"
                )
        return StationModel(changed(self.station, changes))

    def solve(self, arrival_rate: Value | Load) -> StationResult | ClosedResult:
        """Return the steady state at a load."""
        if isinstance(arrival_rate, Closed):
            return as_pipeline(self.station).solve(arrival_rate)
        return self.station.solve(arrival_rate)

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates. [1/s]."""
        return self.station.max_rate


Asked = Pipeline | StationModel


def asked(model: Any, what: str = "model") -> Asked:
    """Return a model as questions see it, refusing what is not one."""
    if isinstance(model, Station):
        return StationModel(model)
    if not isinstance(model, Pipeline):
        raise ModelError(f"{what} must be a Pipeline or a Station, got {model!r}")
    return model


def stations_of(model: Asked) -> Iterable[Station]:
    """Return the stations of a model."""
    return (model.station,) if isinstance(model, StationModel) else model.stations.values()


def counted(model: Asked) -> list[str]:
    """Return what there are several of: replicas, permits that are held, other servers."""
    known = model.parameters()
    pools = [n for n in known if n.rpartition(".")[2] == "replicas"]
    owners = {n.rpartition(".")[0] for n in pools}
    return [
        *pools,
        *(
            n
            for n in known
            if n.rpartition(".")[2] in ("servers", "permits")
            and not any(n.startswith(f"{owner}.") or not owner for owner in owners)
        ),
    ]


def has_arrays(model: Asked) -> bool:
    """Return whether a model stands for several scenarios."""
    if any(station.users_only for station in stations_of(model)):
        return bool(shape_of(latency_of(model.solve(Closed(1)))))
    result = model.solve(0.0)
    return bool(shape_of(latency_of(result)) or shape_of(max_rate_of(result)))
