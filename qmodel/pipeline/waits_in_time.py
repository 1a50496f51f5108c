r"""How the waits of one request depend on each other where queues fill and drain.

Whoever waits longer than others at a station because it served fewer than in the mean comes
later to the next one, which has been given fewer, and waits shorter there; in a jam of two
equal stations the correlation is about -0.4. In the steady state of exponential stations all of
it cancels, and times are independent (Reich [1]_).

To first order in the noise [2]_, with the slopes :math:`f_k`, :math:`p_k` of what leaves a
station and of what is served over its number present, and the variance :math:`v_k` by which
what it served grows a second, the numbers at stations i < k of a row covary by

.. math::

    \dot\Sigma_{ik} = r_{k-1} p_{k-1} \Sigma_{i,k-1} + r_{i-1} p_{i-1} \Sigma_{i-1,k}
    - (f_i + f_k) \Sigma_{ik} - [k = i + 1] \, r_i v_i ,

r the share of what leaves a station that goes to the next. Slopes are those of a regression
over the probabilities of all numbers, so that :math:`p_i \Sigma_{ii} = v_i` in a steady state,
and :math:`\Sigma_{ik} = 0`. What a request waits, times what the servers can serve, is
:math:`\delta = q (N - E N)`, q how many more wait for one more present, less what they serve
meanwhile beyond their mean. Its covariance :math:`K_k` with the number at station k follows,
from :math:`q \Sigma_{ik}` on, the same equations until the request is there, and there

.. math::

    \operatorname{cov}(W_i, W_k) = \frac{q_k K_k}{\mu_i \mu_k}
    + \frac{d E[W_k]}{dt} \operatorname{cov}(W_i, W_i + \dots + W_{k-1}) :

who is late also meets the queue of a later time. The time of the row is then that of
independent waits which vary less (`qmodel.queues.approximations.waits_in_a_row`).

References
----------
.. [1] E. Reich, "Note on queues in tandem", Annals of Mathematical Statistics 34, 1963.
.. [2] W. A. Massey, J. Pender, "Gaussian skewness approximation for dynamic rate multi-server
   queues with abandonment", Queueing Systems 75, 2013 (closures for queues over time).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from qmodel.distributions import Distribution
from qmodel.transients.behind import Behind
from qmodel.transients.over_time import StationOverTime
from qmodel.transients.spread import Spread

__all__ = ["WaitInTime"]

_STEPS = 24
"""Steps in which a request is followed from one station to another."""

_MOST_APART, _MOST_ALIKE = 0.5, 0.2
"""Correlations at most: of two stations in a jam, which share what the first has served; and
where a queue is about to end, where noise is not small, and the first order says up to 3."""

_HARDLY = 1e-3
"""How many more wait for one more present, where hardly any do."""


@dataclass(frozen=True, eq=False)
class WaitInTime:
    """The wait at one station of a row, for requests that enter at each time.

    Parameters
    ----------
    time : Distribution
        The wait. [-]
    times : array of shape (t,)
        The times, at which they enter. [s]
    comes : array of shape (t,)
        When they come to the station. [s]
    station : StationOverTime
        The station at all times. [-]
    visits : float
        How often a request comes to it on this path. [-]
    passes : float
        How often requests of all paths come to it. [-]
    name : str
        The station. [-]
    source : str or None
        The one that it depends on. [-]
    behind : Behind or None
        What those find who come from there. [-]
    """

    time: Distribution
    times: np.ndarray
    comes: np.ndarray
    station: StationOverTime
    visits: float
    passes: float
    name: str
    source: str | None
    behind: Behind | None

    @property
    def spread(self) -> Spread:
        """How the number present varies, at all times."""
        assert self.station.spread is not None
        return self.station.spread

    @property
    def queues(self) -> bool:
        """Whether there ever is a queue."""
        return bool(self.spread.waits.max() > _HARDLY)

    @property
    def service_time(self) -> float:
        """Mean work of a request there. [s]."""
        return float(self.station.station.service.mean)

    @cached_property
    def _came(self) -> np.ndarray:
        rate, steps = self.station.arrival_rate, np.diff(self.times)
        return np.concatenate([[0.0], np.cumsum(steps * (rate[1:] + rate[:-1]) / 2)])

    def arrivals(self, when: np.ndarray) -> np.ndarray:
        """Return how many came from the first time on to others [-]."""
        rate, first, last = self.station.arrival_rate, self.times[0], self.times[-1]
        before = np.minimum(when - first, 0.0) * rate[0]
        after = np.maximum(when - last, 0.0) * rate[-1]
        found: np.ndarray = np.interp(when, self.times, self._came) + before + after
        return found

    def at(self, values: np.ndarray, when: np.ndarray) -> np.ndarray:
        """Return what has values at all times at some of them."""
        found: np.ndarray = np.interp(when, self.times, values)
        return found

    def covariance(self, after: WaitInTime, between: Sequence[WaitInTime] = ()) -> Any:
        """Return the covariance with the wait at a station `after` this one [s^2]."""
        if not (self.queues and after.queues):
            return 0.0
        row = [self, *between, after]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            number = _followed(row)
            here = after.at(after.spread.waits, after.comes)
            pace = self.at(self.spread.pace, row[1].comes) * after.at(
                after.spread.pace, after.comes
            )
            later = self.time.variance + sum(
                self.covariance(other, between[:i]) for i, other in enumerate(between)
            )
            grows = np.gradient(after.station.waiting_time, after.times)
            found = here * number / pace + after.at(grows, after.comes) * later
            most = np.sqrt(self.time.variance * after.time.variance)
            found = np.clip(found, -_MOST_APART * most, _MOST_ALIKE * most)
        return np.where(np.isfinite(found), found, 0.0)


def _followed(row: Sequence[WaitInTime]) -> Any:
    """Return the covariance of what the first lets wait and the number met at the last."""
    first, covariances = row[0], _at_once(row)
    entered = first.comes
    waits = first.at(first.spread.waits, entered)
    found = [
        waits * first.at(value, entered) for value in (first.spread.variance, *covariances)
    ]
    shares = [1.0, *(_share(a, b) for a, b in itertools.pairwise(row))]
    for place, (begin, end) in enumerate(itertools.pairwise(row)):
        # What comes behind a request does not delay it: stations that it has left are done.
        step = np.maximum(end.comes - begin.comes, 0.0) / _STEPS
        for k in range(_STEPS):
            now = begin.comes + (k + 0.5) * step
            coming = np.zeros(len(now))
            for i, wait in enumerate(row[place:], place):
                known = partial(wait.at, when=now)
                noise = waits * known(wait.spread.noise) if i == 0 else 0.0
                leaving = known(wait.spread.served) * found[i] - noise
                gains = noise + (shares[i] * coming if i > place else 0.0)
                found[i] = _relaxed(found[i], gains, known(wait.spread.leave), step)
                coming = leaving
    return found[-1]


def _at_once(row: Sequence[WaitInTime]) -> list[np.ndarray]:
    """Return the covariances of the number at the first with those at the others, over time."""
    size, times = len(row), row[0].times
    shares = [_share(a, b) for a, b in itertools.pairwise(row)]
    spreads = [wait.spread for wait in row]
    sigma = np.zeros((size, size, len(times)))
    for i, spread in enumerate(spreads):
        sigma[i, i] = spread.variance
    steps = np.diff(times)
    pairs = [(i, i + gap) for gap in range(1, size) for i in range(size - gap)]
    for n, step in enumerate(steps):
        for i, k in pairs:
            gains = shares[k - 1] * spreads[k - 1].served[n] * sigma[i, k - 1, n]
            if i:
                gains += shares[i - 1] * spreads[i - 1].served[n] * sigma[i - 1, k, n]
            if k == i + 1:
                gains -= shares[i] * spreads[i].noise[n]
            fades = spreads[i].leave[n] + spreads[k].leave[n]
            sigma[i, k, n + 1] = _relaxed(sigma[i, k, n], gains, fades, step)
    return list(sigma[0, 1:])


def _share(before: WaitInTime, after: WaitInTime) -> float:
    """Return the share of all that leaves a station that goes to another on this path."""
    return min(1.0, after.visits / before.passes) if before.passes > 0 else 0.0


def _relaxed(value: Any, gains: Any, fades: Any, step: Any) -> Any:
    """Return where a value is after a step that gains so much, and fades at a rate."""
    far = fades * step
    return value * np.exp(-far) + gains * step * _mean_decay(far)


def _mean_decay(x: Any) -> Any:
    """Return (1 - exp(-x)) / x, 1 at 0."""
    small = np.abs(x) < 1e-8
    return np.where(small, 1.0, -np.expm1(-x) / np.where(small, 1.0, x))
