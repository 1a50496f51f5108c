"""M/M/c with priorities against a simulation, published values and the models it contains."""

import heapq

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.queues import mmc
from qmodel.queues.mg1_priority import MG1Priority
from qmodel.queues.mmc_priority import MMcPriority, interrupted_waiting_time, waiting_time


def streams(*rates):
    return [qm.Stream(rate) for rate in rates]


# priority.jsonl: mmc_np_* and mmc_pr_* (mpmath, after Cobham 1954 and by differences of
# M/M/c): rates, servers, times of each stream at a service time of 1.
WAITS = [
    ((0.4, 0.4, 0.4), 2, (0.28125, 0.46875, 0.9375)),
    (
        (3.0, 3.0, 2.0, 1.0),
        10,
        (0.09553307487252814, 0.23883268718132036, 0.8359144051346212, 3.343657620538485),
    ),
]
RESPONSES = [
    (
        (0.4, 0.4, 0.4, 0.4),
        3,
        (1.0031720856463124, 1.0441302055584178, 1.1879918264423286, 1.5469824293353704),
    ),
    ((1.5, 1.5, 1.0), 5, (1.0057540669176672, 1.2303975365808753, 2.862222811202403)),
    ((0.4, 0.4, 0.4), 2, (1.0416666666666667, 1.3392857142857142, 2.306547619047619)),
    (
        (0.25, 0.25, 0.25, 0.25),
        2,
        (1.0158730158730158, 1.1174603174603175, 1.3575757575757577, 1.8424242424242425),
    ),
]


@pytest.mark.parametrize(("rates", "servers", "waits"), WAITS)
def test_published_waits_of_services_that_are_finished(rates, servers, waits):
    r = MMcPriority(1.0, servers).solve(streams(*rates))
    assert [s.waiting_time for s in r.streams] == pytest.approx(waits, rel=1e-12)
    assert [s.response.mean for s in r.streams] == pytest.approx(
        [1 + w for w in waits], rel=1e-9
    )
    assert r.wait.atom == pytest.approx(
        1 - qm.erlang_c(servers=servers, offered_load=sum(rates))
    )
    assert r.basis == "exact"


@pytest.mark.parametrize(("rates", "servers", "responses"), RESPONSES)
def test_published_responses_of_services_that_are_interrupted(rates, servers, responses):
    r = MMcPriority(1.0, servers, preemptive=True).solve(streams(*rates))
    assert [s.response_time for s in r.streams] == pytest.approx(responses, rel=1e-11)
    assert r.basis["waiting_time"] == "exact"
    assert r.basis["p99"] == "approximate"


