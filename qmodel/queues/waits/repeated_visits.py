r"""Several visits of one request to one queue: how much alike its waits are.

In heavy traffic a request that comes back finds the queue as it left it (the snapshot
principle, Reiman [1]_); long after, another one. What there is to do, in all visits of all who
are there, is reflected Brownian motion. Its variance a second is that of what requests bring,
V services each; those who are there have (V + 1) / 2 of them before them on average. So the
number that is there, and with it the waits of two visits k apart, are alike as [2]_

.. math::

    r_k = q \, \big(a \, c^*(k \, \theta R / (V + c_s^2)) +
        (1 - a) \, c^*(k \, \theta (R + p) / (1 + c_s^2))\big), \qquad
    \theta = \frac{c (1 - \rho)^2}{S}, \\
    c^*(t) = 2 (1 - 2 t - t^2) \Phi^c(\sqrt t) + 2 \sqrt t \, \varphi(\sqrt t) (1 + t),

where R is a response and p the mean time that is spent elsewhere. Without pauses a is 1; with
them a part of the queue is new each time, and only what comes from the number of requests in
the whole loop lasts: with the shares h and :math:`h_0` of the variability of service that waits
feel with these pauses and without (`qmodel.queues.approximations.return_visits`), and the
variance :math:`V_M` of the wait with exponential service,

.. math::

    a = \frac{\tau}{\tau + p} \Big(\frac{h_0}{h} + \big(1 - \frac{h_0}{h}\big)
        \frac{V_M}{\operatorname{Var} W}\Big), \qquad \tau = \frac{3}{2 \theta}.

The share q of the variance of a wait comes from the number that is there, the rest from their
service times, of which the number that comes meanwhile keeps some,

.. math::

    1 - q = \Big(1 - a \frac{\rho}{V}\Big) \frac{c_w^2 \, W S / c}{\operatorname{Var} W},

and who comes during one service of a request is ahead of it in the next visit, which adds
:math:`a P(W > 0)^2 \operatorname{Var} S / (\rho V \operatorname{Var} W)`. For one server with
exponential service and without pauses the variance is then within 2 % of the exact one [3]_.
The mean of V waits has the share

.. math:: v = \frac{1}{V} + \frac{2}{V^2} \sum_{k=1}^{V-1} (V - k) r_k

of the variance of one wait, and is taken as a mixture of the means of n and n + 1 independent
waits, :math:`1 / (n + 1) < v \le 1 / n`, that has this variance.

**Errors.** docs/reference/errors-of-visits.md.


References
----------
.. [1] M. I. Reiman, "The heavy traffic diffusion approximation for sojourn times in Jackson
   networks", in "Applied Probability - Computer Science: The Interface", 1982.
.. [2] J. Abate, W. Whitt, "Transient behavior of regulated Brownian motion, I", Advances in
   Applied Probability 19, 1987.
.. [3] J. L. van den Berg, O. J. Boxma, "The M/G/1 queue with processor sharing and its relation
   to a feedback queue", Queueing Systems 9, 1991.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution, Mixture, Repeated, Scaled
from qmodel.queues.approximations.return_visits import felt, lasting
from qmodel.queues.base import StationResult
from qmodel.queues.counts.erlang import erlang_c

__all__ = ["alike", "mean_of_visits"]

_ONE_BY_ONE = 256
"""Visits up to which each is looked at."""


def brownian_correlation(time: Any) -> Any:
    """Return the correlation of reflected Brownian motion over a time, from 1 to 0.

    Examples
    --------
    >>> brownian_correlation(np.array([0.0, 0.1, 1.0, 100.0])).round(3)
    array([1.   , 0.858, 0.333, 0.   ])
    """
    from scipy.special import ndtr

    t = np.minimum(time, 1e3)
    root = np.sqrt(t)
    density = np.exp(-t / 2) / np.sqrt(2 * np.pi)
    found = 2 * (1 - 2 * t - t**2) * ndtr(-root) + 2 * root * density * (1 + t)
    return np.clip(found, 0.0, 1.0)


def alike(visits: Any, step: Any) -> Any:
    """Return the correlation of two visits of one request, as the mean over all pairs.

    Parameters
    ----------
    visits : int or integer array
        Number of visits, V >= 1. [-]
    step : number or array
        Time from one visit to the next, in units of the time in which the queue changes. [-]

    Returns
    -------
    number or array
        The correlation, from 0 to 1. [-]

    Examples
    --------
    >>> alike(4, np.array([0.0, 0.1, 1e3])).round(3)
    array([1.   , 0.792, 0.   ])
    """
    n, step = np.broadcast_arrays(visits, np.minimum(step, 1e6))
    most = int(n.max(initial=1))
    if most <= _ONE_BY_ONE:
        k = np.arange(1, max(most, 2)).reshape(-1, *[1] * n.ndim)
        apart = np.maximum(n - k, 0.0)
    else:
        # As many points as that, each for as many visits.
        edges = np.linspace(0.0, 1.0, _ONE_BY_ONE + 1).reshape(-1, *[1] * n.ndim)
        k = np.maximum((edges[1:] + edges[:-1]) / 2 * n, 1.0)
        apart = np.maximum(n - k, 0.0) * n / _ONE_BY_ONE
    total = (apart * brownian_correlation(k * step)).sum(axis=0)
    return np.clip(2 * total / np.maximum(n * (n - 1.0), 1.0), 0.0, 1.0)[()]


def mean_of_visits(
    result: StationResult, wait: Distribution, visits: Any, pause: Any = 0.0
) -> Distribution:
    """Return the distribution of the mean wait of several visits of one request.

    Parameters
    ----------
    result : StationResult
        The station at its load. [-]
    wait : Distribution
        The wait of one visit. [-]
    visits : int or integer array
        Number of visits, >= 1. [-]
    pause : number or array, default 0.0
        Mean time from the end of one visit to the next. [s]

    Returns
    -------
    Distribution
        The mean of the waits; one wait itself where nothing is known to part them. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> r = qm.MMc(1.0).solve(0.5)
    >>> [float(mean_of_visits(r, r.wait, 4, d).variance.round(2)) for d in (0.0, 10.0, 1e6)]
    [2.11, 1.37, 0.75]
    """
    service, load = result.station.service, result.utilization
    if is_symbolic(visits, pause, load, result.waiting_time) or np.all(np.equal(visits, 1)):
        return wait
    if np.all(np.equal(wait.variance, 0)):
        return wait
    scv, servers = service.scv, result.station.servers
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = service.mean / servers
        response, spare = result.waiting_time + service.mean, np.maximum(1 - load, 0.0)
        slow = response * spare**2 / (unit * (visits + scv))
        fast = (response + pause) * spare**2 / (unit * (1 + scv))
        # Where the load is unknown one step is as good as any.
        slow, fast = (np.where(np.isfinite(x), x, 0.0) for x in (slow, fast))
        lasts = lasting(pause, unit, scv, load)
        seen, at_once = felt(visits, lasts, load), felt(visits, 1.0, load)
        waits = erlang_c(servers=servers, offered_load=load * servers)
        markov = waits * (2 - waits) * (unit / spare) ** 2
        # What lasts is what would be there without pauses.
        number = np.divide(markov + at_once / seen * (wait.variance - markov), wait.variance)
        kept = np.clip(lasting(pause, unit, 1.0, load) * number, 0.0, 1.0)
        kept = np.where(np.isfinite(kept), kept, 1.0)
        noise = (1 + seen * (scv - 1)) * np.divide(unit * result.waiting_time, wait.variance)
        noise = noise * (1 - kept * load / visits)
        # Who comes during a service waits ahead in the next visit.
        busy = wait.tail(0.0) ** 2 / load
        brought = kept * np.divide(busy * service.variance, wait.variance) / visits
        brought = np.where(np.isfinite(brought), brought, 0.0)
        noise = np.where(np.isfinite(noise), np.clip(noise, 0.0, 1.0), 0.0)
    pairs = kept * alike(visits, slow) + (1 - kept) * alike(visits, fast)
    share = 1 / visits + (1 - 1 / visits) * ((1 - noise) * pairs + brought)
    share = np.minimum(share, 1.0)
    few = np.floor(1 / share * (1 + 1e-12))
    # Of the means of n and of n + 1.
    first = np.clip((share - 1 / (few + 1)) * few * (few + 1), 0.0, 1.0)
    if np.all((few == 1) & (first == 1)):
        return wait
    one, more = (Scaled(Repeated(wait, n.astype(int)[()]), (1 / n)[()]) for n in (few, few + 1))
    return Mixture((first[()], (1 - first)[()]), (one, more))
