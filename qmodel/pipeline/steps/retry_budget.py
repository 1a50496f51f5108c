r"""Budgets of retries: how many attempts the clients of a failing service make at most.

With the probability f that an attempt fails, n attempts and no budget, a request makes
:math:`m(f) = 1 + f + \dots + f^{n-1}` attempts on average. Three budgets bound it, each over
all requests together, :math:`\lambda_0` of which are fresh a second:

==================  =====================================================================
retries a request   :math:`m \le 1 + \beta + r / \lambda_0`: each fresh request deposits
                    :math:`\beta`, and r more a second are in reserve [1]_
active retries      :math:`m \le 1 + \max(b / (1 - b),\ r / \lambda_0)`: of all attempts under
                    way a share b may be retries, and r a second are always allowed [2]_
tokens              a failure takes a token, a success gives back a ratio :math:`\rho` of one,
                    and there are retries only while more than half of the tokens are left
                    [3]_: all of them for :math:`f < f^* = \rho / (1 + \rho)`, none above, and
                    so many at :math:`f^*` as hold it there
==================  =====================================================================

What is allowed is the probability of another attempt after a failure, the same after each.

References
----------
.. [1] Finagle's retry budgets: 20 % of the requests, and 10 a second in reserve.
.. [2] Envoy's retry budgets: 20 % of the active requests, and three concurrent ones always.
.. [3] gRPC proposal A6, "gRPC Retry Design", 2017 (retry throttling).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._xp import is_symbolic

__all__ = ["allowed", "mean_attempts", "most_attempts", "throttled"]

_EDGE = 1e-6
"""Over this share of f* the tokens go from enough to too few: a state at it is found."""


def mean_attempts(again: Any, attempts: int) -> Any:
    """Return the mean number of attempts, each followed by another with a probability."""
    return sum(again**k for k in range(attempts)) if attempts > 1 else 1


def most_attempts(budget: Any, active: Any, reserve: Any, fresh: Any) -> Any:
    """Return the greatest mean number of attempts; None where nothing bounds it."""
    if budget is None and active is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        # Without load there is always enough.
        spare = 0.0 if np.all(np.asarray(reserve) == 0) else np.divide(reserve, fresh)
        most: Any = np.inf
        if budget is not None:
            most = 1.0 + budget + spare
        if active is not None:
            share = np.divide(active, 1.0 - np.asarray(active, dtype=float))
            most = np.minimum(most, 1.0 + np.maximum(share, spare))
    return most


def allowed(again: Any, attempts: int, most: Any) -> Any:
    """Return the probability of another attempt after one, so that there are at most `most`."""
    if most is None or attempts == 1 or is_symbolic(again):
        return again
    again, most = np.broadcast_arrays(np.asarray(again, dtype=float), most)
    over = mean_attempts(again, attempts) > most
    # The attempts of a request rise with this probability: Newton from above.
    found = np.where(over, np.minimum(again, 1.0), again)
    for _ in range(60):
        if not (over & (mean_attempts(found, attempts) > most * (1 + 1e-15))).any():
            break
        slope = sum(k * found ** (k - 1) for k in range(1, attempts))
        step = (mean_attempts(found, attempts) - most) / slope
        found = np.where(over, np.maximum(found - step, 0.0), again)
    return np.where(np.isnan(most), np.nan, found)[()]


def throttled(fails: Any, ratio: Any) -> Any:
    """Return the probability of another attempt after one, within the tokens."""
    if ratio is None:
        return fails
    limit = np.asarray(ratio / (1.0 + ratio))
    width = np.maximum(_EDGE * limit, 1e-300)
    with np.errstate(over="ignore"):
        share = np.clip((limit - np.asarray(fails)) / width + 0.5, 0.0, 1.0)
    return fails * share