def simulated(rates, servers, total, seed):
    """Waits of each stream when services are finished: the next in order of (stream, time)."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / sum(rates), total)).tolist()
    kinds = rng.choice(len(rates), total, p=np.array(rates) / sum(rates)).tolist()
    times = rng.exponential(1.0, total).tolist()
    busy, queue = [], []
    waits = [[] for _ in rates]
    for now, kind, time in zip(arrivals, kinds, times, strict=True):
        while busy and busy[0] <= now:
            free = heapq.heappop(busy)
            if queue:
                which, came, needs = heapq.heappop(queue)
                waits[which].append(free - came)
                heapq.heappush(busy, free + needs)
        if len(busy) < servers:
            waits[kind].append(0.0)
            heapq.heappush(busy, now + time)
        else:
            heapq.heappush(queue, (kind, now, time))
    return [np.array(w[len(w) // 50 :]) for w in waits]


def test_the_distributions_of_the_wait_by_simulation():
    rates, servers = (1.5, 1.5, 1.2), 5
    seen = simulated(rates, servers, 500_000, seed=7)
    r = MMcPriority(1.0, servers).solve(streams(*rates))
    station = MMcPriority(1.0, servers)
    for k, waits in enumerate(seen):
        mean, distribution = station._finished(rates, k)
        batches = waits[: len(waits) // 50 * 50].reshape(50, -1)
        error = batches.mean(axis=1).std() / np.sqrt(49)
        assert abs(waits.mean() - r.streams[k].waiting_time) < 4 * error
        assert distribution.mean == pytest.approx(mean, rel=1e-9)
        for t in (0.0, 0.3, 1.0, 4.0):
            late = (batches > t).mean(axis=1)
            assert abs(late.mean() - distribution.tail(t)) < 4 * late.std() / np.sqrt(49) + 1e-5


def test_one_server_is_m_g_1_with_priorities():
    for preemptive in (False, True):
        here = MMcPriority(0.1, 1, preemptive).solve(streams(3.0, 2.0, 4.0))
        there = MG1Priority(qm.Exponential(0.1), preemptive).solve(streams(3.0, 2.0, 4.0))
        for a, b in zip(here.streams, there.streams, strict=True):
            assert a.waiting_time == pytest.approx(b.waiting_time, rel=1e-10)
            if not preemptive:
                p = np.array([0.3, 0.9, 0.99])
                np.testing.assert_allclose(
                    a.response.quantile(p), b.response.quantile(p), rtol=1e-6
                )


def test_all_streams_together_are_m_m_c():
    rates = (1.0, 0.5, 2.0)
    whole = qm.MMc(1.0, 4).solve(3.5)
    for preemptive in (False, True):
        r = MMcPriority(1.0, 4, preemptive).solve(streams(*rates))
        mean = sum(x * s.waiting_time for x, s in zip(rates, r.streams, strict=True)) / 3.5
        assert mean == pytest.approx(whole.waiting_time, rel=1e-12)
        assert r.wait.mean == pytest.approx(whole.waiting_time, rel=1e-9)
        assert r.number_in_system == pytest.approx(3.5 * r.response_time)
    only = MMcPriority(1.0, 4).solve(3.5)
    assert only.waiting_time == whole.waiting_time
    assert only.response.quantile(0.9) == pytest.approx(whole.response.quantile(0.9), rel=1e-8)


def test_a_vanishing_stream_has_the_derivative():
    waits = [
        float(interrupted_waiting_time(rate, 1.0, servers=4, above=3.0))
        for rate in (1e-2, 1e-4, 1e-5, 1e-6, 0.0)
    ]
    h = 1e-4
    slope = (
        (3 + h) * mmc.waiting_time(3 + h, 1.0, servers=4)
        - (3 - h) * mmc.waiting_time(3 - h, 1.0, servers=4)
    ) / (2 * h)
    assert waits[-1] == pytest.approx(slope, rel=1e-6)
    assert np.all(np.diff(waits) < 0)
    assert waits[1] == pytest.approx(waits[-1], rel=1e-3)
    assert interrupted_waiting_time(0.0, 1.0, servers=4, above=0.0) == 0.0
    assert waiting_time(0.0, 1.0, servers=4, above=0.0, below=0.0) == 0.0


def test_overload_starves_only_the_last():
    r = MMcPriority(1.0, 2).solve(streams(0.8, 0.9, 0.9))
    # All servers are always busy: the first two streams wait as with C = 1.
    assert r.streams[0].waiting_time == pytest.approx(0.5 / 0.6)
    assert r.streams[1].waiting_time == pytest.approx(0.5 / (0.6 * 0.15))
    assert r.streams[2].waiting_time == np.inf
    assert r.streams[2].response.quantile(0.5) == np.inf
    assert np.isfinite(r.streams[1].response.quantile(0.99))
    p = MMcPriority(1.0, 2, preemptive=True).solve(streams(0.8, 0.9, 0.9))
    assert p.streams[0].waiting_time == pytest.approx(mmc.waiting_time(0.8, 1.0, servers=2))
    assert p.streams[2].waiting_time == np.inf


@pytest.mark.parametrize("preemptive", [False, True])
def test_arrays_equal_their_cells(preemptive):
    first, second = np.array([0.0, 0.5, 1.5, np.nan]), np.array([[0.0], [1.0]])
    whole = MMcPriority(1.0, 2, preemptive).solve(streams(first, second))
    percentiles = [
        np.broadcast_to(s.response.quantile(0.99), (2, 4)) for s in whole.streams[:2]
    ]
    for i, j in np.ndindex(2, 4):
        one = MMcPriority(1.0, 2, preemptive).solve(
            streams(float(first[j]), float(second[i, 0]))
        )
        for k in (0, 1):
            a, b = whole.streams[k], one.streams[k]
            wait = np.broadcast_to(a.waiting_time, (2, 4))[i, j]
            np.testing.assert_allclose(wait, b.waiting_time, rtol=1e-12)
            p99 = percentiles[k][i, j]
            np.testing.assert_allclose(p99, b.response.quantile(0.99), rtol=1e-8)


def test_units_and_symbols():
    fast = MMcPriority(1.0, 3).solve(streams(1.0, 1.0))
    slow = MMcPriority(1000.0, 3).solve(streams(0.001, 0.001))
    for a, b in zip(fast.streams, slow.streams, strict=True):
        assert b.waiting_time == pytest.approx(1000 * a.waiting_time)
        assert b.response.quantile(0.9) == pytest.approx(
            1000 * a.response.quantile(0.9), rel=1e-7
        )
    lam, s = sp.symbols("lambda S", positive=True)
    for f, args in (
        (waiting_time, {"above": lam, "below": lam / 2}),
        (interrupted_waiting_time, {"above": lam}),
    ):
        value = f(lam, s, servers=2, **args).doit().subs({lam: sp.Rational(1, 4), s: 2})
        numbers = {name: float(x.subs(lam, 0.25)) for name, x in args.items()}
        assert float(value) == pytest.approx(
            float(f(0.25, 2.0, servers=2, **numbers)), rel=1e-12
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MMcPriority(0.0), "service_time must be a number > 0, got 0"),
        (lambda: MMcPriority(1.0, 1.5), "servers must be a whole number >= 1, got 1.5"),
        (
            lambda: waiting_time(1.0, 1.0, above=-1.0, below=0.0),
            "above must be a number >= 0, got -1",
        ),
        (
            lambda: waiting_time(1.0, 1.0, above=0.0, below=-2.0),
            "below must be a number >= 0, got -2",
        ),
    ],
)
def test_impossible_parameters_are_named(make, message):
    with pytest.raises(qm.DomainError, match=message):
        make()


def test_streams_with_means_of_their_own():
    """Published and recomputed by a chain of both numbers; for three streams, of all three."""
    own = [qm.Exponential(1 / 1.2), None, qm.Exponential(1 / 0.8)]
    two = MMcPriority(1.0, 2, preemptive=True).solve(
        [qm.Stream(0.5, own[0]), qm.Stream(0.3, own[2])]
    )
    assert [s.response_time for s in two.streams] == pytest.approx(
        [0.8711433756805798, 1.6251646867447853], rel=1e-10
    )
    assert two.basis["waiting_time"] == "exact"
    assert two.response.mean == pytest.approx(two.response_time, rel=1e-10)
    assert two.offered_load == pytest.approx(0.5 / 1.2 + 0.3 / 0.8)
    three = MMcPriority(1.0, 2, preemptive=True).solve(
        [qm.Stream(0.3, distribution) for distribution in own]
    )
    assert [s.response_time for s in three.streams] == pytest.approx(
        [0.846560846558316, 1.1300993751541617, 1.8626383046645034], rel=5e-4
    )
    assert three.basis["waiting_time"] == "approximate"


@pytest.mark.parametrize("preemptive", [False, True])
def test_means_of_their_own_have_the_limits_of_equal_means_and_of_one_server(preemptive):
    alike = qm.Exponential(1.0 + 1e-9)
    equal, nearly = (
        MMcPriority(1.0, 3, preemptive).solve(
            [qm.Stream(0.8), qm.Stream(1.0, distribution), qm.Stream(0.9)]
        )
        for distribution in (None, alike)
    )
    for one, other in zip(equal.streams, nearly.streams, strict=True):
        assert other.waiting_time == pytest.approx(one.waiting_time, rel=1e-7)
        assert other.response.quantile(0.99) == pytest.approx(
            one.response.quantile(0.99), rel=1e-6
        )
    streams = [qm.Stream(0.3, qm.Exponential(0.5)), qm.Stream(0.3, qm.Exponential(2.0))]
    single = qm.MG1Priority(qm.Exponential(1.0), preemptive).solve(streams)
    found = MMcPriority(1.0, 1, preemptive).solve(streams)
    for one, other in zip(single.streams, found.streams, strict=True):
        assert other.response_time == pytest.approx(one.response_time, rel=1e-9)


@pytest.mark.parametrize("preemptive", [False, True])
def test_overload_below_leaves_the_streams_above(preemptive):
    rates = np.array([0.0, 1.0, 3.0, np.nan])
    r = MMcPriority(1.0, 3, preemptive).solve(
        [qm.Stream(0.8), qm.Stream(rates, qm.Exponential(1.5))]
    )
    first, second = r.streams
    assert np.isfinite(np.broadcast_to(first.waiting_time, 4)[:3]).all()
    np.testing.assert_array_equal(np.isinf(second.waiting_time), [False, False, True, False])
    assert np.isnan(second.waiting_time[3])
    assert np.isnan(r.waiting_time[3])
    np.testing.assert_allclose(r.utilization[:3], (0.8 + 1.5 * rates[:3]) / 3)


def test_streams_have_exponential_service():
    with pytest.raises(qm.errors.ModelError, match="must be Exponential"):
        MMcPriority(1.0).solve([qm.Stream(0.1, qm.Erlang(2.0, 2))])
    with pytest.raises(qm.errors.ModelError, match="must be Exponential"):
        MMcPriority(1.0).serving(qm.Erlang(1.0, 2))
