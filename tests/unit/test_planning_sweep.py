"""A sweep is its cells, laid out."""

import sys

import numpy as np
import pandas as pd
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.planning.sweep import sweep, sweep_chunks

OVER = {
    "arrival_rate": [20.0, 60.0, 150.0],
    "db.servers": [1, 2, 8],
    "db.service_time": ["5 ms", 0.02],
}


def shop() -> qm.Pipeline:
    web, db = qm.call("web", qm.MMc(0.01, servers=4)), qm.call("db", qm.MMc(0.02))
    return qm.Pipeline(
        qm.series(web, qm.cached(0.5, lookup=qm.nothing(), miss=db, name="cache"))
    )


def test_layout_and_units():
    frame = sweep(shop(), OVER, percentiles=(0.5, 0.999))
    assert list(frame) == [
        *OVER, "mean", "p50", "p99.9", "rejected", "abandoned", "goodput", "max_rate",
        "headroom", "bottleneck",
        "utilization.web", "utilization.db", "basis",
    ]  # fmt: skip
    assert len(frame) == 18
    assert frame["arrival_rate"].tolist() == np.repeat([20.0, 60.0, 150.0], 6).tolist()
    assert frame["db.service_time"].tolist() == [0.005, 0.02] * 9
    assert frame["db.servers"].dtype == int
    units = frame.attrs["units"]
    assert units["mean"] == units["p99.9"] == "s"
    assert units["arrival_rate"] == units["max_rate"] == "1/s"
    assert units["utilization.db"] == units["db.servers"] == units["headroom"] == "-"


def test_every_row_is_a_single_solution():
    for _, row in sweep(shop(), OVER).iterrows():
        changes = {name: row[name] for name in ("db.servers", "db.service_time")}
        result = shop().replace(changes).solve(row["arrival_rate"])
        assert row["mean"] == pytest.approx(result.latency.mean, rel=1e-13)
        assert row[["p50", "p95", "p99"]].tolist() == pytest.approx(
            result.latency.quantile([0.5, 0.95, 0.99]), rel=1e-9
        )
        assert row["max_rate"] == result.max_rate
        assert row["headroom"] == result.headroom
        assert row["bottleneck"] == result.bottleneck
        assert row["utilization.db"] == result.stations["db"].utilization


def test_overload_keeps_its_rows():
    frame = sweep(shop(), {"arrival_rate": [60.0, 160.0]})
    assert np.isfinite(frame["p99"][0])
    assert frame[["mean", "p50", "p99"]].loc[1].tolist() == [np.inf] * 3
    assert frame["utilization.db"][1] == pytest.approx(1.6)
    assert frame["headroom"][1] < 0


@pytest.mark.parametrize("chunk", [1, 5, 17, 18, 1000])
def test_chunks_change_nothing(chunk):
    whole = sweep(shop(), OVER)
    frames = list(sweep_chunks(shop(), OVER, chunk=chunk))
    assert max(map(len, frames)) <= chunk
    pd.testing.assert_frame_equal(pd.concat(frames), whole, rtol=1e-9, check_index_type=False)
    assert all(frame.attrs == whole.attrs for frame in frames)


def test_basis_is_the_weakest_of_the_grid():
    two = qm.Pipeline(qm.series(*(qm.call(n, qm.MMc(0.01)) for n in "abc")))
    frame = sweep(two, {"arrival_rate": [10.0, 20.0], "b.servers": [1]})
    assert set(frame["basis"]) == {"exact"}
    frames = list(sweep_chunks(two, {"b.servers": [1, 2]}, arrival_rate=10.0, chunk=1))
    assert [frame["basis"].item() for frame in frames] == ["approximate"] * 2


def test_a_fixed_load_is_an_axis_of_one_value():
    frame = sweep(shop(), {"db.servers": [1, 2]}, arrival_rate="3k/min")
    assert list(frame)[:2] == ["arrival_rate", "db.servers"]
    assert frame["arrival_rate"].tolist() == [50.0, 50.0]


def test_a_station():
    frame = sweep(qm.MMc(0.01), {"arrival_rate": [50.0, 150.0], "servers": range(1, 4)})
    assert list(frame)[2:] == [
        "mean", "p50", "p95", "p99", "rejected", "abandoned", "goodput", "max_rate", "headroom",
        "utilization", "basis",
    ]  # fmt: skip
    for row in frame.itertuples():
        result = qm.MMc(0.01, servers=row.servers).solve(row.arrival_rate)
        assert row.mean == pytest.approx(result.response_time, rel=1e-14)
        assert row.p99 == pytest.approx(result.response.quantile(0.99), rel=1e-10)
        assert row.utilization == result.utilization
    inner = sweep(
        qm.MG1(qm.Gamma(0.01, scv=2.0)), {"service.scv": [0.5, 2.0]}, arrival_rate=50.0
    )
    assert inner["mean"].tolist() == pytest.approx([0.0175, 0.025])


