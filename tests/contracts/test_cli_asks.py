"""The command line asks and prints: what is computed, is computed by `qmodel.answers`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import qmodel

ROOT = Path(qmodel.__path__[0]) / "cli"
MODULES = sorted(ROOT.glob("*.py"))

ASKED = {
    "answers",
    "cli",
    "errors",
    "files",
    "loads",
    "reports",
    "units",
    "_nearest",
    "_version",
}
MODELS = {("web", "typical_pipeline"), ("web", "typical_monolith"),
          ("web", "typical_microservices"), ("caches", "Zipf"),
          ("transients", "pulse")}  # fmt: skip
FILES = {
    ("recorded_load", "read_load"), ("measurements", "read"), ("measurements", "joined"),
    ("measurements", "calibrate_site"),
}  # fmt: skip
COMPUTES = {"numpy", "scipy", "sympy", "pandas"}
SOLVES = {"solve", "quantile", "tail", "mean", "capacity", "max_rate", "utilization", "latency"}


def names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield module and name of every import that is not for a type checker."""
    guarded = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.ImportFrom):
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def wrong(source: str) -> list[str]:
    """Return what a module of the command line must not have."""
    tree, found = ast.parse(source), []
    for module, name in names(tree):
        root, _, rest = module.partition(".")
        part = (rest or name).split(".")[0]
        if root == "qmodel" and part not in ASKED and (part, name) not in MODELS | FILES:
            found.append(f"imports {name} of {module}")
        if root in COMPUTES:
            found.append(f"imports {root}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in SOLVES:
            of_answers = isinstance(node.value, ast.Name) and node.value.id == "answers"
            module = isinstance(node.value, ast.Name) and node.value.id in ("solve", "app")
            if not (of_answers or module):
                found.append(f"reads {node.attr}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.name)
def test_nothing_in_the_command_line_computes(path: Path) -> None:
    assert wrong(path.read_text()) == []


def test_the_reader_sees_what_computes() -> None:
    source = """
from qmodel.planning import capacity
from qmodel import answers, pipeline
import numpy as np
answers.solve(model)
float(model.max_rate)
"""
    assert wrong(source) == [
        "imports capacity of qmodel.planning", "imports pipeline of qmodel",
        "imports numpy", "reads max_rate",
    ]  # fmt: skip
