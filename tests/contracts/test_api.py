"""The public names of ``qmodel`` and their signatures are those of ``api.txt``.

A change of the interface is a visible line of a diff, made on purpose:

    python tests/contracts/test_api.py > tests/contracts/api.txt
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import qmodel

ROOT = Path(__file__).resolve().parents[2]
STORED = Path(__file__).parent / "api.txt"


def names() -> list[str]:
    """Return what users reach from the top: the front door, and the rooms behind it."""
    rooms = (importlib.import_module(f"qmodel.{room}") for room in qmodel._ROOMS)
    return sorted({*qmodel.__all__, *(name for room in rooms for name in room.__all__)})


def members(thing: type) -> list[str]:
    """Return the public attributes of a class, with signatures, one a line."""
    fields = (
        {f.name for f in dataclasses.fields(thing)}
        if dataclasses.is_dataclass(thing)
        else set()
    )
    lines = []
    for name in sorted(n for n in dir(thing) if not n.startswith("_")):
        value = inspect.getattr_static(thing, name)
        if name in fields or (
            thing.__mro__[1] is not object and hasattr(thing.__mro__[1], name)
        ):
            continue  # In the signature of the class already, or inherited from its base.
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        lines.append(
            f"    .{name}{inspect.signature(value) if inspect.isfunction(value) else ''}"
        )
    return lines


def line(name: str, thing: Any) -> list[str]:
    if inspect.ismodule(thing):
        return [f"{name}: module"]
    if inspect.isclass(thing):
        if issubclass(thing, Exception):
            return [f"{name}({', '.join(b.__name__ for b in thing.__bases__)}): error"]
        bases = [b.__name__ for b in thing.__bases__ if b.__module__.startswith("qmodel")]
        of = f" of {', '.join(bases)}" if bases else ""
        return [f"{name}{inspect.signature(thing)}: class{of}", *members(thing)]
    if inspect.isfunction(thing):
        return [f"{name}{inspect.signature(thing)}"]
    return [f"{name}: {type(thing).__name__}"]


def api() -> str:
    lines: list[str] = []
    for name in names():
        lines += line(name, getattr(qmodel, name, "missing"))
    return "\n".join(lines) + "\n"


def test_the_interface_is_the_stored_one() -> None:
    stored = STORED.read_text().splitlines()
    changed = difflib.unified_diff(
        stored, api().splitlines(), "api.txt", "qmodel", lineterm="", n=0
    )
    difference = "\n".join(changed)
    assert not difference, f"{difference}\n\n{__doc__}"


def test_every_name_resolves() -> None:
    for name in names():
        assert getattr(qmodel, name) is not None


def test_the_front_door_has_sixty_names() -> None:
    assert sorted(dir(qmodel)) == sorted(set(qmodel.__all__))
    assert len(qmodel.__all__) <= 60


def test_the_front_door_is_listed_for_type_checkers() -> None:
    """The list is a literal: what is not in it, `mypy --strict` does not let users import."""
    assert set(qmodel.__all__) == {*qmodel._HOME_OF, *qmodel._MODULES, "__version__"}
    guarded = {
        node.module
        for node in ast.walk(ast.parse(inspect.getsource(qmodel)))
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    }
    assert guarded == {f"qmodel.{room}" for room in qmodel._ROOMS}


def test_the_front_door_is_a_page() -> None:
    page = (ROOT / "docs" / "reference" / "the-front-door.md").read_text(encoding="utf-8")
    rows = "".join(line for line in page.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`qm\.(\w+)`", rows)) == set(qmodel.__all__)


def test_a_name_has_one_room() -> None:
    rooms = [
        (n, r) for r in qmodel._ROOMS for n in importlib.import_module(f"qmodel.{r}").__all__
    ]
    assert len(rooms) == len({name for name, _ in rooms})
    assert {(n, home) for n, home in qmodel._HOME_OF.items()} <= set(rooms)


def test_a_name_does_not_depend_on_what_was_imported() -> None:
    """A submodule hides a function of its name from the package once it is imported."""
    importable = {
        info.name.rsplit(".", 1)[-1] for info in pkgutil.iter_modules(qmodel.__path__)
    }
    shared = importable & set(names())
    assert "queues" in shared
    assert [n for n in shared if not inspect.ismodule(getattr(qmodel, n))] == []


def test_a_name_that_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match="no attribute 'MMx'; did you mean 'MMc'"):
        qmodel.MMx  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'MG1LCFS'"):
        qmodel.MG1LCF  # noqa: B018


def test_a_changed_signature_is_seen() -> None:
    def f(rate: float, times: int = 1) -> float:
        return rate * times

    def g(rate: float, times: int = 2) -> float:
        return rate * times

    assert line("f", f) != line("f", g)


if __name__ == "__main__":
    print(api(), end="")
