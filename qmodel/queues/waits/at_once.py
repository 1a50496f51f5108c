r"""The waits of requests that come at once to one station, and the time until all are done.

The first of a batch finds the queue that is there. Where it must wait, the others begin after
it as servers become free, one after the other in a time S / c, S being a service; where f
servers are free, the first f begin at once:

.. math::

    W_j = W_1 + \sum_{i = 1}^{m_j} S_i / c, \qquad m_j = \max(j - \max(f, 1), 0) .

All are done after the time that the last waits and the longest of what each has left then,

.. math::

    T = W_k + \max_j \big(S_j - (m_k - m_j) \, \delta\big) ,

where one of those in service is done in a time :math:`\delta`: of exponential service it stays
with the probability :math:`1 - 1 / c`, so that :math:`\delta = - E[S] \ln(1 - 1 / c)`; of
constant service it is E[S] / c, and between as the SCV says. That is exact for one server,
where it is :math:`W_1 + S_1 + \dots + S_k`. How many servers are free is that of exponential
service (`qmodel.queues.counts.batch_arrivals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from operator import mul
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import ZERO, Deterministic, Distribution, Repeated, Scaled, Sum
from qmodel.distributions.algebra import measure
from qmodel.distributions.base import Part
from qmodel.distributions.extremes import OfSeveral, least_of, others

__all__ = ["AtOnce", "LastDone"]


_SURE = 1e6
"""Mean services after which one is done for sure."""


class AtOnce(NamedTuple):
    """What those who come at once meet.

    Parameters
    ----------
    first : Distribution
        The wait of the first of them. [-]
    free : array of shape (most + 1, ...)
        Probability that 0, 1, ... servers are free; the last that as many are, or more. [-]
    service : Distribution
        Service at the station. [-]
    servers : int or integer array
        Number of servers. [-]
    """

    first: Distribution
    free: np.ndarray
    service: Distribution
    servers: Any

    def waiting(self, size: int) -> Distribution:
        """Return how much longer than the first any one of so many waits."""
        weights: list[Any] = [0.0] * size
        for free, share in self._found(size):
            for place in range(1, size + 1):
                weights[max(place - free, 0)] += share / size
        return self._begun(weights)

    def done(self, services: Sequence[Distribution]) -> Distribution:
        """Return the time until all are done, in the order in which they come."""
        size, step = len(services), self._step
        constant = all(isinstance(service, Deterministic) for service in services)
        parts, weights = [], []
        for free, share in self._found(size):
            last = size - free
            begun = [step * min(size - j, last) for j in range(1, size + 1)]
            left = services[-1] if constant else LastDone(tuple(services), tuple(begun))
            before = self._begun([0.0] * last + [1.0])
            parts.append(left if before is ZERO else Sum((before, left)))
            weights.append(share)
        whole = parts[0] if len(parts) == 1 else measure(tuple(weights), tuple(parts))
        return Sum((self.first, whole))

    @property
    def _step(self) -> Any:
        """Return after what time more one of those in service is as good as sure to be done."""
        servers, scv = np.asarray(self.servers, dtype=float), np.asarray(self.service.scv)
        with np.errstate(divide="ignore", invalid="ignore"):
            memoryless = -servers * np.log1p(-1 / servers)
            slower = 1 + np.minimum(scv, 1.0) * (memoryless - 1)
        mean = np.asarray(self.service.mean)
        # One server is sure to be.
        return np.where(servers == 1, _SURE * mean, mean / servers * slower)[()]

    def _found(self, size: int) -> list[tuple[int, Any]]:
        """Return numbers of servers that are as good as free, each with its probability."""
        free = self.free
        found: list[tuple[int, Any]] = [(1, free[0] + free[1])]
        found += [(f, free[f]) for f in range(2, size)]
        if size > 1:
            found.append((size, free[size:].sum(axis=0)))
        return [(f, share[()]) for f, share in found if np.any(share > 1e-9)]

    def _begun(self, weights: Sequence[Any]) -> Distribution:
        step = Scaled(self.service, 1 / np.asarray(self.servers, dtype=float)[()])
        parts = [(w, m) for m, w in enumerate(weights) if np.any(np.asarray(w) > 0)]
        times = tuple(Repeated(step, m) if m else ZERO for _, m in parts)
        return times[0] if len(times) == 1 else measure(tuple(w for w, _ in parts), times)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LastDone(OfSeveral):
    """The time until the last of several services is done that have begun some time before.

    Parameters
    ----------
    distributions : sequence of Distribution
        The services. [-]
    begun : sequence of numbers or arrays
        How long before each has begun, >= 0; one of them now. [s]

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> float(LastDone((Exponential(1.0), Exponential(1.0)), (0.0, 0.0)).mean)
    1.5
    """

    begun: tuple[Value, ...] = ()

    def _scale(self, means: list[Any]) -> Any:
        later = zip(means, self.begun, strict=True)
        return np.max(np.broadcast_arrays(*(m + 0 * np.asarray(b) for m, b in later)), axis=0)

    def _least(self) -> Any:
        least = (least_of(d) - b for d, b in zip(self.distributions, self.begun, strict=True))
        return np.max(np.broadcast_arrays(0.0, *least), axis=0)[()]

    def _begun(self) -> list[Part]:
        each = zip(self.distributions, self.begun, strict=True)
        parts = [(part, part.shift - b) for d, b in each for part in d.parts()]
        return [part._replace(shift=np.maximum(left, 0.0)) for part, left in parts]

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return prod(1 - tail for tail in self._tails(0.0))

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return 1 - prod(1 - distribution.defect for distribution in self.distributions)

    def _tails(self, t: Value) -> list[Any]:
        each = zip(self.distributions, self.begun, strict=True)
        return [np.minimum(d.tail(t + b), 1.0) for d, b in each]

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], without loss of small tails."""
        with np.errstate(divide="ignore"):
            late = -np.expm1(sum(np.log1p(-tail) for tail in self._tails(np.maximum(t, 0.0))))
        return np.where(np.asarray(t) < 0, 1.0, late)[()]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s]."""
        each = zip(self.distributions, self.begun, strict=True)
        densities = [d.density(t + b) for d, b in each]
        rest = others([1 - tail for tail in self._tails(t)])
        return self.tail(t), sum(map(mul, densities, rest))
