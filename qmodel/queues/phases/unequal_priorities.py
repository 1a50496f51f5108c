r"""M/M/c with priorities where the streams differ in their mean service times.

**Interrupted service.** Streams do not see those below them. A stream k works on the servers
that the streams above leave it; these are taken as one stream of the same load and of
exponential service with the mean of theirs, which is exact for two streams. Its own number
is then the level, and theirs the phase, of a quasi-birth-death process, whose equations are
those of `qmodel.queues.phases.queue`: with n requests of its own and m above, it is served at
the rate :math:`\min(n, (c - m)^+) / S_k`. The phases end where hardly ever so many are above.

**Finished service.** Bondi and Buzen [1]_: the servers shorten the wait of each stream in the
same proportion as without priorities. With :math:`\sigma_k` the load of streams 1 to k and
:math:`\rho` that of all,

.. math::

    W_{q,k} = W_q \, \frac{1 - \rho}{(1 - \sigma_{k-1})(1 - \sigma_k)},

where :math:`W_q` is the wait of M/G/c whose service is the mix of all, exactly. It is exact for
one server and for equal means.

**Overload.** ``inf`` for the stream that is in overload; for those above, the streams below are
served with what is left. NaN in, NaN out.

References
----------
.. [1] A. B. Bondi, J. P. Buzen, "The response times of priority classes under preemptive resume
   in M/G/m queues", ACM SIGMETRICS 1984.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import ZERO, Distribution, Exponential, HyperExponential, Mixture
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.mgc import MGc
from qmodel.queues.mmc import waiting_time
from qmodel.queues.phases.queue import first_passage
from qmodel.queues.waits.busy_period import BusyPeriod
from qmodel.queues.waits.mmc import MMcWait

__all__ = [
    "EXPONENTIAL_INTERRUPTED",
    "SAME_PROPORTION",
    "STREAMS_AS_ONE",
    "finished",
    "interrupted",
]

STREAMS_AS_ONE = Assumption(
    "streams-above-as-one",
    "to a third stream and those below it, the streams above are one, of exponential service; "
    "exact for two streams; the mean response of the third was found within 0.1 % for means "
    "that differ by half, 5 % low for 3, 1 and 5, and 22 % low for 1, 3 and 0.5",
    "our simulations",
    APPROXIMATE,
)
EXPONENTIAL_INTERRUPTED = Assumption(
    "exponential-interrupted-wait",
    "below the first stream, those that wait do so for an exponential time; the mean is exact, "
    "p99 within 3 % from five servers on and up to 16 % short with one",
    "a choice of this library",
    APPROXIMATE,
)
SAME_PROPORTION = Assumption(
    "same-proportion",
    "several servers shorten the wait of each stream in the same proportion; on two and four "
    "servers at loads of 0.7 and 0.9 the last of two streams was found within 5 %, the first "
    "up to 12 % low where its services are four times as short, 49 % high where four times as "
    "long",
    "Bondi and Buzen 1984",
    APPROXIMATE,
)

_RARE = 1e-13
_FULL = 1e-6  # of the servers, that is left where streams below have too much


def _cells(rates: Sequence[Any], times: Sequence[Any]) -> tuple[Any, Any, tuple[int, ...]]:
    """Return rates and times as arrays (streams, cells), and the shape of the cells."""
    shape = np.broadcast_shapes(*(np.shape(x) for x in (*rates, *times)))
    lam, s = (
        np.stack([np.broadcast_to(np.asarray(x, dtype=float), shape).ravel() for x in values])
        for values in (rates, times)
    )
    return lam, s, shape


def interrupted(
    rates: Sequence[Any], times: Sequence[Any], servers: int
) -> list[tuple[Any, Any]]:
    """Return mean wait and probability of a wait of each stream, the most urgent first.

    Parameters
    ----------
    rates : sequence of numbers or arrays
        Arrival rates, >= 0. [1/s]
    times : sequence of numbers or arrays
        Mean service times, > 0. [s]
    servers : int
        Number of servers. [-]

    Returns
    -------
    list of two numbers or arrays each
        Mean time not in service [s], and share of the arrivals that find no server [-].

    Examples
    --------
    >>> (_, _), (wait, _) = interrupted([0.5, 0.3], [1 / 1.2, 1 / 0.8], servers=2)
    >>> float(wait + 1 / 0.8)
    1.6252
    """
    lam, s, shape = _cells(rates, times)
    found = []
    for k in range(len(lam)):
        work = (lam[:k] * s[:k]).sum(axis=0)
        above = lam[:k].sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(above > 0, work / above, 1.0)
        own = np.full((2, lam.shape[1]), np.inf)
        own[1] = 1.0
        total = work + lam[k] * s[k]
        own[:, np.isnan(total)] = np.nan
        for cell in np.flatnonzero(total < servers):
            if work[cell] == 0:
                own[:, cell] = (
                    waiting_time(lam[k, cell], s[k, cell], servers=servers),
                    erlang_c(servers=servers, offered_load=lam[k, cell] * s[k, cell]),
                )
                continue
            rate = max(lam[k, cell], 1e-9 / s[k, cell])
            number, late = _below(above[cell], mean[cell], rate, s[k, cell], servers)
            own[:, cell] = max(number / rate - s[k, cell], 0.0), late
        wait, late = own.reshape(2, *shape)
        found.append((wait[()], late[()]))
    return found


def _below(
    above: float, mean: float, rate: float, time: float, servers: int
) -> tuple[float, float]:
    """Return the mean number of a stream, and P(no server), below another stream."""
    load = above * mean / servers
    most = int(servers + np.log(_RARE) / np.log(load)) + 2
    m = np.arange(most + 1)
    phases = np.diag(np.full(most, above), 1)
    phases += np.diag(np.minimum(m, servers)[1:] / mean, -1)
    phases -= np.diag(phases.sum(axis=1))
    one = np.eye(most + 1)

    def down(n: int) -> np.ndarray:
        return np.diag(np.minimum(n, np.maximum(servers - m, 0)) / time)

    up = rate * one
    fall = down(servers)
    stay = phases - up - fall
    passage = first_passage(up[None], stay[None], fall[None], np.ones((1, most + 1)))[0]
    ratio = up @ np.linalg.inv(-stay - up @ passage)
    factors = [ratio]
    for n in range(servers - 1, 0, -1):
        here = phases - up - down(n)
        factors.append(up @ np.linalg.inv(-here - factors[-1] @ down(n + 1)))
    balance = (phases - up + factors[-1] @ down(1)).T
    balance[-1] = 1.0
    levels = [np.linalg.solve(balance, one[:, -1])]
    for factor in factors[:0:-1]:
        levels.append(levels[-1] @ factor)
    beyond = np.linalg.inv(one - ratio)
    last = levels.pop()
    rest = last @ beyond
    total = sum(x.sum() for x in levels) + rest.sum()
    number = sum(n * x.sum() for n, x in enumerate(levels))
    number += (servers - 1) * rest.sum() + (last @ ratio @ beyond @ beyond).sum()
    free = sum(x[: max(servers - n, 0)].sum() for n, x in enumerate(levels))
    # Of its own c - 1, one server is left where nobody is above.
    free += last[:1].sum()
    return float(number / total), float(1 - free / total)


def finished(rates: Sequence[Any], times: Sequence[Any], servers: int) -> list[tuple[Any, Any]]:
    """Return mean wait and probability of a wait of each stream where services are finished.

    Parameters
    ----------
    rates : sequence of numbers or arrays
        Arrival rates, >= 0. [1/s]
    times : sequence of numbers or arrays
        Mean service times, > 0. [s]
    servers : int
        Number of servers. [-]

    Returns
    -------
    list of two numbers or arrays each
        Mean time in queue [s], and share of the arrivals that wait [-].

    Examples
    --------
    >>> [round(float(wait), 4) for wait, _ in finished([1.0, 0.5], [0.5, 1.0], servers=2)]
    [0.1638, 0.3276]
    """
    lam, s, shape = _cells(rates, times)
    left = np.full(lam.shape[1], servers * (1 - _FULL))
    served = np.zeros(lam.shape)
    for k in range(len(lam)):
        served[k] = np.minimum(lam[k], left / s[k])
        left = left - served[k] * s[k]
    total = served.sum(axis=0)
    unknown = np.where(np.isnan(lam.sum(axis=0) + s.sum(axis=0)), np.nan, 1.0)
    shares = np.where(total > 0, served / np.where(total > 0, total, 1.0), 1 / len(lam))
    mix = HyperExponential(tuple(np.nan_to_num(shares, nan=1 / len(lam))), tuple(s))
    together = MGc(mix, servers).solve(np.nan_to_num(total))
    assert together.wait is not None
    spare = 1 - (served * s).sum(axis=0) / servers
    late = np.asarray(together.wait.tail(0.0)) * unknown
    found, before = [], np.ones(lam.shape[1])
    for k in range(len(lam)):
        after = before - lam[k] * s[k] / servers
        with np.errstate(divide="ignore", invalid="ignore"):
            wait = together.waiting_time * spare / (before * after)
        wait = np.where(after <= 0, np.inf, wait) * unknown
        found.append((wait.reshape(shape)[()], late.reshape(shape)[()]))
        before = np.maximum(after, 0.0)
    return found


def waits_of(
    rates: Sequence[Any], times: Sequence[Any], servers: int, *, preemptive: bool
) -> list[tuple[Any, Distribution]]:
    """Return mean and distribution of the wait of each stream, the most important first."""
    found: list[tuple[Any, Distribution]] = []
    above, work = 0.0 * rates[0], 0.0 * rates[0]
    means = (interrupted if preemptive else finished)(rates, times, servers)
    for rate, s, (wait, probability) in zip(rates, times, means, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            drain = np.where(wait == 0, servers / s, probability / wait)[()]
            time: Distribution = MMcWait(probability, drain)
            if found and not preemptive:
                # A wait is the busy period of those above that it begins.
                drain = drain / np.where(np.isinf(wait), 1.0, 1 - work / servers)
                their_time = np.where(above == 0, 1.0, work / above)[()]
                begun = MMcWait(1 + 0 * drain, drain)
                queued = BusyPeriod(begun, above, Exponential(their_time / servers))
                time = Mixture((1 - probability, probability), (ZERO, queued))
        found.append((wait, time))
        above, work = above + rate, work + rate * s
    return found
