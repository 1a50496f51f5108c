"""Closed networks against a compiled loop of mean value analysis, network by network."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.networks import HeldPool
from qmodel.networks.contour import steady_state
from qmodel.networks.saddle import Loop

pytestmark = pytest.mark.benchmark

LOOP = r"""
void mva(int cells, int k, int n, const double *d, const double *z, double *x) {
    double q[64], r[64];
    for (int c = 0; c < cells; c++) {
        for (int i = 0; i < k; i++) q[i] = 0;
        for (int m = 1; m <= n; m++) {
            double all = z[c];
            for (int i = 0; i < k; i++) { r[i] = d[c * k + i] * (1 + q[i]); all += r[i]; }
            x[c] = m / all;
            for (int i = 0; i < k; i++) q[i] = x[c] * r[i];
        }
    }
}
"""


@pytest.fixture(scope="module")
def compiled(in_c):
    """Return the compiled loop."""
    return in_c("mva", LOOP)


@pytest.mark.parametrize(("users", "limit"), [(1_000, 0.12), (10_000, 0.03)])
def test_closed_networks(interleaved, compiled, users, limit):
    """A tenth of the loop when nothing else runs; a busy neighbour takes the cache away."""
    rng, cells = np.random.default_rng(0), 10_000 if users == 1_000 else 1_000
    demands = np.ascontiguousarray(0.1 * np.exp(rng.uniform(-3, 0, (cells, 10))))
    delay, found = np.exp(rng.uniform(-1, np.log(users / 10), cells)), np.zeros(cells)
    loop, n = Loop(np.ascontiguousarray(demands.T), delay), np.full(cells, float(users))

    def reference():
        compiled(cells, 10, users, demands, delay, found)

    reference()
    assert steady_state(loop, n).throughput == pytest.approx(found, rel=1e-12)
    r = interleaved(lambda: steady_state(loop, n), reference, rounds=5)
    print(
        f"\n{cells} closed networks of 10 stations, {users} users: {r} C loops, limit {limit}"
    )
    assert r.median <= limit


def test_closed_networks_around_the_knee(interleaved, compiled):
    """Where no pole decides, and every network needs its contour."""
    rng, cells, users = np.random.default_rng(1), 4_000, 1_000
    demands = np.ascontiguousarray(0.1 * np.exp(rng.uniform(-3, 0, (cells, 10))))
    delay, found = demands.max(axis=1) * users * rng.uniform(0.8, 1.6, cells), np.zeros(cells)
    loop, n = Loop(np.ascontiguousarray(demands.T), delay), np.full(cells, float(users))

    def reference():
        compiled(cells, 10, users, demands, delay, found)

    reference()
    assert steady_state(loop, n).throughput == pytest.approx(found, rel=1e-12)
    r = interleaved(lambda: steady_state(loop, n), reference, rounds=5)
    print(f"\n{cells} closed networks around the knee: {r} C loops, limit 0.6")
    assert r.median <= 0.6


def test_held_pool(interleaved):
    """A pool of 10 over two stations, alone and in bulk, in products of matrices of 11."""
    pool = HeldPool(10, {"cores": qm.MMc(0.012, servers=4), "disk": qm.MMc(0.004)})
    matrix = np.random.default_rng(0).random((1000, 11, 11))
    rates = np.linspace(1.0, 240.0, 1000)
    r = interleaved(lambda: pool.solve(rates), lambda: [matrix @ matrix for _ in range(30)])
    print(f"\nheld pool of 10, a cell in bulk: {r} times 30 products of its matrices, limit 8")
    assert r.median <= 8
