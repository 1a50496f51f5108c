"""Lognormal and Pareto times: transforms against 40 digits, moments against integrals."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from qmodel.distributions import Exponential, Sum
from qmodel.distributions.heavy import LogNormal, Pareto
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.inversion import EULER

STEEP = np.exp(1j * np.radians(85))
DIRECTIONS = [1.0, np.exp(-0.7j), STEEP, 1j]


def mp_lognormal(z, sigma):
    """E[exp(-z e^(sigma Y))], on a straight path through the saddle or fully rotated.

    By the trapezoidal rule, whose steps of 1/16 leave 1e-24 of an entire function.
    """
    z, sigma = mp.mpc(z), mp.mpf(sigma)
    shift = -mp.lambertw(z * sigma**2) / sigma if sigma < 0.7 else -1j * mp.arg(z) / sigma
    places = [mp.mpf(k) / 16 + shift for k in range(-176, 177)]
    total = sum(mp.exp(-z * mp.exp(sigma * y) - y * y / 2) for y in places)
    return total / 16 / mp.sqrt(2 * mp.pi)


def mp_pareto(z, shape):
    """E[exp(-z X)] with least value 1, by the continued fraction or the series of E."""
    z, a = mp.mpc(z), mp.mpf(shape)
    if abs(z) < 2 and a < 50:
        return a * mp.expint(a + 1, z)
    b = z + a + 1
    c, d = mp.mpf(10) ** 60, 1 / b
    h = d
    for i in range(1, 100_000):
        b += 2
        d = 1 / (b - i * (a + i) * d)
        c = b - i * (a + i) / c
        h *= c * d
        if abs(c * d - 1) < mp.mpf(10) ** -30:
            return a * mp.exp(-z) * h
    raise ArithmeticError


def mp_bounded(z, shape, top):
    a, top = mp.mpf(shape), mp.mpf(top)
    lost = top**-a
    return (mp_pareto(z, a) - lost * mp_pareto(mp.mpc(z) * top, a)) / (1 - lost)


# An integral of 25 digits takes a tenth of a second; between these it is the same method.
MORE = [pytest.param(x, marks=pytest.mark.slow) for x in (0.3, 0.95)]


@pytest.mark.parametrize("sigma", [1e-3, 0.6, 1.5, 3.0, *MORE])
def test_lognormal_transform_against_integral(sigma):
    scv = np.expm1(sigma**2)
    distribution = LogNormal(np.exp(sigma**2 / 2), scv)  # median 1
    moduli = [1e-6, 0.02, 0.7, 9.0] if sigma == 1e-3 else [1e-6, 0.02, 0.7, 9.0, 300.0]
    z = np.array([m * u for m in moduli for u in DIRECTIONS])
    with mp.workdps(25):
        expected = np.array([complex(mp_lognormal(x, sigma)) for x in z])
    assert np.abs(distribution.laplace(z) - expected).max() < 4e-15


@pytest.mark.parametrize("shape", [1e-3, 0.5, 1.0, 2.0, 3.0, 7.5, 30.0, 1e4])
def test_pareto_transform_against_exponential_integral(shape):
    distribution = Pareto(1.0, shape)
    with mp.workdps(40):
        for modulus in [1e-12, 1e-3, 0.3, 1.0, 5.0, 8.0, 30.0, 1e3]:
            for direction in DIRECTIONS:
                z = complex(modulus * direction)
                # One at a time: a smaller neighbour would bring it more nodes.
                expected = complex(mp_pareto(z, shape))
                assert abs(distribution.laplace(z) - expected) < 4e-15 * max(1, abs(z) / 10)


@pytest.mark.parametrize("shape", [1e-6, 0.05, 1.0, 2.0, 3.5, 40.0])
@pytest.mark.parametrize("top", [1 + 1e-4, 1.1, 7.0, 8.0, 1e4])
def test_bounded_pareto_transform(shape, top):
    distribution = Pareto(1.0, shape, top)
    scale = min(1.0, top - 1)
    z = np.array([m / scale * u for m in (1e-3, 0.5, 4.0, 29.0, 33.0) for u in DIRECTIONS])
    with mp.workdps(60):
        expected = [complex(mp_bounded(x, shape, top)) for x in z]
    error = np.abs(distribution.laplace(z) - expected) / np.maximum(1, np.abs(z) / 50)
    assert error.max() < 2e-14


def mp_lognormal_gap(x, sigma):
    """E[g(xY) / xY], Y biased by size: the path runs to the circle, along it, and turned."""
    sigma = mp.mpf(sigma)
    z = mp.mpc(x) * mp.exp(sigma**2 / 2)
    turn, circle = mp.arg(z), -mp.log(abs(z))
    series = [1 / mp.factorial(k + 1) for k in range(25, 0, -1)] + [0]

    def f(y):
        w = z * mp.exp(y)
        if abs(w) < 0.5:
            return -mp.polyval(series, -w) * mp.exp(-((y / sigma) ** 2) / 2)
        return (1 - (1 - mp.exp(-w)) / w) * mp.exp(-((y / sigma) ** 2) / 2)

    low, high = -11 * sigma, 12 * sigma + sigma**2
    middle = min(max(circle, low), high)
    total = mp.quad(f, mp.linspace(low, middle, 9), maxdegree=5)
    if middle < high and turn:
        total -= 1j * mp.quad(lambda v: f(middle - 1j * v), [0, turn])
    total += mp.quad(lambda u: f(u - 1j * turn), mp.linspace(middle, high, 9), maxdegree=5)
    return total / sigma / mp.sqrt(2 * mp.pi)


def mp_pareto_gap(z, shape, top=None):
    a, z = mp.mpf(shape), mp.mpc(z)
    if top is None:
        return 1 - (1 - a * mp.expint(a + 1, z)) / (z * a / (a - 1))
    top = mp.mpf(top)
    lost = top**-a
    mean = a * (mp.log(top) if a == 1 else (top ** (1 - a) - 1) / (1 - a)) / (1 - lost)
    value = a * (mp.expint(a + 1, z) - lost * mp.expint(a + 1, z * top)) / (1 - lost)
    return 1 - (1 - value) / (z * mean)


NEAR = [m * u for m in (1e-9, 1e-5, 1e-3, 0.0999) for u in (1.0, STEEP, 1j)]


@pytest.mark.parametrize("sigma", [0.02, 1.548, 3.0, *MORE[:1]])
def test_lognormal_gap_near_zero_against_integral(sigma):
    distribution = LogNormal(0.1, np.expm1(sigma**2))
    with mp.workdps(22):
        for x in [1e-9, 1e-5j, 1e-3 * STEEP, 0.0999, 0.0999j]:
            expected = mp_lognormal_gap(x, sigma)
            assert abs(mp.mpc(distribution.remaining_gap(x / 0.1)) / expected - 1) < 4e-15, x


@pytest.mark.parametrize("shape", [1.0, 1.1, 2.0, 2.5, 7.5, 30.0])
@pytest.mark.parametrize("top", [1.0001, 30.0, 1e6, None])
def test_pareto_gap_near_zero_against_exponential_integral(shape, top):
    distribution = Pareto(1.0, shape, np.inf if top is None else top)
    if not np.isfinite(distribution.mean):
        assert distribution.remaining_gap(0.1) == 1  # of an endless remainder
        return
    with mp.workdps(50):
        for x in NEAR:
            z = complex(x / distribution.mean)
            expected = mp_pareto_gap(z, shape, top)
            error = abs(mp.mpc(distribution.remaining_gap(z)) - expected)
            # Where a bounded distribution is not integrated, the digits of its transform.
            beyond = top is not None and abs(z) * top > 30
            assert error < (4e-13 if beyond else 2e-13 * abs(expected)), x


def test_gap_of_arrays_is_that_of_cells():
    distributions = [
        (LogNormal, ([0.1, 2.0, np.nan], [0.5, 10.0, 1.0])),
        (Pareto, ([0.1, 2.0, 1.0], [1.5, 4.0, np.nan], [np.inf, 90.0, 3.0])),
    ]
    s = np.array([0.0, 1e-6, 0.3 + 0.1j, 40.0])[:, None]
    for kind, parameters in distributions:
        found = kind(*(np.array(x) for x in parameters)).remaining_gap(s)
        assert found.shape == (4, 3)
        assert np.isnan(found[1:, 2]).all()
        for i in (0, 1):
            distribution = kind(*(x[i] for x in parameters))
            for k in range(4):
                cell = distribution.remaining_gap(complex(s[k, 0]))
                assert found[k, i] == pytest.approx(cell, rel=1e-13, abs=1e-300)
    real = LogNormal(1.0, 1.0).remaining_gap(0.01)
    assert np.isrealobj(real)
    assert np.ndim(real) == 0


DISTRIBUTIONS = [
    LogNormal(0.7, 0.01),
    LogNormal(0.7, 2.0),
    LogNormal(0.7, 60.0),
    Pareto(0.2, 0.7),
    Pareto(0.2, 2.0),
    Pareto(0.2, 1.5, 40.0),
    Pareto(0.2, 0.2, 0.3),
]
IDS = [str(distribution) for distribution in DISTRIBUTIONS]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=IDS)
def test_transform_at_the_ends(distribution):
    assert distribution.laplace(0.0) == 1
    assert distribution.laplace(0j) == 1
    ends = distribution.laplace(np.array([1e-300, 1e-200j, 1e300, 1e200 * STEEP, 1e12, 5e-324]))
    assert ends == pytest.approx([1, 1, 0, 0, 0, 1], abs=1e-15)
    assert np.isnan(distribution.laplace(np.nan))
    s = 3.0 + 4.0j
    assert distribution.laplace(np.conj(s)) == pytest.approx(
        np.conj(distribution.laplace(s)), rel=1e-13
    )
    real = distribution.laplace(3.0)
    assert np.isrealobj(real)
    assert np.ndim(real) == 0
    assert real == pytest.approx(distribution.laplace(3.0 + 0j), rel=1e-14)


def test_transform_of_arrays_is_that_of_cells():
    mean, scv = np.array([0.1, 1.0, 30.0]), np.array([0.01, 1.0, 20.0])
    s = EULER.points[:, None] / np.array([0.1, 2.0, 50.0])
    found = LogNormal(mean, scv).laplace(s)
    assert found.shape == (31, 3)
    for i in range(3):
        cell = LogNormal(mean[i], scv[i]).laplace(s[:, i])
        assert np.allclose(found[:, i], cell, rtol=0, atol=4e-15)
    shape, top = np.array([0.5, 2.0, 3.0, np.nan]), np.array([np.inf, 2.0, 500.0, 3.0])
    s = s[:, [0, 1, 2, 0]]
    found = Pareto(1.0, shape, top).laplace(s)
    for i in range(3):
        cell = Pareto(1.0, shape[i], top[i]).laplace(s[:, i])
        assert np.allclose(found[:, i], cell, rtol=0, atol=2e-14)
    assert np.isnan(found[:, 3]).all()
    assert np.isnan(LogNormal([1.0, np.nan], [np.nan, 1.0]).laplace(1.0)).all()


def test_transform_of_many_points_takes_little_memory():
    import tracemalloc

    s = np.ones((31, 300)) * (1 + 1j)
    for distribution in (LogNormal(np.ones(300), 4.0), Pareto(np.ones(300), 1.5, 30.0)):
        distribution.laplace(s)
        tracemalloc.start()
        distribution.laplace(s)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 30 * s.nbytes


# Closed forms by mpmath: reference set, lognormal_scv0.25, _scv1, _scv4.
@pytest.mark.parametrize(
    ("scv", "median", "cdf_at_2", "raw"),
    [
        (0.25, 0.8944271909999159, 0.9557663700402104, 1.953125),
        (1.0, 0.7071067811865476, 0.8941367212100312, 8.0),
        (4.0, 0.4472135954999579, 0.8811370543051338, 125.0),
    ],
)
def test_lognormal_against_reference(scv, median, cdf_at_2, raw):
    distribution = LogNormal(1.0, scv)
    assert distribution.quantile(0.5) == pytest.approx(median, rel=1e-14)
    assert distribution.cdf(2.0) == pytest.approx(cdf_at_2, rel=1e-14)
    assert distribution.third_cumulant + 3 * distribution.variance + 1 == pytest.approx(
        raw, rel=1e-14
    )


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 7.0])
def test_unbounded_pareto_moments(shape):
    distribution = Pareto(2.0, shape)
    raw = [shape / (shape - k) * 2.0**k if shape > k else np.inf for k in (1, 2, 3)]
    assert distribution.mean == pytest.approx(raw[0])
    if shape <= 2:
        assert distribution.variance == distribution.scv == np.inf
    else:
        assert distribution.variance == pytest.approx(raw[1] - raw[0] ** 2)
        assert distribution.scv == pytest.approx(raw[1] / raw[0] ** 2 - 1)
    if shape <= 3:
        assert distribution.third_cumulant == np.inf
    else:
        third = raw[2] - 3 * raw[0] * raw[1] + 2 * raw[0] ** 3
        assert distribution.third_cumulant == pytest.approx(third, rel=1e-9)


@pytest.mark.parametrize("top", [1 + 1e-6, 1.01, 7.0, 8.0, 1e3, 1e9])
@pytest.mark.parametrize("shape", [1e-9, 0.5, 1.0, 2.0, 3.0, 11.9, 12.1, 300.0])
def test_bounded_pareto_moments(shape, top):
    with mp.workdps(60):
        a, b = mp.mpf(shape), mp.mpf(top)

        def moment(k):
            power = mp.log(b) if k == a else (b ** (k - a) - 1) / (k - a)
            return a * power / (1 - b**-a)

        m1, m2, m3 = moment(1), moment(2), moment(3)
        exact = [float(x) for x in (m1, m2 - m1**2, m3 - 3 * m1 * m2 + 2 * m1**3)]
        # A narrow distribution is nearly symmetric: its third cumulant is judged by the width.
        scale = float(max(abs(exact[2]), mp.mpf(exact[1]) ** 1.5))
    distribution = Pareto(1.0, shape, top)
    assert distribution.mean == pytest.approx(exact[0], rel=1e-14)
    assert distribution.variance == pytest.approx(exact[1], rel=1e-9)  # 1e-16 of top - 1 = 1e-6
    assert abs(distribution.third_cumulant - exact[2]) < 1e-9 * scale
    scaled = Pareto(3.0, shape, 3.0 * top)
    assert scaled.mean == pytest.approx(3 * exact[0], rel=1e-14)
    assert scaled.third_cumulant == pytest.approx(27 * distribution.third_cumulant, rel=1e-7)


def test_bounded_and_unbounded_cells_side_by_side():
    distribution = Pareto(1.0, [1.0, 1.0, 3.0], [np.inf, 10.0, np.inf])
    assert distribution.mean == pytest.approx([np.inf, np.log(10) / 0.9, 1.5])
    assert np.isinf(distribution.variance).tolist() == [True, False, False]
    assert np.isinf(distribution.third_cumulant).tolist() == [True, False, True]
    assert distribution.tail(20.0) == pytest.approx([0.05, 0.0, 1 / 8000])
    assert distribution.quantile(1.0).tolist() == [np.inf, 10.0, np.inf]


def test_bounded_pareto_is_the_unbounded_one_under_a_condition():
    free, distribution = Pareto(0.5, 1.2), Pareto(0.5, 1.2, 9.0)
    t = np.array([0.1, 0.5, 0.7, 3.0, 8.999, 9.0, 20.0])
    expected = np.maximum(free.tail(t) - free.tail(9.0), 0) / free.cdf(9.0)
    assert distribution.tail(t) == pytest.approx(expected, rel=1e-10, abs=1e-16)
    inside = (t >= 0.5) & (t < 9)
    assert distribution.density(t) == pytest.approx(inside * free.density(t) / free.cdf(9.0))
    p = np.array([0.0, 1e-15, 0.3, 0.7, 0.999999, 1.0])
    assert distribution.cdf(distribution.quantile(p)) == pytest.approx(p, abs=1e-14)
    assert distribution.quantile([0.0, 1.0]).tolist() == [0.5, 9.0]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=IDS)
def test_edges_of_tail_and_density(distribution):
    assert distribution.tail([-1.0, 0.0, np.inf]).tolist() == [1.0, 1.0, 0.0]
    assert distribution.density([-1.0, 0.0, np.inf]).tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(
        [f(np.nan) for f in (distribution.tail, distribution.density, distribution.quantile)]
    ).all()
    t = np.linspace(0.21, 0.29, 9)
    slope = (distribution.tail(t - 1e-6) - distribution.tail(t + 1e-6)) / 2e-6
    assert distribution.density(t) == pytest.approx(slope, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=IDS)
def test_sum_with_an_exponential_time(distribution):
    # The tail of the sum, by an integral over the exponential time.
    x, w = np.polynomial.legendre.leggauss(60)
    found = Sum([distribution, Exponential(0.5)])
    for t in (0.25, 0.9, 3.0):
        kinks = np.clip(
            t - distribution.quantile([0.0, 1e-9, 0.1, 0.5, 0.9, 1 - 1e-9, 1.0]), 0, t
        )
        ends = np.unique([0.0, *kinks, t])
        ends = np.interp(np.linspace(0, 1, 8 * ends.size), np.linspace(0, 1, ends.size), ends)
        ends = np.unique(np.append(ends, kinks))
        u = ((ends[1:] + ends[:-1])[:, None] + np.diff(ends)[:, None] * x) / 2
        parts = (np.diff(ends)[:, None] / 2 * w) * 2 * np.exp(-2 * u) * distribution.tail(t - u)
        exact = parts.sum() + np.exp(-2 * t)
        # Inversion sees the kink at the maximum, and something of a narrow lognormal
        # distribution.
        kink = getattr(distribution, "maximum", np.inf) < np.inf
        error = 1e-4 if kink else 1e-6 if distribution.scv < 0.1 else 2e-9
        assert found.tail(t) == pytest.approx(exact, abs=error)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LogNormal(0.0, 1.0), r"mean must be .* got 0\.0"),
        (lambda: LogNormal(1.0, [1.0, -1.0]), r"scv must be .* > 0, got -1\.0"),
        (lambda: Pareto(0.0, 1.0), r"minimum must be .* got 0\.0"),
        (lambda: Pareto(1.0, 0.0), r"shape must be .* got 0\.0"),
        (lambda: Pareto(1.0, 1.0, 1.0), r"maximum must be above minimum = 1\.0, got 1\.0"),
    ],
)
def test_impossible_values_are_named(build, message):
    with pytest.raises(DomainError, match=message):
        build()


def test_symbols():
    m, c, a, s = sp.symbols("m c a s", positive=True)
    distribution = LogNormal(m, c)
    assert distribution.variance == c * m**2
    assert distribution.third_cumulant.subs({m: 1, c: 4}) == 125 - 12 - 1
    assert sp.simplify(Pareto(m, a).mean - a * m / (a - 1)) == 0
    assert sp.simplify(Pareto(m, a).scv - 1 / (a * (a - 2))) == 0
    assert Pareto(m, sp.Integer(2)).variance == sp.oo
    for distribution in (LogNormal(m, c), Pareto(m, a), LogNormal(1.0, 1.0), Pareto(1.0, 2.0)):
        with pytest.raises(ModelError, match="no closed form"):
            distribution.laplace(s)
    with pytest.raises(ModelError, match="finite maximum"):
        Pareto(m, a, 3.0)
