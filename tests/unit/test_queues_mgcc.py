"""M/G/c/c: insensitive loss, its inverses, and published tables."""

import heapq

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import Stream
from qmodel.queues.birth_death import state_probabilities
from qmodel.queues.mgcc import MGcc, load_for_loss, servers_for_loss
from qmodel.queues.mmck import MMcK


@pytest.mark.parametrize(("a", "c"), [(0.3, 1), (4.0, 5), (20.0, 8), (0.01, 30), (300.0, 250)])
def test_states_are_those_of_the_chain(a, c):
    p, n = state_probabilities(np.full(c, a), np.arange(1.0, c + 1)), np.arange(c + 1)
    r = MGcc(qm.Exponential(1.0), c).solve(a)
    assert r.loss == pytest.approx(p[-1], rel=1e-12, abs=0)
    assert r.number_in_system == pytest.approx(p @ n, rel=1e-12)
    assert r.utilization == pytest.approx(p @ n / c, rel=1e-12)
    np.testing.assert_allclose(r.number.probability(n), p, rtol=1e-11)
    np.testing.assert_allclose(r.number.tail(n[:-1]), p[::-1].cumsum()[-2::-1], rtol=1e-11)
    assert r.number.mean == pytest.approx(p @ n, rel=1e-12)
    assert r.number.variance == pytest.approx(p @ (n - p @ n) ** 2, rel=1e-10)
    one = MMcK(1.0, c, c).solve(a)
    assert (r.loss, r.utilization) == pytest.approx((one.loss, one.utilization), rel=1e-13)


@pytest.mark.parametrize(
    "distribution", [qm.Deterministic(2.0), qm.from_mean_scv(2.0, 4.0), qm.Gamma(2.0, 0.3)]
)
def test_insensitive(distribution):
    r, m = MGcc(distribution, 6).solve(2.5), MGcc(qm.Exponential(2.0), 6).solve(2.5)
    assert (r.loss, r.number_in_system) == (m.loss, m.number_in_system)
    assert r.response is distribution
    assert r.response_time == 2.0
    assert r.waiting_time == r.queue_length == r.wait.quantile(0.999) == 0.0
    assert str(r.basis) == r.basis["loss"] == "exact"
    assert "insensitive-loss" in r.basis.assumptions("loss")


def test_constant_service_simulated():
    """The label is exact for any distribution: 4e5 arrivals with constant service."""
    rng = np.random.default_rng(12)
    lost, ends = [], []
    for t in np.cumsum(rng.exponential(1 / 3.0, 400_000)).tolist():
        while ends and ends[0] <= t:
            heapq.heappop(ends)
        lost.append(len(ends) == 4)
        if not lost[-1]:
            heapq.heappush(ends, t + 1.0)
    batches = np.array_split(lost, 40)
    half = 4 * np.std([b.mean() for b in batches], ddof=1) / np.sqrt(40)
    assert np.mean(lost) == pytest.approx(
        MGcc(qm.Deterministic(1.0), 4).solve(3.0).loss, abs=half
    )


def test_published_figures():
    # Felix' Erlang calculator, erlanglib, R package queueing (Sixto Rios 10.12), Octave.
    for rate, mu, c, loss in [
        (150.0, 0.75, 190, 0.08869684386923561),
        (1000.0, 2.0, 1000, 1.6524151277513355e-86),
        (5.0, 1.0, 10, 0.018384570336648136),
        (3.0, 0.25, 15, 0.08572924949530047),
        (1024.0, 1.0, 1024, 0.024524257545283402),
        (9.0, 1.0, 10, 0.167963226291586),  # theory.md section 13
    ]:
        assert MGcc(qm.Deterministic(1 / mu), c).solve(rate).loss == pytest.approx(
            loss, rel=1e-12, abs=0
        )


def test_published_dimensioning():
    # erlang-channels: 18 servers for 10 erlang, 736 for 708, at 1 %.
    np.testing.assert_array_equal(servers_for_loss([10.0, 708.0], 0.01), [18, 736])
    # mpmath: 2303.596174094187 erlang to 2510 servers at 1e-6 (erlanglib's 2144.77 is wrong).
    assert load_for_loss(2510, 1e-6) == pytest.approx(2303.596174094187, rel=1e-13)
    table = {6: (1.1, 1.9, 3.0), 7: (1.6, 2.5, 3.7), 8: (2.1, 3.1, 4.5), 9: (2.6, 3.8, 5.4)}
    for c, loads in table.items():
        found = load_for_loss(c, np.array([0.001, 0.01, 0.05]))
        np.testing.assert_allclose(found, loads, atol=0.051)


