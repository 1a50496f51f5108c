"""Fork and join: the last of n queues that the same requests load."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import sympy as sp
from scipy import integrate

import qmodel as qm
from qmodel.balancing.fan_out import fork_join


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


def distribution_of(load: object, queues: object, need: object = None) -> qm.Distribution:
    leaf = qm.MMc(1.0).solve(load)  # type: ignore[arg-type]
    return fork_join.response_distribution(leaf, queues, need=need)  # type: ignore[arg-type]


@pytest.mark.thorough
@pytest.mark.parametrize(("queues", "load"), [(2, 0.5), (4, 0.8), (16, 0.5), (32, 0.2)])
def test_mean_and_percentiles_against_simulation(queues: int, load: float) -> None:
    seen = simulated(queues, load, jobs=3000, runs=400, seed=queues)
    distribution = distribution_of(load, queues)
    error = 4 * seen.mean(axis=0).std() / seen.mean() / 20  # Four standard errors.
    assert float(distribution.mean) == pytest.approx(seen.mean(), rel=0.02 + error)
    for p, bound in ((0.1, 0.06), (0.5, 0.04), (0.9, 0.03), (0.99, 0.03)):
        assert float(distribution.quantile(p)) == pytest.approx(
            np.quantile(seen, p), rel=bound + error
        )


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9, 0.99])
def test_the_distribution_has_the_mean_and_is_below_that_of_independent_queues(
    load: float,
) -> None:
    for queues in (2, 3, 10, 100):
        distribution = distribution_of(load, queues)
        mean, _ = integrate.quad(distribution.tail, 0, 60 / (1 - load), limit=400)
        assert mean == pytest.approx(float(distribution.mean), rel=1e-7)
        t = np.linspace(0, 30, 200) / (1 - load)
        alone = qm.OrderStatistic(qm.Exponential(1 / (1 - load)), queues, of=queues)
        assert (distribution.tail(t) <= alone.tail(t) + 1e-12).all()
        assert (np.diff(distribution.tail(t)) <= 0).all()
        slope = (distribution.tail(t[5] - 1e-5) - distribution.tail(t[5] + 1e-5)) / 2e-5
        assert float(distribution.density(t[5])) == pytest.approx(
            float(slope), rel=1e-5, abs=1e-10
        )


def test_some_of_all_keep_the_identity_of_their_means() -> None:
    """T(k:n) is a sum over the last of j, for times that may be exchanged."""
    assert float(distribution_of(0.9, 2, 1).mean) == pytest.approx(6.125, rel=1e-12)
    last = [float(distribution_of(0.7, j).mean) for j in range(1, 6)]
    for need in (1, 2, 4):
        terms = [
            (-1) ** (j - need) * comb(j - 1, need - 1) * comb(5, j) * last[j - 1]
            for j in range(need, 6)
        ]
        assert float(distribution_of(0.7, 5, need).mean) == pytest.approx(sum(terms), rel=1e-6)


def test_one_queue_is_the_queue_itself() -> None:
    t = np.array([0.0, 1.0, 10.0])
    assert distribution_of(0.5, 1).tail(t) == pytest.approx(np.exp(-t / 2), rel=1e-12)
    assert distribution_of([0.5, 0.6], [1, 4]).tail(t[:, None])[:, 0] == pytest.approx(
        np.exp(-t / 2)
    )


def test_cells_overload_and_nan() -> None:
    rates, queues = np.array([0.2, 0.5, 1.2, np.nan]), np.array([[2], [8]])
    distribution = distribution_of(rates, queues)
    assert distribution.mean.shape == (2, 4)
    assert np.isinf(distribution.mean[:, 2]).all()
    assert np.isnan(distribution.mean[:, 3]).all()
    p99 = distribution.quantile(0.99)
    for i in range(2):
        one = distribution_of(0.5, int(queues[i, 0]))
        assert p99[i, 1] == pytest.approx(float(one.quantile(0.99)), rel=1e-7)


def test_constant_work_is_done_at_the_same_time() -> None:
    """Issue: 16 copies of M/D/1 at 80/s of 10 ms took 85.1 ms; all see the same queue."""
    for station in (qm.MDc(0.01, 1), qm.MG1(qm.Deterministic(0.01)), qm.MDc(0.03, 3)):
        path = qm.fan_out("f", 16, qm.call("s", station))
        r, one = qm.Pipeline(path).solve(80.0), station.solve(80.0)
        assert float(r.latency.mean) == pytest.approx(float(one.response_time), rel=1e-9)
        assert r.latency.quantile(0.99) == pytest.approx(float(one.response.quantile(0.99)))
        assert r.basis["mean"] == "exact"
    assert float(qm.Pipeline(qm.fan_out("f", 16, qm.call("s", qm.MDc(0.01, 1)))).solve(80.0)
                 .latency.mean) == pytest.approx(0.030, rel=1e-9)  # fmt: skip


def test_delays_are_independent() -> None:
    leaf = qm.Delay(qm.Exponential(1.0)).solve(3.0)
    distribution = fork_join.response_distribution(leaf, 7, need=[1, 4, 7])
    expected = qm.OrderStatistic(qm.Exponential(1.0), np.array([1, 4, 7]), of=7)
    assert distribution.tail(1.3) == pytest.approx(expected.tail(1.3), rel=1e-12)
    assert fork_join.grounds(leaf, 7) == {"mean": (), "percentiles": ()}


def test_the_correlation_of_the_waits() -> None:
    loads = np.array([0.05, 0.3, 0.6, 0.9, 0.99])
    for scv in (0.25, 1.0, 4.0):
        found = fork_join.correlation(qm.MG1(qm.from_mean_scv(1.0, scv)).solve(loads))
        assert (np.diff(found) > 0).all()
        assert (found > 0).all()
        assert (found < 1 / (1 + scv)).all()
    # What is exact for M/M/1 and what holds for all service agree.
    exact = fork_join.correlation(qm.MMc(1.0).solve(loads))
    general = fork_join.correlation(qm.MG1(qm.Exponential(1.0)).solve(loads))
    assert general == pytest.approx(exact, abs=0.006)
    # Who hardly waits depends on nobody.
    many = fork_join.correlation(qm.MMc(1.0, servers=64).solve(32.0))
    assert 0 <= many < 0.001
    heavy = qm.MG1(qm.Pareto(1.0, 2.5)).solve(0.5)
    assert fork_join.correlation(heavy) == 0.0


def test_interpolation_is_exact_for_one_and_two_queues() -> None:
    for queues in (1, 2):
        assert float(
            fork_join.interpolated_response_time(0.7, 1.0, queues=queues)
        ) == pytest.approx(float(fork_join.response_time(0.7, 1.0, queues=queues)), rel=1e-12)
    with pytest.raises(qm.DomainError, match="at most 16, got 17"):
        fork_join.interpolated_response_time(0.7, 1.0, queues=17)


def test_lists_are_arrays_and_symbols_have_no_distribution() -> None:
    want = [float(fork_join.response_time(r, 1.0, queues=3)) for r in (0.5, 0.6)]
    assert fork_join.response_time([0.5, 0.6], 1.0, queues=3).tolist() == want
    # The fit of the mean is 4.1 % off at most, the other 2 %.
    assert distribution_of([0.5, 0.6], 3).mean == pytest.approx(want, rel=0.04)
    x = sp.Symbol("x", positive=True)
    with pytest.raises(qm.ModelError, match="has no symbolic form"):
        distribution_of(x, 3)
    with pytest.raises(qm.ModelError, match="has no symbolic form"):
        fork_join.response_time(0.5, 1.0, queues=x)
