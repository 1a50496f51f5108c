r"""What a token bucket refuses of what leaves a station: a chain of its missing tokens.

Behind servers that work without a pause a bucket is emptied by the difference of two paces, and
fills again when nothing is left to serve: how many are refused depends on how many requests are
served in a row, much more than on how variable the stream is. Behind M/G/1 the number N of
these has the generating function :math:`G(z) = z F(\lambda (1 - G(z)))` [1]_. It is taken as a
mix of three geometric numbers with its :math:`P(N = 1)`, :math:`P(N = 2)` and first three
moments (a quadrature of Gauss [2]_). After the end of each row the next departure is later by
an exponential time; a service is the last of a row as far as nobody comes in it,
:math:`e^{-\lambda S}`. The tokens that are missing at departures are then a Markov chain,
solved on a grid of times that keeps all means. Behind exponential service, where departures are
Poisson, the share refused is so within 10 % of what it is.

Several servers are in a row while all are busy: one that is c times as fast. A share
:math:`\rho^{\sqrt{2 (c + 1)} - 2}` of departures is of rows, by Sakasegawa's probability of a
wait [3]_, the others are Poisson. In a row the SCV of service is 1 + q, where q is, of service
more variable than exponential, the index of dispersion of services less 1 over half the time
that fills the bucket, :math:`b / 2 r` (`qmodel.queues.approximations.time_scales`), and else

.. math:: q = (c_s^2 - 1)(1 - (1 - 1 / c) \, b^{-3/2} \min(1, 1.2 / b^2 + 2 c_s^2)),

as small bursts meet one service each, with 1 for the minimum where b is below 2: ours, from
simulations.

That long services lead to long rows is left out. Where that counts, at large bursts and service
more variable than exponential, how variable the stream is decides
(`qmodel.queues.approximations.losses_behind`).

**Errors.** docs/reference/errors-of-losses.md.

References
----------
.. [1] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962.
.. [2] G. H. Golub, J. H. Welsch, "Calculation of Gauss quadrature rules", Mathematics of
   Computation 23, 1969.
.. [3] H. Sakasegawa, "An approximation formula L_q = alpha rho^beta / (1 - rho)", Annals of the
   Institute of Statistical Mathematics 29, 1977.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import Distribution, from_mean_scv
from qmodel.queues.approximations.time_scales import service_index

__all__ = ["accepted_behind"]

_LEAST_LOAD, _FULL = 0.1, 0.999
"""Loads below which rows are hardly more than one, and above which they hardly end."""
_LARGEST, _VARIED = 40.0, 10.0
"""The largest bursts, also of service that is more variable than exponential."""
_CELLS, _FINE = 64, 8
"""Parts of a burst, and of each of these where a distribution is integrated."""
_AT_ONCE = 4_000_000
"""Numbers of matrices at a time."""


def accepted_behind(
    utilization: Any, servers: Any, service: Distribution, *, limit: Any, burst: Any
) -> Any:
    """Return the share that a token bucket lets through behind a station.

    Parameters
    ----------
    utilization : number or array
        Busy share of the servers, which see Poisson arrivals. [-]
    servers : int or integer array
        Their number. [-]
    service : Distribution
        Distribution of the service time. [-]
    limit, burst : number or array
        Tokens a second, and tokens that the bucket holds. [1/s]

    Returns
    -------
    number or array
        The share; NaN where the station hardly works, or the bucket is large. [-]

    Examples
    --------
    Tokens that come a little less fast than constant work is done; by simulation it is 0.0153:

    >>> import qmodel as qm
    >>> work = qm.Deterministic(0.9)
    >>> float(1 - accepted_behind(0.9, 1, work, limit=1.05, burst=5.0))
    0.0144
    """
    c, b = np.asarray(servers, dtype=float), np.asarray(burst, dtype=float)
    load = np.minimum(np.asarray(utilization, dtype=float), _FULL)
    with np.errstate(all="ignore"):
        work = service if np.all(c == 1) else _of_one(service, c, limit, b)
        # A server that is too slow is left at its own pace.
        come = np.where(load > 0, load / np.asarray(work.mean), np.nan)
        starts, ends, first = _rows(work, come, load)
        free = (load ** (2 - np.sqrt(2 * (c + 1))) - 1) / (1 - load)
        parts = (load, first, come, limit, free / (1 + free), b, np.greater(service.scv, 1))
        shape = np.broadcast_shapes(*map(np.shape, parts))
        load, first, come, pace, free, b, varied = (
            np.broadcast_to(x, shape).ravel() for x in parts
        )
        starts, ends = (np.broadcast_to(x, (*shape, 3)).reshape(-1, 3) for x in (starts, ends))
        known = np.all((starts >= 0) & (ends > 0) & (ends <= 1), axis=-1) & np.isfinite(pace)
        known &= (load >= _LEAST_LOAD) & (b <= np.where(varied, _VARIED, _LARGEST))
        share = np.full(load.size, np.nan)
        for one in np.unique(b[known]):
            here = np.flatnonzero(known & (b == one))
            token, most = _grid(float(one))
            tails = _tails(work, shape, here, pace, token, most)
            step = max(1, _AT_ONCE // (16 * (most + 1) ** 2))
            for k in range(0, here.size, step):
                at = here[k : k + step]
                gaps = _gaps(tails[:, k : k + step].T, come[at] / pace[at] / token, load[at])
                rows = starts[at], ends[at], first[at], free[at]
                share[at] = 1 - _refused(gaps, *rows, token, most)
    return share.reshape(shape)[()]


def _of_one(service: Distribution, servers: Any, limit: Any, burst: Any) -> Distribution:
    """Return the work of one server that does that of several while all are busy."""
    scv = np.asarray(service.scv)
    alone = np.where(burst < 2, 1.0, np.minimum(1.2 / burst**2 + 2 * scv, 1.0))
    regular = (scv - 1) * (1 - (1 - 1 / servers) * burst**-1.5 * alone)
    varied = service_index(service, burst / (2 * np.asarray(limit))) - 1
    more = np.where(scv < 1, regular, np.maximum(np.where(scv < np.inf, varied, 0.0), 0.0))
    mean = np.where(np.asarray(service.mean) > 0, service.mean, 1.0) / servers
    return from_mean_scv(mean[()], (1 + more)[()])


def _grid(burst: float) -> tuple[int, int]:
    """Return how many steps of the grid a token is, and the burst."""
    about = min(max(_CELLS / burst, 2.0), 32.0)
    token = min(
        range(int(about), int(1.5 * about) + 1), key=lambda m: abs(m * burst - round(m * burst))
    )
    return token, round(token * burst)


def _rows(work: Distribution, come: Any, load: Any) -> tuple[Any, Any, Any]:
    """Return geometric numbers of services in a row: how often, the ends; and P(N = 1)."""
    mean, variance = np.asarray(work.mean), np.asarray(work.variance)
    step = 1e-4 * come
    first = np.asarray(work.laplace(come))
    slope = np.asarray(work.laplace(come + step)) - np.asarray(work.laplace(come - step))
    second = -come * slope / (2 * step) * first
    squares = come**2 * (variance + mean**2)
    cubes = come**3 * (work.third_cumulant + 3 * variance * mean + mean**3)
    # Factorial moments of their number.
    g1 = 1 / (1 - load)
    g2 = (2 * load * g1 + squares * g1**2) / (1 - load)
    g3 = 3 * squares * g1**2 + 3 * load * g2 + cubes * g1**3 + 3 * squares * g1 * g2
    m3 = (g3 / (1 - load) + 6 * g2 + 6 * g1) / 6
    powers = (first - second, first, np.ones_like(g1), g1, g2 / 2 + g1, m3)
    starts, lasts = _quadrature(np.stack(np.broadcast_arrays(*powers), axis=-1))
    return starts * lasts**2, 1 / lasts, first


def _quadrature(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and nodes of three points with six moments, NaN where there are none."""
    hankel = np.stack([moments[..., k : k + 3] for k in range(3)], axis=-2)
    sound = np.asarray(np.linalg.det(hankel) > 0)
    hankel = np.where(sound[..., None, None], hankel, np.eye(3))
    companion = np.zeros_like(hankel)
    companion[..., 0, 1] = companion[..., 1, 2] = 1.0
    last = np.where(sound[..., None], moments[..., 3:], 0.0)
    companion[..., 2, :] = np.linalg.solve(hankel, last[..., None])[..., 0]
    nodes = np.linalg.eigvals(companion)
    sound = sound & (abs(nodes.imag) < 1e-9).all(axis=-1)
    nodes = np.where(sound[..., None], nodes.real, [1.0, 2.0, 3.0])
    powers = np.stack([nodes**k for k in range(3)], axis=-2)
    weights = np.linalg.solve(powers, moments[..., :3, None])[..., 0]
    return np.where(sound[..., None], weights, np.nan), nodes


