"""The answer on several steady states: what it says of each regime, and its picture."""

from __future__ import annotations

import pytest

import qmodel as qm

APP = qm.timeout(0.5, qm.call("app", qm.MMc(0.1, servers=8)))
SITE = qm.Pipeline(qm.retry(APP, attempts=3, pause=0.1))


def test_between_the_folds() -> None:
    found = qm.answers.hysteresis(SITE, 60.0)
    assert found.good
    assert found.fact("fold") == pytest.approx(68.59954)
    assert found.fact("hidden_capacity") == pytest.approx(80 / 3)
    assert found.fact("threshold") == pytest.approx(76.44995523)
    assert found.fact("outage") == pytest.approx(qm.trigger(SITE, 60.0).longest)
    lasts = qm.time_to_collapse(60.0, 0.1, servers=8, timeout=0.5, attempts=3)
    assert found.fact("time_to_collapse") == pytest.approx(float(lasts))
    frame = found.to_frame()
    assert frame["state"].tolist() == ["healthy", "threshold", "collapsed"]
    assert frame["goodput"].iloc[2] == 0.0
    assert frame["amplification"].iloc[2] == 3.0


def test_below_and_beyond() -> None:
    below, beyond = (qm.answers.hysteresis(SITE, rate) for rate in (20.0, 70.0))
    assert below.good
    assert "whatever happened before" in below.verdict
    assert not beyond.good
    assert beyond.verdict.startswith("Collapsed at 70/s: the healthy state ends at 68.6/s")


def test_the_branches_of_the_picture() -> None:
    goodput, attempts = qm.answers.hysteresis(SITE, 60.0).pictures
    for picture, key in ((goodput, "goodput"), (attempts, "attempts")):
        rows = picture["layer"][0]["data"]["values"]
        by_state: dict[str, list] = {}
        for row in rows:
            by_state.setdefault(row["of"], []).append((row["x"], row["y"]))
        assert set(by_state) == {"healthy", "threshold (unstable)", "collapsed"}
        ends = {name: (min(p)[0], max(p)[0]) for name, p in by_state.items()}
        assert ends["healthy"][1] == pytest.approx(68.59954, rel=1e-6)
        unstable = ends["threshold (unstable)"]
        assert unstable == (pytest.approx(80 / 3, rel=1e-6), ends["healthy"][1])
        assert ends["collapsed"][0] == pytest.approx(80 / 3, rel=1e-6)
        worst = {value for _, value in by_state["collapsed"]}
        assert worst == ({0.0} if key == "goodput" else {3.0})


@pytest.mark.thorough
def test_one_state_at_any_load() -> None:
    queue = qm.timeout(0.5, qm.call("app", qm.MMcK(0.1, servers=8, capacity=14)))
    found = qm.answers.hysteresis(qm.Pipeline(qm.retry(queue, attempts=3)), 100.0)
    assert found.verdict.startswith("One steady state at any load; at 100/s a goodput of 7")
    assert found.pictures
    with pytest.raises(qm.ModelError, match="nothing is tried again"):
        qm.answers.hysteresis(qm.MMc(0.1), 1.0)


def test_copies_have_a_hysteresis_too() -> None:
    pool = qm.call("pool", qm.MMc(0.01, servers=8))
    found = qm.answers.hysteresis(qm.Pipeline(qm.hedge("copies", pool, 0.03)), 500.0)
    assert found.fact("hidden_capacity") == pytest.approx(400.0)
    assert found.pictures
