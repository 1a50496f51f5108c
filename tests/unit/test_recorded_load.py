import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import qmodel as qm
from qmodel.errors import DomainError, LoadFileError, ModelError
from qmodel.recorded_load import read_load, replay

WORLD_CUP = Path(__file__).parents[3] / "shared/data/worldcup98_requests_per_minute.csv.gz"
GOOD = "minute,requests\n2026-05-01 12:00,600\n2026-05-01 12:01,1200\n2026-05-01 12:02,0\n"


@pytest.fixture
def shop():
    web, db = qm.MMc(0.010, servers=4), qm.MMc(0.004, servers=2)
    return qm.Pipeline(qm.series(qm.call("web", web), qm.call("db", db)))


@pytest.fixture
def write(tmp_path):
    def _write(text, name="load.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def frame_of(rates):
    return pd.DataFrame(
        {"time": np.arange(len(rates)), "arrival_rate": np.asarray(rates, float)}
    )


# Reading


def test_counts_become_rates_by_the_interval(write):
    frame = read_load(write(GOOD))
    assert frame["arrival_rate"].tolist() == [10.0, 20.0, 0.0]
    assert frame["time"].tolist()[0] == pd.Timestamp("2026-05-01 12:00")
    assert frame.attrs["interval"] == 60.0
    assert frame.attrs["units"] == {"arrival_rate": "1/s"}


@pytest.mark.parametrize(
    ("unit", "first"),
    [("requests/min", 10.0), ("/s", 600.0), ("rpm", 10.0), ("k/h", 600e3 / 3600)],
)
def test_a_unit_takes_the_column_as_rates(write, unit, first):
    assert read_load(write(GOOD), unit=unit)["arrival_rate"][0] == pytest.approx(first)


def test_gzip_equals_plain_whatever_its_name(write):
    plain = read_load(write(GOOD))
    packed = read_load(write(gzip.compress(GOOD.encode()), "load.dat"))
    pd.testing.assert_frame_equal(plain, packed)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("600", '"600"'),
        GOOD.replace("2026-05-01 12:00", "2026-05-01T12:00:00"),
    ],
    ids=["semicolon", "tab", "bom", "crlf", "blank lines", "quotes", "iso"],
)
def test_dialects_of_csv(write, text):
    assert read_load(write(text))["arrival_rate"].tolist() == [10.0, 20.0, 0.0]


def test_gaps_do_not_stretch_the_interval(write):
    text = GOOD + "2026-05-01 12:10,600\n"
    assert read_load(write(text))["arrival_rate"].tolist() == [10.0, 20.0, 0.0, 10.0]


def test_unsorted_rows_keep_their_order(write):
    head, *rows = GOOD.splitlines()
    frame = read_load(write("\n".join([head, rows[2], rows[0], rows[1]])))
    assert frame["arrival_rate"].tolist() == [0.0, 10.0, 20.0]


def test_offsets_may_change(write):
    text = "t,n\n2026-03-29T01:59:00+01:00,60\n2026-03-29T03:00:00+02:00,120\n"
    frame = read_load(write(text))
    assert frame["arrival_rate"].tolist() == [1.0, 2.0]


def test_times_may_be_seconds(write):
    frame = read_load(write("t,n\n0,10\n5,20\n10,30\n"), time="t", count="n")
    assert frame["arrival_rate"].tolist() == [2.0, 4.0, 6.0]
    assert frame["time"].tolist() == [0, 5, 10]


def test_a_missing_time_is_a_row_without_time(write):
    frame = read_load(write(GOOD.replace("2026-05-01 12:01", "")))
    assert frame["time"].isna().tolist() == [False, True, False]
    assert frame["arrival_rate"].tolist() == [5.0, 10.0, 0.0]


@pytest.mark.parametrize("missing", ["", "NaN", "NA", "null", " "])
def test_a_missing_count_is_a_row_with_nan(write, missing):
    frame = read_load(write(GOOD.replace("1200", missing)))
    np.testing.assert_array_equal(frame["arrival_rate"], [10.0, np.nan, 0.0])


def test_columns_are_named_where_a_guess_is_open(write):
    path = write("when,site,hits,errors\n2026-05-01 12:00,a,60,1\n2026-05-01 12:01,b,120,2\n")
    with pytest.raises(
        LoadFileError, match=r"several columns of numbers \(hits, errors\).*--count"
    ):
        read_load(path)
    assert read_load(path, count="errors")["arrival_rate"].tolist() == [1 / 60, 2 / 60]


