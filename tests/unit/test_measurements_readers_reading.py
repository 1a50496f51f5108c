"""Each format that people have reads at the first try; what is assumed or wrong is said."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmodel.errors import DomainError, LoadFileError, ModelError
from qmodel.measurements import Measurements, read
from qmodel.measurements.readers import access_log, cells
from qmodel.measurements.readers import tally as tallies
from qmodel.measurements.readers.quoted_lines import regular_lines

STAMP = 1_782_550_573  # [s] since 1970

COMBINED = '10.0.0.{i} - - [24/Oct/2026:14:20:{s:02d} -0700] "{a}" {c} 512 "-" "curl/8"'


def write(folder: Path, text: str, name: str = "file.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def reading(folder: Path, text: str, **options: Any) -> Measurements:
    return read(write(folder, text), **options)


# Access logs


def test_combined_log_has_rates_and_errors(tmp_path: Path) -> None:
    log = "\n".join(
        COMBINED.format(i=i, s=2 + i // 2, a="HEAD / HTTP/1.1", c=c)
        for i, c in enumerate((200, 503, 503))
    )
    found = reading(tmp_path, log)
    assert found.format == "access log"
    assert found.frame["arrival_rate"].tolist() == [2, 1]
    assert found.frame["errors"].sum() / found.frame["count"].sum() == pytest.approx(2 / 3)
    assert str(found.frame["time"][0]) == "2026-10-24 21:20:02+00:00"
    assert "no times of service" in " ".join(found.notes)


def test_nginx_times_and_upstream_attempts(tmp_path: Path) -> None:
    line = COMBINED.format(i=1, s=5, a="GET /items/123?q=1 HTTP/1.1", c=200)
    ends = ["0.250 0.200", "0.150 0.050, 0.075", "0.010 -"]
    found = reading(tmp_path, "".join(f"{line} {end}\n" for end in ends))
    web, upstream = (found.of(c).whole().iloc[0] for c in ("web", "upstream"))
    assert web["kind"] == "GET /items/{id}"
    assert web["mean"] == pytest.approx(0.41 / 3)
    assert upstream["count"] == 2
    assert upstream["mean"] == pytest.approx((0.2 + 0.125) / 2)
    assert found.facts["attempts"] == 1.5
    assert web["p50"] == pytest.approx(0.15, rel=0.006)


def test_named_times_of_nginx(tmp_path: Path) -> None:
    line = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    found = reading(tmp_path, f'{line} rt=0.250 uct="0.001" uht="0.1" urt="0.200"\n')
    means = found.frame.set_index("component")["mean"]
    assert means.to_dict() == {"web": pytest.approx(0.25), "upstream": pytest.approx(0.2)}


def test_named_times_among_words_that_change(tmp_path: Path) -> None:
    line = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    ends = [
        'ua="10.0.0.1:80" rt=0.250 cs=HIT ut="-"',
        'ua="10.0.0.1:80" rt=0.150 cs=MISS ut="0.050, 0.075"',
        'rt="0.350" ua="10.0.0.1:80" ut="0.2 : 0.1"',
        "cs=HIT",
    ]
    found = reading(tmp_path, "".join(f"{line} {end}\n" for end in ends))
    web, upstream = (found.of(c).whole().iloc[0] for c in ("web", "upstream"))
    assert (web["count"], web["mean"]) == (4, pytest.approx(0.25))
    assert (upstream["count"], upstream["mean"]) == (2, pytest.approx(0.2125))
    assert found.facts["attempts"] == 2
    assert found.bad_lines == 0


def test_forwarded_for_stands_before_the_times(tmp_path: Path) -> None:
    line = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    found = reading(tmp_path, f'{line} "1.2.3.4, 10.0.0.1" 0.250 0.200\n{line} "-"\n')
    assert found.bad_lines == 0
    assert found.of("web").whole()["mean"][0] == pytest.approx(0.25)


def test_apache_microseconds(tmp_path: Path) -> None:
    line = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    found = reading(tmp_path, f"{line} 25000\n")
    assert found.frame["mean"][0] == pytest.approx(0.025)
    assert "microseconds" in " ".join(found.notes)


def test_layout_of_your_own_gives_tls_and_keep_alive(tmp_path: Path) -> None:
    layout = '$remote_addr [$time_local] "$request" $status $request_time $ssl_session_reused'
    layout += " $connection_requests"
    line = '10.0.0.1 [24/Oct/2026:14:20:05 +0000] "GET /a HTTP/2" 200 0.5 {} {}\n'
    some = [("r", 1), (".", 1), ("r", 2), ("r", 3)]
    found = reading(tmp_path, "".join(line.format(*x) for x in some), format=layout)
    assert found.facts == {"tls_resumed": 0.75, "requests_per_connection": 2.0}
    assert found.frame["mean"][0] == pytest.approx(0.5)
    with pytest.raises(LoadFileError, match=r"needs \$time_local"):
        reading(tmp_path, line, format="$remote_addr $status")


def test_lines_of_a_layout_that_differ_are_read_alone_or_told(tmp_path: Path) -> None:
    layout = '$remote_addr [$time_local] "$request" $request_time $upstream_response_time end'
    line = '10.0.0.1 [24/Oct/2026:14:20:05 +0000] "GET /a/{} HTTP/2" {} {} end\n'
    lines = [line.format(i, 0.5, 0.25) for i in range(5)]
    lines[1:1] = ["\n", "  \n"]
    lines[4] = line.format(7, 0.1, "0.01, 0.03")
    lines[5] = lines[5].replace("end", "END")
    found = reading(tmp_path, "".join(lines), format=layout)
    assert found.of("web").frame["kind"].unique().tolist() == ["GET /a/{id}"]
    assert found.of("web").whole()["mean"][0] == pytest.approx(0.4)
    assert found.of("upstream").whole()["mean"][0] == pytest.approx((3 * 0.25 + 0.04) / 4)
    assert (found.bad_lines, found.facts["attempts"]) == (1, 1.25)
    assert found.first_bad.startswith("line 6: ")
    assert "does not have the format" in found.first_bad


def test_careful_and_fast_reading_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = [
        COMBINED.format(i=i % 9, s=i % 60, a=f"GET /p{i % 3}/x HTTP/1.1", c=200 + i % 2 * 300)
        + f" {t:.3f} {t / 2:.3f}"
        for i, t in enumerate(rng.exponential(0.1, 200))
    ]
    fast = reading(tmp_path, "\n".join(lines))
    escaped = lines[0].replace("curl/8", 'cu\\"rl')
    careful = reading(tmp_path, "\n".join([escaped, *lines[1:]]))
    assert careful.bad_lines == 0
    some = ["arrival_rate", "errors", "mean", "kind", "component"]
    # Read in other parts, the sums are added in another order.
    pd.testing.assert_frame_equal(careful.frame[some], fast.frame[some], rtol=1e-12)


@pytest.mark.parametrize("form", ["common", "combined", "timed", "named", "attempts"])
def test_a_bad_line_in_a_long_log_is_found_and_the_others_are_kept(
    tmp_path: Path, form: str
) -> None:
    more = {
        "common": "",
        "combined": ' "-" "curl/8"',
        "timed": ' "-" "curl/8" 0.02{} 0.01{}',
        "named": ' "-" "curl/8" rt=0.02{} urt=0.01{}',
        "attempts": ' "-" "curl/8" 0.02{} 0.005, 0.01{}',
    }[form]
    lines = [
        f'10.0.0.{i % 9} - - [24/Oct/2016:14:20:{i % 60:02d} -0700] "GET /item/{i} HTTP/1.1" '
        f"{503 if i % 10 == 0 else 200} 12" + more.format(i % 10, i % 10)
        for i in range(500)
    ]
    good = reading(tmp_path, "\n".join(lines))
    assert good.frame["count"].sum() == 500 * (1 + (form in ("timed", "named", "attempts")))
    assert good.frame["errors"].sum() == 50 * (1 + (form in ("timed", "named", "attempts")))
    assert set(good.frame["kind"]) <= {"GET /item/{id}", ""}
    lines[321] = 'x "\x16\x03" oops'
    lines[77] = lines[77].replace("GET /item", 'GET /\\"a\\"/item')
    broken = reading(tmp_path, "\n".join(lines))
    assert broken.bad_lines == 1
    assert broken.first_bad.startswith("line 322: ")
    web = [m.of(m.frame["component"].iloc[0]).frame["count"].sum() for m in (good, broken)]
    assert web == [500, 499]


DATES = [
    "24/Oct/2026:14:20:05 -0730",
    "29/Feb/2024:23:59:59 +0000",
    "31/Dec/1999:00:00:00 +0545",
]
NO_DATES = ["29/Feb/2026:14:20:05 +0000", "24/Okt/2026:14:20:05 +0000",
            "2/Oct/2026:14:20:05 -0700", "24/Oct/2026:24:20:05 +0000",
            "24/Oct/2026:14:20:05 *0000"]  # fmt: skip
MIDDLES = ['"GET /a HTTP/1.1" 200 12', '"GET /a HTTP/1.1" 304 -', '"-" 400 0', '"" 499 7',
           '"GET /a"b HTTP/1.1" 200 1', '"GET /a HTTP/1.1" 20 1', '"GET /a HTTP/1.1" 200',
           '"GET /a HTTP/1.1" 200 x1', '"GET /a HTTP/1.1 200 12', r'"GET /\"a HTTP/1.1" 200 12',
           '"GET /a HTTP/1.1" 200 123456789012345678']  # fmt: skip
TAILS = ["", ' "-" "curl"', ' "-" "a" "b" "c" 0.1', ' "-" "a" "b" "c" "d"', ' "-" "curl',
         ' "-" "curl"x', ' 0.25 -', ' rt=0.2 urt="0.1"', ' "a" "b" rt=0.2 "x"',
         r' "-" "\"q\"" 0.5', " 0.25 0.1, 0.2 : 0.3", ' "-"  "x"']  # fmt: skip


@pytest.mark.parametrize("middle", MIDDLES)
@pytest.mark.parametrize("tail", TAILS)
def test_what_is_read_from_its_quotes_is_what_the_careful_way_reads(
    middle: str, tail: str
) -> None:
    heads = ["10.0.0.1 - - ", "::1 - an,na ", "", "[::1] - - ", "-"]
    lines = [f"{h}[{d}] {middle}{tail}" for h in heads for d in DATES + NO_DATES]
    found, others = regular_lines("\n".join(lines).encode())
    assert sorted([*found.lines, *(at for at, _ in others)]) == list(range(len(lines)))
    assert [line.decode() for _, line in others] == [lines[at] for at, _ in others]
    for at, when, status, asked, end in zip(*found, strict=True):
        match = access_log._CAREFUL.match(lines[at])
        assert match is not None
        stamp = datetime.strptime(match[1], "%d/%b/%Y:%H:%M:%S %z").timestamp()
        assert (when, status, asked.decode(), end.decode()) == (
            stamp, int(match[3]), match[2], match[4],
        )  # fmt: skip
    plain = middle in MIDDLES[:4] and tail in (*TAILS[:3], *TAILS[6:8], TAILS[10])
    assert len(found.lines) == (3 * len(DATES) if plain else len(found.lines))


def test_times_of_lines_that_differ_are_in_one_unit(tmp_path: Path) -> None:
    line = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    escaped = line.replace("curl/8", r"cu\"rl")
    found = reading(tmp_path, f"{line} 0.250 0.100\n{escaped} 2 -\n{line} 0.5.0 0.1\n")
    assert found.of("web").whole()["mean"][0] == pytest.approx(1.125)
    assert (found.bad_lines, found.of("web").frame["count"].sum()) == (1, 3)
    assert "0.5.0" in found.first_bad


def test_bad_lines_are_counted_and_the_first_is_told(tmp_path: Path) -> None:
    good = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    wrong_date = good.replace("24/Oct", "99/Oct")
    found = reading(tmp_path, "\n".join([good, "x y z", good, wrong_date, good, "a\0b"]))
    assert found.bad_lines == 3
    assert found.first_bad.startswith("line 2: 'x y z'")
    assert found.frame["count"].sum() == 3
    assert "3 bad lines" in repr(found)


def test_alb(tmp_path: Path) -> None:
    line = (
        "https 2026-07-02T22:23:00.186641Z app/my-lb/50dc 192.168.131.39:2817 10.0.0.1:80 "
        '0.001 {} 0.002 {} 200 34 366 "GET https://www.example.com:443/a/b?x=1 HTTP/1.1" '
        '"curl/7.46.0" ECDHE TLSv1.2 arn:aws "Root=1" "d" "arn:cert" 0\n'
    )
    found = reading(tmp_path, line.format(0.1, 200) + line.format(-1, 504))
    assert found.of("load balancer").frame["errors"][0] == 1
    assert found.of("load balancer").frame["kind"][0] == "GET /a/b"
    assert found.of("target").frame[["count", "mean"]].to_numpy().tolist() == [
        [1.0, pytest.approx(0.1)]
    ]


def test_alb_tells_a_number_that_is_none(tmp_path: Path) -> None:
    line = (
        "https 2026-07-02T22:23:00.186641Z app/my-lb/50dc 1.2.3.4:2817 10.0.0.1:80 "
        '0.001 {} 0.002 200 200 34 366 "GET https://h:443/a\\"b HTTP/1.1" "curl" more\n'
    )
    found = reading(tmp_path, "".join(line.format(x) for x in (0.1, "1.2.3", 0.2)) + "ftp x\n")
    assert found.bad_lines == 2
    assert found.of("target").whole()["mean"][0] == pytest.approx(0.15)


def test_dates_alike_are_read_as_dates_apart() -> None:
    some = [f"20{y:02d}-02-{d:02d}T0{y % 10}:59:{d:02d}" for y in range(69) for d in (1, 28)]
    for form in ("{}Z", "{}.25+05:30", "{}.123456789-00:45"):
        whole = [form.format(x) for x in some]
        alike = cells.times(whole, print)
        assert alike.tolist() == [cells.times([x], print)[0] for x in whole]
        assert alike.tolist() == [cells._iso(x) for x in whole]
    mixed = [f"{some[0]}Z", f"{some[0]}+01:00", "2026-13-01T00:00:00Z", "-"]
    found = cells.times(mixed, print)
    assert found[0] - found[1] == 3600
    assert np.isnan(found[2:]).all()


def test_json_log_with_attempts_and_records_that_differ(tmp_path: Path) -> None:
    base = {"time": "2026-05-01T12:00:00Z", "status": 200, "request_time": 0.5, "uri": "/a/1/x"}
    more = [
        {"upstream_response_time": "0.1, 0.2", "request_method": "GET"},
        {"upstream_response_time": "-", "uri": "/a/2\n/b", "request_method": "GET"},
        {"upstream_response_time": 0.4, "status": "499", "request": "POST /a/3/y HTTP/1.1"},
        {"request_time": None},
    ]
    found = reading(tmp_path, "".join(json.dumps(base | m) + "\n" for m in more))
    web, upstream = found.of("web"), found.of("upstream").whole().iloc[0]
    assert web.frame["errors"].sum() == 1
    assert set(web.frame["kind"]) == {"GET /a/{id}", "/a/{id}", "GET /a/2"}
    assert (upstream["count"], upstream["mean"]) == (2, pytest.approx(0.35))
    assert found.together()["mean"][0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("record", "mean", "words"),
    [
        ({"time": "2026-05-01T12:00:00Z", "status": 200, "request_time": "0.25"}, 0.25, ""),
        ({"ts": STAMP, "status": 200, "latency_ms": 12, "path": "/a"}, 0.012, "seconds since"),
        (
            {"start_time": "2026-05-01T12:00:00.123Z", "response_code": 200, "duration": 12,
             "protocol": "HTTP/2"}, 0.012, "Envoy",
        ),
        (
            {"ts": STAMP + 0.5, "logger": "http", "request": {"uri": "/x", "method": "GET"},
             "duration": 0.012, "status": 200}, 0.012, "Caddy",
        ),
        (
            {"StartUTC": "2026-05-01T12:00:00.123456789Z", "DownstreamStatus": 200,
             "Duration": 12_000_000, "OriginStatus": 200}, 0.012, "Traefik",
        ),
        ({"timestamp": STAMP * 1000, "status": 200, "latency": "12ms"}, 0.012, "milliseconds"),
    ],
)  # fmt: skip
def test_json_logs(tmp_path: Path, record: dict[str, Any], mean: float, words: str) -> None:
    found = reading(tmp_path, json.dumps(record) + "\n" + json.dumps(record) + "\n")
    assert found.format == "JSON log"
    assert found.frame["mean"][0] == pytest.approx(mean)
    assert words in " ".join(found.notes)


def test_json_log_without_unit_asks_for_it(tmp_path: Path) -> None:
    line = json.dumps({"time": "2026-05-01T12:00:00Z", "status": 500, "duration": 12})
    with pytest.raises(LoadFileError, match=r"does not say the unit of 'duration'.*unit='ms'"):
        reading(tmp_path, line)
    with pytest.raises(DomainError, match="unit must be that of a time or a rate"):
        reading(tmp_path, line, unit="fortnights")
    found = reading(tmp_path, f"{line}\nnot json\n{line}\n", unit="ms")
    assert found.frame["mean"][0] == pytest.approx(0.012)
    assert (found.bad_lines, found.frame["errors"][0]) == (1, 2)


# Load tools


def test_k6_summary_old_and_new_form(tmp_path: Path) -> None:
    times = {"avg": 12.5, "med": 10.0, "max": 90.0, "p(90)": 20.0, "p(99.9)": 80.0}
    new = {"metrics": {
        "http_reqs": {"type": "counter", "values": {"count": 3000, "rate": 100.0}},
        "http_req_duration": {"type": "trend", "values": times},
        "http_req_failed": {"type": "rate", "values": {"rate": 0.01}},
        "dropped_iterations": {"type": "counter", "values": {"count": 7, "rate": 0.2}},
    }}  # fmt: skip
    old = {"metrics": {"http_reqs": {"count": 3000, "rate": 100.0}, "http_req_duration": times}}
    first, second = (reading(tmp_path, json.dumps(d, indent=1)) for d in (new, old))
    for found in (first, second):
        row = found.frame.iloc[0]
        assert row[["arrival_rate", "mean", "p50", "p99.9", "interval"]].tolist() == [
            100.0, 0.0125, 0.01, 0.08, 30.0,
        ]  # fmt: skip
    assert (first.loop, second.loop) == ("open", "unknown")
    assert first.frame["errors"][0] == 30
    assert "7 iterations were dropped" in " ".join(first.notes)


def test_k6_csv_and_points(tmp_path: Path) -> None:
    head = "metric_name,timestamp,metric_value,error,method,name,status,url\n"
    rows = "".join(
        f"http_req_duration,{STAMP + i // 2},{10 * (i + 1)},,"
        f"GET,http://h/a,{200 + 300 * (i == 3)},\n"
        f"vus,{STAMP + i // 2},5,,,,,\n"
        for i in range(4)
    )
    csv = reading(tmp_path, head + rows)
    assert csv.frame["arrival_rate"].tolist() == [2, 2]
    assert csv.frame["mean"].tolist() == [pytest.approx(0.015), pytest.approx(0.035)]
    assert csv.frame["in_flight"].tolist() == [5, 5]
    assert csv.frame["kind"][0] == "GET /a"
    points = [{"type": "Metric", "metric": "http_req_duration", "data": {"type": "trend"}}] + [
        {"type": "Point", "metric": "http_req_duration", "data": {
            "time": f"2026-05-01T12:00:0{i // 2}.123456789+02:00", "value": 10 * (i + 1),
            "tags": {"method": "GET", "name": "http://h/a", "status": ("200", "500")[i == 3]},
        }} for i in range(4)
    ]  # fmt: skip
    ndjson = reading(tmp_path, "\n".join(map(json.dumps, points)))
    for name in ("arrival_rate", "mean", "errors", "kind"):
        assert ndjson.frame[name].tolist() == csv.frame[name].tolist()


LOCUST = (
    "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%,Total Request Count\n"
    "1782550573,0,,Aggregated,0.0,0.0,N/A,N/A,0\n"
    "1782550574,40,POST,chat,1.0,0.0,860,1000,160\n"
    "1782550574,40,,Aggregated,3.2,0.0,1300,30000,516\n"
    "1782550575,40,POST,chat,1.1,0.0,860,1000,161\n"
    "1782550575,40,,Aggregated,3.2,0.0,1300,31000,521\n"
)


def test_locust_history(tmp_path: Path) -> None:
    found = reading(tmp_path, LOCUST)
    assert found.loop == "closed"
    assert found.load()["arrival_rate"].tolist() == [0.0, 3.2, 3.2]
    assert found.bad_lines == 0
    assert found.together()["p95"].tolist()[1:] == [30, 31]


def test_locust_stats(tmp_path: Path) -> None:
    head = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,"
    head += "Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,"
    head += "50%,99%,100%\n"
    rows = "GET,/a,300,3,10,12,1,90,100,10,0.1,10,50,90\n"
    rows += ",Aggregated,600,3,10,14,1,90,100,20,0.1,10,60,90\n"
    found = reading(tmp_path, head + rows)
    assert found.together()[["arrival_rate", "mean", "p99"]].to_numpy().tolist() == [
        [20, 0.014, 0.06]
    ]
    assert found.frame["kind"].tolist() == ["GET /a", ""]


def test_jmeter(tmp_path: Path) -> None:
    head = "timeStamp,elapsed,label,responseCode,responseMessage,success,allThreads\n"
    rows = f'{STAMP}000,20,Home,200,OK,true,8\n{STAMP}500,40,Home,500,"a\nb",false,8\n'
    rows += f'{STAMP}600,60,All,200,"Number of samples in transaction : 2",true,8\n'
    found = reading(tmp_path, head + rows)
    row = found.frame.iloc[0]
    assert row[["count", "errors", "mean", "in_flight"]].tolist() == [
        2,
        1,
        pytest.approx(0.03),
        8,
    ]
    assert "1 rows of transaction" in " ".join(found.notes)
    assert "milliseconds" in " ".join(found.notes)
    assert found.arrivals is not None
    assert found.arrivals[1] == 1e-3
    with pytest.raises(LoadFileError, match=r"line 1.*output_format=csv"):
        reading(tmp_path, '<?xml version="1.0"?>\n<testResults version="1.2">')


def test_vegeta(tmp_path: Path) -> None:
    report = {
        "latencies": {"total": 1, "mean": 2e6, "50th": 1e6, "99th": 9e6, "max": 1e7},
        "rate": 50.0, "throughput": 49.0, "requests": 500, "duration": 1e10, "success": 0.99,
    }  # fmt: skip
    text = (
        "Requests      [total, rate, throughput]         500, 50.00, 49.00\n"
        "Duration      [total, attack, wait]             10s, 10s, 1.5ms\n"
        "Latencies     [min, mean, 50, 99, max]          900µs, 2ms, 1ms, 9ms, 10ms\n"
        "Success       [ratio]                           99.00%\n"
    )
    for found in (reading(tmp_path, json.dumps(report)), reading(tmp_path, text)):
        row = found.frame.iloc[0]
        assert found.loop == "open"
        assert row[["arrival_rate", "mean", "p50", "p99"]].tolist() == pytest.approx(
            [50, 0.002, 0.001, 0.009]
        )
        assert row["errors"] == pytest.approx(5)
    row = "{}000000000,{},2000000,0,12,,,attack,{},GET,http://h/a,\n"
    rows = row.format(STAMP, 200, 0) + row.format(STAMP, 500, 1)
    found = reading(tmp_path, rows)
    assert found.frame[["count", "errors", "mean"]].iloc[0].tolist() == [
        2,
        1,
        pytest.approx(0.002),
    ]
    line = json.dumps({"attack": "", "seq": 0, "code": 200, "latency": 2_000_000,
                       "timestamp": "2026-05-01T12:00:00.5Z", "method": "GET",
                       "url": "http://h/a"})  # fmt: skip
    assert reading(tmp_path, line).frame["mean"][0] == pytest.approx(0.002)


HEY = """
Summary:
  Total:	2.0000 secs
  Slowest:	0.0500 secs
  Fastest:	0.0100 secs
  Average:	0.0200 secs
  Requests/sec:	100.0000

