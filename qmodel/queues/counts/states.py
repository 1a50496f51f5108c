r"""How many requests are present: the distribution of the number in a station.

`StationResult.number` has it where it is known. Like the distributions of times, it broadcasts:
``number.probability(n)`` takes a count or an array of counts, against the cells.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._fields import Model, parameter
from qmodel._typing import Count, Value
from qmodel.distributions.arguments import check_arguments

__all__ = ["FiniteStates", "Geometric", "GeometricBeyond", "Poisson", "States"]


def _probabilities(name: str, x: Any) -> np.ndarray:
    return np.asarray(_check.real(name, x))


class States(Model, ABC):
    """The distribution of a number of requests, 0, 1, 2, ..."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Put the checks of arguments around the methods of each class."""
        super().__init_subclass__()
        check_arguments(cls, {"probability": ("n", _check.real), "tail": ("n", _check.real)})

    if TYPE_CHECKING:

        @property
        def mean(self) -> Value:
            """Mean number. [-]."""

        @property
        def variance(self) -> Value:
            """Variance of the number. [-]."""

    @abstractmethod
    def probability(self, n: Count) -> Value:
        """Return P(N = n) [-]."""

    @abstractmethod
    def tail(self, n: Count) -> Value:
        """Return P(N > n) [-]."""


@dataclass(frozen=True, slots=True, eq=False)
class Poisson(States):
    """The Poisson distribution: of the number in a delay station, whatever its service.

    Parameters
    ----------
    mean : number or array
        Mean, >= 0. [-]

    Examples
    --------
    >>> float(Poisson(2.0).probability(3)), float(Poisson(2.0).tail(3))
    (0.1804, 0.1429)
    """

    mean: Value = parameter("mean number", symbol="L")

    @property
    def variance(self) -> Value:
        """Variance, the mean. [-]."""
        return self.mean

    def probability(self, n: Count) -> Value:
        """Return P(N = n) [-]."""
        from scipy.special import gammaln, xlogy

        return np.exp(xlogy(n, self.mean) - self.mean - gammaln(np.asarray(n) + 1.0))

    def tail(self, n: Count) -> Value:
        """Return P(N > n) [-]."""
        from scipy.special import gammainc

        return gammainc(np.asarray(n) + 1.0, self.mean)


