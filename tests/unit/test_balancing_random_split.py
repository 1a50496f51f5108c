"""Random split: each replica is itself at its part of the load."""

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.balancing import RandomSplit


def test_each_replica_is_itself():
    replica = qm.MGc(qm.Gamma(0.1, 2.0), 3)
    pool, one = RandomSplit(replica, 5).solve(100.0), replica.solve(20.0)
    assert pool.response_time == one.response_time
    assert pool.utilization == one.utilization
    assert pool.queue_length == pytest.approx(5 * one.queue_length)
    assert pool.response.quantile(0.99) == one.response.quantile(0.99)
    assert pool.number is None


@pytest.mark.parametrize(("replicas", "response"), [(2, 5.0), (4, 5.0), (10, 5.0)])
def test_mean_does_not_depend_on_the_number(replicas: int, response: float):
    assert RandomSplit(qm.MMc(1.0), replicas).solve(0.8 * replicas).response_time == (
        pytest.approx(response, rel=1e-14)
    )


def test_labels():
    assert RandomSplit(qm.MMc(0.1), 5).solve(1.0).basis == "exact"
    r = RandomSplit(qm.MGc(qm.Gamma(0.1, 2.0), 2), 5).solve(1.0)
    assert r.basis["response_time"] == "approximate"
    assert r.basis["utilization"] == "exact"
    assert "random-split" in r.basis.assumptions("p99")
    assert "fitted-phases" in r.basis.assumptions("response_time")


def test_poisson_leaves_as_poisson_where_it_does_from_the_replica():
    assert RandomSplit(qm.MMc(0.1), 5).poisson_output
    assert not RandomSplit(qm.MG1(qm.Gamma(0.1, 2.0)), 5).poisson_output


def test_symbols():
    lam, s, n = sp.symbols("lambda S N", positive=True)
    n = sp.Symbol("N", positive=True, integer=True)
    response = RandomSplit(qm.MMc(s), n).solve(lam).response_time
    assert sp.simplify(response - s / (1 - lam * s / n)) == 0


def test_shapes_broadcast():
    pool = RandomSplit(qm.MMc(np.array([0.1, 0.2])[:, None]), np.array([2, 4, 8]))
    r = pool.solve(8.0)
    assert r.response_time.shape == (2, 3)
    assert r.response_time[1, 2] == RandomSplit(qm.MMc(0.2), 8).solve(8.0).response_time
