"""Families with a closed transform: values, domains, limits."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.distributions.constants import NEVER, ZERO, Deterministic
from qmodel.distributions.families import Erlang, Exponential, Gamma, HyperExponential, Uniform
from qmodel.errors import DomainError

POINTS = [1e-9, 1e-5, 0.3, 40.0, 1e-6j, 6e-5 + 4e-5j, 3 + 40j, 1 - 2j, 1e-3 + 30j]
MEAN, SCV = 0.7, 2.3


def mp_gamma(s):
    return (1 + mp.mpf(MEAN) * mp.mpf(SCV) * s) ** (-1 / mp.mpf(SCV))


def mp_uniform(s):
    low, high = mp.mpf(0.25), mp.mpf(1.5)
    return (mp.exp(-low * s) - mp.exp(-high * s)) / ((high - low) * s)


@pytest.mark.parametrize(
    ("distribution", "exact"),
    [
        (Exponential(MEAN), lambda s: 1 / (1 + mp.mpf(MEAN) * s)),
        (Deterministic(MEAN), lambda s: mp.exp(-mp.mpf(MEAN) * s)),
        (Gamma(MEAN, SCV), mp_gamma),
        (
            HyperExponential([0.25, 0.75], [4.0, 0.1]),
            lambda s: mp.mpf("0.25") / (1 + 4 * s) + mp.mpf("0.75") / (1 + mp.mpf(0.1) * s),
        ),
        (Uniform(0.25, 1.5), mp_uniform),
    ],
    ids=["exponential", "deterministic", "gamma", "hyperexponential", "uniform"],
)
def test_transform_against_40_digits(distribution, exact):
    with mp.workdps(40):
        expected = np.array([complex(exact(mp.mpc(s))) for s in POINTS])
    assert np.allclose(distribution.laplace(np.array(POINTS)), expected, rtol=0, atol=1e-14)
    assert distribution.laplace(0.0) == 1


# Incomplete gamma functions by mpmath: reference set, erlang_2 and erlang_50.
@pytest.mark.parametrize(
    ("phases", "cdf"),
    [
        (2, [0.26424111765711533, 0.5939941502901619, 0.8008517265285442, 0.9084218055563291]),
        (
            50,
            [6.953305247616099e-06, 0.5188083154720433, 0.9990960679576459, 0.9999999882154993],
        ),
    ],
)
def test_erlang_against_reference(phases, cdf):
    distribution = Erlang(1.0, phases)
    times = [0.5, 1.0, 1.5, 2.0]
    assert distribution.cdf(times) == pytest.approx(cdf, rel=1e-10)
    assert distribution.tail(times) == pytest.approx(1 - np.array(cdf), rel=1e-9)
    assert distribution.quantile(cdf[:3]) == pytest.approx(times[:3], rel=1e-12)


def test_gamma_third_cumulant_of_erlang():
    # Third raw moments 3 and 1.0608 of Erlang distributions of mean 1: reference set.
    for phases, raw in [(2, 3.0), (50, 1.0608)]:
        distribution = Erlang(1.0, phases)
        assert distribution.third_cumulant + 3 * distribution.variance + 1 == pytest.approx(
            raw, rel=1e-12
        )


def test_gamma_at_scv_one_is_exponential():
    t = np.array([0.0, 0.01, 0.7, 30.0])
    for name in ("tail", "density", "laplace"):
        gamma, exponential = (getattr(x, name)(t) for x in (Gamma(0.7, 1.0), Exponential(0.7)))
        assert gamma == pytest.approx(exponential, rel=1e-12)


def test_gamma_quantile_keeps_the_digits_of_a_small_probability():
    with mp.workdps(30):
        below = float(mp.gammainc(2, 0, mp.mpf("2e-8"), regularized=True))
    assert Gamma(1.0, 0.5).quantile(below) == pytest.approx(1e-8, rel=1e-12)


def test_hyperexponential_moments_are_those_of_its_branches():
    distribution = HyperExponential([0.9, 0.1], [0.010, 0.110])
    raw = [k * 0.9 * 0.01**n + k * 0.1 * 0.11**n for n, k in [(1, 1), (2, 2), (3, 6)]]
    assert distribution.mean == pytest.approx(raw[0])
    assert distribution.variance == pytest.approx(raw[1] - raw[0] ** 2)
    third = raw[2] - 3 * raw[0] * raw[1] + 2 * raw[0] ** 3
    assert distribution.third_cumulant == pytest.approx(third)


def test_a_branch_of_probability_zero_counts_nothing():
    distribution = HyperExponential([1.0, 0.0], [2.0, np.inf])
    assert (distribution.mean, distribution.variance, distribution.third_cumulant) == (
        2.0,
        4.0,
        16.0,
    )
    assert distribution.tail(2.0) == pytest.approx(np.exp(-1))


def test_uniform_keeps_its_digits_when_narrow():
    distribution = Uniform(1.0, 1.0 + 1e-9)
    assert distribution.laplace(2.0) == pytest.approx(np.exp(-2.0 * (1 + 5e-10)), rel=1e-15)
    assert distribution.third_cumulant == 0


def test_constant_jumps_at_its_value():
    distribution = Deterministic([0.0, 2.0])
    assert distribution.atom.tolist() == [1.0, 0.0]
    assert distribution.tail(0.0).tolist() == [0.0, 1.0]
    assert distribution.tail(np.inf).tolist() == [0.0, 0.0]
    assert distribution.quantile(0.3).tolist() == [0.0, 2.0]
    assert distribution.parts()[0].distribution is ZERO


def test_never_ends():
    assert NEVER.tail(1e300) == 1.0
    assert NEVER.quantile([0.1, 1.0]).tolist() == [np.inf, np.inf]
    assert NEVER.laplace(2.0) == 0
    assert NEVER.density(1.0) == 0
    assert (NEVER.mean, NEVER.variance, NEVER.third_cumulant) == (np.inf,) * 3


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Exponential(0.0), "mean must be a number > 0, got 0"),
        (lambda: Exponential([1.0, -2.0]), r"mean must be a number > 0, got -2\.0"),
        (lambda: Exponential("fast"), "mean must be a number > 0, got 'fast'"),
        (lambda: Deterministic(-1.0), r"mean must be a number >= 0, got -1\.0"),
        (lambda: Gamma(1.0, 0.0), r"scv must be .* > 0, got 0\.0"),
        (lambda: Erlang(1.0, 2.5), r"phases must be a whole number >= 1, got 2\.5"),
        (lambda: HyperExponential([0.5, 0.4], [1, 2]), r"sum of probabilities .* got 0\.9"),
        (lambda: HyperExponential([1.5, -0.5], [1, 2]), r"probabilities .* got 1\.5"),
        (lambda: HyperExponential([1.0], [1, 2]), "as many as probabilities, 1, got 2"),
        (lambda: HyperExponential([0.5, 0.5], [1, 0]), "means must be .* got 0"),
        (lambda: HyperExponential([], []), "probabilities must not be empty"),
        (lambda: Uniform(2.0, 2.0), r"high must be above low = 2\.0, got 2\.0"),
        (lambda: Uniform(-1.0, 2.0), r"low must be .* got -1\.0"),
        (lambda: Exponential(1.0).quantile(1.1), r"p must be .* got 1\.1"),
    ],
)
def test_impossible_values_are_named(build, message):
    with pytest.raises(DomainError, match=message):
        build()


def test_symbols():
    m, s, t = sp.symbols("m s t", positive=True)
    assert Exponential(m).laplace(s) == 1 / (1 + m * s)
    assert Exponential(m).tail(t) == sp.exp(-t / m)
    gamma = Gamma(m, sp.Rational(1, 2))
    assert sp.simplify(-sp.diff(gamma.laplace(s), s).subs(s, 0) - m) == 0
    uniform = Uniform(m, 3 * m)
    assert sp.limit(uniform.laplace(s), s, 0) == 1
    assert sp.simplify(HyperExponential([1 - m, m], [m, 1]).mean - (1 - m) * m - m) == 0
    with pytest.raises(DomainError, match="mean"):
        Exponential(-m)


def test_cells_are_picked_from_arrays_only():
    distribution = HyperExponential(
        [np.array([0.2, 0.4, 0.5]), np.array([0.8, 0.6, 0.5])], [1.0, 2.0]
    )
    assert shape_of(distribution) == (3,)
    some = select(distribution, (3,), np.array([2, 0]))
    assert some.probabilities[0].tolist() == [0.5, 0.2]
    assert some.means == distribution.means


@pytest.mark.parametrize("scv", [0.5, 1 / 999, 1 / 1001, 1e-6, 1e-12, 1e-20])
def test_a_gamma_time_keeps_its_digits_down_to_a_constant(scv: float) -> None:
    time = Gamma(1.0, scv)
    for s in (1.0, 1e-3, 3 + 2j, -0.2 + 5j):
        with mp.workdps(60):
            exact = complex(mp.exp(-mp.log1p(mp.mpf(scv) * mp.mpc(s)) / mp.mpf(scv)))
        assert complex(time.laplace(s)) == pytest.approx(exact, rel=3e-14)
    for deviations in (-1.0, 0.0, 3.0):
        t = 1.0 + deviations * scv**0.5
        with mp.workdps(60):
            k = 1 / mp.mpf(scv)
            exact = mp.exp((k - 1) * mp.log(k * t) - k * t - mp.loggamma(k)) * k
        assert float(time.density(t)) == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize("scv", [1e-33, 1e-308, 5e-324])
def test_a_gamma_time_of_next_to_no_variance_is_a_constant(scv: float) -> None:
    time = Gamma(2.0, scv)
    assert list(time.tail([0.0, 1.999, 2.001])) == [1.0, 1.0, 0.0]
    assert list(time.cdf([1.999, 2.001])) == [0.0, 1.0]
    assert list(time.density([1.999, 2.001])) == [0.0, 0.0]
    assert float(time.quantile(0.99)) == pytest.approx(2.0, rel=1e-15)
    assert complex(time.laplace(3j)) == pytest.approx(complex(np.exp(-6j)), rel=1e-15)


def test_a_constant_without_end_has_no_finite_percentile():
    time = qm.Sum((qm.Exponential(1.0), qm.Deterministic(np.array([1.0, np.inf, np.nan]))))
    assert time.defect.tolist() == [0.0, 1.0, 0.0]
    assert time.quantile(0.99)[1] == np.inf
    assert np.isnan(time.quantile(0.99)[2])


def test_heavy_tails_have_no_exponential_moments() -> None:
    for heavy in (qm.LogNormal(1.0, 1.0), qm.Pareto(1.0, 2.5)):
        assert heavy.exponential_limit == 0.0
        assert qm.distributions.Sum([Exponential(1.0), heavy]).exponential_limit == 0.0
