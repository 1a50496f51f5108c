"""A monolith handles all kinds of request; services call each other."""

import pytest

import qmodel as qm
from qmodel.units import ms
from qmodel.web import Service, microservices, monolith


def test_workers_pool():
    assert monolith(20 * ms, servers=4, workers=8).station.servers == 32


def test_kinds_share_the_servers():
    page = monolith(10 * ms, servers=2)
    slow = page.serving(qm.Exponential(50 * ms))
    r = qm.Pipeline({"page": (0.8, page), "slow": (0.2, slow)}).solve(80.0)
    assert r.stations["monolith"].utilization == pytest.approx(
        80 * (0.8 * 10 + 0.2 * 50) * ms / 2
    )
    page_distribution, slow_distribution = (r.kinds[kind].latency for kind in ("page", "slow"))
    assert slow_distribution.mean - page_distribution.mean == pytest.approx(40 * ms)


def test_shared_servers_do_not_feel_variability():
    means = [
        qm.Pipeline(monolith(distribution, servers=4, discipline="share"))
        .solve(150.0)
        .latency.mean
        for distribution in (qm.Deterministic(20 * ms), qm.from_mean_scv(20 * ms, 9.0))
    ]
    assert means[0] == pytest.approx(means[1])


def test_calls_in_turn_and_at_once():
    # Delays below the queues' noise: a thousand workers, so that nobody waits.
    def tree(at_once):
        parts = [Service(n, qm.Exponential(t), 1000) for n, t in (("a", 0.02), ("b", 0.03))]
        return microservices(Service("front", 0.01, 1000, calls=parts, at_once=at_once))

    in_turn, at_once = (qm.Pipeline(tree(x)).solve(10.0).latency.mean for x in (False, True))
    assert in_turn == pytest.approx(0.06)
    # E[max] of two exponentials: 1/a + 1/b - 1/(a + b).
    assert at_once == pytest.approx(0.01 + 0.02 + 0.03 - 1 / (1 / 0.02 + 1 / 0.03), rel=1e-9)


def test_every_call_is_a_hop():
    leaf = Service("leaf", 1 * ms, 4)
    middle = Service("middle", 1 * ms, 4, calls=[leaf])
    root = Service("root", 1 * ms, 4, calls=[middle, leaf])
    r = qm.Pipeline(microservices(root, hop=0.5 * ms)).solve(1.0)
    assert r.visits["hop"] == 4.0
    assert r.visits["leaf"] == 2.0


def test_data_behind_a_service_and_a_gateway_in_front():
    root = Service("root", 1 * ms, 4, calls=[qm.call("db", qm.MMc(4 * ms, 2))])
    door = qm.call("door", qm.MMc(0.1 * ms))
    p = qm.Pipeline(microservices(root, gateway=door))
    assert next(iter(p.stations)) == "door"
    assert p.bottleneck == "db"


def test_two_services_of_one_name():
    twins = [Service("a", 1 * ms, 1), Service("a", 2 * ms, 1)]
    with pytest.raises(qm.ModelError, match="two different services are called 'a'"):
        microservices(Service("root", 1 * ms, 1, calls=twins))


def test_what_is_no_service():
    with pytest.raises(qm.ModelError, match="calls must be a sequence, each of it a Service"):
        microservices(Service("root", 1 * ms, 1, calls=["db"]))
    with pytest.raises(qm.DomainError, match="discipline must be 'queue' or 'share', got 'ps'"):
        monolith(1 * ms, 2, discipline="ps")
