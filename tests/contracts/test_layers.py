"""Imports point down: a module imports its own layer or one below, never above.

Imports inside functions and under ``TYPE_CHECKING`` count: a late import hides a cycle, it
does not remove one.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import qmodel

ROOT = Path(qmodel.__path__[0])
LAYERS = (
    "errors _typing glossary basis _version _deprecated _nearest _lazy",
    "_xp _check units _annotations _checked _fields _frames _values loads numerics",
    "distributions",
    "queues",
    "caches balancing networks transients pipeline",
    "web",
    "planning explanation symbolic",
    "sweep recorded_load measurements testing files",
    "answers",
    "reports",
    "cli",
)
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer.split()}
SAME_LAYER = {
    (below, "pipeline") for below in ("caches", "balancing", "networks", "transients")
} | {("networks", "transients")}
"""Within a layer these would be backwards: pipelines are made of the others."""

EXCEPTIONS: set[tuple[str, str]] = set()
"""Pairs (file, imported module), each with its reason beside it."""

MODULES = sorted(ROOT.rglob("*.py"))


@functools.lru_cache(maxsize=1)
def nodes(tree: ast.AST) -> list[ast.AST]:
    """Return all nodes of a tree, which is walked once."""
    return list(ast.walk(tree))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield every module of qmodel that is imported anywhere in `tree`."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used"
            # `from qmodel import _check` imports qmodel._check.
            root = node.module == "qmodel"
            names = [f"qmodel.{a.name}" for a in node.names] if root else [str(node.module)]
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names = [str(node.args[0].value)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "qmodel")


def upward(here: str, there: str) -> bool:
    """Return whether the part `here` may not import the part `there`."""
    return LEVEL[there] > LEVEL[here] or (here, there) in SAME_LAYER


class Read(NamedTuple):
    """What a file imports, takes from there, and takes of private names as attributes."""

    imports: set[str]
    taken: set[tuple[str, str]]
    borrowed: set[str]


@functools.cache
def read() -> dict[Path, Read]:
    """Return what is read of each file, once; when a test asks, not when it is collected."""
    trees = ((p, ast.parse(p.read_text())) for p in MODULES)
    return {p: Read(set(imported(t)), set(taken(t)), borrowed(t)) for p, t in trees}


def imports() -> dict[Path, set[str]]:
    """Return what each file imports."""
    return {p.relative_to(ROOT): found.imports for p, found in read().items()}


def test_imports_point_down() -> None:
    for file, names in imports().items():
        here = file.parts[0].removesuffix(".py")
        if here in ("__init__", "__main__"):
            continue
        assert here in LEVEL, f"{here} has no layer: give it one in LAYERS"
        for name in names - {name for path, name in EXCEPTIONS if path == str(file)}:
            assert name != "qmodel", f"{file} imports the whole package"
            assert not upward(here, name.split(".")[1]), f"{file} must not import {name}"


def test_every_exception_is_needed() -> None:
    assert {
        (str(file), name) for file, names in imports().items() for name in names
    } >= EXCEPTIONS


def name_of(file: Path) -> str:
    """Return the dotted name of a module, that of its package for an ``__init__``."""
    return ".".join(("qmodel", *file.with_suffix("").parts)).removesuffix(".__init__")


FILES = {name_of(p.relative_to(ROOT)): p for p in MODULES}


def taken(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield module and name of what is imported from qmodel, but for annotations only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("qmodel"):
            yield from ((str(node.module), alias.name) for alias in node.names)
        if not isinstance(node, ast.expr):  # No import stands in an expression.
            yield from taken(node)


def all_taken() -> dict[str, set[tuple[str, str]]]:
    """Return what each module takes."""
    return {name: read()[p].taken for name, p in FILES.items()}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of modules that lead back to themselves, late imports included."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = set(graph[start])
        while ahead:
            name = ahead.pop()
            seen.add(name)
            ahead |= graph[name] - seen
        return seen

    found = {name: reached(name) for name in graph}
    rings = {frozenset(o for o in found[n] if n in found[o]) for n in graph if n in found[n]}
    return sorted(sorted(ring) for ring in rings)


def test_there_are_no_circles() -> None:
    """A package names what its modules offer and is left out: its modules import each other."""
    modules = {name for name, file in FILES.items() if file.name != "__init__.py"}
    graph = {
        name: {f"{m}.{n}" if f"{m}.{n}" in modules else m for m, n in all_taken()[name]}
        & modules
        for name in modules
    }
    assert circles(graph) == []


def test_a_circle_is_seen() -> None:
    graph: dict[str, set[str]] = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles(graph) == [["b", "c"]]


def test_no_private_name_crosses_modules() -> None:
    private = {
        (name, module, what)
        for name, names in all_taken().items()
        for module, what in names
        if what.startswith("_")
        and not what.startswith("__")
        and f"{module}.{what}" not in FILES
    }
    assert private == set()


def borrowed(tree: ast.AST) -> set[str]:
    """Return private names that are taken from an imported module of qmodel, as attributes."""
    modules = {
        (alias.asname or alias.name)
        for node in nodes(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("qmodel")
        for alias in node.names
        if f"{node.module}.{alias.name}" in FILES
    }
    return {
        f"{node.value.id}.{node.attr}"
        for node in nodes(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in modules and re.match("_[^_]", node.attr)
    }


def test_no_private_attribute_crosses_modules() -> None:
    found = {name: read()[p].borrowed for name, p in FILES.items()}
    assert {name: names for name, names in found.items() if names} == {}


def test_a_file_fits_on_some_screens() -> None:
    sizes = {name: file.stat().st_size for name, file in FILES.items()}
    assert {name: size for name, size in sizes.items() if size > 16 * 1024} == {}


def test_the_reader_sees_late_and_guarded_imports() -> None:
    source = """
if TYPE_CHECKING:
    from qmodel.web import dns
def f():
    import qmodel.planning.sweep
    from qmodel import _check
    importlib.import_module("qmodel.cli")
"""
    assert sorted(imported(ast.parse(source))) == [
        "qmodel._check", "qmodel.cli", "qmodel.planning.sweep", "qmodel.web",
    ]  # fmt: skip
    assert upward("queues", "pipeline")
    assert not upward("pipeline", "queues")


def test_relative_imports_are_refused() -> None:
    with pytest.raises(AssertionError, match="relative"):
        list(imported(ast.parse("from . import x")))
