"""Crowds against sample paths: many crowds through two stations, by time of arrival."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm

HERE = Path(__file__).parent
WEB, DB = (0.02, 16), (0.005, 3)
SITE = qm.Pipeline(qm.series(qm.call("web", qm.MMc(*WEB)), qm.call("db", qm.MMc(*DB))))
CROWD = qm.transients.pulse(18_000, 30.0, base=300.0, until=150.0)
AT = np.array([20.0, 40.0, 45.0, 50.0, 60.0, 70.0])


@pytest.fixture(scope="module")
def sim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("crowd_simulator", HERE / "simulator.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def paths(sim: ModuleType, crowds: int, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the requests present at `AT` in each crowd, and latencies of who comes then."""
    rng = np.random.default_rng(seed)
    fine = np.linspace(0.0, CROWD.times[-1], 20_001)
    grown = np.concatenate([[0.0], np.cumsum(np.diff(fine) * CROWD.rate(fine)[:-1])])
    present, late = np.zeros((crowds, len(AT))), [[] for _ in AT]
    for k in range(crowds):
        n = rng.poisson(grown[-1])
        arrivals = np.interp(np.sort(rng.random(n)) * grown[-1], grown, fine)
        leaves = sim.fcfs(arrivals, rng.exponential(WEB[0], n), WEB[1])
        leaves = sim.fcfs(leaves, rng.exponential(DB[0], n), DB[1])
        for i, t in enumerate(AT):
            present[k, i] = ((arrivals <= t) & (leaves > t)).sum()
            near = np.abs(arrivals - t) < 0.05
            late[i].append((leaves - arrivals)[near])
    return present, [np.concatenate(times) for times in late]


@pytest.mark.parametrize(
    ("crowds", "of_backlog", "of_latency"),
    [(40, 0.10, 0.15), pytest.param(2000, 0.05, 0.10, marks=pytest.mark.slow)],
)
def test_two_stations(
    sim: ModuleType, crowds: int, of_backlog: float, of_latency: float
) -> None:
    """Backlog within 5 %, p50 and p99 within 10 %; with fewer crowds, their noise beside."""
    present, late = paths(sim, crowds, seed=11)
    found = SITE.over_time(CROWD, times=AT)
    number = sum(station.number_in_system for station in found.stations.values())
    assert number == pytest.approx(present.mean(axis=0), rel=of_backlog)
    for p in (0.5, 0.99):
        theirs = np.array([np.quantile(times, p) for times in late])
        assert found.percentile(p) == pytest.approx(theirs, rel=of_latency)
