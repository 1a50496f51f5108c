"""What holds for every family of distributions."""

from dataclasses import fields

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from qmodel.distributions import (
    Deterministic,
    Erlang,
    Exponential,
    Gamma,
    HyperExponential,
    Uniform,
)
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.distributions.empirical import Empirical
from qmodel.distributions.heavy import LogNormal, Pareto
from qmodel.distributions.tails import faces

means = st.floats(0.01, 100)
scvs = st.floats(0.05, 20)
probabilities = st.floats(0.001, 0.999)
samples = st.lists(st.floats(0.001, 50), min_size=1, max_size=30)

exponentials = st.builds(Exponential, means)
gammas = st.builds(Gamma, means, scvs)
erlangs = st.builds(Erlang, means, st.integers(1, 12))
mixtures = st.builds(
    lambda p, a, b: HyperExponential([p, 1 - p], [a, b]), st.floats(0, 1), means, means
)
uniforms = st.builds(lambda low, width: Uniform(low, low + width), st.floats(0, 10), means)
lognormals = st.builds(LogNormal, means, scvs)
paretos = st.builds(Pareto, means, st.floats(2.5, 20) | st.sampled_from([3.0, 4.0]))
bounded = st.builds(
    lambda low, shape, ratio: Pareto(low, shape, low * ratio),
    means,
    st.floats(0.01, 20) | st.sampled_from([1.0, 2.0, 3.0]),
    st.floats(1.01, 1000),
)
smooth = exponentials | gammas | erlangs | mixtures | lognormals
continuous = smooth | uniforms | paretos | bounded
distributions = continuous | st.builds(Deterministic, means) | st.builds(Empirical, samples)


class Inverted:
    """A distribution without its closed forms: the same transform, through inversion."""

    closed = False

    def __init__(self, distribution):
        self.distribution = distribution

    def __getattr__(self, name):
        return getattr(self.distribution, name)

    def parts(self):
        return tuple(
            part._replace(distribution=Inverted(part.distribution))
            for part in self.distribution.parts()
        )


def integral(f, distribution):
    """Integrate over the support, by Gauss-Legendre panels in the logarithm of time."""
    ends = distribution.quantile([0.0, 1.0])
    low = max(ends[0], 1e-12 * distribution.mean)
    high = min(ends[1], 1e35 * distribution.mean)
    if isinstance(distribution, Empirical):  # panels between the jumps
        edges = np.log(distribution.values)
    else:
        edges = np.unique(np.log(np.linspace(low, high, 5)))
        edges = np.unique(np.concatenate([edges, np.linspace(np.log(low), np.log(high), 200)]))
    x, w = np.polynomial.legendre.leggauss(20)
    t = np.exp((edges[1:] + edges[:-1])[:, None] / 2 + np.diff(edges)[:, None] / 2 * x)
    return low, (np.diff(edges)[:, None] / 2 * w * t * f(t)).sum()


@given(distributions)
def test_mean_is_the_integral_of_the_tail(distribution):
    # Below `low` the tail is 1.
    low, above = integral(distribution.tail, distribution)
    assert low + above == pytest.approx(distribution.mean, rel=1e-7)
    _, second = integral(lambda t: 2 * t * distribution.tail(t), distribution)
    raw = distribution.variance + distribution.mean**2
    assert low**2 + second == pytest.approx(raw, rel=1e-7)


@given(distributions, st.integers(1, 3))
def test_moments_are_derivatives_of_the_transform(distribution, n):
    # Central differences at a small real s, where every transform is defined; in steps of
    # the deviation, of E[exp(-s (X - mean))], which has no linear term.
    mean, deviation = distribution.mean, np.sqrt(distribution.variance)
    s = 1e-3 / (mean + deviation)
    slope = (distribution.laplace(s * 1.001) - distribution.laplace(s * 0.999)) / (0.002 * s)
    second = distribution.variance + mean**2
    assert -slope == pytest.approx(mean - s * second, rel=1e-3 + 30 * s**2 * second)


@given(distributions, probabilities)
def test_quantile_is_the_least_time_that_reaches(distribution, p):
    t = distribution.quantile(p)
    assert distribution.cdf(t * (1 + 1e-9)) >= p - 1e-12
    assert distribution.cdf(t * (1 - 1e-9)) <= p + 1e-7
    if not isinstance(distribution, (Deterministic, Empirical)):
        assert distribution.cdf(t) == pytest.approx(p, abs=1e-9)