Response time histogram:
  0.010 [1]	|
  0.030 [149]	|■■■■
  0.050 [50]	|■■

Latency distribution:
  50% in 0.0180 secs
  99% in 0.0480 secs

Status code distribution:
  [200]	198 responses
  [503]	2 responses
"""


def test_hey(tmp_path: Path) -> None:
    found = reading(tmp_path, HEY)
    row = found.frame.iloc[0]
    assert row[["arrival_rate", "count", "errors", "mean", "p50", "p99"]].tolist() == [
        100, 200, 2, 0.02, 0.018, 0.048,
    ]  # fmt: skip
    assert row["histogram"].between(0.5) == (0.01, 0.03)
    csv = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,"
    csv += "status-code,offset\n"
    csv += "0.0200,0.001,0,0,0,0,200,0.1\n0.0400,0.001,0,0,0,0,500,0.6\n"
    found = reading(tmp_path, csv)
    assert found.frame[["count", "errors", "mean"]].iloc[0].tolist() == [
        2,
        1,
        pytest.approx(0.03),
    ]


WRK2 = """Running 30s test @ http://127.0.0.1:80/index.html
  2 threads and 100 connections
  Thread calibration: mean lat.: 1.087ms, rate sampling interval: 10ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.00ms    2.00ms  12.00ms   66.00%
    Req/Sec     1.06k     1.05k   2.50k    63.10%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    6.00ms
 99.000%   11.00ms
