"""Least connections: two replicas exactly, published and simulated figures, limits."""

import numpy as np
import pytest
import sympy as sp
from scipy import sparse
from scipy.sparse.linalg import spsolve

import qmodel as qm
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.errors import DomainError, ModelError


def two_replicas(load, workers, cap):
    """Return mean wait and its probability for two replicas, from their chain of states."""
    a = 2 * load * workers
    rows, columns, rates = [], [], []
    for i in range(cap):
        for j in range(i + 1):  # the longer is i
            here = i * cap + j
            moves = [(max(i, j + 1), min(i, j + 1), a)] if i < cap - 1 or j < i else []
            if i:
                moves.append((max(i - 1, j), min(i - 1, j), min(i, workers)))
            if j:
                moves.append((i, j - 1, min(j, workers)))
            for x, y, rate in moves:
                rows += [here, here]
                columns += [x * cap + y, here]
                rates += [rate, -rate]
    n = cap * cap
    chain = sparse.coo_matrix((rates, (columns, rows)), shape=(n, n)).tocsc()
    used = np.flatnonzero(chain.diagonal())
    chain = chain[used][:, used].tolil()
    chain[0, :] = 1
    right = np.zeros(len(used))
    right[0] = 1
    p = spsolve(chain.tocsc(), right)
    shorter = used % cap
    probability = p[shorter >= workers].sum()
    return (p * np.maximum(shorter - workers + 1, 0)).sum() / workers, probability


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("load", [0.3, 0.5, 0.8, 0.9])
def test_two_replicas_exactly(load, workers):
    wait, probability = two_replicas(load, workers, 70 if load < 0.9 else 110)
    r = LeastConnections(qm.MMc(1.0, workers), 2).solve(2 * load * workers)
    # What the assumption states.
    assert r.response_time == pytest.approx(1 + wait, rel=0.01)
    assert r.wait.tail(0.0) == pytest.approx(probability, abs=0.02)


def test_one_replica_is_that_replica():
    for replica in (
        qm.MMc(0.1, 3),
        qm.MG1PS(qm.Gamma(0.1, scv=2.0)),
        qm.MG1(qm.Erlang(0.1, 2)),
    ):
        alone, pool = replica.solve(7.0), LeastConnections(replica, 1).solve(7.0)
        assert pool.response_time == alone.response_time
        assert pool.response.quantile(0.99) == alone.response.quantile(0.99)
        assert pool.basis == alone.basis
    # In an array of pools it is one by its formula.
    several = LeastConnections(qm.MMc(0.1, 3), [1, 2]).solve(14.0 / np.array([2, 1]))
    alone = qm.MMc(0.1, 3).solve(7.0)
    assert several.response_time[0] == pytest.approx(alone.response_time, rel=1e-12)
    assert several.response.quantile(0.99)[0] == pytest.approx(
        alone.response.quantile(0.99), rel=1e-9
    )


def test_heavy_traffic_is_that_of_one_queue():
    rate = np.array([10.0]) * (1 - 1e-7)
    pool = LeastConnections(qm.MMc(1.0), 10).solve(rate)
    assert pool.waiting_time == pytest.approx(
        qm.MMc(1.0, 10).solve(rate).waiting_time, rel=1e-4
    )


def test_many_replicas_leave_nobody_waiting():
    r = LeastConnections(qm.MMc(1.0), 10**5).solve(0.9e5)
    assert r.response_time == pytest.approx(1, abs=1e-9)


def test_cells_and_their_edges():
    rates = np.array([0.0, 40.0, 79.999999999, 80.0, 90.0, np.nan])
    for replica in (qm.MMc(0.1), qm.MG1(qm.Gamma(0.1, scv=4.0)), qm.MG1PS(qm.Erlang(0.1, 3))):
        r = LeastConnections(replica, 8).solve(rates)
        p99 = r.response.quantile(0.99)
        assert r.response_time[0] == pytest.approx(0.1)
        assert p99[0] == pytest.approx(replica.service.quantile(0.99), rel=0.01)
        assert np.isfinite(r.response_time[:3]).all()
        assert np.isinf(r.response_time[3:5]).all()
        assert np.isinf(p99[3:5]).all()
        assert np.isnan(r.response_time[5])
        assert np.isnan(p99[5])
        assert r.queue_length[0] == 0
        one = LeastConnections(replica, 8).solve(40.0)
        assert r.response_time[1] == pytest.approx(float(one.response_time), rel=1e-12)


def test_what_is_refused():
    with pytest.raises(DomainError, match="replicas must be"):
        LeastConnections(qm.MMc(0.1), 0)
    with pytest.raises(ModelError, match="replica must be a Station"):
        LeastConnections(0.1, 2)
    with pytest.raises(ModelError, match="replica must be MMc"):
        LeastConnections(qm.MMcK(0.1, 1, 3), 2).solve(3.0)
    with pytest.raises(ModelError, match="no symbolic form"):
        LeastConnections(qm.MMc(0.1), 2).solve(sp.Symbol("lambda", positive=True))


def test_pools_of_two_beside_larger_ones_are_what_they_are_alone() -> None:
    """Exact pairs and closed queues in one array: each cell has its own percentile."""
    replicas, rates = np.array([2.0, 3.0, 2.0, 40.0]), np.array([120.0, 130.0, 30.0, 1900.0])
    together = LeastConnections(qm.MMc(0.02), replicas).solve(rates).response
    p = np.array([0.5, 0.9, 0.99, 1.0])
    percentiles, tails = together.quantile(p), together.tail(0.05)
    for i, (n, rate) in enumerate(zip(replicas, rates, strict=True)):
        alone = LeastConnections(qm.MMc(0.02), int(n)).solve(rate).response
        assert percentiles[i] == pytest.approx(alone.quantile(p[i]), rel=1e-9)
        assert tails[i] == pytest.approx(alone.tail(0.05), rel=1e-9)
