r"""Closed networks far beyond their knee, where one or two poles are all there is.

The generating function of single servers, :math:`g(z) = e^{Z z} \prod_k 1 / (1 - D_k z)`, has
its first pole at :math:`1 / D_1` of the greatest demand. Let the contour of `qmodel.networks.
contour` pass beyond it at radius :math:`u / D_1`: what it leaves behind is the residue there,

.. math::

    G(N) = D_1^N e^\zeta \prod_{k > 1} \frac{1}{1 - \rho_k} \, (1 + \varepsilon), \qquad
    |\varepsilon| \le \frac{e^{\zeta (u - 1)}}{u^N (u - 1)}
        \prod_{k > 1} \frac{1 - \rho_k}{1 - \rho_k u} ,

with :math:`\rho_k = D_k / D_1`, :math:`\zeta = Z / D_1` and any :math:`1 < u < 1 / \rho_2`,
because a function of positive terms is nowhere on a circle greater than on its real axis. Where
the bound is below rounding the bottleneck works all the time, and all others are the open
network at its speed:

.. math:: X = 1 / D_1, \qquad L_k = \rho_k / (1 - \rho_k), \qquad
    L_1 = N - \zeta - \sum_{k > 1} L_k .

**Two poles.** Next to it, at :math:`1 / D_2`, the residue is :math:`-t` of the first,

.. math::

    t = \rho_2^{N + 1} e^{\zeta (1 / \rho_2 - 1)}
        \prod_{k > 2} \frac{1 - \rho_k}{1 - \rho_k / \rho_2}, \qquad
    X = \frac{1}{D_1} \frac{1 - t / \rho_2}{1 - t}, \qquad
    L_k = \frac{a_k - t b_k}{1 - t} ,

where :math:`a_k = \rho_k / (1 - \rho_k)`, :math:`b_k = \rho_k / (\rho_2 - \rho_k)` and, of the
double pole, :math:`b_2 = N - \zeta / \rho_2 - \sum_{k > 2} b_k + 1 / (1 - \rho_2)`; the same
bound holds between the second and the third. The logarithm of t is a sum of small terms, so no
digits of X are lost; demands that differ by less than one request in all are left to the
contour, for the sake of the numbers.

References
----------
.. [1] J. J. Gordon, "The evaluation of normalizing constants in closed queueing networks",
   Operations Research 38, 1990.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["by_one", "by_two"]

_LEAST = -36.0
"""Log of the greatest share of the poles that are left out."""
_ROOM = 0.9  # of the way to the next pole
_FAR = 4.0


def by_one(single: Any, delay: Any, population: Any) -> tuple[Any, Any, Any]:
    """Return where one station is all that counts, the throughput, and the mean numbers there.

    Parameters
    ----------
    single : array of shape (stations, n)
        Demands of the single servers. [s]
    delay : array of shape (n,)
        All delays of a round together. [s]
    population : array of shape (n,)
        Requests in the network, >= 0. [-]

    Returns
    -------
    tuple of array
        Whether, of shape (n,); throughput [1/s] and mean numbers, which hold there. [-]
    """
    if not len(single):
        return np.zeros(population.shape, dtype=bool), delay, single
    demand = single.max(axis=0)
    with np.errstate(all="ignore"):
        part, rest = single / demand, delay / demand
        first = part == 1
        part[first] = 0.0
        u = _beyond(1.0, part, rest, population)
        left = np.log(u / (u - 1)) + _others(u, part, rest, population)
        here = (u > 1) & (left < _LEAST) & (first.sum(axis=0) == 1)
        numbers = part / (1 - part)
        queue = population - rest - numbers.sum(axis=0)
        np.copyto(numbers, queue, where=first)
        return here, 1 / demand, numbers


def by_two(single: Any, delay: Any, population: Any) -> tuple[Any, Any, Any]:
    """Return the same where two stations are all that counts."""
    if len(single) < 2:
        return np.zeros(population.shape, dtype=bool), delay, single
    n, demand = population, single.max(axis=0)
    with np.errstate(all="ignore"):
        part, rest = single / demand, delay / demand
        first = part == 1
        part[first] = 0.0
        second = part.max(axis=0)
        other = part == second
        part[other] = 0.0
        gap = (demand - second * demand) / demand
        # log t, every term of which is as small as the gap.
        log = (n + 1) * np.log1p(-gap) + rest * gap / second
        log -= np.log1p(-part * gap / (second * (1 - part))).sum(axis=0)
        only = -np.expm1(log)  # 1 - t
        u = _beyond(1 / second, part, rest, n)
        left = np.log(gap * u / ((u - 1) * (second * u - 1) ** 2 * only))
        left += _others(u, part, rest, n)
        here = (u * second > 1) & (left < _LEAST) & (gap * (n - rest) > 1) & (log < 0)
        here &= (first.sum(axis=0) == 1) & (other.sum(axis=0) == 1)
        t = 1 - only
        rate = -np.expm1(log - np.log1p(-gap)) / only
        numbers = part / (1 - part)
        beside = part / (second - part)
        double = n - rest / second - beside.sum(axis=0) + 1 / gap
        next_ = (second / gap - t * double) / only
        numbers = (numbers - t * beside) / only
        queue = n - rest * rate - numbers.sum(axis=0) - next_
        np.copyto(numbers, queue, where=first)
        np.copyto(numbers, next_, where=other)
        return here, rate / demand, numbers


def _beyond(last: Any, part: Any, rest: Any, population: Any) -> Any:
    """Return where the contour passes, beyond the last pole that counts.

    The bound is least about where the delays and the power of u balance.
    """
    reach = last + _ROOM * (1 / part.max(axis=0) - last)
    return np.minimum(np.minimum(reach, population / rest), _FAR * last)


def _others(u: Any, part: Any, rest: Any, population: Any) -> Any:
    """Return the bound but for the poles that count, twice of the others for their numbers."""
    others = np.log(((1 - part) / (1 - part * u)).prod(axis=0))
    return rest * (u - 1) - population * np.log(u) + 2 * others
