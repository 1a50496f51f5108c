"""Pipelines drawn: flows that are right, boxes that keep apart, and text that is escaped."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings

import qmodel as qm
from qmodel.pipeline.drawing.graph import START, Graph
from qmodel.pipeline.drawing.layout import layout
from qmodel.testing import strategies

NASTY = '<b>&"x"</b>'
APP = qm.call("app", qm.MMc(0.1, servers=8))
KV = qm.call("kv", qm.MMc(0.01, servers=4))
SHARDS = [qm.call(f"shard {i}", qm.MMc(0.002)) for i in range(3)]
EVERY = qm.series(
    qm.limit("quota", 50.0, burst=10),
    qm.retry(APP, attempts=3, failure=0.1, pause=0.1),
    qm.call("door", qm.MMcK(0.05, servers=4, capacity=6)),
    qm.fan_out("search", 10, qm.call("leaf", qm.MMc(0.002))),
    qm.parallel(*SHARDS),
    qm.branch((0.3, qm.nothing()), (0.7, qm.call("mail", qm.Delay(qm.Exponential(0.1))))),
    qm.cached(0.8, lookup=qm.nothing(), miss=qm.call("db", qm.MMc(0.004)), name="store"),
    qm.repeat(3, qm.call("log", qm.MMc(0.001))),
)
MODELS = {
    "every step": (qm.Pipeline(EVERY), 45.0),
    "typical": (qm.web.typical_pipeline(), 2000.0),
    "microservices": (qm.web.typical_microservices(), 2000.0),
    "hedged": (qm.Pipeline(qm.hedge("hedge", KV, 0.03, budget=0.5)), 45.0),
    "patient": (qm.Pipeline(qm.retry(qm.timeout(0.5, APP), attempts=3)), 45.0),
    "held": (
        qm.Pipeline(qm.hold("threads", 16, qm.series(APP, qm.hold("pool", 10, KV)))),
        60.0,
    ),
    "modelled cache": (
        qm.Pipeline(
            qm.cached(
                qm.caches.LRU(1000),
                popularity=qm.caches.Zipf(10_000, exponent=0.9),
                lookup=qm.call("cache", qm.MMc(0.001)),
                miss=KV,
            )
        ),
        200.0,
    ),
}


def arriving(graph: Graph, name: str) -> float:
    into = [edge.flow for (_, node), edge in graph.edges.items() if node == ("station", name)]
    return sum(into) * graph.rate


@pytest.mark.parametrize("name", MODELS)
def test_what_flows_into_a_station_is_its_load(name: str) -> None:
    model, rate = MODELS[name]
    result = model.solve(rate)
    graph = Graph(result)
    for station, state in result.stations.items():
        assert arriving(graph, station) == pytest.approx(float(state.arrival_rate), rel=1e-9)
        busy = graph.nodes["station", station].busy
        assert np.isnan(busy) or busy == pytest.approx(float(state.utilization))


@settings(deadline=None, max_examples=8)
@given(strategies.pipelines(), strategies.loads(least=0.01, most=0.9))
def test_flows_of_any_pipeline(model: qm.Pipeline, load: float) -> None:
    result = model.solve(strategies.rate_of(model, load))
    graph = Graph(result)
    for station, state in result.stations.items():
        assert arriving(graph, station) == pytest.approx(float(state.arrival_rate), rel=1e-9)
    ET.fromstring(model.draw().svg())


def test_a_step_that_is_done_not_once_is_passed() -> None:
    never = qm.repeat(0, qm.call("never", qm.MMc(0.01)))
    model = qm.Pipeline(
        qm.series(qm.call("a", qm.MMc(0.01)), never, qm.call("b", qm.MMc(0.01)))
    )
    graph = Graph(model.solve(50.0))
    assert arriving(graph, "never") == 0
    assert arriving(graph, "b") == pytest.approx(50.0)


def test_words_of_every_step() -> None:
    text = qm.Pipeline(EVERY).draw(45.0).mermaid()
    for words in (
        "up to 3 attempts", "10 at once", "all of 3",
        "80 % hits", "miss", "3 times", "bursts of 10", "45/s", "8 servers × 100 ms",
    ):  # fmt: skip
        assert words in text
    patient = MODELS["patient"][0].draw(45.0).mermaid()
    assert "up to 3 attempts, within 500 ms" in patient
    assert "copied after 30 ms" in MODELS["hedged"][0].draw(45.0).mermaid()
    held = MODELS["held"][0].draw(60.0).mermaid()
    assert held.count("kept until all below is done") == 2
    some = qm.Pipeline(qm.parallel(*SHARDS, need=2)).draw().mermaid()
    assert "2 of 3" in some
    assert set(re.findall(r'-->\|"(.*)"\|', some)) == {"100 %"}


def test_kinds_are_named_where_not_all_go() -> None:
    shop = qm.Pipeline({"read": (0.8, KV), "write": (0.2, qm.series(KV, APP))})
    text = shop.draw(50.0).mermaid()
    assert '-->|"50/s"|' in text
    assert '-->|"10/s, write"|' in text


def test_an_overload_is_said_and_shown() -> None:
    svg = qm.Pipeline(KV).draw(800.0).svg()
    assert "overloaded" in svg
    assert "var(--bad," in svg
    assert "var(--bad," not in qm.Pipeline(KV).draw(200.0).svg()


def test_names_are_escaped() -> None:
    model = qm.Pipeline(qm.call(NASTY, qm.MMc(0.01)))
    svg, text = model.draw(50.0).svg(), model.draw(50.0).mermaid()
    title = ET.fromstring(svg).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert NASTY in (title.text or "")
    assert "<b>" not in text
    assert "#lt;b#gt;" in text
    assert model.draw(50.0)._repr_html_().count("<svg") == 1


def test_a_notebook_shows_a_pipeline() -> None:
    assert qm.Pipeline(KV)._repr_html_().count("<svg") == 1
    several = qm.Pipeline(KV).replace({"kv.servers": [1, 2]})
    assert several._repr_html_() == "<pre>&lt;Pipeline: kv&gt;</pre>"


def test_one_scenario_is_drawn() -> None:
    with pytest.raises(qm.ModelError, match="a drawing is of one scenario"):
        qm.Pipeline(KV).replace({"kv.servers": [1, 2]}).draw(50.0)
    with pytest.raises(qm.ModelError, match="a drawing is of one scenario"):
        qm.Pipeline(KV).draw(np.array([1.0, 2.0]))  # type: ignore[arg-type]
    with pytest.raises(qm.DomainError):
        qm.Pipeline(KV).draw(-1.0)


@pytest.mark.parametrize("seed", range(20))
def test_boxes_of_a_layer_keep_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 15))
    widths = {i: float(w) for i, w in enumerate(rng.uniform(20, 200, count))}
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, count, (3 * count, 2))]
    edges = dict.fromkeys([(i, i + 1) for i in range(count - 1)] + pairs, 40.0)
    found = layout(widths, edges, gap=10.0)
    for a, b in itertools.combinations(widths, 2):
        if found.layer[a] == found.layer[b]:
            apart = abs(found.x[a] - found.x[b])
            assert apart >= (widths[a] + widths[b]) / 2 + 10 - 1e-9
    for (a, b), lanes in found.passes.items():
        assert found.layer[a] < found.layer[b]
        levels = range(found.layer[a] + 1, found.layer[b])
        assert [found.layer[lane] for lane in lanes] == list(levels)
    assert {frozenset(e) for e in edges if e[0] != e[1]} == {frozenset(e) for e in found.passes}


def test_the_client_is_on_top() -> None:
    graph = Graph(MODELS["typical"][0].solve(2000.0))
    found = layout(dict.fromkeys(graph.nodes, 50.0), dict.fromkeys(graph.edges, 20.0), 10.0)
    assert [key for key in graph.nodes if found.layer[key] == 0] == [(START, START)]


def test_arrows_of_a_row_begin_where_boxes_end() -> None:
    svg = qm.Pipeline(qm.series(APP, KV)).draw().svg()
    begins = re.findall(r'<path d="M[-\d.]+ ([-\d.]+)L[^>]*stroke=', svg)
    boxes = re.findall(
        r'<rect x="[-\d.]+" y="([-\d.]+)" width="[-\d.]+" height="([-\d.]+)" rx="6"', svg
    )
    ends = [float(top) + float(height) for top, height in boxes]
    assert len(begins) == 2
    assert [float(y) for y in begins] == pytest.approx(ends[:2])
