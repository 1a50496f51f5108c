r"""A wait that is less long than others of its mean, as a burst ends.

Behind a token bucket of bursts of b and a pace at which c servers of constant service S keep
up, nobody waits longer than

.. math:: w = \frac{(b - 1) S}{c} ,

as every c-th request of those meets one server, and these come in bursts of
:math:`(b - 1) / c + 1` [1]_. Other service has no such bound; but behind a stream whose index
of dispersion falls in time, a wait of four times the mean is shorter in the proportion of the
variability over times as much longer. Where the bound w is not far above the mean of those that
wait, their wait is taken to have the density

.. math:: \frac{\kappa e^{-\kappa t}}{1 - e^{-\kappa w}}, \qquad 0 \le t \le w,

with the same mean, :math:`1 / \kappa - w / (e^{\kappa w} - 1)`: uniform where that is w / 2, as
is nearly exact at bursts of two, and at most so. Without a bound w is so that four mean waits
are as much shorter. All but the bound is ours, from simulations.

References
----------
.. [1] R. L. Cruz, "A calculus for network delay, part I", IEEE Transactions on Information
   Theory 37, 1991.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import ZERO, Deterministic, Distribution, Exponential, Sum
from qmodel.distributions.algebra import measure

__all__ = ["UNFELT", "bounded"]

_NEAR, _FAR = 5.0, 6.0
"""How many mean waits the longest is where it is felt in full, and where it is no more."""
_SHORTER, _MOST = (0.49, 0.70, 0.86, 0.946, 0.98, 1.0), (2.0, 3.0, 4.0, 5.0, 6.0, 1e9)
"""Four mean waits over what they are exponential, and how many of them the longest is then."""
UNFELT = 0.98
"""How many times as long the longest waits are where that is not felt any more."""
_FLAT = 1e-2
"""The least that the density falls by, for digits."""


def bounded(wait: Distribution, longest: Any, shorter: Any = 1.0) -> Distribution:
    """Return a wait that is no longer than `longest`, of the same mean or half of that.

    Parameters
    ----------
    wait : Distribution
        The wait. [-]
    longest : number or array
        The longest possible, inf for any. [s]
    shorter : number or array, default 1
        How many times as long waits are that were four times as long as the mean. [-]

    Returns
    -------
    Distribution
        The wait. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> wait = qm.MMc(1.0).solve(0.5).wait
    >>> found = bounded(wait, 4.0)
    >>> float(found.mean), float(found.tail(0.0)), float(found.quantile(0.999))
    (0.99, 0.5, 3.9918)
    """
    if np.all(shorter >= UNFELT) and np.all(np.isinf(longest)):
        return wait
    mean, often = np.asarray(wait.mean), 1 - np.asarray(wait.atom)
    some = (mean > 0) & np.isfinite(mean) & (often > 0)
    mean, often = np.where(some, mean, 1.0), np.where(some, often, 1.0)
    with np.errstate(invalid="ignore"):
        longest = np.minimum(longest, mean / often * np.interp(shorter, _SHORTER, _MOST))
        some = some & (longest > 0) & (longest < _FAR * mean / often)
    most = np.where(some, longest, 4.0 * mean)
    mean = np.minimum(mean, often * most * (1 - _FLAT) / 2)
    weight = np.where(some, np.clip((_FAR - most * often / mean) / (_FAR - _NEAR), 0, 1), 0.0)
    if not np.any(weight):
        return wait
    falls = _falls(np.where(weight > 0, mean / often / most, 0.25))
    over = often / -np.expm1(-falls)
    rest = Exponential((most / falls)[()])
    beyond = Sum((Deterministic(most[()]), rest))
    weights = (1 - weight, weight * (1 - often), weight * over, weight * (often - over))
    return measure(tuple(x[()] for x in weights), (wait, ZERO, rest, beyond))


def _falls(part: Any) -> Any:
    """Return by how much the logarithm of the density falls, for a mean of so much of all."""
    found = np.where(part > 0.3, 12 * (0.5 - part), 1 / part)[()]
    for _ in range(8):
        with np.errstate(over="ignore"):
            # Far beyond what is in a float the second term is nothing.
            rest = np.minimum(np.expm1(found), 1e150)
            value, slope = 1 / found - 1 / rest, (1 + rest) / rest**2 - 1 / found**2
        step = (value - part) / slope
        found = np.minimum(np.maximum(found - step, _FLAT), 700.0)
        if np.all(np.abs(step) < 1e-13 * found):
            break
    return found
