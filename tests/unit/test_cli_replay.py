import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.cli import model
from qmodel.cli.app import app
from qmodel.cli.numbers import percentiles

WORLD_CUP = Path(__file__).parents[3] / "shared/data/worldcup98_requests_per_minute.csv.gz"
COUNTS = [6000, 12000, 23000, 22999, 12000, 25000, 0, "", 600]


def shop():
    return qm.Pipeline(qm.call("web", qm.MMc(0.010, servers=4)))


@pytest.fixture(autouse=True)
def _shop(monkeypatch, request):
    if "typical" not in request.node.name:
        monkeypatch.setattr(model, "default_model", shop)


@pytest.fixture
def load(tmp_path):
    path = tmp_path / "in" / "load.csv"
    path.parent.mkdir()
    rows = [f"2026-05-01 12:{i:02d}:00,{n}" for i, n in enumerate(COUNTS)]
    path.write_text("\n".join(["minute,requests", *rows]) + "\n")
    return path


def run(*words, code=0):
    result = CliRunner().invoke(app, ["replay", *map(str, words)], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_the_verdict_comes_first(load):
    out = run(load, "--objective", "p99 < 80 ms").stdout
    lines = out.splitlines()
    assert lines[0] == "Worst minute: 2026-05-01 12:05, 417/s, overload; bottleneck: web"
    text = " ".join(lines)
    assert "the web is saturated at 400/s: 4.2 % more arrives" in text.replace("  ", " ")
    assert "MISSED in 3 of 8 minutes (38 %); longest run 2 minutes" in text
    assert "2026-05-01 12:02 to 2026-05-01 12:03" in text
    assert "Overload in 1 of 8 minutes" in text
    assert "1 of 9 minutes (11 %) have no load" in text
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24


def test_what_is_left_undone_is_carried_on(load, tmp_path):
    csv = tmp_path / "rows.csv"
    out = run(load, "--dynamic", "--output", csv).stdout
    assert out.startswith("Worst minute: 2026-05-01 12:05, 417/s, p99 6")
    text = " ".join(out.split())
    assert "What is left undone is carried into the next one. The backlog is up to" in text
    assert "and none at the end" in text
    rows = pd.read_csv(csv)
    assert np.isfinite(rows["p99"].drop(index=7)).all()
    assert rows["backlog"][5] > 50
    found = json.loads(run(load, "--dynamic", "--format", "json").stdout)
    assert found["backlog"] == pytest.approx(rows["backlog"].max())


def test_one_row_out_for_each_row_in(load, tmp_path):
    csv, parquet = tmp_path / "a.csv", tmp_path / "a.parquet"
    for path in (csv, parquet):
        result = run(load, "--output", path, "--objective", "p99 < 80 ms")
        assert "wrote 9 rows" in result.stderr
    frame = pd.read_parquet(parquet)
    assert len(frame) == len(pd.read_csv(csv)) == len(COUNTS)
    assert list(frame)[:6] == ["time", "arrival_rate", "mean", "p50", "p95", "p99"]
    assert list(frame)[6:] == [
        "headroom", "bottleneck", "rejected", "abandoned", "goodput", "backlog",
        "utilization.web", "met",
    ]  # fmt: skip
    assert frame["arrival_rate"][0] == 100.0
    assert frame["p99"][0] == pytest.approx(float(shop().solve(100.0).latency.quantile(0.99)))
    assert frame["p99"][5] == np.inf
    assert np.isnan(frame["p99"][7])
    assert frame.attrs["units"]["p99"] == "s"
    lines = csv.read_text().splitlines()
    assert lines[6].startswith("2026-05-01 12:05:00,416.")
    assert ",inf," in lines[6]
    assert lines[8].startswith("2026-05-01 12:07:00,,,")


def test_gzip_equals_plain(load, tmp_path):
    packed = load.with_name("load.csv.gz")
    packed.write_bytes(gzip.compress(load.read_bytes()))
    run(load, "--output", tmp_path / "a.csv")
    run(packed, "--output", tmp_path / "b.csv.gz")
    assert (
        gzip.decompress((tmp_path / "b.csv.gz").read_bytes())
        == (tmp_path / "a.csv").read_bytes()
    )


def test_scaled_to_a_share_of_the_capacity(load):
    data = json.loads(run(load, "--scale-to", "95%", "--format", "json").stdout)
    assert data["worst_arrival_rate"] == pytest.approx(380.0)
    assert data["headroom"] == pytest.approx(1 / 0.95 - 1)
    assert data["rows_in_overload"] == 0
    assert data["rows_without_load"] == 1
    assert data["scale"] == pytest.approx(380 * 60 / 25000)
    assert any("multiplied by 0.912" in note for note in data["notes"])


def test_unit_percentiles_columns_and_set(load, tmp_path):
    path = tmp_path / "a.csv"
    words = ["--time", "minute", "--count", "requests", "--unit", "requests/h"]
    run(load, *words, "--percentiles", "99.9,50", "--set", "web.servers=8", "--output", path)
    frame = pd.read_csv(path)
    assert [name for name in frame if name.startswith("p")] == ["p50", "p99.9"]
    assert frame["arrival_rate"][0] == pytest.approx(6000 / 3600)
    assert frame["utilization.web"][0] == pytest.approx(6000 / 3600 * 0.01 / 8)
    assert percentiles("--percentiles", "p99.9, 50") == [0.5, 0.999]


def test_forms(load):
    assert len(run(load, "--format", "csv").stdout.splitlines()) == len(COUNTS) + 1
    assert run(load, "--format", "markdown").stdout.startswith("**Worst minute: ")
    data = json.loads(run(load, "--format", "json").stdout)
    assert data["worst_p99"] == "inf"
    assert data["row_count"] == len(data["rows"]) == 9


def test_all_met_and_unsorted(load):
    head, *rows = load.read_text().splitlines()
    load.write_text("\n".join([head, *rows[::-1]]))
    out = run(load, "--objective", "p99 < 1 h", "--scale-to", "0.5").stdout
    assert "met in all 8 minutes" in out
    assert "No minute is in overload." in out
    assert "The times are not in order" in out


def test_rows_that_are_no_minutes(load):
    load.write_text("t,n\n0,1\n7,2\n14,3\n")
    out = run(load, "--time", "t", "--count", "n").stdout
    assert out.startswith("Worst row: 14 s, ")


BAD = {
    "no file": (["{}.txt"], "no file"),
    "no column": (["{}", "--count", "request"], "did you mean 'requests'"),
    "no time": (["{}", "--time", "minutes"], "did you mean 'minute'"),
    "unit": (["{}", "--unit", "ms"], "unit must be that of a rate"),
    "objective": (["{}", "--objective", "p99 > 3 ms"], "p99 has an upper limit"),
    "station": (["{}", "--objective", "utilization of app < 80%"], "no station 'app'"),
    "scale": (["{}", "--scale-to", "95"], "--scale-to must be a share such as 95%"),
    "scale 0": (["{}", "--scale-to", "0"], "scale_to"),
    "percentile": (["{}", "--percentiles", "50,100"], "between 0 and 100, got '100'"),
    "percentile word": (["{}", "--percentiles", "most"], "got 'most'"),
    "no percentile": (["{}", "--percentiles", ""], "got ''"),
    "set": (["{}", "--set", "web.workers=3"], "no parameter 'web.workers'"),
    "ending": (["{}", "--output", "x.xls"], "--output must end in"),
    "folder": (["{}", "--output", "sub/x.csv"], "has no folder"),
    "itself": (["{}", "--output", "{}"], "would overwrite"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_writes_nothing(words, message, load, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    before = load.read_bytes()
    words = [word.replace("{}", str(load)) for word in words]
    if "--output" not in words:
        words += ["--output", "x.csv"]
    result = run(*words, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(Path.cwd().iterdir()) == []
    assert load.read_bytes() == before


def test_bad_lines_are_found_before_the_work(load, tmp_path, monkeypatch):
    load.write_text(load.read_text().replace("22999", "twelve"))
    monkeypatch.setattr(qm.Pipeline, "solve", lambda *_: pytest.fail("it began to solve"))
    result = run(load, "--output", tmp_path / "x.csv", code=2)
    assert result.stderr.startswith(
        "error: load.csv, line 5: '2026-05-01 12:03:00,twelve' has no"
    )
    assert not (tmp_path / "x.csv").exists()


def test_missing_pyarrow_is_found_before_the_work(load, tmp_path, monkeypatch):
    monkeypatch.setattr("qmodel.cli.files.find_spec", lambda name: None)
    monkeypatch.setattr(qm.Pipeline, "solve", lambda *_: pytest.fail("it began to solve"))
    assert "qmodel[parquet]" in run(load, "--output", tmp_path / "x.parquet", code=2).stderr


def test_nothing_half_written_where_writing_fails(load, tmp_path, monkeypatch):
    def full(self, file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    old = tmp_path / "x.csv"
    old.write_text("old")
    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    result = run(load, "--output", old, code=2)
    assert result.stderr == "error: No space left on device\n"
    assert old.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "x.csv"]


def test_all_rows_missing(load):
    load.write_text("t,n\n2026-05-01,\n2026-05-02,NaN\n2026-05-03,\n")
    result = run(load, "--count", "n", code=2)
    assert "no row of the recorded load has a number" in result.stderr


@pytest.mark.skipif(not WORLD_CUP.exists(), reason="the World Cup load is not here")
def test_the_world_cup_on_the_typical_pipeline(tmp_path):
    path = tmp_path / "minutes.parquet"
    out = run(WORLD_CUP, "--scale-to", "95%", "--objective", "p99 < 300 ms", "-o", path).stdout
    assert out.startswith("Worst minute: 1998-07-07 21:41, ")
    frame = pd.read_parquet(path)
    assert len(frame) == 125_300
    assert frame["time"].is_monotonic_increasing
    assert (frame["p50"] < frame["p95"]).all()
    assert (frame["p95"] < frame["p99"]).all()
    assert frame["headroom"].min() == pytest.approx(1 / 0.95 - 1)
