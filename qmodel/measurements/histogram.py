r"""Counts of times between bounds: what is known of a distribution when the times are gone.

A count between two bounds says how many times lie there and not where. A percentile is
therefore known as an interval, from `Histogram.between`; where it lies within is the work of a
fit (`qmodel.from_histogram`), not of a straight line through the bucket, which is 10 % too high
in the p99 of a lognormal distribution in the default bounds of Prometheus.

Times that are read one by one are counted in bounds that grow by :math:`2^{1/64}` (1.1 %), as
in a native histogram of Prometheus with schema 6, so that percentiles keep to about 0.5 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import DomainError, ModelError

__all__ = ["PER_DOUBLING", "Histogram", "bucket_of", "of_buckets", "of_times"]

PER_DOUBLING = 64
"""Bounds of the buckets, to a factor of two."""

FINE = 1.03
"""Ratio of two bounds up to which a percentile is given as a number."""

ZERO_BUCKET = -(1 << 11) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of times in buckets: above the bound before, up to and including the bound.

    Parameters
    ----------
    bounds : sequence of numbers
        Upper bounds of the buckets, rising; the first bucket begins at 0. [s]
    counts : sequence of numbers
        How many times are in each bucket, and last, optionally, above the last bound. [-]
    total : float, default nan
        Sum of all the times, where it is known: the mean is then exact. [s]

    Raises
    ------
    DomainError
        If the bounds do not rise, or a count is negative, or their numbers do not fit.

    Examples
    --------
    >>> h = Histogram([0.1, 0.25, 0.5], [900, 80, 15, 5], total=62.0)
    >>> h.count, h.mean, h.between(0.95)
    (1000.0, 0.062, (0.1, 0.25))
    """

    bounds: Any
    counts: Any
    total: float = float("nan")

    def __post_init__(self) -> None:
        bounds = np.ravel(_check.nonnegative("bounds", self.bounds)).astype(float)
        counts = np.ravel(_check.nonnegative("counts", self.counts)).astype(float)
        if bounds.size and np.isinf(bounds[-1]):
            bounds = bounds[:-1]
        if counts.size == bounds.size:
            counts = np.append(counts, 0.0)
        if counts.size != bounds.size + 1:
            raise DomainError(
                f"counts must be as many as bounds, or one more for what is above: got "
                f"{counts.size} counts for {bounds.size} bounds"
            )
        if not (np.diff(bounds) > 0).all() or not np.isfinite(bounds).all():
            raise DomainError(f"bounds must be finite and rise, got {bounds.tolist()}")
        if not np.isfinite(counts).all():
            raise DomainError("counts must be finite numbers >= 0")
        object.__setattr__(self, "bounds", bounds)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "total", _check.one("total", self.total, _check.real))

    @property
    def count(self) -> float:
        """Number of times. [-]."""
        return float(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean time, NaN where the sum is not known. [s]."""
        return self.total / self.count if self.count else float("nan")

    @checked
    def between(self, p: float) -> tuple[float, float]:
        """Return the bounds between which a percentile lies.

        Parameters
        ----------
        p : float
            Probability from 0 to 1. [-]

        Returns
        -------
        tuple of float
            Lower and upper bound; the upper is inf above the last bound. [s]

        Raises
        ------
        DomainError
            If `p` is outside 0 to 1.
        """
        share = _check.one("p", p, _check.probability)
        if np.isnan(share):
            return share, share
        low, high = self._between([share])
        return float(low[0]), float(high[0])

    def _between(self, shares: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        below = np.cumsum(self.counts)
        if not below[-1] > 0:
            return np.full(len(shares), np.nan), np.full(len(shares), np.nan)
        # The k-th of n times, k = ceil(p n), as an empirical distribution has it.
        ranks = np.clip(np.ceil(np.asarray(shares) * below[-1] - 1e-9), 1, below[-1])
        at = np.searchsorted(below, ranks)
        edges = np.concatenate(([0.0], self.bounds, [np.inf]))
        return edges[at], edges[at + 1]

    @checked
    def quantile(self, p: Value) -> Value:
        """Return percentiles where the bounds are close, else NaN.

        Parameters
        ----------
        p : number or array
            Probability from 0 to 1. [-]

        Returns
        -------
        number or array
            Geometric middle of its bucket, if its bounds are within 3 %. [s]

        Raises
        ------
        DomainError
            If `p` is outside 0 to 1.
        """
        low, high = self._between(np.ravel(_check.probability("p", p)).tolist())
        fine = high <= FINE * low
        middle = np.where(fine, np.sqrt(low * np.where(fine, high, 0.0)), np.nan)
        return np.where(high < 2e-9, 0.0, middle).reshape(np.shape(p))[()]

    @property
    def scv(self) -> float:
        """Squared coefficient of variation of closely bounded times, else NaN. [-]."""
        edges = np.concatenate(([0.0], self.bounds))
        some = self.counts[:-1] > 0
        low, high = edges[:-1][some], edges[1:][some]
        fine = (high <= FINE * low) | (high < 2e-9)
        if self.counts[-1] or not some.any() or not fine.all():
            return float("nan")
        middle, weight = np.sqrt(low * high), self.counts[:-1][some] / self.count
        mean = weight @ middle
        return float(weight @ (middle - mean) ** 2 / mean**2) if mean else 0.0

    def __add__(self, other: Histogram) -> Histogram:
        """Return the counts of both; the bounds of one may not cut a bucket of the other."""
        if np.array_equal(self.bounds, other.bounds):
            return Histogram(self.bounds, self.counts + other.counts, self.total + other.total)
        bounds = np.union1d(self.bounds, other.bounds)
        counts = np.zeros(bounds.size + 1)
        for one in (self, other):
            edges = np.concatenate(([0.0], one.bounds, [np.inf]))
            some = np.flatnonzero(one.counts)
            first = np.searchsorted(bounds, edges[some], side="right")
            last = np.searchsorted(bounds, edges[some + 1])
            first[edges[some] == 0] = np.searchsorted(bounds, 0.0)
            inside = last > first
            if (one.counts[some] * inside).any():
                raise ModelError("these histograms have buckets that overlap: bounds differ")
            np.add.at(counts, last, one.counts[some])
        return Histogram(bounds, counts, self.total + other.total)

    @checked
    def since(self, earlier: Histogram | None) -> Histogram:
        """Return what was added since an earlier state; all of it after a restart.

        Parameters
        ----------
        earlier : Histogram or None
            The same counters before. [-]

        Returns
        -------
        Histogram
            The counts between. [-]
        """
        if earlier is None:
            return self
        bounds = np.union1d(self.bounds, earlier.bounds)

        def on(h: Histogram) -> np.ndarray:
            counts = np.zeros(bounds.size + 1)
            counts[np.searchsorted(bounds, h.bounds)] = h.counts[:-1]
            counts[-1] = h.counts[-1]
            return counts

        added = on(self) - on(earlier)
        if (added < 0).any():
            return self
        return Histogram(bounds, added, self.total - earlier.total)

    @staticmethod
    def merged(histograms: Sequence[Histogram]) -> Histogram:
        """Return the counts of several histograms together.

        Parameters
        ----------
        histograms : sequence of Histogram
            At least one. [-]

        Returns
        -------
        Histogram
            Their sum. [-]
        """
        some = list(histograms)
        while len(some) > 1:  # in pairs, so that bounds grow late
            some = [sum(some[i + 1 : i + 2], some[i]) for i in range(0, len(some), 2)]
        return some[0]


def bucket_of(times: np.ndarray) -> np.ndarray:
    """Return the number of the bucket of each time [s]: its upper bound is 2^(n/64) s."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fine = np.ceil(np.log2(times) * PER_DOUBLING - 1e-9)
    at = np.where(times > 1e-9, fine, ZERO_BUCKET)
    return np.clip(at, ZERO_BUCKET, (1 << 11) - 1).astype(np.int64)


def of_buckets(buckets: np.ndarray, counts: np.ndarray, total: float) -> Histogram:
    """Return the histogram of counts by rising numbers of buckets."""
    zero = buckets == ZERO_BUCKET
    ends = np.unique(np.concatenate((buckets, buckets[~zero] - 1)))
    bounds = np.where(ends == ZERO_BUCKET, 1e-9, np.exp2(ends / PER_DOUBLING))
    full = np.zeros(bounds.size + 1)
    full[np.searchsorted(ends, buckets)] = counts
    # What is counted here needs no check, and there are many.
    made = object.__new__(Histogram)
    for name, value in (("bounds", bounds), ("counts", full), ("total", float(total))):
        object.__setattr__(made, name, value)
    return made


def of_times(times: np.ndarray) -> Histogram:
    """Return the histogram of single times [s]."""
    buckets, counts = np.unique(bucket_of(times), return_counts=True)
    return of_buckets(buckets, counts.astype(float), float(times.sum()))
