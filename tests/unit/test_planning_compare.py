"""Models side by side."""

import math

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.planning import compare

FAST, SLOW = qm.MMc(0.01), qm.MMc(0.04, servers=4)


def pipeline(servers: int = 2) -> qm.Pipeline:
    web, db = (
        qm.call("web", qm.MMc(0.01, servers=4)),
        qm.call("db", qm.MMc(0.02, servers=servers)),
    )
    return qm.Pipeline(qm.series(qm.call("net", qm.Delay(0.005)), web, db))


def test_columns_and_units():
    frame = compare({"one": FAST, "four": SLOW}, 60.0)
    values = ["servers", "max_rate", "headroom", "bottleneck", "utilization", "mean"]
    percentiles = ["p50", "p95", "p99", "p99.9"]
    losses = ["rejected", "abandoned", "goodput"]
    changed = ("servers", "max_rate", "mean", *percentiles, "goodput")
    changes = [f"{n}.change" for n in changed]
    assert list(frame) == ["model", "arrival_rate", *values, *percentiles, *losses, *changes]
    units = frame.attrs["units"]
    assert {units[name] for name in ("mean", *percentiles)} == {"s"}
    assert {units[name] for name in changes} == {"%"}
    assert set(units) == set(frame) - {"model"}
    numbers = set(frame) - {"model", "bottleneck"}
    assert all(frame[name].dtype == float for name in numbers)


def test_values_are_those_of_the_results():
    models = {"small": pipeline(), "large": pipeline(8)}
    frame = compare(models, 80.0).set_index("model")
    for name, model in models.items():
        result, row = model.solve(80.0), frame.loc[name]
        assert row["servers"] == 4 + model.stations["db"].servers
        assert row["max_rate"] == result.max_rate
        assert row["bottleneck"] == result.bottleneck
        assert row["headroom"] == result.headroom
        assert row["utilization"] == result.stations[result.bottleneck].utilization
        assert row["mean"] == pytest.approx(result.latency.mean, rel=1e-14)
        for column, p in {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}.items():
            assert row[column] == pytest.approx(result.latency.quantile(p), rel=1e-9)


def test_change_is_in_percent_of_the_first():
    frame = compare({"one": FAST, "four": SLOW}, 60.0)
    assert (frame.filter(like=".change").iloc[0] == 0).all()
    assert frame["servers.change"][1] == 300.0
    assert frame["max_rate.change"][1] == 0.0
    assert frame["p99.change"][1] == pytest.approx(
        100 * (frame["p99"][1] / frame["p99"][0] - 1)
    )


def test_a_row_for_each_model_and_load():
    frame = compare({"one": pipeline(), "two": pipeline(4)}, [20.0, 60.0, 90.0])
    assert frame["model"].tolist() == ["one"] * 3 + ["two"] * 3
    for load in (20.0, 60.0, 90.0):
        alone = compare({"one": pipeline(), "two": pipeline(4)}, load)
        rows = frame[frame["arrival_rate"] == load].reset_index(drop=True)
        for name in alone.select_dtypes("number"):
            assert rows[name].to_numpy() == pytest.approx(
                alone[name].to_numpy(), rel=1e-8, abs=1e-8
            )


def test_overload_is_inf():
    frame = compare({"small": pipeline(2), "large": pipeline(8), "smaller": pipeline(1)}, 120.0)
    assert frame["mean"].tolist()[::2] == frame["p99.9"].tolist()[::2] == [math.inf] * 2
    assert frame["p99.change"].tolist()[1] == -100.0
    assert np.isnan(frame["p99.change"][2])
    assert frame["headroom"][0] < 0
    turned = compare({"large": pipeline(8), "small": pipeline(2)}, 120.0)
    assert turned["p99.change"][1] == math.inf


def test_only_delays():
    frame = compare({"net": qm.Delay(0.05)}, 10.0)
    assert (frame["servers"][0], frame["max_rate"][0], frame["bottleneck"][0]) == (
        0,
        math.inf,
        "",
    )
    assert (frame["utilization"][0], frame["p99"][0]) == (0.0, 0.05)


def test_basis():
    long = qm.Pipeline(qm.series(*(qm.call(name, qm.MMc(0.01, servers=2)) for name in "abc")))
    basis = compare({"one": FAST, "path": long}, 10.0).attrs["basis"]
    assert basis["one"] == {"max_rate": "exact", "mean": "exact", "percentiles": "exact"}
    assert basis["path"]["mean"] == "exact"
    assert basis["path"]["percentiles"] == long.solve(10.0).basis["p99"] == "approximate"


def test_what_is_refused():
    with pytest.raises(ModelError, match="at least one"):
        compare({}, 1.0)
    with pytest.raises(ModelError, match="models must be a mapping from texts to a Pipeline"):
        compare({"a": FAST, "b": 3}, 1.0)
    with pytest.raises(ModelError, match="'b' has arrays"):
        compare({"a": FAST, "b": pipeline().replace({"db.servers": [1, 2]})}, 1.0)
    with pytest.raises(ModelError, match="'b' has arrays"):
        compare({"b": qm.Delay([0.1, 0.2])}, 1.0)
    with pytest.raises(DomainError, match="arrival_rate"):
        compare({"a": FAST}, -1.0)


def test_what_is_refused_stands_beside_the_latency():
    full, open_ = qm.MMcK(0.1, servers=5, capacity=10), qm.MMc(0.1, servers=60)
    frame = compare({"full": full, "open": open_}, 500.0)
    assert frame["rejected"].tolist() == pytest.approx([0.9, 0.0], abs=1e-3)
    assert frame["goodput"].tolist() == pytest.approx([50.0, 500.0], rel=1e-3)
    assert frame["goodput.change"][1] == pytest.approx(900.0, rel=1e-2)
    assert frame["abandoned"].tolist() == [0.0, 0.0]
