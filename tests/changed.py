"""Print the tests of what changed against a branch: for `make quick`.

Of a changed module those are its doctests, the unit tests that bear its name or import it,
and the contracts; of a changed test or page, itself. Everything else is for `make test`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
ALWAYS = "tests/contracts"
SKIPPED = ("tests/oracle", "tests/benchmarks", "tests/validation")
"""Changed tests that take minutes."""


def changed(branch: str) -> list[str]:
    """Return the files that differ from where this branch left `branch`, or are new."""

    def git(*words: str) -> list[str]:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.split("\n") if done.returncode == 0 else []

    base = next(iter(git("merge-base", "HEAD", branch)), "") or "HEAD"
    new = git("ls-files", "--others", "--exclude-standard")
    return sorted({f for f in git("diff", "--name-only", base) + new if (ROOT / f).is_file()})


def relevant(file: str, unit_tests: dict[str, str]) -> set[str]:
    """Return the tests of one file, given the texts of the unit tests by name.

    Examples
    --------
    >>> texts = {"test_queues_mmc.py": "", "test_cost.py": "from qmodel.queues.mmc import x"}
    >>> sorted(relevant("qmodel/queues/mmc.py", texts))
    ['qmodel/queues/mmc.py', 'tests/unit/test_cost.py', 'tests/unit/test_queues_mmc.py']
    >>> relevant("docs/index.md", texts), relevant("Makefile", texts)
    ({'docs/index.md'}, set())
    """
    path = PurePosixPath(file)
    if path.suffix == ".md":
        return {file}
    if path.suffix != ".py" or file.startswith(SKIPPED):
        return set()
    if path.parts[0] == "tests":
        return {file} if path.name.startswith("test_") else set()
    if path.parts[0] != "qmodel":
        return set()
    parts = [p for p in path.with_suffix("").parts[1:] if p != "__init__"]
    module = ".".join(["qmodel", *parts])
    named = "_".join(["test", *(p.lstrip("_") for p in parts)])
    of_package = f"from {module.rpartition('.')[0]} import {parts[-1] if parts else ''}"
    found = {
        name
        for name, text in unit_tests.items()
        if parts and (name.startswith(named) or module in text or of_package in text)
    }
    return {file} | {f"tests/unit/{name}" for name in found}


def main(branch: str) -> None:
    """Print the tests, one a line."""
    texts = {p.name: p.read_text() for p in (ROOT / "tests" / "unit").glob("test_*.py")}
    found = {ALWAYS}.union(*(relevant(file, texts) for file in changed(branch)))
    inside = {t for t in found if t != ALWAYS and t.startswith(ALWAYS)}
    print("\n".join(sorted(found - inside)))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "main")
