"""Engset's loss system: against the chain, and published figures."""

import numpy as np
import pytest
import sympy as sp

from qmodel.errors import DomainError, ModelError
from qmodel.queues.birth_death import state_probabilities
from qmodel.queues.counts.erlang import erlang_b
from qmodel.queues.engset import Engset, call_congestion, time_congestion

CASES = [(1, 1, 0.5), (1, 4, 2.0), (3, 10, 0.4), (5, 5, 1.3), (6, 4, 0.2), (20, 300, 0.08)]


@pytest.mark.parametrize(("c", "n", "a"), CASES)
def test_means_and_both_congestions_are_those_of_the_chain(c, n, a):
    k = np.arange(min(c, n))
    p = state_probabilities((n - k) * a, k + 1.0)
    states = np.arange(len(p))
    r = Engset(2.0, c, n).solve(a / 2.0)
    full = p[-1] if n >= c else 0.0
    assert r.time_congestion == pytest.approx(full, rel=1e-12, abs=0)
    asked = (n - states) @ p * a
    lost = full * max(n - c, 0) * a / asked
    assert r.call_congestion == r.loss == pytest.approx(lost, rel=1e-11, abs=0)
    assert r.arrival_rate * 2.0 == pytest.approx(asked, rel=1e-12)
    assert r.number_in_system == pytest.approx(p @ states, rel=1e-12)
    assert r.utilization == pytest.approx(p @ states / c, rel=1e-12)
    assert r.throughput == pytest.approx(p @ states / 2.0, rel=1e-12)
    np.testing.assert_allclose(r.number.probability(states[:, None]).ravel(), p, rtol=1e-12)
    assert r.number.variance == pytest.approx(p @ (states - p @ states) ** 2, rel=1e-12)
    assert (r.response_time, r.waiting_time, r.queue_length) == (2.0, 0.0, 0.0)


def test_golden_and_published_values():
    # theory.md section 13; GNU Octave queueing (its code returns the call congestion).
    assert time_congestion(0.4, servers=3, population=10) == pytest.approx(
        0.386317907444668, rel=1e-14
    )
    assert call_congestion(0.4, servers=3, population=10) == pytest.approx(
        0.341637010676157, rel=1e-14
    )
    assert call_congestion(0.2, servers=5, population=10) == pytest.approx(
        0.007823171488886132, rel=1e-13
    )
    assert call_congestion(0.3, servers=3, population=7) == pytest.approx(
        0.11513859275053301, rel=1e-13
    )
    assert call_congestion(0.05, servers=10, population=100) == pytest.approx(
        0.012240781398877996, rel=1e-13
    )


def test_limits():
    # Many sources are Poisson arrivals; the call meets one source less.
    for f in (time_congestion, call_congestion):
        assert f(4e-8, servers=5, population=10**8) == pytest.approx(
            erlang_b(servers=5, offered_load=4.0), rel=1e-6
        )
    assert call_congestion(0.3, servers=4, population=9) == time_congestion(
        0.3, servers=4, population=8
    )
    assert call_congestion(0.7, servers=4, population=4) == 0.0
    assert time_congestion(1e12, servers=4, population=9) == pytest.approx(1.0, rel=1e-10)


def test_insensitive_by_simulation():
    """Constant service and think times of another distribution: the share of calls lost."""
    rng = np.random.default_rng(5)
    n, c, jobs = 6, 2, 400_000
    # Each source thinks for a gamma time of mean 2, then asks for exactly 1.
    asks = rng.gamma(2.0, 1.0, n).tolist()
    think = rng.gamma(2.0, 1.0, jobs).tolist()
    ends: list[float] = []
    lost = np.empty(jobs, bool)
    for i in range(jobs):
        who = asks.index(min(asks))
        t = asks[who]
        ends = [e for e in ends if e > t]
        lost[i] = len(ends) >= c
        if not lost[i]:
            ends.append(t + 1.0)
        asks[who] = t + (0.0 if lost[i] else 1.0) + think[i]
    batches = np.array([b.mean() for b in np.array_split(lost, 40)])
    half = 4 * batches.std(ddof=1) / np.sqrt(40)
    assert lost.mean() == pytest.approx(call_congestion(0.5, servers=c, population=n), abs=half)


def test_arrays_zero_rate_nan_and_time_unit():
    rate, c, n = np.array([0.0, 0.2, 5.0, np.nan]), np.array([[1], [3]]), np.array([[6], [2]])
    r = Engset(1.0, c, n).solve(rate)
    for i in range(2):
        for j in range(4):
            one = Engset(1.0, int(c[i, 0]), int(n[i, 0])).solve(rate[j])
            for got, want in [
                *((getattr(r, x)[i, j], getattr(one, x)) for x in
                  ("loss", "time_congestion", "number_in_system", "arrival_rate")),
                (r.number.tail(0)[i, j], one.number.tail(0)),
            ]:  # fmt: skip
                assert got == pytest.approx(want, rel=1e-13, nan_ok=True)
                assert np.isnan(got) == (j == 3)
    np.testing.assert_array_equal(r.loss[:, 0], 0.0)
    assert str(r.basis) == r.basis["loss"] == "exact"
    fast = Engset(1e-3, 3, 10).solve(400.0)
    assert fast.loss == pytest.approx(call_congestion(0.4, servers=3, population=10), rel=1e-13)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: time_congestion(-0.1, servers=1, population=2),
            "source_load must be a number >= 0, got -0.1",
        ),
        (
            lambda: call_congestion(0.1, servers=0, population=2),
            "servers must be a whole number >= 1, got 0",
        ),
        (lambda: Engset(1.0, 1, 2.5), "population must be a whole number >= 1, got 2.5"),
        (lambda: Engset(0.0, 1, 2), "service_time must be a number > 0, got 0"),
    ],
)
def test_impossible_values_are_refused_by_name(make, message):
    with pytest.raises(DomainError, match=message):
        make()


def test_symbols():
    lam, s, n = sp.symbols("lambda S N", positive=True)
    formula = Engset(s, 3, n).solve(lam)
    at, number = {lam: sp.Rational(1, 5), s: 2, n: 10}, Engset(2.0, 3, 10).solve(0.2)
    for name in (
        "loss", "time_congestion", "arrival_rate", "utilization", "number_in_system",
        "response_time", "throughput",
    ):  # fmt: skip
        value = sp.sympify(getattr(formula, name)).subs(at)
        assert value.is_Rational, name
        assert float(value) == pytest.approx(getattr(number, name), rel=1e-13)
    assert sp.factor(Engset(s, 1, 2).solve(lam).loss) == lam * s / (lam * s + 1)
    assert Engset(s, 3, 2).solve(lam).loss == 0
    with pytest.raises(ModelError, match="beside symbols, servers must be one number, got c"):
        Engset(s, sp.Symbol("c", integer=True, positive=True), n).solve(lam)


def test_distributions_have_the_cells_of_the_load():
    r = Engset(2.0, 3, 10).solve(np.array([0.1, 5.0, np.nan]))
    np.testing.assert_allclose(r.response.mean, [2.0, 2.0, np.nan])
    assert np.isnan(Engset(2.0, 3, 10).solve(np.nan).response.quantile(0.9))
    np.testing.assert_array_equal(r.wait.quantile(0.9), [0.0, 0.0, np.nan])