def test_inverses_invert():
    c = np.array([1, 2, 7, 63, 64, 1000, 10**6])[:, None]
    b = np.array([1e-250, 1e-9, 0.01, 0.5, 0.999])
    a = load_for_loss(c, b)
    np.testing.assert_allclose(qm.erlang_b(servers=c, offered_load=a), b + 0 * a, rtol=1e-10)
    low = np.maximum(a * (1 - 1e-9), 0)
    # Just below that load, just so many servers are enough.
    found = servers_for_loss(low, b)
    np.testing.assert_array_equal(found, np.broadcast_to(c, found.shape))


def test_least_number_is_least():
    rng = np.random.default_rng(3)
    a = 10 ** rng.uniform(-3, 7, 300)
    b = 10 ** rng.uniform(-12, -0.01, 300)
    c = servers_for_loss(a, b)
    assert (qm.erlang_b(servers=c, offered_load=a) <= b).all()
    more = c > 1
    assert (qm.erlang_b(servers=c[more] - 1, offered_load=a[more]) > b[more]).all()


def test_edges_of_the_inverses():
    np.testing.assert_array_equal(
        servers_for_loss(
            [0.0, 3.0, 3.0, np.nan, 1.0, np.inf], [0.0, 0.0, 1.0, 0.1, np.nan, 0.1]
        ),
        [1, np.inf, 1, np.nan, np.nan, np.inf],
    )
    np.testing.assert_array_equal(
        load_for_loss([2, 2, 2], [0.0, 1.0, np.nan]), [0, np.inf, np.nan]
    )
    assert np.ndim(servers_for_loss(3.0, 0.1)) == np.ndim(load_for_loss(3, 0.1)) == 0


def test_arrays_zero_load_overload_and_nan():
    rate, c = np.array([0.0, 1.0, 1e9, np.nan]), np.array([[1], [70]])
    r = MGcc(qm.Exponential(2.0), c).solve(rate)
    for i in range(2):
        for j in range(4):
            one = MGcc(qm.Exponential(2.0), int(c[i, 0])).solve(rate[j])
            for name in ("loss", "number_in_system", "response_time"):
                assert getattr(r, name)[i, j] == pytest.approx(
                    getattr(one, name), rel=1e-13, nan_ok=True
                )
    np.testing.assert_array_equal(r.loss[:, 0], 0)
    np.testing.assert_allclose(r.utilization[:, 2], 1.0, rtol=1e-8)
    assert np.isnan(r.loss[:, 3]).all()
    assert np.isnan(r.number.variance[:, 3]).all()


def test_streams_and_time_unit():
    r = MGcc(qm.Exponential(1.0), 5).solve([Stream(1.0), Stream(2.0, qm.Deterministic(0.5))])
    assert r.loss == pytest.approx(qm.erlang_b(servers=5, offered_load=2.0), rel=1e-13)
    assert [s.response_time for s in r.streams] == [1.0, 0.5]
    assert MGcc(qm.Exponential(1e-3), 5).solve(2000.0).loss == pytest.approx(r.loss, rel=1e-13)


def test_symbols():
    lam, s = sp.symbols("lambda S", positive=True)
    r = MGcc(qm.Exponential(s), 2).solve(lam)
    assert sp.simplify(r.loss.doit() - (lam * s) ** 2 / (2 + 2 * lam * s + (lam * s) ** 2)) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: servers_for_loss(-1.0, 0.1), "offered_load must be a number >= 0, got -1"),
        (lambda: servers_for_loss(1.0, 1.1), "loss must be a probability from 0 to 1, got 1.1"),
        (lambda: load_for_loss(0, 0.1), "servers must be a whole number >= 1, got 0"),
        (lambda: load_for_loss(2, -0.1), "loss must be a probability"),
        (
            lambda: MGcc(qm.Exponential(1.0), 1.5),
            "servers must be a whole number >= 1, got 1.5",
        ),
    ],
)
def test_impossible_values_are_refused_by_name(make, message):
    with pytest.raises(DomainError, match=message):
        make()
    with pytest.raises(ModelError, match="service must be a Distribution"):
        MGcc(1.0, 2)