def test_a_function_of_results():
    def model(arrival_rate, misses):
        path = qm.branch((misses, qm.call("db", qm.MMc(0.02))), (1 - misses, qm.nothing()))
        return qm.Pipeline(path).solve(arrival_rate)

    frame = sweep(model, {"arrival_rate": [20.0, 40.0], "misses": [0.1, 0.5, 1.0]})
    assert frame["mean"].tolist() == pytest.approx(
        [
            m * float(qm.MMc(0.02).solve(a * m).response_time)
            for a in (20.0, 40.0)
            for m in (0.1, 0.5, 1.0)
        ]
    )
    assert "utilization.db" in frame
    assert set(frame["basis"]) == {"exact"}


def test_a_function_of_columns():
    sizes = []

    def model(x, y):
        sizes.append((x.shape, y.shape))
        return {"sum": x + y, "constant": 3.0, "arrival_rate": x}

    frame = sweep(model, {"x": [1.0, 2.0], "y": [10, 20, 30]}, chunk=4)
    assert frame["sum"].tolist() == [11, 21, 31, 12, 22, 32]
    assert set(frame["constant"]) == {3.0}
    assert frame.attrs["units"] == {"arrival_rate": "1/s"}
    assert sizes == [((4,), (4,)), ((4,), (4,)), ((2,), (2,))]


@pytest.mark.parametrize(
    ("model", "over", "options", "says"),
    [
        (shop(), {"db.server": [1]}, {"arrival_rate": 1.0}, "did you mean 'db.servers'"),
        (shop(), {"arival_rate": [1]}, {"arrival_rate": 1.0}, "did you mean 'arrival_rate'"),
        (qm.MMc(0.01), {"server": [1]}, {"arrival_rate": 1.0}, "did you mean 'servers'"),
        (shop(), {"db.servers": [1]}, {}, "needs a load"),
        (shop(), {"arrival_rate": [1]}, {"arrival_rate": 1.0}, "given twice"),
        (shop(), {}, {}, "at least one axis"),
        (
            shop().replace({"db.servers": [1, 2]}),
            {"arrival_rate": [1.0]},
            {},
            "arrays of its own",
        ),
        (qm.MMc([0.01, 0.02]), {"arrival_rate": [1.0]}, {}, "arrays of its own"),
        (qm.Delay([0.01, 0.02]), {"arrival_rate": [1.0]}, {}, "arrays of its own"),
        ("shop", {"arrival_rate": [1.0]}, {}, "a Pipeline, a Station or a function"),
        (lambda x: 2 * x, {"x": [1.0]}, {}, "a solved model or a mapping"),
        (lambda x: {"x": 2 * x}, {"x": [1.0]}, {}, "which is an axis"),
        (lambda x: {"y": [1.0, 2.0]}, {"x": [1.0, 2.0, 3.0]}, {}, "'y' must have"),
    ],
)
def test_models_refused(model, over, options, says):
    with pytest.raises(ModelError, match=says):
        sweep(model, over, **options)


@pytest.mark.parametrize(
    ("axis", "says"),
    [
        ([], "at least one value"),
        ([[1.0, 2.0]], "sequence of numbers"),
        ([True], "sequence of numbers"),
        ([None], "sequence of numbers"),
        (["five"], "number with a unit"),
        ([-1.0], "arrival_rate must be"),
    ],
)
def test_axes_refused(axis, says):
    with pytest.raises(DomainError, match=says):
        sweep(shop(), {"arrival_rate": axis})


def test_refused_at_once():
    with pytest.raises(ModelError, match="needs a load"):
        sweep_chunks(shop(), {"db.servers": [1]})
    with pytest.raises(DomainError, match="chunk"):
        sweep_chunks(shop(), {"arrival_rate": [1.0]}, chunk=0)
    with pytest.raises(DomainError, match="percentiles"):
        sweep(shop(), {"arrival_rate": [1.0]}, percentiles=[99])


def test_values_of_every_kind():
    for axis in (
        iter([20.0, 30.0]),
        np.array([20, 30]),
        pd.Series([20.0, 30.0]),
        ["20/s", "30 rps"],
    ):
        assert sweep(shop(), {"arrival_rate": axis})["arrival_rate"].tolist() == [20.0, 30.0]
    assert len(sweep(shop(), {"arrival_rate": "20 rps"})) == 1


def test_nan_stays_in_its_row():
    frame = sweep(shop(), {"arrival_rate": [20.0], "db.service_time": [0.02, np.nan]})
    assert np.isnan(frame["p99"]).tolist() == [False, True]


def test_the_bar_goes_to_standard_error(capsys):
    sweep(shop(), OVER, chunk=5, progress=True)
    shown = capsys.readouterr()
    assert "sweep" in shown.err
    assert not shown.out


def test_no_bar_unless_it_takes_long_on_a_terminal(capsys, monkeypatch):
    sweep(shop(), OVER, chunk=5)
    monkeypatch.setattr(sys.modules["qmodel.planning.sweep"], "_PATIENCE", -1.0)
    sweep(shop(), OVER, chunk=5)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    sweep(shop(), OVER, chunk=5, progress=False)
    assert not capsys.readouterr().err
    sweep(shop(), OVER, chunk=5)
    assert "sweep" in capsys.readouterr().err


def test_a_function_without_the_axes_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="model must take the axes as keywords, arrival_rate"):
        qm.sweep(lambda: None, {"arrival_rate": [1.0, 2.0]})
