"""Erlang A: against the chain, a matrix exponential, a simulation, and published figures."""

import heapq

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import expm

from qmodel.errors import DomainError, ModelError
from qmodel.queues.birth_death import state_probabilities
from qmodel.queues.counts.states import Poisson
from qmodel.queues.erlang_a import ErlangA
from qmodel.queues.mgcc import MGcc
from qmodel.queues.mmc import MMc
from qmodel.queues.mmck import MMcK

# servers, load, patience in service times: light, critical, overload; short, equal, long.
CASES = [
    (1, 0.3, 2.0),
    (1, 1.7, 1.0),
    (3, 0.8, 0.05),
    (10, 1.2, 2.0),
    (10, 0.4, 40.0),
    (30, 0.9, 300.0),
    (30, 1.0, 3.0),
    (60, 2.0, 0.7),
]


def chain(c, a, patience, capacity):
    n = np.arange(1, capacity + 1)
    return state_probabilities(
        np.full(capacity, a), np.minimum(n, c) + np.maximum(n - c, 0) / patience
    )


def enough(c, a, patience):
    return int(c + 60 + 12 * np.sqrt(a * patience) + max(a - c, 0) * patience * 1.5)


@pytest.mark.parametrize(("c", "load", "patience"), CASES)
def test_means_and_states_are_those_of_the_chain(c, load, patience):
    a = load * c
    p = chain(c, a, patience, enough(c, a, patience))
    n = np.arange(len(p))
    queue = p @ np.maximum(n - c, 0)
    r = ErlangA(1.0, c, patience).solve(a)
    assert r.queue_length == pytest.approx(queue, rel=1e-10, abs=0)
    assert r.abandonment == pytest.approx(queue / patience / a, rel=1e-10, abs=0)
    assert r.number_in_system == pytest.approx(p @ n, rel=1e-11)
    assert r.utilization == pytest.approx(p @ np.minimum(n, c) / c, rel=1e-11)
    assert r.wait.tail(0.0) == pytest.approx(p[c:].sum(), rel=1e-10, abs=0)
    seen = p > 1e-14
    np.testing.assert_allclose(r.number.probability(n)[seen], p[seen], rtol=1e-9)
    tails = p[::-1].cumsum()[::-1] - p
    np.testing.assert_allclose(r.number.tail(n), tails, rtol=1e-9, atol=1e-14)
    assert r.number.mean == pytest.approx(p @ n, rel=1e-11)
    assert r.number.variance == pytest.approx(p @ (n - p @ n) ** 2, rel=1e-9)


@pytest.mark.parametrize("capacity", [np.inf, 14])
@pytest.mark.parametrize(
    ("c", "load", "patience"), [(1, 0.8, 2.0), (3, 1.3, 0.4), (4, 0.7, 9.0)]
)
def test_distributions_are_those_of_a_tagged_request(c, load, patience, capacity):
    """Follow an arrival through a chain: k ahead in queue, in service, served, given up."""
    a, theta = load * c, 1 / patience
    most = 14 if capacity == 14 else enough(c, a, patience)
    p = chain(c, a, patience, most)
    found = p[:-1] / p[:-1].sum()
    m = most - c
    service, served = m, m + 1
    q = np.zeros((m + 2, m + 2))
    for k in range(m):
        q[k, service if k == 0 else k - 1] = c + k * theta
        q[k, k] = -c - (k + 1) * theta  # the rest gives up, and leaves the chain
    q[service, service], q[service, served] = -1.0, 1.0
    start = np.concatenate([found[c:], [found[:c].sum(), 0.0]])
    only_queue = q[:m, :m]
    patient = only_queue + theta * np.eye(m)
    share = start @ expm(q * 200.0)
    r = ErlangA(1.0, c, patience, capacity).solve(a)
    assert r.loss == pytest.approx(0.0 if capacity == np.inf else p[-1], rel=1e-11)
    gave_up = (1 - share[served]) * (1 - r.loss)
    assert r.abandonment == pytest.approx(gave_up, rel=1e-9)
    for t in (0.0, 0.1, 0.8, 2.5, 6.0):
        at = start @ expm(q * t)
        queued = start[:m] @ expm(only_queue * t)
        assert r.wait.tail(t) == pytest.approx(queued.sum(), rel=1e-9)
        offered = start[:m] @ expm(patient * t)
        assert r.offered_wait.tail(t) == pytest.approx(offered.sum(), rel=1e-9)
        assert r.response.tail(t) == pytest.approx(at[:served].sum(), rel=1e-9)
        later = (np.append(queued, [0, 0]) @ expm(q * 200.0))[served]
        assert r.served_wait.tail(t) == pytest.approx(later / share[served], rel=1e-8)
        done = 1 - at[served] / share[served]
        assert r.served_response.tail(t) == pytest.approx(done, rel=1e-8, abs=1e-13)
        still = share[served] * (1 - r.served_wait.tail(t))
        assert r.served_within(t) == pytest.approx(still, rel=1e-9)


