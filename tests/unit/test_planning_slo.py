"""What an objective means, how it is written, and what it refuses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("99.9 % under 1 s", Objective("p99.9", 1.0)),
        ("80% within 20 s", Objective("p80", 20.0, None, "<=")),
        ("80 % of wait within 20 s", Objective("p80 wait", 20.0, None, "<=")),
        ("95 % of wait of db under 10 ms", Objective("p95 wait", 0.01, "db")),
        ("99 % of checkout under 2 s", Objective("p99", 2.0, "checkout")),
        ("p80 of wait < 20 s", Objective("p80 wait", 20.0)),
        ("p80 of the wait < 20 s", Objective("p80 wait", 20.0)),
        ("mean wait < 1 s", Objective("mean wait", 1.0)),
        ("p95 wait of database < 10 ms", Objective("p95 wait", 0.01, "database")),
        ("p(95) of wait of database < 10 ms", Objective("p95 wait", 0.01, "database")),
        ("p99 latency of wait < 1 s", Objective("p99", 1.0, "wait")),
        ("mean response < 1 s", Objective("mean", 1.0)),
        ("P(wait > 0) < 1 %", Objective("P(wait > 0 s)", 0.01)),
        ("P(response > 1 s)<0.1%", Objective("P(latency > 1 s)", 0.001)),
        ("p(wait > 20 s) of db <= 0.2", Objective("P(wait > 20 s)", 0.2, "db", "<=")),
        ("loss < 0.1%", Objective("loss", 0.001)),
        ("rejected of door < 1 %", Objective("rejected", 0.01, "door")),
        ("abandoned <= 2%", Objective("abandoned", 0.02, None, "<=")),
        ("goodput > 100/s", Objective("goodput", 100.0)),
        ("goodput of buy >= 6k/min", Objective("goodput", 100.0, "buy", ">=")),
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
        ("p99 300 ms", "expected an objective"),
        ("p99 < 1 s < 2 s", "expected an objective"),
        ("p99 < ", "expected an objective"),
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
        ("goodput < 100/s", "a lower limit, such as 'goodput > 100/s'"),
        ("goodput > 100", "is a rate, such as '100/s'"),
        ("goodput > 10 ms", "is a rate"),
        ("loss < 3 ms", "a share, such as '1 %'"),
        ("loss < 2", r"loss must be <= 1, got 2.0; did you mean 2%\?"),
        ("lost < 1%", "did you mean 'loss'"),
        ("wait < 1 s", "did you mean 'p95 wait'"),
        ("P(wait > 3) < 1%", "such as '3 ms'"),
        ("P(wait > -3 s) < 1%", ">= 0 s"),
        ("P(time > 3 s) < 1%", "unknown quantity 'P\\(time > 3 s\\)'"),
        ("P(wait > 0)", "unknown quantity"),
    ],
)
def test_what_is_refused(written, says):
    with pytest.raises(DomainError, match=says):
        parse_objective(written)


def test_what_is_no_text_is_refused():
    with pytest.raises(ModelError, match=r"written must be a text or an Objective, got 0\.3"):
        parse_objective(0.3)


def test_fields_are_checked():
    with pytest.raises(DomainError, match="upper limit"):
        Objective("p99", 0.3, None, ">")
    with pytest.raises(DomainError, match="unknown quantity"):
        Objective("P99", 0.3)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("p99 of chekout < 1 s", "did you mean 'checkout'"),
        ("p99 of load balance < 1 s", "did you mean 'load balancer'"),
        ("utilization of database < 70%", "no station 'database'"),
        ("utilization of wab < 70%", "did you mean 'web'"),
        ("rejected of wab < 1%", "did you mean 'web'"),
        ("p95 wait of checkout < 1 s", "no station 'checkout'"),
        ("p95 wait < 1 s", "the wait of which station.*web, load balancer"),
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


_NAMES = st.from_regex(r"[a-z][a-z0-9 .-]{0,8}[a-z0-9]", fullmatch=True)
_TIMES = st.floats(1e-6, 1e6)
_SHARES = st.floats(1e-12, 1.0)
_DIGITS = st.integers(1, 99_999).map(lambda n: f"{n / 1000:g}")


@st.composite
def objectives(draw) -> Objective:
    timed = st.builds(
        "{}{}".format,
        st.just("mean") | _DIGITS.map("p{}".format),
        st.sampled_from(["", " wait", " of the wait", " latency", " response"]),
    )
    beyond = st.builds(
        "P({} > {!r} s)".format,
        st.sampled_from(["wait", "latency", "response"]),
        st.just(0.0) | _TIMES,
    )
    shares = st.sampled_from(["utilization", "loss", "rejected", "abandoned"]) | beyond
    quantity = draw(timed | shares | st.just("goodput"))
    limit = draw(_SHARES if quantity[0] in "Pular" else _TIMES)
    strict = draw(st.booleans())
    sign = (">" if quantity == "goodput" else "<") + ("" if strict else "=")
    names = _NAMES | st.sampled_from(["wait", "latency of x", "wait of x", "the wait", "all"])
    return Objective(quantity, limit, draw(st.none() | names), sign)


@given(objectives())
def test_text_and_objective_are_one_another(objective):
    assert parse_objective(str(objective)) == objective
    assert parse_objective(f"  {objective}  ") == objective


def test_losses_are_those_of_the_result():
    station = qm.ErlangA(0.1, 4, 2.0)
    r = station.solve([20.0, 60.0])
    for written, value in {
        "rejected < 1%": r.loss,
        "abandoned < 1%": r.abandonment,
        "loss < 1%": r.loss + r.abandonment,
        "goodput > 10/s": r.throughput,
        "p80 wait < 1 s": r.wait.quantile(0.8),
        "mean wait < 1 s": r.waiting_time,
        "P(wait > 0) < 1%": r.wait.tail(0.0),
        "P(response > 1 s) < 1%": r.served_response.tail(1.0),
    }.items():
        assert parse_objective(written).value(r) == pytest.approx(value, rel=1e-14)
    assert (parse_objective("goodput > 30/s").met(r) == [False, True]).all()


def test_parts_of_a_pipeline():
    door = qm.call("door", qm.MMcK(0.1, servers=5, capacity=10))
    db = qm.call("db", qm.MMc(0.01))
    shop = qm.Pipeline({"read": (0.9, door), "write": (0.1, qm.series(door, db))})
    r = shop.solve([40.0, 70.0])
    at_db = r.stations["db"]
    for written, value in {
        "p99 of db < 1 s": at_db.response.quantile(0.99),
        "p95 wait of db < 1 s": at_db.wait.quantile(0.95),
        "mean wait of db < 1 s": at_db.waiting_time,
        "rejected of door < 1%": r.stations["door"].loss,
        "rejected < 1%": r.rejected,
        "rejected of write < 1%": r.kinds["write"].rejected,
        "goodput of db > 1/s": at_db.throughput,
        "goodput of read > 1/s": 0.9 * r.arrival_rate * r.kinds["read"].accepted,
        "mean wait < 1 s": r.visits["door"] * r.stations["door"].waiting_time
        + r.visits["db"] * at_db.waiting_time,
    }.items():
        assert parse_objective(written).value(r) == pytest.approx(value, rel=1e-12)


def test_what_a_limit_turns_away():
    path = qm.series(qm.limit("door", 50.0, burst=5), qm.call("db", qm.MMc(0.01)))
    other = qm.call("db", path.steps[1].station)
    r = qm.Pipeline({"read": (0.5, path), "write": (0.5, other)}).solve([60.0, 120.0])
    turned = parse_objective("rejected of door < 1%").value(r)
    assert turned == pytest.approx(2 * r.rejected, rel=1e-12)
    assert turned == pytest.approx(r.kinds["read"].rejected, rel=1e-12)
    assert parse_objective("goodput of door > 1/s").value(r) == pytest.approx(
        r.kinds["read"].goodput
    )
    assert parse_objective("abandoned of door < 1%").value(r).tolist() == [0, 0]
    with pytest.raises(ModelError, match="the limit 'door' takes no time"):
        parse_objective("p99 of door < 1 s").value(r)
    with pytest.raises(ModelError, match="did you mean 'door'"):
        parse_objective("rejected of dor < 1%").value(r)


def test_the_only_queue_needs_no_name():
    path = qm.series(qm.call("net", qm.Delay(0.1)), qm.call("db", qm.MMc(0.01)))
    r = qm.Pipeline(path).solve(80.0)
    asked = parse_objective("P(wait > 0) < 1%")
    assert asked.value(r) == pytest.approx(0.8)
    # Where only some requests come to it, the wait of the whole is not that of the queue.
    some = qm.branch((0.5, path), (0.5, qm.nothing()))
    with pytest.raises(ModelError, match="the wait of which station"):
        asked.value(qm.Pipeline(some).solve(80.0))
    with pytest.raises(ModelError, match="its servers are shared"):
        asked.value(qm.MG1PS(qm.Exponential(0.01)).solve(80.0))


@pytest.mark.parametrize(
    "written",
    [
        "p80 wait < 20 ms", "mean wait < 5 ms", "P(wait > 1 ms) < 20%", "P(latency > 1 s) < 1%",
        "loss < 1%", "rejected < 1%", "p99 < 1 s",
    ],
)  # fmt: skip
def test_margins_grow_with_load(written):
    r = qm.MMcK(0.01, servers=3, capacity=9).solve(np.linspace(1.0, 900.0, 60))
    margins = parse_objective(written).margin(r)
    assert np.isfinite(margins).all()
    assert (np.diff(margins) > 0).all()


def test_a_goodput_comes_with_load():
    margins = parse_objective("goodput > 80/s").margin(
        qm.MMcK(0.01, servers=1, capacity=9).solve(np.linspace(1.0, 200.0, 60))
    )
    assert (np.diff(margins) < 0).all()
    assert margins[0] > 0 > margins[-1]


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
    distribution = type(result.latency)
    tail = distribution.tail
    monkeypatch.setattr(
        distribution, "tail", lambda self, t: asked.append(self) or tail(self, t)
    )
    monkeypatch.setattr(distribution, "quantile", None)
    Objective("p99", 0.3).margin(result)
    assert [x for x in asked if x is result.latency] == [result.latency]


def test_a_value_has_as_many_digits_as_tell_it_from_the_limit() -> None:
    goal = qm.planning.parse_objective("p99 < 80 ms")
    assert goal.text(0.0460517018599) == "46.1 ms"
    assert goal.text(0.0800012) == "80.0012 ms"
    assert goal.text(0.08) == "80 ms"
