"""Every field of every result is in the glossary, and frames have its units."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.glossary import GLOSSARY, units_of

STRUCTURE = {
    "station", "streams", "stations", "kinds", "caches", "assumptions",
    "cache", "popularity", "hits", "levels", "gains", "single_points", "network", "classes",
    "share", "kind",  # of a kind, not of the whole
    "pipeline", "load", "shares", "state", "other", "converged", "equilibria", "solved",
    "views", "at_once",
}  # fmt: skip
"""Fields that hold other results or say of which part they are."""

DISTRIBUTIONS = {"wait", "response", "response_overall", "latency"} | {
    "served_wait",
    "served_response",
}
"""Fields that are distributions: objects without a unit, of a quantity that has one."""

COLUMNS = {"station", "basis"}
"""Columns of frames that hold text."""


def results() -> dict[str, type]:
    found = {}
    for info in pkgutil.walk_packages(qm.__path__, "qmodel."):
        if info.name.rsplit(".", 1)[-1].startswith("_"):
            continue
        for name, thing in vars(importlib.import_module(info.name)).items():
            if (
                inspect.isclass(thing)
                and dataclasses.is_dataclass(thing)
                and name.endswith("Result")
            ):
                found[thing.__qualname__] = thing
    return dict(sorted(found.items()))


RESULTS = results()


def test_there_are_results() -> None:
    assert {"StationResult", "StreamResult", "PipelineResult", "KindResult"} <= set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_every_field_is_a_known_quantity(name: str) -> None:
    thing = RESULTS[name]
    properties = {n for n, v in vars(thing).items() if isinstance(v, property)}
    fields = {f.name for f in dataclasses.fields(thing)} | properties
    assert fields - STRUCTURE - set(GLOSSARY) - DISTRIBUTIONS == set()


@pytest.mark.parametrize("name", RESULTS)
def test_the_docstring_has_the_unit_of_the_glossary(name: str) -> None:
    doc = inspect.getdoc(RESULTS[name]) or ""
    for field in dataclasses.fields(RESULTS[name]):
        match = re.search(
            rf"^{field.name} : .*\n(?:    .*\n)*?    .*\[([^\]]+)\]$", doc + "\n", re.M
        )
        assert match, field.name
        if field.name in GLOSSARY and field.name not in DISTRIBUTIONS:
            assert match[1] == GLOSSARY[field.name].unit, field.name


def test_every_term_is_complete() -> None:
    for name, term in GLOSSARY.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert term.unit in {"s", "1/s", "-", "s^2", "B", "erlang"}, name
        assert term.meaning, name
        assert not term.meaning.endswith("."), name


def station_frame() -> Any:
    return qm.MMc(0.2, servers=2).solve(np.array([1.0, 9.0, 11.0])).to_frame()


def pipeline_frame() -> Any:
    web, db = qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02))
    path = qm.cached(0.5, lookup=web, miss=db)
    return qm.Pipeline(path).solve(np.array([10.0, 20.0])).to_frame()


@pytest.mark.parametrize("made", [station_frame, pipeline_frame])
def test_frames_have_the_units_of_the_glossary(made: Callable[[], Any]) -> None:
    frame = made()
    units = frame.attrs["units"]
    for column in frame.columns:
        if column in COLUMNS:
            assert units.get(column, "-") == "-"
        else:
            assert column in units, column
            expected = units_of([column]).get(column, "s")
            assert units[column] == expected


def test_units_of_names() -> None:
    assert units_of(["arrival_rate", "p99.9", "db.utilization", "p", "px", "colour"]) == {
        "arrival_rate": "1/s", "p99.9": "s", "db.utilization": "-",
    }  # fmt: skip
