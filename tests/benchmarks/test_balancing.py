"""Pools behind a balancer over many loads and sizes, against one bare gammaincc a cell."""

import numpy as np
import pytest
from scipy.special import gammaincc

import qmodel as qm

pytestmark = pytest.mark.benchmark
CELLS = 100_000
SERVICE_TIME = 0.02


def cells():
    """Return arrival rates and replicas: loads of 0.5 to 0.99, 2 to 1000 replicas."""
    rng = np.random.default_rng(1)
    replicas = np.floor(np.exp(rng.uniform(np.log(2), np.log(1000), CELLS)))
    load = rng.uniform(0.5, 0.99, CELLS)
    return load * replicas / SERVICE_TIME, replicas


# Turns take a root and two choices an integral over a table in each cell: hundreds of passes,
# whose ratio to one pass varies too much for a bound.
LIMITS = {
    "random": 8.0,
    "round robin": None,
    "power of two": None,
    "join idle queue": 20.0,
    "least connections": 16.0,
    "central queue": 16.0,
}


@pytest.mark.parametrize("policy", LIMITS)
def test_mean_and_p99(interleaved, policy):
    rate, replicas = cells()
    offered, limit = rate * SERVICE_TIME, LIMITS[policy]

    def solved():
        pool = qm.balancing.balanced(policy, qm.MMc(SERVICE_TIME), replicas)
        result = pool.solve(rate)
        return result.response_time, result.response.quantile(0.99)

    rounds = 9 if limit else 1
    r = interleaved(solved, lambda: gammaincc(replicas + 1.0, offered), rounds=rounds)
    print(f"\n{policy}, mean and p99 of {CELLS:,} cells: {r} gammaincc, limit {limit}")
    assert limit is None or r.median <= limit
