r"""How long a healthy state lasts: mean time until noise tips a station with retries.

Below the fold a station whose clients time out and try again has a healthy state and a
collapsed one (`qmodel.pipeline.fixed_points`). The noise of arrivals alone takes it from one to
the other, sooner or later. With n present, an arrival fails with :math:`f_n`, the probability
that its wait and its service exceed the timeout, and its attempts are load at once:

.. math::

    \lambda_n = \lambda_0 \frac{1 - f_n^N}{1 - f_n}, \qquad \mu_n = \mu \min(n, c), \qquad
    E[T_{0 \to M}] = \sum_{n=0}^{M-1} \frac{1}{\lambda_n p_n} \sum_{k \le n} p_k ,

a birth and death chain with the stationary weights :math:`p_n`, from an empty station to
:math:`M = c + 2 c \mu \tau` present, where nothing comes back [1]_.

**Error.** Low, that is on the safe side, by a factor of 1.4 to 2 for pauses up to a fifth of
the timeout, more for longer ones, in simulations of eight servers at 76 to 93 % of the fold.
**Shapes.** Loads, service times and timeouts broadcast; servers and attempts are one number.

References
----------
.. [1] J. Keilson, "Markov Chain Models: Rarity and Exponentiality", Springer, 1979, ch. 5 (mean
   passage times of birth and death chains); the chain with attempts at once is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import DomainError, InfeasibleError
from qmodel.numerics.roots import increasing_root

__all__ = ["safe_load", "time_to_collapse"]

_STATES = 1_000_000
"""Requests at the station up to which its states are summed."""


@checked
def time_to_collapse(
    arrival_rate: Value, service_time: Value, *, servers: int = 1, timeout: Value, attempts: int
) -> Value:
    """Mean time until an idle station of clients who try again collapses.

    Parameters
    ----------
    arrival_rate : number or array
        Fresh requests, >= 0. [1/s]
    service_time : number or array
        Mean service time, exponential, > 0. [s]
    servers : int, default 1
        Number of servers, >= 1. [-]
    timeout : number or array
        Time after which a client gives up and tries again, > 0; the servers finish what it
        has given up. [s]
    attempts : int
        Attempts in all, >= 1. [-]

    Returns
    -------
    number or array
        The mean time; inf without load. A heuristic, low by a factor of 1.4 to 2. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    Eight servers at 80 %, 75 % and 65 % load, clients that wait five service times, in service
    times; the fold is at 86 %:

    >>> rates = np.array([6.4, 6.0, 5.2])
    >>> time_to_collapse(rates, 1.0, servers=8, timeout=5.0, attempts=3).round()
    array([  1231.,   6053., 414440.])
    """
    rate = np.asarray(_check.nonnegative("arrival_rate", arrival_rate))
    s = np.asarray(_check.positive("service_time", service_time))
    tau = np.asarray(_check.positive("timeout", timeout)) / s
    c, tries = (
        _check.one_count("servers", servers, most=_STATES),
        _check.one_count("attempts", attempts, most=10**4),
    )
    with np.errstate(divide="ignore", over="ignore"):
        found = s * np.exp(_log_time(rate * s, c, tau, tries))
    return np.where(rate == 0, np.inf, found)[()]


def _log_time(load: Any, c: int, tau: Any, attempts: int) -> Any:
    """Return the log of the mean time, in service times."""
    load, tau = np.broadcast_arrays(load, tau)
    unknown = np.isnan(load) | np.isnan(tau)
    tau = np.where(unknown, 0.0, tau)
    most = np.max(c + 2 * c * tau)
    if not most < _STATES:
        raise DomainError(
            f"timeout must be at most {_STATES:,} service times of all servers, got "
            f"{float(np.max(tau)):g} service times with {c:g} servers"
        )
    n = np.arange(int(most) + 1).reshape(-1, *[1] * load.ndim)
    fails = _failure(n, c, tau)
    tried = sum(fails**k for k in range(attempts))
    with np.errstate(divide="ignore", invalid="ignore"):
        births = np.log(load * tried)
        deaths = np.log(np.minimum(n, c))  # at n = 0 it does not count
        # log p_n, and the log of the sum of the p's up to n.
        weights = np.zeros_like(births)
        weights[1:] = np.cumsum(births[:-1] - deaths[1:], axis=0)
        below = np.logaddexp.accumulate(weights, axis=0)
        terms = below - weights - births
    inside = n < c + 2 * c * tau
    with np.errstate(invalid="ignore"):
        found = np.logaddexp.reduce(np.where(inside, terms, -np.inf), axis=0)
    return np.where(unknown, np.nan, found)


def _failure(n: Any, c: int, tau: Any) -> Any:
    """Return the probability that wait and service of an arrival that sees n exceed tau."""
    from scipy.special import gammainc, gammaincc

    ahead = np.maximum(n - c + 1, 0)
    late = np.where(ahead > 0, gammaincc(np.maximum(ahead, 1), c * tau), 0.0)
    # The wait is Erlang(ahead, c), the service exponential(1): integrate over the wait.
    if c == 1:
        return np.asarray(gammaincc(ahead + 1.0, tau))
    r = c / (c - 1.0)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        # E[exp(-(tau - W)); W < tau] with W ~ Erlang(k, c): r^k e^-tau P(k, (c - 1) tau).
        log = ahead * np.log(r) - tau
        inner = np.where(
            ahead > 0, gammainc(np.maximum(ahead, 1), (c - 1) * tau) * np.exp(log), np.exp(-tau)
        )
    return np.clip(late + np.nan_to_num(inner, nan=0.0), 0.0, 1.0)


@checked
def safe_load(
    horizon: Value, service_time: Value, *, servers: int = 1, timeout: Value, attempts: int
) -> Value:
    """Load at which a station of clients who try again stays healthy for a time, on average.

    Parameters
    ----------
    horizon : number or array
        The mean time until it collapses, > 0. [s]
    service_time : number or array
        Mean service time, exponential, > 0. [s]
    servers : int, default 1
        Number of servers, >= 1. [-]
    timeout : number or array
        Time after which a client gives up and tries again, > 0. [s]
    attempts : int
        Attempts in all, >= 1. [-]

    Returns
    -------
    number or array
        Arrival rate of fresh requests. [1/s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    InfeasibleError
        If it is shorter than a station needs to fill at all.

    Examples
    --------
    For a month of service times of 10 ms:

    >>> month = 30 * 86400.0
    >>> rate = safe_load(month, 0.010, servers=8, timeout=0.050, attempts=3)
    >>> float(rate / 800)
    0.541
    """
    time = np.asarray(_check.positive("horizon", horizon))
    s = np.asarray(_check.positive("service_time", service_time))
    tau = np.asarray(_check.positive("timeout", timeout)) / s
    c, tries = (
        _check.one_count("servers", servers, most=_STATES),
        _check.one_count("attempts", attempts, most=10**4),
    )
    goal, tau = np.broadcast_arrays(np.log(time / s), tau)
    high = np.full(goal.shape, float(c))
    if np.any(_log_time(high, c, tau, tries) > goal):
        raise InfeasibleError(
            f"horizon must be longer than a station at full load takes to collapse, got "
            f"{float(np.min(time)):g} s"
        )

    def short(load: Any) -> Any:
        return goal - _log_time(load, c, tau, tries)

    return (increasing_root(short, 1e-3 * high, high, rtol=1e-10) / s)[()]
