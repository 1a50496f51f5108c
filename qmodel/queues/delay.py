r"""The delay station M/G/inf: every request is served at once, by a server of its own.

Think times, network round trips, third parties: nobody waits, :math:`T = S` in distribution,
and the number present is Poisson with mean :math:`\lambda S` whatever the distribution. The
distributions have a cell for each load all the same, and are unknown where the load is NaN.

References
----------
.. [1] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962,
   ch. 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import POISSON_ARRIVALS, Basis
from qmodel.distributions import ZERO, Deterministic, Distribution, Scaled
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult
from qmodel.queues.counts.states import Poisson
from qmodel.queues.mg1 import GENERAL_SERVICE

__all__ = ["Delay"]


def at_load(distribution: Distribution, load: Value) -> Distribution:
    """Return what load does not change, in the cells of `load`; NaN where that is."""
    if is_symbolic(load):
        return distribution
    known = np.where(np.isnan(load), np.nan, 1.0)
    # One known cell is the distribution itself, which a path can tell from a changed one.
    return distribution if known.ndim == 0 and known == 1 else Scaled(distribution, known[()])


@dataclass(frozen=True, slots=True, eq=False)
class Delay(Station):
    """Station that serves every request at once: a delay that load does not change.

    Parameters
    ----------
    service : Distribution or number or array
        Distribution of the delay; a number is a constant delay. [s]

    Raises
    ------
    DomainError
        If a constant delay is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> network = Delay(0.045)
    >>> r = network.solve(1000.0)
    >>> float(r.response_time), float(r.number_in_system), float(r.utilization)
    (0.045, 45.0, 0.0)
    """

    service: Distribution | Value
    poisson_output = True

    def __post_init__(self) -> None:
        if not isinstance(self.service, Distribution):
            constant = Deterministic(_check.nonnegative("service", self.service))
            object.__setattr__(self, "service", constant)

    @property
    def servers(self) -> float:
        """Number of servers, unlimited. [-]."""
        return np.inf

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never. [1/s]."""
        return namespace(self.service.mean).inf

    def serving(self, service: Distribution) -> Delay:
        """Return a delay with another distribution."""
        return Delay(service)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, mean = arrival_rate, self.service.mean
        number = rate * mean
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE)
        return StationResult(
            arrival_rate=rate,
            utilization=0 * rate * mean,
            waiting_time=0 * rate * mean,
            response_time=mean + 0 * rate,
            queue_length=0 * rate * mean,
            number_in_system=number,
            wait=at_load(ZERO, number),
            response=at_load(self.service, number),
            station=self,
            number=Poisson(number),
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS, "number"), grounds)),
        )
