"""Tied requests: at several queues, withdrawn where they do not begin first."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
import sympy as sp
from scipy import integrate

import qmodel as qm
from qmodel.balancing import CentralQueue, PowerOfChoices, RandomSplit
from qmodel.balancing.fan_out.tied_requests import (
    TiedRequests,
    waiting_tail_of_many,
    waiting_time_of_many,
)
from qmodel.errors import DomainError, ModelError


def simulated(replicas: int, copies: int, load: float, steps: int, runs: int) -> np.ndarray:
    """Queues with their copies in them: the first server to reach a request takes it.

    All runs at once. Nothing here knows that this is the least work left.
    """
    rng = np.random.default_rng(replicas + copies)
    free, waits = np.zeros((runs, replicas)), np.empty((runs, steps))
    drawn = rng.random((steps, runs, replicas)).argsort(axis=2)[..., :copies]
    now = np.zeros(runs)
    for i in range(steps):
        now = now + rng.exponential(1 / (replicas * load), runs)
        at = np.take_along_axis(free, drawn[i], 1)
        first = at.argmin(axis=1)[:, None]
        start = np.maximum(np.take_along_axis(at, first, 1)[:, 0], now)
        end = start + rng.exponential(1.0, runs)
        np.put_along_axis(free, np.take_along_axis(drawn[i], first, 1), end[:, None], 1)
        waits[:, i] = start - now
    return waits[:, steps // 4 :]


def with_queues(replicas: int, copies: int, load: float, jobs: int) -> float:
    """Mean wait with real queues of copies, event by event."""
    rng = np.random.default_rng(3)
    queues: list[list[int]] = [[] for _ in range(replicas)]
    busy, begun = [False] * replicas, np.full(jobs, np.nan)
    arrivals = np.cumsum(rng.exponential(1 / (replicas * load), jobs))
    ends: list[tuple[float, int]] = []

    def begin(replica: int, now: float) -> None:
        queue = queues[replica]
        while queue and not np.isnan(begun[queue[0]]):
            queue.pop(0)  # withdrawn
        busy[replica] = bool(queue)
        if queue:
            begun[queue.pop(0)] = now
            heapq.heappush(ends, (now + rng.exponential(1.0), replica))

    for job, at in enumerate(arrivals):
        while ends and ends[0][0] <= at:
            end, replica = heapq.heappop(ends)
            begin(replica, end)
        for replica in rng.choice(replicas, copies, replace=False):
            queues[replica].append(job)
            if not busy[replica]:
                begin(replica, at)
    kept = slice(jobs // 10, jobs * 9 // 10)
    return float((begun - arrivals)[kept].mean())


def test_withdrawing_copies_is_the_least_work_left() -> None:
    real = with_queues(5, 2, 0.8, 60_000)
    least = simulated(5, 2, 0.8, steps=1500, runs=300).mean()
    assert real == pytest.approx(least, rel=0.06)


@pytest.mark.parametrize(
    ("replicas", "copies", "load"), [(3, 2, 0.7), (10, 2, 0.8), (20, 3, 0.5)]
)
def test_against_simulation(replicas: int, copies: int, load: float) -> None:
    waits = simulated(replicas, copies, load, steps=800, runs=400)
    r = TiedRequests(qm.MMc(1.0), replicas, copies).solve(replicas * load)
    error = 4 * waits.mean(axis=1).std() / 20
    assert float(r.response_time) == pytest.approx(
        1 + waits.mean(), rel=0.037 + error / (1 + waits.mean())
    )
    assert float(r.wait.tail(0.0)) == pytest.approx((waits > 0).mean(), abs=0.03 + 0.015)
    response = waits + np.random.default_rng(1).exponential(1.0, waits.shape)
    for p, bound in ((0.5, 0.06), (0.9, 0.06), (0.99, 0.1)):
        found = float(np.quantile(response, p))
        assert float(r.response.quantile(p)) == pytest.approx(found, rel=bound + 0.03)
    assert r.basis["response_time"] == "approximate"


def test_at_all_replicas_it_is_one_queue() -> None:
    for replica in (qm.MMc(0.1), qm.MMc(0.1, servers=3), qm.MG1(qm.Erlang(0.1, 3))):
        tied = TiedRequests(replica, 4, copies=4)
        rate = 0.8 * float(tied.max_rate)
        central = CentralQueue(replica, 4).solve(rate)
        assert float(tied.solve(rate).response_time) == float(central.response_time)
    assert TiedRequests(qm.MMc(0.1), 4, 4).solve(30.0).basis == "exact"
    # The general formula says the same.
    several = TiedRequests(qm.MMc(0.1), [2, 3, 50], [2, 3, 2]).solve([15.0, 25.0, 400.0])
    exact = [
        CentralQueue(qm.MMc(0.1), n).solve(x).response_time for n, x in ((2, 15.0), (3, 25.0))
    ]
    assert several.response_time[:2] == pytest.approx(exact, rel=1e-12)
    p99 = CentralQueue(qm.MMc(0.1), 3).solve(25.0).response.quantile(0.99)
    assert several.response.quantile(0.99)[1] == pytest.approx(p99, rel=1e-9)


def test_one_copy_is_a_random_choice() -> None:
    assert float(TiedRequests(qm.MMc(0.1), 8, 1).solve(64.0).response_time) == pytest.approx(
        0.5
    )
    both = TiedRequests(qm.MMc(0.1), 8, [1, 2]).solve(64.0)
    alone = RandomSplit(qm.MMc(0.1), 8).solve(64.0)
    assert both.response_time[0] == pytest.approx(float(alone.response_time), rel=1e-12)
    assert both.response.quantile(0.99)[0] == pytest.approx(
        float(alone.response.quantile(0.99)), rel=1e-9
    )


@pytest.mark.parametrize("copies", [2, 3, 5, 10])
@pytest.mark.parametrize("load", [0.1, 0.5, 0.9, 0.99])
def test_the_mean_of_many_is_the_integral_of_the_tail(copies: int, load: float) -> None:
    mean, _ = integrate.quad(
        lambda t: waiting_tail_of_many(load, copies=copies, t=t), 0, 60, limit=400
    )
    assert float(waiting_time_of_many(load, copies)) == pytest.approx(mean, rel=1e-8)
    k = np.arange(1, 20_000)
    series = (load ** (copies * k) / (1 + k * (copies - 1))).sum()
    assert float(waiting_time_of_many(load, copies)) == pytest.approx(series, rel=1e-9)


def test_a_great_pool_has_the_mean_and_the_variance_of_many() -> None:
    for load, copies in ((0.5, 2), (0.9, 3)):
        wait = TiedRequests(qm.MMc(1.0), 10**7, copies).solve(load * 10**7).wait
        assert wait is not None
        t = np.linspace(0.0, 60.0, 600_001)
        tail = waiting_tail_of_many(load, copies=copies, t=t)
        first, second = integrate.trapezoid(tail, t), integrate.trapezoid(2 * t * tail, t)
        assert float(wait.mean) == pytest.approx(first, rel=1e-4)
        assert float(wait.variance) == pytest.approx(second - first**2, rel=1e-3)


@pytest.mark.parametrize("copies", [2, 4])
def test_the_tail_of_many_solves_the_balance_of_work(copies: int) -> None:
    """What rises above a level of work falls through it: the cavity equation."""
    load, h = 0.8, 1e-3
    t = np.arange(0, 3, h)
    waits = waiting_tail_of_many(load, copies=copies, t=t)
    work = waits ** (1 / copies)  # of one replica
    falls = -np.gradient(work, h)
    for i in (500, 1500, 2500):
        begins = (1 - waits[0]) * np.exp(-t[i])
        inside = -np.gradient(waits, h)[: i + 1] * np.exp(-(t[i] - t[: i + 1]))
        rises = load * (begins + integrate.trapezoid(inside, dx=h))
        assert falls[i] == pytest.approx(rises, rel=1e-3)
    assert work[0] == pytest.approx(load)


def test_the_tail_of_many_on_symbols() -> None:
    rho, t = sp.symbols("rho t", positive=True)
    tail = waiting_tail_of_many(rho, copies=2, t=t)
    number = float(tail.subs({rho: sp.Rational(9, 10), t: 1}))
    assert number == pytest.approx(float(waiting_tail_of_many(0.9, copies=2, t=1.0)), rel=1e-13)
    mean = -sp.log(1 - rho**2) / rho**2 - 1  # two copies, by hand
    assert float(mean.subs(rho, 0.7)) == pytest.approx(float(waiting_time_of_many(0.7, 2)))


def test_order_of_the_policies() -> None:
    loads = np.array([0.2, 0.5, 0.8, 0.95])
    for n in (3, 10, 100):
        rate, one = loads * n, qm.MMc(1.0)
        tied = TiedRequests(one, n).solve(rate).response_time
        assert (tied >= CentralQueue(one, n).solve(rate).response_time).all()
        assert (tied <= PowerOfChoices(one, n).solve(rate).response_time * 1.02).all()


def test_cells_overload_idle_and_nan() -> None:
    r = TiedRequests(qm.MMc(0.1), [[10], [40]], 2).solve([0.0, 80.0, np.nan, 500.0])
    assert r.response_time.shape == (2, 4)
    assert r.response_time[:, 0] == pytest.approx(0.1)
    assert np.isnan(r.response_time[:, 2]).all()
    assert np.isinf(r.response_time[:, 3]).all()
    alone = TiedRequests(qm.MMc(0.1), 40, 2).solve(80.0)
    assert r.response.quantile(0.99)[1, 1] == pytest.approx(
        float(alone.response.quantile(0.99)), rel=1e-9
    )
    assert np.isinf(r.response.quantile(0.99)[:, 3]).all()


def test_in_a_pipeline() -> None:
    pool = TiedRequests(qm.MMc(0.01), replicas=20)
    site = qm.Pipeline(qm.series(qm.call("net", qm.Delay(0.002)), qm.call("pool", pool)))
    r = site.solve(1600.0)
    assert float(r.latency.mean) == pytest.approx(
        0.002 + float(pool.solve(1600.0).response_time), rel=1e-9
    )
    assert "tied-requests" in r.basis.assumptions("mean")


def test_what_is_refused() -> None:
    with pytest.raises(DomainError, match="copies must be at most replicas, got 3 at 2"):
        TiedRequests(qm.MMc(1.0), 2, copies=3)
    with pytest.raises(DomainError, match="copies must be a whole number >= 1"):
        TiedRequests(qm.MMc(1.0), 2, copies=0)
    with pytest.raises(ModelError, match="one worker"):
        TiedRequests(qm.MMc(1.0, servers=2), 4).solve(1.0)
    with pytest.raises(DomainError, match="load must be a probability"):
        waiting_time_of_many(1.5, 2)
    with pytest.raises(DomainError, match="copies must be a whole number >= 2"):
        waiting_tail_of_many(0.5, copies=1, t=1.0)
