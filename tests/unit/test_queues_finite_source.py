"""M/M/c//N: against the chain, a tagged client, closed forms, and published figures."""

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import expm

from qmodel.errors import DomainError, ModelError
from qmodel.queues.birth_death import state_probabilities
from qmodel.queues.finite_source import FiniteSource
from qmodel.queues.mmc import MMc

# servers, clients, load of one idle client.
CASES = [
    (1, 1, 0.5),
    (1, 2, 3.0),
    (1, 30, 0.1),
    (1, 12, 1e-4),
    (2, 7, 0.4),
    (3, 40, 1.5),
    (5, 5, 0.7),
    (6, 4, 0.7),
    (9, 64, 0.1),
    (4, 25, 0.01),
]


def chain(c, n, a):
    k = np.arange(n)
    return state_probabilities((n - k) * a, np.minimum(k + 1, c)) if n else np.ones(1)


@pytest.mark.parametrize(("c", "n", "a"), CASES)
def test_means_and_states_are_those_of_the_chain(c, n, a):
    p, k = chain(c, n, a), np.arange(n + 1)
    r = FiniteSource(1.0, c, n).solve(a)
    through = p @ np.minimum(k, c)
    assert r.throughput == pytest.approx(through, rel=1e-11)
    assert r.utilization == pytest.approx(through / c, rel=1e-11)
    assert r.number_in_system == pytest.approx(p @ k, rel=1e-11)
    assert r.queue_length == pytest.approx(p @ np.maximum(k - c, 0), rel=1e-10, abs=0)
    assert r.response_time == pytest.approx(n / through - 1 / a, rel=1e-8)
    np.testing.assert_allclose(r.number.probability(k[:, None]).ravel(), p, rtol=1e-12)
    assert r.number.mean == pytest.approx(r.number_in_system, rel=1e-11)
    assert r.number.variance == pytest.approx(p @ (k - p @ k) ** 2, rel=1e-11)
    assert r.number.tail(0) == pytest.approx(1 - p[0], rel=1e-11)


@pytest.mark.parametrize(("c", "n", "a"), CASES)
def test_distributions_are_those_of_a_tagged_client(c, n, a):
    """An arrival sees the station with one client less; its phases by matrix exponentials."""
    met = chain(c, n - 1, a)
    m = max(n - c, 0)
    start = np.concatenate([[met[:c].sum()], met[c:]])
    q = np.zeros((m + 1, m + 1))
    q[0, 0] = -1.0
    for j in range(1, m + 1):
        q[j, j], q[j, j - 1] = -c, c
    r = FiniteSource(1.0, c, n).solve(a)
    for t in (0.0, 0.03, 0.7, 4.0, 12.0):
        wait = (start[1:] @ expm(q[1:, 1:] * t)).sum() if m else 0.0
        assert r.wait.tail(t) == pytest.approx(wait, rel=1e-9, abs=1e-15)
        assert r.response.tail(t) == pytest.approx((start @ expm(q * t)).sum(), rel=1e-9)
    inverse = np.linalg.inv(-q)
    mean, square = start @ inverse.sum(axis=1), 2 * start @ (inverse @ inverse).sum(axis=1)
    assert r.response_time == pytest.approx(mean, rel=1e-11)
    assert r.response.variance == pytest.approx(square - mean**2, rel=1e-10)
    for distribution in (r.wait, r.response):
        t, h = 0.6, 1e-5
        slope = (distribution.tail(t - h) - distribution.tail(t + h)) / (2 * h)
        assert distribution.density(t) == pytest.approx(slope, rel=1e-5, abs=1e-8)
        found = distribution.quantile(np.array([0.5, 0.999]))
        inside = found > 0
        np.testing.assert_allclose(
            distribution.tail(found)[inside], np.array([0.5, 0.001])[inside], rtol=1e-8
        )
        assert distribution.laplace(0.0) == 1.0
        assert distribution.laplace(0.3) == pytest.approx(
            distribution.atom
            + (start[0] if distribution is r.response else 0) * 1 / 1.3
            + sum(
                x * (c / (c + 0.3)) ** j / (1.3 if distribution is r.response else 1)
                for j, x in enumerate(start)
                if j
            ),
            rel=1e-9,
        )


def test_golden_values():
    # theory.md section 13.
    r = FiniteSource(1.0, 1, 30).solve(0.1)
    assert r.throughput == pytest.approx(0.999999828842813, rel=1e-14)
    assert r.response_time == pytest.approx(20.0000051347165, rel=1e-14)


@pytest.mark.parametrize(
    ("rate", "mu", "c", "n", "figures"),
    [
        # Sixto Rios 10.13 (R queueing), most-queue, and PDQ multibus (exact: its own is wrong).
        (0.25, 4.0, 1, 2, (0.4689655172413793, 0.12413793103448276, 0.2647058823529412)),
        (0.3, 1.0, 1, 7, (0.9669465282087584, 3.7768449059708056, 3.9059501180145983)),
        (0.1, 1.0, 9, 64, (5.799395973938353, 6.006040260616472, 1.035632036095957)),
    ],
)
def test_published_figures(rate, mu, c, n, figures):
    r = FiniteSource(1 / mu, c, n).solve(rate)
    assert (r.throughput, r.number_in_system, r.response_time) == pytest.approx(
        figures, rel=1e-12
    )


