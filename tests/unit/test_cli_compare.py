import json

import pandas as pd
import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.cli import model
from qmodel.cli.app import app

pytestmark = pytest.mark.usefixtures("solved_once")


def pair():
    db = qm.call("db", qm.MMc(0.004, servers=4))
    one = qm.series(qm.call("app", qm.MMc(0.02, servers=10)), db)
    front, back = (qm.call(n, qm.MMc(0.01, servers=5)) for n in ("front", "back"))
    return {
        "monolith": qm.Pipeline(one),
        "microservices": qm.Pipeline(qm.series(front, back, db)),
    }


@pytest.fixture(autouse=True)
def _pair(monkeypatch):
    monkeypatch.setattr(model, "models", pair)


def run(*words, code=0):
    result = CliRunner().invoke(app, ["compare", *words], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_side_by_side():
    out = run("--rate", "300/s").stdout
    assert out.startswith("At 300/s: monolith p99 ")
    assert "Both sustain the same load: 500/s and 500/s." in out
    assert max(map(len, out.splitlines())) <= 80
    data = json.loads(run("--rate", "300/s", "--format", "json").stdout)
    for row in data["models"]:
        result = pair()[row["model"]].solve(300.0)
        assert row["p99"] == pytest.approx(float(result.latency.quantile(0.99)))
        limit = qm.capacity(pair()[row["model"]], "p99 < 300 ms")
        assert row["within"] == pytest.approx(float(limit))
    assert [row["servers"] for row in data["models"]] == [14.0, 14.0]


def test_the_sensible_load_is_that_of_the_weaker():
    out = run("--set", "front.servers=2").stdout
    assert "At 120/s" in out
    assert "60 % of what the weakest can sustain" in out


def test_set_changes_each_that_has_the_name():
    data = json.loads(run("--set", "db.servers=1", "--format", "json").stdout)
    assert [row["max_rate"] for row in data["models"]] == [250.0, 250.0]
    out = run("--set", "app.servers=12").stdout
    assert "app.servers was set in monolith only." in out
    assert "They are not equal: 16 and 14 servers." in out
    assert "The monolith sustains most: 600/s and 500/s." in out


def test_overload_of_one(tmp_path):
    path = tmp_path / "a.csv"
    out = run("--set", "front.servers=2", "--rate", "300/s", "--output", str(path)).stdout
    assert "microservices p99 overload" in out
    assert pd.read_csv(path)["p99"].tolist()[1] == float("inf")


def test_an_objective_out_of_reach():
    assert "0/s" in run("--objective", "p99 < 1 ms").stdout


def test_unknown_names():
    result = run("--set", "fronts.servers=2", code=2)
    assert result.stderr.startswith("error: no parameter 'fronts.servers'")
    assert "did you mean 'front.servers'?" in result.stderr


@pytest.mark.thorough
def test_the_typical_two(monkeypatch):
    monkeypatch.undo()
    out = run("--rate", "2000/s").stdout
    assert "monolith" in out
    assert "87" in out
    assert "They are not equal" not in out


def test_what_is_set_is_set_before_a_zone_is_lost(tmp_path):
    file = tmp_path / "site.yaml"
    file.write_text(
        "load: 100/s\npath: [app]\nzones: {number: 3, spread: [app.servers]}\n"
        "components: {app: {MMc: {service_time: 10 ms, servers: 6}}}\n"
        "scenarios: {slow: {app.service_time: 20 ms}}\n"
    )
    told = ("--set", "app.servers=9", "--set", "app.service_time=5 ms", "--format", "json")
    rows = json.loads(run(str(file), *told).stdout)["models"]
    # What a scenario says stays as it says.
    assert {row["model"]: row["max_rate"] for row in rows} == {
        "as it is": pytest.approx(1800), "slow": pytest.approx(450),
        "a zone lost": pytest.approx(1200),
    }  # fmt: skip
    assert (
        "did you mean 'app.servers'" in run(str(file), "--set", "app.server=9", code=2).stderr
    )
