r"""Tails of waits on rates that are the same for all.

A queue of many phases has a tail of a hundred exponentials and more, as many as it has states.
In units of :math:`S / (c - a)` it is fitted by least squares at times in a geometric series, on
rates that are one, too. The transform of :math:`e^{-t}` along the logarithm of its rate,
:math:`\Gamma(i \omega)`, falls as :math:`e^{-\pi \omega / 2}`, so that few rates do [1]_: some
30 to 60, with an error of 1e-5, and of 0.1 % where one wait in a thousand is longer. As rates
and times are the same for all tails, the weights are the values times one matrix, and a blend
of tails is one of their weights.

Tails of constant service, with their kinks, are met to 1 % of a tail of 0.01 of those that
wait, where that is not steep.

References
----------
.. [1] G. Beylkin, L. Monzón, "Approximation by exponential sums revisited", Applied and
   Computational Harmonic Analysis 28, 2010, 131-149.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from qmodel.queues.phases.wait import Tails

__all__ = ["SharedRates", "shared_rates"]

_STEP = 0.25  # of the logarithms of the rates, and twice that of the times
_FASTEST = 1e3  # rate, in units of (c - a) / S
_SMALLEST = 1e-10  # singular value that is fitted, over the largest
_CERTAIN = 30.0  # the weight of a tail of 1 at 0, over that of others


class SharedRates(NamedTuple):
    """Rates, times, and the matrix that makes weights of the rates of a tail at the times."""

    rates: np.ndarray
    times: np.ndarray
    weights: np.ndarray

    def tails(self, values: np.ndarray, means: np.ndarray) -> Tails:
        """Return the tails with these values at the times, one a row."""
        return Tails.of_mean(values @ self.weights.T, self.rates, means)

    def values(self, tails: Tails) -> np.ndarray:
        """Return the tails at the times, one a row."""
        cells = np.arange(len(tails.means))[:, None]
        found: np.ndarray = tails.sums(cells, lambda x, t: np.exp(-x * t), self.times)
        return found

    def of(self, tails: Tails) -> Tails:
        """Return the same tails on these rates."""
        return self.tails(self.values(tails), tails.means)


@lru_cache(maxsize=64)
def shared_rates(slowest: float) -> SharedRates:
    """Return the rates of which this is the slowest.

    Parameters
    ----------
    slowest : float
        In units of (c - a) / S. [-]

    Returns
    -------
    SharedRates
        Rates and times, and what makes tails of values. [-]

    Examples
    --------
    >>> one = Tails.own(np.ones((1, 1)), np.array([[0.7]]), np.array([1 / 0.7]))
    >>> found = shared_rates(0.1).of(one)
    >>> tail = found.sums(0, lambda x, t: np.exp(-x * t), 1.0)
    >>> found.weights.shape, abs(tail - np.exp(-0.7)) < 1e-8
    ((1, 37), np.True_)
    """
    rates = np.exp(np.arange(np.log(slowest), np.log(_FASTEST), _STEP))
    times = np.exp(np.arange(np.log(0.3 / _FASTEST), np.log(25 / slowest), _STEP / 2))
    times = np.concatenate([[0.0], times])
    sure = np.where(times == 0, _CERTAIN, 1.0)
    falling = sure[:, None] * np.exp(-times[:, None] * rates)
    return SharedRates(rates, times, np.linalg.pinv(falling, rcond=_SMALLEST) * sure)
