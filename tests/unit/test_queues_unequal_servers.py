"""Servers of unequal speed: against the chain of their sets, and a published case."""

import heapq

import numpy as np
import pytest
import sympy as sp

from qmodel.errors import DomainError, ModelError
from qmodel.queues.mmc import MMc
from qmodel.queues.unequal_servers import UnequalServers


def sets(rates, rate, policy="random", room=400):
    """Solve the chain of the sets of busy servers, then of a long queue, by linear algebra."""
    c = len(rates)
    full = 2**c - 1
    q = np.zeros((2**c + room, 2**c + room))
    for a in range(2**c):
        free = [i for i in range(c) if not a >> i & 1]
        if policy == "fastest":
            free = sorted(free, key=lambda i: -rates[i])[:1]
        for i in free:
            q[a, a | 1 << i] += rate / len(free)
        for i in range(c):
            if a >> i & 1:
                q[a, a & ~(1 << i)] += rates[i]
    for j in range(room):
        here, above = full + j, full + j + 1
        q[here, above], q[above, here] = rate, sum(rates)
    q -= np.diag(q.sum(axis=1))
    equations = np.vstack([q.T[:-1], np.ones(len(q))])
    p = np.linalg.solve(equations, np.eye(len(q))[-1])
    n = np.array([bin(a).count("1") for a in range(2**c)] + [c + j + 1 for j in range(room)])
    return p, n


@pytest.mark.parametrize("policy", ["random", "fastest"])
@pytest.mark.parametrize(
    ("rates", "load"),
    [
        ([1.0], 0.7),
        ([3.0, 1.0], 0.5),
        ([5.0, 1.0, 0.2], 0.8),
        ([25, 20, 20, 15, 10.0], 0.4),
        ([4.0, 4.0, 4.0, 1.0, 1.0], 0.9),
    ],
)
def test_means_states_and_shares_are_those_of_the_chain(rates, load, policy):
    rate, c = load * sum(rates), len(rates)
    p, n = sets(rates, rate, policy)
    r = UnequalServers([1 / m for m in rates], policy).solve(rate)
    assert r.number_in_system == pytest.approx(p @ n, rel=1e-10)
    assert r.queue_length == pytest.approx(p @ np.maximum(n - c, 0), rel=1e-10)
    assert r.number.mean == pytest.approx(p @ n, rel=1e-10)
    assert r.number.variance == pytest.approx(p @ (n - p @ n) ** 2, rel=1e-9)
    for k in range(c + 5):
        assert r.number.probability(k) == pytest.approx(p[n == k].sum(), rel=1e-10)
        assert r.number.tail(k) == pytest.approx(p[n > k].sum(), rel=1e-9)
    assert r.wait.tail(0.0) == pytest.approx(p[n >= c].sum(), rel=1e-10)
    assert sum(r.response.probabilities) == pytest.approx(1.0, rel=1e-13)
    for i, (share, m) in enumerate(zip(r.response.probabilities, rates, strict=True)):
        # What enters a server leaves it at its rate.
        busy = sum(p[a] for a in range(2**c) if a >> i & 1) + p[2**c :].sum()
        assert rate * share == pytest.approx(busy * m, rel=1e-10)
    assert r.response.mean == pytest.approx(r.response_time, rel=1e-12)


def test_published_case():
    # Inputs of GNU Octave queueing's qsammm, exact by a sparse chain (its own is approximate).
    r = UnequalServers([1 / m for m in (10, 15, 20, 20, 25)]).solve(73.0)
    assert r.number_in_system == pytest.approx(6.614742966493969, rel=1e-9)
    assert r.response_time == pytest.approx(0.09061291734923245, rel=1e-9)


def test_equal_servers_are_m_m_c():
    t = np.array([0.0, 0.3, 2.0])
    r, m = UnequalServers([0.5] * 7).solve(12.0), MMc(0.5, 7).solve(12.0)
    assert r.waiting_time == pytest.approx(m.waiting_time, rel=1e-13)
    assert r.response_time == pytest.approx(m.response_time, rel=1e-13)
    assert r.number.variance == pytest.approx(m.number.variance, rel=1e-12)
    np.testing.assert_allclose(r.response.tail(t), m.response.tail(t), rtol=1e-12)
    np.testing.assert_allclose(r.wait.tail(t), m.wait.tail(t), rtol=1e-12)


