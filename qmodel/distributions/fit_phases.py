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

import numpy as np

from qmodel._values import remembered
from qmodel.distributions.base import Distribution
from qmodel.distributions.erlang_fits import (
    FittedPhases,
    fit_erlang_body,
    fit_erlang_mixture,
)
from qmodel.distributions.phase_type import PhaseType

__all__ = ["fit_beside_constant", "fit_body", "fit_phases"]

_REMAINS = 1e-3  # of the residual service, where the grid ends
_POINTS = 96
_FROM = 0.03  # means
_NEARLY_BEST = 1.25, 0.005
_MUCH_BETTER = 2 / 3


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
    mixed = fit_erlang_mixture(t, scv, most, wanted, start, weights, constant)
    start = np.append(odds, [-2.2, *np.log([0.75, 1 + scv])])
    body = fit_erlang_body(t, scv, most - 1, wanted, start, weights, constant)
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
    return fit_erlang_body(t, scv, body, wanted, start, _near(t, wanted, servers))


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
        yield n + 2, np.append(odds, means), partial(fit_erlang_body, t, scv, n)
    if scv > 1.5 and most >= 6:
        # Four branches: a body, and three means evenly spaced in their logarithm.
        means = np.append(np.log(0.6), np.log(np.geomspace(0.4 * (1 + scv), t[-1] / 6, 3)))
        yield 4, np.append([-1.5, -3.5, -6.5], means), partial(fit_erlang_body, t, scv, 1)
    for n in range(2, most + 1 if scv < 1 else 2):
        yield n, np.zeros(n - 1), partial(fit_erlang_mixture, t, scv, n)
