"""Each kind of file that people have is a load at the first try, or says what to add."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import qmodel as qm
from qmodel import answers
from qmodel.errors import LoadFileError
from qmodel.recorded_load import read_load

EPOCH = 1_782_550_573
LOG = '10.0.0.1 - - [27/Jun/2026:08:56:{s:02d} +0000] "GET /a HTTP/1.1" 200 2'
SECONDS = (13, 13, 14, 14, 14, 15)
EACH = [2.0, 3.0, 1.0]


def lines(*some: str) -> str:
    return "\n".join(some) + "\n"


def span(number: int, at: int) -> dict[str, object]:
    return {
        "traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "GET /a", "kind": 2,
        "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 5_000_000),
    }  # fmt: skip


STARTS = [EPOCH + s - 13 for s in SECONDS]
KINDS: dict[str, tuple[str, list[float]]] = {
    "common log": (lines(*(LOG.format(s=s) for s in SECONDS)), EACH),
    "combined log with times": (
        lines(*(f'{LOG.format(s=s)} "-" "curl" 0.020 0.010' for s in SECONDS)), EACH,
    ),
    "named times": (lines(*(f'{LOG.format(s=s)} "-" "c" rt=0.02' for s in SECONDS)), EACH),
    "JSON log": (
        lines(*(json.dumps({"ts": t, "status": 200, "latency_ms": 5}) for t in STARTS)), EACH,
    ),
    "JMeter": (
        lines("timeStamp,elapsed,label,responseCode,success",
              *(f"{1000 * t},20,a,200,true" for t in STARTS)), EACH,
    ),
    "k6": (
        lines("metric_name,timestamp,metric_value,error,method,name,status,url",
              *(f"http_req_duration,{t},20,,GET,http://h/a,200," for t in STARTS)), EACH,
    ),
    "vegeta": (
        lines(*(json.dumps({"attack": "a", "code": 200, "latency": 5_000_000, "method": "GET",
                            "timestamp": f"2026-06-27T08:56:{s:02d}.5Z", "url": "/a"})
                for s in SECONDS)), EACH,
    ),
    "OpenTelemetry": (
        lines(*(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]})
                for one in (span(i, 10**9 * t) for i, t in enumerate(STARTS, 1)))), EACH,
    ),
    "Locust": (
        lines("Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,Total Request Count",
              f"{EPOCH},1,,Aggregated,0.0,0.0,N/A,0", f"{EPOCH + 1},1,GET,a,3.2,0,20,5",
              f"{EPOCH + 1},1,,Aggregated,3.2,0.0,20,5"), [0.0, 3.2],
    ),
    "epoch milliseconds": (
        lines("timestamp,requests", *(f"{1000 * (EPOCH + 10 * i)},{n}"
                                      for i, n in enumerate((4337, 4410, 4290)))),
        [433.7, 441.0, 429.0],
    ),
    "epoch microseconds": (
        lines("timestamp,requests", *(f"{10**6 * (EPOCH + 10 * i)},{n}"
                                      for i, n in enumerate((20, 10, 40)))), [2.0, 1.0, 4.0],
    ),
    "epoch nanoseconds": (
        lines("timestamp,requests", *(f"{10**9 * (EPOCH + 10 * i)},{n}"
                                      for i, n in enumerate((20, 10, 40)))), [2.0, 1.0, 4.0],
    ),
    "counter": (
        lines("minute,requests_total", *(f"2026-05-01 12:0{i},{n}"
                                         for i, n in enumerate((5000, 5600, 6800, 60)))),
        [np.nan, 10.0, 20.0, 1.0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_a_load_at_the_first_try(tmp_path: Path, kind: str, packed: bool) -> None:
    text, rates = KINDS[kind]
    path = tmp_path / "load"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    times = {"time": "timestamp"} if kind.startswith("epoch") else {}
    found = read_load(path, **times)
    assert found["arrival_rate"].tolist() == pytest.approx(rates, nan_ok=True)


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "binary": (b"\x7fELF\x02\x01\x00\x00" * 200, "line 1.*binary|binary"),
    "cut off": (gzip.compress(b"minute,requests\n" + b"2026-05-01 12:00,1\n" * 999)[:40],
                "cut off|truncated|damaged"),
    "no names": (b"2026-05-01 12:00,600\n2026-05-01 12:01,60\n", "line 1.*name"),
    "a word for a number": (b"minute,requests\n2026-05-01 12:00,600\n2026-05-01 12:01,60\n"
                            b"2026-05-01 12:02,many\n", "line 4"),
    "a time twice": (b"minute,requests\n2026-05-01 12:00,600\n2026-05-01 12:01,1\n"
                     b"2026-05-01 12:01,1\n", "line 4.*earlier"),
    "two orders of dates": (b"day,requests\n03/04/2026,600\n04/04/2026,60\n05/04/2026,60\n",
                            "day"),
    "a prose": (b"Dear all,\nplease find below\nthe load.\n", "line 2.*1 cell"),
    "thousands": (b"minute;requests\n2026-05-01 12:00;1.200.000\n2026-05-01 12:01;600.000\n",
                  "thousands separators.*write them without"),
    "cut JSON": (b'{"metrics": {"http_reqs": {"count": 3000, "ra', "line 1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read_says_where_and_why(tmp_path: Path, kind: str) -> None:
    data, message = BAD[kind]
    path = tmp_path / "load.csv"
    path.write_bytes(data)
    with pytest.raises(LoadFileError, match=rf"(?s){message}"):
        read_load(path)


def test_bad_lines_of_a_log_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(lines(LOG.format(s=13), "garbage", LOG.format(s=14), LOG.format(s=99)))
    found = read_load(path)
    assert found["arrival_rate"].tolist() == [1.0, 1.0]
    said = "2 bad lines left out; the first is line 2: 'garbage'"
    assert said in " ".join(found.attrs["notes"])
    answer = answers.replay(qm.MMc(0.01), found)
    assert said in " ".join(answer.notes)
