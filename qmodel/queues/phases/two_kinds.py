r"""The waits of M/G/c where a few requests are much longer than the others, extrapolated.

Phases that are fitted to the residual service imitate a distribution with one body. Where
requests are of two kinds, each of nearly one length, as reads and rare reports are, the fit is
bad: the waits depend on how many of the servers have a long request, and for how long still.
So each kind is taken as an Erlang distribution, of as many phases as c servers allow. The long
kind has its work and the second moment of all service; as it has fewer phases, it is
of more requests that are as much shorter. In light traffic it has its own length instead: the
tails are mixed with the weights :math:`1 - (1 - \rho)^2` and :math:`(1 - \rho)^2`, which are
ours. What the SCV :math:`x_1` of the short kind changes is nearly linear in it, so two
solutions with n and m phases of that, and few of the long one, are extrapolated [1]_:

.. math:: f(x_1) \approx f(1 / k) + \frac{x_1 - 1 / k}{1 / n - 1 / m} (f(1 / n) - f(1 / m)),

and so is the SCV of the long kind, where it is below that of the phases.

References
----------
.. [1] L. F. Richardson, J. A. Gaunt, "The deferred approach to the limit", Philosophical
   Transactions of the Royal Society A 226, 1927.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel._values import remembered
from qmodel.distributions import Distribution
from qmodel.distributions.phase_type import PhaseType
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.phases.tables import Blend, PhaseQueue, blended, solved

__all__ = ["MOST_SERVERS", "TwoKinds", "of_two_kinds", "two_kinds"]

MOST_SERVERS = 16
"""Servers up to which the systems of few phases are solved."""

_APART = 3.0  # times as long as the short kind the long one is at least
_EDGES = np.geomspace(1e-4, 1e5, 1201)


_SIZES = {
    2: ((4, 10), (2, 4), 2),
    4: ((2, 4), (2, 4), 2),
    8: ((1, 3), (1, 2), 2),
    16: ((1, 2), (1, 2), 1),
}
"""By servers: phases of both kinds; of the short one of a line, and of the long one there."""


class TwoKinds(NamedTuple):
    """Two kinds of request: the share of the long one, means and SCVs of both."""

    share: float
    means: tuple[float, float]
    scvs: tuple[float, float]


@remembered
def two_kinds(distribution: Distribution) -> TwoKinds | None:
    """Return the two kinds of which a service time is, None if it is not of two.

    They are parted where both vary least, and are no kinds unless both vary less than
    exponential service.

    Parameters
    ----------
    distribution : Distribution
        Distribution of a time, of finite variance; its parameters are numbers. [-]

    Returns
    -------
    TwoKinds or None
        Share, means over the mean of all [-], and SCVs [-].

    Examples
    --------
    >>> import qmodel as qm
    >>> times = qm.Deterministic(1.0), qm.Deterministic(100.0)
    >>> calls = qm.distributions.Mixture((0.99, 0.01), times)
    >>> found = two_kinds(calls)
    >>> found.share, [round(m * 1.99) for m in found.means], np.round(found.scvs, 3).tolist()
    (0.01, [1, 100], [0.0, 0.0])
    >>> two_kinds(qm.LogNormal(1.0, 9.0)) is None
    True
    """
    mean, scv = float(distribution.mean), float(distribution.scv)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    half = np.diff(_EDGES) / 2
    points = (_EDGES[:-1] + half)[:, None] + half[:, None] * nodes
    with np.errstate(all="ignore"):
        tail = np.nan_to_num(np.asarray(distribution.tail(mean * _EDGES)))
        inside = np.nan_to_num(np.asarray(distribution.tail(mean * points)))

        def beyond(steps: np.ndarray) -> np.ndarray:
            return np.append(np.cumsum(steps[::-1])[::-1], 0.0)

        area, square = (beyond(half * (f @ weights)) for f in (inside, 2 * points * inside))
        total = _EDGES[0] + area[0]
        # Of those that take longer than each edge, and of the others: share and moments.
        first, second = _EDGES * tail + area, _EDGES**2 * tail + square
        short = (total - first) / (1 - tail), (_EDGES[0] ** 2 + square[0] - second) / (1 - tail)
        long = first / tail, second / tail
        scvs = np.array([short[1] / short[0] ** 2 - 1, long[1] / long[0] ** 2 - 1])
        apart = (long[0] > _APART * short[0]) & (scvs < 1).all(axis=0)
        kinds = (tail > 1e-6) & (tail < 1 - 1e-6) & apart
        within = np.where(kinds, scvs.sum(axis=0), np.inf)
    if not kinds.any():
        return None
    # In the middle of a gap between the kinds.
    best = np.flatnonzero(within <= within.min() + 1e-3)
    i = best[best.size // 2]
    share, means = float(tail[i]), np.array([short[0][i], long[0][i]]) / total
    x1 = max(float(scvs[0, i]), 0.0)
    # What the quadrature misses at jumps is left to the long kind.
    x2 = (1 + scv - (1 - share) * means[0] ** 2 * (1 + x1)) / (share * means[1] ** 2) - 1
    return TwoKinds(
        share, (float(means[0]), float(means[1])), (x1, min(max(float(x2), 0.0), 1.0))
    )


def of_two_kinds(kinds: TwoKinds, servers: int, load: np.ndarray) -> Blend:
    """Return the waits of two kinds of request at each load.

    Parameters
    ----------
    kinds : TwoKinds
        The kinds. [-]
    servers : int
        Number of servers, 2 to `MOST_SERVERS`. [-]
    load : array of shape (cells,)
        Utilization, above 0 and below 1. [-]

    Returns
    -------
    Blend
        The waits. [-]

    Examples
    --------
    One request in 100 takes 100 times as long; of 6 million simulated ones 0.308 wait:

    >>> kinds = TwoKinds(0.01, (0.5025, 50.25), (0.0, 0.0))
    >>> found = of_two_kinds(kinds, 4, np.array([0.6]))
    >>> float((found.ratio * erlang_c(servers=4, offered_load=2.4))[0].round(3))
    0.307
    """
    both, (few, more), other = _SIZES[min(n for n in _SIZES if n >= servers)]
    x1, x2 = kinds.scvs
    # As many phases of the second kind as it has, or on the line through more than it can.
    sizes = (max(both[1] // 2, 1), both[1])
    weights = _line(sizes, x2)
    if x2 * both[1] > 1:
        sizes, weights = (round(1 / x2),) * 2, (0.0, 1.0)
    second = list(zip(weights, sizes, strict=True))
    # The line along the first kind is laid with fewer phases of the second.
    first, last = _line((few, more), x1)
    start, end = _line((few, more), 1 / both[0])
    near = 1 - (1 - load) ** 2
    solutions: list[tuple[Any, tuple[int, int], bool]] = [
        *((w * near, (both[0], m), True) for w, m in second),
        *((w * (1 - near), (both[0], m), False) for w, m in second),
        (first - start, (few, other), True),
        (last - end, (more, other), True),
    ]
    blends = [
        (w, solved(PhaseQueue(_service(kinds, n, same), True, servers), load))
        for w, n, same in solutions
        if np.any(w)
    ]
    ratio = sum(w * b.ratio for w, b in blends)
    blocked = erlang_c(servers=servers, offered_load=servers * load)
    with np.errstate(divide="ignore"):
        ratio = np.clip(ratio, 1e-3, np.where(blocked > 0, 1 / blocked, 1.0))
    parts = [w * b.ratio for w, b in blends]
    parts = [part / sum(parts) for part in parts]
    means = sum(part * b.tails.means for part, (_, b) in zip(parts, blends, strict=True))
    levels = np.maximum(sum((w * b.levels.T).T for w, b in blends), 0.0)
    tails = [
        b.tails._replace(blend=part[:, None] * b.tails.blend)
        for part, (_, b) in zip(parts, blends, strict=True)
    ]
    return Blend(ratio, blended(tails, np.maximum(means, 1e-3)), levels)


def _line(sizes: tuple[int, int], scv: float) -> tuple[float, float]:
    """Return the weights of two SCVs on a line at a third one."""
    first, last = (1 / n for n in sizes)
    return (scv - last) / (first - last), (first - scv) / (first - last)


def _service(kinds: TwoKinds, phases: tuple[int, int], same_moments: bool) -> PhaseType:
    """Return Erlang distributions of each kind, with the same work in each.

    With the same second moment too, where fewer phases of the long kind are as many more
    requests that are as much shorter.
    """
    (n, m), (short, long) = phases, kinds.means
    shares, work = (1 - kinds.share, kinds.share), kinds.share * long
    if same_moments:
        moments = [p * x**2 * (1 + v) for p, x, v in zip(shares, *kinds[1:], strict=True)]
        long = (sum(moments) - shares[0] * short**2 * (1 + 1 / n)) / (work * (1 + 1 / m))
    share = work / long
    short = (1 - work) / (1 - share)
    initial, rates = np.zeros(n + m), np.zeros((n + m, n + m))
    initial[[0, n]] = 1 - share, share
    rates[:n, :n] = n / short * (np.eye(n, k=1) - np.eye(n))
    rates[n:, n:] = m / long * (np.eye(m, k=1) - np.eye(m))
    return PhaseType(initial, rates)
