"""Results of a routed network, in all and by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.basis import Assumption, Basis, union
from qmodel.distributions import Distribution
from qmodel.queues.base import StationResult
from qmodel.units import text

__all__ = ["ClassResult", "RoutedResult"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClassResult:
    """The requests of one class.

    Parameters
    ----------
    arrival_rate : number or array
        Arrivals from outside as this class. [1/s]
    response_time : number or array
        Mean time until these leave, whatever class they have then. [s]
    number_in_system : number or array
        Mean number inside that have this class now. [-]
    latency : Distribution
        Distribution of the time until these leave. [-]
    """

    arrival_rate: Value
    response_time: Value
    number_in_system: Value
    latency: Distribution


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class RoutedResult:
    """The steady state of a network under arrivals from outside.

    Parameters
    ----------
    arrival_rate : number or array
        Arrivals from outside, of all classes and stations. [1/s]
    response_time : number or array
        Mean time from arrival to departure. [s]
    number_in_system : number or array
        Mean number of requests in the network. [-]
    visits : dict of str to number or array
        Mean visits of a request to each station. [-]
    max_rate : number or array
        Arrival rate at which the first station saturates, with the same mix of entries. [1/s]
    limits : dict of str to number or array
        The same for each station. [1/s]
    stations : dict of str to StationResult
        Each station under its share of the load. [-]
    classes : dict of str to ClassResult
        The same by class. [-]
    latency : Distribution
        Distribution of the time from arrival to departure. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    """

    arrival_rate: Value
    response_time: Value
    number_in_system: Value
    visits: dict[str, Value]
    max_rate: Value
    limits: dict[str, Value]
    stations: dict[str, StationResult]
    classes: dict[str, ClassResult]
    latency: Distribution
    basis: Basis

    def __repr__(self) -> str:
        """Return load, mean response and bottleneck in one line."""
        if is_symbolic(self.response_time) or np.ndim(self.response_time):
            return f"<RoutedResult, shape {np.shape(self.response_time)}>"
        return (
            f"<network at {text(float(self.arrival_rate), '1/s')}: mean response "
            f"{text(float(self.response_time), 's')}, {self.bottleneck} saturates first at "
            f"{text(float(self.max_rate), '1/s')}>"
        )

    @property
    def bottleneck(self) -> Any:
        """Name of the station that saturates first; an array of names where cells differ."""
        names = np.array(list(self.limits))
        least = np.argmin(np.array(np.broadcast_arrays(*self.limits.values())), axis=0)
        found = names[least]
        return str(found) if found.ndim == 0 else found

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())
