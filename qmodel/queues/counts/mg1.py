r"""The number in M/G/1, from the arrivals in one service, with positive terms only.

The number left behind at departures has the distribution of the number at any time [1]_. With
:math:`a_0` the probability of no arrival in a service, :math:`\bar a_j` that of more than j
and :math:`e_j = E[(A - j)^+]`, the flows across each level balance:

.. math::

    p_0 = 1 - \rho, \qquad
    p_{n+1} a_0 = p_0 \bar a_n + \sum_{i=1}^{n} p_i \bar a_{n+1-i}, \qquad
    (1 - \rho) P(N > n) = p_0 e_n + \sum_{i=1}^{n} p_i e_{n+1-i},

and by the distributional form of Little's law [2]_, N is the number of Poisson arrivals in
one response, so that :math:`\mathrm{Var}\, N = \lambda W + \lambda^2 \mathrm{Var}\, T`.

Nothing is computed before it is asked for; then the work is the square of the largest count.
Relative error of states and tails 1e-12 for exponential, constant, gamma and hyperexponential
service and mixtures of these; for other distributions an absolute error of 1e-12.

References
----------
.. [1] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, sec. 5.6-5.7.
.. [2] J. Keilson, L. D. Servi, "A distributional form of Little's law", Operations Research
   Letters 7, 1988, 223-227.
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

__all__ = ["SingleServerNumber"]

_ENTRIES = 1 << 21  # probabilities of a table at a time


@dataclass(frozen=True, slots=True, eq=False)
class SingleServerNumber(States):
    """The number in queue and in service at one server, whatever its service distribution.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service : Distribution
        Distribution of the service time. [-]
    wait : Distribution
        Distribution of the time in queue. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> number = qm.MG1(qm.Gamma(1.0, scv=0.5)).solve(0.8).number
    >>> number.probability([0, 1, 5]).round(6), float(number.tail(20))
    (array([0.2     , 0.192   , 0.064574]), 0.002301)
    """

    arrival_rate: Value
    service: Distribution
    wait: Distribution

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload. [-]."""
        rate = np.asarray(self.arrival_rate)
        with np.errstate(invalid="ignore"):
            mean = rate * (self.wait.mean + self.service.mean)
        return np.where(rate == 0, 0.0, mean)[()]

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload. [-]."""
        rate = np.asarray(self.arrival_rate)
        with np.errstate(invalid="ignore"):
            spread = rate**2 * (self.wait.variance + self.service.variance)
        return np.where(rate == 0, 0.0, self.mean + spread)[()]

    def probability(self, n: Count) -> Value:
        """Return P(N = n); 0 in overload [-]."""
        return self._pick(n)[0]

    def tail(self, n: Count) -> Value:
        """Return P(N > n); 1 in overload [-]."""
        return self._pick(n)[1]

    def _pick(self, n: Count) -> tuple[Any, Any]:
        cells = np.broadcast_shapes(np.shape(self.arrival_rate), shape_of(self.service))
        shape = np.broadcast_shapes(np.shape(n), cells)
        count = np.broadcast_to(np.asarray(n, dtype=float), shape).ravel()
        size = int(np.prod(cells, dtype=int))
        of = np.broadcast_to(np.arange(size).reshape(cells), shape).ravel()
        most = int(np.nanmax(count, initial=0.0))
        both = np.empty((2, count.size))
        step = max(1, _ENTRIES // (most + 1))
        for start in range(0, size, step):
            here = np.flatnonzero((of >= start) & (of < start + step))
            tables = self._tables(cells, np.arange(start, min(start + step, size)), most)
            row = np.maximum(np.nan_to_num(count[here]), 0.0).astype(int)
            both[:, here] = [table[row, of[here] - start] for table in tables]
        both[:, count < 0] = both[:, count < 0] * 0.0 + np.array([[0.0], [1.0]])
        both[:, np.isnan(count)] = np.nan
        return both[0].reshape(shape)[()], both[1].reshape(shape)[()]

    def _tables(self, cells: tuple[int, ...], index: Any, most: int) -> tuple[Any, Any]:
        """Return P(N = n) and P(N > n) for n up to `most`, the cells on the last axis."""
        service = select(self.service, cells, index) if cells else self.service
        rate = np.broadcast_to(np.asarray(self.arrival_rate, dtype=float), cells).ravel()[index]
        spare = np.broadcast_to(spare_servers(rate, service.mean, 1), rate.shape)
        stable = spare > 0
        # Any load serves where there is no distribution.
        rate = np.where(stable, rate, 0.5 / np.asarray(service.mean))
        none, more, excess = arrivals_in(service, rate, most + 1)
        first = np.where(stable, spare, 0.5)
        here = np.empty((most + 1, rate.size))
        here[0] = first
        beyond = here[0] * excess
        for n in range(most):
            up = first * more[n] + (here[1 : n + 1] * more[n:0:-1]).sum(axis=0)
            here[n + 1] = up / none
        for n in range(1, most + 1):
            beyond[n] += (here[1 : n + 1] * excess[n:0:-1]).sum(axis=0)
        tail = np.minimum(beyond / first, 1.0)
        full = spare <= 0
        unknown = np.where(np.isnan(spare), np.nan, 0.0)
        return np.where(full, 0.0, here) + unknown, np.where(full, 1.0, tail) + unknown
