"""From an empty folder: `qmodel init`, and every command on the file that it writes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

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
