r"""Constant work behind constant work: the slower station makes all wait as long as if alone.

Where requests with Poisson arrivals are served by :math:`c_1` servers in a time :math:`S_1`
each, and then by :math:`c_2` others in :math:`S_2`, a request waits at both together as long as
it would at the slower one alone [1]_. The mean wait at a slower second station,
:math:`S_2 / c_2 \ge S_1 / c_1`, is therefore

.. math:: W_2 = W_{M/D/c}(S_2, c_2) - W_{M/D/c}(S_1, c_1) .

It is exact where :math:`c_2` divides :math:`c_1`, for one server always, and was within 9 % in
simulations of others. The same holds behind a pool of round robin, which is M/D/c,
and was within 8 % behind one that takes the server with the fewest.

A stream counts by an SCV (`qmodel.queues.approximations.dispersion`): here by that with which
the formula of [2]_ gives this mean, :math:`c^2 \exp(-2 (1 - \rho)(1 - c^2)^2 / (3 \rho c^2))`
times the mean wait behind Poisson arrivals.

References
----------
.. [1] H. D. Friedman, "Reduction methods for tandem queuing systems", Operations Research 13,
   1965.
.. [2] W. Kraemer and M. Langenbach-Belz, "Approximate formulae for the delay in the queueing
   system GI/G/1", 8th International Teletraffic Congress, Melbourne 1976.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.distributions import Distribution
from qmodel.queues import mdc
from qmodel.queues.approximations.merged_streams import Sources, mean_wait

if TYPE_CHECKING:
    from qmodel.queues.approximations.dispersion import Dispersion

__all__ = ["scv_behind_constant", "scv_behind_several"]

_LEAST = 1e-9
_STEPS = 40


def scv_behind_constant(
    stream: Dispersion, rate: Any, service: Distribution, servers: Any
) -> Any:
    """Return the SCV of what leaves constant work for slower constant work, NaN for other.

    Parameters
    ----------
    stream : Dispersion
        What leaves. [-]
    rate : number or array
        Requests a second. [1/s]
    service : Distribution
        Distribution of the service time at the second station. [-]
    servers : int or integer array
        Servers of it. [-]

    Returns
    -------
    number, array or None
        The SCV; None where it is nowhere known. [-]

    Examples
    --------
    Where about half of the wait has been at the first:

    >>> import qmodel as qm
    >>> from qmodel.queues.approximations.behind import Behind
    >>> from qmodel.queues.approximations.dispersion import POISSON
    >>> left = Behind(POISSON, 1.0, 0.8284, 1, qm.Deterministic(0.8284), 1.0)
    >>> float(scv_behind_constant(left, 1.0, qm.Deterministic(0.9), 1))
    0.5229
    """
    if stream.station is None or not np.any(np.equal(service.scv, 0)):
        return None
    _, before, first = stream.station
    with np.errstate(all="ignore"):
        slower = np.equal(first.scv, 0) & np.equal(service.scv, 0)
        slower = slower & np.greater_equal(
            np.multiply(service.mean, before), np.multiply(first.mean, servers)
        )
        if not np.any(slower):
            return None
        alone = np.asarray(mdc.waiting_time(rate, service.mean, servers=servers))
        gone = mdc.waiting_time(rate, first.mean, servers=before)
        load = np.minimum(rate * service.mean / servers, 1.0)
        return np.where(slower, scv_of_wait(1 - gone / alone, load), np.nan)[()]


def scv_of_wait(share: Any, load: Any) -> Any:
    """Return the SCV with which a wait is so large a share of that behind Poisson arrivals."""
    left = np.log(np.clip(share, _LEAST, 1.0))
    low = 2 * (1 - load) / (3 * load)
    found = left
    for _ in range(_STEPS):
        over = found - low * (np.exp(-found) - 2 + np.exp(found)) - left
        found = found - over / (1 + low * (np.exp(-found) - np.exp(found)))
    return np.exp(found)


def scv_behind_several(sources: Sources, rate: Any, service: Distribution) -> Any:
    """Return the SCV of what constant work leaves on several servers for constant work."""
    with np.errstate(all="ignore"):
        alone = np.asarray(mdc.waiting_time(rate, service.mean, servers=1))
        load = np.minimum(rate * service.mean, 1.0)
        return scv_of_wait(mean_wait(sources, service.mean) / alone, load)
