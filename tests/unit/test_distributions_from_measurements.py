"""Fits recover what made the numbers, say how sure they are, and refuse what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
"""The default bounds of Prometheus. [s]."""


def lognormal(rng: np.random.Generator, mean: float, scv: float, n: int) -> np.ndarray:
    square = np.log1p(scv)
    times: np.ndarray = np.exp(np.log(mean) - square / 2 + np.sqrt(square) * rng.normal(size=n))
    return times


def counts_of(times: np.ndarray) -> np.ndarray:
    return np.histogram(times, [0, *BOUNDS, np.inf])[0]


@pytest.mark.slow
def test_p99_of_a_lognormal_in_prometheus_bounds() -> None:
    true = float(qm.LogNormal(0.08, 2.0).quantile(0.99))
    rng, found, covered = np.random.default_rng(7), [], 0
    for _ in range(200):
        times = lognormal(rng, 0.08, 2.0, 2000)
        fit = qm.from_histogram(BOUNDS, counts_of(times), mean=times.mean())
        found.append(float(fit.distribution.quantile(0.99)))
        low, high = fit.intervals["p99"]
        covered += low < true < high
    assert abs(np.mean(found) / true - 1) < 0.01
    # The scatter of maximum likelihood itself: .047 to .048 in 600 repetitions.
    assert np.std(found) / true <= 0.05
    assert 0.90 <= covered / 200 <= 0.99


def test_p99_of_one_histogram_is_near_and_the_straight_line_is_not() -> None:
    times = lognormal(np.random.default_rng(1), 0.08, 2.0, 20_000)
    fit = qm.from_histogram(BOUNDS, counts_of(times), mean=times.mean())
    assert fit.family == "lognormal"
    assert float(fit.distribution.mean) == pytest.approx(times.mean(), rel=1e-12)
    assert float(fit.distribution.quantile(0.99)) == pytest.approx(0.529, rel=0.05)
    assert fit.rms < 0.005
    assert [f.family for f in fit.alternatives].count("gamma") == 1
    assert fit.to_frame()["family"].tolist()[0] == "lognormal"
    assert fit.to_frame().attrs["units"]["p99"] == "s"


@pytest.mark.parametrize(
    ("distribution", "family"),
    [
        (qm.Exponential(0.05), "exponential"),
        (qm.Gamma(0.05, 0.25), "gamma"),
        (qm.HyperExponential((0.9, 0.1), (0.02, 0.4)), "hyperexponential"),
        (qm.Shifted(qm.Gamma(0.05, 1.0), by=0.05), "constant plus gamma"),
    ],
)
def test_families_are_found_again(distribution: qm.Distribution, family: str) -> None:
    # Exact shares as counts: what a very long measurement would give.
    edges = np.asarray(distribution.quantile(np.arange(1, 40) / 40))
    shares = np.diff(distribution.cdf(edges), prepend=0, append=1)
    fit = qm.from_histogram(edges, 1e6 * shares)
    assert fit.family == family
    assert float(fit.distribution.quantile(0.99)) == pytest.approx(
        float(distribution.quantile(0.99)), rel=0.01
    )
    low, high = fit.intervals["mean"]
    assert low < float(distribution.mean) < high
    assert high / low < 1.02


@pytest.mark.thorough
def test_samples() -> None:
    times = lognormal(np.random.default_rng(3), 0.08, 2.0, 5000)
    fit = qm.from_samples(times)
    assert fit.family == "lognormal"
    low, high = fit.intervals["scv"]
    assert low < 2.0 < high
    assert fit.count == 5000
    # Rounded to milliseconds, with ties and zeros.
    rounded = qm.from_samples(np.round(times, 2))
    assert float(rounded.distribution.quantile(0.99)) == pytest.approx(0.529, rel=0.1)


def test_two_percentiles_of_a_lognormal_are_solved_exactly() -> None:
    distribution = qm.LogNormal(0.08, 2.0)
    shares = (0.5, 0.9)
    fit = qm.from_percentiles({p: float(distribution.quantile(p)) for p in shares})
    assert fit.family == "lognormal"
    assert float(fit.distribution.scv) == pytest.approx(2.0, rel=1e-6)
    assert fit.rms < 1e-6
    notes = " ".join(fit.notes)
    assert "give one more percentile" in notes
    assert "beyond the last percentile" in notes
    low, high = fit.intervals["p99"]
    assert low < float(distribution.quantile(0.99)) <= high * (1 + 1e-6)


def test_percentiles_and_a_mean_choose_the_family() -> None:
    distribution = qm.Gamma(0.05, 0.5)
    some = {p: float(distribution.quantile(p)) for p in (0.5, 0.9, 0.95, 0.99)}
    fit = qm.from_percentiles(some, mean=0.05)
    assert fit.family == "gamma"
    assert fit.rms < 1e-5
    assert float(fit.distribution.scv) == pytest.approx(0.5, rel=1e-4)
    one = qm.from_percentiles({0.5: 0.05 * np.log(2)})
    assert one.family == "exponential"
    assert float(one.distribution.mean) == pytest.approx(0.05)
    only = qm.from_percentiles(some, families=["lognormal"])
    assert only.family == "lognormal"
    assert only.rms > 0.01


def test_nearly_all_in_the_first_bucket() -> None:
    # A real case: p99 is below 5 ms; the straight line says 4.95 ms.
    fit = qm.from_histogram([0.005, 0.01, 0.025], [191_340, 20, 7], mean=0.2226e-3)
    assert float(fit.distribution.mean) == pytest.approx(0.2226e-3)
    assert 0 < float(fit.distribution.quantile(0.99)) < 0.0045
    assert "only 3 buckets" in " ".join(fit.notes)


def test_what_is_doubtful_is_said() -> None:
    times = np.concatenate([np.full(500, 0.02), np.full(500, 0.6), np.full(50, 20.0)])
    fit = qm.from_histogram(BOUNDS, counts_of(times))
    notes = " ".join(fit.notes)
    assert "above the last bound" in notes
    assert "no family fits within the noise" in notes


def test_impossible_numbers_are_refused() -> None:
    for bad in (
        lambda: qm.from_histogram([2, 1], [1, 1]),
        lambda: qm.from_histogram([1, 2], [0, 0]),
        lambda: qm.from_histogram([1, 2], [1, 2, 3, 4]),
        lambda: qm.from_histogram([1, 2], [1, -2]),
        lambda: qm.from_histogram([1, 2], [5, 5], mean=2.5),
        lambda: qm.from_histogram([1, 2], [5, 5], families=["normal"]),
        lambda: qm.from_samples([0.1] * 7),
        lambda: qm.from_samples([0.1] * 20),
        lambda: qm.from_samples([0.1, np.inf] * 5),
        lambda: qm.from_percentiles({}),
        lambda: qm.from_percentiles({0.5: 0.2, 0.99: 0.1}),
        lambda: qm.from_percentiles({0.5: 0.1, 1.0: 0.2}),
        lambda: qm.from_percentiles({0.5: 0.1, 0.9: 0.1}),
        lambda: qm.from_percentiles({0.5: 0.0}),
        lambda: qm.from_percentiles({0.5: 0.1}, families=["gamma"]),
    ):
        with pytest.raises(DomainError):
            bad()


@pytest.mark.thorough
def test_a_scale_of_time_does_not_matter() -> None:
    times = lognormal(np.random.default_rng(5), 0.08, 2.0, 2000)
    seconds = qm.from_histogram(BOUNDS, counts_of(times))
    days = qm.from_histogram(np.array(BOUNDS) * 86400, counts_of(times))
    assert days.family == seconds.family
    assert float(days.distribution.quantile(0.99)) == pytest.approx(
        86400 * float(seconds.distribution.quantile(0.99)), rel=1e-4
    )


def test_of_few_times_each_is_a_bound() -> None:
    """But for the greatest: the likeliest mean of exponential times, by another search."""
    from scipy.optimize import minimize_scalar

    times = np.array([0.3, 0.5, 0.9, 1.4, 2.0, 2.2, 3.1, 4.0, 5.5, 9.0])
    edges = np.append(times[:-1], np.inf)

    def unlikely(mean: float) -> float:
        return -float(np.log(-np.diff(np.exp(-edges / mean), prepend=1.0)).sum())

    best = minimize_scalar(unlikely, bounds=(0.5, 20.0), method="bounded").x
    fit = qm.distributions.from_samples(times, families=["exponential"])
    assert float(fit.distribution.mean) == pytest.approx(best, rel=1e-3)


def test_a_bucket_that_ends_at_zero_ends_near_it() -> None:
    for bounds in ([0.0, 1.0], [0.0, 1.0, 2.0, 4.0]):
        counts = [5, 100, 60, 30, 10][: len(bounds) + 1]
        nearly = [1e-6, *bounds[1:]]
        here, there = qm.from_histogram(bounds, counts), qm.from_histogram(nearly, counts)
        assert float(here.distribution.mean) == pytest.approx(float(there.distribution.mean))
