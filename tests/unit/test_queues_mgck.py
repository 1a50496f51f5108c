"""M/G/c/K: a chain of single servers as oracle, its limits, simulated values."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.linalg import expm

import qmodel as qm
from qmodel.queues.phases.finite_capacity import SteppedWait

H2 = qm.HyperExponential((0.3, 0.7), (2.0, 4 / 7))


def server_by_server(rate: float, capacity: int, t: float) -> tuple[float, float, float]:
    """Return loss, mean number and P(wait > t) of two servers, each with its own phase."""
    ends, start = (1 / 2.0, 7 / 4), (0.3, 0.7)
    idle = None
    states = [
        (n, a, b)
        for n in range(capacity + 1)
        for a, b in product((idle, 0, 1), repeat=2)
        if (a is idle) + (b is idle) == max(2 - n, 0)
    ]
    at = {x: i for i, x in enumerate(states)}
    q = np.zeros((len(states), len(states)))
    for (n, a, b), i in at.items():
        for phase, p in enumerate(start):
            if n < 2 and a is idle:
                q[i, at[n + 1, phase, b]] += rate * p
            elif n < 2:
                q[i, at[n + 1, a, phase]] += rate * p
        if 2 <= n < capacity:
            q[i, at[n + 1, a, b]] += rate
        for k, phase in enumerate((a, b)):
            if phase is idle:
                continue
            for new, p in enumerate(start) if n > 2 else [(idle, 1.0)]:
                pair = (new, b) if k == 0 else (a, new)
                q[i, at[(n - 1, *pair)]] += ends[phase] * p
    q -= np.diag(q.sum(axis=1))
    balance = np.vstack([q.T, np.ones(len(q))])
    pi = np.linalg.lstsq(balance, np.append(np.zeros(len(q)), 1.0), rcond=None)[0]
    loss = sum(p for p, (n, *_) in zip(pi, states, strict=True) if n == capacity)
    number = sum(p * n for p, (n, *_) in zip(pi, states, strict=True))
    # No more arrivals: who came last waits until fewer than two of those before are left.
    death = q.copy()
    for (n, a, b), i in at.items():
        if 2 <= n < capacity:
            death[i, at[n + 1, a, b]] -= rate
            death[i, i] += rate
    more = [i for (n, *_), i in at.items() if n >= 2]
    left = dict(zip(more, expm(death[np.ix_(more, more)] * t).sum(axis=1), strict=True))
    late = sum(pi[i] * left[i] for (n, *_), i in at.items() if 2 <= n < capacity)
    return float(loss), float(number), float(late / (1 - loss))


@pytest.mark.parametrize(("rate", "capacity"), [(0.5, 3), (1.8, 4), (2.5, 6), (9.0, 5)])
def test_against_a_chain_of_single_servers(rate: float, capacity: int) -> None:
    r = qm.MGcK(H2, 2, capacity).solve(rate)
    loss, number, late = server_by_server(rate, capacity, t=1.3)
    assert r.loss == pytest.approx(loss, abs=1e-12)
    assert r.number_in_system == pytest.approx(number, rel=1e-11)
    assert r.wait.tail(1.3) == pytest.approx(late, rel=1e-9)
    assert r.queue_length == pytest.approx(rate * (1 - loss) * r.waiting_time, rel=1e-11)
    assert str(r.basis) == "exact"


def test_its_limits() -> None:
    alike = qm.HyperExponential((0.5, 0.5), (0.1, 0.1))
    rates = np.array([5.0, 39.0, 41.0, 200.0])
    r, markov = qm.MGcK(alike, 4, 10).solve(rates), qm.MMcK(0.1, 4, 10).solve(rates)
    np.testing.assert_allclose(r.loss, markov.loss, rtol=1e-10)
    np.testing.assert_allclose(r.wait.tail(0.15), markov.wait.tail(0.15), rtol=1e-9)
    np.testing.assert_allclose(r.wait.density(0.15), markov.wait.density(0.15), rtol=1e-7)
    np.testing.assert_allclose(r.wait.variance, markov.wait.variance, rtol=1e-9)
    np.testing.assert_allclose(r.wait.third_cumulant, markov.wait.third_cumulant, rtol=1e-8)
    np.testing.assert_allclose(
        r.response.quantile(0.99), markov.response.quantile(0.99), rtol=1e-7
    )
    # Without a buffer only the mean service time counts.
    full = qm.MGcK(qm.LogNormal(1.0, 4.0), 4, 4).solve(3.8)
    assert full.loss == pytest.approx(qm.erlang_b(servers=4, offered_load=3.8), rel=1e-12)
    assert str(full.basis) == "exact"
    assert full.response.quantile(0.99) == pytest.approx(
        qm.LogNormal(1.0, 4.0).quantile(0.99), rel=1e-9
    )
    # In a large room there is no loss, and the wait is that of M/G/c.
    roomy, endless = qm.MGcK(H2, 3, 200).solve(2.1), qm.MGc(H2, 3).solve(2.1)
    assert roomy.waiting_time == pytest.approx(endless.waiting_time, rel=1e-9)
    assert roomy.wait.quantile(0.999) == pytest.approx(endless.wait.quantile(0.999), rel=1e-8)
    one = qm.MGcK(qm.Gamma(1.0, 2.0), 1, 5).solve(0.9)
    assert one.loss == qm.MG1K(qm.Gamma(1.0, 2.0), 5).solve(0.9).loss


def test_empty_full_and_unknown() -> None:
    r = qm.MGcK(H2, 2, 5).solve(np.array([0.0, np.nan, np.inf]))
    np.testing.assert_allclose(r.loss, [0.0, np.nan, 1.0], atol=1e-12)
    np.testing.assert_allclose(r.number_in_system, [0.0, np.nan, 5.0], rtol=1e-6)
    np.testing.assert_allclose(r.utilization, [0.0, np.nan, 1.0], rtol=1e-6)
    with pytest.raises(qm.DomainError, match="capacity must be at least servers"):
        qm.MGcK(H2, 4, 3)


def test_a_wait_in_steps() -> None:
    """Two steps at rate 10 are an Erlang time."""
    distribution, erlang = SteppedWait(0.1, 0, (np.array([1.0, 1.0]),)), qm.Erlang(0.2, 2)
    t = np.array([-1.0, 0.0, 0.05, 0.3, np.inf])
    np.testing.assert_allclose(distribution.tail(t), erlang.tail(t), atol=1e-15)
    np.testing.assert_allclose(distribution.density(t[:-1]), erlang.density(t[:-1]), atol=1e-13)
    assert distribution.laplace(3.0 + 2j) == pytest.approx(erlang.laplace(3.0 + 2j))
    assert distribution.third_cumulant == pytest.approx(erlang.third_cumulant)
    assert np.isnan(distribution.tail(np.nan))