BAD = {
    "empty": ("", "load.csv is empty"),
    "no rows": ("minute,requests\n", "no rows below its header"),
    "no header": ("2026-05-01 12:00,600\n2026-05-01 12:01,3\n", "line 1: .*does not name"),
    "word": (GOOD.replace("1200", "many"), "line 3: '2026-05-01 12:01,many' has no number"),
    "negative": (GOOD.replace("1200", "-5"), "line 3: .*is negative"),
    "infinite": (GOOD.replace("1200", "inf"), "line 3: .*is not finite"),
    "short": (GOOD.replace(",1200", ""), "line 3: '2026-05-01 12:01' has 1 cell, but .* 2"),
    "long": (
        GOOD.replace("1200", "1,x"),
        "line 3: .* has 3 cells, but .* 2 cells$",
    ),
    "thousands": (
        GOOD.replace("1200", "1,200"),
        "line 3: .* has 3 cells.*: write '1,200' without its thousands separator",
    ),
    "some quoted thousands": (
        GOOD.replace("1200", '"1,200"'),
        "line 3: .* has no number in column 'requests': write '1,200' without",
    ),
    "all quoted thousands": (
        'minute,requests\n2026-05-01 12:00,"1,600"\n2026-05-01 12:01,"1,200"\n',
        "numbers in column 'requests' of load.csv have thousands separators, such as '1,600'",
    ),
    "thousands without a header": (
        "1,200\n1,300\n",
        "line 1: '1,200' does not name the columns; if '1,200' is one number, write it without",
    ),
    "numbers without a header": ("17,5\n18,6\n", "line 1: '17,5' does not name the columns$"),
    "blank line above": (GOOD.replace("\n2026-05-01 12:01,1200", "\n\nx,1"), "line 4: 'x,1'"),
    "date": (GOOD.replace("2026-05-01 12:02", "yesterday"), "line 4: .* has no time such as"),
    "twice": (GOOD.replace("12:02", "12:01"), "line 4: .* has a time that an earlier row has"),
    "two names": ("a,a\n1,2\n", "two columns of the name 'a'"),
    "quote": (GOOD.replace("600", '"600'), "line 4: unexpected end of data"),
    "latin": (GOOD.encode().replace(b"600", b"6\xe9"), "line 2: this is not UTF-8"),
    "cut gzip": (gzip.compress(GOOD.encode())[:-9], "cut off or damaged"),
    "no times": ("a,b\nx,1\ny,2\n", "no column of dates.*--time"),
    "irregular": (
        GOOD + "2026-05-01 12:02:40,3\n2026-05-01 12:02:41,3\n",
        "no regular interval",
    ),
    "one row": ("minute,requests\n2026-05-01 12:00,600\n", "no regular interval"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_named_with_the_line(write, text, message):
    with pytest.raises(LoadFileError, match=message):
        read_load(write(text))


def test_unknown_columns_have_the_nearest_name(write):
    with pytest.raises(LoadFileError, match=r"no column 'request'.*did you mean 'requests'"):
        read_load(write(GOOD), count="request")


def test_unknown_files_have_the_nearest_name(write):
    path = write(GOOD)
    with pytest.raises(LoadFileError, match=r"did you mean 'load.csv'"):
        read_load(path.with_name("laod.csv"))
    with pytest.raises(LoadFileError, match="cannot read"):
        read_load(path.parent)


@pytest.mark.parametrize("unit", ["ms", "requests", "/fortnight"])
def test_a_unit_must_be_of_a_rate(write, unit):
    with pytest.raises(DomainError, match="unit"):
        read_load(write(GOOD), unit=unit)


def test_milliseconds_since_1970_are_told_by_their_magnitude(write):
    rows = "1499876010000,4337\n1499876020000,4410\n1499876030000,4290\n"
    for named in ({"time": "timestamp"}, {}):
        frame = read_load(write(f"timestamp,requests\n{rows}"), **named)
        assert frame["arrival_rate"].tolist() == pytest.approx([433.7, 441.0, 429.0])
        assert frame["time"][0] == pd.Timestamp("2017-07-12 16:13:30")


def test_a_column_named_as_a_rate_is_one(write):
    rows = "2026-05-01 12:00,600\n2026-05-01 12:01,1200\n"
    for name, rates in (("rps", [600, 1200]), ("rpm", [10, 20]), ("requests/min", [10, 20])):
        frame = read_load(write(f"time,{name}\n{rows}"))
        assert frame["arrival_rate"].tolist() == pytest.approx(rates)
        assert frame.attrs["notes"] == [f"{name}: a rate, by its name"]
    frame = read_load(write(f"time,rpm\n{rows}"), unit="requests/s")
    assert frame["arrival_rate"].tolist() == [600, 1200]


def test_a_log_in_a_format_of_its_own_asks_for_it(write):
    line = '10.0.0.1 [24/Oct/2026:14:20:0{} +0000] "GET /a HTTP/2" 200 0.5\n'
    path = write("".join(line.format(i) for i in range(3)))
    with pytest.raises(LoadFileError, match=r"line 1: .*--log-format"):
        read_load(path)
    layout = '$remote_addr [$time_local] "$request" $status $request_time'
    assert read_load(path, format=layout)["arrival_rate"].tolist() == [1, 1, 1]


def test_a_counter_is_differenced(write):
    rows = "".join(
        f"2026-05-01 12:0{i},{n}\n" for i, n in enumerate((5000, 5250, 5480, 5729, 90))
    )
    frame = read_load(write(f"minute,requests_total\n{rows}"))
    assert (60 * frame["arrival_rate"]).round(6).tolist()[1:] == [250, 230, 249, 90]
    assert np.isnan(frame["arrival_rate"][0])
    ramp = "".join(f"2026-05-01 12:0{i},{600 * (i + 1)}\n" for i in range(6))
    with pytest.raises(LoadFileError, match="only ever grows"):
        read_load(write(f"minute,requests\n{ramp}"))
    assert read_load(write(f"minute,requests\n{ramp}"), count="requests")[
        "arrival_rate"
    ].tolist() == [10, 20, 30, 40, 50, 60]


def test_what_load_tools_write(write):
    head = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,Total Request Count\n"
    rows = "1782550573,0,,Aggregated,0.0,0.0,N/A,0\n1782550574,40,,Aggregated,3.2,0.0,1300,5\n"
    frame = read_load(write(head + rows))
    assert frame["arrival_rate"].tolist() == [0.0, 3.2]
    log = '10.0.0.1 - - [24/Oct/2026:14:20:0{} +0000] "GET / HTTP/1.1" 200 2 "-" "curl"\n'
    frame = read_load(write("".join(log.format(i // 2) for i in range(4))))
    assert frame["arrival_rate"].tolist() == [2, 2]
    assert frame.attrs["interval"] == 1


@pytest.mark.thorough
def test_what_is_wrong_far_down_has_its_line(write):
    rows = [f"{i},1" for i in range(66_000)]
    assert len(read_load(write("\n".join(["t,n", *rows])), time="t", count="n")) == 66_000
    for bad, message in (("x,1", "has no number of seconds"), ("5,1,1", "has 3 cells")):
        rows[65_900] = bad
        with pytest.raises(LoadFileError, match=rf"line 65902: '{bad}' {message}"):
            read_load(write("\n".join(["t,n", *rows])), time="t", count="n")
    rows[65_900] = "5,1"
    with pytest.raises(LoadFileError, match="line 65902: '5,1' has a time that an earlier"):
        read_load(write("\n".join(["t,n", *rows])), time="t", count="n")


def test_a_gzip_bomb_is_refused(write, monkeypatch):
    monkeypatch.setattr("qmodel.recorded_load.table._LARGE", 2**16)
    bomb = gzip.compress(b"t,n\n" + b"0,1\n" * 2**17)
    with pytest.raises(LoadFileError, match="unpacks to more than 200 times its size"):
        read_load(write(bomb, "a.gz"), time="t", count="n")
    with pytest.raises(LoadFileError, match="line 2: longer than 1,048,576 bytes"):
        read_load(write(gzip.compress(b"t,n\n" + b"0" * 2**22), "b.gz"), time="t", count="n")


# Replaying


def test_each_row_is_the_solved_model(shop):
    rates = [100.0, 300.0, 100.0, 0.0, 390.0]
    frame = replay(shop, frame_of(rates), objectives="p99 < 60 ms")
    result = shop.solve(np.array(rates))
    np.testing.assert_allclose(frame["mean"], result.latency.mean, rtol=1e-12)
    np.testing.assert_allclose(frame["p99"], result.latency.quantile(0.99), rtol=1e-9)
    np.testing.assert_allclose(frame["utilization.db"], np.array(rates) * 0.002)
    np.testing.assert_allclose(frame["headroom"], result.headroom)
    assert frame["bottleneck"].tolist() == ["web"] * 5
    assert frame["met"].tolist() == (frame["p99"] < 0.06).tolist()
    assert frame.attrs["units"]["p99"] == "s"
    assert frame.attrs["units"]["utilization.web"] == "-"


def test_nan_in_nan_out_and_overload_is_inf(shop):
    frame = replay(shop, frame_of([np.nan, 500.0, 100.0]), objectives="mean < 1 s")
    assert np.isnan(
        frame.loc[0, ["arrival_rate", "mean", "p99", "headroom"]].astype(float)
    ).all()
    assert frame["met"].isna().tolist() == [True, False, False]
    assert frame["met"].tolist()[1:] == [False, True]
    assert frame["p99"][1] == np.inf
    assert frame["headroom"][1] == pytest.approx(-0.2)


def test_scaled_to_a_share_of_the_capacity(shop):
    frame = replay(shop, frame_of([1.0, 4.0, np.nan, 2.0]), scale_to=0.5)
    np.testing.assert_allclose(frame["arrival_rate"], [50.0, 200.0, np.nan, 100.0])
    assert frame.attrs["scale"] == 50.0


def test_distinct_rates_are_solved_once_and_in_chunks(shop, monkeypatch):
    sizes, solve = [], qm.Pipeline.solve

    def counted(self, rate):
        sizes.append(np.size(rate))
        return solve(self, rate)

    monkeypatch.setattr(qm.Pipeline, "solve", counted)
    monkeypatch.setattr("qmodel.recorded_load.rows._CHUNK", 4)
    told = []
    load = frame_of(np.tile(np.arange(10.0), 50))
    frame = replay(shop, load, progress=lambda done, of: told.append((done, of)))
    assert sizes == [4, 4, 2]
    assert told == [(4, 10), (8, 10), (10, 10)]
    assert frame["arrival_rate"].tolist() == load["arrival_rate"].tolist()


def test_an_empty_load_gives_an_empty_frame(shop):
    assert len(replay(shop, frame_of([]))) == 0


def test_no_percentiles(shop):
    assert not any(
        name.startswith("p9") for name in replay(shop, frame_of([1.0]), percentiles=())
    )


def test_delays_have_no_utilization(shop):
    model = qm.Pipeline(qm.series(qm.call("far", qm.Delay(0.1)), qm.call("web", qm.MMc(0.01))))
    names = list(replay(model, frame_of([1.0])))
    assert "utilization.web" in names
    assert "utilization.far" not in names


def test_a_limit_shows_what_it_rejects():
    model = qm.Pipeline(qm.series(qm.limit("gate", 50.0), qm.call("web", qm.MMc(0.01))))
    frame = replay(model, frame_of([10.0, 200.0]))
    assert frame["rejected"][1] == pytest.approx(0.8)
    assert np.isfinite(frame["p99"]).all()


def test_impossible_questions(shop):
    with pytest.raises(DomainError, match=">= 0"):
        replay(shop, frame_of([-1.0]))
    with pytest.raises(DomainError, match="scale_to"):
        replay(shop, frame_of([1.0]), scale_to=0.0)
    with pytest.raises(DomainError, match="zero or missing"):
        replay(shop, frame_of([0.0]), scale_to=0.5)
    with pytest.raises(ModelError, match="nothing in the model"):
        replay(qm.Pipeline(qm.call("d", qm.Delay(1.0))), frame_of([1.0]), scale_to=0.5)
    with pytest.raises(ModelError, match="one scenario"):
        replay(shop.replace({"web.servers": np.array([1, 2])}), frame_of([1.0]))
    with pytest.raises(DomainError, match="percentiles"):
        replay(shop, frame_of([1.0]), percentiles=[1.5])


@pytest.mark.skipif(not WORLD_CUP.exists(), reason="the World Cup load is not here")
def test_the_world_cup(shop):
    load = read_load(WORLD_CUP)
    assert len(load) == 125_300
    assert load["arrival_rate"].sum() * 60 == pytest.approx(1_352_804_107)
    assert load.attrs["interval"] == 60.0
    frame = replay(shop, load, scale_to=0.95, objectives="p99 < 300 ms")
    assert len(frame) == len(load)
    worst = frame["p99"].idxmax()
    assert str(frame["time"][worst]) == "1998-07-07 21:41:00"
    assert frame["utilization.web"][worst] == pytest.approx(0.95)
