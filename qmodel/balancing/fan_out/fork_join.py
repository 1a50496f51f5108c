r"""Fork and join: one Poisson stream asks n stations at once, and waits for all or some.

The stations are loaded by the same requests, so they are long together, and the last of n is
sooner than that of n independent ones, the first later. One number says how much: the
correlation of the waits [4]_. In heavy traffic the arrivals, which all have in common, make
:math:`r = 1 / (1 + c_s^2)` of the variance of what drives a queue, with the SCV
:math:`c_s^2` of service, and :math:`r (0.8 + 0.2 r)` of the waits' correlation (1 for r = 1;
0.45 for r = 1/2, as for M/M/1); in light traffic a wait is what a single request left behind,
which is of the same time at all stations, and of correlation

.. math:: L = \frac{\int_0^\infty (E(S - u)^+)^2 du}{E[S^3] / 3} .

The part of each is read off the wait of one station: :math:`\phi = E[W]^2 /
\operatorname{Var} W` is 1 in heavy traffic, of exponential waits, and 0 in light, so

.. math:: \kappa = (1 - \phi) L + \phi r (0.8 + 0.2 r), \qquad
          r_R = \kappa \operatorname{Var} W / (\operatorname{Var} W + \operatorname{Var} S)

is the correlation of the responses, as services are independent. Where branches differ it is
taken for exponential service as that of their normal scores
(`qmodel.balancing.fan_out.joined_queues`), which gives every percentile of the k-th of n; for
other service the waits alone depend on one another, by the last requests exactly
(`qmodel.balancing.fan_out.common_arrivals`), and services are added
(`qmodel.balancing.fan_out.likeness`), as for equal M/M/c
(`qmodel.balancing.fan_out.exponential_queues`). Constant work has
:math:`\kappa = 1`: all are done at the same time, exactly.

**M/M/1.** With :math:`W = 1 / (\mu - \lambda)`, utilization :math:`\rho` and harmonic
numbers :math:`H_n`,

.. math::

    T_1 = W, \qquad T_2 = \frac{12 - \rho}{8} W, \qquad
    T_n = \Big[ \frac{H_n}{H_2} + \frac{4}{11} \Big(1 - \frac{H_n}{H_2}\Big) \rho \Big] T_2 .

T_2 is exact [1]_ [2]_, and what two queues have in common gives it back. `response_time` is
T_n, Nelson and Tantawi's fit, within 4.1 % of simulations of 3e6 requests for n to 64 and
utilizations to 0.9. That of Varma and Makowski [3]_ interpolates between light and heavy
traffic; it is better for few queues and worse for many. `response_distribution` is better than
both.

References
----------
.. [1] L. Flatto, S. Hahn, "Two parallel queues created by arrivals with two demands I",
   SIAM Journal on Applied Mathematics 44, 1984.
.. [2] R. Nelson, A. N. Tantawi, "Approximate analysis of fork/join synchronization in
   parallel queues", IEEE Transactions on Computers 37, 1988, sec. III.
.. [3] S. Varma, A. M. Makowski, "Interpolation approximations for symmetric fork-join
   queues", Performance Evaluation 20, 1994.
.. [4] A. Thomasian, "Analysis of fork/join and related queueing systems", ACM Computing
   Surveys 47, 2014, sec. 5 (approximations by other numbers than this one).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, factorial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.balancing.fan_out.alike import (
    alike,
    alike_in_a_row,
    correlation,
    does_the_same,
    is_exponential,
    is_mm1,
)
from qmodel.balancing.fan_out.exponential_queues import likeness_by_load
from qmodel.balancing.fan_out.fork_errors import WORST
from qmodel.balancing.fan_out.joined_queues import JoinedQueues
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Distribution
from qmodel.errors import DomainError
from qmodel.queues import mmc
from qmodel.queues.base import StationResult
from qmodel.queues.delay import Delay

__all__ = [
    "ALIKE_QUEUES",
    "CORRELATED_WAITS",
    "TWO_QUEUES",
    "alike",
    "alike_in_a_row",
    "correlation",
    "grounds",
    "interpolated_response_time",
    "response_distribution",
    "response_time",
]

TWO_QUEUES = Assumption(
    "two-queues-in-parallel",
    "the mean time of the later, or sooner, of two M/M/1 queues that the same requests load",
    "Flatto and Hahn 1984; Nelson and Tantawi 1988",
)
ALIKE_QUEUES = Assumption(
    "alike-queues",
    "stations with constant work that the same requests load are done at the same time",
    "Lindley's recursion",
)
CORRELATED_WAITS = Assumption(
    "correlated-waits",
    "stations that the same requests load depend on one another by what their waits have in "
    "common; with what the stations themselves are off, at loads to 0.8 and SCVs to 4, "
    + "; ".join(
        f"{kind} the mean was found within {WORST[group]['mean']} % and p99 within "
        f"{WORST[group]['p99']} %"
        for group, kind in (
            ("equal", "of all of 2 to 32 equal stations"),
            ("unequal", "of unequal ones"),
            ("rows", "of branches of several stations"),
            ("some", "of half or more of 2 to 16"),
            ("some rows", "of some of 2 to 8 branches of several stations"),
            ("few", "of a quarter to half of 4 to 32"),
            ("first", "of fewer, such as the first of 16,"),
            ("few of two times", "of half or less where service is one of two times"),
        )
    ),
    "derived and measured here; M/M/1 after Flatto and Hahn 1984",
    APPROXIMATE,
)

_MOST_TERMS = 16
"""The alternating sum of Varma and Makowski loses its digits beyond."""


def response_time(arrival_rate: Value, service_time: Value, *, queues: Count) -> Value:
    """Mean time until the last of n queues is done, T_n.

    Parameters
    ----------
    arrival_rate : number or array
        Requests, each of which asks all queues, >= 0. [1/s]
    service_time : number or array
        Mean service time in each queue, > 0. [s]
    queues : int or integer array
        Number of queues, >= 1. [-]

    Returns
    -------
    number or array
        Mean time, exact for one and two queues; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    Two queues at half load, exactly:

    >>> float(response_time(0.5, 1.0, queues=2))
    2.875
    >>> response_time(0.5, 1.0, queues=[1, 2, 4, 16]).round(3)
    array([2.   , 2.875, 3.79 , 5.823])
    """
    n = _check.count("queues", queues)
    arrival_rate, service_time = _numbers(arrival_rate, service_time)
    one = mmc.waiting_time(arrival_rate, service_time) + service_time
    load = arrival_rate * service_time
    xp = namespace(one, load)
    ratio = _harmonic(n) * xp.exact(2) / 3
    two = (12 - load) / 8 * one
    several = (ratio + xp.exact(4) / 11 * (1 - ratio) * load) * two
    alone = n == 1
    return xp.where(alone, one, several) if not xp.symbolic else (one if alone else several)


def _numbers(arrival_rate: Value, service_time: Value) -> tuple[Value, Value]:
    return (
        _check.nonnegative("arrival_rate", arrival_rate),
        _check.positive("service_time", service_time),
    )


def _harmonic(n: Any) -> Any:
    """Return 1 + 1/2 + ... + 1/n."""
    if isinstance(n, int) and n <= _MOST_TERMS:
        total: Any = sum(factorial(n) // i for i in range(1, n + 1))
        return total / factorial(n)
    _check.numbers("the mean of a symbolic number of queues", n)
    from scipy.special import digamma

    return digamma(np.asarray(n) + 1.0) + np.euler_gamma


def interpolated_response_time(
    arrival_rate: Value, service_time: Value, *, queues: int
) -> Value:
    """Mean time until the last of n queues is done, between light and heavy traffic.

    Parameters
    ----------
    arrival_rate : number or array
        Requests, each of which asks all queues, >= 0. [1/s]
    service_time : number or array
        Mean service time in each queue, > 0. [s]
    queues : int
        Number of queues, from 1 to 16. [-]

    Returns
    -------
    number or array
        Mean time after Varma and Makowski 1994, exact for one and two queues. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; beyond 16 queues the sum loses its digits.

    Examples
    --------
    >>> float(interpolated_response_time(0.5, 1.0, queues=4))
    3.8290
    """
    n = _check.count("queues", queues)
    if not isinstance(n, int) or n > _MOST_TERMS:
        raise DomainError(f"queues must be one number, at most {_MOST_TERMS}, got {queues}")
    arrival_rate, service_time = _numbers(arrival_rate, service_time)
    one = mmc.waiting_time(arrival_rate, service_time) + service_time
    heavy = sum(
        comb(n, r)
        * (-1) ** (r - 1)
        * sum(comb(r, m) * factorial(m - 1) / r ** (m + 1) for m in range(1, r + 1))
        for r in range(1, n + 1)
    )
    light = float(_harmonic(n))
    return (light + (heavy - light) * arrival_rate * service_time) * one


def response_distribution(
    leaf: StationResult, copies: Count, *, need: Count | None = None
) -> Distribution:
    """Distribution of the time until some of the copies of a station are done.

    Parameters
    ----------
    leaf : StationResult
        One station, solved; each of its copies sees every request. [-]
    copies : int or integer array
        Number n of copies, >= 1. [-]
    need : int or integer array, optional
        Number k of them that must be done, from 1 to n; by default all. [-]

    Returns
    -------
    Distribution
        The time; it never ends in overload. What it rests on is in `grounds`. [-]

    Raises
    ------
    DomainError
        If a number is not whole, or `need` is more than `copies`.
    ModelError
        If a number is a symbol.

    Examples
    --------
    The last of 16 stations at 80 % load, whose work is exponential or constant, in service
    times; and the first of two:

    >>> import qmodel as qm
    >>> stations = qm.MMc(1.0).solve(0.8), qm.MDc(1.0, 1).solve(0.8)
    >>> last = [response_distribution(leaf, 16) for leaf in stations]
    >>> [float(x.mean.round(2)) for x in last], float(last[0].quantile(0.99).round(1))
    ([13.68, 3.0], 36.3)
    >>> float(response_distribution(qm.MMc(1.0).solve(0.9), copies=2, need=1).mean)
    6.125
    """
    need = copies if need is None else need
    mean = leaf.response.mean
    _check.numbers("a fork of several stations", leaf.arrival_rate, mean, copies, need)
    like = likeness_by_load(leaf) if is_exponential(leaf.station) else alike(leaf)
    joined = JoinedQueues(leaf.response, need, copies, like)
    if np.all(np.asarray(copies) == 1):
        return leaf.response
    several = np.greater(copies, 1)
    if does_the_same(leaf.station):
        several = np.zeros(np.shape(copies), dtype=bool)
    elif not np.any(is_mm1(leaf.station) & np.less_equal(copies, 2)):
        return joined
    with np.errstate(invalid="ignore"):
        late = response_time(leaf.arrival_rate, leaf.station.service.mean, queues=2)
        late = np.where(np.equal(need, copies), late, 2 * np.asarray(mean) - late)
    known_two = is_mm1(leaf.station) & np.less_equal(copies, 2)
    two = np.where(np.isinf(mean), np.inf, np.where(known_two, late, np.nan))
    known = np.where(several, two, mean)
    return _OfKnownMean(joined.distribution, joined.need, joined.of, joined.correlation, known)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _OfKnownMean(JoinedQueues):
    """The time of several stations whose mean is known in some cells."""

    known: Value = parameter("mean, NaN where it is not known", unit="s")

    @property
    def mean(self) -> Value:
        known = np.asarray(self.known)
        if not np.isnan(known).any():
            return known[()]
        return np.where(np.isnan(known), self._moments()[0], known)[()]


def grounds(
    leaf: StationResult, copies: Count, *, need: Count | None = None
) -> dict[str, tuple[Assumption, ...]] | None:
    """What `response_distribution` rests on beside what the station does.

    Parameters
    ----------
    leaf : StationResult
        One station, solved. [-]
    copies : int or integer array
        Number of copies. [-]
    need : int or integer array, optional
        Number of them that must be done; by default all. [-]

    Returns
    -------
    dict or None
        Of "mean" and "percentiles" the assumptions; None where the copies are taken as
        independent, though they are not, as no distribution of the wait is known. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> grounds(qm.MMc(1.0).solve(0.5), copies=2)
    {'mean': ('two-queues-in-parallel',), 'percentiles': ('correlated-waits',)}
    """
    station = leaf.station
    if np.all(np.asarray(copies) == 1) or isinstance(station, Delay):
        return {"mean": (), "percentiles": ()}
    if leaf.wait is None:
        return None
    if does_the_same(station):
        return {"mean": (ALIKE_QUEUES,), "percentiles": (ALIKE_QUEUES,)}
    two = bool(np.all(is_mm1(station) & np.less_equal(copies, 2)))
    mean = TWO_QUEUES if two else CORRELATED_WAITS
    return {"mean": (mean,), "percentiles": (CORRELATED_WAITS,)}
