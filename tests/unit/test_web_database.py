"""Reads and writes through a pool of connections, and the cache in front."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.units import ms, us
from qmodel.web import cache, database


def mix(db, reads=0.8):
    return qm.Pipeline({"read": (reads, db.read), "write": (1 - reads, db.write)})


def test_equal_times_are_one_pool_exactly():
    r = mix(database(5 * ms, 10)).solve(1000.0)
    assert r.basis["p99"] == "exact"
    assert r.latency.mean == pytest.approx(qm.MMc(5 * ms, 10).solve(1000.0).response_time)


def test_longer_writes_are_a_mixture():
    db = database(5 * ms, 10, write_time=20 * ms)
    r = mix(db).solve(1000.0)
    assert r.stations["database"].utilization == pytest.approx(
        1000 * (0.8 * 5 + 0.2 * 20) * ms / 10
    )
    assert r.basis["mean"] == "exact"
    assert r.kinds["write"].latency.mean - r.kinds["read"].latency.mean == pytest.approx(
        15 * ms
    )


def test_replicas_take_the_reads():
    r = mix(database(5 * ms, 10, replicas=3)).solve(1000.0)
    assert r.stations["database"].utilization == pytest.approx(200 * 5 * ms / 10)
    assert r.stations["database replicas"].utilization == pytest.approx(800 * 5 * ms / 30)


def test_cache_in_front_of_the_reads():
    db = database(9 * ms, 10, hop=0.5 * ms)
    step = cache(0.9, 10 * us, db.read, hop=0.5 * ms)
    r = qm.Pipeline(step).solve(1000.0)
    assert r.visits["database"] == pytest.approx(0.1)
    by_hand = (
        0.5 * ms
        + r.stations["cache"].response_time
        + 0.1 * (0.5 * ms + r.stations["database"].response_time)
    )
    assert r.latency.mean == pytest.approx(by_hand)


def test_loss_of_the_cache_by_published_incident():
    # storecode.pro, 2019: hit ratio from 0.95 to 0.30 is 14 times the load (users' report).
    step = cache(np.array([0.95, 0.30]), 10 * us, qm.call("db", qm.MMc(9 * ms, 10)))
    load = qm.Pipeline(step).solve(100.0).stations["db"].arrival_rate
    assert load[1] / load[0] == pytest.approx(14.0)


def test_layers_of_photo_serving():
    # Huang et al., SOSP 2013: served by browser 65.5 %, edge 20.0 %, origin 4.6 %, backend
    # 9.9 % of 77 million requests, so conditional hit ratios 0.655, 0.5797, 0.3172.
    backend = qm.call("backend", qm.Delay(0.1))
    origin = cache(0.046 / 0.145, 1 * us, backend, name="origin")
    edge = cache(0.200 / 0.345, 1 * us, origin, name="edge")
    r = qm.Pipeline(cache(0.655, 1 * us, edge, name="browser")).solve(1.0)
    visits = [float(r.visits[name]) for name in ("browser", "edge", "origin", "backend")]
    assert visits == pytest.approx([1.0, 0.345, 0.145, 0.099])


@pytest.mark.parametrize("ratio", [-0.1, 1.1])
def test_impossible_hit_ratio(ratio):
    with pytest.raises(qm.DomainError, match=f"hit_ratio must be a probability .* got {ratio}"):
        cache(ratio, 1 * us, qm.nothing())


def test_hit_ratio_one_never_asks_an_overloaded_database():
    step = cache(1.0, 10 * us, qm.call("db", qm.MMc(10.0)))
    r = qm.Pipeline(step).solve(100.0)
    assert r.latency.mean == pytest.approx(r.stations["cache"].response_time)


def test_connections_are_held_over_cores():
    """The pool is that of `qm.hold`; reads and writes share it and the cores."""
    from qmodel.networks import HeldPool

    db = qm.web.database(0.012, 10, cores=4)
    r = qm.Pipeline(db.read).solve(250.0)
    twin = HeldPool(10, {"cores": qm.MMc(0.012, servers=4)}).solve(250.0)
    assert r.latency.mean == pytest.approx(twin.response_time, rel=1e-9)
    both = qm.web.database(0.012, 10, write_time=0.020, cores=4)
    mix = qm.Pipeline({"read": (0.8, both.read), "write": (0.2, both.write)}).solve(200.0)
    assert mix.stations["database cores"].utilization == pytest.approx(200 * 0.0136 / 4)
    assert mix.kinds["write"].latency.mean > mix.kinds["read"].latency.mean
    apart = qm.Pipeline(qm.web.database(0.012, 5, replicas=2, cores=2).read)
    assert apart.parameters()["database replicas.permits"] == 10


def test_a_database_that_slows_down_under_its_connections():
    speeds = [n / (1 + 0.05 * (n - 1) + 0.002 * n * (n - 1)) for n in range(1, 41)]
    db = qm.web.database(0.05, 22, speeds=speeds)
    assert qm.Pipeline(db.read).solve(120.0).latency.mean == pytest.approx(0.096498, abs=1e-6)
    with pytest.raises(qm.ModelError, match="cores or speeds, not both"):
        qm.web.database(0.05, 22, speeds=speeds, cores=4)
    with pytest.raises(qm.ModelError, match="balancing is not for a database with cores"):
        qm.web.database(0.05, 22, cores=4, replicas=2, balancing="random")
