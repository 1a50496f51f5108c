"""The region in which a model was held against measurements, and questions that leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, check_fields, parameter
from qmodel._typing import Value
from qmodel.errors import DomainError
from qmodel.pipeline import Pipeline
from qmodel.queues import Station
from qmodel.units import text

__all__ = ["Region", "busiest"]

_ROUNDING = 1e-9
_MARGIN = 0.05  # Of the utilization: what measurements and models differ by anyway.


def _names(name: str, x: Any) -> tuple[str, ...]:
    if isinstance(x, str) or not all(isinstance(one, str) for one in x):
        raise DomainError(f"{name} must be names, got {x!r}")
    return tuple(x)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Region(Model):
    """The loads, the utilization and the kinds of request that were measured.

    Parameters
    ----------
    lowest : number
        Lowest load. [1/s]
    highest : number
        Highest load, at least the lowest. [1/s]
    utilization : number, default 1
        Highest utilization of a station at these loads. [-]
    kinds : sequence of str, default ()
        Kinds of request; none if they were not told apart. [-]

    Raises
    ------
    DomainError
        If the highest load is below the lowest, or a number out of its domain.

    Examples
    --------
    >>> import qmodel as qm
    >>> region = Region(lowest=50.0, highest=300.0, utilization=0.5)
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.010, servers=4)))
    >>> region.doubts(shop, 250.0)
    ('web is 62 % busy, where at most 50 % was measured',)
    >>> region.doubts(shop, 350.0)[0]
    '350/s is beyond the highest load that was measured, 300/s'
    """

    lowest: float = parameter("lowest load that was measured", unit="1/s", check="positive")
    highest: float = parameter("highest load that was measured", unit="1/s", check="positive")
    utilization: float = parameter(
        "highest utilization of a station then", check="probability", default=1.0
    )
    kinds: tuple[str, ...] = parameter(
        "kinds of request that were told apart", check=_names, default=()
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.highest < self.lowest:
            raise DomainError(
                f"highest must be at least the lowest, {self.lowest:g}, got {self.highest:g}"
            )

    @checked
    def of_load(self, arrival_rate: Value) -> tuple[str, ...]:
        """Return why loads are outside the region.

        Parameters
        ----------
        arrival_rate : number or array
            The loads that a question asks about. [1/s]

        Returns
        -------
        tuple of str
            A sentence each; none if they are inside.

        Raises
        ------
        DomainError
            If a load is negative.
        """
        rates = np.ravel(_check.nonnegative("arrival_rate", arrival_rate))
        if np.isnan(rates).any():
            return ("the load is not known",)
        top, least = text(float(rates.max()), "1/s"), text(float(rates.min()), "1/s")
        found = []
        if (rates > self.highest * (1 + _ROUNDING)).any():
            high = text(self.highest, "1/s")
            found.append(f"{top} is beyond the highest load that was measured, {high}")
        if (rates < self.lowest * (1 - _ROUNDING)).any():
            low = text(self.lowest, "1/s")
            found.append(f"{least} is below the lowest load that was measured, {low}")
        return tuple(found)

    @checked
    def doubts(self, model: Pipeline | Station, arrival_rate: float) -> tuple[str, ...]:
        """Return why what a model says at a load was not tested.

        Parameters
        ----------
        model : Pipeline or Station
            The model, as it is asked about: changed, perhaps. [-]
        arrival_rate : number
            The load. [1/s]

        Returns
        -------
        tuple of str
            A sentence each, on load, utilization and kinds; none if all is inside.

        Raises
        ------
        DomainError
            If the load is negative.
        """
        found = list(self.of_load(arrival_rate))
        name, share = busiest(model, arrival_rate)
        if share > self.utilization + max(_MARGIN * self.utilization, 0.01):
            was = text(self.utilization, "%")
            now = text(float(f"{share:.2g}"), "%")
            found.append(f"{name} is {now} busy, where at most {was} was measured")
        own = tuple(model.kinds) if isinstance(model, Pipeline) else ()
        new = [kind for kind in own if kind and kind not in self.kinds]
        if self.kinds and new and len(own) > 1:
            found.append(f"no request of kind {', '.join(new)} was measured")
        return tuple(found)


def busiest(model: Pipeline | Station, arrival_rate: Any) -> tuple[str, float]:
    """Return the station of greatest utilization at the greatest of some loads, and which."""
    result: Any = model.solve(float(np.max(arrival_rate)))
    if not hasattr(result, "stations"):
        return type(model).__name__, float(result.utilization)
    busy = {
        name: float(np.max(one.utilization))
        for name, one in result.stations.items()
        if np.all(np.isfinite(one.station.servers))
    }
    if not busy:
        return "", 0.0
    most = max(busy, key=busy.__getitem__)
    return most, busy[most]
