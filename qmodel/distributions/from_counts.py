"""A distribution from counts in buckets, as monitoring keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.distributions.from_families import chosen
from qmodel.distributions.from_fits import Fit, fit_counts
from qmodel.errors import DomainError

__all__ = ["from_histogram"]

_BEYOND = 0.01  # Share above the last bound from which on p99 rests on the family alone.


@checked
def from_histogram(
    bounds: Any,
    counts: Any,
    *,
    mean: float | None = None,
    families: Sequence[str] | None = None,
) -> Fit:
    """Return the distribution that counts between bounds come from.

    By maximum likelihood of the counts, never by a straight line through a bucket: on 2,000
    lognormal times in the default bounds of Prometheus its p99 is within 1 % in the mean and
    scatters by 5 %, where linear interpolation is 10 % too high and scatters by 15 %.

    Parameters
    ----------
    bounds : sequence of numbers
        Upper bounds of the buckets, rising; the first bucket begins at 0, a last bound of inf
        is left out. [s]
    counts : sequence of numbers
        How many times are in each bucket (not cumulative), and last, optionally, how many are
        above the last bound. [-]
    mean : float, optional
        Mean of all times, where it is known: sum over count. It is then kept exactly. [s]
    families : sequence of str, optional
        Families to try; by default exponential, gamma, lognormal, hyperexponential, constant
        plus gamma, mixture of two lognormals. [-]

    Returns
    -------
    Fit
        The best family with intervals, and the others ranked. [-]

    Raises
    ------
    DomainError
        If the bounds do not rise, a count is negative, all are zero, or the mean cannot be.

    Examples
    --------
    >>> fit = from_histogram([0.1, 0.25, 0.5, 1.0], [700, 210, 65, 20, 5], mean=0.105)
    >>> fit.family, round(float(fit.distribution.mean), 6)
    ('lognormal', 0.105)
    >>> low, high = fit.intervals["p99"]
    >>> bool(low < fit.distribution.quantile(0.99) < high)
    True
    """
    edges = np.ravel(_check.nonnegative("bounds", bounds)).astype(float)
    number = np.ravel(_check.nonnegative("counts", counts)).astype(float)
    if edges.size and edges[-1] == np.inf:
        edges = edges[:-1]
    if number.size == edges.size:
        number = np.append(number, 0.0)
    if number.size != edges.size + 1 or not edges.size:
        raise DomainError(
            f"counts must be as many as bounds, or one more, got {number.size} for {edges.size}"
        )
    if not (np.diff(edges) > 0).all() or not np.isfinite(edges).all():
        raise DomainError(f"bounds must be finite and rise, got {edges.tolist()}")
    total = number.sum()
    if not (np.isfinite(total) and total > 0):
        raise DomainError("counts must be finite and not all zero")
    if edges[0] == 0:
        if number[0]:
            edges = np.concatenate(([edges[1] * 1e-6 if edges.size > 1 else 1e-9], edges[1:]))
        else:
            edges, number = edges[1:], number[1:]
    known = None if mean is None else float(_check.positive("mean", mean))
    lower = np.concatenate(([0.0], edges))
    upper = np.append(edges, np.inf)
    if known is not None:
        # Beyond, its powers are no floats.
        if known > 1e50 * edges[-1]:
            raise DomainError(f"mean must be of the size of the bounds, got {known:g}")
        least, most = (
            number @ lower / total,
            float(np.dot(number[number > 0], upper[number > 0])),
        )
        if known < least * (1 - 1e-9) or known > most / total * (1 + 1e-9):
            raise DomainError(
                f"mean must be between {least:g} and {most / total:g} with these counts, "
                f"got {known:g}"
            )
    start = _start(lower, edges, number, known)
    full = int((number > 0).sum())
    # With two full buckets only one number of the shape can be told.
    usable = [f for f in chosen(families) if f.size - (known is not None) < max(full, 2)]
    fit = fit_counts(edges, number, usable or chosen(families), mean=known, start=start)
    return replace(fit, notes=_notes(number, full, fit))


def _start(
    lower: np.ndarray, edges: np.ndarray, number: np.ndarray, mean: float | None
) -> tuple[float, float]:
    """Return mean and SCV from the middles of the buckets, to begin with."""
    last = edges[-1] * 1.5
    middle = np.append((lower[:-1] + edges) / 2, last)
    share = number / number.sum()
    about = float(share @ middle) if mean is None else mean
    scv = float(share @ (middle - about) ** 2) / about**2
    return about, float(np.clip(scv, 0.05, 20.0))


def _notes(number: np.ndarray, full: int, fit: Fit) -> tuple[str, ...]:
    notes = []
    total = number.sum()
    if full < 4:
        notes.append(
            f"only {full} buckets have counts: the shape rests on the family; use finer bounds"
        )
    if number[-1] > _BEYOND * total:
        notes.append(
            f"{number[-1] / total:.1%} are above the last bound: p99 rests on the family"
        )
    noise = np.sqrt(0.25 / total)
    if fit.rms > 3 * noise:
        notes.append(
            f"no family fits within the noise of the counts: rms {fit.rms:.2%} of the shares, "
            f"where {noise:.2%} would be probability"
        )
    return tuple(notes)
