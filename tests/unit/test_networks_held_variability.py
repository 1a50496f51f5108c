"""Throughput of a full pool with service that is not exponential."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.networks import HeldPool


def pool(permits: object, scv: float, servers: int = 4, query: float = 0.012) -> HeldPool:
    work, service = (qm.LogNormal(m, scv=scv) for m in (0.020, query))
    return HeldPool(permits, {"work": qm.Delay(work), "db": qm.MGc(service, servers=servers)})


@pytest.mark.parametrize(
    ("permits", "scv", "servers", "query", "simulated"),
    [(8, 0.25, 4, 0.012, 243.57), (8, 4, 4, 0.012, 240.06), (12, 0.25, 4, 0.012, 321.05),
     (12, 2, 4, 0.012, 311.28), (12, 4, 4, 0.012, 309.0), (6, 4, 2, 0.010, 165.8)],
)  # fmt: skip
def test_throughput_of_a_full_pool(
    permits: int, scv: float, servers: int, query: float, simulated: float
) -> None:
    """Simulated to 0.1 %; the time of a thread's own work varies as much."""
    found = float(pool(permits, scv, servers, query).max_rate)
    assert found == pytest.approx(simulated, rel=0.004)


@pytest.mark.parametrize(
    ("permits", "scv", "work", "servers", "simulated"),
    [
        (4, 4.0, (1.0, 1.0), (1, 1), 0.7062), (8, 4.0, (1.0, 1.0), (1, 1), 0.7877),
        (32, 4.0, (1.0, 1.0), (1, 1), 0.9092), (8, 4.0, (1.0,) * 3, (1, 1, 1), 0.6609),
        (4, 4.0, (1.0, 0.5), (1, 1), 0.8957), (8, 4.0, (1.0, 0.5), (1, 1), 0.9589),
        (16, 4.0, (1.0, 0.25), (4, 1), 3.4621), (8, 4.0, (1.0, 1.0), (4, 4), 3.1638),
        (4, 0.25, (1.0, 1.0), (1, 1), 0.9214), (8, 0.25, (1.0,) * 3, (1, 1, 1), 0.9262),
        (8, 0.25, (1.0, 0.25), (4, 1), 3.7658),
    ],
)  # fmt: skip
def test_throughput_of_several_queues(
    permits: int,
    scv: float,
    work: tuple[float, ...],
    servers: tuple[int, ...],
    simulated: float,
) -> None:
    """Simulated to 0.3 %; exponential service would be up to 23 % away."""
    inside = {
        f"{k}": qm.MGc(qm.LogNormal(mean, scv), servers=c)
        for k, (mean, c) in enumerate(zip(work, servers, strict=True))
    }
    assert float(HeldPool(permits, inside).max_rate) == pytest.approx(simulated, rel=0.012)


@pytest.mark.thorough
def test_exact_where_nothing_waits_and_far_above_saturation() -> None:
    limits = pool(np.array([1, 4, 400]), 4.0).max_rate
    assert limits == pytest.approx([1 / 0.032, 4 / 0.032, 4 / 0.012], rel=1e-12)
    curve = np.array(pool(8, 0.25).throughputs)
    assert curve[:4] == pytest.approx(np.arange(1, 5) / 0.032, rel=1e-9)
    assert curve[-1] == pytest.approx(float(pool(8, 0.25).max_rate), rel=1e-9)


def test_an_scv_of_one_is_exponential() -> None:
    plain = {"work": qm.Delay(qm.Exponential(0.020)), "db": qm.MMc(0.012, servers=4)}
    assert float(pool(12, 1.0).max_rate) == pytest.approx(
        float(HeldPool(12, plain).max_rate), rel=1e-12
    )
    limits = [float(pool(12, scv).max_rate) for scv in (0.05, 0.5, 0.999, 1.001, 2.0, 8.0)]
    assert limits == sorted(limits, reverse=True)


def test_unknown_and_overloaded_cells() -> None:
    site = pool(np.array([6, 12]), 4.0)
    r = site.solve(np.array([[100.0], [310.0], [np.nan]]))
    assert np.isfinite(r.response_time[0]).all()
    assert np.isinf(r.response_time[1]).all()
    assert np.isnan(r.response_time[2]).all()


def test_service_without_a_variance() -> None:
    service = qm.Pareto(0.004, shape=1.5)
    inside = {"work": qm.Delay(0.020), "db": qm.MGc(service, servers=4)}
    site = HeldPool(8, inside)
    assert 0.85 * float(pool(8, 4.0).max_rate) < float(site.max_rate) <= 8 / 0.032
    assert site.solve(100.0).response_time > 0.032
