r"""Erlang distributions fitted by least squares to the logarithm of a residual tail.

A body of n phases and exponential branches, or a mixture of 1 to n phases with one rate, of
mean 1 and with the second moment held. `qmodel.distributions.fit_phases` chooses among them.
The logarithm has more than one minimum in the means; the search is Levenberg's and Marquardt's
[1]_, from short steps on, and where it ends badly it is tried with others.

References
----------
.. [1] J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Numerical
   Analysis, Lecture Notes in Mathematics 630, 1978.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions.phase_type import PhaseType

__all__ = [
    "FittedPhases",
    "branch_weights",
    "erlangs",
    "fit_erlang_body",
    "fit_erlang_mixture",
]

_SECOND_MOMENT = 17.3  # weight of the error of its logarithm against one point of the grid
_HELD = 5.0  # times that weight, in a blend with constant service
_FIRST_STEPS = 0.2, 0.3  # of the search, over the size of its start
_WELL = 0.05  # error from which on one search is enough
_NOTHING = 1e-300  # of a residual tail


class FittedPhases(NamedTuple):
    """Phases, how well they imitate, and their share in a blend with constant service.

    The error is that of the log of the residual tail.
    """

    distribution: PhaseType
    error: float
    share: float = 1.0


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
    from scipy.optimize import leastsq

    held = _SECOND_MOMENT if constant is None else _HELD * _SECOND_MOMENT
    aim = np.append(wanted, np.log(1 + scv))
    weight = np.append(np.broadcast_to(weights, wanted.shape), held)
    last: list[Any] = [None, None]

    def share(z: np.ndarray) -> float:
        return 1.0 if constant is None else float(1 / (1 + np.exp(-np.clip(z[0], -30, 30))))

    def blend(z: np.ndarray) -> Any:
        # The slopes are wanted where the values have just been.
        if last[0] is None or (last[0] != z).any():
            last[:] = z.copy(), at(z[constant is not None :])
        values, by = last[1]
        if constant is None:
            return values, by
        w = share(z)
        slope = w * (1 - w) * (values - constant)
        return w * values + (1 - w) * constant, np.column_stack([slope, w * by])

    def rest(z: np.ndarray) -> Any:
        return weight * (np.log(np.maximum(blend(z)[0], _NOTHING)) - aim)

    def slopes(z: np.ndarray) -> Any:
        values, by = blend(z)
        seen = weight * (values > _NOTHING) / np.maximum(values, _NOTHING)
        return seen[:, None] * by

    best, least = start, np.inf
    for first in _FIRST_STEPS:
        found, *_ = leastsq(  # in full, as otherwise it warns
            rest, start, Dfun=slopes, xtol=1e-7, ftol=1e-7, gtol=0.0, maxfev=300,
            factor=first, diag=np.ones(start.size), full_output=True,
        )  # fmt: skip
        error = float(np.sqrt(np.mean(rest(found)[:-1] ** 2)))
        if error < least:
            best, least = found, error
        if least < _WELL:
            break
    return best[constant is not None :], least, share(best)


def branch_weights(odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities from the logs of their odds to the first, and their slopes.

    Parameters
    ----------
    odds : array of shape (branches,)
        Logarithms. [-]

    Returns
    -------
    tuple of arrays of shape (branches + 1,) and (branches + 1, branches)
        Probabilities, and their slopes in the logarithms. [-]

    Examples
    --------
    >>> branch_weights(np.log([1.0, 2.0]))[0].tolist()
    [0.25, 0.25, 0.5]
    """
    weights = np.exp(np.append(0.0, odds) - max(0.0, odds.max(initial=0.0)))
    p = weights / weights.sum()
    return p, (np.diag(p) - np.outer(p, p))[:, 1:]