@pytest.mark.parametrize("capacity", [np.inf, 25])
@pytest.mark.parametrize(("c", "load", "patience"), CASES[1:4])
def test_faces_of_the_distributions_agree(c, load, patience, capacity):
    s = 0.2
    r = ErlangA(s, c, patience * s, capacity).solve(load * c / s)
    distributions = (r.wait, r.response, r.offered_wait, r.served_wait, r.served_response)
    for distribution in distributions:
        assert distribution.tail(-1.0) == 1.0
        t, h = 0.06, 1e-5
        slope = (distribution.tail(t - h) - distribution.tail(t + h)) / (2 * h)
        assert distribution.density(t) == pytest.approx(slope, rel=1e-4, abs=1e-9)
        p = np.array([0.2, 0.9, 0.999])
        found = distribution.quantile(p)
        inside = found > 0
        np.testing.assert_allclose(distribution.tail(found)[inside], (1 - p)[inside], rtol=1e-8)
        step = 1e-4 / (distribution.mean + s)
        minus = (1 - distribution.laplace(step)) / step
        assert minus == pytest.approx(distribution.mean, rel=1e-3, abs=1e-9)
    assert r.wait.mean == pytest.approx(r.waiting_time, rel=1e-9)
    assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)
    if capacity == np.inf:
        # Those that give up waited as well: the mean of all is that of both kinds.
        served = (1 - r.abandonment) * r.served_wait.mean
        assert served < r.waiting_time
        both = (1 - r.abandonment) * r.served_response.mean
        assert both + r.waiting_time - served == pytest.approx(r.response_time, rel=1e-8)


def test_golden_values():
    # theory.md section 13, at 15 digits.
    r = ErlangA(1.0, 10, 2.0).solve(12.0)
    assert r.wait.tail(0.0) == pytest.approx(0.850384947914752, rel=1e-13)
    assert r.abandonment == pytest.approx(0.195655944010723, rel=1e-13)
    assert r.waiting_time == pytest.approx(0.391311888021446, rel=1e-13)
    assert r.served_wait.mean == pytest.approx(0.400833695424, rel=1e-11)


@pytest.mark.parametrize(
    ("c", "rate", "theta", "wait", "left", "queue", "busy"),
    [
        # mpmath, birth-death with a tail below 1e-30 (reference erlanga_n*).
        (10, 10.0, 1.0, 0.5420702855281478, 0.1251100357211333, 1.251100357211333,
         0.8748899642788667),
        (25, 30.0, 2.0, 0.7372592500316917, 0.19405175654522852, 2.9107763481784277,
         0.9671378921457258),
        (100, 95.0, 0.5, 0.3644744648394073, 0.015141041627081776, 2.8767979091455373,
         0.9356160104542723),
        (500, 500.0, 1.0, 0.5059471461707603, 0.01783826786951178, 8.91913393475589,
         0.9821617321304882),
    ],
)  # fmt: skip
def test_published_figures(c, rate, theta, wait, left, queue, busy):
    r = ErlangA(1.0, c, 1 / theta).solve(rate)
    assert r.wait.tail(0.0) == pytest.approx(wait, rel=1e-12)
    assert r.abandonment == pytest.approx(left, rel=1e-12, abs=0)
    assert r.queue_length == pytest.approx(queue, rel=1e-12)
    assert r.utilization == pytest.approx(busy, rel=1e-12)


