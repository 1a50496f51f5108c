"""Stations inside a held pool one after the other, each visited once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qmodel.distributions import Distribution, Sum
from qmodel.networks.held.counts import Place
from qmodel.networks.held.inside import Inside, place_of
from qmodel.queues.base import Station, StationResult

__all__ = ["InSeries"]


@dataclass(frozen=True)
class InSeries(Inside):
    """Stations one after the other, each visited once."""

    stations: Mapping[str, Station]
    arrival_rate: Any = 0.0

    @property
    def places(self) -> Mapping[str, Place]:  # type: ignore[override]
        """The stations, as they count."""
        return {
            name: place_of(name, s, 1.0, s.service.mean) for name, s in self.stations.items()
        }

    @property
    def alone(self) -> Distribution:  # type: ignore[override]
        """Distribution of the time held without load."""
        return Sum(tuple(s.service for s in self.stations.values()))

    def result(self, name: str) -> StationResult:
        """Return the steady state of a station at the load of the pool."""
        return self.stations[name].solve(self.arrival_rate)

    def services(self, name: str) -> Sequence[Distribution]:
        """Return the service of the one stream."""
        return (self.stations[name].service,)

    def passage(self, found: Mapping[str, StationResult]) -> Distribution:
        """Return the time at all stations."""
        return Sum(
            tuple((found.get(name) or self.result(name)).response for name in self.stations)
        )
