r"""Wait and response of M/M/c: exponential for those that wait, and exponential service.

With P the probability of a wait, :math:`\theta` the rate at which a full queue drains and
:math:`\mu` that of service,

.. math::

    P(T_q > t) = P e^{-\theta t}, \qquad P(T > t) = e^{-\mu t} + P \mu t \,
    e^{-\min(\mu, \theta) t} \frac{e^{-|\mu - \theta| t} - 1}{-|\mu - \theta| t} .

So waits every queue whose servers are all busy while it is not empty and whose service is
exponential: GI/M/c, unequal servers, priorities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions import Distribution
from qmodel.numerics.erlang import special

__all__ = ["MMcResponse", "MMcWait"]


def _begun(served: Any, late: Any, apart: Any) -> Any:
    """Return P(a wait that began is over, but not the service after it), in exponents.

    `late` is the greater of both exponentials, `apart` the distance of their exponents.
    """
    return served * late * special().exprel(-apart)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MMcWait(Distribution):
    """An exponential wait that only some requests have: the distribution of a queue's wait."""

    probability: Value
    drain: Value
    closed = True

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self.probability / self.drain

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self.probability * (2 - self.probability) / self.drain**2

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        c = self.probability
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return c * (6 - 6 * c + 2 * c**2) / self.drain**3

    @property
    def atom(self) -> Value:
        """Probability of no time at all. [-]."""
        return 1 - self.probability

    @property
    def defect(self) -> Value:
        """Probability that it never ends. [-]."""
        return np.equal(self.drain, 0) * 1.0

    @property
    def exponential_limit(self) -> Value:
        """The rate at which the queue is drained. [1/s]."""
        return self.drain

    def laplace(self, s: Value) -> Value:
        """Return the Laplace transform."""
        return 1 - self.probability + self.probability * (self.drain / (self.drain + s))

    def tail(self, t: Value) -> Value:
        """Return the probability that it exceeds `t`."""
        xp = namespace(t, self.probability, self.drain)
        below = self.probability * xp.exp(-self.drain * xp.maximum(xp.asarray(t), 0))
        return below if xp.symbolic else xp.guard(below, xp.asarray(t) < 0, 1.0)

    def density(self, t: Value) -> Value:
        """Return the density at `t`."""
        slope = self.drain * self.tail(t)
        return slope if is_symbolic(slope) else np.where(np.asarray(t) < 0, 0.0, slope)[()]

    def quantile(self, p: Value) -> Value:
        """Return the time not exceeded with probability `p`. [s]."""
        q = 1 - np.asarray(_check.probability("p", p))[()]
        xp = namespace(q, self.probability, self.drain)
        with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return xp.maximum(xp.log(self.probability / q), 0) / self.drain + 0 * q


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MMcResponse(Distribution):
    """The wait of `MMcWait`, then exponential service of rate `serve`."""

    probability: Value
    drain: Value
    serve: Value
    closed = True

    def _wait(self) -> MMcWait:
        return MMcWait(self.probability, self.drain)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._wait().mean + self._service

    @property
    def _service(self) -> Value:
        xp = namespace(self.serve)
        return xp.over(1, self.serve, xp.inf)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self._wait().variance + self._service**2

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self._wait().third_cumulant + 2 * self._service**3

    @property
    def defect(self) -> Value:
        """Probability that it never ends. [-]."""
        return self._wait().defect

    @property
    def exponential_limit(self) -> Value:
        """The lesser of both rates. [1/s]."""
        return np.minimum(self.drain, self.serve)

    def laplace(self, s: Value) -> Value:
        """Return the Laplace transform."""
        mu, theta, c = self.serve, self.drain, self.probability
        # One quotient of both, as a division costs as much as all else.
        below = (theta + s) * (mu + s)
        return (mu * theta + mu * (1 - c) * s) / below

    def tail(self, t: Value) -> Value:
        """Return the probability that it exceeds `t`."""
        mu, theta = self.serve, self.drain
        xp = namespace(t, mu, theta)
        if xp.symbolic:
            begun = mu * (xp.exp(-theta * t) - xp.exp(-mu * t)) / (mu - theta)
            return xp.exp(-mu * t) + self.probability * begun
        t = np.maximum(t, 0.0)
        with np.errstate(invalid="ignore"):
            late = np.exp(-np.minimum(mu, theta) * t)
            both = _begun(mu * t, late, np.abs(mu - theta) * t)
        return np.where(theta == 0, 1.0, np.exp(-mu * t) + self.probability * both)[()]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return both at `t`."""
        if type(t) is not float or not (t > 0 and self.drain > 0):
            return self.tail(t), self.density(t)
        served, begun = self.serve * t, self.drain * t
        alone, waited = math.exp(-served), math.exp(-begun)
        both = _begun(served, max(alone, waited), abs(served - begun))
        tail = alone + self.probability * both
        return tail, self.serve * (tail - self.probability * waited)

    def _quantile_on_symbols(self, p: Any) -> Any:
        import sympy as sp

        # Of one server the response is exponential: P(wait) is 1 - drain / serve.
        if sp.simplify(self.probability * self.serve + self.drain - self.serve) != 0:
            return Distribution._quantile_on_symbols(self, p)
        return -namespace(p, self.drain).log1p(-p) / self.drain

    def density(self, t: Value) -> Value:
        """Return the density at `t`."""
        # The tail solves f = mu * (P(T > t) - P(Tq > t)): served at rate mu once begun.
        slope = self.serve * (self.tail(t) - self._wait().tail(t))
        return slope if is_symbolic(slope) else np.where(np.asarray(t) < 0, 0.0, slope)[()]
