"""Distributions from two numbers: a measurement gives a mean and a variability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._values import same_fields
from qmodel._xp import is_symbolic
from qmodel.distributions.algebra import Mixture
from qmodel.distributions.base import Distribution
from qmodel.distributions.constants import Deterministic
from qmodel.distributions.families import Exponential, Gamma, HyperExponential
from qmodel.distributions.few_phases import balanced_share
from qmodel.errors import DomainError, ModelError

__all__ = ["balanced_hyperexponential", "from_mean_scv"]


class TwoMoments:
    """A distribution that was chosen by its mean and SCV, which are its parameters.

    Whatever family was chosen, another mean or SCV chooses anew.
    """

    __slots__ = ()

    def parameters(self) -> dict[str, Any]:
        """Return mean and SCV."""
        here: Any = self
        return {"mean": here.mean, "scv": here.scv}

    def changed(self, changes: Mapping[str, Any]) -> Distribution:
        """Return what is chosen by another mean, another SCV, or both."""
        return from_mean_scv(**{**self.parameters(), **changes})

    def recipe(self) -> tuple[str, dict[str, Any]]:
        """Return the function, and its arguments, that make the same."""
        found = self.parameters()
        for name, value in found.items():
            # 1.5 comes back from a hyperexponential as 1.4999999999999998.
            plain = np.vectorize(lambda x: float(f"{x:.12g}"))(value)[()]
            again = from_mean_scv(**{**found, name: plain})
            if same_fields(again, self):
                found[name] = plain
        return "from_mean_scv", found

    def __reduce__(self) -> Any:
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return _chosen, (type(self).__mro__[2], values)


@cache
def _kind(family: type[Distribution]) -> type[Distribution]:
    """Return a family of distributions that remembers that it was chosen by two moments."""
    return type(family.__name__, (TwoMoments, family), {"__slots__": ()})


def _chosen(family: type[Distribution], values: Mapping[str, Any]) -> Distribution:
    """Return a distribution of a family that remembers how it was chosen."""
    found = object.__new__(_kind(family))
    for name, value in values.items():
        object.__setattr__(found, name, value)
    return found


@checked
def from_mean_scv(mean: Value, scv: Value) -> Distribution:
    """Return the customary distribution with this mean and SCV.

    Constant at SCV 0, gamma below 1, exponential at 1, hyperexponential with balanced
    means above. Two moments do not decide a distribution: with SCV 4, two service distributions
    can differ by a factor of 1.6 in the wait behind many servers.

    Parameters
    ----------
    mean : number or array
        Mean, > 0. [s]
    scv : number or array
        Squared coefficient of variation, >= 0. [-]

    Returns
    -------
    Distribution
        The distribution; where `scv` is an array over several regimes, a mixture whose
        probabilities are 0 or 1 in each cell. In a pipeline its parameters are "mean" and
        "scv", whatever its family. [-]

    Raises
    ------
    DomainError
        If `mean` is not > 0 or `scv` is negative.

    References
    ----------
    .. [1] H. C. Tijms, "Stochastic Models: An Algorithmic Approach", Wiley, 1994,
       appendix B.

    Examples
    --------
    >>> from_mean_scv(0.02, 0.5)
    Gamma(mean=0.02, scv=0.5)
    >>> import numpy as np
    >>> from_mean_scv(0.02, np.array([0.0, 0.5, 1.0, 4.0])).variance
    array([0.    , 0.0002, 0.0004, 0.0016])
    """
    mean, scv = _check.positive("mean", mean), _check.scv("scv", scv)
    if is_symbolic(scv):
        raise ModelError(f"scv must be a number to choose a distribution by it, got {scv}")
    above = np.asarray(scv > 1)
    below = np.asarray((scv > 0) & (scv < 1))
    # Each distribution gets a harmless SCV in the cells where it does not count.
    regimes = (
        (np.asarray(scv == 0), lambda: Deterministic(mean)),
        (below, lambda: Gamma(mean, scv if below.all() else np.where(below, scv, 0.5))),
        (np.asarray(scv == 1), lambda: Exponential(mean)),
        (
            above | np.isnan(scv),
            lambda: balanced_hyperexponential(mean, np.where(scv <= 1, 2.0, scv)[()]),
        ),
    )
    present = [(where, distribution()) for where, distribution in regimes if where.any()]
    if not present:
        raise DomainError("scv must have at least one value, got none")
    found: Distribution = present[0][1]
    if len(present) > 1:
        found = Mixture(
            tuple(where * 1.0 for where, _ in present),
            tuple(distribution for _, distribution in present),
        )
    return _chosen(type(found), {f.name: getattr(found, f.name) for f in fields(found)})  # type: ignore[arg-type]


def balanced_hyperexponential(mean: Value, scv: Value) -> HyperExponential:
    """Return the two-branch hyperexponential distribution whose branches carry equal load.

    Parameters
    ----------
    mean : number or array
        Mean, > 0. [s]
    scv : number or array
        Squared coefficient of variation, >= 1. [-]

    Returns
    -------
    HyperExponential
        The distribution.

    Raises
    ------
    DomainError
        If `scv` is below 1.

    References
    ----------
    .. [1] H. C. Tijms, "Stochastic Models: An Algorithmic Approach", Wiley, 1994,
       appendix B.

    Examples
    --------
    >>> distribution = balanced_hyperexponential(0.02, 4.0)
    >>> float(distribution.mean), float(distribution.scv)
    (0.02, 4.0)
    """
    excess = _check.nonnegative("scv - 1", _check.scv("scv", scv) - 1.0)
    p = balanced_share(excess + 1.0)
    with np.errstate(divide="ignore"):  # beyond an SCV of 1e16 p rounds to 1
        return HyperExponential((p, 1 - p), (mean / (2 * p), mean / (2 * (1 - p))))
