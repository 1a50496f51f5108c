"""The Erlang kernel against Jagerman's integral at 50 digits."""

import subprocess
import sys
import warnings
from fractions import Fraction
from functools import cache
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from qmodel.numerics import erlang

SERVERS = [1, 1.5, 2, 2.5, 8, 63, 64, 65, 512, 1e4, 1e5 + 0.3, 1e6, 1e7]
BELOW = [1e-12, 1e-3, 0.3, 0.8, 0.99, 1 - 1e-4, 1 - 1e-12]
ABOVE = [1.0, 1 + 1e-6, 1.01, 1.4999, 1.5, 3.0, 1e3]
SMALLEST = 1e-300


@cache
def integral(a, c):
    """1/B = a int_0^inf e^(-a t) (1 + t)^c dt with 1 + t = e^u, by panels around its peak."""
    with mp.workdps(50):
        a, c = mpf(a), mpf(c)

        def height(u):
            return mpmath.log(a) - a * mpmath.expm1(u) + (c + 1) * u

        peak = max(mpmath.log((c + 1) / a), mpf(0))
        top = height(peak)
        total = mpf(0)
        for sign in (-1, 1):
            t = mpf(1) / 2**30
            while peak + sign * t > 0 and height(peak + sign * t) > top - 70:
                t *= 1.25
            edges = mpmath.linspace(peak, max(peak + sign * t, mpf(0)), 7)
            for lo, hi in pairwise(edges):
                half, middle = (hi - lo) / 2, (hi + lo) / 2
                values = (w * mpmath.exp(height(middle + half * x) - top) for x, w in gauss())
                total += abs(half) * sum(values)
        return total * mpmath.exp(top)


@cache
def gauss(n=40):
    """Gauss-Legendre nodes and weights, polished by Newton steps."""
    rule = []
    for x in map(mpf, np.polynomial.legendre.leggauss(n)[0]):
        for _ in range(3):
            p, before = mpmath.legendre(n, x), mpmath.legendre(n - 1, x)
            slope = n * (x * p - before) / (x * x - 1)
            x -= p / slope
        rule.append((x, 2 / ((1 - x * x) * slope**2)))
    return rule


def error(value, reference):
    return float(abs(mpf(float(value)) / reference - 1))


@pytest.mark.parametrize("c", SERVERS)
def test_b_c_and_wait_below_saturation(c):
    for a in (c * load for load in BELOW):
        inverse = integral(a, c)
        odds = inverse - 1
        waiting = 1 / (1 + (mpf(c) - mpf(a)) / mpf(c) * odds)
        if 1 / inverse < SMALLEST:
            assert 0.0 <= erlang.erlang_b(a, c) < 1.001 * SMALLEST
            continue
        for b, wait in (
            (erlang.erlang_b(a, c), erlang.erlang_c(a, c)),
            (erlang.erlang_b(np.array([a]), c)[0], erlang.erlang_c(np.array([a]), c)[0]),
        ):
            assert error(b, 1 / inverse) <= 5e-13
            assert error(wait, waiting) <= 5e-13
            assert error(wait / (c - a), waiting / (mpf(c) - mpf(a))) <= 5e-13


@pytest.mark.parametrize("c", SERVERS)
def test_overload(c):
    for a in (c * load for load in ABOVE):
        odds = integral(a, c) - 1
        for f in (erlang.odds(a, c), erlang.odds(np.array([a]), c)[0]):
            assert error(f, odds) <= 1e-12
            assert error(1.0 / (1.0 + f), 1 / (1 + odds)) <= 5e-13
        assert erlang.erlang_c(a, c) == 1.0


@pytest.mark.parametrize("c", [64, 200.5, 3000, 1e5])
def test_light_load_down_to_the_smallest_probability(c):
    for exponent in (50.0, 300.0, 680.0):
        drop = exponent / c  # c (a/c - 1 - log(a/c)) = exponent
        log_load = mpmath.findroot(lambda u, drop=drop: mpmath.expm1(u) - u - drop, -1 - drop)
        a = c * float(mpmath.exp(log_load))
        inverse = integral(a, c)
        assert 1 / inverse > SMALLEST
        assert error(erlang.erlang_b(a, c), 1 / inverse) <= 5e-13


@pytest.mark.parametrize(
    ("c", "a", "b", "wait"),
    [
        (5, 4, 0.199066874027994, 0.554112554112554),
        (10, 9, 0.167963226291586, 0.668731524107697),
        (100, 95, 0.0488042061786778, 0.506456853913021),
        (1000, 980, 0.0138312101291112, 0.412200292365281),
        (2.5, 2, 0.295419506411758, 0.67704652780775),
        (1e6, 999000, 0.000287421375776868, 0.223303390291344),
    ],
)
def test_golden_values(c, a, b, wait):
    assert erlang.erlang_b(a, c) == pytest.approx(b, rel=3e-15)
    assert erlang.erlang_c(a, c) == pytest.approx(wait, rel=3e-15)


