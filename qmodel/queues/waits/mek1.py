r"""The M/E_k/1 queue: Poisson arrivals, one server, Erlang service of k phases, FCFS.

With phases of rate :math:`r = k / S`, the wait is a sum of k exponentials, whose rates
:math:`r (1 - y)` come from the roots of :math:`y^k (1 + (k / \rho)(1 - y)) = 1` other than
:math:`y = 1`. With :math:`y = e^{-\beta}`,

.. math::

    P(T_q > t) = \sum_{j=0}^{k-1} A_j \, e^{-r (1 - y_j) t}, \qquad
    A_j = \frac{(1 - \rho) \, y_j}{(k + 1)(1 - y_j) - (1 - \rho)}, \qquad
    k \beta_j = \log\left(1 + \frac{k}{\rho} (1 - e^{-\beta_j})\right) - 2 \pi i j .

The residues need no product over the roots. The real root, j = 0, is that at which the tail
decays; with :math:`e_2(x) = e^x - 1 - x` it solves

.. math::

    \rho \, e_2(k \beta) + k \, e_2(-\beta) = k (1 - \rho) \beta ,

where nothing cancels near saturation. The others come in pairs, by Newton's method.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Numbers.** Floats and NumPy arrays. Absolute error of a tail 1e-15 against 50 digits, for 1 to
30 phases and utilizations from 1e-9 to 1 - 1e-12.
**Overload.** The tail is 1. NaN in, NaN out.

References
----------
.. [1] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, sec. 4.3 and 5.12.
.. [2] D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, "Fundamentals of Queueing
   Theory", 4th ed., Wiley, 2008, sec. 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution, Gamma
from qmodel.errors import ModelError
from qmodel.numerics.exponential import exp_rest
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.waits.mg1 import ClosedWait

__all__ = ["ErlangServiceWait", "exponentials", "phases_of", "waiting_tail"]

_MOST_PHASES = 100  # with more, the sum costs more than an inversion

_STEPS = 60
_LAST = 1e-9  # of a root: the error after such a step of Newton's is its square


def waiting_tail(arrival_rate: Value, service_time: Value, *, phases: Count, t: Value) -> Value:
    """Probability that the time in queue exceeds `t`.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    phases : int or integer array
        Number of phases, >= 1. [-]
    t : number or array
        Time, >= 0. [s]

    Returns
    -------
    number or array
        Probability, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If an argument is a symbol.

    See Also
    --------
    qmodel.queues.mg1.waiting_time : the mean wait.

    Examples
    --------
    >>> waiting_tail(0.8, 1.0, phases=2, t=[0.0, 6.0, 20.0]).round(7)
    array([0.8      , 0.159458 , 0.0034725])
    """
    t = _check.nonnegative("t", t)
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    k = _check.count("phases", phases)
    if is_symbolic(t, rate, s, k):
        raise ModelError("the roots of M/E_k/1 have no closed form for symbols")
    return _tail_and_density(t, rate, s, exponentials(rate, s, phases=k))[0]


def exponentials(arrival_rate: Value, service_time: Value, *, phases: Count) -> Any:
    """Return weights and rates of the parts of the wait, each of a pair only once.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    phases : int or integer array
        Number of phases, >= 1. [-]

    Returns
    -------
    tuple of pairs of arrays
        Weight and rate [1/s] of each part, the real one first; pairs count twice. [-]

    Examples
    --------
    >>> [(weight, rate)] = exponentials(0.8, 1.0, phases=1)
    >>> float(weight.real), float(rate.real)
    (0.8, 0.2)
    """
    k = np.asarray(phases, dtype=float)
    spare = np.asarray(spare_servers(arrival_rate, service_time, 1))
    load = np.asarray(arrival_rate * np.asarray(service_time))
    # Cells without a distribution take that of another load, and are masked by those who ask.
    good = (load > 0) & (spare > 0)
    rho, rest = np.where(good, load, 0.5), np.where(good, spare, 0.5)
    most = int(np.max(k, initial=1.0))
    parts = []
    with np.errstate(all="ignore"):
        for j in range(most // 2 + 1):
            apart = -np.expm1(-(_real(rho, rest, k) if j == 0 else _pair(rho, k, j)))
            weight = rest * (1 - apart) / ((k + 1) * apart - rest)
            # A root opposite to the real one is its own pair.
            times = np.where(2 * j > k, 0.0, np.where((j == 0) | (2 * j == k), 1.0, 2.0))
            parts.append((weight * times, apart * (k / service_time)))
    return tuple(parts)


def _real(rho: Any, rest: Any, k: Any) -> Any:
    # Both bounds are above the root of a convex function: Newton's method falls to it.
    beta = np.minimum(2 * rest / (rho * k), np.log1p(k / rho) / k)
    for _ in range(_STEPS):
        value = rho * exp_rest(k * beta) + k * exp_rest(-beta) - k * rest * beta
        slope = k * (rho * np.expm1(k * beta) - np.expm1(-beta) - rest)
        step = np.where(slope > 0, value / slope, 0.0)
        beta = beta - step
        if np.all(~(abs(step) > _LAST * beta)):
            break
    return beta


def _pair(rho: Any, k: Any, j: int) -> Any:
    turn = 2j * np.pi * j
    # The fixed point contracts, and Newton's method finishes.
    beta = np.log(2.0) - turn / k
    for i in range(_STEPS):
        inner = 1 - k / rho * np.expm1(-beta)
        there = (np.log(inner) - turn) / k
        slope = np.exp(-beta) / (rho * inner)
        step = (there - beta) / (1 - slope if i > 3 else 1.0)
        beta = beta + step
        if i > 3 and np.all(~(abs(step) > _LAST * abs(beta))):
            break
    return beta


def _tail_and_density(
    t: Value, arrival_rate: Value, service_time: Value, parts: Any
) -> tuple[Any, Any]:
    t, rate = np.asarray(t, dtype=float), np.asarray(arrival_rate)
    spare = np.asarray(spare_servers(arrival_rate, service_time, 1))
    after = np.maximum(t, 0.0)
    tail = density = 0.0 * after
    with np.errstate(all="ignore"):
        for weight, decay in parts:
            term = weight * np.exp(-decay * after)
            tail, density = tail + term.real, density + (decay * term).real
    # At a light load the terms cancel; how many wait is known.
    tail = np.where(after == 0, rate * service_time, tail)
    unknown = np.where(np.isnan(t + spare), np.nan, 0.0)
    full, idle, past = spare <= 0, rate == 0, t < 0
    tail = np.where(full | past, 1.0, np.where(idle, 0.0, np.clip(tail, 0.0, 1.0)))
    density = np.where(full | past | idle, 0.0, np.maximum(density, 0.0))
    return (tail + unknown)[()], (density + unknown)[()]


def phases_of(service: Distribution) -> Value:
    """Return the number of phases, None if it is not Erlang or has too many.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]

    Returns
    -------
    array or None
        Number of phases, whole in all cells. [-]

    Examples
    --------
    >>> float(phases_of(Gamma(0.2, scv=0.25))), phases_of(Gamma(0.2, scv=0.3))
    (4.0, None)
    """
    if not isinstance(service, Gamma):
        return None
    phases = 1 / np.asarray(service.scv)
    whole = np.round(phases)
    near = (abs(phases - whole) <= 1e-14 * whole) & (whole >= 1) & (whole <= _MOST_PHASES)
    return whole[()] if np.all(near) else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ErlangServiceWait(ClosedWait):
    """The time in queue of M/E_k/1.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service : Distribution
        Erlang distribution of the service time. [-]
    phases : int or integer array
        Its phases. [-]
    parts_found : tuple of pairs of arrays, default ()
        Weights and rates, where they have been found already. [-]

    Examples
    --------
    >>> distribution = ErlangServiceWait(0.8, Gamma(1.0, scv=0.5), 2)
    >>> float(distribution.mean), float(distribution.tail(20.0))
    (3.0, 0.0034725)
    """

    phases: Count
    parts_found: tuple[Any, ...] = ()

    def quantile(self, p: Value) -> Value:
        """Return the time not exceeded with probability `p` [-]."""
        if is_symbolic(p, self.arrival_rate, self.service.mean):
            return self._quantile_on_symbols(p)
        # The roots are sought once, not at every step.
        parts = exponentials(self.arrival_rate, self.service.mean, phases=self.phases)
        return ClosedWait.quantile(replace(self, parts_found=parts), p)

    def _both(self, t: Value) -> tuple[Any, Any]:
        rate, s = self.arrival_rate, self.service.mean
        return _tail_and_density(
            t, rate, s, self.parts_found or exponentials(rate, s, phases=self.phases)
        )
