"""The region in which a model was held against measurements, and questions that leave it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, check_fields, parameter
from qmodel._typing import Value
from qmodel.errors import BeyondMeasurements, DomainError
from qmodel.loads import Closed, Load, Poisson, Profile
from qmodel.pipeline import Pipeline
from qmodel.queues import Station
from qmodel.units import text

__all__ = ["Region", "busiest", "doubts_heard", "held_against", "warn", "warn_beyond"]

_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)
_ROUNDING = 1e-9
_MARGIN = 0.05  # Of the utilization: what measurements and models differ by anyway.


def _names(name: str, x: Any) -> tuple[str, ...]:
    names = _check.several(name, x)
    if not all(isinstance(one, str) for one in names):
        raise DomainError(f"{name} must be names, got {_check.short(x)}")
    return names


def _one(name: str, x: Any) -> float:
    return _check.one(name, x, _check.positive)


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

    lowest: float = parameter("lowest load that was measured", unit="1/s", check=_one)
    highest: float = parameter("highest load that was measured", unit="1/s", check=_one)
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
    def of_utilization(self, name: str, share: float) -> tuple[str, ...]:
        """Return why the utilization of a station is outside the region.

        Parameters
        ----------
        name : str
            Name of the station. [-]
        share : number
            Its utilization. [-]

        Returns
        -------
        tuple of str
            A sentence, or none.
        """
        if not share > self.utilization + max(_MARGIN * self.utilization, 0.01):
            return ()
        was, now = text(self.utilization, "%"), "full"
        if share < 1:
            now = f"{text(float(f'{share:.2g}'), '%')} busy"
        return (f"{name} is {now}, where at most {was} was measured",)

    @checked
    def doubts(self, model: Pipeline | Station, arrival_rate: Value | Load) -> tuple[str, ...]:
        """Return why what a model says at a load was not tested.

        Parameters
        ----------
        model : Pipeline or Station
            The model, as it is asked about: changed, perhaps. [-]
        arrival_rate : number, array or Load
            The load, or several; of a `Profile` its peak, and of users what they send. [1/s]

        Returns
        -------
        tuple of str
            A sentence each, on load, utilization and kinds; none if all is inside.

        Raises
        ------
        DomainError
            If the load is negative.
        """
        if isinstance(arrival_rate, Closed):
            rate = model.solve(arrival_rate).throughput
        else:
            rate = _rates(arrival_rate)
            if not np.size(rate):
                raise DomainError("arrival_rate must have at least one value, got none")
        found = [*self.of_load(rate), *self.of_utilization(*busiest(model, arrival_rate))]
        own = tuple(model.kinds) if isinstance(model, Pipeline) else ()
        new = [kind for kind in own if kind and kind not in self.kinds]
        if self.kinds and new and len(own) > 1:
            found.append(f"no request of kind {', '.join(new)} was measured")
        return tuple(found)


def held_against(model: Pipeline, region: Region | None) -> Pipeline:
    """Return a model that knows what was measured of it."""
    return Pipeline(model.kinds, urgent=model.urgent, measured=region)


def _rates(load: Any) -> Any:
    """Return what of a load is the rate, at its peak where it changes."""
    if isinstance(load, Profile):
        return load.peak
    if isinstance(load, (list, tuple)):
        return _check.real("arrival_rate", load)
    return load.rate if isinstance(load, Poisson) else load


def warn_beyond(model: Any, load: Any) -> None:
    """Warn where an answer of a model at a load goes beyond what was measured of it."""
    if getattr(model, "measured", None) is not None:
        warn(model.measured.doubts(model, load))


def warn(doubts: Iterable[str]) -> None:
    """Give warnings to who collects them, or to Python."""
    heard = _HEARD.get()
    for doubt in doubts:
        if heard is None:
            said = f"beyond what was measured: {doubt}"
            warnings.warn(said, BeyondMeasurements, stacklevel=4)
        elif doubt not in heard:
            heard.append(doubt)


@contextmanager
def doubts_heard() -> Iterator[list[str]]:
    """Collect, within, what leaves the region, instead of warning."""
    heard: list[str] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)


def busiest(model: Pipeline | Station, arrival_rate: Any) -> tuple[str, float]:
    """Return the station of greatest utilization at some loads, and which it is."""
    load = _rates(arrival_rate)
    result: Any = model.solve(load)
    if not hasattr(result, "stations"):
        return type(model).__name__, float(np.max(result.utilization))
    busy = {
        name: float(np.max(one.utilization))
        for name, one in result.stations.items()
        if np.all(np.isfinite(one.station.servers))
    }
    if not busy:
        return "", 0.0
    most = max(busy, key=busy.__getitem__)
    return most, busy[most]
