r"""Normalising constants of a closed network by convolution, on numbers and on symbols.

With :math:`f_k(n) = D_k^n / \prod_{i \le n} \alpha_k(i)` of a station with speeds
:math:`\alpha_k`, and :math:`Z^n / n!` of all delays, the constants are

.. math::

    G = f_1 * f_2 * \dots * f_K * f_Z, \qquad X(N) = \frac{G(N - 1)}{G(N)}, \qquad
    P(N_k = j) = \frac{f_k(j) \, G_{-k}(N - j)}{G(N)} ,

where :math:`G_{-k}` leaves out station k. All terms are positive: no digits are lost at any
load. The cost grows with the square of the population, so large ones go to
`qmodel.networks.contour`; this one has symbols, and stations that slow down under load.

References
----------
.. [1] J. P. Buzen, "Computational algorithms for closed queueing networks with exponential
   servers", Communications of the ACM 16, 1973.
.. [2] M. Reiser, H. Kobayashi, "Queuing networks with multiple closed chains: theory and
   computational algorithms", IBM Journal of Research and Development 19, 1975.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["convolved", "factors", "steady_state"]


def factors(demand: Any, speeds: Sequence[Any], population: int) -> list[Any]:
    """Return f(0), ..., f(N) of a station; its last speed goes on."""
    found: list[Any] = [1 + 0 * demand]
    for n in range(population):
        found.append(found[-1] * demand / speeds[min(n, len(speeds) - 1)])
    return found


def convolved(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """Return the convolution of two sequences of equal length, cut to it."""
    if all(np.ndim(x) == 0 and isinstance(x, float) for x in (*first, *second)):
        return list(np.convolve(np.array(first), np.array(second))[: len(first)])
    return [sum(first[m] * second[n - m] for m in range(n + 1)) for n in range(len(first))]


def steady_state(
    stations: Sequence[tuple[Any, Sequence[Any]]], delay: Any, population: int
) -> tuple[Any, list[Any]]:
    """Return throughput and mean numbers of a closed network.

    Parameters
    ----------
    stations : sequence of tuple
        Demand of each station, and its speeds with 1, 2, ... present; the last goes on. [-]
    delay : number, array or expression
        All delays of a round together. [s]
    population : int
        Requests in the network, >= 1. [-]

    Returns
    -------
    tuple
        Throughput [1/s], and the mean number at each station. [-]
    """
    whole = delay + sum(demand for demand, _ in stations)
    scale: Any = whole  # of the demands, so that numbers stay near one
    if isinstance(scale, np.ndarray | float):
        least = [demand / np.max(speeds, axis=0) for demand, speeds in stations]
        scale = np.maximum(whole / population, np.max(least, axis=0))
    own = [factors(demand / scale, speeds, population) for demand, speeds in stations]
    waiting = factors(delay / scale, range(1, population + 1), population)
    before = [waiting]
    for f in own[:-1]:
        before.append(convolved(before[-1], f))
    constants = convolved(before[-1], own[-1])
    behind, numbers = [1] + [0] * population, []
    for f, rest in zip(reversed(own), reversed(before), strict=True):
        others = convolved(rest, [x + 0 * f[0] for x in behind])
        total = sum(n * f[n] * others[population - n] for n in range(1, population + 1))
        numbers.append(total / constants[-1])
        behind = convolved([x + 0 * f[0] for x in behind], f)
    return constants[-2] / constants[-1] / scale, numbers[::-1]
