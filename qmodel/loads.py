"""A load is a value: what comes to a station or a pipeline.

===================  =====================================================  =================
load                 what it is                                             a number is
===================  =====================================================  =================
`Poisson`            a stream of independent users, constant in time        its rate
`Renewal`            independent interarrival times, of some variability
`Closed`             users who wait for their answer, then think
`Profile`            a rate that changes in time
===================  =====================================================  =================

What a model cannot take it refuses, and says why.

References
----------
.. [1] L. Kleinrock, "Queueing Systems, Volume 2: Computer Applications", Wiley, 1976, ch. 4
   (closed systems of users who think).
.. [2] W. Whitt, "The queueing network analyzer", Bell System Technical Journal 62, 1983
   (rate and variability of renewal streams).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Count, Value
from qmodel._values import digest_fields, same_fields
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError, ModelError
from qmodel.units import text

__all__ = [
    "Closed",
    "Load",
    "Poisson",
    "Profile",
    "Renewal",
    "columns_of",
    "in_words",
    "one_scenario",
    "poisson_rate",
]


class Load(Model):
    """What comes to a station or a pipeline; loads of equal numbers are equal.

    Examples
    --------
    >>> Poisson(20.0) == Poisson(20.0), isinstance(Closed(5), Load)
    (True, True)
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Return whether the other is the same kind of load, of the same numbers."""
        return same_fields(self, other)

    def __hash__(self) -> int:
        """Return the same for equal loads."""
        return digest_fields(self)


@dataclass(frozen=True, slots=True, eq=False)
class Poisson(Load):
    """Requests that come independently of each other, at a constant rate.

    Parameters
    ----------
    rate : number or array
        Requests a second, >= 0. [1/s]

    Raises
    ------
    DomainError
        If `rate` is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> db = qm.MMc(0.01)
    >>> float(db.solve(qm.Poisson(50.0)).response_time), float(db.solve(50.0).response_time)
    (0.02, 0.02)
    """

    rate: Value = parameter("arrival rate", unit="1/s", symbol="lambda")


@dataclass(frozen=True, slots=True, eq=False)
class Renewal(Load):
    """Requests with independent times between them, more or less regular than Poisson.

    Parameters
    ----------
    rate : number or array
        Requests a second, >= 0. [1/s]
    scv : number or array
        Squared coefficient of variation of the interarrival times: 0 for a clock, 1 for
        Poisson, more for bursts. [-]

    Raises
    ------
    DomainError
        If a number is negative.

    Examples
    --------
    A queue is shorter behind regular arrivals:

    >>> import qmodel as qm
    >>> loads = [qm.Renewal(80.0, scv) for scv in (0.25, 1.0, 4.0)]
    >>> [float(qm.MMc(0.01).solve(load).waiting_time) for load in loads]
    [0.0227, 0.04, 0.0982]
    """

    rate: Value = parameter("arrival rate", unit="1/s", symbol="lambda")
    scv: Value = parameter("variability of the interarrival times", check=_check.scv)


def _users(name: str, n: Any) -> Any:
    return _check.count(name, n, least=0)


@dataclass(frozen=True, slots=True, eq=False)
class Closed(Load):
    """Users who send a request, wait for its answer, think, and send the next.

    Parameters
    ----------
    users : int or integer array
        Users, a whole number >= 0: between two there is no such load. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request of the same user, >= 0. [s]

    Raises
    ------
    DomainError
        If `users` is no whole number >= 0, or `think_time` is negative or infinite.

    Examples
    --------
    >>> Closed(users=200, think_time=5.0)
    Closed(users=200, think_time=5.0)

    A tenth more of them, and always whole users:

    >>> float((1.1 * Closed(users=15, think_time=5.0)).users)
    17.0
    """

    users: Count = parameter("users", symbol="N", check=_users)
    think_time: Value = parameter(
        "mean think time", unit="s", symbol="Z", check=_check.finite, default=0.0
    )

    def __mul__(self, factor: float) -> Closed:
        """Return so many times the users, rounded up."""
        if not isinstance(factor, (int, float, np.number)):
            return NotImplemented
        if is_symbolic(self.users):
            raise DomainError(f"users must be numbers to be multiplied, got {self.users}")
        users = _check.finite("factor", factor) * np.asarray(self.users)
        return Closed(np.ceil(users * (1 - 1e-12))[()], self.think_time)

    __rmul__ = __mul__


@dataclass(frozen=True, slots=True, eq=False)
class Profile(Load):
    """A rate that changes in time, linear between the times given.

    Parameters
    ----------
    times : sequence of float
        Times, increasing. [s]
    rates : sequence of float
        Requests a second at each, >= 0. [1/s]

    Raises
    ------
    DomainError
        If there are not as many rates as times, at least two; if times do not increase, or a
        rate is negative, infinite or NaN.

    Examples
    --------
    >>> crowd = Profile(times=[0.0, 60.0, 600.0], rates=[100.0, 5000.0, 100.0])
    >>> float(crowd.rate(30.0)), crowd.peak, crowd.total
    (2550.0, 5000.0, 1530000.0)

    Profiles add up, and can be scaled:

    >>> float((crowd + 0.5 * crowd).rate(30.0))
    3825.0
    """

    times: Any = parameter("times", unit="s", check=_check.real)
    rates: Any = parameter("arrival rates", unit="1/s", symbol="lambda", check=_check.finite)

    def __post_init__(self) -> None:
        times = np.array(_check.several("times", self.times), dtype=float)
        rates = np.array(_check.several("rates", self.rates), dtype=float)
        if times.ndim != 1 or times.shape != rates.shape or times.size < 2:
            raise DomainError(
                f"times and rates must be as many, at least two, got {times.size} and "
                f"{rates.size}"
            )
        late = np.flatnonzero(~(np.diff(times) > 0))
        if late.size:
            i = int(late[0])
            raise DomainError(f"times must increase, got {times[i]:g} before {times[i + 1]:g}")
        if np.isnan(rates).any():
            raise DomainError("rates must be finite numbers >= 0, got nan")
        for name, values in (("times", times), ("rates", rates)):
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @checked
    def rate(self, time: Value) -> Value:
        """Return the rate at a time, that of the nearer end outside [1/s].

        Parameters
        ----------
        time : number or array
            When. [s]

        Returns
        -------
        number or array
            The rate. [1/s]
        """
        return np.interp(np.asarray(time), self.times, self.rates)[()]

    @property
    def peak(self) -> float:
        """The greatest rate. [1/s]."""
        return float(self.rates.max())

    @property
    def total(self) -> float:
        """Requests from the first time to the last. [-]."""
        return float(np.trapezoid(self.rates, self.times))

    def __add__(self, other: object) -> Profile:
        """Return both together, each outside its times as at their nearer end."""
        if not isinstance(other, Profile):
            return NotImplemented
        times = np.union1d(self.times, other.times)
        return Profile(times, self.rate(times) + other.rate(times))

    def __mul__(self, factor: float) -> Profile:
        """Return so many times as much."""
        if not isinstance(factor, (int, float, np.number)):
            return NotImplemented
        return Profile(self.times, _check.finite("factor", factor) * self.rates)

    __rmul__ = __mul__


_REASONS = {
    Renewal: "it takes Poisson arrivals; a station with a renewal form takes this load",
    Closed: "it is solved for users who wait for their answer elsewhere (qmodel.networks)",
    Profile: "it is solved for a steady state; pipelines are solved over time",
}


def poisson_rate(load: Any, who: str) -> Any:
    """Return the rate of a load that is a number or Poisson, and refuse others for `who`."""
    if isinstance(load, Poisson):
        return load.rate
    if isinstance(load, Load):
        reason = _REASONS[type(load)]
        raise ModelError(f"{who} does not take {type(load).__name__} loads: {reason}")
    return _check.nonnegative("arrival_rate", load)


def one_scenario(load: Closed) -> Closed:
    """Return users of one scenario, refusing arrays, symbols and what is not known."""
    for name, value in columns_of(load).items():
        if is_symbolic(value) or np.ndim(value) or np.isnan(value):
            raise DomainError(f"{name} must be one number: one scenario at a time, got {value}")
    return load


def columns_of(load: Any) -> dict[str, Any]:
    """Return the numbers of a load by name, as frames have them."""
    if isinstance(load, Closed):
        return {"users": load.users, "think_time": load.think_time}
    if isinstance(load, Profile):
        return {"peak": load.peak, "requests": load.total}
    return {"arrival_rate": load.rate if isinstance(load, Poisson) else load}


def in_words(load: Any) -> str:
    """Return one load as in a sentence: "at 20/s", "with 200 users who think 5 s"."""
    if isinstance(load, Profile):
        return f"under a load of up to {text(load.peak, '1/s')}"
    if not isinstance(load, Closed):
        return f"at {text(float(load.rate if isinstance(load, Poisson) else load), '1/s')}"
    users = int(load.users)
    who = f"{users:,} users who think" if users != 1 else "1 user who thinks"
    if not load.think_time:
        return f"with {who.partition(' who')[0]}"
    return f"with {who} {text(float(load.think_time), 's')}"
