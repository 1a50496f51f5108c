"""A constant of a module is assigned once: of two with one name, all functions get the last."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import qmodel

ROOT = Path(qmodel.__path__[0])


def assigned(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements at the level of a module bind, but for imports."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            overload = any("overload" in ast.unparse(d) for d in node.decorator_list)
            registered = any(".register" in ast.unparse(d) for d in node.decorator_list)
            if not overload and not registered:
                yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                names = (n for n in ast.walk(target) if isinstance(n, ast.Name))
                yield from (n.id for n in names if isinstance(n.ctx, ast.Store))


def twice(source: str) -> list[str]:
    times = Counter(assigned(ast.parse(source).body))
    return sorted(name for name, n in times.items() if n > 1 and name != "_")


def test_no_name_of_a_module_is_bound_twice() -> None:
    found = {str(p.relative_to(ROOT)): twice(p.read_text()) for p in ROOT.rglob("*.py")}
    assert {file: names for file, names in found.items() if names} == {}


def test_a_second_one_is_seen() -> None:
    assert twice("_MOST = 20\ndef f(): ...\n_MOST: int = 2000\n") == ["_MOST"]
    assert twice("A = 1\nB = A\ndef _(x): A = 2\ndef _(x): ...\n") == []
