r"""A wait that disturbances of the arrivals lengthen.

A queue at which work comes in independent increments is a reflected random process, and the
transform of its wait is :math:`\varphi(s) = \psi'(0)\, s / \psi(s)` with the exponent
:math:`\psi` of these increments [1]_. Disturbances that neither bring nor take work on the
whole, independent of the rest, add to the exponent, so that

.. math::

    \frac{1}{\varphi_d(s)} = \frac{1}{\varphi(s)} + \kappa (1 - H(s)), \qquad
    E[T_d] = E[T] + \kappa h, \qquad
    \frac{1}{1 - P_d} = \frac{1}{1 - P} + \kappa,

with the lengths H that a disturbance adds, of mean h: exponential times, and, behind one
server, what is left of its services (`qmodel.queues.approximations.bursts`). The mean wait and
the probability P of one decide on :math:`\kappa` and h, and the mean alone on how often longer
disturbances are whose length is known. As the load tends to 1 the wait is
longer in one proportion; a heavy tail, which comes of single long services, is not, nor is it
by exponential disturbances: the wait behind them has more short waits, and hardly more long
ones.

References
----------
.. [1] S. Asmussen, "Applied Probability and Queues", 2nd ed., Springer 2003, ch. IX (reflected
   Lévy processes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import ZERO, Distribution, Exponential, Scaled
from qmodel.distributions.algebra import measure
from qmodel.distributions.shared import read, transform
from qmodel.queues.waits.mmc import MMcWait

__all__ = ["DisturbedWait", "disturbed", "shortened"]


def disturbed(
    wait: Distribution,
    factor: Any,
    often: Any,
    known: Distribution | None = None,
    share: Any = 1.0,
) -> Distribution:
    """Return a wait that is `factor` times as long on the mean, and `often` times as likely.

    Where it is shorter, or rarer, it is changed in proportion; what more there is comes of
    disturbances.

    Parameters
    ----------
    wait : Distribution
        The wait behind Poisson arrivals. [-]
    factor : number or array
        How many times as long it is, > 0. [-]
    often : number or array
        How many times as likely it is, > 0; at most all requests wait. [-]
    known : Distribution, optional
        What some disturbances add, of a mean > 0; it is longer in proportion where the
        probability of a wait asks for longer ones. [-]
    share : number or array, default 1
        Share of what the wait is longer that comes of these. [-]

    Returns
    -------
    Distribution
        The wait. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> plain = qm.MMc(1.0).solve(0.5).wait
    >>> longer = disturbed(plain, 1.5, 1.3)
    >>> float(longer.mean), float(longer.tail(0.0))
    (1.5, 0.6500)
    """
    less, rarer = np.minimum(factor, 1.0), np.minimum(often, 1.0)
    base = shortened(wait, less, rarer)
    if not np.any(factor > 1):
        return base
    mean = np.asarray(wait.mean * less)
    with np.errstate(divide="ignore", invalid="ignore"):
        more = mean * (factor - 1)
        # A disturbance lasts no longer than what is left of a wait.
        longest = (np.asarray(base.variance) + mean**2) / (2 * mean)
        never = np.maximum(np.asarray(base.atom), 1e-15)
        rest = np.clip(1 - often * (1 - np.asarray(wait.atom)), 1e-15, never)
        rate = np.maximum((never - rest) / (never * rest), more / longest)
        some = (factor > 1) & np.isfinite(more) & (more > 0) & np.isfinite(rate)
        rate, longer = np.where(some, rate, 0.0)[()], more / rate
        short = Exponential(np.where(some, longer, 1.0)[()])
        if known is None:
            return DisturbedWait(base, rate, short)
        times = np.where(some, np.maximum(longer / known.mean, 1.0), 1.0)[()]
        seldom = np.where(some, share * more / (known.mean * times), 0.0)
        rate = rate * (1 - share) + seldom
        part = np.where(rate > 0, seldom / rate, 0.0)[()]
    lengths = measure((part, 1 - part), (Scaled(known, times), short))
    return DisturbedWait(base, rate[()], lengths)


def shortened(wait: Distribution, factor: Any, share: Any) -> Distribution:
    """Return a wait of which a share have any, and the mean is `factor` times as long."""
    if isinstance(wait, MMcWait):  # It stays exponential.
        return MMcWait(wait.probability * share, wait.drain * (share / factor))
    longer = Scaled(wait, factor / share)
    return longer if np.all(share == 1) else measure((share, 1 - share), (longer, ZERO))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DisturbedWait(Distribution):
    """The wait at a queue whose arrivals are disturbed.

    Parameters
    ----------
    wait : Distribution
        The wait without. [-]
    often : number or array
        How often there are disturbances, the number kappa. [-]
    length : Distribution
        The time that one adds. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> found = DisturbedWait(qm.MMc(1.0).solve(0.5).wait, 2.0, qm.Exponential(0.5))
    >>> float(found.mean), float(found.atom), float(found.tail(3.0))
    (2.0, 0.25, 0.2415)
    """

    wait: Distribution
    often: Value
    length: Distribution

    @property
    def _more(self) -> Any:
        return np.asarray(self.often) * np.asarray(self.length.mean)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return (self.wait.mean + self._more)[()]

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        return read(self.wait, "unknown") | np.isnan(self._more)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        more, second = self._series()
        return (self.wait.variance + 2 * second + more**2)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        more, second = self._series()
        h, w = np.asarray(self.length.mean), np.asarray(self.wait.mean)
        square, of_wait = self.length.variance + h**2, self.wait.variance + w**2
        cube = self.length.third_cumulant + 3 * h * self.length.variance + h**3
        third = self._often_times(cube / 6 + w * square / 2 + of_wait * h / 2)
        with np.errstate(invalid="ignore"):
            own = np.where(more > 0, third + more * second + more**3 / 3, 0.0)
        return (self.wait.third_cumulant + 6 * own)[()]

    def _series(self) -> tuple[Any, Any]:
        """Return the coefficients of s and -s^2 in kappa phi (1 - H)."""
        h, w = np.asarray(self.length.mean), np.asarray(self.wait.mean)
        square = self.length.variance + h**2
        return self._often_times(h), self._often_times(square / 2 + w * h)

    def _often_times(self, x: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return np.where(self._more > 0, self.often * x, 0.0)

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        atom = read(self.wait, "atom")
        return atom / (1 + self.often * atom)

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return read(self.wait, "defect")

    @property
    def analytic(self) -> bool:
        """As the wait without, and the disturbances."""
        return bool(read(self.wait, "analytic") and read(self.length, "analytic"))

    @property
    def finest(self) -> int:
        """As the wait without. [-]."""
        return int(read(self.wait, "finest"))

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        found = transform(self.wait, s)
        return found / (1 + self.often * (1 - transform(self.length, s)) * found)