def test_limits_little_and_time_unit():
    # Many clients, each rarely, are a Poisson stream.
    free = MMc(1.0, 3).solve(2.4)
    r = FiniteSource(1.0, 3, 10**7).solve(2.4e-7)
    assert r.waiting_time == pytest.approx(free.waiting_time, rel=1e-5)
    assert r.response.quantile(0.99) == pytest.approx(free.response.quantile(0.99), rel=1e-5)
    # As many servers as clients: nobody waits.
    r = FiniteSource(2.0, 5, 5).solve(0.3)
    assert r.waiting_time == r.queue_length == r.wait.tail(0.0) == 0.0
    assert r.response.tail(1.0) == pytest.approx(np.exp(-0.5), rel=1e-13)
    # Light and heavy load: throughput N / (Z + S), and c / S.
    r = FiniteSource(0.5, 2, 9).solve(np.array([1e-12, 1e9]))
    np.testing.assert_allclose(r.throughput, [9e-12, 4.0], rtol=1e-8)
    np.testing.assert_allclose(r.response_time, [0.5, 9 / 4], rtol=1e-8)
    np.testing.assert_allclose(r.number_in_system, r.throughput * r.response_time)
    slow, fast = FiniteSource(0.5, 2, 9).solve(0.8), FiniteSource(0.5e-3, 2, 9).solve(800.0)
    assert fast.utilization == pytest.approx(slow.utilization, rel=1e-13)
    assert fast.response.quantile(0.9) * 1e3 == pytest.approx(slow.response.quantile(0.9))


def test_a_thousand_clients_that_hardly_think():
    # Where Q(m, w) underflows nowhere but R overflows: 998 waiting behind two servers.
    r = FiniteSource(1.0, 2, 1000).solve(1.0)
    t = r.response.quantile(np.array([0.01, 0.5, 0.99]))
    np.testing.assert_allclose(r.response.tail(t), [0.99, 0.5, 0.01], rtol=1e-8)
    from qmodel.numerics import quadrature

    mean, second, _ = quadrature.moments(r.response.tail, r.response_time)
    assert mean == pytest.approx(r.response_time, rel=1e-9)
    assert second - mean**2 == pytest.approx(r.response.variance, rel=1e-6)


def test_arrays_zero_rate_and_nan():
    rate, c = np.array([0.0, 0.2, 5.0, np.nan]), np.array([[1], [3]])
    n = np.array([[6], [8]])
    r = FiniteSource(1.0, c, n).solve(rate)
    for i in range(2):
        for j in range(4):
            one = FiniteSource(1.0, int(c[i, 0]), int(n[i, 0])).solve(rate[j])
            for got, want in [
                *((getattr(r, x)[i, j], getattr(one, x)) for x in
                  ("throughput", "waiting_time", "response_time", "queue_length")),
                (r.wait.tail(0.4)[i, j], one.wait.tail(0.4)),
                (r.response.quantile(0.9)[i, j], one.response.quantile(0.9)),
                (r.number.tail(1)[i, j], one.number.tail(1)),
            ]:  # fmt: skip
                assert got == pytest.approx(want, rel=1e-11, nan_ok=True)
                assert np.isnan(got) == (j == 3)
    np.testing.assert_array_equal(r.throughput[:, 0], 0.0)
    np.testing.assert_array_equal(r.response_time[:, 0], 1.0)
    assert str(r.basis) == r.basis["p99"] == "exact"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1, 1), "service_time must be a number > 0, got 0"),
        ((1.0, 1.5, 1), "servers must be a whole number >= 1, got 1.5"),
        ((1.0, 1, 0), "population must be a whole number >= 1, got 0"),
    ],
)
def test_impossible_values_are_refused_by_name(arguments, message):
    with pytest.raises(DomainError, match=message):
        FiniteSource(*arguments)
    with pytest.raises(DomainError, match="arrival_rate must be a number >= 0, got -1"):
        FiniteSource(1.0, 1, 3).solve(-1.0)
    from qmodel.distributions import Deterministic

    with pytest.raises(ModelError, match="exponential"):
        FiniteSource(1.0, 1, 3).serving(Deterministic(1.0))


@pytest.mark.parametrize(("c", "n"), [(1, 2), (1, 9), (2, 7), (3, 4), (4, 4), (6, 4)])
def test_symbols(c, n):
    lam, s, clients = sp.symbols("lambda S N", positive=True)
    number = FiniteSource(2.0, c, n).solve(0.3)
    at = {lam: sp.Rational(3, 10), s: 2, clients: n}
    # More clients than servers may be a symbol.
    for population in (n, clients) if n > c else (n,):
        formula = FiniteSource(s, c, population).solve(lam)
        for name in (
            "waiting_time", "response_time", "arrival_rate", "utilization", "queue_length",
            "number_in_system",
        ):  # fmt: skip
            value = sp.sympify(getattr(formula, name)).subs(at).doit()
            assert value.is_Rational, name
            expected = getattr(number, name)
            assert float(value) == pytest.approx(expected, rel=1e-12, abs=1e-14), name


def test_what_symbols_do_not_give():
    lam, c = sp.Symbol("lambda", positive=True), sp.Symbol("c", integer=True, positive=True)
    with pytest.raises(ModelError, match="beside symbols, servers must be one number, got c"):
        FiniteSource(1.0, c, 10).solve(lam)
    with pytest.raises(ModelError, match="only the mean is known"):
        FiniteSource(1.0, 2, 10).solve(lam).response.quantile(0.9)
