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

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value

__all__ = ["ratio_of_levels", "response_time"]

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
    given = (
        _check.nonnegative("arrival_rate", arrival_rate),
        _check.positive("service_time", service_time),
        _check.count("servers", servers),
        _check.probability("available", available),
        _check.positive("repair_time", repair_time),
    )
    _check.numbers("breakdowns", *given)
    shape = np.broadcast_shapes(*(np.shape(x) for x in given))
    rate, s, c, up, repair = (
        np.broadcast_to(np.asarray(x, dtype=float), shape).ravel() for x in given
    )
    found = np.where(np.isnan(rate + s + c + up + repair), np.nan, np.inf)
    with np.errstate(invalid="ignore"):
        stable = rate * s < c * up
    found = np.where(stable & (up == 1), 0.0, found)
    for number in np.unique(c[stable]):
        rows = np.flatnonzero(stable & (c == number))
        step = max(1, int(_CHUNK / (number + 1) ** 3))
        for start in range(0, rows.size, step):
            here = rows[start : start + step]
            # In service times; of no requests the mean is that of very few.
            load = np.maximum(rate[here] * s[here], 1e-9)
            found[here] = s[here] * _number(
                load, int(number), np.minimum(up[here], 1 - 1e-14), repair[here] / s[here]
            ) / load  # fmt: skip
    return found.reshape(shape)[()]


def _number(load: Any, servers: int, available: Any, repair: Any) -> Any:
    """Return the mean number of requests present, one a cell, in units of the service time."""
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
    state = np.swapaxes(state, 1, 2)
    total, number = state.sum(axis=(1, 2)), np.zeros(load.size)
    for present in range(1, servers):
        state = state @ ratios[present - 1]
        total, number = (
            total + state.sum(axis=(1, 2)),
            number + present * state.sum(axis=(1, 2)),
        )
    beyond = np.linalg.inv(same - ratio)
    behind = state @ ratio @ beyond
    mass = behind.sum(axis=(1, 2))
    number = number + (servers - 1) * mass + (behind @ beyond).sum(axis=(1, 2))
    return number / (total + mass)


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
