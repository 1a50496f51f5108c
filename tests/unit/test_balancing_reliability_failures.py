from dataclasses import replace
from math import comb

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.balancing.random_split import RandomSplit
from qmodel.balancing.reliability.failures import Failing, rate_after_loss
from qmodel.errors import DomainError, ModelError


def test_five_servers_by_hand():
    n, a, rate = 5, 0.98, 3.2
    probability = [comb(n, j) * a**j * (1 - a) ** (n - j) for j in range(n + 1)]
    r = Failing(qm.MMc(1.0, n), a).solve(rate)
    assert r.overload == pytest.approx(sum(probability[:4]), rel=1e-12)
    stable = {j: qm.MMc(1.0, j).solve(rate) for j in (4, 5)}
    total = probability[4] + probability[5]
    mean = sum(probability[j] * stable[j].response_time for j in stable) / total
    assert r.response_time == pytest.approx(mean, rel=1e-12)
    assert r.response.mean == pytest.approx(mean, rel=1e-12)
    t = 4.0
    tail = sum(probability[j] * stable[j].response.tail(t) for j in stable)
    assert r.response.tail(t) == pytest.approx(tail / total, rel=1e-10)
    assert r.response_overall.tail(t) == pytest.approx(tail + 1 - total, rel=1e-10)
    busy = sum(probability[j] * rate / j for j in stable) / total
    assert r.utilization == pytest.approx(busy, rel=1e-12)
    assert r.waiting_time == pytest.approx(mean - 1, rel=1e-10)
    assert r.up == pytest.approx(n * a)
    # The same figures of another program.
    assert round(float(r.overload), 5) == 0.00384
    assert round(float(r.response_time), 4) == 1.2145


def test_labels():
    basis = Failing(qm.MMc(1.0, 5), 0.98).solve(3.2).basis
    assert basis["overload"] == "exact"
    assert basis["up"] == "exact"
    assert basis["response_time"] == basis["p99"] == "approximate"
    assert "quasi-static" in basis.assumptions("p99")
    assert "independent-failures" in basis.assumptions("overload")


@pytest.mark.parametrize(
    "station",
    [
        qm.MMc(0.01, 8),
        qm.MDc(0.01, 8),
        qm.MGcPS(qm.from_mean_scv(0.01, 4.0), 8),
        RandomSplit(qm.MMc(0.01, 2), 4),
    ],
)
def test_tends_to_the_station_without_failures(station):
    whole = station.solve(500.0)
    sure, nearly = (Failing(station, a).solve(500.0) for a in (1.0, 1 - 1e-9))
    for r in (sure, nearly):
        assert r.overload == pytest.approx(0, abs=1e-6)
        assert r.response_time == pytest.approx(whole.response_time, rel=1e-6)
        p99 = whole.response.quantile(0.99)
        assert r.response.quantile(0.99) == pytest.approx(p99, rel=1e-6)


@given(st.integers(1, 30), st.floats(0.5, 0.9999), st.floats(0.1, 0.95))
def test_one_server_more_never_hurts(n, a, load):
    fewer, more = (Failing(qm.MMc(1.0, k), a).solve(load * n) for k in (n, n + 1))
    assert more.overload <= fewer.overload + 1e-15
    p = 0.5 * (1 - fewer.overload)
    assert more.response_overall.quantile(p) <= fewer.response_overall.quantile(p) * (1 + 1e-9)


def test_cells_are_those_alone():
    servers, a, rate = np.array([2, 7, 60]), np.array([[0.9], [0.999], [1.0], [0.0]]), 1.7
    r = Failing(qm.MMc(1.0, servers), a).solve(rate)
    quantiles = r.response.quantile(0.9)
    for i, j in np.ndindex(4, 3):
        one = Failing(qm.MMc(1.0, int(servers[j])), float(a[i, 0])).solve(rate)
        for name in ("overload", "up", "response_time", "waiting_time", "utilization"):
            got = np.broadcast_to(getattr(r, name), (4, 3))[i, j]
            assert got == pytest.approx(float(getattr(one, name)), rel=1e-9, abs=1e-15)
        p90 = quantiles[i, j]
        assert p90 == pytest.approx(float(one.response.quantile(0.9)), rel=1e-7)


def test_edges():
    r = Failing(qm.MMc(1.0, 3), 0.9).solve([0.0, 5.0, np.nan])
    assert r.overload[:2] == pytest.approx([0.001, 1.0])
    assert r.response_time[:2].tolist() == pytest.approx([1.0, np.inf])
    assert np.isnan(r.response_time[2])
    assert np.isnan(r.overload[2])
    assert np.isnan(Failing(qm.MMc(1.0, 3), np.nan).solve(1.0).overload)
    # Where requests may be lost nothing overloads but a pool with nobody in it.
    lossy = Failing(qm.MGcc(qm.Exponential(1.0), 2), 0.9).solve(50.0)
    assert lossy.overload == pytest.approx(0.01)


