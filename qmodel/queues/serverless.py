r"""Functions that start cold: an instance a request, kept alive for a while after its last one.

A request takes an idle instance, the one used last, and starts a new one where none is idle;
an instance that has been idle for the time T is stopped. So an instance lives at t if so many
requests were under way at some time in the T before, and the next request starts cold if the
number N under way is the greatest of that time. Backwards in time N is the same process where
service is exponential (Kelly [1]_), which gives the share of cold starts exactly,

.. math::

    p = \sum_n \pi_n P(\tau_n > T), \qquad
    E[e^{-s \tau_n}] = f_n(s) = \frac{\lambda}{\lambda + s + n \mu (1 - f_{n-1}(s))},

with the time :math:`\tau_n` until N goes from n to n + 1 for the first time, and
:math:`\pi_n` Poisson of mean :math:`a = \lambda / \mu`. With a limit to the concurrency
:math:`\pi_n` is that of Erlang's loss system, and requests beyond the limit are rejected. The
instances that are alive, idle ones included, are :math:`E[\max_{u \le T} N(u)]` on average,

.. math::

    E = E[N] + \mathcal L^{-1} \Big[ \frac 1 s \sum_k h_k(s) \Big](T), \qquad
    h_{k+1} = (h_k + \pi_k) f_k .

A request that starts cold is under way for longer: :math:`1 / \mu = S + p D`.

**Error.** docs/reference/errors-of-cold-starts.md has it for ten families of service, 0.3 to 30
requests under way, T of 2 to 160 service times and cold starts of up to 5, with limits and
without.

**Overload.** Never: without a limit every request is served at once, with one what comes to a
full station is rejected. NaN in, NaN out.

References
----------
.. [1] F. P. Kelly, "Reversibility and Stochastic Networks", Wiley, 1979, ch. 1.
.. [2] N. Mahmoudi, H. Khazaei, "Performance modeling of serverless computing platforms", IEEE
   Transactions on Cloud Computing 10, 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Distribution, Mixture, Sum
from qmodel.errors import ModelError
from qmodel.numerics import inversion
from qmodel.numerics.poisson import log_pmf, log_upper
from qmodel.queues.approximations.cold_start_errors import WORST
from qmodel.queues.approximations.measured import of_response
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult
from qmodel.queues.counts.erlang import erlang_b
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.results import busy_share

__all__ = ["Serverless", "cold_starts"]

_KINDS = {
    "cold starts to 0.3": "with cold starts of up to 0.3 services",
    "cold starts to 2": "of up to 2",
    "cold starts to 5": "of up to 5",
    "limited": "with a limit of instances",
}


def _measured(kind: str) -> str:
    """Return the errors of a class of functions, of none while the table is made anew."""
    if kind not in WORST:
        return ""
    parts = {"cold": "the share of cold starts {} %", "instances": "the instances {} %"}
    parts |= {"rejected": "the share that is rejected {} %"} if kind == "limited" else {}
    shares = ", ".join(text.format(WORST[kind][name]) for name, text in parts.items())
    return f"{shares}, the response {of_response(WORST[kind])}"


KEPT = Assumption(
    "kept-alive",
    "an instance is stopped when it has been idle for the keep-alive time, and the one used "
    "last is used first; the share of cold starts is exact for exponential service and a "
    "short cold start, else mostly too low, as they come in clusters; measured errors, for 0.3 "
    "to 30 requests under way: "
    + "; ".join(f"{words} {_measured(kind)}" for kind, words in _KINDS.items()),
    "this library, by Kelly 1979",
    APPROXIMATE,
)

_WIDE = 9.0
"""Standard deviations of the number under way that are looked at."""
_FAR_BELOW = 14.0
"""Standard deviations below the mean at which the passages up begin."""
_MANY = 3e3
"""Requests under way beyond which the share falls with the root of their number."""
_ENDLESS = 1e300
_ROUNDS = 40
_RULE = inversion.TALBOT


def _limit(name: str, value: Any) -> Any:
    return None if value is None else _check.count(name, value)


@checked
def cold_starts(
    arrival_rate: Value, service_time: Value, *, keep_alive: Value, concurrency: Value = np.inf
) -> tuple[Value, Value]:
    """Share of the requests that start cold, and mean number of instances alive.

    Parameters
    ----------
    arrival_rate : number or array
        Poisson arrivals, >= 0. [1/s]
    service_time : number or array
        Mean time for which a request holds an instance, > 0. [s]
    keep_alive : number or array
        Time after which an idle instance is stopped, >= 0. [s]
    concurrency : number or array, default inf
        Most instances, >= 1. [-]

    Returns
    -------
    tuple of numbers or arrays
        Share of the requests that are served, and mean number of instances. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    Kept for ten minutes; requests of 0.2 s that come once a minute, or a thousand a second:

    >>> share, alive = cold_starts(np.array([1 / 60, 1000.0]), 0.2, keep_alive=600.0)
    >>> share.round(6), alive.round(2)
    (array([3.254e-03, 7.000e-06]), array([  1.03, 262.08]))
    """
    given = (
        _check.finite("arrival_rate", arrival_rate),
        _check.positive("service_time", _check.finite("service_time", service_time)),
        _check.nonnegative("keep_alive", keep_alive),
        _check.positive("concurrency", concurrency),
    )
    _check.numbers("cold starts", *given)
    shape = np.broadcast_shapes(*(np.shape(x) for x in given))
    rate, time, keep, most = (
        np.broadcast_to(np.asarray(x, dtype=float), shape).ravel() for x in given
    )
    found = np.full((2, rate.size), np.nan)
    some = np.flatnonzero(~np.isnan(rate + time + keep + most))
    for here in np.array_split(some, max(1, some.size // 512)):
        if here.size:
            load = np.minimum(rate[here] * time[here], _ENDLESS)
            found[:, here] = _shares(load, keep[here] / time[here], most[here])
    share, alive = found.reshape(2, *shape)
    return share[()], alive[()]


def _shares(load: Any, keep: Any, most: Any) -> tuple[Any, Any]:
    """Return shares and instances, one a cell, with times in units of the service time."""
    # The share of many falls with the root of their number, and so does the spread of it.
    spread = np.where(most > _MANY, np.sqrt(np.maximum(load / _MANY, 1.0)), 1.0)
    a = load / spread**2
    middle = np.minimum(a, most)
    root = np.sqrt(middle)
    first = np.floor(np.maximum(middle - _FAR_BELOW * root, 0.0))
    last = np.minimum(np.ceil(middle + _WIDE * root + 40), most)
    numbers = first + np.arange(int((last - first).max()) + 1)[:, None]
    inside = numbers <= last
    probabilities = np.where(inside, np.exp(log_pmf(numbers, a) - log_upper(last + 1, a)), 0.0)
    busy = (numbers * probabilities).sum(axis=0)
    below = numbers < most
    probabilities = np.where(below, probabilities, 0.0)
    s = _RULE.points[:, None] / np.where(keep > 0, keep, 1.0)
    # Far below the passages up hardly change from one number to the next.
    g, z = np.sqrt(a * first), a + s + first
    up = np.where(first > 0, 2 * a / (z + np.sqrt(z - 2 * g) * np.sqrt(z + 2 * g)), 0.0 * s)
    reached, cold, more = 0.0 * s, 0.0 * s, 0.0 * s
    rate = a + s
    for k, probability, open_ in zip(numbers, probabilities, below, strict=True):
        up = open_ * a / (rate + k * (1 - up))
        cold = cold + probability * up
        reached = (reached + probability) * up
        more = more + reached
    total = probabilities.sum(axis=0)
    weights = _RULE.tail_weights
    share = np.einsum("k,kn->n", weights, total - cold).real / total
    raised = np.einsum("k,kn->n", weights, more).real
    share = np.where((keep == 0) | (load == 0), 1.0, np.clip(share, 0.0, 1.0))
    raised = np.where(keep == 0, 0.0, np.maximum(raised, 0.0))
    return share / spread, np.where(spread > 1, load, busy) + raised * spread


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ServerlessState(StationResult):
    """The steady state of functions that start cold.

    Parameters
    ----------
    cold : number or array
        Share of the requests that are served and start cold. [-]
    instances : number or array
        Mean number of instances alive, idle ones included. [-]
    """

    cold: Value
    instances: Value


@dataclass(frozen=True, slots=True, eq=False)
class Serverless(Station):
    """Functions with an instance for each request under way, which is kept for a while.

    Parameters
    ----------
    service : Distribution
        Distribution of the time of a request on a warm instance. [-]
    cold_start : Distribution
        Distribution of what a request takes in addition where it must start an instance. [-]
    keep_alive : number or array
        Time after which an idle instance is stopped, >= 0. [s]
    concurrency : int or integer array, optional
        Most instances, >= 1; what comes then is rejected. By default there is no limit. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.
    ModelError
        If `service` or `cold_start` is not a distribution.

    Examples
    --------
    Requests of 0.2 s, a cold start of 1 s, instances kept for ten minutes:

    >>> import qmodel as qm
    >>> function = Serverless(qm.Exponential(0.2), qm.Deterministic(1.0), keep_alive=600.0)
    >>> load = function.solve([0.001, 0.1, 10.0])
    >>> load.cold.round(4), load.instances.round(2)
    (array([5.491e-01, 6.200e-03, 1.000e-04]), array([0.45, 1.71, 9.77]))
    >>> load.response.quantile(0.999).round(2)
    array([2.26, 1.51, 1.38])
    """

    service: Distribution
    cold_start: Distribution
    keep_alive: Value = parameter(
        "time that an idle instance is kept", unit="s", symbol="T", check=_check.nonnegative
    )
    concurrency: Count | None = parameter("most instances", check=_limit, default=None)

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether Poisson arrivals leave as a Poisson stream: where nothing is rejected."""
        return self.concurrency is None

    @property
    def loses(self) -> bool:  # type: ignore[override]
        """Whether requests may be rejected: where there is a limit."""
        return self.concurrency is not None

    @property
    def servers(self) -> Count:
        """Number of instances at most. [-]."""
        return np.inf if self.concurrency is None else self.concurrency

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which it saturates: never. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> Serverless:
        """Return the same instances with another service distribution."""
        return Serverless(service, self.cold_start, self.keep_alive, self.concurrency)

    def _solve(self, arrival_rate: Value) -> ServerlessState:
        rate, s, start = arrival_rate, self.service.mean, self.cold_start.mean
        if is_symbolic(rate, s, start, self.keep_alive):
            raise ModelError("cold starts have no form for symbols")
        limit = {"keep_alive": self.keep_alive, "concurrency": self.servers}
        rate = np.asarray(rate, dtype=float)[()]

        # Cold starts hold their instances for longer, which hardly changes their share.
        cold: Any = 0.0
        for _ in range(_ROUNDS):
            share, alive = cold_starts(rate, s + cold * start, **limit)
            # Each cell by itself, so that an array is its cells.
            stays = np.abs(share - cold) <= 1e-7 * share
            cold = np.where(stays, cold, share)[()]
            if np.all(stays | np.isnan(share)):
                break
        held = s + cold * start
        load = rate * held
        loss = (
            0.0 * load
            if self.concurrency is None
            else erlang_b(servers=self.concurrency, offered_load=load)
        )
        late = (1 - cold, cold)
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, KEPT)
        wait = cold * start
        return ServerlessState(
            arrival_rate=rate,
            utilization=busy_share(load * (1 - loss), self.servers),
            waiting_time=wait,
            response_time=wait + s,
            queue_length=rate * (1 - loss) * wait,
            number_in_system=load * (1 - loss),
            wait=Mixture(late, (ZERO, self.cold_start)),
            response=Mixture(late, (self.service, Sum((self.cold_start, self.service)))),
            station=self,
            loss=loss,
            cold=cold,
            instances=alive,
            basis=Basis(
                dict.fromkeys((*MEANS, *DISTRIBUTIONS, "loss", "cold", "instances"), grounds)
            ),
        )
