"""Laws of times: families, how they compose, and how to fit them."""

from qmodel.distributions.algebra import (
    Maximum,
    Minimum,
    Mixture,
    Repeated,
    Scaled,
    Shifted,
    Sum,
)
from qmodel.distributions.base import Distribution
from qmodel.distributions.families import (
    NEVER,
    ZERO,
    Deterministic,
    Erlang,
    Exponential,
    Gamma,
    HyperExponential,
    Uniform,
)
from qmodel.distributions.fit import from_mean_scv

__all__ = [
    "NEVER",
    "ZERO",
    "Deterministic",
    "Distribution",
    "Erlang",
    "Exponential",
    "Gamma",
    "HyperExponential",
    "Maximum",
    "Minimum",
    "Mixture",
    "Repeated",
    "Scaled",
    "Shifted",
    "Sum",
    "Uniform",
    "from_mean_scv",
]
