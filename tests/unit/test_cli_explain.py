"""``qmodel explain`` on the typical pipeline."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from qmodel.cli.app import app

pytestmark = pytest.mark.usefixtures("solved_once")


def run(*words, code=0):
    result = CliRunner().invoke(app, ["explain", *words], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_a_quantity_of_the_whole():
    out = run("p99.9", "--rate", "2000/s").output
    assert out.startswith("p99.9 = ")
    assert "independent-sojourns (approximate)" in out
    assert "as no load was given" not in out


def test_a_quantity_of_a_station():
    out = run("database.waiting_time", "--set", "database.servers=20").output
    assert out.startswith("database.waiting_time = ")
    assert "⋅ErlangC(c, S⋅λ)" in out
    assert re.search(r"^c +20 +servers", out, flags=re.MULTILINE)
    assert "as no load was given" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_terminal_without_unicode_gets_ascii():
    done = subprocess.run(
        [sys.executable, "-c", "from qmodel.cli import main; main()", "explain",
         "database.waiting_time", "--rate", "1000/s"],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    ).stdout  # fmt: skip
    assert done.isascii()
    assert "-S*lambda + c" in done
    assert "260/s" in done
    assert "?" not in done


def test_forms(tmp_path):
    data = json.loads(run("mean", "--rate", "2000/s", "--format", "json").stdout)
    assert data["label"] == "approximate"
    assert data["stations"][0]["station"] == "dns resolver"
    run("mean", "--output", str(tmp_path / "a.md"))
    assert "$$" in (tmp_path / "a.md").read_text()
    assert "must end in" in run("mean", "--output", str(tmp_path / "a.csv"), code=2).stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("databas.waiting_time", "no station 'databas'; did you mean 'database'"),
        ("database.waitin_time", "no quantity 'waitin_time'; did you mean 'waiting_time'"),
        ("maxrate", "no quantity 'maxrate'; did you mean 'max_rate'"),
    ],
)
def test_unknown_names(name, message):
    assert message in run(name, code=2).stderr
