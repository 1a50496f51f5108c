r"""The M/G/1 queue: Poisson arrivals, one server, any law of service, FCFS.

With :math:`\rho = \lambda S` and the transform :math:`B_e(s) = (1 - B(s)) / (s S)` of the
remaining service that an arrival finds, Pollaczek and Khinchine give

.. math::

    W_q = \frac{\lambda E[S^2]}{2 (1 - \rho)}, \qquad
    E[T_q^2] = 2 W_q^2 + \frac{\lambda E[S^3]}{3 (1 - \rho)}, \qquad
    E[e^{-s T_q}] = \frac{1 - \rho}{1 - \rho B_e(s)} .

The last form, unlike the usual one, is not 0/0 at zero. For constant service the law of
the wait has kinks at the multiples of the service time, where no inversion is good: there
the tail is Erlang's sum, and beyond eight service times, where that would cancel, the sum over
the poles. It is closed too for Erlang service (`qmodel.queues.waits.mek1`) and for two branches
of exponential service (`qmodel.queues.waits.mh21`), and inverted for other laws.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Overload.** ``inf`` in the cell. With :math:`E[S^2] = \infty` the mean wait is ``inf``
below saturation too, but its percentiles are not.

References
----------
.. [1] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, ch. 5.
.. [2] A. K. Erlang, "The theory of probabilities and telephone conversations", 1909, for
   constant service.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Deterministic, Distribution, HyperExponential, Sum
from qmodel.distributions.algebra import measure
from qmodel.distributions.base import Part
from qmodel.distributions.pieces import Pieces, geometric_sum
from qmodel.numerics.exponential import exp_rest
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.approximations.regimes import by_kind, kinds_of
from qmodel.queues.base import FCFS, LAWS, MEANS, Station, StationResult
from qmodel.queues.counts.mg1 import SingleServerNumber

__all__ = ["MG1", "waiting_time"]

GENERAL_SERVICE = Assumption(
    "general-service",
    "service times are independent, with the given law",
    "Pollaczek 1930; Khinchine 1932",
)


@checked
def waiting_time(arrival_rate: Value, service_time: Value, *, scv: Value) -> Value:
    """Mean time in queue by the Pollaczek-Khinchine formula, W_q.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    scv : number or array
        Squared coefficient of variation of the service time, >= 0. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    See Also
    --------
    qmodel.queues.mmc.waiting_time : several servers, exponential service.

    Examples
    --------
    >>> float(waiting_time(14.0, 0.05, scv=4.0))
    0.2917

    >>> import sympy as sp
    >>> lam, s, c2 = sp.symbols("lambda S c2", positive=True)
    >>> waiting_time(lam, s, scv=c2)
    S**2*lambda*(c2 + 1)/(-2*S*lambda + 2)
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    scv = _check.scv("scv", scv)
    xp = namespace(rate, s, scv)
    spare = spare_servers(rate, s, 1)
    return xp.over(xp.weigh(rate * s, s * (scv + 1)), 2 * spare, xp.inf)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Wait(Distribution):
    """The Pollaczek-Khinchine law of the time in queue."""

    arrival_rate: Value
    service: Distribution

    @property
    def mean(self) -> Value:
        return waiting_time(self.arrival_rate, self.service.mean, scv=self.service.scv)

    @property
    def variance(self) -> Value:
        mean, service = self.mean, self.service
        third = service.third_cumulant + service.mean * (3 * service.variance + service.mean**2)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            variance = mean**2 + self.arrival_rate * third / (3 * self._spare())
            return namespace(variance).guard(variance, self._spare() <= 0, np.inf)

    def _spare(self) -> Value:
        return spare_servers(self.arrival_rate, self.service.mean, 1)

    @property
    def atom(self) -> Value:
        spare = self._spare()
        return namespace(spare).guard(spare, spare <= 0, 0.0)

    @property
    def defect(self) -> Value:
        spare = self._spare()
        return namespace(spare).guard(0.0, spare <= 0, 1.0)

    @property
    def analytic(self) -> bool:
        parts = self.service.parts()
        return self.service.analytic and len(parts) == 1 and not np.any(parts[0].shift)

    def parts(self) -> tuple[Part, ...]:
        """Return no wait, and the wait of those that wait, where kinks must be kept apart."""
        if self.analytic:
            return (Part(1.0, 0.0, self),)
        none = self.atom
        return (
            Part(none, 0.0, measure((none,), (ZERO,))),
            Part(1 - none, 0.0, measure((1 - none,), (_Queued(self),))),
        )

    def laplace(self, s: Value) -> Value:
        spare, service = self._spare(), self.service
        if is_symbolic(s, spare):
            return spare * s / (s - self.arrival_rate * (1 - service.laplace(s)))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            transform = spare / (spare + (1 - spare) * service.remaining_gap(s))
        return np.where(spare <= 0, 0.0, transform)[()]


