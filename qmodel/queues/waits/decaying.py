r"""A wait of two exponentials whose slow one decays at the rate of the queue; approximate.

Where service has an exponential moment, the tail of the wait in GI/G/c decays like
:math:`e^{-d t}`, with the d of `qmodel.queues.approximations.decay`. A distribution with this
rate, the probability P of a wait, its mean :math:`W_q` and its second moment M is

.. math::

    P(T_q > t) = (P - w) e^{-t / x} + w e^{-t / y}, \quad y = \frac{1}{d}, \quad
    x = \frac{M / 2 - W_q y}{W_q - P y}, \quad w = \frac{W_q - P x}{y - x} .

It is exact wherever the wait is a mixture of two exponentials: M/E2/1, M/H2/1, M/M/c. The
second moment is Whitt's [1]_, exact for one server: of the waits of those that wait,

.. math::

    c_D^2 = 2 \rho - 1 + \frac{4 (1 - \rho) E[S^3] / S^3}{3 (1 + c_s^2)^2} .

Where there is no such rate (a heavy tail) or no such distribution, the customary distribution
of two moments takes its place.

References
----------
.. [1] W. Whitt, "Approximations for the GI/G/m queue", Production and Operations Management
   2, 1993.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import NEVER, ZERO, Distribution, Mixture, from_mean_scv

__all__ = ["DecayingWait", "distribution_of_wait", "scv_of_delay"]


def scv_of_delay(load: Value, service: Distribution) -> Value:
    """Return Whitt's SCV of the waits of those that wait; exact for one server.

    Parameters
    ----------
    load : number or array
        Utilization, below 1. [-]
    service : Distribution
        Distribution of the service time. [-]

    Returns
    -------
    number or array
        Squared coefficient of variation. [-]

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> float(scv_of_delay(0.8, Exponential(1.0)))
    1.0
    """
    s, scv = service.mean, service.scv
    with np.errstate(invalid="ignore"):  # moments may be infinite
        third = service.third_cumulant / s**3 + 3 * scv + 1
        return 2 * load - 1 + 4 * (1 - load) * third / (3 * (1 + scv) ** 2)


def distribution_of_wait(
    wait: Value, *, probability: Value, scv: Value, decay: Value, scale: Value, over: Value
) -> Distribution:
    """Return the distribution with this mean, probability, SCV of delay and rate of decay.

    Parameters
    ----------
    wait : number or array
        Mean wait. [s]
    probability : number or array
        Probability of waiting. [-]
    scv : number or array
        Squared coefficient of variation of the waits of those that wait. [-]
    decay : number or array
        Rate of decay of the tail; NaN where there is none. [1/s]
    scale : number or array
        A time > 0, for cells that have no wait. [s]
    over : bool or array
        Where the station is in overload. [-]

    Returns
    -------
    Distribution
        The distribution. [-]

    Examples
    --------
    >>> shape = {"scv": 1.0, "decay": 0.4, "scale": 1.0}
    >>> time = distribution_of_wait(2.0, probability=0.8, over=False, **shape)
    >>> float(time.mean), float(time.tail(3.0))
    (2.0, 0.2410)
    """
    wait, probability, scv, decay, scale, over = np.broadcast_arrays(
        *(np.asarray(x, dtype=float) for x in (wait, probability, scv, decay, scale, over))
    )
    over = over > 0
    # A wait that is never is not needed, but its distribution must be one.
    waits = (probability > 1e-300) & (wait > 0) & ~over
    with np.errstate(all="ignore"):
        mean = np.where(waits, wait / probability, scale)
        probability = np.where(over, 0.0, np.where(waits, probability, 0.0 * wait))
        slow = 1 / decay
        fast = (mean * (scv + 1) / 2 - slow) / (1 - slow / mean)
        share = (mean - fast) / (slow - fast)
        single = abs(mean - slow) < 1e-9 * mean
        fast, share = np.where(single, mean, fast), np.where(single, 1.0, share)
        begins = (1 - share) / fast + share / slow
        good = (fast > 0) & (slow >= fast) & (share >= 0) & (begins >= 0) & waits
    out = ~(waits | np.isnan(probability))  # idle or full: either distribution serves
    if np.all(good | out):
        fast, slow, share = (
            np.where(good, x, y) for x, y in ((fast, 1.0), (slow, 1.0), (share, 1.0))
        )
        slow = np.where(over, np.inf, slow)
        probability = np.where(over, 1.0, probability)
        return DecayingWait(probability[()], (probability * share)[()], fast[()], slow[()])
    scv = np.where(np.isfinite(scv), np.maximum(scv, 0.02), 1.0)
    queued = from_mean_scv(mean[()], scv[()])
    if not good.any():
        weights = (1 - probability - over, probability, over * 1.0)
        return Mixture(tuple(w[()] for w in weights), (ZERO, queued, NEVER))
    fast, slow, share = (np.where(good, x, 1.0) for x in (fast, slow, share))
    decaying = DecayingWait(good * 1.0, good * share, fast, slow)
    parts = (1 - probability - over, probability * ~good, probability * good, over * 1.0)
    return Mixture(parts, (ZERO, queued, decaying, NEVER))


@dataclass(frozen=True, slots=True, eq=False)
class DecayingWait(Distribution):
    """An exponential tail less or more another one, for those requests that wait.

    Parameters
    ----------
    probability : number or array
        Probability of waiting. [-]
    weight : number or array
        Weight of the slow exponential; above `probability`, the fast one is subtracted. [-]
    fast : number or array
        Mean of the fast exponential. [s]
    slow : number or array
        Mean of the slow exponential; inf in overload. [s]

    Examples
    --------
    >>> distribution = DecayingWait(0.8, 0.6, 1.0, 4.0)
    >>> float(distribution.mean), float(distribution.tail(0.0)), float(distribution.atom)
    (2.6, 0.8, 0.2)
    """

    probability: Value
    weight: Value
    fast: Value
    slow: Value
    closed = True

    def _sum(self, fast: Any, slow: Any) -> Any:
        with np.errstate(invalid="ignore"):
            rest = self.probability - self.weight
            return rest * fast + np.where(np.asarray(self.weight) == 0, 0.0, self.weight * slow)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._sum(self.fast, self.slow)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        mean = self.mean
        with np.errstate(invalid="ignore"):
            variance = 2 * self._sum(self.fast**2, self.slow**2) - mean**2
        return np.where(np.isinf(mean), np.inf, variance)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        mean = self.mean
        with np.errstate(invalid="ignore"):
            second = 2 * self._sum(self.fast**2, self.slow**2)
            third = 6 * self._sum(self.fast**3, self.slow**3)
            cumulant = third - 3 * mean * second + 2 * mean**3
        return np.where(np.isinf(mean), np.inf, cumulant)[()]

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        return 1 - self.probability

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return np.where(np.isinf(self.slow), 1.0, 0.0)[()]

    @property
    def exponential_limit(self) -> Value:
        """The rate of the slow exponential. [1/s]."""
        return 1 / np.maximum(self.fast, self.slow)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        fast, slow = 1 / np.asarray(self.fast), 1 / np.asarray(self.slow)
        rest = self.probability - self.weight
        queued = rest * (fast / (fast + s)) + self.weight * (slow / (slow + s))
        return 1 - self.probability + queued

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        after = np.maximum(t, 0.0)
        below = self._sum(np.exp(-after / self.fast), np.exp(-after / self.slow))
        return np.where(np.asarray(t) < 0, 1.0, below)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        after = np.maximum(t, 0.0)
        fast = np.exp(-after / self.fast) / self.fast
        slope = self._sum(fast, np.exp(-after / self.slow) / self.slow)
        return np.where(np.asarray(t) < 0, 0.0, slope)[()]
