r"""A phase-type distribution that imitates any other where a queue with servers looks at it.

Equal moments do not make equal waits: with an SCV of 4, a lognormal distribution and a
hyperexponential one of the same three moments differ by up to 17 % in the p99 of the wait
behind four servers, by 50 % at an SCV of 9. What a queue sees is the residual service. So the
distribution of phases is fitted to the logarithm of

.. math::

    E(S - t)^+ = \int_t^\infty P(S > u) \, du = E[S] \, P(S_e > t)

on a grid of t, evenly spaced in its logarithm, up to the time that a residual service exceeds
with probability 0.001; the mean is exact and the second moment is held. Two families are tried:

* an Erlang body of n phases, chosen with a probability, else one of two exponential branches
  (for n = 1 the hyperexponential distribution of three branches),
* below an SCV of 1, a mixture of Erlang distributions of 1 to n phases with one rate.

Of the fits that are nearly best, the one with the fewest phases is taken. `FittedPhases.error`
is the root mean square of the difference of the logarithms: up to 0.1 the waits of M/G/c are
within 3 % (docs/reference/errors-of-approximations.md).

References
----------
.. [1] A. Feldmann, W. Whitt, "Fitting mixtures of exponentials to long-tail distributions to
   analyze network performance models", Performance Evaluation 31, 1998.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from qmodel._values import remembered
from qmodel.distributions.base import Distribution
from qmodel.distributions.phase_type import PhaseType

__all__ = ["FittedPhases", "fit_body", "fit_phases"]

_REMAINS = 1e-3  # of the residual service, where the grid ends
_POINTS = 96
_FROM = 0.03  # means
_SECOND_MOMENT = 17.3  # weight of the error of its logarithm against one point of the grid
_NEARLY_BEST = 1.25, 0.005
_NOTHING = 1e-300  # of a residual tail


class FittedPhases(NamedTuple):
    """Phases and how well they imitate: the error of the log of the residual tail."""

    distribution: PhaseType
    error: float


@remembered
def fit_phases(distribution: Distribution, most: int = 4) -> FittedPhases:
    """Return a distribution of at most `most` phases that imitates a distribution in a queue.

    Parameters
    ----------
    distribution : Distribution
        Distribution of a time, of finite variance; its parameters are numbers. [-]
    most : int, default 4
        Most phases, >= 3. [-]

    Returns
    -------
    FittedPhases
        The distribution, of the same mean, and the error of the fit. [-]

    Examples
    --------
    >>> from qmodel.distributions import LogNormal
    >>> fitted = fit_phases(LogNormal(0.02, scv=4.0))
    >>> float(fitted.distribution.mean), fitted.distribution.initial.size, fitted.error
    (0.02, 3, 0.048)
    """
    mean, scv = float(distribution.mean), float(distribution.scv)
    with np.errstate(under="ignore", over="ignore"):
        times, log = _residual(distribution, mean)
        shape, error = _fitted(times.tobytes(), log.tobytes(), scv, most)
    return FittedPhases(PhaseType(shape.initial, shape.generator / mean), error)


def fit_body(
    distribution: Distribution, body: int, branches: int, servers: int
) -> FittedPhases:
    """Return an Erlang body and exponential branches that imitate a distribution on servers.

    Who waits first waits for the shortest of the residual services of all servers, whose tail
    is that of one to the power of the servers: there the fit is weighted most.

    Parameters
    ----------
    distribution : Distribution
        Distribution of a time, of finite variance; its parameters are numbers. [-]
    body : int
        Phases of the body, >= 1. [-]
    branches : int
        Exponential branches, >= 1. [-]
    servers : int
        Servers, >= 1. [-]

    Returns
    -------
    FittedPhases
        The distribution, of the same mean, and the weighted error of the fit. [-]

    Examples
    --------
    >>> from qmodel.distributions import Pareto
    >>> fitted = fit_body(Pareto(0.1, 1.8, 1000.0), 3, 3, servers=4)
    >>> fitted.distribution.initial.size, round(fitted.error, 3)
    (6, 0.029)
    """
    mean, scv = float(distribution.mean), float(distribution.scv)
    with np.errstate(under="ignore", over="ignore"):
        times, log = _residual(distribution, mean)
        key = times.tobytes(), log.tobytes()
        shape, error = _fitted_body(*key, scv, body, branches, servers)
    return FittedPhases(PhaseType(shape.initial, shape.generator / mean), error)


@lru_cache(maxsize=1024)
def _fitted_body(
    times: bytes, log: bytes, scv: float, body: int, branches: int, servers: int
) -> tuple[PhaseType, float]:
    t, wanted = np.exp(np.frombuffer(times)), np.frombuffer(log)
    near = t * np.exp(servers * wanted)
    weights = _ANYWHERE + _NEAR * near / near.mean()
    far = t[-1] / 6
    if branches > 2:
        odds = np.linspace(-1.5, -6.5, branches)
        means = np.geomspace(0.4 * (1 + scv), far, branches)
    else:
        odds = np.array([-2.2, -5.0])[:branches]
        means = np.array([1 + scv, min(far, 3 * (1 + scv))])[-branches:]
    start = np.concatenate([odds, np.log([0.75, *means])])
    return _body(t, scv, body, wanted, start, np.sqrt(weights / weights.mean()))


_ANYWHERE, _NEAR = 0.3, 5.0  # weights of the fit for so many servers
_EDGES = np.concatenate([[0.0], np.geomspace(1e-3, 1e5, 321)])


def _residual(distribution: Distribution, mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid of times in means, and there the logarithm of the residual tail.

    Rounded, so that distributions of one shape have one fit.
    """
    nodes, weights = np.polynomial.legendre.leggauss(4)
    half = np.diff(_EDGES) / 2
    points = (_EDGES[:-1] + half)[:, None] + half[:, None] * nodes
    # Of service that is constant but for a rounding the tail may have no value at all.
    steps = half * (np.nan_to_num(np.asarray(distribution.tail(mean * points))) @ weights)
    # From the far end on, so that what a jump costs the rule does not remain beyond the
    # distribution.
    left = np.append(np.cumsum(steps[:0:-1])[::-1], 0.0) / max(float(steps.sum()), 1e-300)
    left = np.maximum(left, 1e-12)
    to, log = np.log(_EDGES[1:]), np.minimum.accumulate(np.log(left))
    last = int(np.argmax(log < np.log(_REMAINS)))
    end = np.interp(-np.log(_REMAINS), -log[: last + 1], to[: last + 1])
    times = np.linspace(np.log(_FROM), max(end, np.log(2 * _FROM)), _POINTS)
    return np.round(times, 9), np.round(np.interp(times, to, log), 9)


