r"""M/M/c whose servers break down: the exact mean, however long repairs take.

Each of c servers is up for an exponential time of mean :math:`R A / (1 - A)` and is repaired
in one of mean R, whether it serves or not, so that it is up for the share A of the time; a
request whose server breaks down is the next to be served, from where it was. Requests present
and servers up are a quasi-birth-death process [1]_ [2]_: from c requests on all levels are
alike, and the ratio of neighbours comes from cyclic reduction [3]_. Below c the ratios follow
one from the other, down to the empty system.

**Domain.** Stable while the load is below the mean number of servers that are up.

**Limits.** Long repairs: the mixture over the number that is up, if none of them is too few
(`qmodel.balancing.reliability.failures`). Short ones: i requests are served at the mean rate of
the servers that are up and have one, :math:`E[\min(i, \text{up})] / S`.

References
----------
.. [1] I. L. Mitrany, B. Avi-Itzhak, "A many-server queue with service interruptions",
   Operations Research 16, 1968, 628-638.
.. [2] M. F. Neuts, D. M. Lucantoni, "A Markovian queue with N servers subject to breakdowns
   and repairs", Management Science 25, 1979.
.. [3] D. A. Bini, G. Latouche, B. Meini, "Numerical Methods for Structured Markov Chains",
   Oxford University Press, 2005, ch. 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.balancing.reliability.interrupted_response import Found, InterruptedResponse
from qmodel.distributions import NEVER, Distribution, Mixture
from qmodel.queues.delay import at_load

__all__ = ["ratio_of_levels", "response", "response_time"]

_CHUNK = 1 << 20
"""Numbers at a time."""


def response_time(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    available: Value,
    repair_time: Value,
) -> Value:
    """Mean time in queue and in service, interruptions included.

    Parameters
    ----------
    arrival_rate : number or array
        Poisson arrivals, >= 0. [1/s]
    service_time : number or array
        Mean service time without interruptions, > 0. [s]
    servers : int or integer array
        Number of servers, up or not, >= 1. [-]
    available : number or array
        Fraction of time that each of them is up. [-]
    repair_time : number or array
        Mean time to repair one, > 0. [s]

    Returns
    -------
    number or array
        Mean time, exact; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    Two servers that are up for 90 % of the time, by how long repairs take in service times:

    >>> repairs = [0.01, 1.0, 100.0]
    >>> response_time(1.0, 1.0, servers=2, available=0.9, repair_time=repairs).round(4)
    array([1.5635, 1.6456, 5.4106])
    """
    cells = _Cells.of(arrival_rate, service_time, servers, available, repair_time)
    found = np.where(cells.unknown, np.nan, np.inf)
    for here, load, states, ratio in cells.solved():
        found[here] = cells.service_time[here] * _sums(states, ratio)[1] / load
    return found.reshape(cells.shape)[()]


@checked
def response(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    available: Value,
    repair_time: Value,
) -> Distribution:
    """Distribution of the time in queue and in service, the oldest present being served.

    Parameters
    ----------
    arrival_rate : number or array
        Poisson arrivals, >= 0. [1/s]
    service_time : number or array
        Mean service time without interruptions, > 0. [s]
    servers : int or integer array
        Number of servers, up or not, >= 1. [-]
    available : number or array
        Fraction of time that each of them is up. [-]
    repair_time : number or array
        Mean time to repair one, > 0. [s]

    Returns
    -------
    Distribution
        The distribution, exact; without end in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    Repairs of a hundred service times leave most requests alone, and hurt the rest:

    >>> time = response(1.0, 1.0, servers=2, available=0.9, repair_time=100.0)
    >>> float(time.mean), float(time.quantile(0.5)), float(time.quantile(0.99))
    (5.4106, 1.3097, 90.44)
    """
    cells = _Cells.of(arrival_rate, service_time, servers, available, repair_time)
    found: list[Found] = []
    row = np.zeros(cells.unknown.size, dtype=int)
    for here, _, states, ratio in cells.solved():
        total, _ = _sums(states, ratio)
        for i, cell in enumerate(here):
            row[cell] = len(found)
            found.append(
                Found.of(cells.fails[cell], cells.repair[cell], states[i], ratio[i], total[i])
            )
    over = np.where(cells.stable | cells.unknown, 0.0, 1.0)
    if not found:
        return at_load(NEVER, np.where(cells.unknown, np.nan, 1.0).reshape(cells.shape)[()])
    time = np.where(cells.unknown, np.nan, cells.service_time).reshape(cells.shape)[()]
    interrupted = InterruptedResponse(time, row.reshape(cells.shape)[()], tuple(found))
    if not over.any():
        return interrupted
    weights = ((1 - over).reshape(cells.shape)[()], over.reshape(cells.shape)[()])
    return Mixture(weights, (interrupted, NEVER))


class _Cells(NamedTuple):
    """The cells of a call: times of repair and rates in service times."""

    shape: tuple[int, ...]
    load: Any
    service_time: Any
    servers: Any
    available: Any
    repair: Any
    stable: Any
    unknown: Any

    @classmethod
    def of(cls, rate: Any, s: Any, servers: Any, available: Any, repair: Any) -> _Cells:
        """Return the cells of checked arguments."""
        given = (
            _check.nonnegative("arrival_rate", rate),
            _check.positive("service_time", s),
            _check.count("servers", servers),
            _check.probability("available", available),
            _check.positive("repair_time", repair),
        )
        _check.numbers("breakdowns", *given)
        shape = np.broadcast_shapes(*(np.shape(x) for x in given))
        rate, s, c, up, repair = (
            np.broadcast_to(np.asarray(x, dtype=float), shape).ravel() for x in given
        )
        with np.errstate(invalid="ignore"):
            stable = rate * s < c * up
        # Of no requests the mean is that of very few.
        load, always = np.maximum(rate * s, 1e-9), np.minimum(up, 1 - 1e-14)
        unknown = np.isnan(rate + s + c + up + repair)
        return cls(shape, load, s, c, always, repair / s, stable, unknown)

    @property
    def fails(self) -> Any:
        """Rate at which a server that is up breaks down."""
        return (1 - self.available) / (self.available * self.repair)

    def solved(self) -> Iterator[tuple[Any, Any, Any, Any]]:
        """Yield stable cells: where, their loads, their states and the ratio of levels."""
        for number in np.unique(self.servers[self.stable]):
            rows = np.flatnonzero(self.stable & ~self.unknown & (self.servers == number))
            step = max(1, int(_CHUNK / (number + 1) ** 3))
            for start in range(0, rows.size, step):
                here = rows[start : start + step]
                load = self.load[here]
                yield (
                    here,
                    load,
                    *_levels(load, int(number), self.available[here], self.repair[here]),
                )


def _levels(load: Any, servers: int, available: Any, repair: Any) -> tuple[Any, Any]:
    """Return states with 0, ..., c - 1 requests, and the ratio of the levels from there.

    Of each cell, in units of the service time and of any sum; by servers up on the last axis.
    """
    up = np.arange(servers + 1.0)
    fails = up * ((1 - available) / (available * repair))[:, None]
    mends = (servers - up) / repair[:, None]
    every = np.arange(servers + 1)
    change = np.zeros((load.size, servers + 1, servers + 1))
    change[:, every[1:], every[:-1]] = fails[:, 1:]
    change[:, every[:-1], every[1:]] = mends[:, :-1]
    arrive, same = load[:, None, None], np.eye(servers + 1)

    def within(present: int) -> Any:
        """Return the rates that leave the number of requests as it is."""
        leave = fails + mends + load[:, None] + np.minimum(present, up)
        return change - leave[:, None] * same

    ratio = ratio_of_levels(arrive * same, within(servers), np.diag(up) + 0 * change)
    ratios = [ratio]
    for present in range(servers - 1, 0, -1):
        down = np.minimum(present + 1, up) * same
        ratios.append(arrive * np.linalg.inv(-(within(present) + ratios[-1] @ down)))
    ratios.reverse()
    first = within(0) + ratios[0] @ (np.minimum(1, up) * same)
    # Each balance follows from the others, so one gives way to the norm.
    first[:, :, -1] = 1.0
    state = np.linalg.solve(np.swapaxes(first, 1, 2), same[-1][:, None])
    states = [np.swapaxes(state, 1, 2)]
    for present in range(1, servers):
        states.append(states[-1] @ ratios[present - 1])
    return np.concatenate(states, axis=1), ratio


def _sums(states: Any, ratio: Any) -> tuple[Any, Any]:
    """Return what all states sum to, and the mean number of requests in them."""
    servers = states.shape[1]
    beyond = np.linalg.inv(np.eye(servers + 1) - ratio)
    behind = states[:, -1:] @ ratio @ beyond
    mass = behind.sum(axis=(1, 2))
    total = states.sum(axis=(1, 2)) + mass
    number = (np.arange(servers) * states.sum(axis=2)).sum(axis=1)
    return total, (number + (servers - 1) * mass + (behind @ beyond).sum(axis=(1, 2))) / total


def ratio_of_levels(up: Any, within: Any, down: Any) -> Any:
    """Ratio of neighbouring levels that are alike, by cyclic reduction.

    Parameters
    ----------
    up, within, down : array
        Rates one level up, on the level and one down, of some processes. [1/s]

    Returns
    -------
    array
        The matrix R, one a process: the state of each level is that of the one below it
        times R. [-]

    Examples
    --------
    M/M/1 at 80 % load:

    >>> import numpy as np
    >>> ratio_of_levels(*(np.full((1, 1, 1), x) for x in (0.8, -1.8, 1.0)))
    array([[[0.8]]])
    """
    low, high, middle, last = down, up, within, within
    for _ in range(60):
        inverse = np.linalg.inv(-middle)
        rise, fall = high @ inverse, low @ inverse
        last = last + rise @ low
        middle = middle + rise @ low + fall @ high
        high, low = rise @ high, fall @ low
        if min(np.abs(high).max(), np.abs(low).max()) < 1e-16:
            break
    # The first passage one level down, and what it makes of a level up.
    passage = np.linalg.solve(-last, down)
    return up @ np.linalg.inv(-(within + up @ passage))
