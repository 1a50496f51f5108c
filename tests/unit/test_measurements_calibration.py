"""Calibration: golden values of other programs, intervals that cover, and honest refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

import qmodel as qm
from qmodel.errors import DomainError, InfeasibleError, ModelError
from qmodel.measurements import (
    arrival_variability,
    coordinated_omission,
    hit_ratio,
    loop_of,
    number_of_servers,
    read,
    service_demands,
    service_scv,
    service_time,
    usl,
)

RATES = [237, 397, 556, 634, 675, 754]
VIRTUAL = np.array([62.7, 62.2, 62.6, 63.4, 64.2, 73.9]) / 1e3
PLATFORM = np.array([60.8, 60.9, 61.6, 62.8, 64.7, 81.2]) / 1e3


def test_service_time_of_a_tier_of_fifty_threads() -> None:
    # HuyBQ2004/modeling, HTTP variant; least squares made independently.
    found = service_time(RATES, VIRTUAL, servers=50)
    assert found.model == "M/M/c"
    assert found.estimates["service_time"].value == pytest.approx(0.062361, abs=1e-6)
    assert found.rms == pytest.approx(0.0062, abs=5e-5)
    other = {a.model: a for a in found.alternatives}
    factor = other["a wait of other variability"].estimates["wait_factor"]
    assert np.log(factor.value) == pytest.approx(-0.186, abs=1e-3)
    slope = other["a demand that depends on the load"].estimates["demand_slope"]
    assert slope.value == pytest.approx(-0.009, abs=5e-4)
    assert slope.low < 0 < slope.high


def test_load_dependent_demand_is_found() -> None:
    found = service_time(RATES, PLATFORM, servers=50)
    assert found.model == "a demand that depends on the load"
    assert found.estimates["service_time"].value == pytest.approx(0.059034, abs=1e-6)
    assert found.estimates["demand_slope"].value == pytest.approx(0.080, abs=5e-4)
    assert found.rms == pytest.approx(0.0061, abs=5e-5)
    simple = next(a for a in found.alternatives if a.model == "M/M/c")
    assert simple.estimates["service_time"].value == pytest.approx(0.063116, abs=1e-6)
    assert simple.rms == pytest.approx(0.0250, abs=1e-4)
    assert simple.residuals.min() == pytest.approx(-0.037, abs=2e-3)
    factor = next(a for a in found.alternatives if "wait_factor" in a.estimates)
    assert np.log(factor.estimates["wait_factor"].value) == pytest.approx(0.898, abs=1e-3)


@pytest.mark.thorough
def test_interval_of_the_service_time_covers() -> None:
    rng, covered = np.random.default_rng(2), 0
    rates = np.array([100.0, 250, 400, 550, 700])
    true = np.asarray(qm.MMc(0.0625, 50).solve(rates).response_time)
    for _ in range(40):
        found = service_time(rates, true * np.exp(0.02 * rng.normal(size=5)), servers=50)
        simple = next(f for f in (found, *found.alternatives) if f.model == "M/M/c")
        e = simple.estimates["service_time"]
        covered += e.low < 0.0625 < e.high
    assert 34 <= covered <= 40


def test_hidden_latency_is_found() -> None:
    rates = np.array([5.0, 20, 40, 60, 70, 76])
    means = np.asarray(qm.MMc(0.1, 8).solve(rates).response_time) + 0.3
    found = service_time(rates, means, servers=8)
    assert found.model == "hidden latency"
    assert found.estimates["hidden_latency"].value == pytest.approx(0.3, rel=1e-4)
    assert found.estimates["service_time"].value == pytest.approx(0.1, rel=1e-4)
    assert "holds no server" in " ".join(found.notes)


@pytest.mark.thorough
def test_number_of_servers_is_told_from_high_loads_only() -> None:
    rng = np.random.default_rng(1)
    told = []
    for top in (0.8, 0.93):
        rates = np.linspace(0.2, top, 5) * 80
        true = np.asarray(qm.MMc(0.1, 8).solve(rates).response_time)
        for _ in range(10):
            found = number_of_servers(rates, true * np.exp(0.02 * rng.normal(size=5)))
            told.append(found.estimates["servers"].value)
    assert np.mean(np.array(told) == 8) > 0.9
    rates = np.linspace(0.1, 0.5, 5) * 80
    true = np.asarray(qm.MMc(0.1, 8).solve(rates).response_time)
    for _ in range(10):
        with pytest.raises(InfeasibleError, match="give servers="):
            number_of_servers(rates, true * np.exp(0.02 * rng.normal(size=5)))


@pytest.mark.thorough
def test_scv_of_a_php_server() -> None:
    # Gandhi et al. 2012: 8 cores, 120 ms, T95 = 400 ms at 60/s: a rounded figure, and the
    # p95 of M/G/c is approximate, to 1 %, which is .02 of the SCV here.
    found = service_scv([60.0], {0.95: [0.4]}, service_time=0.12, servers=8)
    assert found.model == "M/G/c, first come first served"
    assert found.estimates["service_scv"].value == pytest.approx(0.26, abs=0.02)
    assert found.estimates["service_scv"].high == np.inf
    assert found.alternatives[0].rms > 0.1
    assert "does not fit with any SCV" in " ".join(found.notes)


def test_demands_over_kinds() -> None:
    rng = np.random.default_rng(0)
    rates = rng.uniform([20, 5], [100, 40], size=(200, 2))
    busy = (0.03 + rates @ [0.004, 0.0025]) * np.exp(0.01 * rng.normal(size=200))
    found = service_demands({"a": rates[:, 0], "b": rates[:, 1]}, busy)
    for name, true in (("background", 0.03), ("a", 0.004), ("b", 0.0025)):
        e = found.estimates[name]
        assert e.value == pytest.approx(true, rel=0.1)
        # Of one draw, so within twice the interval.
        assert abs(e.value - true) < 2 * (e.high - e.value)
    together = service_demands({"a": rates[:, 0], "b": rates[:, 0] * 2}, busy)
    assert "rise and fall together" in " ".join(together.notes)
    steady = service_demands({"a": rates[:, 0], "c": np.full(200, 5.0)}, busy)
    assert "the rate of c hardly changes" in " ".join(steady.notes)
    one = service_demands({"a": [10, 20, 40]}, [0.05, 0.1, 0.2], servers=4)
    assert one.estimates["a"].value == pytest.approx(0.02)


def test_usl_as_r_has_it() -> None:
    users = [1, 18, 36, 72, 108, 144, 216]
    rates = [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2]
    found = usl(users, rates).estimates
    golden = {
        "contention": 0.0277284139, "coherency": 1.04365772e-4, "single": 89.9951832,
        "peak_load": 96.519, "peak_throughput": 1883.899, "limit": 3245.59,
    }  # fmt: skip
    for name, value in golden.items():
        assert found[name].value == pytest.approx(value, rel=2e-5)
        assert found[name].low < value < found[name].high
    relative = usl(users, rates, form="relative").estimates
    assert relative["contention"].value == pytest.approx(0.01336, rel=1e-3)
    assert relative["single"].value == pytest.approx(68.16, rel=1e-3)


@pytest.mark.thorough
def test_usl_without_coherency() -> None:
    users = [1, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64]
    rates = [20, 78, 130, 170, 190, 200, 210, 230, 260, 280, 310]
    found = usl(users, rates)
    assert found.estimates["contention"].value == pytest.approx(0.0578, abs=1e-4)
    assert found.estimates["single"].value == pytest.approx(21.85, abs=0.01)
    # Least squares of two parameters, by the bounds of another method.
    two = least_squares(
        lambda z: z[1] * np.array(users) / (1 + z[0] * (np.array(users) - 1)) - rates,
        [0.05, 20.0],
        bounds=(0, np.inf),
        xtol=1e-14,
        ftol=1e-14,
    )
    names = ("contention", "single")
    assert [found.estimates[n].value for n in names] == pytest.approx(two.x, rel=1e-5)
    assert found.estimates["coherency"].value == 0
    assert found.estimates["peak_load"].value == np.inf
    assert "no coherency" in " ".join(found.notes)


def test_arrivals_of_several_kinds() -> None:
    rng = np.random.default_rng(3)
    poisson = arrival_variability(rng.poisson(4.0, 8000), 0.1)
    assert poisson.attrs["verdict"].startswith("like Poisson arrivals at all")
    inside = ((poisson["low"] < 1) & (poisson["high"] > 1)).mean()
    assert inside > 0.7
    regular = arrival_variability(np.full(1000, 5.0), 0.1)
    assert "more regular" in regular.attrs["verdict"]
    # On and off for 10 s each: no index below, a large one above the scale of the phases.
    phase = np.repeat(rng.integers(0, 2, 400), 100)
    bursts = arrival_variability(rng.poisson(0.4 * phase), 0.1)
    assert bursts.attrs["verdict"].startswith("bursty")
    assert bursts["index"].iloc[0] < 1.5
    assert bursts["index"].iloc[-1] > 10
    trend = arrival_variability(rng.poisson(np.linspace(1, 9, 20_000)), 0.1)
    assert "around a rate that changes" in trend.attrs["verdict"]


def test_loops() -> None:
    users = np.array([10, 20, 40, 80, 160])
    rates = np.array([9.6, 18.9, 36.0, 49.0, 50.0])
    times = users / rates - 1.0
    closed = loop_of(rates, times, users)
    assert closed.loop == "closed"
    assert closed.think_time == pytest.approx(1.0)
    open_rates = np.linspace(10, 45, 8)
    open_times = 0.02 / (1 - open_rates * 0.02)
    assert loop_of(open_rates, open_times).loop == "open"
    slow = np.array([0.02, 0.021, 0.1, 0.2, 0.02, 0.5, 0.3])
    assert loop_of(10 / (slow + 0.01), slow).loop == "closed"
    assert loop_of([1, 2], [0.1, 0.1]).loop == "unknown"


def test_omitted_requests() -> None:
    starts = np.arange(1000) * 0.01
    quick = coordinated_omission(starts, np.full(1000, 0.001))
    assert quick.share == 0
    # A pause that no answer explains is not omission.
    paused = np.concatenate([starts[:500], starts[500:] + 2])
    assert coordinated_omission(paused, np.full(1000, 0.001)).share == 0
    stalled = np.full(1000, 0.001)
    stalled[499] = 2.0
    found = coordinated_omission(paused, stalled)
    assert found.share == pytest.approx(200 / 1200, rel=0.01)
    assert np.quantile(stalled, 0.99) < 0.002
    assert np.quantile(found.latencies, 0.96) > 1.5


def test_calibrate_a_file(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    rates = np.array([10.0, 30, 50, 60, 70])
    result = qm.MMc(0.1, 8).solve(rates)
    rows = zip(
        rates, np.asarray(result.response_time), np.asarray(result.utilization), strict=True
    )
    path.write_text("rps,mean_s,cpu\n" + "".join(f"{a},{b:.6f},{c:.6f}\n" for a, b, c in rows))
    found = qm.calibrate(read(path))
    assert found.estimates["servers"].value == 8
    assert found.estimates["service_time"].value == pytest.approx(0.1, rel=1e-4)
    assert found.estimates["service_demand"].value == pytest.approx(0.1 / 8, rel=1e-4)
    assert isinstance(found.station, qm.MMc)
    assert found.to_frame()["model"].iloc[0] == "M/M/c"
    given = qm.calibrate(read(path), servers=8)
    assert given.estimates["service_demand"].value == pytest.approx(0.1, rel=1e-4)
    path.write_text("time,rps\n0,5\n10,6\n")
    with pytest.raises(ModelError, match="tells nothing of a station"):
        qm.calibrate(read(path))


def test_impossible_numbers_are_refused() -> None:
    for bad in (
        lambda: service_time([1, 2], [0.1], servers=2),
        lambda: service_time([1, 1], [0.1, 0.1], servers=2),
        lambda: service_time([1, -1], [0.1, 0.1], servers=2),
        lambda: number_of_servers([1, 2], [0.1, 0.1]),
        lambda: service_scv([1], {1.5: [1]}, service_time=1, servers=1),
        lambda: service_scv([1], {1.0: [1]}, service_time=1, servers=1),
        lambda: service_demands({}, [0.5]),
        lambda: service_demands({"a": [1, 2]}, [0.5]),
        lambda: service_demands({"a": [1]}, [0.5]),
        lambda: hit_ratio(2, 1),
        lambda: usl([1, 2, 3], [1, 2, 3]),
        lambda: usl([0.5, 2, 3, 4], [1, 2, 3, 4]),
        lambda: usl([1, 2, 3, 4], [1, 2, 3]),
        lambda: arrival_variability([1, 2, 3], 1.0),
        lambda: arrival_variability(np.zeros(100), 1.0),
        lambda: loop_of([1, 2], [0.1]),
        lambda: loop_of([1, 2], [0.1, 0.1], [1]),
        lambda: coordinated_omission([1, 2], [1, 2]),
        lambda: coordinated_omission([1, 1, 1], [1, 2, 3]),
    ):
        with pytest.raises(DomainError):
            bad()
