"""Prometheus and spans: counters differenced, histograms merged, topology and attempts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmodel.errors import DomainError, LoadFileError, ModelError
from qmodel.measurements import Histogram, Measurements, objects_that_fit, read

STAMP = 1_782_550_573

TEXT = """# HELP http_request_duration_seconds Time.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{job="api",handler="/a",le="0.1"} 900
http_request_duration_seconds_bucket{job="api",handler="/a",le="0.5"} 990
http_request_duration_seconds_bucket{job="api",handler="/a",le="+Inf"} 1000
http_request_duration_seconds_sum{job="api",handler="/a"} 62
http_request_duration_seconds_count{job="api",handler="/a"} 1000
rpc_duration_seconds{job="rpc",quantile="0.99"} 0.25
rpc_duration_seconds_sum{job="rpc"} 5
rpc_duration_seconds_count{job="rpc"} 100
go_memstats_alloc_bytes 1e6
"""


def reading(folder: Path, text: str, **options: Any) -> Measurements:
    path = folder / "file"
    path.write_text(text)
    return read(path, **options)


def test_one_scrape_has_counts_and_no_rate(tmp_path: Path) -> None:
    found = reading(tmp_path, TEXT)
    row = found.of("api").frame.iloc[0]
    assert row[["kind", "count", "mean"]].tolist() == ["/a", 1000, 0.062]
    assert np.isnan(row["arrival_rate"])
    assert row["histogram"].between(0.95) == (0.1, 0.5)
    assert "p95" not in found.frame or np.isnan(row["p95"])
    rpc = found.of("rpc").frame.iloc[0]
    assert rpc[["p99", "mean"]].tolist() == [0.25, 0.05]
    assert any("go_memstats_alloc_bytes" in n for n in found.notes)
    assert any("one scrape" in n for n in found.notes)


def test_two_scrapes_with_times_are_differenced(tmp_path: Path) -> None:
    rows = []
    for at, n, fail in ((0, 100, 1), (15, 250, 4), (30, 20, 0), (45, 50, 0)):
        stamp = (STAMP + at) * 1000
        rows += [
            f'http_requests_total{{job="api",code="200"}} {n} {stamp}',
            f'http_requests_total{{job="api",code="500"}} {fail} {stamp}',
            f'process_cpu_seconds_total{{job="api"}} {at * 0.5} {stamp}',
        ]
    text = "# TYPE http_requests_total counter\n" + "\n".join(rows) + "\nbroken{ 5\n"
    found = reading(tmp_path, text)
    counts = found.frame.dropna(subset=["count"])
    assert counts["arrival_rate"].tolist() == [153 / 15, 20 / 15, 2.0]
    assert counts["errors"].tolist() == [3, 0, 0]
    assert found.frame["utilization"].dropna().tolist() == [0.5, 0.5, 0.5]
    assert any("2 resets" in n for n in found.notes)
    assert (found.bad_lines, found.first_bad[:8]) == (1, "line 14:")


def api(result: list[dict[str, Any]], kind: str = "matrix") -> str:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


def test_api_with_a_classic_histogram(tmp_path: Path) -> None:
    def series(name: str, values: list[float], **labels: str) -> dict[str, Any]:
        at = [[STAMP + 60 * i, str(v)] for i, v in enumerate(values)]
        return {"metric": {"__name__": name, "job": "api", **labels}, "values": at}

    base = "http_request_duration_seconds"
    result = [
        series(f"{base}_bucket", [100, 160, 40], le="0.1"),
        series(f"{base}_bucket", [100, 220, 60], le="+Inf"),
        series(f"{base}_sum", [5, 17, 3]),
        series(f"{base}_count", [100, 220, 60]),
    ]
    found = reading(tmp_path, api(result))
    assert found.frame["arrival_rate"].tolist() == [2.0, 1.0]
    assert found.frame["mean"].tolist() == [0.1, 0.05]
    assert found.frame["histogram"][0].counts.tolist() == [60, 60]
    assert found.whole()["count"][0] == 180
    assert str(found.frame["time"][0])[:4] == "2026"


def test_api_with_rates_and_with_an_error(tmp_path: Path) -> None:
    result = [{"metric": {}, "values": [[STAMP, "12.5"], [STAMP + 60, "13"]]}]
    assert reading(tmp_path, api(result)).frame["arrival_rate"].tolist() == [12.5, 13]
    text = json.dumps({"status": "error", "error": "parse error", "resultType": ""})
    with pytest.raises(LoadFileError, match="parse error"):
        reading(tmp_path, text)


def test_native_histograms(tmp_path: Path) -> None:
    def histogram(counts: list[int], total: float) -> dict[str, Any]:
        buckets = [[0, str(0.1 * 2**i), str(0.2 * 2**i), str(n)] for i, n in enumerate(counts)]
        return {"count": str(sum(counts)), "sum": str(total), "buckets": buckets}

    one = {
        "metric": {"__name__": "http_request_duration_seconds", "job": "api"},
        "histograms": [
            [STAMP, histogram([10, 5], 3)],
            [STAMP + 10, histogram([70, 45], 27)],
            [STAMP + 20, histogram([7, 3], 2)],
        ],
    }
    found = reading(tmp_path, api([one]))
    assert found.frame["arrival_rate"].tolist() == [10.0, 1.0]
    assert found.frame["mean"].tolist() == [0.24, 0.2]
    assert found.frame["histogram"][0].between(0.5) == pytest.approx((0.1, 0.2))
    assert any("1 resets" in n for n in found.notes)


# Histograms


def test_histogram_percentile_is_an_interval() -> None:
    # Nearly all observations in the first bucket (a real case): no straight line to its end.
    h = Histogram([0.005, 0.01, 0.025], [191_340, 20, 7], total=191_367 * 0.2226e-3)
    assert h.between(0.99) == (0.0, 0.005)
    assert np.isnan(h.quantile(0.99))
    assert h.mean == pytest.approx(0.2226e-3)
    assert h.between(1.0) == (0.01, 0.025)


def test_histograms_add_up_or_refuse() -> None:
    a = Histogram([1.0, 2.0], [1, 2, 3], total=9.0)
    assert (a + a).counts.tolist() == [2, 4, 6]
    fine = Histogram([0.5, 1.0, 2.0], [1, 1, 2, 0])
    with pytest.raises(ModelError, match="overlap"):
        _ = a + fine
    empty = Histogram([0.5, 1.0, 2.0], [0, 0, 2, 0])
    apart = Histogram([1.0, 2.0], [0, 2, 3])
    assert (apart + empty).counts.tolist() == [0, 0, 4, 3]
    for bounds, counts in (([2, 1], [1, 1]), ([1, 2], [1]), ([1, 2], [1, -1])):
        with pytest.raises(DomainError):
            Histogram(bounds, counts)


# Spans


def span(
    name: str, at: float, end: float, *, id: str, parent: str = "", **more: Any
) -> dict[str, Any]:
    return {
        "traceId": "t1", "spanId": id, "parentSpanId": parent, "name": name,
        "startTimeUnixNano": str(int((STAMP + at) * 1e9)),
        "endTimeUnixNano": str(int((STAMP + end) * 1e9)), **more,
    }  # fmt: skip


def spans(**services: list[dict[str, Any]]) -> str:
    return json.dumps({"resourceSpans": [
        {"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]},
         "scopeSpans": [{"spans": some}]} for name, some in services.items()
    ]})  # fmt: skip


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def test_topology_visits_self_time_and_attempts(tmp_path: Path) -> None:
    error = {"status": {"code": 2}}
    query = {"kind": 3, "attributes": [attribute("db.system", "postgresql")]}
    text = spans(
        web=[
            span("GET /", 0, 10, id="a"),
            span("GET item", 1, 4, id="b", parent="a", kind=3),
            span("GET stock", 2, 5, id="c", parent="a", kind=3),
            span("GET stock", 6, 8, id="d", parent="a", kind=3),
        ],
        items=[span("item", 1.5, 3.5, id="e", parent="b"),
               span("SELECT", 2, 3, id="f", parent="e", **query)],
        stock=[span("stock", 2, 5, id="g", parent="c", **error),
               span("stock", 6, 8, id="h", parent="d")],
    )  # fmt: skip
    found = reading(tmp_path, text)
    calls = found.calls.set_index(["caller", "callee"])
    assert calls.loc[("web", "items")].tolist() == [1, 1, 1]
    assert calls.loc[("web", "stock")].tolist() == [1, 2, 0.5]
    assert calls.loc[("items", "postgresql"), "visits"] == 1
    # Own time of the web: 10 s less the union of [1, 4], [2, 5], [6, 8] of its calls, plus what
    # its client spans spend outside the called service (1 s around the item).
    assert found.facts["web.GET /.self_time"] == pytest.approx(4.0, abs=1e-6)
    assert found.facts["items.item.self_time"] == pytest.approx(1.0, abs=1e-6)
    whole = found.whole().set_index("component")
    assert whole.loc["stock", ["count", "errors"]].tolist() == [2, 1]
    assert whole.loc["postgresql", "mean"] == pytest.approx(1.0, abs=1e-6)


def test_spans_that_do_not_fit_are_told(tmp_path: Path) -> None:
    text = spans(
        web=[
            span("GET", 0, 1, id="a", parent="zz"),
            span("GET", 0, 1, id="a", parent="zz"),
            {"traceId": "t", "spanId": "x", "name": "no times"},
        ],
        late=[span("job", 0.5, 3, id="b", parent="a")],
    )
    found = reading(tmp_path, text)
    notes = " ".join(found.notes)
    assert "1 spans came twice" in notes
    assert "1 spans have a parent that is not in the file" in notes
    assert "1 children begin before or end after" in notes
    assert found.bad_lines == 1
    assert found.facts["web.GET.self_time"] == pytest.approx(0.5, abs=1e-6)
    lines = "\n".join(
        [spans(web=[span("GET", 0, 1, id="a")]), spans(web=[span("GET", 2, 4, id="b")])]
    )
    assert reading(tmp_path, lines).whole()["mean"][0] == pytest.approx(1.5, abs=1e-6)
    with pytest.raises(LoadFileError, match="no span"):
        reading(tmp_path, '{"resourceSpans": []}')


# Two files of counters


def test_the_difference_of_two_scrapes(tmp_path: Path) -> None:
    before = reading(tmp_path, TEXT)
    later = (
        TEXT.replace("} 900", "} 1800").replace("} 990", "} 1985").replace("} 1000", "} 2000")
    )
    now = reading(tmp_path, later.replace("} 62", "} 162"))
    row = now.since(before, interval=50.0).of("api").frame.iloc[0]
    assert row[["count", "arrival_rate", "mean"]].tolist() == [1000, 20, pytest.approx(0.1)]
    assert row["histogram"].counts.tolist() == [900, 95, 5]
    restarted = before.since(now, interval=50.0)
    assert restarted.of("api").frame["count"][0] == 1000
    assert any("a restart" in n for n in restarted.notes)


def test_buffers_of_clients_that_take_the_room_of_objects_are_told(tmp_path: Path) -> None:
    info = "# Stats\nkeyspace_hits:900\nkeyspace_misses:100\nuptime_in_seconds:100\n"
    info += "total_commands_processed:5000\nmaxmemory:3000000\nmem_clients_normal:{}\n"
    found = reading(tmp_path, info.format(274_432))
    assert "buffers of clients take 9 % of maxmemory" in " ".join(found.notes)
    assert found.facts["mem_clients_normal"] == 274_432
    assert "buffers" not in " ".join(reading(tmp_path, info.format(22_272)).notes)


REDIS = {
    "redis_version": 7, "connected_clients": 10, "used_memory": 3_000_000,
    "used_memory_startup": 900_000, "maxmemory": 3_000_000, "mem_clients_normal": 200_000,
    "mem_replication_backlog": 100_000, "mem_not_counted_for_evict": 50_000,
}  # fmt: skip


def info_of(
    folder: Path, keys: str = "db0:keys=1000,e=0\ndb3:keys=750,e=0", **more: Any
) -> Any:
    text = "".join(f"{n}:{v}\n" for n, v in (REDIS | more).items() if v is not None)
    (folder / "info.txt").write_text(text + keys + "\n")
    return read(folder / "info.txt")


def test_objects_share_the_memory_of_redis_with_connections(tmp_path: Path) -> None:
    info = info_of(tmp_path)
    assert info.facts["keys"] == 1750
    # 1,000 bytes for each object, 20,000 for each connection, a million for neither.
    room = objects_that_fit(info, [0, 10, 11, 100, 101])
    assert room.tolist() == [2000, 1800, 1780, 0, 0]
    assert objects_that_fit(info) == 1800
    half = info_of(tmp_path, "db0:keys=875,e=0", used_memory=2_125_000)
    assert objects_that_fit(half, 10) == 1800


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"keys": ""}, "info.txt has no keys: give INFO"),
        ({"mem_clients_normal": None}, "has no mem_clients_normal"),
        ({"maxmemory": 0}, "no limit"),
        ({"keys": "db0:keys=0,e=0"}, "no object"),
    ],
)
def test_a_redis_that_does_not_tell_how_many_fit(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        objects_that_fit(info_of(tmp_path, **more))


def test_the_difference_of_servers(tmp_path: Path) -> None:
    def redis(uptime: int, hits: int, misses: int, cpu: float) -> Measurements:
        text = f"redis_version:7\nuptime_in_seconds:{uptime}\nkeyspace_hits:{hits}\n"
        text += f"keyspace_misses:{misses}\ntotal_commands_processed:{hits + misses}\n"
        return reading(tmp_path, f"{text}used_cpu_user:{cpu}\nused_cpu_sys:0\n")

    found = redis(1100, 1700, 300, 60.0).since(redis(1000, 900, 100, 30.0))
    row = found.frame.iloc[0]
    assert row[["interval", "arrival_rate", "hit_ratio", "utilization"]].tolist() == [
        100, 10, pytest.approx(0.8), pytest.approx(0.3),
    ]  # fmt: skip
    head = "query,calls,mean_exec_time,stddev_exec_time\n"
    before = reading(tmp_path, head + "SELECT 1,100,5,0\n")
    now = reading(tmp_path, head + "SELECT 1,200,10,5\nSELECT 2,1,1,0\n")
    found = now.since(before)
    row = found.frame.iloc[0]
    # 200 of mean 10 and second moment 125, less 100 of 5 and 25: 100 of 15 and 225.
    assert row[["count", "mean", "scv"]].tolist() == pytest.approx([100, 0.015, 0.0], abs=1e-12)
    assert any("1 rows are not in" in n for n in found.notes)
    with pytest.raises(ModelError, match="no counter in common"):
        before.since(reading(tmp_path, TEXT))
