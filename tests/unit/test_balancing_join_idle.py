"""Join idle queue: its limits, simulated figures, and what it refuses."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.join_idle import JoinIdleQueue, idle_levels
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.errors import DomainError

# N, c, m, load, mean wait, probability of a wait: 3e6 to 8e6 requests each.
SIMULATED = [
    (2, 1, 1, 0.7, 1.35544, 0.54100), (2, 1, 1, 0.8, 2.48057, 0.67907),
    (2, 2, 1, 0.5, 0.12342, 0.15558), (2, 4, 1, 0.7, 0.13947, 0.23757),
    (2, 8, 1, 0.7, 0.03282, 0.11222), (2, 8, 1, 0.95, 1.07142, 0.73640),
    (2, 32, 1, 0.9, 0.05131, 0.27593), (3, 1, 1, 0.8, 1.74029, 0.58621),
    (3, 1, 1, 0.9, 4.23401, 0.76958), (3, 4, 1, 0.7, 0.07131, 0.14582),
    (3, 4, 1, 0.8, 0.20696, 0.30574), (5, 1, 1, 0.7, 0.51747, 0.29879),
    (5, 1, 1, 0.9, 2.73662, 0.67466), (5, 2, 1, 0.5, 0.01654, 0.02641),
    (5, 2, 1, 0.8, 0.34171, 0.31444), (5, 2, 1, 0.9, 1.02591, 0.55528),
    (10, 1, 1, 0.7, 0.19914, 0.14366), (10, 1, 1, 0.95, 3.17603, 0.69558),
    (10, 4, 1, 0.9, 0.15138, 0.26124), (10, 4, 1, 0.95, 0.45065, 0.48241),
    (20, 1, 1, 0.9, 0.65376, 0.34118), (20, 8, 1, 0.9, 0.01185, 0.05731),
    (30, 4, 1, 0.9, 0.02725, 0.07375), (100, 1, 1, 0.95, 0.26557, 0.18670),
    (4, 1, 2, 0.5, 0.36619, 0.25761), (10, 1, 2, 0.5, 0.12954, 0.10962),
    (10, 1, 2, 0.7, 0.40843, 0.27244), (10, 1, 2, 0.8, 0.80958, 0.41848),
    (10, 1, 5, 0.5, 0.31470, 0.23576), (10, 1, 5, 0.7, 0.80850, 0.43843),
    (10, 1, 5, 0.8, 1.47618, 0.58332), (10, 1, 5, 0.9, 3.47104, 0.76434),
    (10, 1, 5, 0.95, 7.43154, 0.87196), (20, 1, 2, 0.7, 0.18292, 0.14631),
    (20, 1, 2, 0.9, 1.07150, 0.47908), (20, 1, 2, 0.95, 2.48184, 0.66948),
    (50, 1, 5, 0.5, 0.06530, 0.06028), (50, 1, 5, 0.8, 0.34309, 0.24914),
    (100, 1, 4, 0.9, 0.36114, 0.25598), (100, 1, 100, 0.5, 0.46551, 0.31749),
    (100, 1, 100, 0.7, 1.11637, 0.52728), (100, 1, 100, 0.8, 1.95444, 0.66174),
    (500, 1, 10, 0.7, 0.03551, 0.03404), (500, 1, 10, 0.9, 0.16773, 0.14235),
]  # fmt: skip


def test_simulations():
    for n, c, m, load, wait, probability in SIMULATED:
        r = JoinIdleQueue(qm.MMc(1.0, c), n, m).solve(n * c * load)
        # What the module states.
        assert r.response_time == pytest.approx(1 + wait, rel=0.021 if m == 1 else 0.07)
        assert r.wait.tail(0.0) == pytest.approx(probability, abs=0.03 if m == 1 else 0.036)


def test_one_replica_is_that_replica():
    for c in (1, 4):
        probability, ratio = idle_levels(0.8, replicas=1, servers=c, dispatchers=1)
        assert probability == pytest.approx(
            float(qm.erlang_c(servers=c, offered_load=0.8 * c)), rel=1e-12
        )
        assert ratio == pytest.approx(0.8, rel=1e-12)


def test_many_replicas_and_dispatchers_are_those_of_lu_and_others():
    for load in (0.5, 0.9):
        for r in (2, 10):
            probability, ratio = idle_levels(
                load, replicas=10**6 * r, servers=1, dispatchers=10**6
            )
            expected = load / (1 + r * (1 - load))
            assert probability == pytest.approx(expected, rel=1e-4)
            assert ratio == pytest.approx(expected, rel=1e-4)


def test_one_dispatcher_of_many_replicas_leaves_nobody_waiting():
    r = JoinIdleQueue(qm.MMc(1.0), 10**5).solve(0.9e5)
    assert r.response_time == pytest.approx(1, abs=1e-9)


def test_more_dispatchers_are_worse_and_saturation_is_no_trouble():
    rates = np.array([10.0, 16.0, 19.0, 20.0 - 1e-12, 20.0, np.nan])
    one, some, all_ = (JoinIdleQueue(qm.MMc(1.0), 20, m).solve(rates) for m in (1, 4, 20))
    assert (one.response_time[:3] < some.response_time[:3]).all()
    assert (some.response_time[:3] < all_.response_time[:3]).all()
    for r in (one, some, all_):
        assert np.isfinite(r.response_time[3])
        assert np.isinf(r.response_time[4])
        assert np.isnan(r.response_time[5])
    least = LeastConnections(qm.MMc(1.0), 20).solve(rates)
    assert (least.response_time[:4] <= one.response_time[:4]).all()


def test_many_workers_near_saturation_fare_no_better_than_behind_the_shortest_queue():
    # Here the fitted form alone would be 0.2 % below it.
    replica, rate = qm.MMc(1.0, 4), 0.999 * 20000
    least = LeastConnections(replica, 5000).solve(rate).response_time
    assert JoinIdleQueue(replica, 5000).solve(rate).response_time >= least * (1 - 1e-12)


def test_what_is_refused():
    with pytest.raises(DomainError, match="dispatchers 3 of replicas 2"):
        JoinIdleQueue(qm.MMc(1.0), 2, 3)
    with pytest.raises(DomainError, match="dispatchers 3 of replicas 2"):
        JoinIdleQueue(qm.MMc(1.0), np.array([5, 2]), np.array([5, 3]))
    with pytest.raises(DomainError, match="dispatchers 2 and workers 4"):
        JoinIdleQueue(qm.MMc(1.0, 4), 5, 2)
    with pytest.raises(DomainError, match="dispatchers must be a whole number"):
        JoinIdleQueue(qm.MMc(1.0), 2, 0)
