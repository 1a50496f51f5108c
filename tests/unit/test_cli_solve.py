import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.cli import model
from qmodel.cli.app import app
from qmodel.units import ms, text

pytestmark = pytest.mark.usefixtures("solved_once")


def shop():
    web = qm.call("web", qm.MMc(10 * ms, servers=4))
    cache = qm.call("cache", qm.MMc(0.2 * ms))
    read = qm.cached(0.9, lookup=cache, miss=qm.call("db", qm.MMc(8 * ms, servers=2)))
    names = qm.cached(0.8, lookup=qm.nothing(), miss=qm.call("far", qm.Delay(0.02)), name="dns")
    browse, buy = qm.series(names, web, read), qm.series(web, qm.repeat(2, read))
    return qm.Pipeline({"browse": (0.8, browse), "buy": (0.2, buy)})


@pytest.fixture(autouse=True)
def _shop(monkeypatch):
    monkeypatch.setattr(model, "default_model", shop)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def run(*words, code=0):
    result = CliRunner().invoke(app, [*words], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_the_verdict_comes_first_in_one_line():
    lines = run("solve").stdout.splitlines()
    result = shop().solve(0.6 * shop().max_rate)
    p99 = qm.units.text(float(result.latency.quantile(0.99)), "s")
    assert lines[0].startswith("Sustains up to 400/s; at 240/s: mean ")
    assert lines[0].endswith(f"p99 {p99}; bottleneck: web")
    assert "60 % of what it can sustain, as no load was given" in " ".join(lines[1:3])


def test_one_screen_of_plain_text_in_80_columns():
    out = run("solve").stdout
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) <= 42
    for words in (
        "p99.9",
        "browse",
        "buy",
        "▶ web",
        "p99 < 300 ms: met",
        "Basis:",
        "of the time",
    ):
        assert words in out


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_every_column_is_there_however_narrow_the_terminal(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("solve", "--rate", "200/s").stdout.splitlines()
    assert max(map(len, lines)) <= width
    together = "".join(lines).replace(" ", "")
    for name in ("visits", "busy", "wait+", "work", "ofthe", "share", "mean", "p99.9"):
        assert name in together, name
    result = shop().solve(200.0)
    assert text(float(result.latency.quantile(0.999)), "s").replace(" ", "") in together


def test_the_numbers_are_those_of_the_model():
    data = json.loads(run("solve", "--rate", "300/s", "--format", "json").stdout)
    result = shop().solve(300.0)
    assert data["max_rate"] == 400.0
    assert data["bottleneck"] == "web"
    assert data["latency"][0]["p99.9"] == pytest.approx(float(result.latency.quantile(0.999)))
    assert data["latency"][2]["mean"] == pytest.approx(float(result.kinds["buy"].latency.mean))
    stations = {row["station"]: row for row in data["stations"]}
    assert stations["db"]["visits"] == pytest.approx(0.12)
    assert stations["far"]["utilization"] is None
    assert sum(row["share_of_time"] for row in data["stations"]) == pytest.approx(1.0)
    limit = float(qm.capacity(shop(), "p99 < 300 ms"))
    assert data["capacity_within_objectives"] == pytest.approx(limit)
    assert data["basis"]["p99"] == "approximate"


@pytest.mark.parametrize("workers", ["held", "free"])
def test_the_parts_of_the_time_add_up_to_the_mean(workers: str) -> None:
    site = qm.web.typical_pipeline(workers=workers)
    result, answer = site.solve(2000.0), qm.answers.solve(site, 2000.0)
    (table,) = (t for t in answer.tables if t.key == "stations")
    by_name = {column.key: column.values for column in table.columns}
    spent = np.array(by_name["visits"]) * by_name["time_here"]
    assert spent.sum() == pytest.approx(float(result.latency.mean), rel=1e-9)
    assert by_name["share_of_time"] == pytest.approx(spent / spent.sum())
    drawn = answer.pictures[-1]["data"]["values"]
    assert drawn[-1]["to"] == pytest.approx(float(result.latency.mean), rel=1e-9)
    assert any("is held for" in note for note in answer.notes) == (workers == "held")


def test_hit_ratios_decide_capacity_latency_and_bottleneck():
    data = json.loads(run("solve", "--rate", "300/s", "--format", "json").stdout)
    rows = data["cache.hit_ratio"]
    assert [row["hit_ratio"] for row in rows] == [0.0, 0.5, 0.8, 0.9, 0.95, 0.99]
    for row in rows:
        scenario = shop().replace({"cache.hit_ratio": row["hit_ratio"]})
        assert row["max_rate"] == pytest.approx(float(scenario.max_rate))
        assert row["bottleneck"] == scenario.bottleneck
    assert rows[0]["mean"] == "inf"
    assert rows[0]["bottleneck"] == "db"
    assert "dns.hit_ratio" not in data, "it leaves the capacity as it is: one line is enough"
    assert any("dns hit ratio" in note for note in data["notes"])


def test_own_hit_ratio_is_marked():
    out = run("solve", "--set", "cache.hit_ratio=87%").stdout
    assert "▶ 87 %" in out
    assert "90 %" in out


def test_overload_is_a_sentence():
    out = run("solve", "--rate", "500/s").stdout
    assert out.startswith("Overloaded at 500/s: the web is saturated from 400/s on")
    assert "grow for as long as the load lasts" in out.replace("\n", " ")
    data = json.loads(run("solve", "--rate", "500/s", "--format", "json").stdout)
    assert data["latency"][0]["p99"] == "inf"
    assert float(data["latency"][0]["p99"]) == float("inf")


def test_a_missed_objective_is_said_plainly_and_no_error():
    assert "MISSED here" in run("solve", "--objective", "p99 < 60 ms", "--rate", "380/s").stdout
    out = run("solve", "--objective", "p99 < 1 ms").stdout
    assert "MISSED at any load" in out
    assert "MISSED" in run("solve", "--objective", "utilization of web < 50%").stdout


@pytest.mark.parametrize("rate", ["0", "1e-9/s", "399.9999/s", "400/s"])
def test_loads_at_the_edges(rate):
    run("solve", "--rate", rate)
    json.loads(run("solve", "--rate", rate, "--format", "json").stdout)


def test_a_pipeline_that_never_saturates(monkeypatch):
    far = qm.Pipeline(qm.call("far", qm.Delay(0.1)))
    monkeypatch.setattr(model, "default_model", lambda: far)
    out = run("solve").stdout
    assert out.startswith("Never saturates; at 100/s: mean 100 ms")
    assert "holds at any load" in out


def test_a_rate_limit_is_said(monkeypatch):
    limited = qm.Pipeline(qm.series(qm.limit("gate", 50.0), qm.call("web", qm.MMc(0.01))))
    monkeypatch.setattr(model, "default_model", lambda: limited)
    assert "67 % rejected" in run("solve", "--rate", "100/s").stdout


def test_forms(tmp_path):
    csv = run("solve", "--format", "csv").stdout
    assert csv.splitlines()[0].startswith("station,arrival_rate,visits,utilization")
    markdown = run("solve", "--format", "markdown").stdout
    assert markdown.startswith("**Sustains up to 400/s")
    assert "| **web** |" in markdown
    for name in ("a.csv", "a.csv.gz", "a.parquet", "a.json", "a.md"):
        run("solve", "--output", str(tmp_path / name))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["a.csv", "a.csv.gz", "a.parquet", "a.json", "a.md"]
    )
    frames = [pd.read_csv(tmp_path / n) for n in ("a.csv", "a.csv.gz")]
    frames.append(pd.read_parquet(tmp_path / "a.parquet"))
    assert [list(f["station"]) for f in frames] == [["far", "web", "cache", "db"]] * 3
    assert json.loads((tmp_path / "a.json").read_text())["max_rate"] == 400.0


