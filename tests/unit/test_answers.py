"""Answers as values: their words, their forms, and models that lose."""

import html
import json
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import qmodel as qm
from qmodel import answers
from qmodel.answers.as_html import STYLE
from qmodel.answers.pictures import COLOURS, svg
from qmodel.answers.words import age, listed, lost, percent, shown, size
from qmodel.errors import DomainError, ModelError

NASTY = "<script>alert(1)</script> | *x* `y`"


DAYS = {"peak": {}, "night": {"arrival_rate": 30.0}}


def shop(name="web"):
    read = qm.cached(
        0.9, lookup=qm.call("cache", qm.MMc(0.0002)), miss=qm.call("db", qm.MMc(0.008))
    )
    return qm.Pipeline(qm.series(qm.call(name, qm.MMc(0.01, servers=4)), read))


def load():
    times = pd.date_range("2026-05-01", periods=4, freq="min")
    return pd.DataFrame({"time": times, "arrival_rate": [100.0, np.nan, 300.0, 500.0]})


def asked(model):
    """Return an answer to every question, of a pipeline with a cache."""
    pages = qm.caches.Zipf(1000, 0.8, size=1024)
    return [
        answers.solve(model, 300.0, objectives=["p99 < 80 ms", "loss < 1 %"]),
        answers.check(model, 300.0, objectives=["p99 < 1 ms", "loss < 1 %"]),
        answers.compare({NASTY: model, "other": qm.MMc(0.01, servers=4)}, 300.0),
        answers.sweep(model, {"arrival_rate": [100.0, 500.0], "db.service_time": "4 ms,8 ms"}),
        answers.cache(model, 300.0, popularity=pages, memory=2.0**18),
        answers.balance(qm.MMc(0.01, 4), 3, policies=["random", "round robin"]),
        answers.replay(model, load(), objectives="p99 < 80 ms"),
        answers.explain(model, "mean", 300.0),
        answers.size(model, 300.0, objectives="p99 < 80 ms", scenarios=DAYS, spares=1),
        answers.outages(model, 300.0, objectives="p99 < 80 ms"),
        answers.sensitivity(model, 300.0, objectives="p99 < 80 ms"),
        answers.uncertainty(model, 300.0, objectives="p99 < 80 ms", draws=200),
    ]


@pytest.fixture(scope="module")
def every():
    return asked(shop(NASTY))


# Words


def test_a_poisson_load_is_its_rate():
    site = qm.Pipeline(qm.call("db", qm.MMc(0.1, 4)))
    for ask in (answers.solve, answers.check, answers.size, answers.sensitivity):
        said = [
            str(ask(site, load, objectives="p99 < 1 s")) for load in (20.0, qm.Poisson(20.0))
        ]
        assert said[0] == said[1]


def test_numbers_in_words():
    assert shown(float("inf"), "s") == "overload"
    assert shown(float("inf"), "1/s") == "no limit"
    assert shown(float("nan"), "s") == "–"
    assert shown(0.00001, "%") == "< 0.1 %"
    assert (percent(0.999999), percent(1.0), percent(0.0)) == ("99.9 %", "100 %", "0 %")
    assert (size(1.5 * 2**20), age(7200.0), age(30.0)) == ("1.5 MiB", "2 h", "30 s")
    assert shown(float("inf"), "age") == "never"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert lost(0.1, 0.02) == "10 % rejected and 2.0 % abandoned"
    assert lost(1e-16, 0.0) == ""


# Forms


def test_an_answer_is_a_frozen_value(every):
    with pytest.raises(AttributeError):
        every[0].verdict = "fine"
    again = pickle.loads(pickle.dumps(every[0]))
    assert (again.verdict, again.facts) == (every[0].verdict, every[0].facts)
    assert again.to_frame().equals(every[0].to_frame())


