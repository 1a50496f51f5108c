"""A site is calibrated from spans, counters and latencies of one run, and says what is open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.measurements import Measurements, SiteCalibration, calibrate_site, joined, read

RATE, N = 50.0, 2000


def spans(
    folder: Path, n: int = N, *, parallel: bool = False, attempts: bool = False
) -> Measurements:
    """Write spans of a site: 40 ms of work, a look-up, and on a miss a query of 60 ms."""
    rng = np.random.default_rng(5)
    at = 1_782_550_573.0 + np.cumsum(rng.exponential(1 / RATE, n))
    work, query = rng.exponential(0.040, n), rng.exponential(0.060, n)
    lines = []
    for i in range(n):
        missed = rng.random() < 0.25
        begun, spent = at[i], work[i] + 0.0005 + (query[i] if missed else 0.0)
        made = [span(i, "0a", "", "GET /item", 2, begun, spent)]
        made.append(span(i, "0b", "0a", "GET", 3, begun + work[i], 0.0005, "redis"))
        if missed or parallel:
            start = begun + work[i] + (0.0 if parallel else 0.0005)
            made.append(span(i, "0c", "0a", "select", 3, start, query[i], "postgresql"))
            if attempts:
                made[-1]["attributes"].append(
                    {"key": "http.request.resend_count", "value": {"intValue": i % 2}}
                )
        about = {"attributes": [{"key": "service.name", "value": {"stringValue": "app"}}]}
        document = {"resourceSpans": [{"resource": about, "scopeSpans": [{"spans": made}]}]}
        lines.append(json.dumps(document))
    path = folder / "spans.json"
    path.write_text("\n".join(lines) + "\n")
    return read(path)


def span(
    trace: int, one: str, parent: str, name: str, kind: int, at: float, spent: float,
    system: str = "",
) -> dict[str, Any]:  # fmt: skip
    return {
        "traceId": f"{trace:032x}",
        "spanId": one.rjust(16, "0"),
        "parentSpanId": parent and parent.rjust(16, "0"),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(round(at * 1e9)),
        "endTimeUnixNano": str(round((at + spent) * 1e9)),
        "attributes": [{"key": "db.system", "value": {"stringValue": system}}] * bool(system),
    }


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    return spans(tmp_path_factory.mktemp("spans"))


@pytest.fixture(scope="module")
def found(traced: Measurements) -> SiteCalibration:
    return calibrate_site([traced], servers={"app": 16, "postgresql": 4})


def redis(folder: Path, hits: int, misses: int) -> Measurements:
    path = folder / "redis.txt"
    path.write_text(
        f"# Stats\ntotal_commands_processed:{hits + 2 * misses}\nkeyspace_hits:{hits}\n"
        f"keyspace_misses:{misses}\n# Server\nuptime_in_seconds:60\n"
    )
    return read(path)


def test_spans_and_counters_give_threads_over_a_pool_behind_a_cache(
    tmp_path: Path, traced: Measurements
) -> None:
    measured = [traced, redis(tmp_path, 2250, 750)]
    found = calibrate_site(measured, servers={"app": 16, "postgresql": 4})
    truth = qm.Pipeline(
        qm.hold("app", 16, qm.series(
            qm.call("app work", qm.Delay(qm.Exponential(0.040))),
            qm.cached(0.75, lookup=qm.call("redis", qm.Delay(qm.Deterministic(0.0005))),
                      miss=qm.call("postgresql", qm.MMc(0.060, servers=4))),
        ))
    )  # fmt: skip
    here, there = (m.solve(100.0).latency for m in (found.model, truth))
    assert float(here.mean) == pytest.approx(float(there.mean), rel=0.05)
    assert float(here.quantile(0.99)) == pytest.approx(float(there.quantile(0.99)), rel=0.06)
    assert float(found.model.max_rate) == pytest.approx(float(truth.max_rate), rel=0.03)
    for name, value in (("app work.service.mean", 0.040), ("postgresql.service.mean", 0.060)):
        e = found.estimates[name]
        assert e.low < value < e.high
    assert found.spreads["app work.service.mean"] == pytest.approx(1 / N**0.5, rel=0.1)
    assert found.model.parameters()["redis cache.hit_ratio"] == 0.75
    assert found.region is not None
    assert found.region.highest == pytest.approx(RATE, rel=0.05)
    assert found.region.kinds == ("GET /item",)
    assert "the misses of redis" in " ".join(found.notes)


def test_without_counters_what_is_called_sometimes_is_a_branch(
    traced: Measurements, found: SiteCalibration
) -> None:
    visits = found.model.solve(50.0).visits
    assert visits["redis"] == 1
    assert visits["postgresql"] == pytest.approx(0.25, abs=0.03)
    free = calibrate_site([traced], servers={"postgresql": 4})
    assert "app, redis: no number of servers given" in " ".join(free.notes)
    assert "app" in found.model.stations
    assert "app" not in free.model.stations


@pytest.mark.thorough
def test_calls_at_once_and_calls_again(tmp_path: Path) -> None:
    found = calibrate_site([spans(tmp_path, 500, parallel=True)])
    together = found.model.solve(1.0).latency
    assert float(together.mean) == pytest.approx(0.040 + 0.060, rel=0.1)
    again = calibrate_site([spans(tmp_path, 200, attempts=True)])
    assert "attempts are not in the model" in " ".join(again.notes)


def test_clients_who_wait_longer_than_the_spans_show_a_network(
    tmp_path: Path, traced: Measurements
) -> None:
    path = tmp_path / "clients.csv"
    seen = float(traced.of("app").whole()["mean"].iloc[0]) + 0.030
    path.write_text(f"rps,mean_s,requests\n50,{seen:.6f},2000\n")
    known = calibrate_site([traced, read(path)])
    assert known.estimates["network.service.mean"].value == pytest.approx(0.030, rel=0.01)
    assert float(known.model.solve(50.0).latency.mean) == pytest.approx(seen, rel=0.02)
    path.write_text("rps,mean_s,requests\n50,0.01,2000\n")
    other = calibrate_site([traced, read(path)])
    assert "not of the same requests" in " ".join(other.notes)


def test_files_of_one_load_each_are_steps_of_one_test(tmp_path: Path) -> None:
    tier = qm.MMc(0.1, servers=8)
    for rate in (10.0, 30, 50, 60, 70):
        mean = float(tier.solve(rate).response_time)
        (tmp_path / f"{rate:g}.csv").write_text(f"rps,mean_s\n{rate},{mean:.6f}\n")
    files = [read(p) for p in sorted(tmp_path.iterdir())]
    found = calibrate_site(files)
    assert found.model.parameters()["site.servers"] == 8
    assert found.region is not None
    assert (found.region.lowest, found.region.highest) == (10, 70)
    assert qm.backtest(found.model, joined(files), tolerance=0.01).agrees
    assert joined(files[:1]) is files[0]
    assert joined(files).source == "5 files"


def test_questions_beyond_what_was_measured(found: SiteCalibration) -> None:
    region = found.region
    assert region is not None
    assert region.doubts(found.model, region.highest) == ()
    more = region.doubts(found.model, 200.0)
    assert len(more) == 2
    assert "beyond the highest load" in more[0]
    assert "postgresql is" in more[1]
    assert "below the lowest load" in region.of_load(1.0)[0]
    step = qm.call("web", qm.MMc(0.001))
    kinds = qm.Pipeline({"GET /item": (0.5, step), "POST /cart": (0.5, step)})
    assert "POST /cart" in region.doubts(kinds, region.highest)[-1]
    with pytest.raises(DomainError, match="highest must be at least the lowest"):
        qm.planning.Region(lowest=2.0, highest=1.0)


def test_what_tells_nothing_is_refused_with_what_to_add(
    tmp_path: Path, traced: Measurements
) -> None:
    with pytest.raises(ModelError, match="one file at least"):
        calibrate_site([])
    with pytest.raises(ModelError, match="no component 'db' was measured; there are app"):
        calibrate_site([traced], servers={"db": 4})
    path = tmp_path / "load.csv"
    path.write_text("time,rps\n0,5\n10,6\n")
    with pytest.raises(ModelError, match="Give spans"):
        calibrate_site([read(path)])
