r"""The M/G/1-PS queue: one server shared equally by all requests present.

.. math::

    W = \frac{S}{1 - \rho} \quad \text{for any service distribution}, \qquad
    E[T \mid \text{size } x] = \frac{x}{1 - \rho} .

Percentiles are *not* those of FCFS: at 80 % load the M/M/1 p99 is 1.6 times as long, with
the same mean. For exponential service the distribution is exact, a mixture of exponential
distributions over the spectrum of the queue,

.. math::

    P(T > t) = \int_0^\pi w(\theta) e^{-\mu x(\theta) t} d\theta, \qquad
    x = 1 + \rho - 2 \sqrt\rho \cos\theta, \qquad
    w = \frac{2 (1 - \rho) \sin\theta}{x^2} \,
    \frac{e^{(\theta + 2 \varphi) \cot\theta}}{1 + e^{\pi \cot\theta}}, \qquad
    \tan\varphi = \frac{\sqrt\rho \sin\theta}{1 - \sqrt\rho \cos\theta},

which 64 points of a trapezoidal rule evaluate to 1e-11. It is the distribution of the wait of
those that wait under service in random order. For other service distributions see
`qmodel.queues.mgc_ps`.

References
----------
.. [1] L. Kleinrock, "Time-shared systems: a theoretical treatment", Journal of the ACM 14,
   1967.
.. [2] E. G. Coffman, R. R. Muntz, H. Trotter, "Waiting time distributions for
   processor-sharing systems", Journal of the ACM 17, 1970.
.. [3] L. Flatto, "The waiting time distribution for the random order service M/M/1 queue",
   Annals of Applied Probability 7, 1997.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import Assumption
from qmodel.distributions import NEVER, Distribution, Exponential, HyperExponential, Mixture
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.mgc_ps import MGcPS
from qmodel.queues.waits.shared_response import shared_response

__all__ = ["MG1PS"]

_POINTS = 64


def _exponential_response(rate: Any, service_time: Any) -> Distribution:
    """Return the exact distribution of the response of M/M/1-PS."""
    spare = np.asarray(spare_servers(rate, service_time, 1))
    over = spare <= 0
    spare = np.where(over, 0.5, spare)
    root = np.sqrt(1 - spare)
    # The integrand vanishes at both ends with all derivatives; in this variable it is a
    # single bump, whose left foot follows the load.
    low, high = -4.2 + 0.55 * np.log(spare), 3.0
    weights, means = [], []
    for k in range(_POINTS):
        v = low + (high - low) * (k + 0.5) / _POINTS
        theta = np.pi / (1 + np.exp(-v))
        step = (high - low) / _POINTS * theta * (1 - theta / np.pi)
        cot = 1 / np.tan(theta)
        x = (spare / (1 + root)) ** 2 + 4 * root * np.sin(theta / 2) ** 2
        phi = np.arctan2(root * np.sin(theta), 1 - root * np.cos(theta))
        with np.errstate(invalid="ignore"):
            log = (theta + 2 * phi) * cot - np.logaddexp(0, np.pi * cot) - 2 * np.log(x)
        weights.append(2 * spare * step * np.sin(theta) * np.exp(log))
        means.append((service_time / x)[()])
    total = sum(weights)
    distribution = HyperExponential(tuple((w / total)[()] for w in weights), tuple(means))
    if not over.any():
        return distribution
    return Mixture(((1.0 - over)[()], (over * 1.0)[()]), (distribution, NEVER))


@dataclass(frozen=True, slots=True, eq=False)
class MG1PS(MGcPS):
    """Station with one server that all requests present share equally.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time of a request alone. [-]

    Raises
    ------
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    The mean does not depend on the variability; with SCV 4 FCFS would take 0.3417 s.

    >>> import qmodel as qm
    >>> load = MG1PS(qm.from_mean_scv(0.05, scv=4.0)).solve(14.0)
    >>> float(load.response_time), load.basis["response_time"], load.basis["p99"]
    (0.1667, 'exact', 'approximate')
    >>> load = MG1PS(qm.Exponential(1.0)).solve(0.8)
    >>> float(load.response.quantile(0.99)), load.basis["p99"]
    (36.94, 'exact')
    """

    servers: Count = field(default=1, init=False)

    def serving(self, service: Distribution) -> MG1PS:
        """Return one shared server with another service distribution."""
        return MG1PS(service)

    def _response(self, rate: Value, service: Distribution) -> Distribution:
        exact = isinstance(self.service, Exponential) and service == self.service
        if exact and not is_symbolic(rate, service.mean):
            return _exponential_response(rate, service.mean)
        return shared_response(rate, self.service, 1, service)

    def _distribution_grounds(self) -> tuple[Assumption, ...]:
        if isinstance(self.service, Exponential):
            return ()
        return MGcPS._distribution_grounds(self)
