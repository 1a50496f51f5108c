"""The generated pages of docs are up to date, links lead somewhere, shown output is real."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def script(name: str) -> ModuleType:
    """Return a script of docs as a module; docs is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date() -> None:
    old = [str(page.relative_to(ROOT)) for page in script("generate").stale()]
    assert not old, f"run `make docs`: {', '.join(old)}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that the headings of a page get."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(words.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.suffix == ".svg"
        assert picture.stat().st_size < 60 * 1024


def test_readme_shows_what_solve_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from qmodel.cli.app import app

    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    printed = [x.rstrip() for x in CliRunner().invoke(app, ["solve"]).output.splitlines()]
    block = re.search(r"```text\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert block is not None
    for line in block[1].splitlines():
        assert line == "..." or line.rstrip() in printed, line