def _tails(
    work: Distribution, shape: tuple[int, ...], cells: np.ndarray, pace: Any, token: int,
    most: int,
) -> np.ndarray:  # fmt: skip
    """Return the mean tails of the work over the steps of the grid, in its cells."""
    steps = np.arange((most + 1) * _FINE + 1) / (_FINE * token)
    times = steps[:, None] / pace[cells]
    everywhere = np.zeros((steps.size, pace.size))
    everywhere[:, cells] = times
    tail = work.tail(everywhere.reshape(-1, *shape))
    tail = np.broadcast_to(tail, (steps.size, *shape)).reshape(steps.size, -1)[:, cells]
    within = np.cumsum((tail[1:] + tail[:-1]) / 2, axis=0)[_FINE - 1 :: _FINE] / _FINE
    whole = np.concatenate([np.zeros((1, cells.size)), within])
    mean, scv = (np.broadcast_to(x, shape).ravel()[cells] for x in (work.mean, work.scv))
    constant = np.minimum(times[::_FINE], mean) * pace[cells] * token
    return np.diff(np.where(scv == 0, constant, whole), axis=0)


def _gaps(tails: np.ndarray, idle: np.ndarray, load: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the probabilities of times between departures, in steps of the grid.

    They are those of a service that is not the last of a row, of one that is, of both
    after an idle time, and of that alone, in which `idle` come a step.
    """
    work = -np.diff(tails, axis=1, prepend=1.0)
    fall = np.exp(-idle)[:, None] ** np.arange(tails.shape[1])
    last = work * fall
    last = last / last.sum(axis=1, keepdims=True)
    others = (work - (1 - load[:, None]) * last) / load[:, None]
    part = -np.expm1(-idle)[:, None] / idle[:, None]
    wait = part * -np.expm1(-idle)[:, None] * fall / np.exp(-idle)[:, None]
    wait[:, 0] = 1 - part[:, 0]
    later = _by_lag(wait)
    return others, last, *((later @ each[..., None])[..., 0] for each in (others, last)), wait


def _by_lag(probabilities: np.ndarray) -> np.ndarray:
    """Return the matrices of steps down the grid, without a floor."""
    number = np.arange(probabilities.shape[1])
    back = number[:, None] - number
    return np.where(back >= 0, probabilities[:, np.maximum(back, 0)], 0.0)


def _refused(
    gaps: tuple[np.ndarray, ...], starts: np.ndarray, ends: np.ndarray, first: np.ndarray,
    free: np.ndarray, token: int, most: int,
) -> np.ndarray:  # fmt: skip
    """Return the shares that find no token: missing are 0 to `most` steps of the grid."""
    least = min(token, most + 1 - token)
    moves, refused = [], []
    for each in gaps:
        found = _by_lag(each)
        found[:, :, 0] = 1 - found[:, :, 1:].sum(axis=-1)
        full = found[:, :, most + 1 - token :]
        after = np.zeros_like(found)
        after[:, :, token:] = found[:, :, : most + 1 - token]
        after[:, :, most + 1 - token :] += full
        moves.append(after[:, least:, least:])
        refused.append(full.sum(axis=-1)[:, least:])
    size, kinds = most + 1 - least, starts.shape[-1]
    chain = np.zeros((len(first), kinds + 1, size, kinds + 1, size))
    lost = np.zeros((len(first), kinds + 1, size))
    for i in range(kinds):
        start, end = starts[:, i, None], ends[:, i, None]
        again = (1 - free[:, None]) * start * (1 - end)
        on, out, again = (x[..., None] for x in (1 - end, end, again))
        chain[:, i, :, i] = on * moves[0]
        chain[:, i, :, kinds] = out * moves[1]
        chain[:, kinds, :, i] = again * moves[2]
        lost[:, i] = (1 - end) * refused[0] + end * refused[1]
    often = free[:, None]
    alone = (1 - often) * first[:, None]
    chain[:, kinds, :, kinds] = alone[..., None] * moves[3] + often[..., None] * moves[4]
    lost[:, kinds] = (1 - often - alone) * refused[2] + alone * refused[3] + often * refused[4]
    # The balance of the states, of which the last says that all are one.
    total = (kinds + 1) * size
    balance = chain.reshape(-1, total, total).transpose(0, 2, 1) - np.eye(total)
    balance[:, -1] = 1.0
    one = np.zeros((len(first), total, 1))
    one[:, -1] = 1.0
    present: np.ndarray = np.linalg.solve(balance, one)[..., 0]
    refusals: np.ndarray = np.einsum("cs,cs->c", present, lost.reshape(-1, total))
    return refusals
