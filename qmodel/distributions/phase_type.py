r"""Phase-type times: the time that a Markov chain takes until it ends.

With the probabilities :math:`\alpha` of the first phase and the generator T between phases,

.. math::

    P(X > t) = \alpha e^{Tt} \mathbf 1, \qquad
    E[e^{-sX}] = \alpha (sI - T)^{-1} (-T \mathbf 1), \qquad
    E[X^k] = k! \, \alpha (-T)^{-k} \mathbf 1 .

Exponential, Erlang and hyperexponential times are of phase type, and so are their sums and
mixtures; `phases_of` writes them out. Queues with such service are solved exactly, with
several servers too (`qmodel.queues.phases.queue`).

References
----------
.. [1] M. F. Neuts, "Matrix-Geometric Solutions in Stochastic Models", Johns Hopkins
   University Press, 1981, ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.distributions.base import Distribution
from qmodel.distributions.broadcasting import WHOLE, shape_of
from qmodel.distributions.families import Exponential, Gamma, HyperExponential
from qmodel.distributions.repeated import Scaled
from qmodel.distributions.sums import Sum
from qmodel.errors import DomainError

__all__ = ["PhaseType", "phases_of"]


@dataclass(frozen=True, slots=True, eq=False)
class PhaseType(Distribution):
    """A time of phase type: of a chain of exponential phases until it ends.

    Parameters
    ----------
    initial : sequence of numbers
        Probability that the time begins in each phase; they sum to 1. [-]
    generator : matrix of numbers
        Rates between the phases, >= 0; on the diagonal less the rate at which each phase
        ends, so that no row sums to more than 0. [1/s]

    Raises
    ------
    DomainError
        If the shapes differ, a rate is negative, a row sums to more than 0, or a phase never
        ends.

    Examples
    --------
    Nine requests of ten are done after the first phase of 10 ms, the tenth also needs a
    second phase of 100 ms:

    >>> distribution = PhaseType([1.0, 0.0], [[-100.0, 10.0], [0.0, -10.0]])
    >>> float(distribution.mean), float(distribution.scv), float(distribution.quantile(0.99))
    (0.02, 5.0, 0.2408)
    """

    initial: Any = parameter("phase that begins", metadata={WHOLE: True})
    generator: Any = parameter(
        "rates between phases", unit="1/s", check=_check.real, metadata={WHOLE: True}
    )
    closed = True

    def __post_init__(self) -> None:
        weights = _check.weights("initial", self.initial)
        start, rates = np.array(weights, dtype=float), np.array(self.generator, dtype=float)
        if rates.shape != (start.size, start.size):
            raise DomainError(
                f"generator must be {start.size} by {start.size}, as initial has "
                f"{start.size} phases, got shape {rates.shape}"
            )
        apart = rates - np.diag(rates.diagonal())
        sums = rates.sum(axis=1)
        if not (apart >= 0).all() or not (sums <= 1e-9 * abs(rates).max()).all():
            raise DomainError(
                "generator must have rates >= 0 between phases and rows that sum to at most "
                f"0, got {rates.tolist()}"
            )
        if not _all_end(apart > 0, sums < -1e-12 * abs(rates.diagonal())):
            raise DomainError(f"every phase must end, got generator {rates.tolist()}")
        object.__setattr__(self, "initial", start)
        object.__setattr__(self, "generator", rates)

    def __repr__(self) -> str:
        """Return start and rates."""
        return (
            f"PhaseType(initial={self.initial.tolist()}, generator={self.generator.tolist()})"
        )

    @property
    def ends(self) -> np.ndarray:
        """Rate at which the time ends, in each phase. [1/s]."""
        return np.asarray(np.maximum(-self.generator.sum(axis=1), 0.0))

    def _moment(self, k: int) -> float:
        """Return E[X^k] / k!."""
        left = self.initial
        for _ in range(k):
            left = np.linalg.solve(-self.generator.T, left)
        return float(left.sum())

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._moment(1)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return 2 * self._moment(2) - self._moment(1) ** 2

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        first, second, third = (self._moment(k) for k in (1, 2, 3))
        return 6 * third - 6 * first * second + 2 * first**3

    @property
    def analytic(self) -> bool:
        """Whether the singularities of a queue that it feeds stay near the real axis."""
        found = np.linalg.eigvals(self.generator)
        # As many phases in a row, of equal rates, as a gamma distribution of SCV 1/4 has.
        regular = self.variance >= 0.25 * self.mean**2 * (1 - 1e-9)
        return bool(np.all(abs(found.imag) <= abs(found.real)) and regular)

    @property
    def exponential_limit(self) -> Value:
        """The slowest rate of its phases. [1/s]."""
        return -np.linalg.eigvals(self.generator).real.max()

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        s = np.asarray(s)
        matrix = s[..., None, None] * np.eye(self.initial.size) - self.generator
        ends = np.broadcast_to(self.ends[:, None], (*s.shape, self.initial.size, 1))
        return (np.linalg.solve(matrix, ends)[..., 0] @ self.initial)[()]

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], to rounding."""
        # What remains has the phases of a random moment: it starts in alpha (-T)^-1 / mean.
        s = np.asarray(s)
        matrix = s[..., None, None] * np.eye(self.initial.size) - self.generator
        rest = np.linalg.solve(-self.generator.T, self.initial)
        ones = np.ones((*s.shape, self.initial.size, 1))
        return (s * (np.linalg.solve(matrix, ones)[..., 0] @ (rest / rest.sum())))[()]

    def _left(self, t: Any) -> Any:
        """Return the probabilities of the phases after `t`."""
        from scipy.linalg import expm

        t = np.maximum(np.asarray(t, dtype=float), 0.0)
        known = np.where(np.isfinite(t), t, 0.0)
        left = self.initial @ expm(known[..., None, None] * self.generator)
        left = np.where(np.isposinf(t)[..., None], 0.0, left)
        return np.where(np.isnan(t)[..., None], np.nan, np.maximum(left, 0.0))

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return np.minimum(self._left(t).sum(axis=-1), 1.0)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return np.where(np.asarray(t) < 0, 0.0, self._left(t) @ self.ends)[()]


