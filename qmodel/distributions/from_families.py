"""The families that measured times are fitted with, each on unbounded parameters.

The first parameter is the logarithm of the mean and the others give the shape, so that a known
mean is one parameter less. The families differ in what a queue feels: how much of the time lies
in the tail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.distributions.algebra import Mixture
from qmodel.distributions.base import Distribution
from qmodel.distributions.families import Exponential, Gamma, HyperExponential
from qmodel.distributions.heavy import LogNormal
from qmodel.distributions.repeated import Shifted
from qmodel.errors import DomainError

__all__ = ["FAMILIES", "Family", "chosen"]

_RARE = 5.0
_STEEPEST = 12.0  # Of a logarithm or logit: beyond, a shape no longer differs.


@dataclass(frozen=True, slots=True)
class Family:
    """Distributions with a mean and a shape."""

    name: str
    shapes: int
    make: Callable[[float, np.ndarray], Distribution]
    starts: Callable[[float], Sequence[Sequence[float]]]
    """Shapes to begin with, from an SCV."""

    @property
    def size(self) -> int:
        """Number of parameters, with the mean."""
        return 1 + self.shapes

    def distribution(self, parameters: Any) -> Distribution:
        """Return the distribution with a logarithm of the mean and a shape."""
        mean = float(np.exp(np.clip(parameters[0], -40, 40)))
        shape = np.clip(np.asarray(parameters[1:], dtype=float), -_STEEPEST, _STEEPEST)
        return self.make(mean, shape)


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def _log(x: float) -> float:
    return float(np.log(np.clip(x, 1e-4, 1e4)))


def _hyper(mean: float, shape: np.ndarray) -> Distribution:
    # Probability of the fast branch, and how many times slower the other is.
    p, ratio = _logistic(shape[0]), 1 + float(np.exp(shape[1]))
    fast = mean / (p + (1 - p) * ratio)
    return HyperExponential((p, 1 - p), (fast, ratio * fast))


def _shifted(mean: float, shape: np.ndarray) -> Distribution:
    constant = _logistic(shape[1]) * mean
    return Shifted(Gamma(mean - constant, float(np.exp(shape[0]))), by=constant)


def _mixed(mean: float, shape: np.ndarray) -> Distribution:
    # A rarer or slower branch is seen in no histogram: it would only make up a mean.
    rare, slow = np.clip(shape[:2], -_RARE, _RARE)
    p, ratio = _logistic(rare), 1 + float(np.exp(slow))
    fast = mean / (p + (1 - p) * ratio)
    scvs = (float(np.exp(min(x, 2.0))) for x in shape[2:])
    distributions = tuple(
        LogNormal(m, s) for m, s in zip((fast, ratio * fast), scvs, strict=True)
    )
    return Mixture((p, 1 - p), distributions)


FAMILIES = (
    Family("exponential", 0, lambda m, _: Exponential(m), lambda _: [()]),
    Family("gamma", 1, lambda m, z: Gamma(m, float(np.exp(z[0]))), lambda c: [[_log(c)]]),
    Family(
        "lognormal", 1, lambda m, z: LogNormal(m, float(np.exp(z[0]))), lambda c: [[_log(c)]]
    ),
    Family("hyperexponential", 2, _hyper, lambda c: [[2.0, 2.0], [0.0, _log(c)]]),
    Family(
        "constant plus gamma", 2, _shifted, lambda c: [[_log(c) + 0.5, -1.0], [_log(c), 1.0]]
    ),
    Family(
        "mixture of two lognormals",
        4,
        _mixed,
        lambda c: [[1.0, 1.0, _log(c / 2), _log(c / 2)], [2.5, 2.5, -1.0, -1.0]],
    ),
)


def chosen(names: Sequence[str] | None) -> tuple[Family, ...]:
    """Return the families of these names, all by default."""
    if names is None:
        return FAMILIES
    if not names:
        raise DomainError("families must name at least one, got none")
    known = {family.name: family for family in FAMILIES}
    for name in names:
        if name not in known:
            raise DomainError(f"families must be among {', '.join(known)}, got {name!r}")
    return tuple(known[name] for name in names)