@dataclass(frozen=True, slots=True, eq=False)
class Geometric(States):
    """The geometric distribution: of the number in M/M/1, and under processor sharing.

    Parameters
    ----------
    utilization : number or array
        Ratio of the probabilities of n + 1 and n; at 1 and above, the number is infinite. [-]

    Examples
    --------
    >>> float(Geometric(0.8).probability(2)), float(Geometric(0.8).mean)
    (0.128, 4.0)
    """

    utilization: Value = parameter("ratio of neighbours", symbol="rho")

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload. [-]."""
        rho = np.minimum(self.utilization, 1.0)
        with np.errstate(divide="ignore"):
            return rho / (1 - rho)

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload. [-]."""
        rho = np.minimum(self.utilization, 1.0)
        with np.errstate(divide="ignore"):
            return rho / (1 - rho) ** 2

    def probability(self, n: Count) -> Value:
        """Return P(N = n) [-]."""
        rho = np.minimum(self.utilization, 1.0)
        return (1 - rho) * rho ** np.asarray(n)

    def tail(self, n: Count) -> Value:
        """Return P(N > n) [-]."""
        return np.minimum(self.utilization, 1.0) ** (np.asarray(n) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class FiniteStates(States):
    """The distribution of a number that is bounded, from its probabilities.

    Parameters
    ----------
    probabilities : array of shape (states, ...)
        P(N = 0), P(N = 1), ... on the first axis; the cells on the others. [-]

    Examples
    --------
    >>> time = FiniteStates(np.array([0.5, 0.3, 0.2]))
    >>> float(time.mean), float(time.variance), time.probability([2, 1, 0])
    (0.7, 0.61, array([0.2, 0.3, 0.5]))
    """

    probabilities: np.ndarray = parameter(
        "probability of each number", check=_probabilities, metadata={"whole": True}
    )

    def _counts(self) -> np.ndarray:
        states = np.arange(len(self.probabilities))
        return states.reshape(-1, *[1] * (self.probabilities.ndim - 1))

    @property
    def mean(self) -> Value:
        """Mean number. [-]."""
        return (self._counts() * self.probabilities).sum(axis=0)[()]

    @property
    def variance(self) -> Value:
        """Variance of the number. [-]."""
        return ((self._counts() - self.mean) ** 2 * self.probabilities).sum(axis=0)[()]

    def _pick(self, n: Count, which: Callable[[Any, Any], Any]) -> Value:
        """Return the sum of the probabilities of the states that `which` picks by `n`."""
        n, cells = np.asarray(n), self.probabilities.shape[1:]
        axes = len(np.broadcast_shapes(n.shape, cells))
        states = np.arange(len(self.probabilities)).reshape(-1, *[1] * axes)
        spread = self.probabilities.reshape(len(states), *[1] * (axes - len(cells)), *cells)
        # Times, not where: a cell that is NaN stays so for every count.
        found = (which(states, n) * spread).sum(axis=0)
        return np.where(np.isnan(n), np.nan, found)[()]

    def probability(self, n: Count) -> Value:
        """Return P(N = n) [-]."""
        return self._pick(n, np.equal)

    def tail(self, n: Count) -> Value:
        """Return P(N > n) [-]."""
        return self._pick(n, np.greater)


@dataclass(frozen=True, slots=True, eq=False)
class GeometricBeyond(States):
    """Given probabilities of few, and beyond a geometric distribution.

    Parameters
    ----------
    below : tuple of numbers or arrays
        Probabilities of 0, 1, ..., c - 1. [-]
    full : number or array
        Probability of c. [-]
    load : number or array
        Ratio of the probabilities from c on; from 1 on the number is infinite. [-]
    spare : number or array
        1 - load, with its digits near saturation. [-]

    Examples
    --------
    M/M/1 at half load, whose first states are given:

    >>> time = GeometricBeyond((0.5, 0.25), 0.125, 0.5, 0.5)
    >>> float(time.mean), float(time.tail(2)), float(time.probability(3))
    (1.0, 0.125, 0.0625)
    """

    below: tuple[Value, ...] = parameter(
        "probabilities of 0, 1, ..., c - 1", check=_check.each(_check.real)
    )
    full: Value = parameter("probability of c", check=_check.real)
    load: Value = parameter("ratio of the probabilities from c on", check=_check.real)
    spare: Value = parameter("1 - load", check=_check.real)

    @property
    def _over(self) -> Any:
        return np.asarray(self.load) >= 1

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload. [-]."""
        return self._moment(1)

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload. [-]."""
        with np.errstate(invalid="ignore"):
            square = self._moment(2)
            return np.where(np.isinf(square), np.inf, square - self._moment(1) ** 2)[()]

    def _moment(self, order: int) -> Any:
        c, rho = len(self.below), np.minimum(self.load, 1.0)
        with np.errstate(all="ignore"):
            total = sum(n**order * p for n, p in enumerate(self.below))
            ahead = rho / self.spare
            beyond = c + ahead if order == 1 else (c + ahead) ** 2 + ahead / self.spare
            return np.where(self._over, np.inf, total + self.full / self.spare * beyond)[()]

    def probability(self, n: Count) -> Value:
        """Return P(N = n) [-]."""
        n, c = np.asarray(n), len(self.below)
        found = np.where(
            n >= c, self.full * np.minimum(self.load, 1.0) ** np.maximum(n - c, 0), 0.0
        )
        for k, p in enumerate(self.below):
            found = np.where(n == k, p, found)
        return np.where(np.isnan(n), np.nan, found)[()]

    def tail(self, n: Count) -> Value:
        """Return P(N > n) [-]."""
        n, c = np.asarray(n), len(self.below)
        rho = np.minimum(self.load, 1.0)
        with np.errstate(all="ignore"):
            found = self.full * rho ** np.maximum(n + 1 - c, 0) / self.spare
            for k in range(c - 1, -1, -1):
                found = found + np.where(n < k, self.below[k], 0.0)
        found = np.where(self._over | (n < 0), 1.0, found)
        return np.where(np.isnan(n), np.nan, found)[()]
