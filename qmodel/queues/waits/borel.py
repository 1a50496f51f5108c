r"""Borel's distribution: the busy period of a queue with constant service D.

n requests are served in a busy period with probability

.. math::

    P(N = n) = e^{-\rho n} \frac{(\rho n)^{n-1}}{n!}, \qquad T = N D .

The distribution is a jump at every multiple of D. Its sum is taken up to 10 000 requests;
beyond, a jump is less than 1e-6, and the tail is inverted halfway between two jumps.

References
----------
.. [1] É. Borel, "Sur l'emploi du théorème de Bernoulli pour faciliter le calcul d'une infinité
   de coefficients", Comptes rendus de l'Académie des Sciences 214, 1942.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel.distributions import Deterministic
from qmodel.distributions.base import Part
from qmodel.distributions.percentiles import quantile
from qmodel.numerics import inversion
from qmodel.queues.waits.busy_period import BusyPeriod

__all__ = ["Borel", "BorelWait"]

_MOST = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Borel(BusyPeriod):
    """The busy period that one request begins, where service is constant.

    Parameters
    ----------
    work : Deterministic
        Service of the first request, equal to `service`. [-]
    arrival_rate : number or array
        Rate of the requests that come meanwhile, >= 0. [1/s]
    service : Deterministic
        Their service. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` is negative.

    Examples
    --------
    >>> from qmodel.distributions import Deterministic
    >>> distribution = Borel(Deterministic(1.0), 0.5, Deterministic(1.0))
    >>> distribution.tail([0.5, 1.0, 2.0]), distribution.quantile([0.5, 0.9])
    (array([1.    , 0.3935, 0.2096]), array([1., 4.]))
    """

    closed = True

    def parts(self) -> tuple[Part, ...]:
        """Return the distribution as it is: its tail is closed."""
        return (Part(1.0, 0.0, self),)

    def _probabilities(self, n: int, load: Any) -> Any:
        from scipy.special import gammaln, xlogy

        return np.exp(xlogy(n - 1, load * n) - load * n - gammaln(n + 1.0))

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        constant, load = self.service.mean, self.arrival_rate * self.service.mean
        shape = np.broadcast_shapes(*(np.shape(x) for x in (t, constant, load)))
        t, constant, load = (
            np.atleast_1d(np.broadcast_to(np.asarray(x, dtype=float), shape))
            for x in (t, constant, load)
        )
        with np.errstate(all="ignore"):
            # A time a rounding below a multiple is that multiple.
            whole = np.floor(t / constant * (1 + 4e-16))
        known = ~np.isnan(whole + load)
        far = known & (whole > _MOST)
        below = np.zeros(t.shape)
        for n in range(1, int(np.max(np.where(known & ~far, whole, 0.0), initial=0.0)) + 1):
            below = below + np.where(whole >= n, self._probabilities(n, load), 0.0)
        tail = np.clip(1 - below, 0.0, 1.0)
        if far.any():
            # In units of the constant, and with the load as the rate.
            unit = BusyPeriod(Deterministic(1.0), load[far], Deterministic(1.0))
            halfway = whole[far] + 0.5
            tail[far] = inversion.tail_and_density(unit.laplace, 1.0, halfway, inversion.EULER)[
                0
            ]
        return np.where(known, tail, np.nan).reshape(shape)[()]

    def density(self, t: Value) -> Value:
        """Return zero at `t` [s]: all mass is in the jumps."""
        return 0.0 * (np.asarray(t) * self.service.mean * self.arrival_rate)[()]

    def quantile(self, p: Value) -> Value:
        """Return the least multiple of the service not exceeded with probability `p` [-]."""
        p = _check.probability("p", p)
        constant, load = self.service.mean, self.arrival_rate * self.service.mean
        p, constant, load = np.broadcast_arrays(np.asarray(p, dtype=float), constant, load)
        known = ~np.isnan(p + constant + load)
        most = 1 - np.asarray(self.defect) + np.zeros(p.shape)
        found = np.where(known, np.where(p > most, np.inf, 0.0), np.nan)
        below, open_ = np.zeros(p.shape), known & (p <= most)
        for n in range(1, _MOST + 1):
            if not open_.any():
                break
            below = below + self._probabilities(n, load)
            here = open_ & (below >= p)
            found[here] = n
            open_ = open_ & ~here
        found = found * constant
        if open_.any():
            one = BusyPeriod(Deterministic(1.0), load, Deterministic(1.0))
            found = np.where(open_, np.ceil(quantile(one, p)) * constant, found)
        return found[()]


@dataclass(frozen=True, slots=True, eq=False)
class BorelWait(Borel):
    """What follows the first service in a busy period with constant service.

    Parameters
    ----------
    work : Deterministic
        Service of the first request, equal to `service`. [-]
    arrival_rate : number or array
        Rate of the requests that come meanwhile, >= 0. [1/s]
    service : Deterministic
        Their service. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` is negative.
    """

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._cumulants(0.0)[0]

    @property
    def atom(self) -> Value:
        """Probability of the value 0, that nobody comes. [-]."""
        return np.exp(-self.arrival_rate * self.service.mean)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], Re s >= 0."""
        return Borel.laplace(self, s) / self.service.laplace(s)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        t = np.asarray(t, dtype=float)
        return np.where(t < 0, 1.0, Borel.tail(self, np.maximum(t, 0) + self.service.mean))[()]

    def quantile(self, p: Value) -> Value:
        """Return the least multiple of the service not exceeded with probability `p` [-]."""
        return np.maximum(Borel.quantile(self, p) - self.service.mean, 0.0)
