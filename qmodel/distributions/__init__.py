"""Distributions of times: families, how they compose, and how to fit them."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.distributions.algebra import Mixture
    from qmodel.distributions.base import Distribution
    from qmodel.distributions.constants import NEVER, ZERO, Deterministic
    from qmodel.distributions.empirical import Empirical
    from qmodel.distributions.extremes import Maximum, Minimum
    from qmodel.distributions.families import (
        Erlang,
        Exponential,
        Gamma,
        HyperExponential,
        Uniform,
    )
    from qmodel.distributions.fit import from_mean_scv
    from qmodel.distributions.from_counts import from_histogram
    from qmodel.distributions.from_fits import Fit
    from qmodel.distributions.from_quantiles import from_percentiles
    from qmodel.distributions.from_times import from_samples
    from qmodel.distributions.heavy import LogNormal, Pareto
    from qmodel.distributions.order_statistics import OrderStatistic, Quorum
    from qmodel.distributions.phase_type import PhaseType
    from qmodel.distributions.repeated import Repeated, Scaled, Shifted
    from qmodel.distributions.sums import Sum
    from qmodel.distributions.truncated import Truncated

__all__ = [
    "NEVER",
    "ZERO",
    "Deterministic",
    "Distribution",
    "Empirical",
    "Erlang",
    "Exponential",
    "Fit",
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
    "from_histogram",
    "from_mean_scv",
    "from_percentiles",
    "from_samples",
]

lazily(
    __name__,
    {
        "algebra": "Mixture",
        "base": "Distribution",
        "constants": "NEVER ZERO Deterministic",
        "empirical": "Empirical",
        "extremes": "Maximum Minimum",
        "families": "Erlang Exponential Gamma HyperExponential Uniform",
        "fit": "from_mean_scv",
        "from_counts": "from_histogram",
        "from_fits": "Fit",
        "from_quantiles": "from_percentiles",
        "from_times": "from_samples",
        "heavy": "LogNormal Pareto",
        "order_statistics": "OrderStatistic Quorum",
        "phase_type": "PhaseType",
        "repeated": "Repeated Scaled Shifted",
        "sums": "Sum",
        "truncated": "Truncated",
    },
)
