"""A model under its load, whose numbers are parameters like those of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel.loads import Closed, Poisson, columns_of, one_scenario
from qmodel.planning._domains import Domain, domain_of
from qmodel.planning._models import Asked, StationModel
from qmodel.planning._results import Result
from qmodel.planning.capacity import capacity
from qmodel.planning.slo import Objective

__all__ = ["Loaded", "one_load"]

_UNITS = {"arrival_rate": "1/s", "think_time": "s", "users": "-"}


def one_load(load: Any, name: str = "arrival_rate") -> float | Closed:
    """Return a load of one scenario that is above 0: a rate, or users."""
    if isinstance(load, Closed):
        _check.positive("users", one_scenario(load).users)
        return load
    return float(_check.positive(name, load.rate if isinstance(load, Poisson) else load))


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model and its load: a rate, or users who wait for their answer."""

    model: Asked
    load: Value | Closed

    @property
    def own(self) -> dict[str, Any]:
        """The numbers of the load by name."""
        return columns_of(self.load)

    def parameters(self) -> dict[str, Any]:
        """Return the numbers of the model and of the load by name."""
        return self.model.parameters() | self.own

    def domain(self, name: str) -> Domain:
        """Return which values a number takes."""
        if name not in self.own:
            return domain_of(self.model, name)
        users = name == "users"
        value = float(self.own[name])
        return Domain(name, value, float(users), users, np.inf, users, _UNITS[name])

    def replace(self, changes: Mapping[str, Any]) -> Loaded:
        """Return both with other numbers."""
        own = {name: changes.get(name, value) for name, value in self.own.items()}
        rest = {name: value for name, value in changes.items() if name not in own}
        load = Closed(**own) if isinstance(self.load, Closed) else own["arrival_rate"]
        return Loaded(self.model.replace(rest) if rest else self.model, load)

    def under(self, much: Any) -> Loaded:
        """Return the model under so much of this kind of load: a rate, or users."""
        return self.replace(
            {"users" if isinstance(self.load, Closed) else "arrival_rate": much}
        )

    def solve(self) -> Result:
        """Return the steady state."""
        return self.model.solve(self.load)

    def capacity(self, wanted: Sequence[Objective]) -> Value:
        """Return how much of such a load keeps objectives; without any, where it saturates.

        Users saturate a model from its knee on.
        """
        plain = self.model.station if isinstance(self.model, StationModel) else self.model
        if not isinstance(self.load, Closed):
            return capacity(plain, *wanted)
        if wanted:
            return capacity(plain, *wanted, think_time=self.load.think_time)
        return self.solve().knee  # type: ignore[union-attr]
