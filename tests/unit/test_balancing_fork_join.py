"""Fork and join: the last of n queues that the same requests load."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy import integrate

import qmodel as qm
from qmodel.balancing import fork_join


def simulated(queues: int, load: float, jobs: int, runs: int, seed: int) -> np.ndarray:
    """Return the times of `jobs` requests in each of `runs` systems, by Lindley's recursion."""
    rng = np.random.default_rng(seed)
    wait = np.zeros((runs, queues))
    seen = np.empty((jobs, runs))
    for i in range(-jobs // 5, jobs):
        gap = rng.exponential(1 / load, (runs, 1))
        wait = np.maximum(wait - gap, 0.0) + rng.exponential(1.0, (runs, queues))
        if i >= 0:
            seen[i] = wait.max(axis=1)
    return seen


def test_two_queues_at_half_load_take_2_875() -> None:
    """Flatto and Hahn 1984; others print 5.0."""
    assert float(fork_join.response_time(0.5, 1.0, queues=2)) == 2.875
    path = qm.fan_out("two", 2, qm.call("leaf", qm.MMc(1.0)))
    r = qm.Pipeline(path).solve(0.5)
    assert float(r.latency.mean) == pytest.approx(2.875, rel=1e-12)
    assert (r.basis["mean"], r.basis["p99"]) == ("exact", "approximate")


def test_the_mean_on_symbols() -> None:
    rate = sp.Symbol("lambda", positive=True)
    mean = fork_join.response_time(rate, sp.Integer(1), queues=2)
    assert sp.simplify(mean - (12 - rate) / 8 / (1 - rate)) == 0
    four = fork_join.response_time(rate, sp.Integer(1), queues=4)
    number = float(fork_join.response_time(0.3, 1.0, queues=4))
    assert float(four.subs(rate, sp.Rational(3, 10))) == pytest.approx(number, rel=1e-14)


@pytest.mark.parametrize(("queues", "load"), [(2, 0.5), (4, 0.8), (16, 0.5), (32, 0.2)])
def test_mean_and_percentiles_against_simulation(queues: int, load: float) -> None:
    seen = simulated(queues, load, jobs=3000, runs=400, seed=queues)
    law = fork_join.response_law(load, 1.0, queues=queues)
    error = 4 * seen.mean(axis=0).std() / seen.mean() / 20  # Four standard errors.
    assert float(law.mean) == pytest.approx(seen.mean(), rel=0.041 + error)
    for p, bound in ((0.5, 0.09), (0.9, 0.11), (0.99, 0.07)):
        assert float(law.quantile(p)) == pytest.approx(np.quantile(seen, p), rel=bound + error)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9, 0.99])
def test_the_law_has_the_mean_and_is_below_that_of_independent_queues(load: float) -> None:
    for queues in (2, 3, 10, 100):
        law = fork_join.response_law(load, 1.0, queues=queues)
        mean, _ = integrate.quad(law.tail, 0, 60 / (1 - load), limit=400)
        assert mean == pytest.approx(float(law.mean), rel=1e-7)
        t = np.linspace(0, 30, 200) / (1 - load)
        alone = qm.OrderStatistic(qm.Exponential(1 / (1 - load)), queues, of=queues)
        assert (law.tail(t) <= alone.tail(t) + 1e-12).all()
        assert (np.diff(law.tail(t)) <= 0).all()
        slope = (law.tail(t[5] - 1e-5) - law.tail(t[5] + 1e-5)) / 2e-5
        assert float(law.density(t[5])) == pytest.approx(float(slope), rel=1e-5)


def test_one_queue_is_the_queue_itself() -> None:
    t = np.array([0.0, 1.0, 10.0])
    law = fork_join.response_law(0.5, 1.0, queues=1)
    assert law.tail(t) == pytest.approx(np.exp(-t / 2), rel=1e-9)


def test_cells_overload_and_nan() -> None:
    rates, queues = np.array([0.2, 0.5, 1.2, np.nan]), np.array([[2], [8]])
    law = fork_join.response_law(rates, 1.0, queues=queues)
    assert law.mean.shape == (2, 4)
    assert np.isinf(law.mean[:, 2]).all()
    assert np.isnan(law.mean[:, 3]).all()
    p99 = law.quantile(0.99)
    for i in range(2):
        one = fork_join.response_law(0.5, 1.0, queues=int(queues[i, 0]))
        assert p99[i, 1] == pytest.approx(float(one.quantile(0.99)), rel=1e-7)


def test_interpolation_is_exact_for_one_and_two_queues() -> None:
    for queues in (1, 2):
        assert float(
            fork_join.interpolated_response_time(0.7, 1.0, queues=queues)
        ) == pytest.approx(float(fork_join.response_time(0.7, 1.0, queues=queues)), rel=1e-12)
    with pytest.raises(qm.DomainError, match="at most 16, got 17"):
        fork_join.interpolated_response_time(0.7, 1.0, queues=17)


def test_fan_out_over_other_stations_is_independent() -> None:
    path = qm.fan_out("shards", 8, qm.call("leaf", qm.MMc(0.01, servers=2)))
    r = qm.Pipeline(path).solve(100.0)
    assert "independent-branches" in r.basis.assumptions("mean")
    leaf = qm.MMc(0.01, servers=2).solve(100.0).response
    expected = qm.OrderStatistic(leaf, 8, of=8).quantile(0.99)
    assert float(r.latency.quantile(0.99)) == pytest.approx(float(expected), rel=1e-10)


def test_lists_are_arrays_and_symbols_have_no_law() -> None:
    want = [float(fork_join.response_time(r, 1.0, queues=3)) for r in (0.5, 0.6)]
    assert fork_join.response_time([0.5, 0.6], 1.0, queues=3).tolist() == want
    assert fork_join.response_law([0.5, 0.6], 1.0, queues=3).mean.tolist() == want
    x = sp.Symbol("x", positive=True)
    with pytest.raises(qm.ModelError, match="has no symbolic form"):
        fork_join.response_law(x, 1.0, queues=3)
    with pytest.raises(qm.ModelError, match="has no symbolic form"):
        fork_join.response_time(0.5, 1.0, queues=x)