@lru_cache(maxsize=1024)
def _fitted(times: bytes, log: bytes, scv: float, most: int) -> tuple[PhaseType, float]:
    t, wanted = np.exp(np.frombuffer(times)), np.frombuffer(log)
    found = []
    for size, start, fit in _candidates(t, scv, most):
        distribution, error = fit(wanted, start)
        found.append((size, error, distribution))
    relative, small = _NEARLY_BEST
    limit = max(relative * min(error for _, error, _ in found), small)
    _, error, distribution = min((f for f in found if f[1] <= limit), key=lambda f: f[:2])
    return distribution, error


Fit = Callable[[np.ndarray, np.ndarray], tuple[PhaseType, float]]


def _candidates(t: np.ndarray, scv: float, most: int) -> Iterator[tuple[int, np.ndarray, Fit]]:
    """Yield size, start and fit of each distribution that is tried."""
    for n in range(1 if scv >= 1 else 2, most - 1):
        # A body, a branch of a few means, and a rare one as long as the grid.
        odds, far = ((-2.2, -5.0), t[-1] / 6) if scv > 1.5 else ((-1.0, -3.0), t[-1] / 8)
        means = np.log([0.75, 1 + scv, min(far, 3 * (1 + scv))])
        yield n + 2, np.append(odds, means), partial(_body, t, scv, n)
    if scv > 1.5 and most >= 6:
        # Four branches: a body, and three means evenly spaced in their logarithm.
        means = np.append(np.log(0.6), np.log(np.geomspace(0.4 * (1 + scv), t[-1] / 6, 3)))
        yield 4, np.append([-1.5, -3.5, -6.5], means), partial(_body, t, scv, 1)
    for n in range(2, most + 1 if scv < 1 else 2):
        yield n, np.zeros(n - 1), partial(_mixed, t, scv, n)


