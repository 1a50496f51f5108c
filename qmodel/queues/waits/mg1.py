r"""The wait of M/G/1, by Pollaczek and Khinchine: a geometric sum of residual services.

.. math::

    W_q = \frac{\lambda E[S^2]}{2 (1 - \rho)}, \qquad
    \tilde W(s) = \frac{1 - \rho}{1 - \rho \tilde S_e(s)} .
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions import ZERO, Distribution, Exponential
from qmodel.distributions.algebra import measure
from qmodel.distributions.base import Part
from qmodel.distributions.pieces import Pieces, geometric_sum
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.approximations.decay import decay_rate

__all__ = ["ClosedWait", "MG1Wait", "mean_wait", "queued"]


def mean_wait(arrival_rate: Value, service_time: Value, *, scv: Value) -> Value:
    """Return the mean wait, infinite in overload; of numbers that have been checked."""
    xp = namespace(arrival_rate, service_time, scv)
    spare = spare_servers(arrival_rate, service_time, 1)
    work = xp.weigh(arrival_rate * service_time, service_time * (scv + 1))
    return xp.over(work, 2 * spare, xp.inf)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MG1Wait(Distribution):
    """The Pollaczek-Khinchine distribution of the time in queue."""

    arrival_rate: Value
    service: Distribution

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return mean_wait(self.arrival_rate, self.service.mean, scv=self.service.scv)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        mean, service = self.mean, self.service
        third = service.third_cumulant + service.mean * (3 * service.variance + service.mean**2)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # No load, no wait, however heavy the tail.
            weighed = namespace(self.arrival_rate, third).weigh(self.arrival_rate, third)
            variance = mean**2 + weighed / (3 * self._spare())
            return namespace(variance).guard(variance, self._spare() <= 0, np.inf)

    def _spare(self) -> Value:
        return spare_servers(self.arrival_rate, self.service.mean, 1)

    @property
    def atom(self) -> Value:
        """Probability of no time at all. [-]."""
        spare = self._spare()
        return namespace(spare).guard(spare, spare <= 0, 0.0)

    @property
    def defect(self) -> Value:
        """Probability that it never ends. [-]."""
        spare = self._spare()
        return namespace(spare).guard(0.0, spare <= 0, 1.0)

    @property
    def exponential_limit(self) -> Value:
        """The rate at which the tail falls in the end, of Lundberg's equation. [1/s]."""
        with np.errstate(divide="ignore"):
            between = Exponential(1 / np.asarray(self.arrival_rate))
        decay = decay_rate(between, self.service, 1, self._spare())
        return np.where(np.isnan(decay), 0.0, decay)[()]

    @property
    def analytic(self) -> bool:
        """Whether the transform continues into the left half-plane."""
        parts = self.service.parts()
        return self.service.analytic and len(parts) == 1 and not np.any(parts[0].shift)

    def parts(self) -> tuple[Part, ...]:
        """Return no wait, and the wait of those that wait, where kinks must be kept apart."""
        if self.analytic:
            return (Part(1.0, 0.0, self),)
        none = self.atom
        return (
            Part(none, 0.0, measure((none,), (ZERO,))),
            Part(1 - none, 0.0, measure((1 - none,), (QueuedWait(self),))),
        )

    def laplace(self, s: Value) -> Value:
        """Return the Laplace transform."""
        spare, service = self._spare(), self.service
        if is_symbolic(s, spare):
            return spare * s / (s - self.arrival_rate * (1 - service.laplace(s)))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            transform = spare / (spare + (1 - spare) * service.remaining_gap(s))
        return np.where(spare <= 0, 0.0, transform)[()]


def queued(arrival_rate: Value, service: Distribution) -> Distribution:
    """Return the distribution of the wait of those that wait."""
    return QueuedWait(MG1Wait(arrival_rate, service))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QueuedWait(Distribution):
    """The wait of those that wait: without the atom at zero, and its kinks downstream."""

    wait: MG1Wait

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.wait.mean / (1 - self.wait.atom)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        second = (self.wait.variance + self.wait.mean**2) / (1 - self.wait.atom)
        return second - self.mean**2

    @property
    def defect(self) -> Value:
        """Probability that it never ends. [-]."""
        return self.wait.defect

    @property
    def exponential_limit(self) -> Value:
        """As the whole. [1/s]."""
        return self.wait.exponential_limit

    @property
    def analytic(self) -> bool:
        """Whether the transform continues into the left half-plane."""
        return False

    def pieces(self) -> Pieces | None:
        """Return the first terms of the geometric sum of residual service times."""
        service = self.wait.service
        pieces, spare = service.pieces(), self.wait._spare()
        if pieces is None:
            return None
        first = geometric_sum(pieces, service.mean, 1 - spare)
        # Of those that wait.
        return first and first._replace(
            terms=tuple(term._replace(weight=term.weight / (1 - spare)) for term in first.terms)
        )

    def laplace(self, s: Value) -> Value:
        """Return the Laplace transform."""
        spare, gap = self.wait._spare(), self.wait.service.remaining_gap(s)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(spare <= 0, 0.0, spare * (1 - gap) / (spare + (1 - spare) * gap))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClosedWait(MG1Wait):
    """A wait with a closed tail, behind constant or gamma service."""

    closed = True

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        # Takács' recursion; the fourth moment that it needs is known here.
        mean, s, scv = self.mean, self.service.mean, self.service.scv
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            third = self.arrival_rate * s**3 * (1 + scv) * (1 + 2 * scv) / self._spare()
            cumulant = 2 * mean**3 + third * (mean + s * (1 + 3 * scv) / 4)
            return namespace(mean).guard(cumulant, self._spare() <= 0, np.inf)

    def parts(self) -> tuple[Part, ...]:
        """Return the distribution whole: nothing of it is inverted."""
        return (Part(1.0, 0.0, self),)

    def tail(self, t: Value) -> Value:
        """Return the probability that it exceeds `t`."""
        return self._both(t)[0]

    def density(self, t: Value) -> Value:
        """Return the density at `t`."""
        return self._both(t)[1]

    @abstractmethod
    def _both(self, t: Value) -> tuple[Any, Any]:
        """Return tail and density."""
