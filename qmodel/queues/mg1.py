r"""The M/G/1 queue: Poisson arrivals, one server, any service distribution, FCFS.

With :math:`\rho = \lambda S` and the transform :math:`B_e(s) = (1 - B(s)) / (s S)` of the
remaining service that an arrival finds, Pollaczek and Khinchine give

.. math::

    W_q = \frac{\lambda E[S^2]}{2 (1 - \rho)}, \qquad
    E[T_q^2] = 2 W_q^2 + \frac{\lambda E[S^3]}{3 (1 - \rho)}, \qquad
    E[e^{-s T_q}] = \frac{1 - \rho}{1 - \rho B_e(s)} .

The last form, unlike the usual one, is not 0/0 at zero. For constant service the distribution
of the wait has kinks at the multiples of the service time, where no inversion is good: there
the tail is Erlang's sum, and beyond eight service times, where that would cancel, the sum over
the poles. It is closed too for Erlang service (`qmodel.queues.waits.mek1`) and for two branches
of exponential service (`qmodel.queues.waits.mh21`), and inverted for other distributions.

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

from dataclasses import dataclass

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Deterministic, Distribution, HyperExponential
from qmodel.queues.approximations.regimes import by_kind, kinds_of
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.mg1 import SingleServerNumber
from qmodel.queues.waits import mek1, mh21
from qmodel.queues.waits.md1 import ConstantServiceWait
from qmodel.queues.waits.mg1 import MG1Wait, mean_wait

__all__ = ["MG1", "waiting_time"]

GENERAL_SERVICE = Assumption(
    "general-service",
    "service times are independent, with the given distribution",
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
    return mean_wait(rate, s, scv=scv)


@dataclass(frozen=True, slots=True, eq=False)
class MG1(Station):
    """Station with one server and any service distribution, first come first served.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]

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
        """Return one server with another service distribution."""
        return MG1(service)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, service = arrival_rate, self.service
        if len(kinds := kinds_of(service)) > 1:
            return by_kind(
                self, rate, [(where, MG1(distribution)) for where, distribution in kinds]
            )
        wait = waiting_time(rate, service.mean, scv=service.scv)
        distribution = self._distribution_of_wait(rate)
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS)
        return StationResult.by_littles_law(
            self,
            rate,
            wait,
            wait=distribution,
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS, "number"), grounds)),
            number=SingleServerNumber(rate, service, distribution),
        )

    def _distribution_of_wait(self, rate: Value) -> Distribution:
        service = self.service
        if is_symbolic(rate, service.mean):
            return MG1Wait(rate, service)
        if isinstance(service, Deterministic):
            return ConstantServiceWait(rate, service)
        if isinstance(service, HyperExponential) and len(service.means) == 2:
            return mh21.wait(rate, service)
        phases = mek1.phases_of(service)
        if phases is not None:
            return mek1.ErlangServiceWait(rate, service, phases)
        return MG1Wait(rate, service)