BAD = {
    "unit": (["--rate", "5 parsecs"], "unknown unit 'parsecs'"),
    "negative": (["--rate", "-3/s"], "--rate must be"),
    "nan rate": (["--rate", "nan"], "--rate must be"),
    "no value": (["--set", "web.servers"], "--set needs NAME=VALUE"),
    "unknown": (["--set", "web.server=3"], "did you mean 'web.servers'?"),
    "fraction": (["--set", "web.servers=2.5"], "whole number"),
    "above one": (["--set", "cache.hit_ratio=95"], "probability from 0 to 1"),
    "nan": (["--set", "web.servers=nan"], "--set web.servers must be a number"),
    "twice": (["--set", "web.servers=2", "--set", "web.servers=3"], "given twice"),
    "objective": (["--objective", "fast"], "expected an objective"),
    "kind": (["--objective", "p99 of sell < 1 s"], "no kind of request and no station 'sell'"),
    "ending": (["--output", "x.xlsx"], "--output must end in"),
    "folder": (["--output", "/nowhere/x.csv"], "has no folder"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("solve", *words, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_parquet_without_pyarrow_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setattr("qmodel.cli.files.find_spec", lambda name: None)
    result = run("solve", "--output", str(tmp_path / "a.parquet"), code=2)
    assert "pip install 'qmodel[parquet]'" in result.stderr


def test_a_keyboard_interrupt_is_clean(monkeypatch, tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "default_model", interrupted)
    result = run("solve", "--output", str(tmp_path / "a.csv"), code=130)
    assert result.stderr == "stopped; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_stays_after_an_error(monkeypatch, tmp_path):
    old = tmp_path / "a.csv"
    old.write_text("old")
    run("solve", "--set", "web.servers=2.5", "--output", str(old), code=2)
    assert old.read_text() == "old"
    run("solve", "--output", str(old))
    assert old.read_text().startswith("station,")


def program(*words, **env):
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    code = "from qmodel.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        env={**clean, "PYTHONIOENCODING": "utf-8", **env},
        check=False,
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from qmodel.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'sympy', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in ("solve", "sweep", "compare", "replay"):
        assert f"  {command} " in done.stdout


def test_version():
    assert run("--version").stdout == f"qmodel {qm.__version__}\n"


def test_the_program_itself():
    done = program("solve", "--rate", "2000/s")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("Sustains up to ")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_colour_only_where_it_is_wanted():
    assert "\x1b[" in program("solve", FORCE_COLOR="1", TERM="xterm-256color").stdout
    assert "\x1b" not in program("solve", FORCE_COLOR="1", NO_COLOR="1").stdout


def test_a_terminal_of_ascii():
    done = program("solve", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "> monolith" in done.stdout
    assert "#####..." in done.stdout