def simulated(times, rate, jobs, policy):
    """Return the time in the station of each of so many requests."""
    rng = np.random.default_rng(2)
    c, now, free_at = len(times), 0.0, []
    free, found = set(range(c)), np.empty(jobs)
    gaps, draws = rng.exponential(1 / rate, jobs).tolist(), rng.exponential(1.0, jobs).tolist()
    choice = rng.random(jobs).tolist()
    for i in range(jobs):
        now += gaps[i]
        while free_at and free_at[0][0] <= now:
            free.add(heapq.heappop(free_at)[1])
        if free:
            first = 0 if policy == "fastest" else int(choice[i] * len(free))
            who, start = sorted(free)[first], now
            free.remove(who)
        else:
            start, who = heapq.heappop(free_at)
        heapq.heappush(free_at, (start + draws[i] * times[who], who))
        found[i] = start + draws[i] * times[who] - now
    return found


def agrees(found, r):
    for values, expected in [
        (found, r.response_time),
        *((found > t, r.response.tail(t)) for t in (0.5, 2.0, 6.0)),
    ]:
        batches = np.array([b.mean() for b in np.array_split(values, 40)])
        half = 4 * batches.std(ddof=1) / np.sqrt(40)
        assert values.mean() == pytest.approx(expected, abs=half)


@pytest.mark.parametrize("policy", ["random", "fastest"])
def test_distribution_of_response_simulated(policy):
    times, rate = [0.4, 1.0, 3.0], 2.6
    r = UnequalServers(times, policy).solve(rate)
    agrees(simulated(times, rate, 300_000, policy), r)


@pytest.mark.slow
@pytest.mark.parametrize(("times", "rate"), [([0.4, 1.0, 3.0], 1.2), ([0.5, 0.5, 2, 3], 4.0)])
def test_distribution_under_fastest_first_simulated_at_length(times, rate):
    r = UnequalServers(times, "fastest").solve(rate)
    agrees(simulated(times, rate, 2_000_000, "fastest"), r)


@pytest.mark.parametrize("load", [0.05, 0.6, 0.97])
def test_two_servers_have_a_closed_form(load):
    # K. S. Trivedi, "Probability and Statistics with Reliability, Queuing, and Computer
    # Science Applications", 2nd ed., 2002, sec. 8.2: M/M/2 with heterogeneous servers.
    fast, slow = 3.0, 0.7
    rate = load * (fast + slow)
    ratio = fast * slow * (1 + 2 * load) / (rate * (rate + slow)) + 1 / (1 - load)
    r = UnequalServers([1 / slow, 1 / fast], "fastest").solve(rate)
    assert r.number_in_system == pytest.approx(1 / (ratio * (1 - load) ** 2), rel=1e-13)
    assert r.number.mean == pytest.approx(r.number_in_system, rel=1e-12)


def test_fastest_first_is_the_better_choice_and_no_poisson_output():
    rate, times = np.linspace(0.0, 40.0, 30), [0.1] * 3 + [0.5] * 4
    fastest, random = (UnequalServers(times, p).solve(rate) for p in ("fastest", "random"))
    assert (fastest.response_time <= random.response_time).all()
    assert fastest.response_time[0] == pytest.approx(0.1, rel=1e-13)
    assert UnequalServers(times).poisson_output
    assert not UnequalServers(times, "fastest").poisson_output
    assert "fastest-free-server" in fastest.assumptions
    assert str(fastest.basis) == "exact"


def test_equal_servers_have_no_choice():
    r = UnequalServers([0.5] * 40, "fastest").solve(70.0)
    m = MMc(0.5, 40).solve(70.0)
    assert r.waiting_time == pytest.approx(m.waiting_time, rel=1e-12)
    assert r.response.quantile(0.99) == pytest.approx(m.response.quantile(0.99), rel=1e-9)
    assert r.number is None
    assert "number" not in r.basis.grounds


