r"""A pool whose replicas fail: the mixture over the number that is up.

Each of n replicas is up for the share A of the time, independently of the others, so that
the number up is binomial. Repairs are taken as slow against the queue (minutes against
milliseconds): the pool is then in the steady state that j replicas have,

.. math::

    P(\text{overload}) = P(\text{up} \le j_0), \qquad
    E[W \mid \text{stable}] = \frac{\sum_{j > j_0} P(\text{up} = j) \, W(j)}
                                   {\sum_{j > j_0} P(\text{up} = j)},

j_0 being the most replicas that the load is too much for. The plain mean over all j is
infinite wherever overload is possible, and says nothing; so the two are told apart. In
overload the queue grows as long as it lasts, and then needs time to drain. That backlog is
not counted: the figures are those of times in which it is gone.

**Error.** Against the chain of M/M/c with failures [1]_, which counts the backlog, the mean
response while enough are up: five servers that are up for 98 %, with overload for 0.4 % of
the time, +0.7 % where repairs take 10 service times, -0.7 % at 100, -4.3 % at 1000, -11 % at
3000, -28 % at 10,000. What counts is how often those that are up are loaded to 90 % or more:
for less than 1e-5 of the time the mean is within 1 %, for 1e-4 within 4 %, and beyond 1e-3
there is no bound, as a state that is nearly full is late to settle
(docs/reference/errors-of-failures.md). So first see to it that overload is rare. With
`repair_time` the mean of M/M/c is exact, backlogs included
(`qmodel.balancing.reliability.breakdowns`), and so is the distribution where the oldest
requests are served.

**Numbers.** All numbers up are solved as one array. States of less than 1e-17 are left out.
**Shapes.** The station's parameters, the availability and the load broadcast.

References
----------
.. [1] I. L. Mitrany, B. Avi-Itzhak, "A many-server queue with service interruptions",
   Operations Research 16, 1968, 628-638.
.. [2] R. E. Barlow, F. Proschan, "Statistical Theory of Reliability and Life Testing",
   Holt, Rinehart and Winston, 1975, ch. 2 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.balancing.reliability import breakdowns
from qmodel.balancing.reliability.failure_errors import WORST
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import NEVER, Distribution, Mixture
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.errors import ModelError
from qmodel.queues.approximations.measured import of_response
from qmodel.queues.base import Station
from qmodel.queues.mmc import EXPONENTIAL_SERVICE, MMc

__all__ = ["Failing", "FailingResult", "rate_after_loss"]

INDEPENDENT_FAILURES = Assumption(
    "independent-failures",
    "replicas fail and are repaired independently of each other",
    "Barlow and Proschan 1975, ch. 2",
)
_MEASURED = "; ".join(
    f"{share} {of_response(WORST.get(share, {}))}"
    for share in ("below 1e-5", "below 1e-4", "below 1e-3")
)
QUASI_STATIC = Assumption(
    "quasi-static",
    "repairs are slow against the queue, which is in the steady state of the replicas that are "
    "up, and no backlog of an overload is left; errors of the response of M/M/c at repairs of "
    "10 to 1,000 service times, by the fraction of time in which those that are up are loaded "
    f"to 90 % or more: {_MEASURED}; where it is larger there is no bound",
    "Mitrany and Avi-Itzhak 1968 for the exact chain",
    APPROXIMATE,
)
OLDEST_FIRST = Assumption(
    "oldest-served",
    "of the requests present the oldest are served; where instead the request of the server "
    "that breaks down is the next to be served, and younger ones stay in service, the mean is "
    "the same, the median was found within 3 % and p99 within 6 %, for 2 to 16 servers that "
    "are up for half of the time or more",
    "measured here against simulation",
    APPROXIMATE,
)
_NEGLIGIBLE = 1e-17


def _number(station: Station) -> str:
    """Return the name of the field that says how many replicas there are."""
    _check.instance("station", station, Station)
    names = {f.name for f in fields(station) if f.init}  # type: ignore[arg-type]
    for name in ("replicas", "servers"):
        if name in names:
            return name
    raise ModelError(f"station must have replicas or servers, got {station!r}")


@checked
def rate_after_loss(station: Station, lost: Count = 1) -> Value:
    """Arrival rate that a station sustains when some of its replicas are lost.

    Parameters
    ----------
    station : Station
        A pool or a station with several servers. [-]
    lost : int or integer array, default 1
        How many are lost, >= 0. [-]

    Returns
    -------
    number or array
        The rate at which the rest saturates, (n - lost) / n of that of all n if they share
        the load evenly; 0 where none is left. [1/s]

    Raises
    ------
    DomainError
        If `lost` is not a whole number >= 0.
    ModelError
        If the station has neither replicas nor servers.

    Examples
    --------
    >>> import qmodel as qm
    >>> rate_after_loss(qm.MMc(0.01, servers=5), lost=[0, 1, 2, 5])
    array([500., 400., 300.,   0.])
    """
    name = _number(station)
    lost = _check.count("lost", lost, least=0)
    _check.numbers("rate_after_loss", getattr(station, name), lost)
    left = np.asarray(getattr(station, name)) - np.asarray(lost)
    rate = _with(station, name, np.maximum(left, 1)[()]).max_rate
    return np.where(left >= 1, rate, 0.0)[()]


def _with(station: Station, name: str, number: Count) -> Station:
    # Of those that are left a request can ask no more than there are.
    asked = {
        f: np.minimum(getattr(station, f), number)[()]
        for f in ("choices", "copies")
        if hasattr(station, f)
    }
    changed: Station = replace(station, **{name: number}, **asked)  # type: ignore[type-var]
    return changed


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class FailingResult:
    """What a station with failing replicas does under a load.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate. [1/s]
    overload : number or array
        Fraction of time in which too few are up for the load, or none is. [-]
    up : number or array
        Mean number of replicas that are up. [-]
    utilization : number or array
        Mean offered load over the servers that are up, while stable. [-]
    waiting_time : number or array
        Mean time in queue while stable; inf where it never is. [s]
    response_time : number or array
        Mean time in queue and in service while stable; inf where it never is. [s]
    response : Distribution
        Distribution of the response while stable. [-]
    response_overall : Distribution
        Distribution of the response at any time; requests that come in overload never end. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    """

    arrival_rate: Value
    overload: Value
    up: Value
    utilization: Value
    waiting_time: Value
    response_time: Value
    response: Distribution
    response_overall: Distribution
    basis: Basis


@dataclass(frozen=True, slots=True, eq=False)
class Failing(Model):
    """A station with failing replicas.

    Parameters
    ----------
    station : Station
        A pool, whose replicas fail, or a station whose servers do. [-]
    available : number or array
        Fraction of time that one of them is up. [-]
    repair_time : number or array, optional
        Mean time to repair one, > 0: then the means are exact, those of all times, with the
        backlog that an overload leaves. Only for `MMc`. By default repairs are taken as slow
        against the queue, and means are those of times without overload. [s]

    Raises
    ------
    DomainError
        If `available` is no probability, or `repair_time` not > 0.
    ModelError
        If the station has neither replicas nor servers, or is no `MMc` and repairs have a
        time.

    Examples
    --------
    Five servers at 64 % load, each up for 98 % of the time. Four sustain the load too, slowly;
    three do not:

    >>> import qmodel as qm
    >>> pool = Failing(qm.MMc(1.0, servers=5), available=0.98)
    >>> load = pool.solve(3.2)
    >>> float(load.overload), float(load.response_time), load.basis["response_time"]
    (0.00384, 1.2145, 'approximate')
    >>> all_up = qm.MMc(1.0, servers=5).solve(3.2)
    >>> [round(float(r.response.quantile(0.99)), 2) for r in (load, all_up)]
    [5.21, 4.91]
    """

    station: Station
    available: Value = parameter("probability that a replica is up", check="probability")
    repair_time: Value | None = parameter(
        "mean time of a repair", unit="s", check="positive", default=None
    )

    def __post_init__(self) -> None:
        _number(self.station)
        if self.repair_time is not None and not isinstance(self.station, MMc):
            raise ModelError(
                "station must be MMc where repairs take a time, got "
                f"{type(self.station).__name__}; without repair_time they are slow"
            )

    @checked
    def solve(self, arrival_rate: Value) -> FailingResult:
        """Return what the station does at a load.

        Parameters
        ----------
        arrival_rate : number or array
            Poisson arrivals, >= 0. [1/s]

        Returns
        -------
        FailingResult
            The probability of overload, and means and distributions while there is none. [-]

        Raises
        ------
        DomainError
            If the rate is negative.
        ModelError
            If a parameter is a symbol.
        """
        rate = _check.nonnegative("arrival_rate", arrival_rate)
        name = _number(self.station)
        replicas = getattr(self.station, name)
        _check.numbers("Failing", rate, self.available, replicas, self.station.max_rate)
        whole = shape_of(self.station)
        cells = np.broadcast_shapes(np.shape(rate), np.shape(self.available), whole)
        numbers = replicas, self.available
        n, a = (np.broadcast_to(np.asarray(x, dtype=float), cells) for x in numbers)
        up, probability = _numbers_up(n, a)
        some = _with(self.station, name, np.maximum(up, 1.0))
        result = some.solve(np.broadcast_to(np.asarray(rate, dtype=float), cells)[()])
        carried = (up >= 1) & np.less(rate, some.max_rate)
        stable = np.where(carried, probability, 0.0)
        total = stable.sum(axis=0)
        overload = np.where(carried, 0.0, probability).sum(axis=0)
        overload = np.where(np.isnan(rate + a), np.nan, overload)
        # Where it is never stable the weights are those of all times, and the mean is inf.
        given = np.where(total > 0, stable / np.where(total > 0, total, 1.0), probability)

        def mean(values: Any) -> Any:
            values = np.broadcast_to(np.asarray(values, dtype=float), given.shape)
            values = np.where(up < 1, np.inf, values)
            return namespace(values).weigh(given, values).sum(axis=0)[()]

        index = np.arange(up.size).reshape(up.shape)
        distributions = (NEVER, *(select(result.response, up.shape, row) for row in index))

        def mixture(weights: Any) -> Mixture:
            none = np.where(up < 1, weights, 0.0).sum(axis=0)
            some = np.where(up < 1, 0.0, weights)
            return Mixture((none[()], *(row[()] for row in some)), distributions)

        grounds = result.basis.resting_on((INDEPENDENT_FAILURES, QUASI_STATIC)).grounds
        kept = ("utilization", "waiting_time", "response_time", "response", "percentiles")
        found = FailingResult(
            arrival_rate=rate,
            overload=overload[()],
            up=(n * a)[()],
            utilization=mean(result.utilization),
            waiting_time=mean(result.waiting_time),
            response_time=mean(result.response_time),
            response=mixture(given),
            response_overall=mixture(probability),
            basis=Basis(
                {"overload": (INDEPENDENT_FAILURES,), "up": (INDEPENDENT_FAILURES,)}
                | {name: grounds[name] for name in kept}
            ),
        )
        return found if self.repair_time is None else self._with_backlog(found)

    def _with_backlog(self, found: FailingResult) -> FailingResult:
        """Return the figures of all times, of M/M/c whose repairs take a time."""
        rate, s = found.arrival_rate, self.station.service.mean
        servers = self.station.servers
        case = {
            "servers": servers,
            "available": self.available,
            "repair_time": self.repair_time,
        }
        time = breakdowns.response_time(rate, s, **case)
        distribution = breakdowns.response(rate, s, **case)
        with np.errstate(invalid="ignore", divide="ignore"):
            busy = np.where(np.asarray(found.up) > 0, rate * s / found.up, np.inf)[()]
        exact = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE, INDEPENDENT_FAILURES)
        grounds = (*exact, OLDEST_FIRST) if np.any(np.asarray(servers) > 1) else exact
        means = dict.fromkeys(("utilization", "waiting_time", "response_time"), exact)
        distributions = dict.fromkeys(("response", "percentiles"), grounds)
        return replace(
            found,
            utilization=busy,
            waiting_time=time - s,
            response_time=time,
            response=distribution,
            response_overall=distribution,
            basis=Basis({**found.basis.grounds, **means, **distributions}),
        )


def _numbers_up(n: Any, a: Any) -> tuple[Any, Any]:
    """Return how many replicas may be up, along a new first axis, and how probable that is."""
    from scipy.special import betaln, xlog1py, xlogy

    down = n * (1 - a)
    width = 10 * np.sqrt(down * a)
    known = ~np.isnan(down)
    if not known.any():
        return n[None], np.where(np.isnan(a), a, 1.0)[None]
    least = max(0.0, np.floor((down - width)[known].min() - 10))
    most = np.ceil(np.minimum(n, down + width + 40)[known].max())
    lost = np.arange(least, most + 1).reshape(-1, *[1] * n.ndim)
    up = np.maximum(n - lost, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        log = xlogy(lost, 1 - a) + xlog1py(up, a - 1) - betaln(up + 1, lost + 1)
        probability = np.where(lost <= n, np.exp(log) / (n + 1), 0.0)
    kept = ~(probability < _NEGLIGIBLE).reshape(len(probability), -1).all(axis=1)
    up, probability = up[kept], probability[kept]
    # Rounded logs of large numbers do not sum to 1 to the last digit.
    return up, np.minimum(probability / probability.sum(axis=0), 1.0)
