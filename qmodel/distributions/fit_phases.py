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

__all__ = ["FittedPhases", "fit_beside_constant", "fit_body", "fit_phases"]

_REMAINS = 1e-3  # of the residual service, where the grid ends
_POINTS = 96
_FROM = 0.03  # means
_SECOND_MOMENT = 17.3  # weight of the error of its logarithm against one point of the grid
_HELD = 5.0  # times that weight, in a blend with constant service
_NEARLY_BEST = 1.25, 0.005
_MUCH_BETTER = 2 / 3
_NOTHING = 1e-300  # of a residual tail


class FittedPhases(NamedTuple):
    """Phases, how well they imitate, and their share in a blend with constant service.

    The error is that of the log of the residual tail.
    """

    distribution: PhaseType
    error: float
    share: float = 1.0


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
        return _of_mean(_fitted(times.tobytes(), log.tobytes(), scv, most), mean)


def _of_mean(fitted: FittedPhases, mean: float) -> FittedPhases:
    shape = fitted.distribution
    return fitted._replace(distribution=PhaseType(shape.initial, shape.generator / mean))


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
        return _of_mean(_fitted_body(*key, scv, body, branches, servers), mean)


def fit_beside_constant(distribution: Distribution, most: int, servers: int) -> FittedPhases:
    r"""Return phases that imitate a distribution in a blend with constant service.

    What few phases vary too much to imitate, a service time of SCV 0.05 or one that has a least
    value, is imitated by a share w of phases and constant service of the same mean,

    .. math:: E(S - t)^+ \approx w E(X - t)^+ + (1 - w) (E[S] - t)^+ ,

    and a wait, as a function of the residual service nearly linear, by the same blend. The
    phases are a mixture of Erlang distributions of one rate, or where that is much better, an
    Erlang body and one exponential branch.

    Parameters
    ----------
    distribution : Distribution
        Distribution of a time, of finite variance; its parameters are numbers. [-]
    most : int
        Phases, >= 2. [-]
    servers : int
        Servers, >= 1; the fit is weighted as in `fit_body`. [-]

    Returns
    -------
    FittedPhases
        The distribution, of the same mean, the weighted error of the fit, and the share w. [-]

    Examples
    --------
    >>> from qmodel.distributions import Pareto
    >>> fitted = fit_beside_constant(Pareto(3.0, 4.0), 6, servers=4)
    >>> fitted.distribution.initial.size, round(fitted.share, 2), round(fitted.error, 3)
    (6, 0.38, 0.022)
    """
    mean, scv = float(distribution.mean), float(distribution.scv)
    with np.errstate(under="ignore", over="ignore"):
        times, log = _residual(distribution, mean)
        key = times.tobytes(), log.tobytes()
        return _of_mean(_fitted_beside(*key, scv, most, servers), mean)


@lru_cache(maxsize=1024)
def _fitted_beside(
    times: bytes, log: bytes, scv: float, most: int, servers: int
) -> FittedPhases:
    t, wanted = np.exp(np.frombuffer(times)), np.frombuffer(log)
    weights = _near(t, wanted, servers)
    constant = np.append(np.maximum(1 - t, 0.0), 1.0)
    share = np.clip(scv * most, 1e-3, 0.9)
    odds = np.log(share / (1 - share))
    start = np.append(odds, -np.arange(1.0, most))
    mixed = _mixed(t, scv, most, wanted, start, weights, constant)
    start = np.append(odds, [-2.2, *np.log([0.75, 1 + scv])])
    body = _body(t, scv, most - 1, wanted, start, weights, constant)
    return body if body.error < _MUCH_BETTER * mixed.error else mixed


@lru_cache(maxsize=1024)
def _fitted_body(
    times: bytes, log: bytes, scv: float, body: int, branches: int, servers: int
) -> FittedPhases:
    t, wanted = np.exp(np.frombuffer(times)), np.frombuffer(log)
    far = t[-1] / 6
    if branches > 2:
        odds = np.linspace(-1.5, -6.5, branches)
        means = np.geomspace(0.4 * (1 + scv), far, branches)
    else:
        odds = np.array([-2.2, -5.0])[:branches]
        means = np.array([1 + scv, min(far, 3 * (1 + scv))])[-branches:]
    start = np.concatenate([odds, np.log([0.75, *means])])
    return _body(t, scv, body, wanted, start, _near(t, wanted, servers))