def test_thousands_of_servers():
    r = Failing(qm.MMc(1.0, 100_000), 0.9).solve([80_000.0, 90_000.0])
    assert r.overload[0] < 1e-12
    assert r.overload[1] == pytest.approx(0.5, abs=0.005)


def test_rate_after_loss():
    pool = RandomSplit(qm.MMc(0.01, servers=4), 8)
    assert rate_after_loss(pool, [0, 1, 8, 9]).tolist() == [3200, 2800, 0, 0]
    assert rate_after_loss(pool) == pytest.approx(pool.max_rate * 7 / 8)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Failing(qm.MMc(1.0, 2), 1.1), DomainError, "available must be a probability"),
        (lambda: Failing(qm.MG1(qm.Exponential(1.0)), 0.9), ModelError, "replicas or servers"),
        (lambda: Failing(3, 0.9), ModelError, "station must be a Station"),
        (lambda: Failing(qm.MMc(1.0, 2), 0.9).solve(-1), DomainError, "arrival_rate must be"),
        (lambda: Failing(qm.MMc(sp.Symbol("S", positive=True), 2), 0.9).solve(sp.Symbol("x")),
         ModelError, "no symbolic form"),
        (lambda: rate_after_loss(qm.MMc(1.0, 2), -1), DomainError, "lost must be"),
    ],
)  # fmt: skip
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def chain(n, a, rate, repair, most):
    """Mean response while more are up than `rate`: M/M/n with failures, level by level."""
    up = np.arange(n + 1.0)
    moves = np.diag((n - up[:-1]) / repair, 1) + np.diag(up[1:] * (1 - a) / (a * repair), -1)
    moves -= np.diag(moves.sum(axis=1))
    ratios, above = [], np.zeros((n + 1, n + 1))
    for k in range(most, 0, -1):
        out = np.diag(np.minimum(k, up) + (rate if k < most else 0.0))
        ratio = rate * np.linalg.inv(out - moves - above)
        ratios.append(ratio)
        above = ratio @ np.diag(np.minimum(k, up))
    empty = np.linalg.svd((moves - rate * np.eye(n + 1) + above).T)[2][-1]
    levels = [np.abs(empty)]
    for ratio in reversed(ratios):
        levels.append(levels[-1] @ ratio)
    p, stable = np.array(levels), up > rate
    assert p[-1].sum() < 1e-6 * p.sum()
    return (np.arange(most + 1) @ p)[stable].sum() / p[:, stable].sum() / rate


@pytest.mark.parametrize(
    ("n", "a", "rate", "repair", "error"),
    [
        # The errors that the label states, in percent.
        (5, 0.98, 3.2, 10.0, 0.74),
        (5, 0.98, 3.2, 100.0, -0.70),
        (5, 0.98, 3.2, 1000.0, -4.29),
        (5, 0.98, 3.2, 10_000.0, -28.0),
        (5, 0.98, 2.0, 10.0, 0.06),
        (5, 0.98, 2.0, 1000.0, -0.02),
        (10, 0.99, 7.0, 10.0, 0.16),
        (10, 0.99, 7.0, 100.0, 0.02),
    ],
)
def test_error_of_the_quasi_static_view(n, a, rate, repair, error):
    exact = chain(n, a, rate, repair, most=int(60 + 1.2 * rate * repair))
    got = Failing(qm.MMc(1.0, n), a).solve(rate).response_time
    assert 100 * (got / exact - 1) == pytest.approx(error, abs=0.02)


@pytest.mark.parametrize(
    ("pool", "asked"),
    [
        (qm.balancing.PowerOfChoices(qm.MMc(1.0), 5, 3), "choices"),
        (qm.balancing.TiedRequests(qm.MMc(1.0), 5, 3), "copies"),
    ],
)
def test_no_more_are_asked_than_are_up(pool, asked):
    rate, a = 1.5, 0.8
    probability = {j: comb(5, j) * a**j * (1 - a) ** (5 - j) for j in (2, 3, 4, 5)}
    mean = sum(
        p * replace(pool, replicas=j, **{asked: min(3, j)}).solve(rate).response_time
        for j, p in probability.items()
    )
    got = Failing(pool, a).solve(rate).response_time
    assert got == pytest.approx(mean / sum(probability.values()), rel=1e-12)
    assert rate_after_loss(pool, [1, 4, 5]).tolist() == [4, 1, 0]


def test_symbols_and_infinite_loads():
    x = sp.Symbol("x", positive=True)
    with pytest.raises(ModelError, match="Failing has no symbolic form"):
        Failing(qm.MMc(x, 5), 0.9).solve(1.0)
    with pytest.raises(ModelError, match="rate_after_loss has no symbolic form"):
        rate_after_loss(qm.MMc(1.0, x))
    pool = qm.balancing.LeastConnections(qm.MMc(1.0), 5)
    assert Failing(pool, 0.9).solve(np.inf).overload == 1
