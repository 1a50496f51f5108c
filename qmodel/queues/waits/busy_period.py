r"""Busy periods: how long a server takes until nothing is left to do.

A server begins with some work V, while requests with service distribution B arrive at rate
:math:`\lambda`; it is done when nothing is left. Each unit of work takes the time of the
busy periods of those who arrive in it, so

.. math::

    E[e^{-s T}] = V(\sigma), \qquad \sigma = s + \lambda (1 - \theta), \qquad
    \theta(s) = B(s + \lambda (1 - \theta(s))),

with :math:`\theta` the transform of the busy period that one request begins (Kendall's
functional equation) and, with :math:`\rho = \lambda E[S]`,

.. math::

    E[T] = \frac{E[V]}{1 - \rho}, \qquad
    \text{Var}\,T = \frac{\text{Var}\,V}{(1 - \rho)^2}
                  + \frac{\lambda E[S^2]\, E[V]}{(1 - \rho)^3} .

The wait of a priority class is such a period, begun by the work that is ahead of it; the
response under last come first served is one begun by the request itself.

**Numbers.** For exponential service :math:`\theta` is the root of a quadratic equation; else
the equation is iterated with secant steps: for Re s > 0 it maps the unit disc strictly into
itself, so that a plain iteration is always safe. With constant service and work the
distribution is Borel's, on the multiples of the service time.
**Jumps.** The first jump of each part, nobody coming meanwhile, is exact; the later ones that
constant services put into the distribution are smoothed (`SMOOTHED_JUMPS`).
**Overload.** For :math:`\rho > 1` the period may never end; the `defect` says how likely.

References
----------
.. [1] D. G. Kendall, "Some problems in the theory of queues", Journal of the Royal
   Statistical Society B 13, 1951.
.. [2] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Deterministic, Distribution, Empirical, Exponential, Sum
from qmodel.distributions.base import Part
from qmodel.errors import ModelError
from qmodel.numerics.spare_capacity import spare_servers

__all__ = ["BusyPeriod", "Interruptions"]

SMOOTHED_JUMPS = Assumption(
    "smoothed-jumps",
    "there are jumps at multiples of constant services, where the inversion is off by up to "
    "half a jump, elsewhere by 1e-3",
    "Abate and Whitt 2006 for the inversion",
    APPROXIMATE,
)

_STEPS = 500


def jumps(distribution: Distribution) -> bool:
    """Return whether a time > 0 has a probability of its own under `distribution`."""
    if isinstance(distribution, Empirical):
        return True
    if any(jumps(part) for part in getattr(distribution, "distributions", ())):
        return True
    return any(
        np.any(part.shift) and np.any(part.distribution.atom) for part in distribution.parts()
    )


def kendall(s: Any, rate: Any, service: Distribution) -> Any:
    """Return the transform of the busy period that one request begins, at Re s >= 0."""
    if isinstance(service, Exponential):
        b = 1 + service.mean * (s + rate)
        load = rate * service.mean
        root = namespace(s, load).sqrt(load)
        if is_symbolic(s, load):
            return 2 / (b + namespace(b).sqrt(b**2 - 4 * load))
        b = np.asarray(b, dtype=complex) if np.iscomplexobj(s) else b
        # Two factors: the cut of their product stays between the branch points.
        return 2 / (b + np.sqrt(b - 2 * root) * np.sqrt(b + 2 * root))
    if is_symbolic(s, rate):
        raise ModelError("the busy period has a symbolic form for exponential service only")
    with np.errstate(all="ignore"):
        theta = service.laplace(s + rate)
        image = service.laplace(s + rate * (1 - theta))
        before, error = theta, image - theta
        theta, there = image, np.zeros(np.shape(image), dtype=bool)
        # What rounding leaves of the error: there it wanders, and falls no more.
        least = 4 * np.finfo(float).eps * (1 + abs(s + rate) * service.mean)
        for _ in range(_STEPS):
            image = service.laplace(s + rate * (1 - theta))
            last, error = error, image - theta
            there |= (abs(error) >= abs(last)) & (abs(error) <= least * abs(image))
            step = error * (theta - before) / np.asarray(error - last)
            secant = theta - step
            good = np.isfinite(secant) & (abs(secant) <= 1) & (abs(error) < abs(last))
            before, theta = theta, np.where(there, theta, np.where(good, secant, image))
            there |= ~(abs(theta - before) > 2e-16 * abs(theta)) | ~(abs(error) > 1e-16)
            if there.all():
                break
    return theta[()]


@dataclass(frozen=True, slots=True, eq=False)
class BusyPeriod(Distribution):
    """The time until a server that begins with some work is done.

    Parameters
    ----------
    work : Distribution
        What the server begins with. [-]
    arrival_rate : number or array
        Rate of the requests that come meanwhile, >= 0. [1/s]
    service : Distribution
        Distribution of their service time. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` is negative.

    Examples
    --------
    >>> distribution = BusyPeriod(Exponential(1.0), 0.5, Exponential(1.0))
    >>> float(distribution.mean), float(distribution.variance), float(distribution.tail(2.0))
    (2.0, 12.0, 0.2676)
    """

    work: Distribution
    arrival_rate: Value
    service: Distribution

    def __post_init__(self) -> None:
        rate = _check.nonnegative("arrival_rate", self.arrival_rate)
        object.__setattr__(self, "arrival_rate", rate)

    def _spare(self) -> Any:
        return spare_servers(self.arrival_rate, self.service.mean, 1)

    def _cumulants(self, own: float) -> tuple[Any, Any, Any]:
        """Return three cumulants of `own` times the work and all interruptions of it."""
        rate, work, service = self.arrival_rate, self.work, self.service
        spare, m = self._spare(), service.mean
        if not is_symbolic(spare):
            spare = np.asarray(spare)  # powers of a float raise where they overflow
        over = spare <= 0
        with np.errstate(all="ignore"):
            second = rate * (service.variance + m**2)
            third = rate * (service.third_cumulant + m * (3 * service.variance + m**2))
            if not is_symbolic(second):
                second = np.asarray(second)
            stretch = 1 / spare if own else rate * m / spare
            per_work = second / spare**3
            skewed = third / spare**4 + 3 * second**2 / spare**5
            one = stretch * work.mean
            two = stretch**2 * work.variance + per_work * work.mean
            three = (
                stretch**3 * work.third_cumulant
                + 3 * stretch * per_work * work.variance
                + skewed * work.mean
            )
            if not is_symbolic(one, spare):
                over = over | np.isinf(work.mean)
            guard = namespace(one, spare).guard
            return tuple(guard(k, over, np.inf) for k in (one, two, three))

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._cumulants(1.0)[0]

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self._cumulants(1.0)[1]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self._cumulants(1.0)[2]

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self.work.atom

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        if is_symbolic(spare := self._spare()):
            return self.work.defect  # stated where the period ends
        over = np.asarray(spare) < 0
        if not over.any():
            return self.work.defect + 0.0 * over[()]
        ends = self.work.laplace(self.arrival_rate * (1 - self._theta(0.0)))
        return np.where(over, 1 - ends, self.work.defect)[()]

    @property
    def analytic(self) -> bool:
        """Whether the transform continues smoothly to the left half-plane."""
        return isinstance(self.service, Exponential) and self.work.analytic

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the work, each prolonged by what comes meanwhile."""
        return tuple(
            Part(mass, shift, self._after(shift, distribution))
            for mass, shift, distribution in self.work.parts()
        )

    def _after(self, shift: Any, distribution: Distribution) -> Distribution:
        period = BusyPeriod(distribution, self.arrival_rate, self.service)
        if not np.any(shift):
            return period
        during = Interruptions(Deterministic(shift), self.arrival_rate, self.service)
        return Sum((during, period))

    def _theta(self, s: Any) -> Any:
        return kendall(s, self.arrival_rate, self.service)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], Re s >= 0."""
        return self.work.laplace(s + self.arrival_rate * (1 - self._theta(s)))


@dataclass(frozen=True, slots=True, eq=False)
class Interruptions(BusyPeriod):
    """The time for which a work is interrupted by requests that go before it.

    Parameters
    ----------
    work : Distribution
        What is interrupted. [-]
    arrival_rate : number or array
        Rate of the requests that interrupt, >= 0. [1/s]
    service : Distribution
        Distribution of their service time. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` is negative.

    Examples
    --------
    >>> distribution = Interruptions(Deterministic(1.0), 0.5, Exponential(1.0))
    >>> float(distribution.mean), float(distribution.atom)
    (1.0, 0.6065)
    """

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._cumulants(0.0)[0]

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self._cumulants(0.0)[1]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self._cumulants(0.0)[2]

    @property
    def atom(self) -> Value:
        """Probability of the value 0, that nobody comes. [-]."""
        return self.work.laplace(self.arrival_rate)

    def parts(self) -> tuple[Part, ...]:
        """Return one part: what is uninterrupted is an atom at zero."""
        return (Part(1.0, 0.0, self),)

    @property
    def analytic(self) -> bool:
        """Whether the transform continues smoothly to the left half-plane."""
        # A constant work is no shift here, it is not part of the time.
        smooth = self.work.analytic or isinstance(self.work, Deterministic)
        return isinstance(self.service, Exponential) and smooth

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], Re s >= 0."""
        return self.work.laplace(self.arrival_rate * (1 - self._theta(s)))
