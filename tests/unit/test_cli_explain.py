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
    assert done.output.startswith("database.waiting_time = ")
    assert "c = 20   servers" in done.output
    assert "as --rate was not given" in done.output


def test_a_terminal_without_unicode_gets_ascii(monkeypatch):
    result = qm.web.typical_pipeline().solve(1000.0)
    text = explain.answer(result, "database.waiting_time", unicode=False)
    assert "lambda = 260/s   arrival rate" in text
    assert " us (exact)" in text
    assert "-S*lambda + c" in text
    table = explain.answer(result, "mean", unicode=False)
    assert "lambda" in table
    for piece in ("λ", "µ", "─", "⋅"):
        assert piece not in text + table
        assert piece in explain.answer(result, "mean") + explain.answer(
            result, "database.waiting_time"
        )

    class Terminal:
        encoding = "ascii"

    monkeypatch.setattr(explain.sys, "stdout", Terminal)
    assert not explain._takes_unicode()
    Terminal.encoding = "utf-8"
    assert explain._takes_unicode()


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