@given(distributions)
def test_tail_falls_from_one(distribution):
    t = distribution.mean * np.concatenate([[-1.0], np.geomspace(1e-6, 1e6, 200)])
    tail = distribution.tail(t)
    assert tail[0] == 1
    assert ((tail >= 0) & (tail <= 1)).all()
    assert (np.diff(tail) <= 1e-15).all()
    assert (distribution.density(t) >= 0).all()
    assert distribution.density(-1.0) == 0
    # The two incomplete gamma functions are computed apart, each to some 1e-15.
    assert distribution.cdf(t) == pytest.approx(1 - tail, abs=1e-14)


def in_unit(distribution, unit):
    """Return `distribution` with its times in another unit."""
    if isinstance(distribution, Empirical):
        times = np.repeat(
            distribution.values, np.round(distribution.weights * 1000).astype(int)
        )
        return Empirical(times), Empirical(times * unit)
    if isinstance(distribution, HyperExponential):
        return distribution, HyperExponential(
            distribution.probabilities, [m * unit for m in distribution.means]
        )
    times = {"mean", "low", "high", "minimum", "maximum"}
    values = {f.name: getattr(distribution, f.name) for f in fields(distribution)}
    return distribution, type(distribution)(
        **{k: v * unit if k in times else v for k, v in values.items()}
    )


@given(distributions, st.sampled_from([1e-9, 1e3, 2.0**-20]), probabilities)
def test_change_of_unit(distribution, unit, p):
    distribution, other = in_unit(distribution, unit)
    t = distribution.mean * np.array([0.31, 0.7, 3.3])
    assert other.mean == pytest.approx(unit * distribution.mean, rel=1e-12)
    assert other.variance == pytest.approx(unit**2 * distribution.variance, rel=1e-9)
    error = 1e-9 * distribution.mean**3 * max(1, distribution.scv**3)
    assert other.third_cumulant / unit**3 == pytest.approx(
        distribution.third_cumulant, abs=error
    )
    if not isinstance(distribution, (Empirical, Deterministic)):
        assert other.tail(unit * t) == pytest.approx(distribution.tail(t), abs=1e-9)
        assert other.density(unit * t) * unit == pytest.approx(
            distribution.density(t), rel=1e-7
        )
        assert other.quantile(p) == pytest.approx(unit * distribution.quantile(p), rel=1e-9)
    s = np.array([0.3, 2 + 9j]) / distribution.mean
    assert np.allclose(other.laplace(s / unit), distribution.laplace(s), rtol=0, atol=1e-12)


@given(distributions, st.floats(0.05, 5))
def test_transform_is_that_of_a_probability_distribution(distribution, x):
    s = x / distribution.mean
    real, complex_ = distribution.laplace(s), distribution.laplace(s * (1 + 4j))
    assert 0 < real < 1
    assert abs(complex_) <= real + 1e-14
    assert real >= np.exp(-x) * (1 - 1e-12)  # Jensen
    assert distribution.laplace(s * (1 - 4j)) == pytest.approx(np.conj(complex_), abs=1e-13)


@given(smooth, st.floats(0.1, 8))
def test_inversion_gives_the_closed_tail(distribution, x):
    t = np.array([x * distribution.mean])
    tail, density, _ = faces(Inverted(distribution), t)
    # A distribution far narrower than the time asked for is nearly a jump.
    error = 2e-9 if distribution.scv >= 0.5 else 1e-3
    assert tail == pytest.approx(distribution.tail(t), abs=error)
    if distribution.scv >= 0.5:
        assert density * t == pytest.approx(distribution.density(t) * t, abs=1e-6)


@given(paretos, st.floats(1.01, 8))
def test_inversion_gives_the_closed_tail_past_the_shift(distribution, x):
    t = np.array([x * distribution.minimum])
    tail, density, _ = faces(Inverted(distribution), t)
    assert tail == pytest.approx(distribution.tail(t), abs=2e-9)
    assert density * (t - distribution.minimum) == pytest.approx(
        distribution.density(t) * (t - distribution.minimum), abs=1e-7
    )


