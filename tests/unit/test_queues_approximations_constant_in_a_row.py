"""Constant work behind constant work."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues import MDc


def row(first: qm.Station, second: qm.Station) -> qm.Pipeline:
    return qm.Pipeline(qm.series(qm.call("first", first), qm.call("second", second)))


@pytest.mark.parametrize(
    ("servers", "load", "then"), [(1, 0.85, 0.9), (4, 0.6, 0.7), (2, 0.8, 0.9), (1, 0.3, 0.9)]
)
def test_both_waits_are_that_of_the_slower_alone(
    servers: int, load: float, then: float
) -> None:
    r = row(MDc(load * servers, servers), MDc(then)).solve(1.0)
    alone = MDc(then).solve(1.0).wait
    assert alone is not None
    work = load * servers + then
    assert float(r.latency.mean) == pytest.approx(work + float(alone.mean), rel=1e-9)
    for p in (0.5, 0.95, 0.99):
        exact = work + float(alone.quantile(p))
        assert float(r.latency.quantile(p)) == pytest.approx(exact, rel=0.04)


# Mean waits of four million requests behind a pool, to one percent: policy, replicas of how
# many servers at what load, and the load of one server of constant work behind.
SIMULATED = [
    (qm.balancing.RoundRobin, 4, 1, 0.6, 0.8, 1.360),
    (qm.balancing.RoundRobin, 3, 2, 0.8, 0.85, 1.317),
    (qm.balancing.LeastConnections, 3, 1, 0.85, 0.9, 1.889),
    (qm.balancing.LeastConnections, 4, 1, 0.6, 0.8, 1.272),
    (qm.balancing.LeastConnections, 2, 2, 0.7, 0.75, 0.567),
]


@pytest.mark.parametrize(("policy", "replicas", "servers", "load", "then", "wait"), SIMULATED)
def test_behind_pools(
    policy: type, replicas: int, servers: int, load: float, then: float, wait: float
) -> None:
    pool = policy(MDc(load * servers * replicas, servers), replicas)
    found = row(pool, MDc(then)).solve(1.0).stations["second"].waiting_time
    assert float(found) == pytest.approx(wait, rel=0.08)


def test_several_servers_that_do_not_divide() -> None:
    """Simulated: 2.34 behind two servers at a load of .8, 2.60 behind three."""
    for servers, then, wait in ((2, 4, 2.34), (3, 2, 2.60)):
        r = row(MDc(0.8 * servers, servers), MDc(0.9 * then, then)).solve(1.0)
        assert float(r.stations["second"].waiting_time) == pytest.approx(wait, rel=0.09)


def test_cells() -> None:
    """The first is slower, as slow, faster; no load, unknown, too much."""
    first = np.array([0.95, 0.9, 0.8, 0.8, 0.8, 0.8])
    rate = np.array([1.0, 1.0, 1.0, 0.0, np.nan, 1.2])
    found = row(MDc(first), MDc(0.9)).solve(rate).stations["second"].waiting_time
    plain = MDc(0.9).solve(1.0).waiting_time - MDc(0.8).solve(1.0).waiting_time
    assert found[:4] == pytest.approx([0.0, 0.0, plain, 0.0], abs=1e-9)
    assert np.isnan(found[4])
    assert found[5] == np.inf
    alone = row(MDc(0.8), MDc(0.9)).solve(1.0).stations["second"].waiting_time
    assert found[2] == pytest.approx(float(alone), rel=1e-12)


def test_other_work_is_as_before() -> None:
    """Exponential work behind constant work, and constant behind exponential work."""
    for first, second in ((MDc(0.8), qm.MMc(0.9)), (qm.MMc(0.8), MDc(0.9))):
        found = row(first, second).solve(1.0).stations["second"].waiting_time
        assert float(found) > float(second.solve(1.0).waiting_time) * 0.3
    plain = row(qm.MMc(0.8), MDc(0.9)).solve(1.0).stations["second"].waiting_time
    assert float(plain) == pytest.approx(float(MDc(0.9).solve(1.0).waiting_time))
