"""The load balancer and its policy; the pools of the application and the database."""

import pytest

import qmodel as qm
from qmodel.balancing import POLICIES, CentralQueue, RandomSplit, RoundRobin
from qmodel.errors import DomainError, ModelError
from qmodel.units import ms, us
from qmodel.web import Service, database, load_balancer, microservices, monolith


def test_alone_it_is_its_own_station():
    p = qm.Pipeline(load_balancer(25 * us, workers=4))
    assert list(p.stations) == ["load balancer"]
    assert p.max_rate == pytest.approx(160000.0)


@pytest.mark.parametrize("policy", [*POLICIES, RoundRobin])
def test_with_a_pool_behind(policy: object):
    replica = qm.MMc(20 * ms, 2)
    p = qm.Pipeline(load_balancer(25 * us, replica=replica, replicas=8, balancing=policy))
    assert list(p.stations) == ["load balancer", "load balancer pool"]
    assert p.max_rate == pytest.approx(800.0)
    assert p.replace({"load balancer pool.replicas": 16}).max_rate == pytest.approx(1600.0)


def test_a_policy_needs_a_pool():
    with pytest.raises(ModelError, match="balancing needs a replica"):
        load_balancer(25 * us, balancing="random")
    with pytest.raises(ModelError, match="balancing is between read replicas"):
        database(4 * ms, 10, balancing="random")


@pytest.mark.parametrize(
    "build",
    [
        lambda policy: load_balancer(1 * ms, replica=qm.MMc(0.1), balancing=policy),
        lambda policy: monolith(1 * ms, 4, balancing=policy),
        lambda policy: microservices(Service("a", 1 * ms, 4, balancing=policy)),
        lambda policy: database(1 * ms, 4, replicas=2, balancing=policy),
    ],
    ids=["load_balancer", "monolith", "microservices", "database"],
)
def test_unknown_policies_get_a_hint(build: object):
    with pytest.raises(DomainError, match=r"no policy 'randm' .* did you mean 'random'"):
        build("randm")


def test_policies_of_a_monolith():
    def mean(policy: str, discipline: str = "queue") -> float:
        step = monolith(20 * ms, 4, workers=8, balancing=policy, discipline=discipline)
        return float(qm.Pipeline(step).solve(1400.0).latency.mean)

    assert mean("central queue") == float(qm.MMc(20 * ms, 32).solve(1400.0).response_time)
    assert mean("random") == float(qm.MMc(20 * ms, 8).solve(350.0).response_time)
    assert mean("central queue") < mean("round robin") < mean("random")
    assert mean("central queue") < mean("least connections") < mean("power of two")
    assert mean("power of two") < mean("random")
    assert mean("random", "share") == pytest.approx(mean("random"))
    own = monolith(20 * ms, 4, workers=8, balancing=CentralQueue)
    assert float(qm.Pipeline(own).solve(1400.0).latency.mean) == mean("central queue")


def test_the_parameters_of_a_balanced_monolith():
    p = qm.Pipeline(monolith(20 * ms, 4, workers=8, balancing="random"))
    assert p.replace({"monolith.replicas": [2, 4]}).max_rate.tolist() == [800.0, 1600.0]
    assert p.replace({"monolith.replica.servers": 16}).max_rate == 3200.0


def test_a_balanced_monolith_does_other_work():
    page = monolith(20 * ms, 4, workers=8, balancing="random")
    upload = page.serving(qm.Exponential(60 * ms))
    r = qm.Pipeline({"page": (0.9, page), "upload": (0.1, upload)}).solve(1000.0)
    assert r.stations["monolith"].utilization == pytest.approx(1000.0 * 24 * ms / 32)
    assert r.kinds["upload"].latency.mean - r.kinds["page"].latency.mean == pytest.approx(
        40 * ms, rel=1e-6
    )


def test_a_balanced_service():
    plain = Service("a", 20 * ms, servers=4, workers=8)
    r = qm.Pipeline(microservices(plain)).solve(1400.0)
    assert r.latency.mean == qm.MMc(20 * ms, 32).solve(1400.0).response_time
    turns = Service("a", 20 * ms, servers=4, workers=8, balancing="round robin")
    expected = RoundRobin(qm.MMc(20 * ms, 8), 4).solve(1400.0).response_time
    assert qm.Pipeline(microservices(turns)).solve(1400.0).latency.mean == expected


def test_balanced_read_replicas():
    db = database(4 * ms, 2, write_time=8 * ms, replicas=6, balancing="random")
    p = qm.Pipeline({"read": (0.9, db.read), "write": (0.1, db.write)})
    r = p.solve(1000.0)
    expected = RandomSplit(qm.MMc(4 * ms, 2), 6).solve(900.0).response_time
    assert r.kinds["read"].latency.mean == pytest.approx(expected, rel=1e-12)
    assert p.replace({"database replicas.replicas": 3}).max_rate < p.max_rate * 1.0001
