"""The documentation site: ``make site`` builds it into build/site, and warnings are errors.

The pages are those of the repository as they stand. What is added here is what they do not
need where they are read as files: the tree of pages, which follows the lists of index.md, and
a page of the interface for each package, from its ``__all__``.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
API = ROOT / "docs" / "api"

project = "qmodel"
author = "The qmodel developers"
copyright = "2026, The qmodel developers"
version = release = importlib.import_module("qmodel").__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
root_doc = "docs/index"
include_patterns = ["docs/**", "notebooks/*.ipynb", "*.md"]
exclude_patterns = ["build", "docs/api/_*"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
nb_execution_mode = "off"  # The tests run the notebooks.
myst_heading_anchors = 4
myst_enable_extensions = ["amsmath", "dollarmath"]
default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # The docstrings say them in words.
html_theme = "furo"
html_title = f"qmodel {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
pygments_style, pygments_dark_style = "tango", "github-dark"

PACKAGES = {
    "qmodel": "Everything at a glance",
    "qmodel.pipeline": "Pipelines and their steps",
    "qmodel.queues": "Stations",
    "qmodel.distributions": "Distributions",
    "qmodel.web": "Components of the web",
    "qmodel.caches": "Caches",
    "qmodel.balancing": "Load balancing",
    "qmodel.networks": "Closed and routed networks",
    "qmodel.planning": "Questions",
    "qmodel.answers": "Answers",
    "qmodel.reports": "Reports",
    "qmodel.measurements": "Measurements",
    "qmodel.symbolic": "Symbols",
    "qmodel.testing.laws": "Laws for tests",
    "qmodel.testing.strategies": "Strategies for tests",
    "qmodel.units": "Units",
}


def tree(text: str) -> str:
    """Return the trees of pages that the links below each heading of index.md make."""
    known: set[str] = set()
    parts = []
    for block in re.split(r"^## ", text, flags=re.MULTILINE):
        title, _, body = block.partition("\n")
        listed = "\n".join(line for line in body.splitlines() if not line.startswith("|"))
        links = re.findall(r"\]\(([\w./-]+)\.(?:md|ipynb)\)", listed)
        pages = [f"/docs/{link}".replace("/docs/../", "/") for link in links]
        new = [page for page in dict.fromkeys(pages) if page not in known]
        known.update(new)
        if new:
            parts.append(_toctree(title.removeprefix("# "), new))
    parts.append(_toctree("The interface", [f"/docs/api/{name}" for name in PACKAGES]))
    return "\n\n".join(parts)


def _toctree(caption: str, pages: list[str]) -> str:
    listed = "\n".join(pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```"


def described(name: str, title: str) -> str:
    """Return the page of a package: what it is, and all that it lists."""
    module = importlib.import_module(name)
    head = [title, "=" * len(title), "", f".. automodule:: {name}", ""]
    names = sorted(getattr(module, "__all__", ()), key=str.casefold)
    things = {n: getattr(module, n) for n in names if not n.startswith("__")}
    things = {n: thing for n, thing in things.items() if not isinstance(thing, type(module))}
    homes = {n: _home(name, n, thing) for n, thing in things.items()}
    body = [_entry(name, n, thing) for n, thing in things.items() if homes[n] == name]
    return "\n".join([*head, *_glance(things, homes), "", *body]) + "\n"


def _home(here: str, name: str, thing: Any) -> str:
    """Return the package on whose page a thing is described."""
    package = ".".join(getattr(thing, "__module__", here).split(".")[:2])
    listed = getattr(importlib.import_module(package), "__all__", ())
    return package if package in PACKAGES and name in listed else here


def _glance(things: dict[str, Any], homes: dict[str, str]) -> list[str]:
    """Return a table of names and their first lines."""
    lines = [".. list-table::", "   :widths: 30 70", ""]
    for name, thing in things.items():
        first = (getattr(thing, "__doc__", "") or "").strip().split("\n")[0]
        told = first if _is_code(thing) else f"``{thing}``"
        lines += [f"   * - :py:obj:`~{homes[name]}.{name}`", f"     - {told}"]
    return lines


def _is_code(thing: Any) -> bool:
    """Return whether a thing has documentation of its own; a symbol has that of its class."""
    return isinstance(thing, type) or inspect.isfunction(thing)


def _entry(package: str, name: str, thing: Any) -> str:
    if isinstance(thing, type):
        members = "" if issubclass(thing, Exception) else "\n   :members:"
        return f".. autoclass:: {package}.{name}{members}\n"
    if _is_code(thing):
        return f".. autofunction:: {package}.{name}\n"
    return ""  # A number or a symbol: the table has its value.


def write_interface(app: Any) -> None:
    """Write the pages of the interface, where they have changed."""
    API.mkdir(exist_ok=True)
    for name, title in PACKAGES.items():
        page, wanted = API / f"{name}.rst", described(name, title)
        if not page.exists() or page.read_text() != wanted:
            page.write_text(wanted)


def add_tree(app: Any, page: str, source: list[str]) -> None:
    """Hang all pages below the first one."""
    if page == root_doc:
        source[0] += "\n\n" + tree(source[0])


def add_start(app: Any, failed: Exception | None) -> None:
    """Lead from the top of the site to its first page."""
    if failed is None:
        start = '<!doctype html><meta charset="utf-8"><title>qmodel</title>'
        start += '<meta http-equiv="refresh" content="0; url=docs/index.html">'
        (Path(app.outdir) / "index.html").write_text(start)


def setup(app: Any) -> None:
    """Connect the above."""
    app.connect("builder-inited", write_interface)
    app.connect("source-read", add_tree)
    app.connect("build-finished", add_start)
