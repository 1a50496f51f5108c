"""Recorded loads over time: what is left undone is there in the next row, and then done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import qmodel as qm
from qmodel.recorded_load import carried

SHOP = qm.Pipeline(qm.call("web", qm.MMc(0.010, servers=4)))


def minutes(rates: Any, start: str = "2026-05-01 12:00") -> pd.DataFrame:
    times = pd.date_range(start, periods=len(rates), freq="min")
    return pd.DataFrame({"time": times, "arrival_rate": np.asarray(rates, dtype=float)})


RUSH = minutes([100, 200, 300, 500, 500, 300, 200, 100, 100, 100])


def test_a_backlog_is_carried_and_drained() -> None:
    frame = qm.replay(SHOP, RUSH, dynamic=True)
    assert np.isfinite(frame[["mean", "p99", "backlog"]].to_numpy()).all()
    # 400/s are served; the load goes in straight lines.
    profile = qm.transients.recorded(RUSH)
    at = np.linspace(0, 540, 54_001)
    most = np.cumsum((profile.rate(at) - 400) * 0.01)
    fluid = (most - np.minimum.accumulate(most))[::6000]
    late = frame["backlog"].to_numpy()
    assert late[4:6] == pytest.approx(fluid[4:6], rel=0.03)
    assert late[-1] < 0.01
    assert frame["p99"].iloc[5] > 10
    assert frame["utilization.web"].iloc[4] == pytest.approx(1.0, abs=1e-4)
    assert frame["goodput"].iloc[4] == pytest.approx(400.0, rel=1e-3)
    steady = qm.replay(SHOP, RUSH)
    assert list(frame) == list(steady)
    assert np.isinf(steady["backlog"].iloc[3])
    assert frame.iloc[-1]["p99"] == pytest.approx(steady.iloc[-1]["p99"], rel=2e-3)


@pytest.mark.thorough
def test_rows_over_time_are_those_of_the_whole_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts that go on from each other, or at once; in steady rows the error is small."""
    day = 250 + 240 * np.sin(np.arange(30) / 3)
    load = minutes(np.where(np.arange(30) < 25, day, 250.0))
    whole = SHOP.over_time(qm.transients.recorded(load), times=np.arange(30) * 60.0)
    for rows in (9, 32):
        monkeypatch.setattr(carried, "_ROWS", rows)
        frame = qm.replay(SHOP, load, dynamic=True, percentiles=[0.5, 0.99])
        for name in ("mean", "p50", "p99"):
            theirs = getattr(whole, name)
            assert frame[name].to_numpy() == pytest.approx(theirs, rel=0.01)
        backlog = frame["backlog"].to_numpy()
        assert backlog == pytest.approx(whole.backlog, rel=0.01, abs=0.01)


def test_a_slow_load_is_a_steady_state_in_each_row() -> None:
    slow = minutes(np.linspace(100, 320, 40))
    pd.testing.assert_frame_equal(
        qm.replay(SHOP, slow, dynamic=True), qm.replay(SHOP, slow), rtol=1e-12
    )


@pytest.mark.thorough
def test_order_gaps_and_rows_without_load() -> None:
    frame = qm.replay(SHOP, RUSH, dynamic=True)
    mixed = RUSH.sample(frac=1.0, random_state=3)
    again = qm.replay(SHOP, mixed, dynamic=True)
    again = again.sort_values("time", ignore_index=True)
    pd.testing.assert_frame_equal(again, frame)
    holes = pd.concat([RUSH, RUSH.tail(2)], ignore_index=True)
    holes.loc[10, "time"] = pd.NaT
    holes.loc[11, "time"] += pd.Timedelta("1min")
    holes.loc[11, "arrival_rate"] = np.nan
    found = qm.replay(SHOP, holes, dynamic=True)
    pd.testing.assert_frame_equal(
        found.iloc[:10][["p99", "backlog"]], frame[["p99", "backlog"]]
    )
    assert found.iloc[11][["p99", "backlog"]].isna().all()
    # Over a row that is missing the load goes in a straight line.
    gap = RUSH.drop(index=4)
    bridged = SHOP.over_time(qm.transients.recorded(gap), times=[0.0, 300.0])
    backlog = qm.replay(SHOP, gap, dynamic=True)["backlog"]
    assert backlog[4] == pytest.approx(bridged.backlog[1], rel=0.02)


def test_the_end_in_overload_and_objectives() -> None:
    load = minutes([100, 300, 500, 500])
    frame = qm.replay(SHOP, load, dynamic=True, objectives=["p99 < 1 s", "goodput > 99/s"])
    assert frame["met"].tolist() == [True, True, False, False]
    answer = qm.answers.replay(SHOP, load, dynamic=True, objectives="p99 < 1 s")
    text = str(answer)
    assert "The record ends in overload" in text
    assert "is carried into the next one" in text.replace("\n", " ")
    busy = qm.replay(SHOP, load, dynamic=True, objectives="utilization < 90 %")
    assert busy["met"].tolist() == (busy["utilization.web"] < 0.9).tolist()


def test_numbers_as_times_one_row_and_none() -> None:
    load = pd.DataFrame({"time": np.arange(10) * 60.0, "arrival_rate": RUSH["arrival_rate"]})
    frame = qm.replay(SHOP, load, dynamic=True)
    assert frame["backlog"].tolist() == qm.replay(SHOP, RUSH, dynamic=True)["backlog"].tolist()
    for n in (0, 1):
        assert len(qm.replay(SHOP, load.head(n), dynamic=True)) == n
    twice = pd.concat([load, load.tail(1)])
    with pytest.raises(qm.DomainError, match="no time may come twice, but 540 s does"):
        qm.replay(SHOP, twice, dynamic=True)


@pytest.mark.slow
def test_clients_who_try_again_keep_a_site_down() -> None:
    """Each row alone has a healthy state; the way there leads to the other."""
    again = qm.retry(qm.timeout(0.5, qm.call("db", qm.MMc(0.01, 10))), attempts=3)
    site = qm.Pipeline(again)
    load = minutes([400, 400, 700, 1500, 700])
    steady = qm.replay(site, load)
    frame = qm.replay(site, load, dynamic=True)
    assert steady["goodput"].iloc[-1] == pytest.approx(700.0, rel=1e-3)
    assert frame["goodput"].iloc[-1] < 1
