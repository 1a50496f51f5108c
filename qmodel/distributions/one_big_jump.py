r"""Far tails of sums of which some times are heavy: one of them is late, alone.

Lognormal and Pareto times have no exponential moment, so that no tilt keeps the digits of a
small tail (`qmodel.distributions.deep_tails`). But where their sum is very late, one of them
is, and the others are as they mostly are [1]_. With M, V and K their mean, variance and third
cumulant, without the i-th,

.. math::

    P(S > t) \approx \sum_i E[\bar F_i(t - S_{-i})]
    \approx \sum_i \bar F_i(u_i) - \tfrac12 V_i f_i'(u_i), \qquad u_i = t - M_i .

The next term, :math:`K_i f_i'' / 6`, and two that are late together are the error, and so are
the times that are not heavy, of the sum L, where these alone may be late. With the sum H of the
heavy ones, :math:`x = \theta t / 2` and any moment :math:`\theta` of L,

.. math::

    P(S > t, H \le t / 2) \le e^{-\theta t} E[e^{\theta L}] \Big(1 + \theta E[H]
    + \tfrac12 \theta^2 E[H^2] + \frac{8 E[H^3]}{t^3} (e^x - 1 - x - \tfrac12 x^2)\Big) ,

as :math:`(e^y - 1 - y - y^2 / 2) / y^3` rises.

References
----------
.. [1] S. Foss, D. Korshunov, S. Zachary, "An Introduction to Heavy-Tailed and Subexponential
   Distributions", 2nd ed., Springer, 2013, ch. 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["far_faces"]

_ROUNDING = 1e-7
"""What a derivative leaves of a tail."""
_BOUNDED = 50.0
"""Moment over the time, of times that end."""


def far_faces(times: Sequence[tuple[Any, Distribution]], t: np.ndarray) -> Any:
    """Return tail, densities and error of a sum of so many of each time, at late times `t` [s].

    `t`, and the densities, have three rows (`Distribution.far_faces`).
    None where none of them is heavy, or one that is has no tail of this kind.
    """
    heavy = [(n, d) for n, d in times if np.all(np.equal(d.exponential_limit, 0.0))]
    with np.errstate(all="ignore"):
        mean, variance, third = (
            sum(n * getattr(d, name) for n, d in times)
            for name in ("mean", "variance", "third_cumulant")
        )
        tail = error = together = 0.0 * t[1]
        density = 0.0 * t
        for n, d in heavy:
            left, skew = variance - d.variance, third - d.third_cumulant
            u = t - (mean - d.mean)
            found, sooner = d.far_faces(u), d.far_faces(t / 2)
            if found is None:
                return None
            late, dense, unsure = found
            bend = (dense[0] - dense[2]) / (t[2] - t[0])
            more = 0.5 * left * bend
            tail, density = tail + n * (late + more), density + n * dense
            # f'' is to f' as f' to f, nearly; far enough that most is late.
            error = error + n * (unsure + np.abs(skew * bend * bend / dense[1]))
            error = np.where(u[1] > t[1] / 2, error + n * more**2 / late, np.inf)
            together = together + n * (sooner[0] + sooner[2])
        if not heavy:
            return None
        error = error + together**2 + _ROUNDING * tail
        light = [(n, d) for n, d in times if not any(d is other for _, other in heavy)]
        return tail, density, error + _others_late(light, heavy, t[1])


def _others_late(
    light: Sequence[tuple[Any, Distribution]],
    heavy: Sequence[tuple[Any, Distribution]],
    t: np.ndarray,
) -> Any:
    """Return a bound of how likely the light times make the sum late, and not the heavy."""
    if not light:
        return 0.0
    limit = reduce(np.minimum, (np.asarray(d.exponential_limit) for _, d in light))
    # Which makes it least for an exponential time.
    moment = np.where(np.isinf(limit), _BOUNDED / t, limit - 1 / t)
    of_light: Any = prod(np.real(d.laplace(-moment + 0j)) ** n for n, d in light)
    mean, variance, third = (
        sum(n * getattr(d, name) for n, d in heavy)
        for name in ("mean", "variance", "third_cumulant")
    )
    x, square = moment * t / 2, variance + mean**2
    cube = third + 3 * mean * variance + mean**3
    far = np.exp(-x) - np.exp(-2 * x) * (1 + x + x**2 / 2)
    near = np.exp(-2 * x) * (1 + moment * mean + moment**2 * square / 2)
    bound = of_light * (near + 8 * cube / t**3 * far)
    return np.where((moment > 0) & (bound >= 0), bound, np.inf)
