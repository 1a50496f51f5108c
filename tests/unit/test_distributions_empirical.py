"""Measured times as a distribution."""

import numpy as np
import pytest
import sympy as sp

from qmodel.distributions import (
    Deterministic,
    Distribution,
    Exponential,
    Mixture,
    Repeated,
    Sum,
)
from qmodel.distributions.empirical import Empirical
from qmodel.errors import DomainError
from qmodel.numerics import inversion

TIMES = [0.3, 0.1, 0.2, 0.1, 0.9, 0.1]


def test_steps():
    distribution = Empirical(TIMES)
    t = [-1.0, 0.0, 0.0999, 0.1, 0.15, 0.3, 0.5, 0.9, np.inf]
    above = np.array([6, 6, 6, 3, 3, 1, 1, 0, 0]) / 6
    assert distribution.tail(t).tolist() == above.tolist()
    assert distribution.cdf(t) == pytest.approx(1 - above)
    assert not distribution.density(t).any()
    assert distribution.values.tolist() == [0.1, 0.2, 0.3, 0.9]
    assert distribution.weights == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])


@pytest.mark.parametrize("n", [1, 3, 10, 49, 100, 1000])
def test_quantile_is_the_order_statistic(n):
    rng = np.random.default_rng(n)
    times = rng.exponential(size=n)
    distribution = Empirical(times)
    k = np.arange(1, n + 1)
    assert distribution.quantile(k / n).tolist() == np.sort(times).tolist()
    assert distribution.quantile(np.nextafter(k / n, 0)).tolist() == np.sort(times).tolist()
    after = np.nextafter(k[:-1] / n, 1)
    assert distribution.quantile(after).tolist() == np.sort(times)[1:].tolist()
    assert (distribution.quantile(0.0), distribution.quantile(1.0)) == (
        times.min(),
        times.max(),
    )


def test_quantile_of_decimal_percentages():
    distribution = Empirical(np.arange(1, 1001))
    assert [distribution.quantile(float(f"0.{k:03}")) for k in range(1, 1000)] == list(
        range(1, 1000)
    )


def test_moments_are_those_of_the_samples():
    distribution = Empirical(TIMES)
    x = np.array(TIMES)
    assert distribution.mean == pytest.approx(x.mean())
    assert distribution.variance == pytest.approx(x.var())
    assert distribution.third_cumulant == pytest.approx(((x - x.mean()) ** 3).mean())


def test_transform_is_the_mean_of_exponentials():
    times = np.random.default_rng(1).lognormal(size=70_000)
    distribution = Empirical(times)
    s = np.array([[0.0, 0.5], [2 + 30j, 1e-9 - 4j], [17 + 94j, 1e3]])
    expected = [[np.exp(-x * times).mean() for x in row] for row in s]
    assert np.allclose(distribution.laplace(s), expected, rtol=0, atol=1e-14)
    real = distribution.laplace(2.0)
    assert np.ndim(real) == 0
    assert np.isrealobj(real)
    assert np.isnan(distribution.laplace(np.nan))


def test_transform_of_many_points_takes_little_memory():
    import tracemalloc

    distribution = Empirical(np.arange(1.0, 301.0))
    s = np.ones((31, 200)) + 1j
    tracemalloc.start()
    distribution.laplace(s)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * s.nbytes  # the full table would take 300


def test_symbolic_transform():
    s = sp.Symbol("s", positive=True)
    found = Empirical([1.0, 2.0, 2.0, 4.0]).laplace(s)
    assert float(found.subs(s, 0.3)) == pytest.approx(
        np.exp(-0.3 * np.array([1, 2, 2, 4])).mean(), rel=1e-15
    )


