"""Round robin: Erlang times between the arrivals of each replica."""

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.balancing import CentralQueue, RandomSplit, RoundRobin
from qmodel.errors import ModelError


# Published: E_N/M/1 by mpmath root, load 0.8 but where it is said.
@pytest.mark.parametrize(
    ("replicas", "load", "response"),
    [
        (2, 0.8, 3.843979766989913),
        (4, 0.8, 3.2673836103193614),
        (5, 0.8, 3.15225673),
        (10, 0.9, 5.66027639010553),
        (20, 0.8, 2.80743536),
    ],
)
def test_published_means(replicas: int, load: float, response: float):
    r = RoundRobin(qm.MMc(1.0), replicas).solve(load * replicas)
    assert r.response_time == pytest.approx(response, rel=1e-8)
    assert r.basis == "exact"
    # The response is exponential.
    assert r.response.quantile(0.99) == pytest.approx(response * np.log(100), rel=1e-7)


def test_root_of_the_equation():
    n, rho = 7, 0.85
    sigma = 1 - 1 / RoundRobin(qm.MMc(1.0), n).solve(rho * n).response_time
    assert sigma == pytest.approx((n * rho / (n * rho + 1 - sigma)) ** n, rel=1e-12)


def test_many_replicas_see_constant_times():
    limit = qm.GMc(qm.Deterministic(1.0), 0.1, 2).solve(16.0).response_time
    found = RoundRobin(qm.MMc(0.1, 2), 10**6).solve(16.0 * 10**6).response_time
    assert found == pytest.approx(limit, rel=1e-5)


def test_constant_service_is_the_central_queue():
    for replica in (qm.MDc(0.1, 2), qm.MGc(qm.Deterministic(0.1), 2)):
        found, central = RoundRobin(replica, 4).solve(70.0), qm.MDc(0.1, 8).solve(70.0)
        assert found.response_time == pytest.approx(central.response_time, rel=1e-14)
        assert found.queue_length == pytest.approx(central.queue_length, rel=1e-14)
        assert found.wait.quantile(0.99) == pytest.approx(central.wait.quantile(0.99))
        assert found.basis == "exact"


def test_sharing_exponential_replicas_have_the_mean_of_queues():
    for servers in (1, 3):
        queue = RoundRobin(qm.MMc(0.1, servers), 5).solve(40.0 * servers)
        shared = RoundRobin(qm.MGcPS(qm.Exponential(0.1), servers), 5).solve(40.0 * servers)
        assert shared.response_time == pytest.approx(queue.response_time, rel=1e-12)
        assert shared.basis["response_time"] == "exact"
        assert shared.basis["p99"] == "approximate"
        assert shared.response.quantile(0.99) > queue.response.quantile(0.99)


def test_labels_name_what_is_approximate():
    r = RoundRobin(qm.MG1(qm.Gamma(0.1, 4.0)), 5).solve(40.0)
    assert r.basis["response_time"] == "approximate"
    assert "general-service-in-turn" in r.basis.assumptions("response_time")
    assert r.basis["utilization"] == "exact"
    r = RoundRobin(qm.MG1PS(qm.Gamma(0.1, 4.0)), 5).solve(40.0)
    assert "shared-regular-arrivals" in r.basis.assumptions("response_time")
    assert "equivalent-poisson-load" in r.basis.assumptions("p99")
    assert r.basis["utilization"] == "exact"


def test_delays_do_not_feel_it():
    r = RoundRobin(qm.Delay(0.1), 5).solve(100.0)
    assert r.response_time == 0.1
    assert r.response.quantile(0.9) == 0.1


def test_an_array_that_begins_with_one_replica():
    for distribution in (qm.Gamma(0.1, 0.5), qm.Gamma(0.1, 4.0)):
        for kind in (qm.MGc, qm.MGcPS):
            pool = RoundRobin(kind(distribution, 2), np.array([1, 2, 9]))
            r = pool.solve(16.0 * pool.replicas)
            alone = kind(distribution, 2).solve(16.0)
            assert r.response_time[0] == pytest.approx(alone.response_time, rel=1e-9)
            assert (np.diff(r.response_time) < 0).all()
            assert r.response.quantile(0.9)[0] == pytest.approx(
                alone.response.quantile(0.9), rel=1e-6
            )


def test_between_random_and_central():
    for replica in (qm.MMc(0.1, 2), qm.MGc(qm.Gamma(0.1, 4.0), 2), qm.MDc(0.1, 2)):
        central, turns, random = (
            pool(replica, 6).solve(100.0).response_time
            for pool in (CentralQueue, RoundRobin, RandomSplit)
        )
        assert central <= turns < random


def test_what_has_no_formula():
    with pytest.raises(ModelError, match=r"no formula for taking turns .* MG1LCFS"):
        RoundRobin(qm.MG1LCFS(qm.Gamma(0.1, 2.0)), 3).solve(1.0)
    with pytest.raises(ModelError, match="turns have no closed form for symbols"):
        RoundRobin(qm.MMc(0.1), 3).solve(sp.Symbol("lambda", positive=True))
    with pytest.raises(ModelError, match="turns have no closed form for symbols"):
        RoundRobin(qm.MMc(0.1), sp.Symbol("N", integer=True, positive=True)).solve(1.0)


def test_poisson_does_not_leave_as_poisson():
    behind = qm.call("db", qm.MMc(0.01))
    p = qm.Pipeline(qm.series(qm.call("web", RoundRobin(qm.MMc(0.1), 5)), behind))
    assert p.solve(10.0).basis["mean"] == "approximate"
    p = qm.Pipeline(qm.series(qm.call("web", RandomSplit(qm.MMc(0.1), 5)), behind))
    assert p.solve(10.0).basis["mean"] == "exact"