def test_published_call_centre_with_finite_places():
    # fkb: M/M/28/80+M, service 240 s, patience 300 s (reference fkb_erlanga_28, _abort).
    r = ErlangA(240.0, 28, 300.0, 80).solve(0.1)
    assert r.number.probability(30) == pytest.approx(0.03655086716188359, rel=1e-12)
    assert r.queue_length == pytest.approx(0.6833261838358367, rel=1e-12)
    assert r.number_in_system == pytest.approx(24.136665236767172, rel=1e-12)
    assert r.waiting_time == pytest.approx(6.833261838358366, rel=1e-12)
    assert r.response_time == pytest.approx(241.36665236767172, rel=1e-12)
    left = ErlangA(240.0, 25, 30.0, 80).solve(0.1).abandonment
    assert left == pytest.approx(0.09759081562546817, rel=1e-12)


@pytest.mark.parametrize(
    ("rate", "offered", "served", "waited"),
    [
        (0.1, 0.8632251430535152, 0.8600181601803452, 0.8720461659498632),
        (1 / 11, 0.9417750940702599, 0.9399997772518451, 0.9455301937999193),
    ],
)
def test_three_service_levels(rate, offered, served, waited):
    # Reference erlanga_sl_exact_0 and _1: M/M/28/80+M, within 20 s.
    r = ErlangA(240.0, 28, 300.0, 80).solve(rate)
    assert r.offered_within(20.0) == pytest.approx(offered, rel=1e-8)
    assert r.served_within(20.0) == pytest.approx(served, rel=1e-8)
    assert r.waited_within(20.0) == pytest.approx(waited, rel=1e-8)


def test_simulated():
    """What a simulation of 4e5 calls finds: who gives up, and how long the served wait."""
    rng = np.random.default_rng(7)
    n, c, rate, theta = 400_000, 4, 4.4, 0.7
    free, left, wait = [0.0] * c, np.empty(n, bool), np.empty(n)
    arrivals = np.cumsum(rng.exponential(1 / rate, n)).tolist()
    service, patience = rng.exponential(1.0, n).tolist(), rng.exponential(1 / theta, n).tolist()
    for i, t in enumerate(arrivals):
        offered = max(free[0] - t, 0.0)
        left[i] = offered > patience[i]
        wait[i] = min(offered, patience[i])
        if not left[i]:
            heapq.heapreplace(free, t + offered + service[i])
    r = ErlangA(1.0, c, 1 / theta).solve(rate)

    def near(values, expected):
        batches = np.array([b.mean() for b in np.array_split(values, 40)])
        half = 4 * batches.std(ddof=1) / np.sqrt(40)
        assert values.mean() == pytest.approx(expected, abs=half)

    near(left, r.abandonment)
    near(wait, r.waiting_time)
    near(wait > 1.0, r.wait.tail(1.0))
    near(wait[~left], r.served_wait.mean)
    near(wait[~left] > 1.0, r.served_wait.tail(1.0))


