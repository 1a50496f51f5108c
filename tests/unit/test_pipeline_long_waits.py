"""Percentiles in a jam: in closed form as by inversion, and only where the wait decides."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import Gamma, Mixture, Shifted, Sum
from qmodel.pipeline.long_waits import percentiles
from qmodel.transients import pulse

DB = qm.MMc(0.005, 4)


def site() -> qm.Pipeline:
    hop, work = qm.call("hop", qm.Delay(0.05)), qm.call("work", qm.MMc(0.004, 40))
    pool = qm.hold("threads", 10, qm.series(work, qm.call("db", DB)))
    return qm.Pipeline({"page": (0.7, qm.series(hop, pool)), "file": (0.3, hop)})


@pytest.mark.parametrize("p", [0.5, 0.95, 0.99])
def test_a_jam_is_what_inversion_makes_of_it(p: float) -> None:
    r = site().over_time(pulse(60_000, 60.0, base=300.0), times=[1.0, 80.0, 100.0, 130.0])
    assert r.backlog.max() > 5000
    assert r.percentile(p) == pytest.approx(r.latency.quantile(p), rel=5e-3)


def test_what_decides_nothing_is_inverted() -> None:
    """Where rest and wait are alike, the closed form would be wrong by a tenth."""
    distribution = Sum(
        (Shifted(Gamma(np.array([1.0, 1.0]), 0.5), 2.0), qm.Exponential(np.ones(2)))
    )
    assert percentiles(distribution, 0.99, 2) == pytest.approx(
        distribution.quantile(0.99), rel=1e-9
    )


def test_all_ways_through_are_there() -> None:
    long = Shifted(Gamma(np.array([20.0, 40.0]), np.array([0.04, 0.01])), 5.0)
    wait = Mixture((0.25, 0.75), (qm.Deterministic(0.0), long))
    distribution = Sum((wait, qm.Exponential(0.1)))
    for p in (0.1, 0.24, 0.26, 0.5, 0.99):
        assert percentiles(distribution, p, 2) == pytest.approx(
            distribution.quantile(p), rel=2e-3
        )
