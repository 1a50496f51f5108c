"""A back-test finds a right model right, a wrong one wrong, and says where neither is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.measurements import read
from qmodel.testing import agrees_with

RATES = np.array([10.0, 40.0, 60.0, 72.0])
TIER = qm.MMc(0.1, servers=8)


def table(model: qm.Station = TIER) -> pd.DataFrame:
    found = model.solve(RATES)
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return pd.DataFrame(
        {"arrival_rate": RATES, "mean": found.response_time}
        | {name: found.response.quantile(p) for name, p in shares.items()}
    )


def test_a_model_agrees_with_itself() -> None:
    test = qm.backtest(TIER, table())
    assert test.agrees
    assert len(test.frame) == 16
    assert test.frame["error"].abs().max() < 1e-9
    assert (test.lowest, test.highest, test.believed) == (10, 72, 72)
    assert test.frame["utilization"].max() == pytest.approx(0.9)
    assert "agrees within 15 % at 10/s to 72/s" in repr(test)
    assert test.doubts([20, 72]) == ()
    agrees_with(TIER, table())


def test_a_model_that_saturates_earlier_is_believed_only_below() -> None:
    slow = qm.MMc(0.1, servers=7)
    test = qm.backtest(slow, table())
    assert not test.agrees
    assert test.believed == 40
    assert "up to 40/s only (worst: mean in overload at 72/s)" in test.verdict
    assert test.frame["verdict"].iloc[-1] == "too high"
    assert len(test.doubts(60)) == 1
    assert len(test.doubts(100)) == 1
    assert len(test.doubts([5, 60, 100])) == 3
    agrees_with(slow, table(), up_to=40)
    with pytest.raises(AssertionError, match=r"up to 40/s only[\s\S]*too high"):
        agrees_with(slow, table())
    with pytest.raises(AssertionError, match="nothing was measured up to 1/s"):
        agrees_with(slow, table(), up_to=1)
    wrong = qm.backtest(qm.MMc(0.05, servers=8), table())
    assert wrong.believed == 0
    assert "does not agree within 15 % at any load" in wrong.verdict
    assert wrong.frame["verdict"].iloc[0] == "too low"


def test_a_pipeline_and_a_file(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    table().to_csv(path, index=False)
    shop = qm.Pipeline(qm.call("web", TIER))
    test = qm.backtest(shop, read(path), tolerance=0.01)
    assert test.agrees
    assert test.frame["utilization"].max() == pytest.approx(0.9)
    light = qm.backtest(shop, table().iloc[:1])
    assert "how the model queues was not tested" in " ".join(light.notes)


def test_a_closed_loop_is_said(tmp_path: Path) -> None:
    path = tmp_path / "stats.csv"
    path.write_text(
        "Type,Name,Request Count,Failure Count,Average Response Time,Requests/s,50%\n"
        "GET,/a,300,3,100,10,70\n"
    )
    assert "closed loop" in " ".join(qm.backtest(TIER, read(path)).notes)


def test_loads_of_a_time_series_are_put_together(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    rates = np.repeat([10.0, 40.0, 60.0], 20)
    means = np.asarray(TIER.solve(rates).response_time)
    rows = "".join(
        f"{10 * i},{r},{m}\n" for i, (r, m) in enumerate(zip(rates, means, strict=True))
    )
    path.write_text(f"time,rps,mean_s\n{rows}")
    test = qm.backtest(TIER, read(path))
    assert test.frame["arrival_rate"].tolist() == pytest.approx([10, 40, 60])
    assert test.agrees


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ModelError, match="must have arrival_rate and mean or percentiles"):
        qm.backtest(TIER, pd.DataFrame({"arrival_rate": [1.0]}))
    with pytest.raises(ModelError, match="a load above zero"):
        qm.backtest(TIER, pd.DataFrame({"arrival_rate": [0.0], "mean": [1.0]}))
    with pytest.raises(DomainError, match="tolerance"):
        qm.backtest(TIER, table(), tolerance=0)
