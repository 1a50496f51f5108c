"""``qmodel check``: verdicts for a build."""

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.cli import model
from qmodel.cli.app import app

pytestmark = pytest.mark.usefixtures("solved_once")

GOOD, BAD = ("--objective", "p99 < 80 ms"), ("--objective", "utilization < 70 %")


@pytest.fixture(autouse=True)
def _shop(monkeypatch):
    shop = qm.Pipeline(qm.call("web", qm.MMc(0.010, servers=4)))
    monkeypatch.setattr(model, "default_model", lambda: shop)


def run(*words, code=0):
    result = CliRunner().invoke(app, ["check", "--rate", "300/s", *words], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_met_is_0_and_missed_is_99():
    assert run(*GOOD).stdout.startswith("Objective met at 300/s\n")
    lines = run(*GOOD, *BAD, code=99).stdout.splitlines()
    assert lines[0] == "1 of 2 objectives missed at 300/s: utilization < 70 %"
    rows = [line.split("  ")[0] for line in lines if line.startswith(("met", "MISSED"))]
    assert rows == ["met", "MISSED"]
    run(*BAD, "--set", "web.servers=8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a check needs an objective"),
        (("--objective", "p99 of shop < 3 s"), "no kind of request and no station 'shop'"),
        (("--objective", "fast"), "expected an objective"),
        ((*GOOD, "--set", "web.workers=3"), "no parameter 'web.workers'"),
        ((*GOOD, "--output", "a.txt"), "--output must end in"),
    ],
)
def test_wrong_use_is_2(words, message):
    result = run(*words, code=2)
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_forms_for_programs(tmp_path):
    data = json.loads(run(*GOOD, *BAD, "--format", "json", code=99).stdout)
    assert data["met"] is False
    assert [row["verdict"] for row in data["objectives"]] == ["met", "MISSED"]
    suite = ElementTree.fromstring(run(*GOOD, *BAD, "--format", "junit", code=99).stdout)
    assert suite.attrib["failures"] == "1"
    assert [case.find("failure") is None for case in suite] == [True, False]
    run(*GOOD, *BAD, "--output", str(tmp_path / "a.xml"), code=99)
    assert ElementTree.parse(tmp_path / "a.xml").getroot().attrib == suite.attrib
    comment = run(*GOOD, *BAD, "--format", "markdown", code=99).stdout
    assert "| MISSED | utilization < 70 % |" in comment
