"""Classes of users and of open streams, and what they make of their stations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from qmodel import _check
from qmodel._fields import Model, parameter
from qmodel._typing import Count, Value
from qmodel.basis import Assumption, Basis, union
from qmodel.distributions import Distribution

__all__ = ["ClassesResult", "ClosedClass", "OpenClass", "StationClasses"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClosedClass(Model):
    """Users of one kind.

    Parameters
    ----------
    visits : mapping of str to number or array
        How often one request visits each station; those not named it does not. [-]
    users : int or integer array
        Number of users, >= 0. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request, >= 0. [s]
    services : mapping of str to Distribution, optional
        Service at a station where it is not that of the station. [-]
    weights : mapping of str to number, optional
        Weight at a shared server, > 0, by which its speed is divided; by default 1. [-]
    """

    visits: Mapping[str, Value]
    users: Count = parameter("users", symbol="N", check=partial(_check.count, least=0))
    think_time: Value = parameter(
        "mean time between an answer and the next request", unit="s", symbol="Z", default=0.0
    )
    services: Mapping[str, Distribution] = field(default_factory=dict)
    weights: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OpenClass(Model):
    """A stream of requests from outside.

    Parameters
    ----------
    visits : mapping of str to number or array
        How often one request visits each station; those not named it does not. [-]
    arrival_rate : number or array
        Poisson arrivals, >= 0. [1/s]
    services : mapping of str to Distribution, optional
        Service at a station where it is not that of the station. [-]
    """

    visits: Mapping[str, Value]
    arrival_rate: Value = parameter("Poisson arrivals", unit="1/s", symbol="lambda")
    services: Mapping[str, Distribution] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StationClasses:
    """What several classes make of a station.

    Parameters
    ----------
    utilization : number or array
        Busy share of the servers, of all classes. [-]
    number_in_system : number or array
        Mean number present, of all classes. [-]
    numbers : dict of str to number or array
        The same by class. [-]
    residence_times : dict of str to number or array
        Mean time of all visits of a request, by class. [s]
    """

    utilization: Value
    number_in_system: Value
    numbers: dict[str, Value]
    residence_times: dict[str, Value]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClassesResult:
    """The steady state of several classes.

    Parameters
    ----------
    throughputs : dict of str to number or array
        Requests answered a second, by class. [1/s]
    response_times : dict of str to number or array
        Mean time from a request to its answer, by class. [s]
    stations : dict of str to StationClasses
        The stations. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    """

    throughputs: dict[str, Value]
    response_times: dict[str, Value]
    stations: dict[str, StationClasses]
    basis: Basis

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())
