"""A package says three times what it offers: to users, to type checkers, and where it is from.

``__all__``, the imports under ``TYPE_CHECKING`` and the table of `qmodel._lazy.lazily` agree,
and no module that is imported hides a function of its name.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import qmodel

ROOT = Path(qmodel.__path__[0])
LAZY = sorted(
    ".".join(("qmodel", *p.parent.relative_to(ROOT).parts))
    for p in ROOT.rglob("__init__.py")
    if "lazily(" in p.read_text()
)


def source(package: str) -> ast.Module:
    return ast.parse((ROOT.joinpath(*package.split(".")[1:]) / "__init__.py").read_text())


def guarded(package: str) -> dict[str, str]:
    """Return the module from which type checkers import each name."""
    return {
        alias.name: str(node.module).removeprefix(package).removeprefix(".")
        for guard in source(package).body
        if isinstance(guard, ast.If) and "TYPE_CHECKING" in ast.unparse(guard.test)
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def table(package: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the home of each name, and the place of each module, that the table says."""
    (call,) = (
        node.value
        for node in source(package).body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "lazily"
    )
    homes: dict[str, str] = ast.literal_eval(call.args[1])
    modules = [ast.literal_eval(k.value).split() for k in call.keywords]
    names = {name: home for home, written in homes.items() for name in written.split()}
    places = [path.rpartition(".") for path in (modules[0] if modules else ())]
    return names, {name: place for place, _, name in places}


@pytest.mark.parametrize("package", LAZY)
def test_the_three_lists_agree(package: str) -> None:
    names, modules = table(package)
    assert guarded(package) == names | modules
    module = importlib.import_module(package)
    eager = {
        alias.name
        for node in source(package).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(module.__all__) - eager == names.keys() | modules.keys()
    assert dir(module) == sorted(module.__all__)


ALL_IN_ORDER = """
import importlib, inspect, pkgutil, sys
import qmodel
names = sorted(i.name for i in pkgutil.walk_packages(qmodel.__path__, "qmodel."))
for name in names if sys.argv[1] == "up" else reversed(names):
    if not name.endswith("__main__"):
        importlib.import_module(name)
for package in sys.argv[2:]:
    module = importlib.import_module(package)
    for name in module.__all__:
        found = getattr(module, name)
        hidden = inspect.ismodule(found) and hasattr(found, name)
        assert not hidden, f"{package}.{name}"
"""


@pytest.mark.parametrize("order", ["up", "down"])
def test_no_module_hides_a_function_of_its_name(order: str) -> None:
    """In whatever order modules are imported."""
    subprocess.run([sys.executable, "-c", ALL_IN_ORDER, order, *LAZY], check=True)


def test_most_packages_are_lazy() -> None:
    packages = {i.name for i in pkgutil.iter_modules(qmodel.__path__, "qmodel.") if i.ispkg}
    eager = {"qmodel.cli", "qmodel.explanation", "qmodel.numerics", "qmodel.reports"}
    assert packages - set(LAZY) == eager | {"qmodel.testing"}


def test_a_name_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="no attribute 'capcity'; did you mean 'capacity'"):
        qmodel.planning.capcity  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(qmodel.queues, "")