100.000%   12.00ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       1.000     0.000000            1         1.00
       6.000     0.500000         5000         2.00
      11.000     0.990000         9900       100.00
      12.000     1.000000        10000          inf
#[Mean    =        6.000, StdDeviation   =        2.000]
#[Max     =       12.000, Total count    =        10000]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
  60000 requests in 30.00s, 19.0MB read
  Non-2xx or 3xx responses: 3
Requests/sec:   2000.00
Transfer/sec:    650.00KB
"""


def test_wrk2_and_hgrm(tmp_path: Path) -> None:
    found = reading(tmp_path, WRK2)
    row = found.frame.iloc[0]
    assert (found.format, found.loop) == ("wrk", "open")
    assert row[["arrival_rate", "mean", "p50", "p99", "errors", "in_flight"]].tolist() == (
        pytest.approx([2000, 0.006, 0.006, 0.011, 3, 100])
    )
    assert row["scv"] == pytest.approx(1 / 9)
    assert row["histogram"].count == 10000
    table = WRK2[WRK2.index("       Value") : WRK2.index("#[Buckets")]
    with pytest.raises(LoadFileError, match=r"does not say its unit.*unit='ms'"):
        reading(tmp_path, table)
    assert reading(tmp_path, table, unit="us").frame["p99"][0] == pytest.approx(11e-6)
    named = table.replace("Value ", "Value(ms) ")
    assert reading(tmp_path, named).frame["p99"][0] == pytest.approx(0.011)
    wrk = WRK2[: WRK2.index("  Detailed")].replace("(HdrHistogram - Recorded Latency)", "")
    wrk = wrk.replace(
        "  Thread calibration: mean lat.: 1.087ms, rate sampling interval: 10ms\n", ""
    )
    wrk += "  600 requests in 30.00s, 1MB read\nRequests/sec:  20.0\n"
    assert reading(tmp_path, wrk).loop == "closed"
    with pytest.raises(LoadFileError, match="cut off"):
        reading(tmp_path, wrk.replace("Requests/sec:  20.0\n", ""))


# Servers


def test_postgresql(tmp_path: Path) -> None:
    csv = "queryid,query,calls,total_exec_time,mean_exec_time,stddev_exec_time,shared_blks_hit,"
    csv += 'shared_blks_read\n1,"SELECT *\n FROM t",1000,5000,5,10,900,100\n'
    found = reading(tmp_path, csv)
    row = found.frame.iloc[0]
    assert row[["kind", "count", "mean", "scv"]].tolist() == [
        "SELECT * FROM t", 1000, pytest.approx(0.005), pytest.approx(4.0),
    ]  # fmt: skip
    assert found.facts == {"buffer_hit_ratio": 0.9}


def test_redis_and_memcached(tmp_path: Path) -> None:
    text = "# Server\r\nredis_version:7.2.4\r\nuptime_in_seconds:1000\r\nkeyspace_hits:950\r\n"
    text += "keyspace_misses:50\r\ntotal_commands_processed:20000\r\nused_cpu_sys:10.0\r\n"
    text += "used_cpu_user:40.0\r\nmaxmemory:0\r\n"
    text += "cmdstat_get:calls=18000,usec=36000,usec_per_call=2.00,failed_calls=1\r\n"
    found = reading(tmp_path, text)
    whole = found.together().iloc[0]
    assert whole[["arrival_rate", "hit_ratio", "utilization"]].tolist() == [20, 0.95, 0.05]
    assert found.frame["mean"][1] == pytest.approx(2e-6)
    text = "STAT uptime 100\r\nSTAT cmd_get 900\r\nSTAT cmd_set 100\r\nSTAT get_hits 810\r\n"
    text += "STAT get_misses 90\r\nSTAT version 1.6.9\r\nSTAT bytes 12\r\nEND\r\n"
    row = reading(tmp_path, text).frame.iloc[0]
    assert row[["arrival_rate", "hit_ratio", "count"]].tolist() == [10, 0.9, 1000]


# Plain CSV


@pytest.mark.parametrize("factor", ["", "000", "000000", "000000000"])
def test_epochs_are_told_apart_by_magnitude(tmp_path: Path, factor: str) -> None:
    csv = "timestamp,requests\n" + "".join(
        f"{STAMP + 10 * i}{factor},{n}\n" for i, n in enumerate((4337, 4410, 4290))
    )
    found = reading(tmp_path, csv)
    assert found.frame["arrival_rate"].tolist() == [433.7, 441.0, 429.0]
    assert found.frame["time"][0].timestamp() == STAMP
    assert "since 1970, by their magnitude" in " ".join(found.notes)


def test_counters_are_differenced(tmp_path: Path) -> None:
    counts = 524 + np.cumsum([0, 5, 3, 4, 4, 4])
    csv = "time,requests\n" + "".join(f"{STAMP + i},{n}\n" for i, n in enumerate(counts))
    found = reading(tmp_path, csv)
    assert found.frame["arrival_rate"].tolist()[1:] == [5, 3, 4, 4, 4]
    assert "counter" in " ".join(found.notes)
    named = "time,http_requests_total\n0,0\n10,100\n20,250\n30,50\n"
    found = reading(tmp_path, named)
    assert found.frame["arrival_rate"].tolist()[1:] == [10, 15, 5]
    assert "1 resets" in " ".join(found.notes)


def test_ramp_or_counter_is_asked(tmp_path: Path) -> None:
    csv = "time,requests\n" + "".join(f"{10 * i},{100 * (i + 1)}\n" for i in range(6))
    with pytest.raises(LoadFileError, match=r"only ever grows.*'counter'.*'count'"):
        reading(tmp_path, csv)
    ramp = reading(tmp_path, csv, columns={"count": "requests"})
    assert ramp.frame["arrival_rate"].tolist() == [10, 20, 30, 40, 50, 60]
    counter = reading(tmp_path, csv, columns={"counter": "requests"})
    assert counter.frame["arrival_rate"].tolist()[1:] == [10] * 5


def test_a_noisy_ramp_is_no_counter(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    counts = np.sort(rng.poisson(np.linspace(1000, 1900, 10)))
    csv = "time,requests\n" + "".join(f"{10 * i},{n}\n" for i, n in enumerate(counts))
    found = reading(tmp_path, csv)
    assert found.frame["count"].tolist() == counts.tolist()


@pytest.mark.parametrize(
    ("csv", "rates"),
    [
        ("time;requests\n0;1.234\n10;12.345,5\n", [123.4, 1234.55]),
        ('time,requests\n0,"1,234"\n10,"12,345"\n', [123.4, 1234.5]),
        ("time\trequests\n0\t1 234\n10\t12 345\n", [123.4, 1234.5]),
        ("time;rps\n0;0,5\n10;12,25\n", [0.5, 12.25]),
        ("time,requests/min\n0,60\n60,120\n", [1, 2]),
        ("time,rpm\n0,60\n60,120\n", [1, 2]),
    ],
)
def test_numbers_as_people_write_them(tmp_path: Path, csv: str, rates: list[float]) -> None:
    assert reading(tmp_path, csv).frame["arrival_rate"].tolist() == pytest.approx(rates)


def test_dates_with_the_day_or_the_month_first(tmp_path: Path) -> None:
    days = "time,rps\n{}\n"
    european = reading(tmp_path, days.format("13.04.2026 12:00,5\n01.05.2026 12:00,6"))
    american = reading(tmp_path, days.format("4/13/2026 12:00,5\n5/1/2026 12:00,6"))
    assert european.frame["time"].tolist() == american.frame["time"].tolist()
    with pytest.raises(LoadFileError, match="day_first"):
        reading(tmp_path, days.format("03/04/2026,5\n05/04/2026,6"))
    told = reading(tmp_path, days.format("03/04/2026,5\n05/04/2026,6"), day_first=True)
    assert str(told.frame["time"][0])[:10] == "2026-04-03"


def test_latency_columns_have_units(tmp_path: Path) -> None:
    found = reading(tmp_path, "rps,avg_latency_ms,p99 (us),cpu %\n100,20,50000,35\n")
    row = found.frame.iloc[0]
    assert row[["arrival_rate", "mean", "p99", "utilization"]].tolist() == pytest.approx(
        [100, 0.02, 0.05, 0.35]
    )
    with pytest.raises(LoadFileError, match=r"unit of 'p99'.*unit='ms'"):
        reading(tmp_path, "rps,p99\n100,250\n")
    assert reading(tmp_path, "rps,p99\n100,250\n", unit="ms").frame["p99"][0] == 0.25


def test_plain_csv_says_what_is_bad_or_left_out(tmp_path: Path) -> None:
    rows = "0,5,red\n10,-3,blue\n20,x,red\n30,6,a,b\n40,7,c\n50,8,d\n60,9,e\n"
    found = reading(tmp_path, f"time,rps,colour\n{rows}")
    assert (found.bad_lines, found.frame["arrival_rate"].dropna().tolist()) == (3, [5, 7, 8, 9])
    assert "left out: colour" in " ".join(found.notes)
    with pytest.raises(LoadFileError, match="has no column 'x'"):
        reading(tmp_path, "time,rps\n0,1\n", columns={"count": "x"})
    with pytest.raises(LoadFileError, match="cannot take a column as 'colour'"):
        reading(tmp_path, "time,rps\n0,1\n", columns={"colour": "rps"})
    with pytest.raises(LoadFileError, match="no regular interval"):
        reading(tmp_path, "time,requests\n0,5\n10,9\n17,4\n40,8\n")
    with pytest.raises(LoadFileError, match="an earlier row has"):
        reading(tmp_path, "time,requests\n0,5\n0,9\n17,4\n40,8\n")


# Files that are not what they should be


def test_gzip_is_read_and_a_damaged_one_refused(tmp_path: Path) -> None:
    packed = gzip.compress(LOCUST.encode() * 1)
    path = tmp_path / "h.csv.gz"
    path.write_bytes(packed)
    assert read(path).format == "Locust history"
    path.write_bytes(packed[:-20])
    with pytest.raises(LoadFileError, match="cut off or damaged"):
        read(path)


def test_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qmodel.measurements.readers.sources._BOMB", (1 << 20, 100))
    path = tmp_path / "bomb.gz"
    line = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200) + "\n"
    path.write_bytes(gzip.compress(line.encode() * 200_000, 9))
    with pytest.raises(LoadFileError, match="refused as hostile"):
        read(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"abc\n\0\1\2\3", "line 2 is binary"),
        (b"\x7fELF\2\1\1\0\0\0", "line 1 is binary"),
        (b"hello world, this is prose\nand more\n", "no format that is known"),
        (b'{"metrics": {"http_reqs": {"count": 1', "ends in the middle"),
        (b'{"metrics": {"http_reqs": {}, "http_req_duration": 3}}', "usable|without"),
        (b'{"resourceSpans": [], "x": }', "line 1"),
        (b'{"metrics": {"http_reqs": {}, "http_req_duration": {"p()": 1}}}', "looks like k6"),
        (b"time,requests\n", "no rows"),
        (b'{"status": "error", "error": "bad_data", "resultType": 1}', "bad_data"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(LoadFileError, match=words):
        read(path)


def test_lines_may_end_as_on_an_old_macintosh(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"time,rps\r0,5\r10,6\r20,7\r")
    assert read(path).frame["arrival_rate"].tolist() == [5, 6, 7]
    path.write_bytes(b"time,a\rb,rps\n0,1,5\n10,1,6\n")
    assert read(path).frame["arrival_rate"].tolist() == [5, 6]


@pytest.mark.parametrize("head", ["[" * 100_000, "x" * 100_000, "x:" * 50_000, "=" * 100_000])
def test_long_words_take_no_longer_than_they_are(tmp_path: Path, head: str) -> None:
    line = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    found = reading(tmp_path, f"{line} {head}\n{line} rt=0.25\n")
    assert found.whole()["mean"][0] == pytest.approx(0.25)
    with pytest.raises(LoadFileError, match="no format that is known"):
        reading(tmp_path, f"{head},{head}\n1,2\n")


def test_a_missing_file_is_guessed(tmp_path: Path) -> None:
    write(tmp_path, LOCUST, "history.csv")
    with pytest.raises(LoadFileError, match=r"did you mean 'history.csv'"):
        read(tmp_path / "histroy.csv")


def test_utf16_and_byte_order_marks(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    for encoding in ("utf-16", "utf-8-sig"):
        path.write_bytes(LOCUST.replace("\n", "\r\n").encode(encoding))
        assert read(path).load()["arrival_rate"].tolist() == [0.0, 3.2, 3.2]


def test_mostly_bad_lines_are_refused(tmp_path: Path) -> None:
    good = COMBINED.format(i=1, s=5, a="GET / HTTP/1.1", c=200)
    text = "\n".join([good, good, *["garbage"] * 5])
    with pytest.raises(LoadFileError, match=r"5 bad lines of 7; the first is line 3"):
        reading(tmp_path, text, format="access")


def test_unknown_format_name(tmp_path: Path) -> None:
    with pytest.raises(LoadFileError, match="cannot be read as 'excel'"):
        reading(tmp_path, LOCUST, format="excel")
    with pytest.raises(ModelError, match="no component 'x'; it has"):
        reading(tmp_path, LOCUST).of("x")


def test_intervals_get_coarser_when_cells_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "_CELLS", 10)
    rows = "".join(f"{STAMP + i},{20 + i % 7},a,true\n" for i in range(300))
    found = reading(tmp_path, "timeStamp,elapsed,label,success\n" + rows.replace(",a", ",a"))
    assert found.frame["interval"][0] == 60
    assert found.frame["count"].sum() == 300
    whole = found.whole().iloc[0]
    times = 0.02 + np.arange(300) % 7 / 1e3
    assert whole["mean"] == pytest.approx(times.mean())
    assert whole["p99"] == pytest.approx(np.quantile(times, 0.99), rel=0.006)
    assert whole["scv"] == pytest.approx(times.var() / times.mean() ** 2, rel=1e-9)


def test_blocks_may_cut_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "timeStamp,elapsed,label,responseMessage,success\n" + "".join(
        f'{STAMP}{i:03d},20,l{i % 3},"two\nlines, ""quoted""",true\n' for i in range(50)
    )
    whole = reading(tmp_path, text)
    monkeypatch.setattr("qmodel.measurements.readers.sources.BLOCK", 61)
    cut = reading(tmp_path, text)
    assert cut.bad_lines == whole.bad_lines == 0
    assert cut.frame["count"].tolist() == whole.frame["count"].tolist() == [17, 17, 16]


@pytest.mark.thorough
def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    line = COMBINED.format(i=1, s=5, a="GET /a/1 HTTP/1.1", c=200) + " 0.1 0.05\n"
    whole = [line * 4, LOCUST, HEY, WRK2, "time,rps,p99 (ms)\n0,5,20\n10,6,22\n20,7,23\n"]
    rng, refused = np.random.default_rng(4), 0
    path = tmp_path / "damaged"
    for i in range(150):
        data = bytearray(whole[i % len(whole)].encode())
        at = int(rng.integers(1, len(data)))
        match i % 3:
            case 0:
                del data[at:]
            case 1:
                data[at] = int(rng.integers(256))
            case 2:
                data[at:at] = rng.choice([b"nan", b"-1", b"1e999", b'"', b",,", b"\n"])
        path.write_bytes(data)
        try:
            found = read(path)
        except LoadFileError:
            refused += 1
        else:
            assert len(found.together()) <= len(found.frame)
            assert np.isfinite(found.load()["arrival_rate"].dropna()).all()
    assert 5 < refused < 140