def _near(t: np.ndarray, wanted: np.ndarray, servers: int) -> np.ndarray:
    """Return weights where the shortest of the residual services of all servers ends."""
    near = t * np.exp(servers * wanted)
    weights = _ANYWHERE + _NEAR * near / near.mean()
    return np.asarray(np.sqrt(weights / weights.mean()))


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
def _fitted(times: bytes, log: bytes, scv: float, most: int) -> FittedPhases:
    t, wanted = np.exp(np.frombuffer(times)), np.frombuffer(log)
    found = [(size, fit(wanted, start)) for size, start, fit in _candidates(t, scv, most)]
    relative, small = _NEARLY_BEST
    limit = max(relative * min(fit.error for _, fit in found), small)
    good = (f for f in found if f[1].error <= limit)
    return min(good, key=lambda f: (f[0], f[1].error))[1]


Fit = Callable[[np.ndarray, np.ndarray], FittedPhases]


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
    constant: np.ndarray | None = None,
) -> tuple[np.ndarray, float, float]:
    """Fit what `at` returns: residual tail and second moment in one row, and their slopes.

    Where those of constant service are given too, `start` begins with the log of the odds of a
    share; returned are the rest of the parameters, the error and the share.
    """
    from scipy.optimize import least_squares

    held = _SECOND_MOMENT if constant is None else _HELD * _SECOND_MOMENT
    aim = np.append(wanted, np.log(1 + scv))
    weight = np.append(np.broadcast_to(weights, wanted.shape), held)

    def share(z: np.ndarray) -> float:
        return 1.0 if constant is None else float(1 / (1 + np.exp(-np.clip(z[0], -30, 30))))

    def blend(z: np.ndarray) -> Any:
        if constant is None:
            return at(z)
        w, (values, by) = share(z), at(z[1:])
        slope = w * (1 - w) * (values - constant)
        return w * values + (1 - w) * constant, np.column_stack([slope, w * by])

    def rest(z: np.ndarray) -> Any:
        return weight * (np.log(np.maximum(blend(z)[0], _NOTHING)) - aim)

    def slopes(z: np.ndarray) -> Any:
        values, by = blend(z)
        seen = weight * (values > _NOTHING) / np.maximum(values, _NOTHING)
        return seen[:, None] * by

    found = least_squares(rest, start, slopes, xtol=1e-7, ftol=1e-7, gtol=1e-9, max_nfev=300)
    error = float(np.sqrt(np.mean(found.fun[:-1] ** 2)))
    return found.x[constant is not None :], error, share(found.x)


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
    constant: np.ndarray | None = None,
) -> FittedPhases:
    """Fit an Erlang body of n phases and exponential branches."""
    branches = (start.size - (constant is not None)) // 2
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

    z, error, share = _least_squares(wanted, scv, at, start, weights, constant)
    p, means, *_ = unpack(z)
    size = n + branches
    initial, rates = np.zeros(size), np.zeros((size, size))
    initial[[0, *range(n, size)]] = p
    rates[:n, :n] = n / means[0] * (np.eye(n, k=1) - np.eye(n))
    rates[n:, n:] = np.diag(-1 / means[1:])
    # A branch that is never taken is no phase.
    used = np.append(np.full(n, p[0] > 1e-12), p[1:] > 1e-12)
    initial, rates = initial[used], rates[np.ix_(used, used)]
    return FittedPhases(PhaseType(initial / initial.sum(), rates), error, share)


def _mixed(
    t: np.ndarray,
    scv: float,
    n: int,
    wanted: np.ndarray,
    start: np.ndarray,
    weights: Any = 1.0,
    constant: np.ndarray | None = None,
) -> FittedPhases:
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

    z, error, share = _least_squares(wanted, scv, at, start, weights, constant)
    p, phase, _ = unpack(z)
    shape = PhaseType(p[::-1], (np.eye(n, k=1) - np.eye(n)) / phase)
    return FittedPhases(shape, error, share)
