"""Answers on a model that was measured say where they go beyond what was measured."""

from __future__ import annotations

import json
import pickle
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel import answers
from qmodel.cli.app import app
from qmodel.errors import BeyondMeasurements
from qmodel.files import Site
from qmodel.planning import Region
from qmodel.planning.region import held_against
from qmodel.reports import report

REGION = Region(lowest=50.0, highest=200.0, utilization=0.5)
GOAL = "p99 < 200 ms"


@pytest.fixture(scope="module")
def site() -> Site:
    web = qm.call("web", qm.MMc(0.01, servers=4))
    db = qm.call("db", qm.MMc(0.02, servers=4))
    cache = qm.cached(0.5, lookup=qm.nothing(), miss=db)
    model = qm.Pipeline(qm.series(web, cache))
    return Site(model=model, load=150.0, objectives=[GOAL], measured=REGION)


def in_parts(model: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        qm.sweep(model, {"arrival_rate": [100.0, 300.0]}, into=folder, chunk=1)


IN_PYTHON: dict[str, Callable[[Any], Any]] = {
    "capacity": lambda m: qm.capacity(m, GOAL),
    "capacity of users": lambda m: qm.capacity(m, GOAL, think_time=2.0),
    "size": lambda m: qm.size(m, 900.0, GOAL),
    "solve_for": lambda m: qm.solve_for(m, "web.servers", 300.0, GOAL),
    "sweep": lambda m: qm.sweep(m, {"arrival_rate": [100.0, 300.0]}),
    "sweep in chunks": lambda m: list(qm.sweep_chunks(m, {"arrival_rate": [90.0, 300.0]})),
    "sweep into a folder": in_parts,
    "sweep of servers": lambda m: qm.sweep(m, {"web.servers": [1, 4]}, arrival_rate=90.0),
}


@pytest.mark.parametrize("name", IN_PYTHON)
def test_functions_warn(site: Site, name: str) -> None:
    with pytest.warns(BeyondMeasurements, match="beyond what was measured: .*measured"):
        IN_PYTHON[name](site.pipeline)


def test_within_the_region_nothing_is_said(site: Site) -> None:
    model = site.pipeline
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qm.sweep(model, {"arrival_rate": [100.0, 180.0]})
        assert answers.check(model, 150.0, objectives=GOAL).doubts == []
        assert "measured" not in str(answers.solve(model, 150.0))
        # Nothing was measured of it.
        qm.capacity(qm.Pipeline(model.kinds), GOAL)


ASKED: dict[str, Callable[[Any], answers.Answer]] = {
    "solve": lambda m: answers.solve(m, 390.0),
    "solve for users": lambda m: answers.solve(m, qm.Closed(250, think_time=1.0)),
    "capacity": lambda m: answers.capacity(m, GOAL),
    "size": lambda m: answers.size(m, 900.0, objectives=GOAL),
    "frontier": lambda m: answers.frontier(m, 300.0, quantity="p99", points=3),
    "check": lambda m: answers.check(m, 300.0, objectives=GOAL),
    "explain": lambda m: answers.explain(m, "mean", 300.0),
    "sensitivity": lambda m: answers.sensitivity(m, 300.0),
    "uncertainty": lambda m: answers.uncertainty(m, 300.0, spreads=0.05, draws=100),
    "sweep": lambda m: answers.sweep(m, {"arrival_rate": [100.0, 300.0]}),
    "outages": lambda m: answers.outages(m, 300.0),
    "compare": lambda m: answers.compare({"as it is": m}, 300.0),
    "cache": lambda m: answers.cache(
        m, 300.0, popularity=qm.caches.Zipf(1000, 0.8, size=1024), memory=2.0**18
    ),
    "crowd": lambda m: answers.crowd(m, qm.transients.pulse(2000, 20.0, base=100.0)),
}


@pytest.mark.parametrize("name", ASKED)
def test_answers_say_it_in_every_form(site: Site, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", BeyondMeasurements)
        answer = ASKED[name](site.pipeline)
    assert any("measured" in doubt for doubt in answer.doubts)
    assert "Beyond what was measured" in str(answer)
    if name not in ("check", "size"):
        return
    for form in (str(answer), answer.to_markdown(), answer.to_html()):
        assert "Beyond what was measured" in form
    assert json.loads(answer.to_json())["beyond_what_was_measured"] == list(answer.doubts)


@pytest.mark.slow
def test_steady_states_say_it() -> None:
    app = qm.timeout(0.5, qm.call("app", qm.MMc(0.1, servers=8)))
    model = qm.Pipeline(qm.retry(app, attempts=3, pause=0.1))
    assert answers.hysteresis(held_against(model, REGION), 20.0).doubts


def test_checks_of_several_models_say_which(site: Site) -> None:
    each = {
        f"at {x}/s": answers.check(site.pipeline, x, objectives=GOAL) for x in (150.0, 300.0)
    }
    doubts = answers.gathered(each).doubts
    assert doubts
    assert all(doubt.startswith("at 300.0/s: ") for doubt in doubts)


def test_a_changed_model_knows_it_still(site: Site) -> None:
    fewer = site.pipeline.replace({"web.servers": 2})
    assert fewer.measured is REGION
    assert pickle.loads(pickle.dumps(fewer)).measured.highest == 200.0
    answer = answers.solve(fewer, 150.0)
    assert answer.doubts == ["web is 75 % busy, where at most 50 % was measured"]
    overload = answers.solve(fewer, 210.0)
    assert "web is full, where at most 50 % was measured" in overload.doubts
    # The least that is enough at a load that was measured is busier than what was.
    with pytest.warns(BeyondMeasurements, match="web is 75 % busy"):
        assert qm.size(site.pipeline, 150.0, GOAL).numbers["web.servers"] == 2


@pytest.mark.parametrize(
    "command",
    [["capacity"], ["check", "--rate", "300/s"], ["size", "--rate", "900/s"],
     ["sweep", "--over", "arrival_rate=100,300"], ["solve", "--set", "web.servers=2"]],
)  # fmt: skip
def test_commands_say_it_beside_the_answer(
    site: Site, tmp_path: Path, command: list[str]
) -> None:
    path = tmp_path / "site.yaml"
    qm.write_model(site, path)
    done = CliRunner().invoke(app, [command[0], str(path), *command[1:]])
    assert "beyond what was measured: " in done.stderr, done.output
    assert "beyond what was measured" not in done.stdout.lower()


@pytest.mark.thorough
def test_reports_say_it(site: Site) -> None:
    found = report(site.pipeline, 300.0, objectives=GOAL)
    said = {s.key: s.answer.doubts for s in found.sections}
    for key in ("verdict", "losses", "sensitivity", "uncertainty", "sweep"):
        assert any("beyond the highest load" in doubt for doubt in said[key]), key
    assert "Beyond what was measured" in found.to_html()


@pytest.mark.parametrize("bad", [{}, "region", 3.0, [REGION], Region])
def test_what_was_measured_is_a_region(bad: Any) -> None:
    with pytest.raises(qm.ModelError, match="measured must be a Region"):
        qm.Pipeline(qm.call("web", qm.MMc(0.01)), measured=bad)


def test_rows_of_different_lengths_are_refused_by_name() -> None:
    with pytest.raises(qm.errors.DomainError, match="arrival_rate"):
        REGION.doubts(qm.MMc(0.01), [[1.0], [1.0, 2.0]])
