r"""What servers keep back for the length of a service, and let go at once.

While the one server is busy with a service of the length S, :math:`\lambda S` requests come;
then they leave as fast as the server works. The next station falls behind by

.. math::

    J = g S, \qquad g = \frac{(\sigma_2 - \sigma_1)^+}{1 - \sigma_1}, \qquad
    \sigma_i = \frac{\rho_i}{2} \left(1 + \frac{1}{\max(c_i^2, 1)}\right),

with the loads :math:`\sigma` of services that are not long (ours); where that is more before
than there, it keeps up. It is a queue with jumps J and as much time in which to work them off,
so its wait is as in
`qmodel.queues.waits.disturbed`, with what is left of J as the length H of a disturbance [1]_.

An index of dispersion looks at one time, and the longest wait is one over all times. So of an
index :math:`I_d` over exponential times of the rate u

.. math:: 1.2 \, g (1 - \rho_1) \min(\max_v I_d(v) - 1, I_d(u / 8) - 1)^+

is felt besides: what lasts eight times as long counts as well, as far as the index of any time
v at which the station looks (ours, from simulations). By the
share :math:`\sqrt{1 - \rho_1}` longer waits come of such jumps, the others of short ones. What
is left of a long service may last for any time: waits end with bursts, as is said in
`qmodel.queues.approximations.clock`, by the share :math:`1 / (1 + (c_r^2 / 6)^4)`, with the
SCV of what is left, 1 for exponential service (ours).

While one of c servers is so long busy, the others are not: S counts as S / c, and longer waits
come of jumps by the part :math:`p` of that share that the departures of c servers are more
variable by than Poisson ones, over long times and over those of one server
(`qmodel.queues.approximations.several_servers`). They end but for :math:`1 - (1 - p)^4` of what
would not behind one (ours).

References
----------
.. [1] S. Asmussen, "Applied Probability and Queues", 2nd ed., Springer 2003, ch. IX (reflected
   Lévy processes).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import Distribution, Scaled
from qmodel.distributions.residual import residual

__all__ = ["LATER", "Bursts", "bursts_of", "felt_besides", "ordinary_load"]

LATER = 8.0
"""How many times as long what counts besides lasts."""
_BESIDES, _LASTING, _OFTEN = 1.2, 6.0, 4
"""What that counts, the SCV of what has no end, and the power of those that have."""
_LEAST = 1e-6


class Bursts(NamedTuple):
    """Disturbances of the next station, and the share of longer waits that comes of them.

    `part` is what several servers make of the share of one.
    """

    length: Distribution
    share: Any
    part: Any = 1.0

    @property
    def ends(self) -> Any:
        """How far waits end with them. [-]."""
        ends = 1 / (1 + (np.asarray(self.length.scv) / _LASTING) ** 4)
        ends = 1 - (1 - ends) * (1 - (1 - np.asarray(self.part)) ** _OFTEN)
        return np.where(np.equal(self.share, 0), 1.0, ends)


def ordinary_load(utilization: Any, service_scv: Any) -> Any:
    """Return the load of services that are not long.

    Examples
    --------
    >>> float(ordinary_load(0.8, 1.0)), float(ordinary_load(0.8, 4.0))
    (0.8, 0.5)
    """
    load = np.minimum(np.asarray(utilization, dtype=float), 1.0)
    return load * (1 + 1 / np.maximum(service_scv, 1.0)) / 2


def _falls_behind(before: Any, ordinary: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(ordinary - before, 0.0) / (1 - before), posinf=0.0)


def bursts_of(
    service: Distribution,
    before: Any,
    ordinary: Any,
    some: Any,
    servers: Any = 1,
    part: Any = 1.0,
) -> Bursts | None:
    """Return the bursts behind servers; None where there are none.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time of the servers. [-]
    before : number or array
        Busy share of the servers. [-]
    ordinary : number or array
        Load of what is not long of the station that they come to. [-]
    some : bool or boolean array
        Where they are bursts of these servers. [-]
    servers : int or integer array, default 1
        Number of servers. [-]
    part : number or array, default 1
        What several make of how variable the departures of one are. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> found = bursts_of(qm.LogNormal(0.5, 4.0), 0.5, 0.8, True)
    >>> float(found.length.mean), float(found.share)
    (0.8864, 0.7071)
    """
    if not np.any(some):
        return None
    left = residual(service)
    some = np.asarray(some) & np.isfinite(left.mean) & np.greater(left.mean, 0)
    if not np.any(some):
        return None
    behind = np.maximum(_falls_behind(ordinary_load(before, service.scv), ordinary), _LEAST)
    share = np.sqrt(np.maximum(1 - np.asarray(before, dtype=float), 0.0))
    length = Scaled(left, np.where(some & (behind > 0), behind / servers, 1.0)[()])
    return Bursts(length, np.where(some, share * part, 0.0)[()], part)


def felt_besides(
    index: Any, later: Any, service: Distribution, before: Any, ordinary: Any
) -> Any:
    """Return what is felt besides the index less 1, which `later` is over longer times.

    The indices are along a last axis, the others as of `bursts_of`.

    Examples
    --------
    >>> import qmodel as qm
    >>> one, longer = np.array([2.0, -0.5]), np.array([3.0, -0.1])
    >>> felt_besides(one, longer, qm.LogNormal(0.5, 4.0), 0.5, 0.8).round(3)
    array([0.851, 0.   ])
    """
    load = np.minimum(np.asarray(before, dtype=float), 1.0)
    share = (1 - load) * _falls_behind(ordinary_load(load, service.scv), ordinary)
    most = np.maximum(index.max(axis=-1, keepdims=True), 0.0)
    return _BESIDES * np.asarray(share)[..., None] * np.clip(later, 0.0, most)