def test_limits_between_models():
    # Patience as long as service: nobody can tell a queue from servers.
    r = ErlangA(1.0, 5, 1.0).solve(8.0)
    n = np.arange(25)
    np.testing.assert_allclose(r.number.probability(n), Poisson(8.0).probability(n), rtol=1e-12)
    np.testing.assert_allclose(r.number.tail(n), Poisson(8.0).tail(n), rtol=1e-11)
    assert r.number.variance == pytest.approx(8.0, rel=1e-12)
    # Long patience is M/M/c, to the last digits of what would cancel.
    free = MMc(1.0, 5).solve(4.0)
    r = ErlangA(1.0, 5, 1e12).solve(4.0)
    assert r.waiting_time == pytest.approx(free.waiting_time, rel=1e-9)
    assert r.abandonment == pytest.approx(free.waiting_time / 1e12, rel=1e-9, abs=0)
    distribution = ErlangA(1.0, 5, 1e6).solve(4.0).served_response
    assert distribution.quantile(0.99) == pytest.approx(free.response.quantile(0.99), rel=1e-4)
    assert distribution.tail(0.0) == pytest.approx(1.0, rel=1e-9)
    # Without patience nobody waits: Erlang B.
    r = ErlangA(1.0, 5, 1e-9).solve(4.0)
    assert r.abandonment == pytest.approx(
        MGcc(free.station.service, 5).solve(4.0).loss, rel=1e-7
    )
    # Many places are no limit, and long patience with few is M/M/c/K.
    r, many = ErlangA(1.0, 3, 2.0).solve(4.0), ErlangA(1.0, 3, 2.0, 90).solve(4.0)
    assert many.abandonment == pytest.approx(r.abandonment, rel=1e-11)
    assert many.response.tail(1.0) == pytest.approx(r.response.tail(1.0), rel=1e-11)
    few, lost = ErlangA(1.0, 3, 1e9, 9).solve(4.0), MMcK(1.0, 3, 9).solve(4.0)
    assert few.loss == pytest.approx(lost.loss, rel=1e-7)
    assert few.response.tail(2.0) == pytest.approx(lost.response.tail(2.0), rel=1e-7)


def test_a_million_servers_in_any_load():
    load = np.array([0.9, 1.0, 1.1])
    r = ErlangA(1.0, 1_000_000, 2.0).solve(load * 1e6)
    assert r.abandonment[2] == pytest.approx(1 - 1 / 1.1, rel=1e-9)
    assert 0 < r.abandonment[1] < 1e-3
    assert r.abandonment[0] == 0.0
    assert (np.diff(r.wait.tail(0.0)) > 0).all()
    np.testing.assert_allclose(r.wait.tail(r.wait.quantile(0.9))[2], 0.1, rtol=1e-6)


def test_little_and_time_unit():
    for capacity in (np.inf, 12):
        r = ErlangA(0.5, 4, 0.3, capacity).solve(np.array([1.0, 8.0, 30.0]))
        through = r.arrival_rate * (1 - r.loss)
        np.testing.assert_allclose(r.queue_length, through * r.waiting_time, rtol=1e-12)
        np.testing.assert_allclose(r.number_in_system, through * r.response_time, rtol=1e-12)
        np.testing.assert_allclose(r.utilization, r.throughput * 0.5 / 4, rtol=1e-12)
        fast = ErlangA(0.5e-3, 4, 0.3e-3, capacity).solve(np.array([1.0, 8.0, 30.0]) * 1000)
        np.testing.assert_allclose(fast.abandonment, r.abandonment, rtol=1e-12)
        np.testing.assert_allclose(fast.wait.tail(1e-4), r.wait.tail(0.1), rtol=1e-10)


@pytest.mark.parametrize("capacity", [np.inf, np.array([[4], [9]])])
def test_arrays_zero_load_and_nan(capacity):
    rate = np.array([0.0, 0.7, 30.0, np.nan])
    c = np.array([[1], [3]])
    r = ErlangA(1.0, c, 2.0, capacity).solve(rate)
    for i in range(2):
        for j in range(4):
            k = capacity if np.ndim(capacity) == 0 else int(capacity[i, 0])
            one = ErlangA(1.0, int(c[i, 0]), 2.0, k).solve(rate[j])
            for got, want in [
                *((getattr(r, n)[i, j], getattr(one, n)) for n in
                  ("loss", "abandonment", "waiting_time", "response_time", "utilization")),
                (r.wait.tail(0.4)[i, j], one.wait.tail(0.4)),
                (r.response.quantile(0.9)[i, j], one.response.quantile(0.9)),
                (r.served_response.tail(0.4)[i, j], one.served_response.tail(0.4)),
                (r.number.tail(1)[i, j], one.number.tail(1)),
                (r.number.variance[i, j], one.number.variance),
            ]:  # fmt: skip
                assert got == pytest.approx(want, rel=1e-9, nan_ok=True)
                assert np.isnan(got) == (j == 3)
    assert r.served_wait.mean.shape == (2, 4)
    np.testing.assert_array_equal(r.abandonment[:, 0], 0.0)
    np.testing.assert_array_equal(r.response_time[:, 0], 1.0)
    np.testing.assert_allclose(r.response.tail(0.4)[:, 0], np.exp(-0.4), rtol=1e-12)


