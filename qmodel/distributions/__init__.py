"""Laws of times: families, how they compose, and how to fit them."""

from qmodel.distributions.algebra import Mixture, Repeated, Scaled, Shifted, Sum
from qmodel.distributions.base import Distribution
from qmodel.distributions.empirical import Empirical
from qmodel.distributions.extremes import Maximum, Minimum
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
from qmodel.distributions.heavy import LogNormal, Pareto
from qmodel.distributions.order_statistics import OrderStatistic, Quorum
from qmodel.distributions.phase_type import PhaseType
from qmodel.distributions.truncated import Truncated

__all__ = [
    "NEVER",
    "ZERO",
    "Deterministic",
    "Distribution",
    "Empirical",
    "Erlang",
    "Exponential",
    "Gamma",
    "HyperExponential",
    "LogNormal",
    "Maximum",
    "Minimum",
    "Mixture",
    "OrderStatistic",
    "Pareto",
    "PhaseType",
    "Quorum",
    "Repeated",
    "Scaled",
    "Shifted",
    "Sum",
    "Truncated",
    "Uniform",
    "from_mean_scv",
]
