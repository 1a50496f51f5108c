"""The documentation site builds without a warning, has all pages, and can be cited."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import qmodel

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("furo")
    options = ["-q", "-W", "--keep-going", "-c", "docs", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    start = (tmp_path / "site" / "index.html").read_text()
    assert "docs/index.html" in start
    pages = {str(p.relative_to(ROOT))[:-3] for p in (ROOT / "docs").rglob("*.md")}
    for page in pages:
        assert (tmp_path / "site" / f"{page}.html").is_file(), page
    stations = (tmp_path / "site" / "docs" / "api" / "qmodel.queues.html").read_text()
    for name in qmodel.queues.__all__:
        assert f'id="qmodel.queues.{name}"' in stations or not name[0].isupper(), name


def test_every_page_is_listed_on_the_first_one() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "index.md" or f"({name}" in index, name
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"(../notebooks/{notebook.name})" in index, notebook.name


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    fields = dict(re.findall(r'^([\w-]+): "?([^"\n]*)"?$', text, flags=re.MULTILINE))
    assert fields["version"] == qmodel.__version__
    assert {"cff-version", "message", "title", "type", "license"} <= set(fields)
    assert fields["license"] == "BSD-3-Clause"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_file_of_the_readme_is_a_site_that_holds(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from qmodel.cli.app import app

    block = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert block is not None
    assert len(block[1].splitlines()) == 12
    site = tmp_path / "site.yaml"
    site.write_text(block[1])
    done = CliRunner().invoke(app, ["check", str(site)])
    assert done.exit_code == 0, done.output
    missed = CliRunner().invoke(app, ["check", str(site), "--set", "app.servers=40"])
    assert missed.exit_code == 99, missed.output
