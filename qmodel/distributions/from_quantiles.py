r"""A distribution from the percentiles that dashboards and load tools print.

Least squares on the logarithm of the times, as percentiles are wrong by a factor, not by a
number of seconds: :math:`\min \sum_i (\ln F^{-1}(p_i) - \ln t_i)^2`. For two percentiles of a
lognormal distribution this is :math:`\sigma = \ln(t_2 / t_1) / (z_2 - z_1)` exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.distributions.base import Distribution
from qmodel.distributions.from_families import Family, chosen
from qmodel.distributions.from_fits import QUANTITIES, Fit, quantities
from qmodel.errors import DomainError

__all__ = ["from_percentiles"]

CLOSE = 0.02
"""Of the rms: a simpler family within this is preferred to a closer one."""

_STEPS = 40


@checked
def from_percentiles(
    percentiles: Mapping[float, float],
    *,
    mean: float | None = None,
    families: Sequence[str] | None = None,
) -> Fit:
    """Return the distribution that percentiles come from.

    Parameters
    ----------
    percentiles : mapping of float to float
        Times by their shares, such as ``{0.5: 0.02, 0.95: 0.08, 0.99: 0.15}``. [s]
    mean : float, optional
        Mean of all times, where it is known: one more number to agree with. [s]
    families : sequence of str, optional
        Families to try; by default those of `from_histogram` that have no more parameters than
        there are numbers. [-]

    Returns
    -------
    Fit
        The simplest family that is within 2 %, else the closest; the intervals are the span of
        all families that fit as well, as nothing is known of the noise. [-]

    Raises
    ------
    DomainError
        If a share is not between 0 and 1, a time not > 0, or the times do not rise.

    Examples
    --------
    >>> fit = from_percentiles({0.5: 0.020, 0.95: 0.080, 0.99: 0.150})
    >>> fit
    <Fit, lognormal: mean 28.8 ms, SCV 1.1, p99 147 ms, rms 1.76 %>
    """
    if not percentiles:
        raise DomainError("percentiles must not be empty")
    shares = np.array([_share(p) for p in percentiles])
    times = np.ravel(_check.positive("percentiles", list(percentiles.values())))
    order = np.argsort(shares)
    shares, times = shares[order], times[order].astype(float)
    if not (np.diff(times) >= 0).all():
        raise DomainError(
            f"percentiles must rise with shares, got {times.tolist()} for {shares.tolist()}"
        )
    if times.size > 1 and times[0] == times[-1]:
        raise DomainError(
            f"percentiles are all {times[0]:g}: that is Deterministic({times[0]:g}), not a fit"
        )
    known = None if mean is None else _check.one("mean", mean, _check.positive)
    if known is not None and not np.isfinite(known):
        raise DomainError(f"mean must be finite, got {known}")
    numbers = times.size + (known is not None)
    usable = [f for f in chosen(families) if f.size <= numbers]
    if not usable:
        raise DomainError(
            f"families need more numbers than the {numbers} that are given: "
            f"{', '.join(f'{f.name} {f.size}' for f in chosen(families))}"
        )
    fits = [_fitted(family, shares, times, known) for family in usable]
    ranked = sorted(fits, key=lambda fit: _rank(fit, usable))
    best = ranked[0]
    close = [f for f in ranked if f.rms <= max(CLOSE, 2 * best.rms)]
    spans = [quantities(f.distribution) for f in close]
    intervals = {n: (min(s[n] for s in spans), max(s[n] for s in spans)) for n in QUANTITIES}
    return replace(
        best,
        intervals=intervals,
        alternatives=tuple(ranked[1:]),
        notes=_notes(shares, close, numbers, _size(best, usable)),
    )


def _share(p: float) -> float:
    share = float(_check.probability("percentiles", p))
    if not 0 < share < 1:
        raise DomainError(f"percentiles must have shares between 0 and 1, got {p}")
    return share


def _fitted(family: Family, shares: np.ndarray, times: np.ndarray, mean: float | None) -> Fit:
    from scipy.optimize import least_squares

    def left(z: np.ndarray) -> np.ndarray:
        distribution = family.distribution(z)
        found = _quantiles(distribution, shares, times)
        found = found if mean is None else np.append(found, np.log(distribution.mean / mean))
        finite: np.ndarray = np.nan_to_num(found, nan=1e3)
        return finite

    scale = float(np.exp(np.mean(np.log(times)))) if mean is None else mean
    spread = np.log(times[-1] / times[0]) if times.size > 1 else 0.0
    starts = [[np.log(scale), *s] for s in family.starts(float(np.clip(spread / 2, 0.1, 5)))]
    found = [least_squares(left, start, xtol=1e-12, ftol=1e-14, gtol=1e-12) for start in starts]
    best = min(found, key=lambda f: float(f.cost))
    rms = float(np.sqrt(2 * best.cost / (times.size + (mean is not None))))
    return Fit(family.distribution(best.x), family.name, rms)


def _quantiles(distribution: Distribution, shares: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the logarithms of the quantiles over given times, by Newton steps from these."""
    log = np.zeros(times.size)
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            t = times * np.exp(log)
            tail, density = (
                np.asarray(distribution.tail(t)),
                np.asarray(distribution.density(t)),
            )
            step = np.log(tail / (1 - shares)) * tail / (density * t)
            step = np.clip(np.where(np.isnan(step), np.sign(tail - 1 + shares), step), -1, 1)
            log = log + step
            if (np.abs(step) < 1e-9).all():
                break
    return log


def _notes(
    shares: np.ndarray, close: Sequence[Fit], numbers: int, size: int
) -> tuple[str, ...]:
    notes = []
    if numbers <= size:
        notes.append(
            f"{numbers} numbers fix a family of {size} parameters exactly: nothing is left to "
            "check it by; give one more percentile"
        )
    if len(close) > 1:
        tails = [float(f.distribution.quantile(0.999)) for f in close]
        notes.append(
            f"{', '.join(f.family for f in close)} fit alike; their p99.9 is from "
            f"{min(tails):.3g} s to {max(tails):.3g} s"
        )
    if shares[-1] < 0.99:
        notes.append(f"p99 is beyond the last percentile, p{100 * shares[-1]:g}: by the family")
    return tuple(notes)


def _size(fit: Fit, families: Sequence[Family]) -> int:
    return next(f.size for f in families if f.name == fit.family)


def _rank(fit: Fit, families: Sequence[Family]) -> tuple[float, ...]:
    """Return what sorts fits: the simplest of those that are close, then the closest."""
    if fit.rms > CLOSE:
        return (99.0, fit.rms)
    # Of two that agree with all numbers, the longer tail is the safer answer.
    return (_size(fit, families), round(fit.rms, 4), -float(fit.distribution.quantile(0.999)))
