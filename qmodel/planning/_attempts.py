"""Models under a load that changes in time, tried with one number after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from qmodel.errors import DomainError, ModelError
from qmodel.loads import Profile
from qmodel.pipeline import Pipeline, PipelineOverTime
from qmodel.planning._domains import Domain, domain_of
from qmodel.planning._models import Asked, StationModel, as_pipeline

__all__ = ["Attempts", "over_time"]

_LOAD = "load"

_KEPT = 4
"""Results that are kept: a search ends beside one of its last tries."""


@dataclass(frozen=True)
class Attempts:
    """What a number is tried in: a parameter of the model, the load, or its servers."""

    model: Asked
    parameter: str
    load: Profile | Callable[[float], Profile]
    servers: Any
    emptied: Any

    @property
    def free(self) -> bool:
        """Whether the number is no parameter of the model."""
        return self.parameter == _LOAD or callable(self.load) or callable(self.servers)

    @cached_property
    def domain(self) -> Domain:
        """The values that the number may have."""
        if not self.free:
            return domain_of(self.model, self.parameter)

        def takes(value: float) -> bool:
            try:
                self._drawn(value)
            except DomainError:
                return False
            return True

        top = float("inf") if takes(1.0 + 1e-9) else 1.0
        now = 1.0 if top > 1 else 0.5
        if not takes(now):
            raise ModelError(f"neither load nor servers can be made of {self.parameter} {now}")
        return Domain(self.parameter, now, 0.0, takes(0.0), top, False, "-")

    def _drawn(self, value: float) -> tuple[Profile, Any]:
        load = self.load(value) if callable(self.load) else self.load
        if not isinstance(load, Profile):
            raise ModelError(f"the load of {self.parameter} must be a Profile, got {load!r}")
        if self.parameter == _LOAD:
            load = value * load
        return load, self.servers(value) if callable(self.servers) else self.servers

    def load_at(self, value: float) -> Profile | None:
        """Return the load with a value of the number; None for none."""
        return self._drawn(value)[0] if math.isfinite(value) else None

    @cached_property
    def at(self) -> Callable[[float], PipelineOverTime]:
        """What happens with a value of the number; the last ones are kept."""
        return lru_cache(maxsize=_KEPT)(self._at)

    def _at(self, value: float) -> PipelineOverTime:
        model = self.model
        if not self.free:
            model = model.replace({self.parameter: self.domain.number(value)})
        load, servers = self._drawn(value)
        return over_time(model, load, servers, self.emptied)


def over_time(
    model: Asked, load: Profile, servers: Any = None, emptied: Mapping[str, Any] | None = None
) -> PipelineOverTime:
    """Return what happens to a model under a load that changes."""
    whole: Pipeline = as_pipeline(model.station) if isinstance(model, StationModel) else model
    return whole.over_time(load, servers=servers, emptied=emptied)