def _least_squares(
    wanted: np.ndarray,
    scv: float,
    at: Callable[[Any], Any],
    start: np.ndarray,
    weights: Any = 1.0,
) -> tuple[np.ndarray, float]:
    """Fit what `at` returns: residual tail and second moment in one row, and their slopes."""
    from scipy.optimize import least_squares

    aim = np.append(wanted, np.log(1 + scv))
    weight = np.append(np.broadcast_to(weights, wanted.shape), _SECOND_MOMENT)

    def rest(z: np.ndarray) -> Any:
        return weight * (np.log(np.maximum(at(z)[0], _NOTHING)) - aim)

    def slopes(z: np.ndarray) -> Any:
        values, by = at(z)
        seen = weight * (values > _NOTHING) / np.maximum(values, _NOTHING)
        return seen[:, None] * by

    found = least_squares(rest, start, slopes, xtol=1e-7, ftol=1e-7, gtol=1e-9, max_nfev=300)
    return found.x, float(np.sqrt(np.mean(found.fun[:-1] ** 2)))


def _weights(odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities from the logs of their odds to the first, and their slopes."""
    weights = np.exp(np.append(0.0, odds) - max(0.0, odds.max(initial=0.0)))
    p = weights / weights.sum()
    return p, (np.diag(p) - np.outer(p, p))[:, 1:]


def _erlang(t: np.ndarray, n: int, mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Return E(X - t)+ and E X^2 of an Erlang distribution in one row; and d/d mean of it."""
    from scipy.special import gammaincc

    x = n * t / mean
    longer = gammaincc(n + 1, x)
    second = mean**2 * (1 + 1 / n)
    return (
        np.append(mean * longer - t * gammaincc(n, x), second),
        np.append(longer, 2 * second / mean),
    )


def _body(
    t: np.ndarray,
    scv: float,
    n: int,
    wanted: np.ndarray,
    start: np.ndarray,
    weights: Any = 1.0,
) -> tuple[PhaseType, float]:
    """Fit an Erlang body of n phases and exponential branches."""
    branches = start.size // 2
    sizes = np.array([n, *[1] * branches])

    def unpack(z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return probabilities and means, of mean 1, and the slopes of both."""
        (p, by_odds), logs = _weights(z[:branches]), np.clip(z[branches:], -8.0, 12.0)
        means = np.exp(logs) / (p @ np.exp(logs))
        free = (logs == z[branches:]) * (np.eye(branches + 1) - p * means)
        odds = -np.outer(means, means @ by_odds)
        by_mean = means[:, None] * free
        return (
            p,
            means,
            np.pad(by_odds, ((0, 0), (0, branches + 1))),
            np.hstack([odds, by_mean]),
        )

    def at(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, means, p_slopes, slopes = unpack(z)
        pairs = (_erlang(t, k, m) for k, m in zip(sizes, means, strict=True))
        values, by_mean = map(np.stack, zip(*pairs, strict=True))
        return p @ values, values.T @ p_slopes + (p[:, None] * by_mean).T @ slopes

    z, error = _least_squares(wanted, scv, at, start, weights)
    p, means, *_ = unpack(z)
    size = n + branches
    initial, rates = np.zeros(size), np.zeros((size, size))
    initial[[0, *range(n, size)]] = p
    rates[:n, :n] = n / means[0] * (np.eye(n, k=1) - np.eye(n))
    rates[n:, n:] = np.diag(-1 / means[1:])
    # A branch that is never taken is no phase.
    used = np.append(np.full(n, p[0] > 1e-12), p[1:] > 1e-12)
    initial, rates = initial[used], rates[np.ix_(used, used)]
    return PhaseType(initial / initial.sum(), rates), error


def _mixed(
    t: np.ndarray, scv: float, n: int, wanted: np.ndarray, start: np.ndarray
) -> tuple[PhaseType, float]:
    """Fit a mixture of Erlang distributions of 1 to n phases with one rate."""
    sizes = np.arange(1, n + 1)

    def unpack(z: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Return probabilities, the mean of a phase, and the slopes of the former."""
        p, slopes = (x[::-1] for x in _weights(z))
        return p, float(1 / (p @ sizes)), slopes

    def at(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, phase, slopes = unpack(z)
        pairs = (_erlang(t, int(k), k * phase) for k in sizes)
        values, by_mean = map(np.stack, zip(*pairs, strict=True))
        by_phase = -(phase**2) * (sizes @ slopes)
        return p @ values, values.T @ slopes + np.outer((p * sizes) @ by_mean, by_phase)

    z, error = _least_squares(wanted, scv, at, start)
    p, phase, _ = unpack(z)
    return PhaseType(p[::-1], (np.eye(n, k=1) - np.eye(n)) / phase), error
