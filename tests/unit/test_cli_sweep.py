import io
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.answers.scenarios import _axis, _values
from qmodel.cli import model
from qmodel.cli.app import app

pytestmark = pytest.mark.usefixtures("solved_once")


def shop():
    cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.008, servers=2))
    return qm.Pipeline(qm.cached(0.9, lookup=cache, miss=db))


@pytest.fixture(autouse=True)
def _shop(monkeypatch):
    monkeypatch.setattr(model, "default_model", shop)


def run(*words, code=0):
    result = CliRunner().invoke(app, ["sweep", *words], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


GRID = ["--over", "arrival_rate=500/s:2000/s:4", "--over", "cache.hit_ratio=0.8,90%,0.99"]


def test_every_combination_is_solved():
    frame = pd.read_csv(io.StringIO(run(*GRID, "--format", "csv").stdout))
    assert len(frame) == 12
    assert (
        frame["arrival_rate"].tolist() == np.repeat([500.0, 1000.0, 1500.0, 2000.0], 3).tolist()
    )
    assert frame["cache.hit_ratio"].tolist() == [0.8, 0.9, 0.99] * 4
    for _, row in frame.iterrows():
        scenario = shop().replace({"cache.hit_ratio": row["cache.hit_ratio"]})
        p99 = float(scenario.solve(row["arrival_rate"]).latency.quantile(0.99))
        assert row["p99"] == pytest.approx(p99)


def test_a_table_for_people():
    out = run(*GRID).stdout
    assert out.startswith("12 scenarios: p99 from ")
    assert "overload" in out
    assert "1500/s" in out
    assert "99 %" in out
    assert max(map(len, out.splitlines())) <= 80


def test_json_knows_overload():
    rows = json.loads(run(*GRID, "--format", "json").stdout)["scenarios"]
    assert {row["p99"] for row in rows if row["max_rate"] <= row["arrival_rate"]} == {"inf"}


def test_the_load_is_named_or_sensible():
    assert "At 1000/s." in run("--over", "db.servers=1:4:4", "--rate", "1000/s").stdout
    assert "60 % of what it can sustain" in run("--over", "db.servers=1:4:4").stdout


def test_long_tables_are_cut_and_say_so(tmp_path):
    path = tmp_path / "all.parquet"
    out = run("--over", "arrival_rate=1/s:100/s:100", "--output", str(path)).stdout
    assert "60 more rows" in out
    frame = pd.read_parquet(path)
    assert len(frame) == 100
    assert frame.attrs["units"]["p99"] == "s"


def test_ranges_and_lists():
    assert _axis("x", "5ms,10 ms") == [0.005, 0.01]
    assert _values(_axis("x", "60/min:2/s:3")).tolist() == [1.0, 1.5, 2.0]


def test_nan_and_endless_loads_have_rows_without_warnings():
    result = run("--over", "arrival_rate=nan,inf,100/s")
    assert result.stderr == ""
    assert result.stdout.splitlines()[0].endswith("; 1 in overload; 1 without a number")


BAD = {
    "range": (["--over", "db.servers=1:4"], "START:STOP:COUNT"),
    "count": (["--over", "db.servers=1:4:1"], "2 or more"),
    "empty": (["--over", "db.servers=,"], "at least one value"),
    "fraction": (["--over", "db.servers=1:2:3"], "whole number"),
    "unknown": (["--over", "db.server=1,2"], "did you mean 'db.servers'?"),
    "word": (["--over", "db.servers=one"], "expected a number"),
    "no name": (["--over", "1,2"], "NAME=VALUE"),
    "twice": (["--over", "db.servers=1", "--over", "db.servers=2"], "given twice"),
    "two loads": ([*GRID, "--rate", "3/s"], "the load is given twice"),
    "huge": (["--over", "arrival_rate=1/s:2/s:1000000000"], "1,000,000,000"),
    "huge together": (
        [*GRID, "--over", "db.service_time=1ms:2ms:900000000"],
        "10,800,000,000 scenarios",
    ),
    "ending": ([*GRID, "--output", "x.txt"], "--output must end in"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*words, code=2)
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_range_of_whole_numbers_says_how_many_it_has():
    result = run("--over", "db.servers=20:50:10", code=2)
    assert "20 to 50 are not all whole: in steps of 10 it is 20:50:4" in " ".join(
        result.stderr.split()
    )
    result = run("--over", "db.servers=20:50:8", code=2)
    assert "20:50:31 has each of them" in " ".join(result.stderr.split())
