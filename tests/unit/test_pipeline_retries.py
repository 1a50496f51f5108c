"""Timeouts and retries: their fixed points against published and independent figures."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

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
    if attempts == 3:
        edge = rates(p.solve(p.max_rate * (1 - 1e-12)))
        assert edge[:2] == pytest.approx([7.191762, 7.191762], abs=1e-4)
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
    # The published one is the best of a grid: the curve is flat there.
    assert rates(p.solve(p.max_rate * (1 - 1e-12)))[0] == pytest.approx(11.059, abs=4e-3)
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
    """A database of 300/s whose clients try once more: 150/s, and 20/s are left at 280."""
    p = tried(qm.call("db", qm.MMc(1 / 300)), 1.0, 2)
    assert float(p.hidden_capacity) == pytest.approx(150.0)
    r = p.solve(280.0)
    assert list(r.equilibria) == ["healthy", "threshold", "collapsed"]
    capacity = float(qm.MMc(1 / 300).max_rate)
    assert capacity - float(r.visits["db"]) * 280.0 == pytest.approx(20.0, abs=1e-4)


def test_the_published_storm_of_a_database() -> None:
    """Four servers of 40 ms and SCV 0.25, a timeout of 250 ms and three attempts [1]_.

    .. [1] Presets of xevrion/breakscale: vulnerable above 33.3/s, at 45/s equilibria at 45,
       98.9 and 135 attempts a second, none that is healthy at 90/s.
    """
    service = qm.from_mean_scv(0.04, 0.25)
    p = tried(qm.call("db", qm.MGc(service, servers=4)), 0.25, 3, pause=0.5)
    assert float(p.hidden_capacity) == pytest.approx(100 / 3)
    assert rates(p.solve(45.0), "db") == pytest.approx([45.0, 98.9, 135.0], rel=2e-3)
    assert rates(p.solve(30.0), "db") == pytest.approx([30.0], rel=1e-6)
    assert p.solve(85.0).state == "healthy"
    assert p.solve(90.0).state == "collapsed"


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
    # Below this no station saturates, however many fail.
    assert float(p.plan.hidden[0]) == pytest.approx(8 / (1 + budget))
    r = p.solve(6.0)
    assert rates(r)[0] == pytest.approx(min(6.056684516923645, 6 * (1 + budget)), rel=1e-6)
    assert list(r.equilibria) == ["healthy"]


def test_nested_attempts_multiply_where_all_fails() -> None:
    inner = qm.retry(qm.timeout(5.0, APP, name="inner"), attempts=3, name="calls")
    outer = qm.retry(qm.timeout(12.0, inner, name="outer"), attempts=3, name="pages")
    p = qm.Pipeline(outer)
    assert float(p.plan.hidden[0]) == pytest.approx(8 / 9)
    states = p.plan.states(5.0)
    healthy, worst = (p.plan.solved(5.0, shares) for shares in (states.least, states.greatest))
    assert 5.0 < 5.0 * healthy.flows.by_station()["app"] < 5.2
    assert 5.0 * worst.flows.by_station()["app"] == pytest.approx(45.0)
    # Each retry knows its own attempts.
    pages, calls = outer.result(worst), inner.result(worst)
    assert float(pages.attempt_rate) == float(calls.fresh_rate) == pytest.approx(15.0)
    assert float(calls.attempt_rate) == pytest.approx(45.0)


def test_five_layers_of_three_attempts_are_243() -> None:
    """Each layer tries again what fails inside: below a 243rd of the capacity nothing stays."""
    step = qm.timeout(1.0, qm.call("leaf", qm.MMc(0.1, servers=8)))
    for layer in range(5):
        own = qm.call(f"layer {layer}", qm.MMc(0.001, servers=8))
        step = qm.retry(qm.series(own, step) if layer else step, attempts=3, name=f"r{layer}")
    p = qm.Pipeline(step)
    assert float(p.hidden_capacity) == pytest.approx(80 / 243, rel=1e-12)
    states = p.solve(40.0).equilibria
    assert float(states["collapsed"].visits["leaf"]) == pytest.approx(243.0)
    assert float(states["healthy"].visits["leaf"]) == pytest.approx(1.0, abs=1e-4)


def test_a_chain_of_timeouts_is_read_off_one_curve() -> None:
    """All states of two timeouts, one in the other, are fixed points of their own times."""
    inner = qm.retry(
        qm.timeout(1.0, qm.call("db", qm.MMc(0.1, 8)), name="a"),
        attempts=3,
        pause=0.5,
        name="x",
    )
    page = qm.series(qm.call("app", qm.MMc(0.01, 80)), inner)
    p = qm.Pipeline(qm.retry(qm.timeout(2.0, page, name="b"), attempts=3, pause=0.5, name="y"))
    assert float(p.hidden_capacity) == pytest.approx(80 / 9)
    states = p.plan.states(np.array([6.0, 40.0]))
    assert states.several.tolist() == [False, True]
    for shares in (states.least, states.threshold):
        at = {key: share[1] for key, share in shares.items()}
        again = {
            key: p.plan.coupled[key].settled_in(p.plan.solved(40.0, at).of_kind("all"))
            for key in at
        }
        assert list(again.values()) == pytest.approx(list(at.values()), abs=1e-9)
    assert [v[1] for v in states.greatest.values()] == [1.0, 1.0]
    # Beyond the fold the outer timeout has a state no more.
    assert 70.0 < float(p.max_rate) < 74.25
    assert p.plan.states(p.max_rate * 1.001).least[("timeout", "a")] == 1.0


@pytest.mark.thorough
def test_nested_timeouts_whose_pauses_jitter() -> None:
    """Against two simulations of 1e6 requests, until they tip."""
    b = qm.timeout(4.0, qm.call("b", qm.MMc(1.0, 8)), name="in")
    calls = qm.retry(b, attempts=3, pause=2.0, jitter=1.0, name="calls")
    page = qm.timeout(12.0, qm.series(qm.call("a", qm.MMc(0.5, 8)), calls), name="out")
    p = qm.Pipeline(qm.retry(page, attempts=3, pause=5.0, jitter=1.0, name="pages"))
    assert p.plan.s_curve is not None
    r = p.solve(5.0)
    assert float(r.latency.mean) == pytest.approx(1.595, rel=0.007)
    assert float(r.latency.quantile(0.99)) == pytest.approx(6.42, rel=0.005)


def test_two_calls_that_are_tried_again_side_by_side() -> None:
    """Calls in a row with timeouts of their own: each as if it were alone."""
    calls, alone = [], []
    for name, mean in (("a", 0.1), ("b", 0.05)):
        late = qm.timeout(10 * mean, qm.call(name, qm.MMc(mean, 8)), name=f"late {name}")
        calls.append(qm.retry(late, attempts=3, name=f"again {name}"))
        alone.append(qm.Pipeline(calls[-1]).solve(40.0).visits[name])
    both = qm.Pipeline(qm.series(*calls)).plan
    found = both.solved(40.0, both.states(40.0).least).flows.by_station()
    assert [float(found[n]) for n in ("a", "b")] == pytest.approx(alone, rel=1e-9)
    assert set(both.curves) == set(both.timed)


def test_what_a_full_station_turns_away_is_tried_again() -> None:
    """After long pauses it is another draw; at once the room is as full as it was."""
    door = qm.call("door", qm.MMcK(1.0, 2, 3))
    r = qm.Pipeline(qm.retry(door, attempts=3, pause=1e12)).solve(1.0)
    refused = float(r.stations["door"].loss)
    assert float(r.visits["door"]) == pytest.approx(1 + refused + refused**2, rel=1e-9)
    assert float(r.rejected) == pytest.approx(refused**3, rel=1e-9)
    r = qm.Pipeline(qm.retry(door, attempts=3)).solve(1.0)
    alone = float(qm.Pipeline(door).solve(1.0).rejected)
    assert float(r.visits["door"]) == pytest.approx(1 + 2 * alone, rel=1e-12)
    assert float(r.rejected) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"failure": 0.0}, {"budget": 0.1}, {"ratio": 0.1}])
def test_a_retry_around_what_cannot_fail_changes_nothing(options) -> None:
    plain = qm.Pipeline(APP)
    tried_ = qm.Pipeline(qm.retry(APP, attempts=300, pause=1.0, **options))
    assert tried_.max_rate == plain.max_rate
    one, other = plain.solve([6.0, 9.0]), tried_.solve([6.0, 9.0])
    assert other.latency.mean.tolist() == one.latency.mean.tolist()
    assert other.latency.tail(3.0).tolist() == one.latency.tail(3.0).tolist()
    assert other.goodput.tolist() == one.goodput.tolist()
    assert other.basis["p99"] == one.basis["p99"] == "exact"
    assert float(np.max(other.retries["retry"].amplification)) == 1.0


@pytest.mark.thorough
def test_a_bounded_queue_keeps_work_useful() -> None:
    """M/M/1/K behind a timeout of 10, four attempts: theory, where pauses are long."""
    p = tried(qm.call("app", qm.MMcK(1.0, 1, 8)), 10.0, 4, pause=1e9)
    for load, attempts, goodput in ((0.9, 1.5551749, 0.8651116), (1.2, 3.2966347, 0.8140895)):
        r = p.solve(load)
        assert list(r.equilibria) == ["healthy"]
        assert rates(r) == pytest.approx([attempts], abs=1e-7)
        assert float(r.goodput) == pytest.approx(goodput, abs=1e-7)
    assert p.fold == p.hidden_capacity == np.inf
    # So long a queue is as good as none.
    r = tried(qm.call("app", qm.MMcK(1.0, 1, 30)), 10.0, 4, pause=1e9).solve(0.6)
    assert rates(r) == pytest.approx([0.6127, 0.8999, 2.4], abs=1e-4)
    assert float(r.equilibria["collapsed"].goodput) < 1e-5


def test_who_is_turned_away_knows_it_at_once() -> None:
    """Rejected attempts take no time, late ones the timeout: by total probability.

    Who comes back at once finds the room as full as it was.
    """
    p = tried(qm.call("app", qm.MMcK(1.0, 1, 3)), 2.0, 2)
    r = p.solve(0.9)
    station = r.solved.stations["app"]
    rejected, late = float(station.loss), float(station.served_response.tail(2.0))
    fails = rejected + (1 - rejected) * late
    in_time = qm.distributions.Truncated(station.served_response, 2.0)
    again = fails - rejected
    mean = float(in_time.mean) + 2.0 * again / (1 + again)
    assert float(r.accepted) == pytest.approx((1 - fails) * (1 + again), rel=1e-9)
    assert float(r.latency.mean) == pytest.approx(mean, rel=1e-9)


@pytest.mark.thorough
def test_dropping_late_work_does_not_save_the_goodput() -> None:
    """M/M/c+D: fixed points and goodput to the digits of an independent computation."""
    p = tried(qm.call("app", qm.MMcD(1.0, 8, 5.0)), 5.0, 3)
    r = p.solve(6.0)
    assert rates(r) == pytest.approx([6.0566, 8.2201, 17.1905], abs=5e-5)
    served = [float(s.goodput) for s in r.equilibria.values()]
    assert served == pytest.approx([6.0, 5.86, 0.785], abs=3e-3)
    for load, attempts, goodput in (
        (7.0, 20.39, 0.597),
        (9.0, 26.587, 0.408),
        (16, 47.80, 0.196),
    ):
        r = p.solve(load)
        assert r.state == "collapsed"
        assert rates(r) == pytest.approx([attempts], abs=5e-3)
        assert float(r.goodput) == pytest.approx(goodput, abs=5e-4)
    # A deadline on the wait that leaves room for the service does save it.
    early = tried(qm.call("app", qm.MMcD(1.0, 8, 1.0)), 5.0, 3).solve(16.0)
    assert float(early.goodput) > 7.5


def test_the_newest_first_keep_a_pool_useful() -> None:
    p = tried(qm.call("app", qm.MMcLCFS(1.0, 8)), 5.0, 3)
    loads = np.array([4.0, 7.0, 9.0, 16.0])
    r = p.solve(loads)
    assert list(r.equilibria) == ["healthy"]
    assert (r.goodput > 0.98 * np.minimum(loads, 8.0)).all()
    assert (r.goodput < 8.0).all()


def test_active_retries_share_a_budget() -> None:
    """Of all attempts a share b may be retries: x <= l0 / (1 - b)."""
    p = tried(APP, 5.0, 3, active=0.2)
    assert float(p.plan.hidden[0]) == pytest.approx(8 * 0.8)
    worst = p.solve(7.0)
    assert worst.state == "collapsed"
    assert rates(worst) == pytest.approx([7 / 0.8])
    assert rates(p.solve(6.0))[0] == pytest.approx(6.056684516923645, rel=1e-12)
    assert rates(tried(APP, 5.0, 3, active=0.05).solve(7.0)) == pytest.approx([7 / 0.95])


def test_a_reserve_is_spent_whatever_the_load() -> None:
    """Deposits of beta a request and r a second: x <= l0 (1 + beta) + r."""
    p = tried(APP, 5.0, 3, budget=0.1, reserve=1.0)
    assert float(p.plan.hidden[0]) == pytest.approx((8 - 1) / 1.1)
    assert rates(p.solve(7.0)) == pytest.approx([7 * 1.1 + 1])
    shared = tried(APP, 5.0, 3, active=0.1, reserve=1.0)
    assert rates(shared.solve(7.5)) == pytest.approx([8.5])  # the reserve is more than a tenth
    fixed = qm.Pipeline(qm.retry(APP, failure=0.5, attempts=9, budget=0.1, reserve=1.0))
    assert fixed.solve([2.0, 4.0]).visits["app"].tolist() == pytest.approx([1.6, 1.35])
    assert float(fixed.max_rate) == pytest.approx((8 - 1) / 1.1)


def test_tokens_hold_the_failures_at_their_ratio() -> None:
    """There are as many retries as keep the share of failures at rho / (1 + rho)."""
    p = tried(APP, 5.0, 3, ratio=0.1)
    held = p.solve(7.0)
    x = rates(held)[-1]
    assert float(APP.station.solve(x).response.tail(5.0)) == pytest.approx(0.1 / 1.1, rel=1e-5)
    assert float(held.goodput) == pytest.approx(x / 1.1, rel=1e-5)
    # Where even the first attempts fail more often there are no others.
    assert rates(p.solve(7.5)) == pytest.approx([7.5])
    assert rates(p.solve(6.0)) == pytest.approx([6.056684516923645])
    assert p.max_rate == pytest.approx(8.0)
    assert float(p.fold) == pytest.approx(6.859954, abs=1e-6)
    assert 6.7 < float(p.hidden_capacity) < 6.8
    inner = qm.retry(qm.timeout(5.0, APP, name="a"), attempts=2, ratio=0.1)
    with pytest.raises(qm.ModelError, match="one timeout or hedge; here are 2"):
        qm.Pipeline(qm.timeout(9.0, inner, name="b")).solve(1.0)


def test_a_budget_leaves_a_third_state_below_its_bound() -> None:
    """With 20 % more attempts a pool is not saturated at 6.5/s, and still loses a quarter."""
    p = tried(APP, 5.0, 3, budget=0.2)
    worst = p.solve(6.5).equilibria["collapsed"]
    assert float(worst.retries["retry"].attempt_rate) == pytest.approx(7.8)
    late = float(APP.station.solve(7.8).response.tail(5.0))
    assert float(worst.goodput) == pytest.approx(7.8 * (1 - late), rel=1e-9)
    assert float(p.hidden_capacity) == pytest.approx(6.31308, abs=1e-5)
    below = p.solve(p.hidden_capacity * 0.999)
    assert list(below.equilibria) == ["healthy"]


def test_what_the_attempts_come_to() -> None:
    r = tried(APP, 5.0, 3, pause=1.0).solve(6.0)
    seen = r.retries["retry"]
    late = float(APP.station.solve(rates(r)[0]).response.tail(5.0))
    assert float(seen.fresh_rate) == 6.0
    assert float(seen.attempt_rate) == pytest.approx(6.056684516923645)
    assert float(seen.amplification) == pytest.approx(1 + late + late**2)
    assert float(seen.success) == pytest.approx(1 - late**3)
    assert float(seen.wasted) == pytest.approx(late)
    assert float(seen.goodput) == pytest.approx(float(r.goodput))
    # 4.11 of the theory: P(T <= t, success) = 1 - q^k + q^k F(t - k (tau + b)).
    distribution = APP.station.solve(rates(r)[0]).response
    for t in (3.0, 7.5, 13.5):
        k = int(t // 6.0)
        met = 1 - late**k + late**k * (1 - float(distribution.tail(min(t - 6.0 * k, 5.0))))
        assert float(seen.success * (1 - seen.latency.tail(t))) == pytest.approx(met, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: qm.timeout(0.0, APP), "after must be a number > 0, got 0"),
        (lambda: qm.timeout(np.inf, APP), "after must be a finite number > 0, got inf"),
        (lambda: tried(APP, 1.0, 0), "attempts must be a whole number >= 1, got 0"),
        (lambda: tried(APP, 1.0, 2, budget=1.5), "budget must be a probability"),
        (lambda: tried(APP, 1.0, 2, budget=-0.1), "budget must be a probability"),
        (lambda: tried(APP, 1.0, 2, active=1.5), "active must be a probability"),
        (lambda: tried(APP, 1.0, 2, ratio=-1.0), "ratio must be a finite number >= 0"),
        (
            lambda: tried(APP, 1.0, 2, budget=0.1, reserve=-1.0),
            "reserve must be a finite number",
        ),
        (lambda: qm.timeout(-1.0, APP), "after must be a number > 0, got -1"),
        (lambda: tried(APP, 1.0, 2, backoff=0.5), "backoff must be a number >= 1"),
        (lambda: tried(APP, 1.0, 10**6), "attempts must be at most 256"),
        (lambda: qm.retry(APP, failure=0.99, attempts=10**6), "at most 256 where 0.99 of them"),
    ],
)
def test_impossible_retries(make, says) -> None:
    with pytest.raises(qm.DomainError, match=says):
        make()


def test_symbols_and_closed_loads_are_refused_with_the_reason() -> None:
    rate = sp.Symbol("lambda", positive=True)
    for path, load in (
        (tried(APP, 5.0, 3), rate),
        (tried(qm.call("app", qm.MMc(rate, 8)), 5.0, 3), 1.0),
    ):
        with pytest.raises(qm.ModelError, match="no symbolic form: put numbers in"):
            path.solve(load)
    with pytest.raises(qm.ModelError, match="visits to stations, and a timeout depends on the"):
        tried(APP, 5.0, 3).solve(qm.Closed(3, 1.0))


def test_a_reserve_of_no_budget() -> None:
    with pytest.raises(qm.ModelError, match="give budget or active as well"):
        tried(APP, 1.0, 2, reserve=1.0)


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


def test_of_general_services_too_one_curve_has_all_states() -> None:
    """One curve, solved once, where the streams that come to the timeout are Poisson."""
    db = qm.web.database(0.008, 4, write_time=0.020)
    work = qm.call("work", qm.Delay(qm.from_mean_scv(0.045, 1.5)))
    held = qm.hold("app", 24, qm.series(work, qm.branch((0.9, db.read), (0.1, db.write))))
    p = tried(qm.series(qm.call("tls", qm.MMc(0.002)), held), 0.5, 3)
    curve, late = p.plan.curve, p.plan.coupled[p.plan.timed[0]]
    assert curve is not None
    assert p.plan.variable
    # Shares whose attempts visit the database once each, but for rounding up or down.
    for part, failing in ((0.3, 0.1), (0.8, 0.25), (0.96, 0.26)):
        share, attempts = {curve.key: failing}, part * curve.end
        rate = attempts / p.plan.flows(1.0, share).inflow[curve.key]
        at = p.plan.solved(rate, share).of_kind(p.plan.kind_of[curve.key])
        assert curve(attempts) == pytest.approx(float(late.settled_in(at)), abs=1e-10)


def test_two_timeouts_that_are_alike_are_one() -> None:
    app = qm.call("app", qm.MMc(0.1, servers=8))

    def tried(name: str) -> qm.Step:
        return qm.retry(qm.timeout(0.5, app, name=name), attempts=3, pause=0.1, name=f"{name}s")

    both = qm.Pipeline(qm.branch((0.3, tried("reader")), (0.7, tried("writer"))))
    one = qm.Pipeline(tried("client"))
    assert float(both.max_rate) == pytest.approx(float(one.max_rate), rel=1e-9)
    here, there = both.solve(60.0), one.solve(60.0)
    assert here.latency.quantile(0.99) == pytest.approx(there.latency.quantile(0.99), rel=1e-8)
    assert set(here.equilibria) == {"healthy", "threshold", "collapsed"}
    for state, found in here.equilibria.items():
        like = there.equilibria[state].visits["app"]
        assert float(found.visits["app"]) == pytest.approx(float(like), rel=0.01)
    assert both.replace({"reader.after": [0.4, 0.5]}).max_rate[1] == pytest.approx(
        float(one.max_rate), rel=1e-9
    )


def test_cells_that_jitter_stand_beside_one_that_does_not():
    def site(jitter):
        step = qm.call("a", qm.MMc(0.1))
        return qm.Pipeline(qm.retry(step, attempts=3, failure=0.1, pause=0.5, jitter=jitter))

    both = site(np.array([0.0, 0.5, np.nan])).solve(1.0).latency
    for cell, jitter in enumerate((0.0, 0.5)):
        alone = site(jitter).solve(1.0).latency
        assert both.mean[cell] == pytest.approx(alone.mean, rel=1e-9)
    assert np.isnan(both.mean[2])


@pytest.mark.parametrize("service", [qm.Deterministic(1.0), qm.LogNormal(1.0, 4.0)])
def test_what_is_hardly_ever_tried_again_hardly_changes_anything(
    service: qm.distributions.Distribution,
) -> None:
    """General service leaves no Poisson stream, of which a share comes back to the station."""
    app = qm.call("app", qm.MGc(service, servers=4))
    plain = qm.Pipeline(app).solve(2.8)
    patient = tried(app, 2000.0, 3, pause=5.0).solve(2.8)
    failing = qm.Pipeline(qm.retry(app, failure=1e-6, attempts=60)).solve(2.8 * (1 - 1e-6))
    for r in (patient, failing):
        station = r.stations["app"]
        assert float(station.response_time) == pytest.approx(
            float(plain.latency.mean), rel=1e-5
        )
        assert float(r.latency.quantile(0.99)) == pytest.approx(
            float(plain.latency.quantile(0.99)), rel=1e-4
        )


def test_retries_around_one_server_of_lognormal_service() -> None:
    """Most are answered at the first attempt, and as late as the station is."""
    app = qm.call("app", qm.MG1(qm.LogNormal(1.0, 4.0)))
    r = tried(app, 5.0, 3, pause=5.0, jitter=1.0).solve(0.2)
    in_time = r.solved.stations["app"].response
    assert float(r.latency.tail(4.9)) < 0.3
    assert float(in_time.tail(5.0)) == pytest.approx(float(r.retries["retry"].wasted), rel=1e-6)


@pytest.mark.thorough
def test_two_stations_of_lognormal_service_behind_one_timeout() -> None:
    """At 80 % of the fold; two simulations of 1.5e6 requests, and all states in a second.

    The fold is the library's own: 5.98 until the second station felt rare long services late.
    """
    path = qm.series(
        qm.call("first", qm.MGc(qm.LogNormal(0.5, 4.0), servers=4)),
        qm.call("second", qm.MGc(qm.LogNormal(1.0, 4.0), servers=8)),
    )
    site = tried(path, 7.5, 3, pause=7.5, jitter=1.0)
    assert site.plan.s_curve is not None
    assert float(site.fold) == pytest.approx(5.99, abs=0.01)
    r = site.solve(4.8)
    assert list(r.equilibria) == ["healthy", "threshold", "collapsed"]
    # What the curve says and what the stations say are the same.
    tried_ = float(r.retries["retry"].amplification)
    assert tried_ == pytest.approx(float(r.visits["first"]), rel=1e-12)
    late = float(r.solved.settled[r.pipeline.plan.timed[0]])
    step = r.pipeline.kinds["all"][1].step  # type: ignore[attr-defined]
    assert float(step.settled_in(r.solved)) == pytest.approx(late, rel=1e-5)
    assert tried_ == pytest.approx(1.0222, rel=1e-3)
    assert float(r.latency.mean) == pytest.approx(1.801, rel=5e-3)
    assert float(r.latency.quantile(0.99)) == pytest.approx(13.38, rel=0.015)
