r"""How many requests come at once: sizes of batches, and sums of as many services.

A size X has a generating function :math:`E[z^X]`; of those of its batch, a request finds a
number J before it with :math:`P(J = j) = P(X > j) / E[X]`. The sum of N services with the
transform B has the transform :math:`E[B(s)^N]`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.distributions.arguments import check_arguments

__all__ = ["FixedBatch", "GeometricBatch", "RandomBatch"]


class RandomNumber(Model, ABC):
    """A random number: its cumulants and its generating function."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Put the checks of arguments around the methods of each class."""
        super().__init_subclass__()
        check_arguments(cls, {"generate": ("z", _check.point)})

    @property
    @abstractmethod
    def cumulants(self) -> tuple[Any, Any, Any]:
        """Three cumulants of the number. [-]."""

    @abstractmethod
    def generate(self, z: Any) -> Any:
        """Return E[z^N] at `z`, real or complex [-]."""


@dataclass(frozen=True, slots=True, eq=False)
class RandomBatch(RandomNumber):
    """A number of requests in a batch, with the probabilities of 1, 2, ...

    Parameters
    ----------
    probabilities : sequence of numbers or arrays
        P(X = 1), P(X = 2), ...; they sum to 1. [-]

    Raises
    ------
    DomainError
        If they are outside 0 to 1 or do not sum to 1.

    Examples
    --------
    >>> float(RandomBatch([0.5, 0.0, 0.5]).mean)
    2.0
    """

    probabilities: tuple[Value, ...] = parameter(
        "probability of 1, 2, ...", check=_check.weights
    )

    @property
    def mean(self) -> Value:
        """Mean number. [-]."""
        return self.cumulants[0]

    @property
    def cumulants(self) -> tuple[Any, Any, Any]:
        """Three cumulants of the number. [-]."""
        return _moments(self.probabilities, 1)

    def generate(self, z: Value) -> Value:
        """Return E[z^X] at `z`, real or complex [-]."""
        return _power_series((0, *self.probabilities), z)

    def exact(self, xp: Any) -> RandomBatch:
        """Return the same number for a namespace: for symbols, with fractions for floats."""
        shares = tuple(xp.exact(p) for p in self.probabilities)
        # The fractions of measured shares do not sum to 1.
        total = sum(shares) if xp.symbolic else 1
        return RandomBatch(tuple(p / total for p in shares))

    def ahead(self) -> RandomNumber:
        """Return the number of those that go before a request of a batch."""
        left: list[Any] = [1]
        for p in self.probabilities[:-1]:
            left.append(left[-1] - p)
        mean = self.mean
        return _Ahead(tuple(p / mean for p in left))


@checked
def FixedBatch(size: int) -> RandomBatch:
    """Return batches of the same number of requests.

    Parameters
    ----------
    size : int
        Number of requests in a batch, >= 1. [-]

    Returns
    -------
    RandomBatch
        The number, with probability 1.

    Raises
    ------
    DomainError
        If `size` is not a whole number >= 1.

    Examples
    --------
    >>> float(FixedBatch(5).mean)
    5.0
    """
    number = _check.one_count("size", size, most=10**6)
    return RandomBatch((*[0] * (number - 1), 1))


@dataclass(frozen=True, slots=True, eq=False)
class _Ahead(RandomNumber):
    """A number with the probabilities of 0, 1, 2, ..."""

    probabilities: tuple[Any, ...]

    @property
    def cumulants(self) -> tuple[Any, Any, Any]:
        return _moments(self.probabilities, 0)

    def generate(self, z: Any) -> Any:
        return _power_series(self.probabilities, z)


def _moments(probabilities: tuple[Any, ...], first: int) -> tuple[Any, Any, Any]:
    terms = list(enumerate(probabilities, first))
    mean = sum(p * n for n, p in terms)
    second, third = (sum(p * (n - mean) ** k for n, p in terms) for k in (2, 3))
    return mean, second, third


def _power_series(coefficients: tuple[Any, ...], z: Any) -> Any:
    total: Any = 0
    for c in reversed(coefficients):
        total = total * z + c
    return total


@dataclass(frozen=True, slots=True, eq=False)
class GeometricBatch(RandomNumber):
    """A geometric number of requests in a batch: after each, another one with one probability.

    Parameters
    ----------
    mean : number or array
        Mean number of requests in a batch, >= 1. [-]
    least : int, default 1
        The least number; 0 counts the others of a batch that go before a request. [-]

    Raises
    ------
    DomainError
        If `mean` is below 1.

    Examples
    --------
    >>> float(GeometricBatch(4.0).generate(0.5))
    0.2
    """

    mean: Value = parameter("mean number of a batch", symbol="X", check=_check.at_least(1.0))
    least: int = parameter(
        "the least number", check=partial(_check.one_count, least=0), default=1
    )

    @property
    def cumulants(self) -> tuple[Any, Any, Any]:
        """Three cumulants of the number. [-]."""
        m = self.mean
        return m - 1 + self.least, m * (m - 1), m * (m - 1) * (2 * m - 1)

    def generate(self, z: Value) -> Value:
        """Return E[z^X] at `z`, real or complex [-]."""
        return z**self.least / (self.mean - (self.mean - 1) * z)

    def exact(self, xp: Any) -> GeometricBatch:
        """Return the same number for a namespace: for symbols, with fractions for floats."""
        return GeometricBatch(xp.exact(self.mean), self.least)

    def ahead(self) -> RandomNumber:
        """Return the number of those that go before a request of a batch."""
        return GeometricBatch(self.mean, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Services(Distribution):
    """A random number of independent services."""

    number: RandomNumber
    service: Distribution

    @property
    def mean(self) -> Value:
        return self.number.cumulants[0] * self.service.mean

    @property
    def variance(self) -> Value:
        mean, second, _ = self.number.cumulants
        return mean * self.service.variance + second * self.service.mean**2

    @property
    def third_cumulant(self) -> Value:
        (mean, second, third), s = self.number.cumulants, self.service
        return mean * s.third_cumulant + 3 * second * s.mean * s.variance + third * s.mean**3

    @property
    def atom(self) -> Value:
        return self.number.generate(self.service.atom)

    @property
    def analytic(self) -> bool:
        parts = self.service.parts()
        return self.service.analytic and len(parts) == 1 and not np.any(parts[0].shift)

    def laplace(self, s: Value) -> Value:
        return self.number.generate(self.service.laplace(s))
