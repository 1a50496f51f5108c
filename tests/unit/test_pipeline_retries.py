"""Timeouts and retries: their fixed points against published and independent figures."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

APP = qm.call("app", qm.MMc(1.0, servers=8))
PATH = qm.series(
    qm.call("gw", qm.MMc(0.25, 4)),
    qm.call("app", qm.MMc(1.0, 16)),
    qm.call("db", qm.MMc(0.5, 6)),
)


def tried(step: qm.Step, after: float, attempts: int, **options: object) -> qm.Pipeline:
    return qm.Pipeline(qm.retry(qm.timeout(after, step), attempts=attempts, **options))


def rates(r: qm.PipelineResult, station: str = "app") -> list[float]:
    return [float(s.visits[station] * s.arrival_rate) for s in r.equilibria.values()]


@pytest.mark.parametrize(("attempts", "fold"), [(2, 6.874846), (3, 6.859954), (4, 6.859312)])
def test_the_fold_of_eight_servers(attempts: int, fold: float) -> None:
    p = tried(APP, 5.0, attempts)
    assert float(p.max_rate) == pytest.approx(fold, abs=1e-6)
    assert float(p.hidden_capacity) == pytest.approx(8 / attempts)


def test_three_states_to_all_digits() -> None:
    r = tried(APP, 5.0, 3).solve(6.0)
    assert list(r.equilibria) == ["healthy", "threshold", "collapsed"]
    assert rates(r) == pytest.approx([6.056684516923645, 7.644995523350182, 18], rel=1e-12)
    assert bool(r.converged)
    one = tried(qm.call("app", qm.MMc(1.0)), 10.0, 4)
    assert float(one.max_rate) == pytest.approx(0.6937174, abs=1e-7)
    assert rates(one.solve(0.5)) == pytest.approx([0.503514, 0.929510, 2], abs=1e-6)


def test_a_path_of_three_stations() -> None:
    p = tried(PATH, 6.0, 3)
    assert float(p.max_rate) == pytest.approx(10.632, abs=1e-3)
    assert float(p.hidden_capacity) == 4.0
    assert rates(p.solve(9.0)) == pytest.approx([9.0767, 11.6472, 27], abs=1e-4)
    assert rates(p.solve(8.0)) == pytest.approx([8.0600, 11.7451, 24], abs=1e-4)


def test_the_curve_of_fresh_load_against_attempts() -> None:
    """At a rate of attempts x, l0 = x (1 - f) / (1 - f^n) requests a second are fresh."""
    late = APP.station.solve(7.0).response.tail(5.0)
    fresh = 7.0 * (1 - late) / (1 - late**3)
    r = tried(APP, 5.0, 3).solve(fresh)
    assert pytest.approx(rates(r)[0], rel=1e-11) == 7.0


def test_next_to_the_fold_both_states_are_found() -> None:
    p = tried(APP, 5.0, 3)
    near = p.solve(p.max_rate * (1 - np.array([1e-3, 1e-5, 1e-7])))
    assert near.states.several.all()
    healthy, threshold = (near.equilibria[s].visits["app"] for s in ("healthy", "threshold"))
    assert (healthy < threshold).all()
    assert (np.diff(threshold - healthy) < 0).all()
    beyond = p.solve(p.max_rate * 1.0001)
    assert beyond.state == "collapsed"
    assert float(beyond.goodput) == 0.0


def test_the_published_example_of_one_retry() -> None:
    """A database of 300/s whose clients try once more: 150/s, of which 20 are left at 280."""
    p = tried(qm.call("db", qm.MMc(1 / 300)), 1.0, 2)
    assert float(p.hidden_capacity) == pytest.approx(150.0)


def test_success_and_time_of_those_in_time() -> None:
    r = tried(APP, 5.0, 3, pause=2.0).solve(6.0)
    late = float(r.shares[next(iter(r.shares))])
    assert float(r.accepted) == pytest.approx(1 - late**3, rel=1e-12)
    assert float(r.abandoned) == pytest.approx(late**3, rel=1e-6)
    one = qm.distributions.Truncated(APP.station.solve(rates(r)[0]).response, 5.0)
    weights = [1.0, late, late**2]
    later = [k * 7.0 for k in range(3)]
    mean = sum(w * (t + float(one.mean)) for w, t in zip(weights, later, strict=True))
    assert float(r.latency.mean) == pytest.approx(mean / sum(weights), rel=1e-9)
    assert float(r.latency.tail(6.9)) == pytest.approx(1 - 1 / sum(weights), rel=1e-9)


def test_backoff_and_jitter_are_pauses() -> None:
    base = tried(APP, 5.0, 3, pause=2.0).solve(6.0)
    longer = tried(APP, 5.0, 3, pause=2.0, backoff=3.0).solve(6.0)
    drawn = tried(APP, 5.0, 3, pause=2.0, jitter=1.0).solve(6.0)
    assert rates(longer) == pytest.approx(rates(base), rel=1e-12)
    assert float(longer.latency.mean) > float(base.latency.mean) > float(drawn.latency.mean)


@pytest.mark.parametrize("budget", [0.0, 0.1, 0.2])
def test_a_budget_bounds_the_attempts(budget: float) -> None:
    p = tried(APP, 5.0, 3, budget=budget)
    assert float(p.hidden_capacity) == pytest.approx(8 / (1 + budget))
    r = p.solve(6.0)
    assert rates(r)[0] == pytest.approx(min(6.056684516923645, 6 * (1 + budget)), rel=1e-6)
    assert list(r.equilibria) == ["healthy"]


def test_nested_attempts_multiply_where_all_fails() -> None:
    inner = qm.retry(qm.timeout(5.0, APP, name="inner"), attempts=3)
    outer = qm.retry(qm.timeout(12.0, inner, name="outer"), attempts=3)
    p = qm.Pipeline(outer)
    assert float(p.hidden_capacity) == pytest.approx(8 / 9)
    r = p.solve(5.0)
    assert rates(r)[-1] == pytest.approx(45.0)
    assert rates(r)[0] < 5.2


def test_what_a_full_station_turns_away_is_tried_again() -> None:
    door = qm.call("door", qm.MMcK(1.0, 2, 3))
    r = qm.Pipeline(qm.retry(door, attempts=3)).solve(1.0)
    refused = float(r.stations["door"].loss)
    assert float(r.visits["door"]) == pytest.approx(1 + refused + refused**2, rel=1e-9)
    assert float(r.rejected) == pytest.approx(refused**3, rel=1e-9)


def test_a_retry_around_what_cannot_fail() -> None:
    with pytest.raises(qm.ModelError, match="retry needs failure, or a step that may fail"):
        qm.retry(APP)
    plain, never = (qm.Pipeline(s).solve(6.0) for s in (APP, qm.retry(APP, failure=0.0)))
    assert float(never.latency.mean) == float(plain.latency.mean)
    assert never.basis["p99"] == plain.basis["p99"] == "exact"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: qm.timeout(0.0, APP), "after must be a number > 0, got 0"),
        (lambda: qm.timeout(np.inf, APP), "after must be a finite number > 0, got inf"),
        (lambda: tried(APP, 1.0, 0), "attempts must be a whole number >= 1, got 0"),
        (lambda: tried(APP, 1.0, 2, budget=1.5), "budget must be a probability"),
        (lambda: tried(APP, 1.0, 2, backoff=0.5), "backoff must be a number >= 1"),
        (lambda: tried(APP, 1.0, 10**6), "attempts must be at most 256"),
        (lambda: qm.retry(APP, failure=0.99, attempts=10**6), "at most 256 where 0.99 of them"),
    ],
)
def test_impossible_retries(make, says) -> None:
    with pytest.raises(qm.DomainError, match=says):
        make()


def test_a_million_attempts_that_nobody_makes() -> None:
    p = qm.Pipeline(qm.retry(APP, failure=0.01, attempts=10**6))
    assert float(p.visits["app"]) == pytest.approx(1 / 0.99, rel=1e-12)


def test_loads_and_timeouts_broadcast() -> None:
    p = tried(APP, 5.0, 3)
    after = np.array([[4.0], [5.0], [8.0]])
    table = p.replace({"timeout.after": after}).solve(np.array([5.0, 6.0]))
    for i, wait in enumerate(after.ravel()):
        for j, load in enumerate((5.0, 6.0)):
            one = tried(APP, wait, 3).solve(load)
            assert float(table.visits["app"][i, j]) == pytest.approx(float(one.visits["app"]))
            assert float(np.broadcast_to(table.max_rate, (3, 2))[i, j]) == pytest.approx(
                float(one.max_rate), rel=1e-8
            )