def test_labels_and_refusals():
    r = ErlangA(1.0, 2, 1.0).solve(1.0)
    assert str(r.basis) == r.basis["abandonment"] == r.basis["p99"] == "exact"
    assert r.station.max_rate == np.inf
    from qmodel.distributions import Deterministic

    with pytest.raises(ModelError, match="exponential"):
        r.station.serving(Deterministic(1.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1, 1.0), "service_time must be a number > 0, got 0"),
        ((1.0, 0, 1.0), "servers must be a whole number >= 1, got 0"),
        ((1.0, 1, 0.0), "patience must be a number > 0, got 0"),
        ((1.0, 1, np.inf), "patience must be finite, got inf"),
        ((1.0, 3, 1.0, 2), "capacity must be at least servers = 3, got 2"),
        ((1.0, 1, 1.0, [2, np.inf]), "capacity must be finite in all cells or in none"),
    ],
)
def test_impossible_values_are_refused_by_name(arguments, message):
    with pytest.raises(DomainError, match=message):
        ErlangA(*arguments)
    with pytest.raises(DomainError, match="arrival_rate"):
        ErlangA(1.0, 1, 1.0).solve(-1.0)


@pytest.mark.parametrize(
    ("c", "load", "patience"), [(1, 0.3, 2.0), (4, 0.95, 1.5), (7, 1.8, 0.5)]
)
def test_symbols(c, load, patience):
    lam, s, p = sp.symbols("lambda S P", positive=True)
    servers = sp.Symbol("c", integer=True, positive=True)
    formula = ErlangA(s, servers, p).solve(lam)
    number = ErlangA(2.0, c, patience).solve(load * c / 2)
    at = {lam: sp.Rational(str(load)) * c / 2, s: 2, servers: c, p: sp.Rational(str(patience))}
    for name in (
        "waiting_time", "response_time", "utilization", "queue_length", "abandonment",
        "number_in_system", "throughput", "loss",
    ):  # fmt: skip
        value = float(sp.sympify(getattr(formula, name)).subs(at).evalf(20))
        assert value == pytest.approx(getattr(number, name), rel=1e-10), name


def test_what_symbols_do_not_give():
    s = sp.Symbol("S", positive=True)
    with pytest.raises(ModelError, match="beside symbols, places must be inf, got 9"):
        ErlangA(s, 3, 1.0, 9).solve(1.0)
    with pytest.raises(ModelError, match="has means and shares, but no distributions"):
        _ = ErlangA(s, 3, 1.0).solve(1.0).served_wait
    with pytest.raises(ModelError, match="only the mean is known"):
        ErlangA(s, 3, 1.0).solve(1.0).response.quantile(0.9)


def test_finite_places_without_a_queue_keep_shape_and_nan():
    rate = np.array([0.5, np.nan])
    r = ErlangA(1.0, 3, 2.0, np.array([[3], [8]])).solve(rate)
    for distribution in (r.wait, r.served_wait, r.offered_wait, r.response):
        assert (
            distribution.mean.shape
            == distribution.quantile(0.9).shape
            == distribution.tail(0.1).shape
            == (2, 2)
        )
        assert np.isnan(distribution.tail(0.1)[:, 1]).all()
        one = ErlangA(1.0, 3, 2.0, 3).solve(np.nan)
    assert np.isnan(one.wait.tail(0.1))
    assert np.isnan(one.wait.density(0.1))