def queued(arrival_rate: Value, service: Distribution) -> Distribution:
    """Return the distribution of the wait of those that wait."""
    return _Queued(_Wait(arrival_rate, service))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Queued(Distribution):
    """The wait of those that wait: without the atom at zero, and its kinks downstream."""

    wait: _Wait

    @property
    def mean(self) -> Value:
        return self.wait.mean / (1 - self.wait.atom)

    @property
    def variance(self) -> Value:
        second = (self.wait.variance + self.wait.mean**2) / (1 - self.wait.atom)
        return second - self.mean**2

    @property
    def defect(self) -> Value:
        return self.wait.defect

    @property
    def analytic(self) -> bool:
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
        spare, gap = self.wait._spare(), self.wait.service.remaining_gap(s)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(spare <= 0, 0.0, spare * (1 - gap) / (spare + (1 - spare) * gap))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _ClosedWait(_Wait):
    """A wait with a closed tail, behind constant or gamma service."""

    closed = True

    @property
    def third_cumulant(self) -> Value:
        # Takács' recursion; the fourth moment that it needs is known here.
        mean, s, scv = self.mean, self.service.mean, self.service.scv
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            third = self.arrival_rate * s**3 * (1 + scv) * (1 + 2 * scv) / self._spare()
            cumulant = 2 * mean**3 + third * (mean + s * (1 + 3 * scv) / 4)
            return namespace(mean).guard(cumulant, self._spare() <= 0, np.inf)

    def parts(self) -> tuple[Part, ...]:
        """Return the law whole: nothing of it is inverted."""
        return (Part(1.0, 0.0, self),)

    def tail(self, t: Value) -> Value:
        return self._both(t)[0]

    def density(self, t: Value) -> Value:
        return self._both(t)[1]

    @abstractmethod
    def _both(self, t: Value) -> tuple[Any, Any]:
        """Return tail and density."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _ConstantServiceWait(_ClosedWait):
    """The wait of M/D/1, with its kinks."""

    @property
    def analytic(self) -> bool:
        return False

    def _both(self, t: Value) -> tuple[Any, Any]:
        shape = np.broadcast_shapes(
            *(np.shape(x) for x in (t, self.arrival_rate, self.service.mean))
        )
        t, rate, constant = (
            np.atleast_1d(np.broadcast_to(x, shape))
            for x in (t, self.arrival_rate, self.service.mean)
        )
        spare = spare_servers(rate, constant, 1)
        below, slope = np.zeros(t.shape), np.zeros(t.shape)
        with np.errstate(all="ignore"):
            for k, factorial in enumerate(_FACTORIALS):
                # (-u)^k e^u / k! at u = rate (t - kD), where that is not negative.
                u = rate * (t - k * constant)
                term = (-u) ** k / factorial * np.exp(u)
                before = (-u) ** (k - 1) * k / factorial * np.exp(u) if k else 0.0
                below += np.where(u >= 0, term, 0.0)
                slope += np.where(u >= 0, rate * (term - before), 0.0)
            tail, density = 1 - spare * below, spare * slope
            far = t >= len(_FACTORIALS) * constant
            if far.any():
                late = _late(rate[far], constant[far], spare[far], t[far])
                tail[far], density[far] = late
        over = spare <= 0
        tail = np.where(over, 1.0, np.where(t < 0, 1 + 0 * spare, np.clip(tail, 0, 1)))
        density = np.where(over | (t < 0), 0.0, density)
        return tail.reshape(shape)[()], density.reshape(shape)[()]


def _late(rate: Any, constant: Any, spare: Any, t: Any) -> tuple[Any, Any]:
    """Return tail and density of the M/D/1 wait beyond eight service times.

    The transform has its poles where z = load (1 - exp(-z)), z in service times: a real one
    and pairs, by the branches of Lambert's W; the pairs beyond the 24th are gone by then.
    """
    from scipy.special import lambertw

    load, x = rate * constant, t / constant
    branch = -load * np.exp(-load)
    # The real pole: W loses its digits near saturation, where Newton's method, begun at the
    # heavy-traffic value above the pole, finds it in a few steps.
    decay = np.where(spare < 0.1, 2 * spare / load, -(load + lambertw(branch, -1).real))
    for _ in range(5):
        slope_there = load * np.expm1(decay) - spare
        decay = decay - (load * exp_rest(decay) - spare * decay) / slope_there
    first = spare * np.exp(-decay * x) / (decay - spare)
    tail, slope = first, decay * first
    for k in range(1, 25):
        w = lambertw(branch, k)
        term = -2 * spare * np.exp((load + w) * x) / (1 + w)
        tail, slope = tail + term.real, slope - ((load + w) * term).real
    # Without load nobody waits, and W has no branches to follow.
    idle = load == 0
    return np.where(idle, 0.0, tail), np.where(idle, 0.0, slope / constant)


_FACTORIALS = (1.0, 1.0, 2.0, 6.0, 24.0, 120.0, 720.0, 5040.0)


@dataclass(frozen=True, slots=True, eq=False)
class MG1(Station):
    """Station with one server and any law of service, first come first served.

    Parameters
    ----------
    service : Distribution
        Law of the service time. [-]

    Raises
    ------
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> disk = MG1(qm.Gamma(0.05, scv=4.0))
    >>> load = disk.solve(14.0)
    >>> float(load.waiting_time), float(load.response.quantile(0.99)), load.basis
    (0.2917, 1.9273, 'exact')
    """

    variable_arrivals = True

    service: Distribution

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    def serving(self, service: Distribution) -> MG1:
        """Return one server with another law of service."""
        return MG1(service)

    def renewal(self, interarrival: Distribution) -> Station:
        """Return the same servers where the times between arrivals are of another shape."""
        from qmodel.queues.ggc import GGc

        return GGc(interarrival, self.service)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, service = arrival_rate, self.service
        if len(kinds := kinds_of(service)) > 1:
            return by_kind(self, rate, [(where, MG1(law)) for where, law in kinds])
        wait = waiting_time(rate, service.mean, scv=service.scv)
        law = self._law_of_wait(rate)
        weigh = namespace(rate, wait).weigh
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS)
        return StationResult(
            arrival_rate=rate,
            utilization=rate * service.mean,
            waiting_time=wait,
            response_time=wait + service.mean,
            queue_length=weigh(rate, wait),
            number_in_system=weigh(rate, wait + service.mean),
            wait=law,
            response=Sum((law, service)),
            station=self,
            basis=Basis(dict.fromkeys((*MEANS, *LAWS, "number"), grounds)),
            number=SingleServerNumber(rate, service, law),
        )

    def _law_of_wait(self, rate: Value) -> Distribution:
        from qmodel.queues.waits import mek1, mh21

        service = self.service
        if is_symbolic(rate, service.mean):
            return _Wait(rate, service)
        if isinstance(service, Deterministic):
            return _ConstantServiceWait(rate, service)
        if isinstance(service, HyperExponential) and len(service.means) == 2:
            return mh21.wait(rate, service)
        phases = mek1.phases_of(service)
        if phases is not None:
            return mek1.ErlangServiceWait(rate, service, phases)
        return _Wait(rate, service)