def test_recurrence_across_the_regimes():
    # 1/B(c) = 1 + (c/a) / B(c - 1) joins 63, 64 and 65 servers.
    a = np.array([[20.0], [63.0], [64.3], [95.9], [96.1], [97.6], [300.0]])
    c = np.arange(1.0, 70.0) + np.array([[0.0], [0.25], [0.5], [0.0], [0.9], [0.0], [0.3]])
    left = erlang.inverse_erlang_b(a, c)
    right = 1.0 + c / a * erlang.inverse_erlang_b(a, c - 1.0)
    np.testing.assert_allclose(left, right, rtol=3e-13)


def test_arrays_equal_scalars_cell_by_cell():
    rng = np.random.default_rng(5)
    c = np.exp(rng.uniform(0.0, np.log(1e7), 9000))
    a = c * rng.choice([1e-9, 0.1, 0.9, 0.999, 1.0, 1.2, 4.0], c.size)
    for f in (erlang.erlang_b, erlang.erlang_c, erlang.odds):
        cells = [f(x, y) for x, y in zip(a.tolist(), c.tolist(), strict=True)]
        np.testing.assert_allclose(f(a, c), cells, rtol=2e-13)
    assert erlang.erlang_b(a.reshape(90, 100), c.reshape(90, 100)).shape == (90, 100)
    table = erlang.erlang_b(a[:4], c[:3, None])
    assert table.shape == (3, 4)
    np.testing.assert_allclose(table[2], erlang.erlang_b(a[:4], c[2]), rtol=1e-15)


def test_limits_and_nan_without_a_warning():
    nan, inf = np.nan, np.inf
    cases = [  # a, c, B, C
        *((0.0, c, 0.0, 0.0) for c in (1.0, 63.5, 64.0, 1e7)),
        *((inf, c, 1.0, 1.0) for c in (1.0, 63.5, 64.0, 1e7)),
        *((nan, c, nan, nan) for c in (1.0, 63.5, 64.0, 1e7)),
        *((a, nan, nan, nan) for a in (0.0, 1.0, 100.0, 1e7)),
        (1e-300, 5.0, 0.0, 0.0),
        (5e-324, 1e7, 0.0, 0.0),
        (1.0, 1e300, 0.0, 0.0),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for a, c, b, wait in cases:
            for one in (float, np.float64, lambda x: np.array([x])):
                np.testing.assert_array_equal(np.ravel(erlang.erlang_b(one(a), one(c))), [b])
                np.testing.assert_array_equal(np.ravel(erlang.erlang_c(one(a), one(c))), [wait])
        for a in (0.0, 1.0, 200.0):
            assert erlang.erlang_b(a, 0) == erlang.erlang_b(np.array(a), 0.0) == 1.0
    assert erlang.inverse_erlang_b(1.0, 1e4) == inf


def test_fewer_than_one_server():
    for c in (1e-6, 0.01, 0.7):
        for a in (1e-3, 0.5, 5.0, 95.0, 96.0, 500.0):
            assert error(erlang.erlang_b(a, c), 1 / integral(a, c)) <= 1e-14


def test_temme_coefficients_follow_their_recurrence():
    # DLMF 8.12.12: mu = sum alpha_k eta^k.
    size = len(erlang.ETA_OVER_MU)
    alpha = [Fraction(0), Fraction(1), Fraction(1, 3)]
    for n in range(3, size + 1):
        inner = sum(j * alpha[j] * alpha[n - j + 1] for j in range(2, n))
        alpha.append((alpha[n - 1] - inner) / (n + 1))
    f = [Fraction(1)]
    for n in range(1, size):
        f.append(-sum(alpha[j + 1] * f[n - j] for j in range(1, n + 1)))
    np.testing.assert_allclose(erlang.ETA_OVER_MU, [float(x) for x in f], rtol=2e-15)


def test_scipy_is_imported_on_first_use_only():
    code = (
        "import sys, qmodel.numerics.erlang as e; assert 'scipy.special' not in sys.modules;"
        "e.erlang_b(1.0, 2.0); assert 'scipy.special' not in sys.modules;"
        "e.erlang_b(1.0, 2.5); assert 'scipy.special' in sys.modules;"
        "assert 'scipy.optimize' not in sys.modules; assert 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
