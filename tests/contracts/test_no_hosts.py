"""No file of the repository names a package registry, and no module grows too long."""

from __future__ import annotations

import ast
import subprocess
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces: this file is tracked too.
HOSTS = tuple(
    ".".join(name)
    for name in (
        ("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"), ("npmjs", "org"),
        ("crates", "io"), ("rubygems", "org"), ("proxy", "golang"),
        ("docker", "io"), ("ghcr", "io"),
    )
)  # fmt: skip
OPTIONS = (
    "--index" + "-url",
    "--extra-index" + "-url",
    "--trusted" + "-host",
    "find" + "-links",
)

LONG, TOO_LONG = 300, 400
"""Lines of code, without blank lines, comments and docstrings: a warning, and the limit."""


def tracked() -> list[Path]:
    """Return the files of the repository, and those that will be in it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def test_no_file_names_a_package_registry() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="ignore").lower()
        found += [f"{path.relative_to(ROOT)}: {w}" for w in (*HOSTS, *OPTIONS) if w in text]
    assert not found


def lines_of_code(source: str) -> int:
    """Count the lines that hold code."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    text: set[int] = set()
    ahead: list[ast.AST] = [tree]
    while ahead:
        node = ahead.pop()
        # Nothing in an expression has a docstring.
        ahead += [n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.expr)]
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            doc = node.body[0]
            text.update(range(doc.lineno, (doc.end_lineno or doc.lineno) + 1))
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in text
        for number, line in enumerate(source.splitlines(), 1)
    )


def test_docstrings_and_comments_are_not_code() -> None:
    assert (
        lines_of_code(
            '"""Doc\nstring."""\n\n# why\nx = 1\n\n\ndef f():\n    """Doc."""\n    y = 2\n'
        )
        == 3
    )


def test_a_module_has_one_concept() -> None:
    counts = {p: lines_of_code(p.read_text()) for p in (ROOT / "qmodel").rglob("*.py")}
    assert {str(p): n for p, n in counts.items() if n > TOO_LONG} == {}
    for path, count in counts.items():
        if count > LONG:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                warnings.warn(f"{path.name} has {count} lines of code", stacklevel=1)
