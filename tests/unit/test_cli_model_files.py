"""From an empty folder: `qmodel init`, and every command on the file that it writes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qmodel.cli.app import app


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_init_then_ask() -> None:
    assert "qmodel solve site.yaml" in run("init")
    assert "--force" in run("init", code=2)
    assert "bottleneck: app" in run("solve", "site.yaml")
    assert "app.permits" in run("params", "site.yaml")
    assert run("check", "site.yaml").startswith("All 2 objectives met at 1200/s")
    found = json.loads(run("solve", "site.yaml", "--rate", "600/s", "--format", "json"))
    assert found["arrival_rate"] == 600.0
    assert "no scenario" in run("solve", "site.yaml", "--scenario", "nigth", code=2)


def test_the_gate() -> None:
    run("init")
    missed = run("check", "site.yaml", "--scenario", "all", "--output", "check.xml", code=99)
    assert "a zone lost" in missed
    run("check", "site.yaml", "--objective", "p99 < 3", code=2)
    run("check", "nothing.yaml", code=2)


USERS = """
components:
  cpu: {MMc: {service_time: 20 ms, servers: 2}}
  database: {MMc: {service_time: 8 ms}}
path: [cpu, {repeat: {times: 3, step: database}}]
load: {users: 200, think_time: 5 s}
objectives: [p99 < 1 s]
"""


def test_a_file_whose_load_is_users(tmp_path) -> None:
    """What is not asked otherwise is as the file has it: users who think 5 s."""
    (tmp_path / "site.yaml").write_text(USERS)
    assert run("solve", "site.yaml").startswith("With 200 users who think 5 s: 38.2/s")
    assert "211 users who think 5 s" in run("capacity", "site.yaml")
    assert "63 users who think 1 s" in run("capacity", "site.yaml", "--think-time", "1s")

    def swept(*over: str, code: int = 0) -> list[float]:
        axes = [word for axis in over for word in ("--over", axis)]
        said = run("sweep", "site.yaml", *axes, "--format", "json", code=code)
        return [round(row["p99"], 3) for row in json.loads(said)["scenarios"]]

    assert swept("users=100,200") == [0.224, 0.807]
    assert swept("think_time=2s,5s") == [3.624, 0.807]
    assert swept("users=100,200", "think_time=2s,5s") == [0.998, 0.224, 3.624, 0.807]
    assert swept("database.servers=1,2") == [0.807, 0.154]
    twice = run("sweep", "site.yaml", "--users", "9", "--over", "users=1,2", code=2)
    assert "the load is given twice" in twice


def test_schema() -> None:
    assert "service_time" in run("schema")


@pytest.mark.slow
def test_a_crowd() -> None:
    run("init")
    said = run(
        "crowd", "site.yaml", "--requests", "100000", "--within", "60 s",
        "--objective", "p99 < 2 s", "--format", "json",
    )  # fmt: skip
    found = json.loads(said)
    assert found["backlog"] > 1000
    assert "--requests and --within" in run("crowd", "site.yaml", code=2)