def erlangs(
    t: np.ndarray, sizes: Iterable[int], means: Iterable[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return E(X - t)+ and E X^2 of Erlang distributions, and their slopes in the mean.

    Parameters
    ----------
    t : array of shape (times,)
        Times. [-]
    sizes : iterable of int
        Phases of each distribution. [-]
    means : iterable of float
        Their means. [-]

    Returns
    -------
    tuple of two arrays of shape (distributions, times + 1)
        Residual tails and second moments, one row each; and the slopes. [-]

    Examples
    --------
    >>> erlangs(np.array([0.0, 1.0]), [1], [1.0])[0].round(4)
    array([[1.    , 0.3679, 2.    ]])
    """
    sizes, means = list(sizes), list(means)
    values, slopes = np.empty((2, len(sizes), t.size + 1))
    for i, (n, mean) in enumerate(zip(sizes, means, strict=True)):
        x = n / mean * t
        term = np.exp(-x)
        tail = term
        for k in range(1, n):
            term = term * (x / k)
            tail = tail + term
        longer, second = tail + term * (x / n), mean**2 * (1 + 1 / n)
        values[i, :-1], values[i, -1] = mean * longer - t * tail, second
        slopes[i, :-1], slopes[i, -1] = longer, 2 * second / mean
    return values, slopes


def fit_erlang_body(
    t: np.ndarray,
    scv: float,
    n: int,
    wanted: np.ndarray,
    start: np.ndarray,
    weights: Any = 1.0,
    constant: np.ndarray | None = None,
) -> FittedPhases:
    """Fit an Erlang body of n phases and exponential branches.

    Parameters
    ----------
    t : array of shape (times,)
        Times, in means. [-]
    scv : float
        Squared coefficient of variation, which is nearly held. [-]
    n : int
        Phases of the body. [-]
    wanted : array of shape (times,)
        Logarithm of the residual tail. [-]
    start : array
        Logs of the odds of the branches, and of the means of body and branches. [-]
    weights : number or array of shape (times,), default 1.0
        Weights of the differences of the logarithms. [-]
    constant : array of shape (times + 1,), optional
        Residual tail and second moment of constant service that the distribution is blended
        with; `start` then begins with the log of the odds of its share. [-]

    Returns
    -------
    FittedPhases
        The distribution, of mean 1, the weighted error, and the share. [-]

    Examples
    --------
    >>> t = np.geomspace(0.03, 5.0, 40)
    >>> found = fit_erlang_body(t, 1.0, 1, -t, np.array([-2.0, 0.0, 0.5]))
    >>> round(found.error, 3)
    0.0
    """
    branches = (start.size - (constant is not None)) // 2
    sizes = [n, *[1] * branches]

    def unpack(z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return probabilities and means, of mean 1, and the slopes of both."""
        (p, by_odds), logs = branch_weights(z[:branches]), np.clip(z[branches:], -8.0, 12.0)
        means = np.exp(logs) / (p @ np.exp(logs))
        free = (logs == z[branches:]) * (np.eye(branches + 1) - p * means)
        odds = -np.outer(means, means @ by_odds)
        by_mean = means[:, None] * free
        return p, means, by_odds, np.hstack([odds, by_mean])

    def at(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, means, by_odds, slopes = unpack(z)
        values, by_mean = erlangs(t, sizes, means)
        by = (p[:, None] * by_mean).T @ slopes
        by[:, :branches] += values.T @ by_odds
        return p @ values, by

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


def fit_erlang_mixture(
    t: np.ndarray,
    scv: float,
    n: int,
    wanted: np.ndarray,
    start: np.ndarray,
    weights: Any = 1.0,
    constant: np.ndarray | None = None,
) -> FittedPhases:
    """Fit a mixture of Erlang distributions of 1 to n phases with one rate.

    Parameters
    ----------
    t : array of shape (times,)
        Times, in means. [-]
    scv : float
        Squared coefficient of variation, which is nearly held. [-]
    n : int
        Most phases. [-]
    wanted : array of shape (times,)
        Logarithm of the residual tail. [-]
    start : array
        Logs of the odds of all but the longest. [-]
    weights : number or array of shape (times,), default 1.0
        Weights of the differences of the logarithms. [-]
    constant : array of shape (times + 1,), optional
        Residual tail and second moment of constant service that the distribution is blended
        with; `start` then begins with the log of the odds of its share. [-]

    Returns
    -------
    FittedPhases
        The distribution, of mean 1, the weighted error, and the share. [-]

    Examples
    --------
    >>> t = np.geomspace(0.03, 5.0, 40)
    >>> found = fit_erlang_mixture(t, 1.0, 2, -t, np.array([1.0]))
    >>> round(found.error, 3)
    0.0
    """
    sizes = np.arange(1, n + 1)

    def unpack(z: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Return probabilities, the mean of a phase, and the slopes of the former."""
        p, slopes = (x[::-1] for x in branch_weights(z))
        return p, float(1 / (p @ sizes)), slopes

    def at(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, phase, slopes = unpack(z)
        values, by_mean = erlangs(t, sizes, sizes * phase)
        by_phase = -(phase**2) * (sizes @ slopes)
        return p @ values, values.T @ slopes + np.outer((p * sizes) @ by_mean, by_phase)

    z, error, share = _least_squares(wanted, scv, at, start, weights, constant)
    p, phase, _ = unpack(z)
    shape = PhaseType(p[::-1], (np.eye(n, k=1) - np.eye(n)) / phase)
    return FittedPhases(shape, error, share)
