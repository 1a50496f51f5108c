r"""The response of measured service behind a wait of exponentials, value by value.

With the tail :math:`P \sum_i w_i e^{-x_i t}` of the wait and measured times
:math:`v_1 < v_2 < \dots` of probabilities :math:`g_k`, the response exceeds t from
:math:`v_k` to :math:`v_{k+1}` with the probability

.. math::

    \sum_{j > k} g_j + P \sum_i w_i S_{ik} \, e^{-x_i (t - v_k)}, \qquad
    S_{ik} = S_{i, k-1} \, e^{-x_i (v_k - v_{k-1})} + g_k .

No transform is inverted, which would smear the jumps at the measured times; the sums S are
those of a convolution with exponentials [1]_, and are found once.

References
----------
.. [1] W. Feller, "An Introduction to Probability Theory and Its Applications, Volume II",
   2nd ed., Wiley, 1971, ch. I.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution, Empirical, Sum
from qmodel.distributions.base import Part
from qmodel.distributions.broadcasting import whole
from qmodel.distributions.pieces import Pieces
from qmodel.queues.phases.wait import PhaseWait

__all__ = ["MeasuredResponse", "response"]

_MOST = 1 << 24  # sums that are kept


class _Sums:
    """Weights and rates of the exponentials of each cell, and their sums at each value."""

    def __init__(self, wait: PhaseWait, service: Empirical) -> None:
        self.wait, self.service = wait, service

    @cached_property
    def of_cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights [-] and rates [1/s], a row a cell, and their sums at the values [-]."""
        tails, service = self.wait.tails, self.service
        shape = (len(tails.tables), -1)
        unit = np.broadcast_to(self.wait.unit, np.shape(self.wait.cell)).reshape(-1, 1)
        weights = (tails.blend[..., None] * tails.weights[tails.tables]).reshape(shape)
        rates = (tails.speed[..., None] * tails.rates[tails.tables]).reshape(shape) / unit
        sums = np.empty((service.values.size, *weights.shape), dtype=rates.dtype)
        total = np.zeros_like(rates)
        steps = np.diff(service.values, prepend=0.0)
        for k, (step, share) in enumerate(zip(steps, service.weights, strict=True)):
            sums[k] = total = total * np.exp(-rates * step) + share
        return weights, rates, sums


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeasuredResponse(Sum):
    """A wait of exponentials and then a measured time.

    Parameters
    ----------
    distributions : tuple of PhaseWait and Empirical
        The wait and the service. [-]
    sums : object
        Sums over the values in each cell, found when first asked for. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> service = qm.Empirical([*range(1, 101)])
    >>> response = qm.MGc(service, servers=8).solve(0.7 * 8 / service.mean).response
    >>> float(response.quantile(0.9)), float(response.tail(99.0) - response.tail(100.0))
    (94.6770, 0.0100)
    """

    sums: Any = whole(repr=False)  # noqa: RUF009
    closed = True

    def parts(self) -> tuple[Part, ...]:
        """Return the whole."""
        return (Part(1.0, 0.0, self),)

    def pieces(self) -> Pieces | None:
        """Return nothing: the jumps are in the tail."""
        return None

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error where the tail is small."""
        return Distribution.far_faces(self, t)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self.tail_and_density(t)[0]

    def density(self, t: Value) -> Value:
        """Return the density at `t`, between the jumps [1/s]."""
        return self.tail_and_density(t)[1]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return `tail` and `density` at `t` [s]."""
        service = self.distributions[1]
        assert isinstance(service, Empirical)
        return self._after(t, np.searchsorted(service.values, t, side="right") - 1)

    def _after(self, t: Any, k: Any) -> tuple[Any, Any]:
        """Return tail and density at times from value k to the next one, both included."""
        wait, service = self.distributions
        assert isinstance(wait, PhaseWait)
        assert isinstance(service, Empirical)
        weights, rates, sums = self.sums.of_cells
        cell, k, t = np.broadcast_arrays(wait.cell, k, np.asarray(t, dtype=float))
        at = np.clip(k, 0, None)
        falls = np.exp(-rates[cell] * np.maximum(t - service.values[at], 0.0)[..., None])
        terms = weights[cell] * sums[at, cell] * falls
        queued, slope = terms.sum(axis=-1).real, (terms * rates[cell]).sum(axis=-1).real
        above, below = service.tail(service.values[at]), service.cdf(service.values[at])
        tail = above + wait.probability * np.clip(queued, 0.0, below)
        early = np.where(np.isnan(t + wait.probability), np.nan, 1.0)
        return (
            np.where(k < 0, early, tail)[()],
            np.where(k < 0, 0.0 * early, wait.probability * np.maximum(slope, 0.0))[()],
        )

    def between_jumps(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the quantile where it is a jump, else NaN, and the jumps beside it."""
        service = self.distributions[1]
        assert isinstance(service, Empirical)
        values, last = service.values, service.values.size - 1
        # The last value after which the tail is still above.
        low, high = np.full(q.shape, -1), np.full(q.shape, last + 1)
        while (high - low > 1).any():
            middle = np.clip((low + high) // 2, 0, last)
            more = self._after(values[middle], middle)[0] > q
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        jump = values[np.minimum(high, last)]
        reached = (high <= last) & (self._after(jump, low)[0] > q)
        start = np.where(low < 0, 0.0, values[np.maximum(low, 0)])
        return np.where(reached, jump, np.nan), start, np.where(high <= last, jump, np.inf)


def response(wait: Distribution, service: Distribution) -> Sum:
    """Return the time of a wait and then service.

    Parameters
    ----------
    wait : Distribution
        Time in queue. [-]
    service : Distribution
        Service time. [-]

    Returns
    -------
    Sum
        The response time, in closed form where service is measured and all fits. [-]
    """
    if isinstance(wait, PhaseWait) and isinstance(service, Empirical):
        terms = wait.tails.tables.size * wait.tails.rates.shape[1]
        # Few values are parts, of which each jump is exact.
        if len(service.parts()) == 1 and terms * service.values.size <= _MOST:
            return MeasuredResponse((wait, service), _Sums(wait, service))
    return Sum((wait, service))
