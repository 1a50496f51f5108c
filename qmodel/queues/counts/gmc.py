r"""The number in GI/M/c at any time, with positive terms only.

Let the c exponential servers of rate :math:`\mu` tick together at the rate :math:`c \mu`: at a
tick each of the n busy ones ends its service with the probability 1/c, so that n falls by one
with the probability min(n, c)/c [1]_. M ticks come between two arrivals, with the tails
:math:`t_m = P(M > m)` of a Poisson number during the time between arrivals. With
:math:`x_m(j)` the probability that j are present after m ticks,

.. math::

    x_{m+1}(j) = (1 - j/c) \, x_m(j) + \frac{j + 1}{c} \, x_m(j + 1), \qquad
    p_j = \rho \sum_m t_m \, x_m(j), \qquad j < c,

and :math:`x_0(j) = \pi_{j-1}`, what an arrival makes of what it finds. Above the servers
:math:`\pi_n` is geometric with the ratio :math:`\sigma` of `qmodel.queues.gmc`, so that
:math:`x_m(c) = \pi_{c-1} \sigma^m`. From there the levels follow downwards: as many requests
arrive across a level as leave across it, :math:`\lambda \pi_{j-1} = j \mu p_j`, or

.. math::

    \varphi_j \, \pi_{j-1} = \frac{j}{c} \sum_m t_m \, v_m(j) ,

with :math:`\varphi_j` the transform of the time between arrivals at :math:`j \mu` and v what
comes to j from above. Takács' finite sums for :math:`\pi` alternate; these have no signs.

Nothing is computed before it is asked for. Absolute error of a state 1e-14, relative error of
tails 1e-11, for constant, gamma and hyperexponential interarrival times; 1e-9 for others.

References
----------
.. [1] J. Keilson, "Markov Chain Models: Rarity and Exponentiality", Springer, 1979, ch. 2.
.. [2] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962, ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.counts.arrivals import arrivals_in
from qmodel.queues.counts.states import States
from qmodel.queues.waits.renewal_root import root, unit

__all__ = ["RenewalNumber"]

_MOST = 1 << 16  # ticks between two arrivals
_CELLS = 256  # at a time


@dataclass(frozen=True, slots=True, eq=False)
class RenewalNumber(States):
    """The number in queue and in service at exponential servers, arrivals of any distribution.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    interarrival : Distribution
        Shape of the distribution of the interarrival times; its mean does not count. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]

    Examples
    --------
    An arrival finds all servers busy with probability 0.405; they are so more often:

    >>> import qmodel as qm
    >>> distribution = RenewalNumber(3.2, 1.0, qm.Deterministic(1.0), servers=4)
    >>> distribution.probability([0, 3, 4, 5]).round(4), float(distribution.tail(3))
    (array([0.007 , 0.2436, 0.1913, 0.1203]), 0.5152)
    """

    arrival_rate: Value
    service_time: Value
    interarrival: Distribution
    servers: Count

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload. [-]."""
        return self._moments()[0]

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload. [-]."""
        return self._moments()[1]

    def probability(self, n: Count) -> Value:
        """Return P(N = n); 0 in overload [-]."""
        return self._pick(n)[0]

    def tail(self, n: Count) -> Value:
        """Return P(N > n); 1 in overload [-]."""
        return self._pick(n)[1]

    def _cells(self) -> tuple[tuple[int, ...], Any, Any, Any, Any]:
        """Return the shape, and flat: rate, service time, servers and which are stable."""
        given = (self.arrival_rate, self.service_time, self.servers)
        values = tuple(np.asarray(v, dtype=float) for v in given)
        shape = np.broadcast_shapes(*(v.shape for v in values), shape_of(self.interarrival))
        rate, s, c = (np.broadcast_to(v, shape).ravel() for v in values)
        return shape, rate, s, c, np.asarray(spare_servers(rate, s, c))

    def _tables(self) -> Any:
        """Yield cells with their servers, ratio and p_0 to p_c, the cells on the last axis."""
        shape, rate, s, c, spare = self._cells()
        good = (rate > 0) & (spare > 0)
        distribution = unit(self.interarrival)
        for many in np.unique(c[good]):
            equal = np.flatnonzero(good & (c == many))
            for start in range(0, equal.size, _CELLS):
                index = equal[start : start + _CELLS]
                here = select(distribution, shape, index) if shape else distribution
                load = rate[index] * s[index] / many
                x = root(here, load, spare[index] / many)
                with np.errstate(all="ignore"):
                    rest = load * x
                    sigma = np.where(rest > 0.5, here.laplace(x), 1 - rest)
                    states = _states(here, load, sigma, rest, int(many))
                yield index, int(many), sigma, rest, states

    def _pick(self, n: Count) -> tuple[Any, Any]:
        cells, rate, _, _, spare = self._cells()
        shape = np.broadcast_shapes(np.shape(n), cells)
        count = np.broadcast_to(np.asarray(n, dtype=float), shape).ravel()
        of = np.broadcast_to(np.arange(rate.size).reshape(cells), shape).ravel()
        idle, full = rate[of] == 0, spare[of] <= 0
        unknown = np.where(np.isnan(spare[of] + count), np.nan, 0.0)
        at = np.where(full, 0.0, np.where(idle, count == 0, 0.0)) + unknown
        above = np.where(full | (count < 0), 1.0, 0.0) + unknown
        place = np.full(rate.size, -1)
        for index, many, ratio, rest, states in self._tables():
            place[:] = -1
            place[index] = np.arange(index.size)
            some = np.flatnonzero((place[of] >= 0) & (count >= 0))
            column, k = place[of[some]], count[some]
            row = np.minimum(k, many).astype(int)
            beyond = np.maximum(k - many, 0.0)
            # p_c is not of the geometric sequence that begins above it.
            first = states[many + 1] * rest
            far = first[column] * ratio[column] ** np.maximum(beyond - 1, 0.0)
            at[some] = np.where(k > many, far, states[row, column])
            tails = states[many + 1] + np.cumsum(states[many::-1], axis=0)[::-1]
            tails = np.concatenate([tails[1:], states[many + 1 :]])
            past = states[many + 1, column] * ratio[column] ** beyond
            above[some] = np.where(k >= many, past, tails[row, column])
        return at.reshape(shape)[()], above.reshape(shape)[()]

    def _moments(self) -> tuple[Any, Any]:
        shape, rate, _, _, spare = self._cells()
        mean = np.where(spare <= 0, np.inf, 0.0 * rate)
        variance = mean + 0.0 * spare
        for index, many, ratio, rest, states in self._tables():
            n = np.arange(many + 1.0)[:, None]
            # Those above c are c + 1 + a geometric number, with probability P(N > c).
            queued = states[many + 1]
            with np.errstate(all="ignore"):
                total = (n * states[:-1]).sum(axis=0) + queued * (many + 1 / rest)
                spread = ((n - total) ** 2 * states[:-1]).sum(axis=0)
                spread += queued * (ratio / rest**2 + (many + 1 / rest - total) ** 2)
            mean[index], variance[index] = total, spread
        return mean.reshape(shape)[()], variance.reshape(shape)[()]


def _states(distribution: Distribution, load: Any, sigma: Any, rest: Any, c: int) -> Any:
    """Return P(N = 0), ..., P(N = c) and P(N > c) for times of mean 1 and c servers."""
    from scipy.signal import lfilter

    rate = 1 / load  # ticks in the mean time between arrivals
    ticks, slowest = 64, np.maximum(sigma, 1 - 1 / c)
    _, more, excess = arrivals_in(distribution, rate, ticks)
    # However long the pause, at last nobody is present.
    while ticks < _MOST and np.any(more[-1] * slowest**ticks > 1e-18):
        ticks *= 2
        _, more, excess = arrivals_in(distribution, rate, ticks)
    states = np.empty((c + 2, load.size))
    # In units of what an arrival finds in state c - 1, rescaled on the way down.
    x = sigma ** np.arange(ticks)[:, None]
    states[c] = load
    states[c + 1] = load * sigma / rest
    for j in range(c - 1, -1, -1):
        stay = 1 - j / c
        from_above = np.concatenate([np.zeros((1, load.size)), x[:-1] * ((j + 1) / c)])
        v = lfilter([1.0], [1.0, -stay], from_above, axis=0)
        if j == 0:
            states[0] = load * ((more * v).sum(axis=0) + excess[-1] * v[-1] - more[-1] * v[-1])
            break
        phi = distribution.laplace(rate * j / c)
        found = (j / c) * (more * v).sum(axis=0) / phi
        x = v + found * stay ** np.arange(ticks)[:, None]
        states[j] = found * load * c / j
        scale = np.maximum(found, 1.0)
        x, states[j:] = x / scale, states[j:] / scale
    return states / states.sum(axis=0)