def test_few_samples_jump_exactly_in_a_sum_and_a_mixture():
    distribution = Empirical([1.0, 1.0, 1.0, 2.0])
    assert len(distribution.parts()) == 2
    t = np.array([0.5, 1.0, 1.2, 2.0, 2.5, 9.0])
    delayed = Sum([distribution, Exponential(0.5)])

    def tail(x):
        return np.exp(-np.maximum(x, 0) / 0.5)

    assert delayed.tail(t) == pytest.approx(0.75 * tail(t - 1) + 0.25 * tail(t - 2), abs=1e-12)
    either = Mixture([0.4, 0.6], [distribution, Exponential(0.5)])
    assert either.tail(t) == pytest.approx(
        0.4 * distribution.tail(t) + 0.6 * tail(t), abs=1e-12
    )
    twice = Sum([distribution, distribution])
    assert twice.tail([1.9, 2.0, 3.0, 4.0]) == pytest.approx([1, 7 / 16, 1 / 16, 0], abs=1e-12)
    assert twice.quantile([0.5, 0.6, 0.99]).tolist() == [2.0, 3.0, 4.0]


def test_many_samples_in_a_sum():
    times = np.linspace(0.5, 1.5, 40)
    distribution = Empirical(times)
    assert distribution.parts()[0].distribution is distribution
    t = np.array([0.6, 1.0, 2.0, 5.0])
    exact = np.exp(-np.maximum(t[:, None] - times, 0)).mean(axis=1)
    assert Sum([distribution, Exponential(1.0)]).tail(t) == pytest.approx(exact, abs=1e-3)


def test_atom_at_zero():
    assert Empirical([0.0, 0.0, 1.0, 2.0]).atom == 0.5
    assert Empirical([1.0]).atom == 0


def test_nan_and_scalars():
    distribution = Empirical(TIMES)
    for f in (distribution.tail, distribution.cdf, distribution.density, distribution.quantile):
        assert np.isnan(f(np.nan))
        assert np.ndim(f(0.5)) == 0
    assert isinstance(distribution, Distribution)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0.1, -0.2], r"samples must be times >= 0, finite and not NaN, got -0\.2"),
        ([0.1, np.inf], "samples must be .* got inf"),
        ([np.nan, 0.1], "samples must be .* got nan"),
        ([], "samples must not be empty"),
        (["a"], "samples must be"),
    ],
)
def test_impossible_samples_are_named(samples, message):
    with pytest.raises(DomainError, match=message):
        Empirical(samples)


@pytest.mark.parametrize("times", [5, 40])
def test_sums_of_measured_times_alone_jump_where_they_jump(times: int) -> None:
    """Of forty times of twenty values the tail was smooth, and its stated error 1e-10."""
    measured = Empirical(np.arange(0.05, 2.0, 0.1))
    masses = np.ones(1)
    for _ in range(times):
        masses = np.convolve(masses, np.full(20, 1 / 20))
    above = np.append(np.cumsum(masses[::-1])[-2::-1], 0.0)
    values = 0.05 * times + 0.1 * np.arange(len(masses))
    p = np.array([1e-3, 0.1, 0.9, 0.999])
    later = Sum([Deterministic(0.4), *[measured] * times])
    for whole, by in (Sum([measured] * times), 0), (Repeated(measured, times), 0), (later, 0.4):
        assert whole.tail(values + by + 0.05) == pytest.approx(above, rel=1e-12, abs=1e-300)
        right = values[np.searchsorted(1 - above, p)] + by
        assert whole.quantile(p) == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("last", [30, 254, 1022])
def test_transforms_along_a_line_are_those_of_each_point(last: int) -> None:
    """Products of few exponentials, to rounding, at times far below and far above the mean."""
    times = Empirical(np.random.default_rng(3).lognormal(-5.0, 0.8, 200))
    t = np.array([0.0003, 0.01, 0.1, 3.0])
    s = inversion.line(last).points[:, None] / t
    apart = np.stack([[times.laplace(complex(x)) for x in row] for row in s])
    np.testing.assert_allclose(times.laplace(s), apart, rtol=0, atol=4e-15)
    apart = np.stack([[times.remaining_gap(complex(x)) for x in row] for row in s])
    np.testing.assert_allclose(times.remaining_gap(s), apart, rtol=4e-15)