def _all_end(leads: np.ndarray, ends: np.ndarray) -> bool:
    """Return whether an end can be reached from each phase."""
    for _ in range(ends.size):
        ends = ends | (leads & ends).any(axis=1)
    return bool(ends.all())


_MOST_PHASES = 24
"""Distributions of more phases than these are not written out."""


def phases_of(distribution: Distribution) -> PhaseType | None:
    """Return a distribution as phases, or None where it is not of phase type.

    Parameters
    ----------
    distribution : Distribution
        Distribution of a time; its parameters are numbers. [-]

    Returns
    -------
    PhaseType or None
        The same distribution, where it is exponential, Erlang, hyperexponential or of phase
        type, or a sum or mixture of such; None for others, and beyond 24 phases. [-]

    Examples
    --------
    >>> from qmodel.distributions import Erlang, LogNormal
    >>> phases_of(Erlang(0.5, phases=2))
    PhaseType(initial=[1.0, 0.0], generator=[[-4.0, 4.0], [0.0, -4.0]])
    >>> phases_of(LogNormal(0.5, scv=2.0)) is None
    True
    """
    if shape_of(distribution) != ():
        return None
    found = _phases(distribution)
    return found if found is None or found.initial.size <= _MOST_PHASES else None


def _phases(distribution: Distribution) -> PhaseType | None:
    if isinstance(distribution, PhaseType):
        return distribution
    if isinstance(distribution, Exponential):
        return PhaseType([1.0], [[-1 / distribution.mean]])
    if isinstance(distribution, Gamma):
        scv = float(distribution.scv)
        n = round(1 / scv) if scv * _MOST_PHASES > 0.5 else 0
        if not 1 <= n <= _MOST_PHASES or abs(n * distribution.scv - 1) > 1e-12:
            return None
        rate = n / distribution.mean
        return PhaseType(np.eye(n)[0], rate * (np.eye(n, k=1) - np.eye(n)))
    if isinstance(distribution, HyperExponential):
        used = [
            (p, m)
            for p, m in zip(distribution.probabilities, distribution.means, strict=True)
            if p > 0
        ]
        return PhaseType([p for p, _ in used], np.diag([-1 / m for _, m in used]))
    if isinstance(distribution, Scaled):
        inner = _phases(distribution.distribution)
        return inner and PhaseType(inner.initial, inner.generator / distribution.factor)
    if len(distribution.terms()) > 1:
        terms = [(p, _phases(term)) for p, term in distribution.terms() if p > 0]
        distributions = [phases for _, phases in terms if phases is not None]
        if len(distributions) < len(terms) or not distributions:
            return None
        start = np.concatenate(
            [p * a.initial for (p, _), a in zip(terms, distributions, strict=True)]
        )
        return PhaseType(start, _diagonal([a.generator for a in distributions]))
    if isinstance(distribution, Sum) and distribution.distributions:
        distributions = [a for a in map(_phases, distribution.distributions) if a is not None]
        if len(distributions) < len(distribution.distributions):
            return None
        rates = _diagonal([a.generator for a in distributions])
        at = 0
        for first, second in pairwise(distributions):
            n, m = first.initial.size, second.initial.size
            rates[at : at + n, at + n : at + n + m] = np.outer(first.ends, second.initial)
            at += n
        start = np.concatenate(
            [distributions[0].initial, *(0 * a.initial for a in distributions[1:])]
        )
        return PhaseType(start, rates)
    return None


def _diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    size = sum(len(block) for block in blocks)
    out, at = np.zeros((size, size)), 0
    for block in blocks:
        out[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return out
