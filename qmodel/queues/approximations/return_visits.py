r"""What a wait is where requests come back to the same queue.

Where each request makes V visits, what there is to do in heavy traffic is a Brownian motion
that V services of each arrival feed, and those who are there have (V + 1) / 2 of them before
them. So a visit waits as if the service had another SCV [1]_, [2]_,

.. math::

    c_w^2 = 1 + h (c_s^2 - 1), \qquad
    h = a \Big(\frac{2 \rho}{V + 1} + \frac{1 - \rho}{V}\Big) + 1 - a :

the more visits, the more the queue is like one that is shared, which feels no variability. The
part of low loads is exact for one server: two requests that meet take turns, and only the
first turn waits for a part of a service. A stream of requests that is not Poisson counts for
:math:`2 V / (V + 1)` times its index of dispersion less 1, as its visits come in a row.

Requests that are elsewhere for a time p between their visits keep the queue in memory the less
the longer that is against the time in which the queue itself forgets,

.. math::

    a = \frac{\tau}{\tau + p}, \qquad \tau = \frac{S (1 + 2 c_s^2)}{2 c (1 - \rho)^2} .

For exponential service and long pauses, 1 - a is one less the share of the variance of the wait
that comes from the number of requests in the whole loop. The form of a for other service, and
the factor 1 + 2 c_s^2 in it, are ours, from simulations.

References
----------
.. [1] M. I. Reiman, "A multiclass feedback queue in heavy traffic", Advances in Applied
   Probability 20, 1988.
.. [2] W. Whitt, "The queueing network analyzer", Bell System Technical Journal 62, 1983, sec.
   III (immediate feedback).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import ZERO, Exponential, Scaled
from qmodel.distributions.algebra import measure
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.approximations.visit_errors import WORST
from qmodel.queues.counts.erlang import erlang_c

if TYPE_CHECKING:
    from qmodel.queues.results import StationResult

__all__ = ["RETURNS", "SNAPSHOT", "as_if_shared", "felt", "lasting", "together"]

_ALIKE, _OTHER = WORST["exponential"], WORST["other"]
SNAPSHOT = Assumption(
    "snapshot",
    "a request that returns to a queue finds a wait like its last one, the less the longer it "
    "was away; of 2 to 1,000 visits to one to 16 servers of exponential service, at once or "
    f"with pauses, at loads of 0.5 to 0.9, p50 was found within {_ALIKE['p50']} %, p95 within "
    f"{_ALIKE['p95']} % and p99 within {_ALIKE['p99']} %, of other service within "
    f"{_OTHER['p50']} %, {_OTHER['p95']} % and {_OTHER['p99']} %",
    "Reiman 1982; Abate and Whitt 1987; our simulations",
    APPROXIMATE,
)
RETURNS = Assumption(
    "returns",
    "the waits of requests that come back to the same queue feel less of the variability of "
    "service, as if it were shared; of constant to lognormal and hyperexponential service of "
    "an SCV of 4, the mean time of all visits was found within "
    f"{_OTHER['mean']} %",
    "Reiman 1988; our simulations",
    APPROXIMATE,
)


def lasting(pause: Any, unit: Any, scv: Any, utilization: Any) -> Any:
    """Return how much of a queue lasts as long as its requests come back to it.

    Parameters
    ----------
    pause : number or array
        Mean time from the end of one visit to the next. [s]
    unit : number or array
        Mean service time over the servers. [s]
    scv : number or array
        SCV of the service time. [-]
    utilization : number or array
        Busy share of the servers. [-]

    Returns
    -------
    number or array
        The share a, 1 without pauses. [-]

    Examples
    --------
    >>> lasting(np.array([0.0, 1.0, 1e9]), 1.0, 1.0, 0.8).round(3)
    array([1.   , 0.974, 0.   ])
    """
    time = unit * (0.5 + scv)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = time / (time + np.maximum(1 - utilization, 0.0) ** 2 * pause)
    return np.where(np.isfinite(found), found, 1.0)[()]


def felt(visits: Any, lasts: Any, utilization: Any) -> Any:
    """Return the share of the variability of service that a wait feels.

    Parameters
    ----------
    visits : number or array
        Visits of one request, >= 1. [-]
    lasts : number or array
        How much of the queue lasts from visit to visit. [-]
    utilization : number or array
        Busy share of the servers. [-]

    Returns
    -------
    number or array
        The share h, 1 for one visit. [-]

    Examples
    --------
    >>> felt(np.array([1, 2, 10]), 1.0, 0.8).round(3)
    array([1.   , 0.633, 0.165])
    """
    load = np.minimum(utilization, 1.0)
    return lasts * (2 * load / (visits + 1) + (1 - load) / visits) + 1 - lasts


def together(visits: Any, lasts: Any) -> Any:
    """Return how much more the variability of arrivals counts as visits come in a row.

    Parameters
    ----------
    visits : number or array
        Visits of one request, >= 1. [-]
    lasts : number or array
        How much of the queue lasts from visit to visit. [-]

    Returns
    -------
    number or array
        The factor, from 1 to 2. [-]

    Examples
    --------
    >>> together(np.array([1, 2, 10]), 1.0).round(3)
    array([1.   , 1.333, 1.818])
    """
    return lasts * 2 * visits / (visits + 1) + 1 - lasts


def as_if_shared(result: StationResult, rate: Any, share: Any) -> tuple[Any, Any]:
    """Return the mean wait and the waits of a station that feel a share of its variability.

    They are those of the station and of exponential service, mixed: in light traffic as they
    are, as some visits meet the one and some the other; in heavy traffic as long as each other.

    Parameters
    ----------
    result : StationResult
        The station behind Poisson arrivals. [-]
    rate : number or array
        Visits a second. [1/s]
    share : number or array
        The share h. [-]

    Returns
    -------
    tuple
        Mean [s], and the distribution, None if that of `result` is not known.

    Examples
    --------
    >>> import qmodel as qm
    >>> station = qm.MG1(qm.LogNormal(1.0, 4.0)).solve(0.8)
    >>> mean, waits = as_if_shared(station, 0.8, 0.25)
    >>> float(station.waiting_time), float(mean), float(waits.mean)
    (10.0, 5.5, 5.5)
    """
    s, c = result.station.service.mean, result.station.servers
    spare = np.asarray(spare_servers(rate, s, c))
    stable = spare > 0
    share = np.where(stable, share, 1.0)[()]
    unit = np.where(stable, s / np.where(stable, spare, 1.0), s)[()]
    probability = erlang_c(servers=c, offered_load=rate * s)
    wait, markov = result.waiting_time, probability * unit
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mean = np.where(share < 1, share * wait + (1 - share) * markov, wait)[()]
        if result.wait is None:
            return mean, None
        near = np.minimum(result.utilization, 1.0) ** 2
        longer = [np.where(x > 0, (mean / x) ** near, 1.0) for x in (wait, markov)]
        off = mean / (share * longer[0] * wait + (1 - share) * longer[1] * markov)
        own, other = (
            np.where(np.isfinite(mean) & np.isfinite(x * off), x * off, 1.0)[()] for x in longer
        )
    shared = (1 - share) * probability
    parts = share, shared, 1 - share - shared
    waits = (Scaled(result.wait, own), Scaled(Exponential(unit), other), ZERO)
    return mean, measure(parts, waits)
