"""Crowds against sample paths: backlogs, percentiles by time of arrival, whether it tips.

The default run has some dozen crowds, and their noise beside the errors; 2,000 of them are
marked slow.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import qmodel as qm

PARTS = {"balancer": (0.001, 1), "web": (0.02, 8), "db": (0.005, 3)}
CALLS = {name: qm.call(name, qm.MMc(*part)) for name, part in PARTS.items()}
SITE = qm.Pipeline(qm.series(*CALLS.values()))
CROWD = qm.transients.pulse(9000, 30.0, base=120.0, until=120.0)
AT = np.array([20.0, 40.0, 45.0, 50.0, 60.0, 70.0])


@pytest.fixture(scope="module")
def sim() -> ModuleType:
    import importlib.util
    import sys
    from pathlib import Path

    path = Path(__file__).parent / "crowd_simulator.py"
    spec = importlib.util.spec_from_file_location("crowd_simulator", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def batches(paths: int, seed: int = 11) -> list[tuple[int, np.random.Generator]]:
    """Return batches of paths that fit into memory."""
    sizes = [min(400, paths - done) for done in range(0, paths, 400)]
    return [(n, np.random.default_rng([seed, k])) for k, n in enumerate(sizes)]


def late(come: np.ndarray, leave: np.ndarray) -> list[np.ndarray]:
    """Return the latencies of those who came near each time and got through."""
    found = []
    for t in AT:
        near = (np.abs(come - t) < 0.05) & np.isfinite(leave)
        found.append((leave - come)[near])
    return found


def agree(
    found: qm.pipeline.PipelineOverTime, times: list[list[np.ndarray]], rel: float
) -> None:
    for p in (0.5, 0.99):
        theirs = [np.quantile(np.concatenate(parts), p) for parts in zip(*times, strict=True)]
        assert found.percentile(p) == pytest.approx(np.array(theirs), rel=rel)


@pytest.mark.parametrize(
    ("paths", "of_backlog", "of_latency"),
    # Of 40 crowds p99 is known to 10 % where little comes.
    [(40, 0.08, 0.15), pytest.param(2000, 0.05, 0.10, marks=pytest.mark.slow)],
)
def test_balancer_web_and_database(
    sim: ModuleType, paths: int, of_backlog: float, of_latency: float
) -> None:
    numbers, times = [], []
    for n, rng in batches(paths):
        come = sim.arrivals(CROWD.times, CROWD.rates, n, rng)
        leave = come
        for part in PARTS.values():
            leave = sim.through(leave, *part, rng)
        numbers.append(n / paths * sim.present(come, leave, AT))
        times.append(late(come, leave))
    found = SITE.over_time(CROWD, times=AT)
    inside = sum(station.number_in_system for station in found.stations.values())
    assert inside == pytest.approx(sum(numbers), rel=of_backlog)
    agree(found, times, of_latency)
