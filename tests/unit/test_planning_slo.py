"""What an objective means, how it is written, and what it refuses."""

import math

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.planning import Objective, parse_objective


def shop() -> qm.Pipeline:
    web, db = qm.call("web", qm.MMc(0.01, servers=4)), qm.call("load balancer", qm.MMc(0.02))
    return qm.Pipeline({"browse": (0.9, web), "checkout": (0.1, qm.series(web, db))})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("p99 < 300 ms", Objective("p99", 0.3)),
        ("p(99)<300ms", Objective("p99", 0.3)),
        ("p( 99.90 ) <= 1.5s", Objective("p99.9", 1.5, None, "<=")),
        ("p50<=1e3 us", Objective("p50", 0.001, None, "<=")),
        ("  mean < 2 min ", Objective("mean", 120.0)),
        ("p95 of checkout < 1 s", Objective("p95", 1.0, "checkout")),
        ("p95 of out of stock < 1 s", Objective("p95", 1.0, "out of stock")),
        ("utilization < 70%", Objective("utilization", 0.7)),
        ("utilization of a b <= 0.8", Objective("utilization", 0.8, "a b", "<=")),
    ],
)  # fmt: skip
def test_what_is_written(written, meant):
    parsed = parse_objective(written)
    assert (parsed.quantity, parsed.subject, parsed.comparison) == (
        meant.quantity, meant.subject, meant.comparison,
    )  # fmt: skip
    assert parsed.limit == pytest.approx(meant.limit, rel=1e-15)
    again = parse_objective(str(parsed))
    assert str(again) == str(parsed)
    assert again.limit == pytest.approx(parsed.limit, rel=1e-11)
    assert parse_objective(meant) is meant


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("p99 > 300 ms", "upper limit"),
        ("p99 300 ms", "upper limit"),
        ("p99 < 1 s < 2 s", "upper limit"),
        ("p99 < ", "upper limit"),
        (0.3, "upper limit"),
        ("p99 < 300", "unit of time, such as '300 ms'"),
        ("p99 < 300 rps", "unit of time"),
        ("mean < 5 MiB", "unit of time"),
        ("mean < 70%", "unit of time"),
        ("p99 < 30 parsecs", "unknown unit"),
        ("utilization < 70", r"did you mean 70%\?"),
        ("utilization < 70 ms", "a share"),
        ("utilisation < 70%", "did you mean 'utilization'"),
        ("latency < 1 s", "unknown quantity 'latency'"),
        ("p100 < 1 s", "below p100"),
        ("p0 < 1 s", "above p0"),
        ("p(150) < 1 s", "below p100"),
        ("p99 < -1 s", "> 0"),
        ("p99 < inf s", "p99 must be > 0"),
    ],
)
def test_what_is_refused(written, says):
    with pytest.raises(DomainError, match=says):
        parse_objective(written)


def test_fields_are_checked():
    with pytest.raises(DomainError, match="comparison"):
        Objective("p99", 0.3, None, ">")
    with pytest.raises(DomainError, match="unknown quantity"):
        Objective("P99", 0.3)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("p99 of chekout < 1 s", "did you mean 'checkout'"),
        ("p99 of load balancer < 1 s", "no kind of request 'load balancer'"),
        ("utilization of database < 70%", "no station 'database'"),
        ("utilization of wab < 70%", "did you mean 'web'"),
    ],
)
def test_what_the_model_does_not_have(written, says):
    result = shop().solve(10.0)
    for ask in (Objective.margin, Objective.met, Objective.value):
        with pytest.raises(ModelError, match=says):
            ask(parse_objective(written), result)


@pytest.mark.parametrize("written", ["p99 of all < 1 s", "utilization of web < 70%"])
def test_a_station_has_no_parts(written):
    with pytest.raises(ModelError, match="a station has no"):
        parse_objective(written).margin(qm.MMc(0.01).solve(1.0))


def test_probability_is_the_nearest_float():
    assert parse_objective("p99.9 < 1 s").probability == 0.999
    assert parse_objective("p99.99 < 1 s").probability == 0.9999
    assert Objective("mean", 1.0).probability is None


def test_values_are_those_of_the_result():
    r = shop().solve([10.0, 100.0])
    web, balancer = r.stations["web"].utilization, r.stations["load balancer"].utilization
    for written, value in {
        "p99 < 1 s": r.latency.quantile(0.99),
        "mean < 1 s": r.latency.mean,
        "p99 of checkout < 1 s": r.kinds["checkout"].latency.quantile(0.99),
        "mean of browse < 1 s": r.kinds["browse"].latency.mean,
        "utilization < 99%": np.maximum(web, balancer),
        "utilization of web < 99%": web,
    }.items():
        assert (parse_objective(written).value(r) == value).all()


@pytest.mark.parametrize("quantity", ["p50", "p99", "p99.9", "mean", "utilization"])
def test_margin_is_zero_at_the_limit_and_grows(quantity):
    model = qm.MMc(0.01, servers=3)
    at = 200.0
    limit = float(Objective(quantity, 0.5).value(model.solve(at)))
    objective = Objective(quantity, limit, None, "<=")
    assert objective.margin(model.solve(at)) == pytest.approx(0.0, abs=1e-11)
    margins = objective.margin(model.solve(np.linspace(0.0, 299.9, 50)))
    assert (np.diff(margins) > 0).all()
    assert (objective.met(model.solve([at - 1, at + 1])) == [True, False]).all()


def test_margins_of_mm1_are_straight_lines():
    rates = np.linspace(10.0, 90.0, 5)
    for objective in (
        Objective("p99", 0.3),
        Objective("mean", 0.03),
        Objective("utilization", 0.7),
    ):
        steps = np.diff(objective.margin(qm.MMc(0.01).solve(rates)))
        assert steps == pytest.approx(steps[0], rel=1e-9)


def test_overload_is_missed():
    # Only one request in a thousand meets the overloaded station: its p99 stays finite.
    rare = qm.branch(
        (0.001, qm.call("db", qm.MMc(1.0))), (0.999, qm.call("web", qm.Delay(0.01)))
    )
    r = qm.Pipeline(rare).solve([500.0, 1000.0, 2000.0])
    objective = Objective("p99", 5.0)
    assert np.isfinite(objective.value(r)).all()
    assert (objective.met(r) == [True, False, False]).all()
    assert (objective.margin(r)[1:] == math.inf).all()
    assert Objective("utilization", 0.7, "web").margin(r)[2] == math.inf


def test_strictness_at_a_constant():
    r = qm.Delay(0.3).solve(1.0)
    for quantity in ("p99", "mean"):
        assert not Objective(quantity, 0.3).met(r)
        assert Objective(quantity, 0.3, None, "<=").met(r)


def test_nan_is_not_met():
    r = qm.MMc([0.01, math.nan]).solve(10.0)
    for quantity in ("p99", "mean", "utilization"):
        objective = Objective(quantity, 0.9)
        assert np.isnan(objective.margin(r)).tolist() == [False, True]
        assert objective.met(r).tolist() == [True, False]


def test_one_tail_and_no_quantile(monkeypatch):
    result = shop().solve(10.0)
    asked = []
    law = type(result.latency)
    tail = law.tail
    monkeypatch.setattr(law, "tail", lambda self, t: asked.append(self) or tail(self, t))
    monkeypatch.setattr(law, "quantile", None)
    Objective("p99", 0.3).margin(result)
    assert [x for x in asked if x is result.latency] == [result.latency]