def test_facts_have_labels_and_units(every):
    for answer in every:
        assert answer.verdict.count("\n") == 0
        assert str(answer).startswith(answer.verdict)
        assert repr(answer) == f"<{answer.verdict}>"
        for fact in answer.facts:
            assert fact.unit in ("", "s", "1/s", "%", "-", "B", "count")
            assert fact.shown()
            assert answer.fact(fact.key) is fact.value


def test_json_is_strict_and_has_plain_numbers(every):
    def refuse(constant):
        raise AssertionError(constant)

    for answer in every:
        data = json.loads(answer.to_json(), parse_constant=refuse)
        assert data["verdict"] == answer.verdict
        for fact in answer.facts:
            if (
                isinstance(fact.value, float)
                and np.isfinite(fact.value)
                and "." not in fact.key
            ):
                assert data[fact.key] == fact.value


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.open = set(), []

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.seen |= {f"{tag}:{name}" for name, _ in attributes}
        if tag not in ("meta", "br", "path", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass


@pytest.mark.thorough
def test_html_is_escaped_and_needs_no_network(every):
    for answer in every:
        whole = answer.to_html()
        for page in (answer._repr_html_(), whole):
            reader = Tags()
            reader.feed(page)
            assert reader.open == []
            assert not {"script", "link", "img", "iframe", "object"} & reader.seen
            assert not {s for s in reader.seen if s.split(":")[-1] in ("src", "href", "onload")}
            assert "@import" not in page
            assert "url(http" not in page
            assert "prefers-color-scheme:dark" in page
        assert len(whole) < 1_500_000


def test_markdown_tables_keep_their_columns(every):
    for answer in every:
        widths = set()
        for line in [*answer.to_markdown().splitlines(), ""]:
            if line.startswith("|"):
                widths.add(len(re.findall(r"(?<!\\)\|", line)))
            else:
                assert len(widths) <= 1, line
                widths = set()
        assert "<script" not in answer.to_markdown()


def test_all_rows_are_in_every_file_form(every):
    sweep, replay = every[3], every[6]
    for answer, key, rows in ((sweep, "scenarios", 4), (replay, "rows", 4)):
        assert len(answer.to_frame()) == rows
        records = json.loads(answer.to_json())[key]
        assert len(records) == rows
        assert list(records[0]) == list(answer.to_frame())
        text = answer.to_markdown().split("### All rows")[1]
        assert len([x for x in text.splitlines() if x.startswith("|")]) == rows + 2
    assert json.loads(replay.to_json())["rows"][1]["p99"] is None
    assert json.loads(replay.to_json())["rows"][3]["p99"] == "inf"


@pytest.mark.thorough
def test_pictures_are_vega_lite(every):
    alt = pytest.importorskip("altair")
    for answer in every:
        for picture in answer.pictures:
            json.dumps(picture, allow_nan=False)
            alt.Chart.from_dict(picture).to_dict()
        if answer.question == "explain":
            with pytest.raises(ModelError, match="no picture"):
                answer.plot()
        else:
            assert answer.plot().to_dict()["$schema"].split("/")[-1].startswith("v")


def test_pictures_are_drawn_once_and_nobody_changes_those_of_others(every):
    (one,), (other,) = every[8].pictures, every[8].pictures
    assert one == other
    one["title"] = "another"
    assert every[8].pictures == (other,)


def test_plot_without_altair_names_the_extra(every, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    with pytest.raises(ModelError, match=r"pip install 'qmodel\[plot\]'"):
        every[0].plot()


def test_html_without_the_extra_has_no_picture(every, monkeypatch):
    assert "<svg" in every[0]._repr_html_()
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    assert "<svg" not in every[0]._repr_html_()


def test_pictures_say_what_they_show(every):
    for answer in every:
        for picture in answer.pictures:
            assert picture["description"].startswith(picture["title"])
            (drawn,) = svg([picture])
            assert f'role="img" aria-label="{html.escape(picture["description"])}"' in drawn


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    """Return the contrast of two colours, as WCAG 2.2 defines it."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def themes():
    """Return the colours of each theme of a page, by name."""
    blocks = re.findall(r"\{(--ink:[^}]*)", STYLE.replace("\n", ""))
    named = [dict(re.findall(r"--(\w+):(#\w+)", block)) for block in blocks]
    return [{k: v if len(v) == 7 else "#" + "".join(2 * c for c in v[1:]) for k, v in n.items()}
            for n in named]  # fmt: skip


def test_contrast_is_that_of_wcag_aa():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert len(themes()) == 4  # light and dark, of the system and of the notebook
    for colours in themes():
        for ground in ("ground", "mark"):
            for text in ("ink", "soft", "good", "bad"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, colours)
        for drawn in ("bar", "warm", "bad", "good"):
            assert contrast(colours[drawn], colours["ground"]) >= 3, (drawn, colours)
        for data in COLOURS:
            assert contrast(data, colours["ground"]) >= 3, data


# Size, losses, sensitivity, uncertainty


def test_a_size_says_what_the_library_does(every):
    answer = every[8]
    model = shop(NASTY)
    plan = qm.size(model, 300.0, "p99 < 80 ms", scenarios=DAYS, spares=1)
    assert answer.verdict == str(plan)
    assert answer.details["numbers"] == plan.numbers
    assert [t.key for t in answer.tables] == ["sizes", "by_scenario"]
    none = answers.size(model, 300.0, objectives="p99 < 10 ms")
    assert not none.good
    assert none.verdict.startswith("No number of")
    assert "db 36.8 ms); no single service time would be enough" in none.verdict
    assert none.pictures == ()


def test_losses_are_those_of_changed_models():
    model = shop()
    answer = answers.outages(model, 300.0, objectives="p99 < 80 ms")
    rows = answer.tables[0].to_frame().set_index("loss")
    assert list(rows.index) == [
        "as it is", "no hits in cache", "one server of web", "cache down", "db down",
        "one zone of 3",
    ]  # fmt: skip
    lost = model.replace({"cache.hit_ratio": 0.0})
    assert rows.loc["no hits in cache", "max_rate"] == float(lost.max_rate)
    assert rows.loc["no hits in cache", "p99"] == np.inf
    assert rows.loc["db down", "failing"] == pytest.approx(0.1)
    one = model.replace({"web.servers": 3})
    assert rows.loc["one server of web", "max_rate"] == float(one.max_rate)
    assert rows.loc["one zone of 3", "max_rate"] == float(
        model.replace({"web.servers": 2}).max_rate
    )
    assert answer.verdict.startswith("At 300/s it survives none of 5 losses: no hits")
    assert not answer.good
    assert "Missed with no hits in cache: p99 < 80 ms (overload)." in answer.notes
    assert set(rows["objectives"]) <= {"met", "MISSED", "–"}
    # Only what is spread over zones goes with one of them.
    fixed = answers.outages(model, 300.0, spread=[])
    assert "one zone of 3" not in set(fixed.tables[0].to_frame()["loss"])
    with pytest.raises(qm.ModelError, match=r"did you mean 'web\.servers'"):
        answers.outages(model, 300.0, spread=["web.server"])
    nothing = answers.outages(qm.Pipeline(qm.call("wait", qm.Delay(qm.Exponential(0.1)))))
    assert "nothing to lose" in nothing.verdict
    assert nothing.good


def test_what_is_uncertain_by_default_is_load_and_work():
    answer = answers.uncertainty(shop(), 300.0, spreads=0.05, draws=200)
    frame = {t.key: t.to_frame() for t in answer.tables}["shares"]
    assert set(frame["parameter"]) == {
        "arrival_rate", "web.service_time", "cache.service_time", "db.service_time",
    }  # fmt: skip
    assert sum(answer.details["bottlenecks"].values()) == pytest.approx(1.0)


# Losses


def test_a_station_that_refuses_says_so():
    door = qm.MMcK(0.1, servers=5, capacity=10)
    found = answers.solve(door, 500.0, objectives="p99 < 1 s")
    assert found.verdict.startswith("90 % rejected at 500/s, goodput 50/s; of the rest mean ")
    assert found.fact("rejected") == pytest.approx(0.9)
    assert found.fact("goodput") == pytest.approx(50.0)
    assert any("what is lost is not counted" in line for line in found.meaning)
    assert {"rejected"} <= {c.key for c in found.tables[0].columns}
    checked = answers.check(door, 500.0, objectives="p99 < 1 s")
    assert checked.good
    assert any("90 % rejected here; no objective" in note for note in checked.notes)
    assert not answers.check(door, 500.0, objectives=["p99 < 1 s", "loss < 1 %"]).good
    both = answers.compare({"door": door, "queue": qm.MMc(0.1, 5)}, 500.0)
    assert "door p99 570 ms (90 % rejected)" in both.verdict
    assert "rejected" in both.tables[0].columns[0].values
    swept = answers.sweep(door, {"MMcK.servers": "5,10"}, 500.0)
    assert swept.verdict.endswith("up to 90 % lost")


def test_impatience_is_abandonment():
    calls = qm.ErlangA(0.1, 4, 2.0)
    found = answers.solve(calls, 60.0)
    expected = float(calls.solve(60.0).abandonment)
    assert found.fact("abandoned") == pytest.approx(expected)
    assert "abandoned at 60/s" in found.verdict
    replayed = answers.replay(calls, load().assign(arrival_rate=[10.0, np.nan, 40.0, 60.0]))
    assert any("of all requests abandoned" in line for line in replayed.meaning)


def test_where_nothing_is_lost_nothing_is_said():
    found = answers.solve(shop(), 300.0, objectives="p99 < 80 ms")
    assert "rejected" not in str(found)
    assert {"rejected", "abandoned"}.isdisjoint(c.key for t in found.tables for c in t.columns)


# Questions


def test_a_pool_is_a_model_too():
    pool = qm.balancing.RoundRobin(qm.MMc(0.01, 2), 3)
    whole = answers.solve(pool, 300.0)
    assert whole.fact("p99") == pytest.approx(float(pool.solve(300.0).response.quantile(0.99)))


def test_a_model_with_arrays_is_refused():
    with pytest.raises(ModelError, match="one scenario; sweep several"):
        answers.solve(qm.MMc([0.01, 0.02]), 3.0)


def test_check_is_met_or_missed_in_overload_too():
    found = answers.check(qm.MMc(0.01), 200.0, objectives=["p99 < 1 h", "goodput > 1/s"])
    assert not found.good
    assert "every objective is missed in overload" in " ".join(found.notes)
    with pytest.raises(DomainError, match="needs an objective"):
        answers.check(qm.MMc(0.01), 50.0, objectives=())
    with pytest.raises(ModelError, match="no kind of request and no station 'buy'"):
        answers.check(shop(), 50.0, objectives="p99 of buy < 1 s")


def test_junit_has_a_case_for_each_objective():
    found = answers.check(qm.MMc(0.01), 50.0, objectives=["p99 < 1 ms", "utilization < 70 %"])
    text = answers.junit(found)
    assert 'tests="2" failures="1"' in text
    assert text.count("<testcase") == 2
    assert text.count("<failure") == 1
    with pytest.raises(DomainError, match="of checks"):
        answers.junit(answers.solve(qm.MMc(0.01)))


def test_a_grid_that_is_too_large_is_refused_before_it_is_laid_out():
    with pytest.raises(DomainError, match=r"1,000,000,000 scenarios, which take 119 GiB"):
        answers.sweep(qm.MMc(0.01), {"arrival_rate": "1:2:1000000000"})


def test_a_tuple_of_values_is_no_range() -> None:
    frame = answers.sweep(qm.MMc(0.001), {"arrival_rate": (100.0, 200.0, 300.0)}).frame()
    assert frame["arrival_rate"].tolist() == [100.0, 200.0, 300.0]


def test_a_load_that_is_no_number_or_endless():
    found = answers.sweep(shop(), {"arrival_rate": "nan,inf,100"})
    assert found.verdict.endswith("; 1 in overload; 1 without a number")
