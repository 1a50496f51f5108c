"""The report: one page that opens without a network, read by keyboard and screen reader."""

from __future__ import annotations

import re
import time
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.answers.as_html import STYLE
from qmodel.cli import model
from qmodel.cli.app import app
from qmodel.reports import grounds
from qmodel.reports.page import _STYLE
from qmodel.reports.patient import patient

NASTY = "<script>alert(1)</script> & 'x'"
FETCHES = {"src", "srcset", "action", "data", "poster", "background", "formaction", "ping"}


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labels: list[str] = []
        self.fetched: list[str] = []
        self.events: list[str] = []
        self.headers: list[str] = []
        self.images: list[dict[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.ids += [given["id"]] if "id" in given else []
        self.labels += given.get("aria-labelledby", "").split()
        self.fetched += [f"{tag} {name}" for name in given if name in FETCHES]
        self.events += [name for name in given if name.startswith("on")]
        if tag == "th":
            self.headers.append(given.get("scope", ""))
        if tag == "svg":
            self.images.append(given)
        for name in ("href", "xlink:href"):
            if name in given:
                self.links.append(given[name])


def shop(name: str = "web") -> qm.Pipeline:
    db = qm.call("db", qm.MMc(0.008, servers=2))
    read = qm.cached(0.9, lookup=qm.call("cache", qm.MMc(0.0002)), miss=db)
    return qm.Pipeline(qm.series(qm.call(name, qm.MMc(0.01, servers=4)), read))


@pytest.fixture(scope="module")
def default() -> str:
    before = time.process_time()
    goals = ["p99 < 300 ms", "utilization < 70 %"]
    text = qm.report(
        qm.web.typical_pipeline(workers="free"), 2000.0, objectives=goals, source="a: <b>"
    )
    page = text.to_html()
    # About 10 s on a core of its own, twice as much where others use its caches.
    assert time.process_time() - before < 20
    return page


@pytest.mark.thorough
def test_the_page_is_small_and_asks_nobody(default: str) -> None:
    assert len(default.encode()) < 1_500_000
    page = Page(default)
    assert not page.fetched
    assert not page.events
    assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & set(
        page.tags
    )
    assert all(link.startswith("#") for link in page.links)
    assert "default-src 'none'" in default
    # Hosts are named in the namespaces of SVG only.
    hosts = set(re.findall(r"(?:https?:)?//([\w.-]+)", default))
    assert hosts <= {"www.w3.org"}
    assert not re.search(r"@import|url\(\s*[\"']?(?!#)", default)


def test_the_page_is_read_by_keyboard_and_screen_reader(default: str) -> None:
    page = Page(default)
    assert page.tags["h1"] == page.tags["main"] == page.tags["header"] == page.tags["nav"] == 1
    assert page.tags["h2"] == page.tags["section"] == 9
    assert set(page.labels) <= set(page.ids)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert max(Counter(page.ids).values()) == 1
    assert page.tags["caption"] == page.tags["table"] > 8
    assert set(page.headers) == {"col", "row"}
    assert default.count('tabindex="0"') >= page.tags["table"]
    assert len(page.images) >= 8
    for image in page.images:
        assert image["role"] == "img"
        assert image.get("aria-label") or "qmodel-map" in image["class"]
    assert '<html lang="en">' in default
    assert ":focus-visible" in default


def test_the_colours_on_paper_are_a_theme_of_their_own() -> None:
    names = {*re.findall(r"--(\w+):", STYLE)} - {"w", "c"}
    printed = _STYLE[_STYLE.index("@media print") :]
    assert {*re.findall(r"--(\w+):", printed)} == names


def test_on_paper_a_heading_stands_with_what_it_is_of() -> None:
    printed = _STYLE[_STYLE.index("@media print") :] + STYLE[STYLE.index("@media print") :]
    for selector in ("h2", "p.said", "caption", "thead"):
        assert re.search(rf"{re.escape(selector)}[^{{}}]*{{break-after:avoid}}", printed), (
            selector
        )
    assert "tr{break-inside:avoid}" in printed


def test_what_is_in_it(default: str) -> None:
    for words in (
        "Sustains up to 3368/s; at 2000/s", "Every objective is met.", "Latency by load",
        "Where the time of a request goes", "p99 (orange: overload)", "How many of each",
        "no hits in cache", "one zone of 3", "What decides the p99", "P(overload)",
        "independent-sojourns", "database.service_time", "a: &lt;b&gt;", ">knee<",
    ):  # fmt: skip
        assert words in default, words


def test_names_are_escaped() -> None:
    page = qm.report(shop(NASTY), 300.0, objectives="p99 < 80 ms", title=NASTY).to_html()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.thorough
def test_a_report_of_any_model() -> None:
    over = qm.report(shop(), 500.0, objectives="p99 < 80 ms")
    assert not over.good
    assert "sensitivity" not in {s.key for s in over.sections}
    assert "Not every objective is met." in over.to_html()
    impossible = qm.report(shop(), 300.0, objectives="p99 < 10 ms")
    sizes = next(s for s in impossible.sections if s.key == "size")
    assert sizes.answer.verdict.startswith("No number of")
    station = qm.report(qm.MMcK(0.1, servers=5, capacity=10), 30.0)
    assert {s.key for s in station.sections} >= {"verdict", "map", "losses", "basis"}
    assert "The load is sustained." in station.to_html()
    modelled = qm.Pipeline(
        qm.cached(
            qm.caches.LRU(1000),
            popularity=qm.caches.Zipf(10_000, exponent=0.9),
            lookup=qm.call("cache", qm.MMc(0.001)),
            miss=qm.call("db", qm.MMc(0.004, servers=4)),
        )
    )
    keys = [section.key for section in qm.report(modelled, 300.0).sections]
    assert "losses" in keys
    patient = qm.retry(qm.timeout(0.5, qm.call("app", qm.MMc(0.1, servers=8))), attempts=3)
    assert "up to 3 attempts" in qm.report(qm.Pipeline(patient), 50.0).to_html()
    with pytest.raises(qm.ModelError, match="one scenario"):
        qm.report(shop().replace({"web.servers": [1, 2]}), 100.0)


def test_the_heat_map_has_the_axes_that_are_asked_for() -> None:
    axes = {"arrival_rate": [100.0, 200.0], "web.servers": [2, 3, 4]}
    found = qm.report(shop(), 100.0, over=axes)
    sweep = next(s for s in found.sections if s.key == "sweep")
    assert sweep.title == "By load and web.servers"
    assert len(sweep.answer.to_frame()) == 6


def test_every_number_of_the_model_has_its_unit_and_meaning() -> None:
    sections = {s.key: s for s in qm.report(shop(), 100.0).sections}
    frame = sections["model"].answer.tables[0].to_frame().set_index("parameter")
    assert set(frame.index) == set(shop().parameters())
    assert frame.loc["db.service_time", "value"] == "8 ms"
    assert (frame["meaning"] != "").all()
    default = grounds.numbers(qm.web.typical_pipeline()).tables[0].to_frame()
    assert (default["meaning"] != "").all()


def test_a_notebook_gets_a_frame_of_its_own() -> None:
    shown = qm.report(shop(), 100.0)._repr_html_()
    assert shown.startswith("<iframe")
    assert "sandbox" in shown
    assert "<html" not in shown


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(qm.ModelError, match=r"pip install 'qmodel\[report\]'"):
        qm.report(shop(), 100.0).to_html()


def test_the_command_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "default_model", shop)
    path = tmp_path / "site.html"
    options = ["report", "--rate", "300/s", "--set", "db.servers=3", "-o", str(path)]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    assert "Sustains up to 400/s" in done.output
    assert f"wrote {path}" in done.output
    assert "db.servers" in path.read_text()
    refused = CliRunner().invoke(app, ["report", "-o", str(tmp_path / "x.txt")])
    assert refused.exit_code == 2
    assert "must end in" in refused.output


def test_the_cost_of_headroom() -> None:
    sections = {s.key: s for s in qm.report(shop(), 300.0, objectives="p99 < 80 ms").sections}
    costs = next(t for t in sections["size"].answer.tables if t.key == "headroom").to_frame()
    assert costs["headroom"].tolist() == [0.0, 0.2, 0.5]
    for share, cost in zip(costs["headroom"], costs["cost"], strict=True):
        assert cost == qm.size(shop(), 300.0, "p99 < 80 ms", headroom=share).cost


@pytest.mark.thorough
def test_clients_who_give_up_have_a_section_and_searches_are_of_those_who_wait() -> None:
    db = qm.call("db", qm.MMc(0.008, servers=2))
    held = qm.hold("app", 5, qm.series(qm.call("work", qm.Delay(qm.Exponential(0.02))), db))
    site = qm.Pipeline(qm.retry(qm.timeout(0.5, held), attempts=3))
    waiting = patient(site)
    assert waiting.parameters() == qm.Pipeline(held).parameters()
    found = qm.report(site, 80.0, objectives="p99 < 200 ms")
    sections = {s.key: s.answer for s in found.sections}
    assert sections["retries"].verdict == qm.answers.hysteresis(site, 80.0).verdict
    remark = "Here all clients wait for their answers: at this load fewer than one in"
    for key in ("sweep", "size", "sensitivity", "uncertainty"):
        assert any(note.startswith(remark) for note in sections[key].notes), key
    assert sections["size"].details["numbers"] == qm.size(waiting, 80.0, "p99 < 200 ms").numbers
    # What a retry of failures says is not of timeouts, and stays.
    other = qm.retry(qm.timeout(0.5, held), attempts=3, failure=0.1)
    assert "retry.attempts" in patient(qm.Pipeline(other)).parameters()