stacks = {
    "exponential": (Exponential, [means]),
    "deterministic": (Deterministic, [means]),
    "gamma": (Gamma, [means, scvs]),
    "uniform": (lambda low, width: Uniform(low, low + width), [means, means]),
    "lognormal": (LogNormal, [means, scvs]),
    "pareto": (Pareto, [means, st.floats(0.3, 9)]),
    "bounded": (lambda a, b, c: Pareto(a, b, a * (1 + c)), [means, st.floats(0.3, 9), means]),
    "hyper": (
        lambda p, a, b: HyperExponential([p, 1 - p], [a, b]),
        [probabilities, means, means],
    ),
}


@pytest.mark.parametrize("family", stacks)
@given(data=st.data())
def test_array_is_cell_by_cell(family, data):
    build, strategies = stacks[family]
    rows = [data.draw(st.lists(s, min_size=3, max_size=3)) for s in strategies]
    distribution = build(*(np.array(row) for row in rows))
    assert shape_of(distribution) == (3,)
    cells = [build(*row) for row in zip(*rows, strict=True)]
    picked = select(distribution, (3,), np.array([2]))
    t = np.array([[0.01], [1.0], [20.0]])
    for name in ("tail", "density", "cdf", "laplace"):
        found = getattr(distribution, name)(t)
        assert found.shape == (3, 3)
        for i, cell in enumerate(cells):
            one = [getattr(cell, name)(float(x)) for x in t[:, 0]]
            assert found[:, i] == pytest.approx(one, rel=1e-9, abs=1e-13)
        assert getattr(picked, name)(t)[:, 0] == pytest.approx(found[:, 2], rel=1e-9, abs=1e-13)
    found = distribution.quantile(np.array([[0.1], [0.99]]))
    for i, cell in enumerate(cells):
        assert found[:, i] == pytest.approx(
            [cell.quantile(0.1), cell.quantile(0.99)], rel=1e-11
        )
    for name in ("mean", "variance", "third_cumulant", "scv"):
        one = [getattr(cell, name) for cell in cells]
        assert np.broadcast_to(getattr(distribution, name), 3) == pytest.approx(one, rel=1e-12)


@given(distributions, st.floats(0.1, 3))
def test_scalars_in_scalars_out(distribution, x):
    for value in (
        distribution.mean,
        distribution.variance,
        distribution.third_cumulant,
        distribution.scv,
        distribution.atom,
        distribution.defect,
    ):
        assert np.ndim(value) == 0
        assert not isinstance(value, np.ndarray)
    for f in (distribution.tail, distribution.density, distribution.cdf, distribution.laplace):
        for t in (x, 1):
            assert not isinstance(f(t), np.ndarray)
    assert not isinstance(distribution.quantile(0.3), np.ndarray)


@pytest.mark.parametrize("family", stacks)
def test_nan_in_nan_out(family):
    build, strategies = stacks[family]
    for i in range(len(strategies)):
        values = [0.5, 0.6, 0.7][: len(strategies)]
        distribution = build(*(np.nan if j == i else v for j, v in enumerate(values)))
        given_ = [
            distribution.tail(1.3),
            distribution.density(1.3),
            distribution.cdf(1.3),
            distribution.quantile(0.3),
        ]
        # A known part of a distribution keeps its moments.
        assert np.isnan(given_).all() or family == "uniform"
        assert np.isnan(given_[0])
        assert np.isnan(distribution.laplace(0.3))
    distribution = build(*values)
    for f in (
        distribution.tail,
        distribution.density,
        distribution.cdf,
        distribution.quantile,
        distribution.laplace,
    ):
        assert np.isnan(f(np.nan))


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (Exponential, 1),
        (Deterministic, 1),
        (Gamma, 2),
        (lambda a, b: Uniform(a, a + b), 2),
        (lambda p, a, b: HyperExponential([p, 1 - p], [a, b]), 3),
    ],
    ids=["exponential", "deterministic", "gamma", "uniform", "hyper"],
)
@given(data=st.data())
def test_symbolic_transform_is_the_numeric_one(build, count, data):
    symbols = sp.symbols(f"a:{count}", positive=True)
    values = [data.draw(st.floats(0.05, 0.95)) for _ in symbols]
    s = sp.Symbol("s")
    formula = build(*symbols).laplace(s)
    for point in (0.7, 0.4 + 3j):
        symbolic = complex(formula.subs({**dict(zip(symbols, values, strict=True)), s: point}))
        assert symbolic == pytest.approx(complex(build(*values).laplace(point)), rel=1e-9)