def test_kinds_of_servers_together_are_servers_apart():
    """Groups of equals take a shorter way: servers all but equal take the long one."""
    times = np.array([0.2, 0.2, 0.2, 0.7, 0.7, 0.9])
    apart = UnequalServers(list(times * (1 + 1e-13 * np.arange(6))), "fastest").solve(12.0)
    together = UnequalServers(list(times), "fastest").solve(12.0)
    assert together.response_time == pytest.approx(apart.response_time, rel=1e-11)
    assert together.number.variance == pytest.approx(apart.number.variance, rel=1e-10)


def test_the_order_of_the_servers_is_that_of_each_cell():
    slow = np.array([0.1, 0.3, 5.0])
    r = UnequalServers([0.3, slow], "fastest").solve(2.0)
    tails = r.response.tail(0.5)
    for i, s in enumerate(slow):
        one = UnequalServers([s, 0.3], "fastest").solve(2.0)
        assert r.response_time[i] == pytest.approx(one.response_time, rel=1e-13)
        assert tails[i] == pytest.approx(one.response.tail(0.5), rel=1e-12)


def test_arrays_zero_load_overload_nan_and_time_unit():
    rate, slow = np.array([0.0, 1.0, 9.0, np.nan]), np.array([[1.0], [4.0]])
    r = UnequalServers([0.5, slow]).solve(rate)
    for i in range(2):
        for j in range(4):
            one = UnequalServers([0.5, slow[i, 0]]).solve(rate[j])
            for got, want in [
                *((getattr(r, x)[i, j], getattr(one, x)) for x in
                  ("waiting_time", "response_time", "number_in_system")),
                (r.response.tail(0.4)[i, j], one.response.tail(0.4)),
                (r.response.quantile(0.9)[i, j], one.response.quantile(0.9)),
                (r.number.tail(1)[i, j], one.number.tail(1)),
                (r.number.variance[i, j], one.number.variance),
            ]:  # fmt: skip
                assert got == pytest.approx(want, rel=1e-11, nan_ok=True)
                assert np.isnan(got) == (j == 3)
    np.testing.assert_allclose(r.response_time[:, 0], [0.75, 2.25], rtol=1e-14)
    assert np.isinf(r.response_time[:, 2]).all()
    np.testing.assert_array_equal(r.response.tail(1e9)[:, 2], 1.0)
    fast = UnequalServers([0.5e-3, 1e-3]).solve(1000.0)
    assert fast.response_time * 1e3 == pytest.approx(r.response_time[0, 1], rel=1e-13)
    assert str(r.basis) == r.basis["p99"] == "exact"


def test_thirty_servers():
    r = UnequalServers(np.linspace(0.5, 2.0, 30).tolist()).solve(25.0)
    assert r.number.mean == pytest.approx(r.number_in_system, rel=1e-12)
    assert sum(r.response.probabilities) == pytest.approx(1.0, rel=1e-12)


def test_refusals():
    with pytest.raises(DomainError, match="service_times must not be empty"):
        UnequalServers([])
    with pytest.raises(DomainError, match="service_times must be a number > 0, got 0"):
        UnequalServers([1.0, 0.0])
    with pytest.raises(DomainError, match="arrival_rate must be a number >= 0, got -1"):
        UnequalServers([1.0]).solve(-1.0)
    with pytest.raises(DomainError, match="policy must be one of random, fastest, got 'best'"):
        UnequalServers([1.0], "best")
    with pytest.raises(ModelError, match="got 13 kinds of 13 servers"):
        UnequalServers(np.linspace(1, 2, 13).tolist(), "fastest").solve(1.0)
    with pytest.raises(ModelError, match="no form for symbols"):
        UnequalServers([1.0, 2.0]).solve(sp.Symbol("x", positive=True))
    with pytest.raises(ModelError, match="no service distribution"):
        UnequalServers([1.0, 2.0]).serving(MMc(1.0).service)


def test_the_share_of_a_single_server_is_one_at_every_load() -> None:
    rates = np.random.default_rng(0).uniform(1e-12, 1.0, 3000)
    alone = UnequalServers((1.0,)).solve(rates)
    assert alone.response_time == pytest.approx(1 / (1 - rates), rel=1e-9)
