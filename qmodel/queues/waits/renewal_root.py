r"""The root that decides every queue with independent interarrival times: 1 - sigma.

With the distribution of the interarrival times scaled to mean 1, its transform :math:`A` and
that of its residual distribution, :math:`A_e(x) = (1 - A(x)) / x`, the equation :math:`\sigma =
A(c \mu (1 - \sigma) / \lambda)` of GI/M/c is

.. math::

    1 - A_e(x) = 1 - \rho, \qquad 1 - \sigma = \rho x ,

without the root :math:`\sigma = 1`: the left side increases from zero. Where x is small it
cancels as it stands; `Distribution.remaining_gap` keeps its digits. The right side comes
without rounding (`qmodel.numerics.spare_capacity`).

Relative error of x: 1e-14 for constant, gamma and hyperexponential times, 1e-8 for others
with a finite third moment.

References
----------
.. [1] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution, Scaled
from qmodel.errors import ModelError
from qmodel.numerics.roots import increasing_root

__all__ = ["root", "unit"]


def unit(shape: Distribution) -> Distribution:
    """Return the distribution scaled to mean 1."""
    if is_symbolic(shape.mean, shape.scv):
        raise ModelError(
            "the distribution of the interarrival times takes numbers, not symbols"
        )
    return Scaled(shape, 1 / np.asarray(shape.mean)[()])


def root(distribution: Distribution, load: Any, slack: Any) -> Any:
    """Return x, with ``1 - sigma = load * x``; 0 in overload, inf without load.

    Parameters
    ----------
    distribution : Distribution
        Distribution of the interarrival times, of mean 1. [-]
    load : number or array
        Utilization. [-]
    slack : number or array
        One less the utilization, without rounding. [-]

    Returns
    -------
    number or array
        The root, of the broadcast shape. [-]

    Examples
    --------
    Poisson arrivals find all servers busy with the probability of the load:

    >>> from qmodel.distributions import Exponential
    >>> float(1 - 0.8 * root(Exponential(1.0), 0.8, 0.2))
    0.8
    """
    rho, slack = np.asarray(load, dtype=float), np.asarray(slack, dtype=float)
    second = 1 + np.asarray(distribution.scv)
    with np.errstate(all="ignore"):
        stable = (slack > 0) & (rho > 0)
        want = np.where(stable, slack, 0.5)
        top = np.where(stable, 1 / rho, 1.0)

        def gap(log: Any) -> Any:
            x = np.exp(log)
            left = distribution.remaining_gap(x)
            # At a light load the left side is near one and says nothing; one less it is
            # the quotient, where that is no 0/0.
            rest = np.where(left < 0.5, 1 - left, (1 - distribution.laplace(x)) / x)
            return np.where(want < 0.5, np.log(left / want), -np.log(rest * top))

        low = np.log(want) - np.log(second) - 3.0
        low = np.where(np.isfinite(low), low, -700.0)
        found = np.exp(increasing_root(gap, low, np.log(top), rtol=1e-16))
    found = np.where(rho == 0, np.inf, np.where(stable, found, np.nan))
    return np.where(slack <= 0, 0.0, found + 0.0 * rho)[()]
