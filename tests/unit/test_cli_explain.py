"""``qmodel explain`` on the typical pipeline."""

import pytest
import typer
from typer.testing import CliRunner

import qmodel as qm
from qmodel.cli import explain


def run(*arguments):
    app = typer.Typer()
    app.command()(explain.command)
    return CliRunner().invoke(app, arguments)


def test_a_quantity_of_the_whole():
    out = run("p99.9", "--rate", "2000/s").output
    assert out.startswith("p99.9 = ")
    assert "independent-sojourns (approximate)" in out
    assert "as --rate was not given" not in out


def test_a_quantity_of_a_station():
    done = run("database.waiting_time", "--set", "database.servers=20")
    assert done.exit_code == 0
    assert done.output.startswith("database: waiting_time = ")
    assert "c = 20   servers" in done.output
    assert "as --rate was not given" in done.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("databas.waiting_time", "no station 'databas'; did you mean 'database'"),
        ("database.waitin_time", "no quantity 'waitin_time'; did you mean 'waiting_time'"),
        ("maxrate", "no quantity 'maxrate'; did you mean 'max_rate'"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(qm.ModelError, match=message):
        explain.answer(qm.web.typical_pipeline().solve(1000.0), name)
