"""Capacity against closed forms, its edges, and what it refuses."""

import math
import subprocess
import sys

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, InfeasibleError, ModelError
from qmodel.pipeline.model import Pipeline
from qmodel.planning import Objective, capacity, parse_objective


def line(**changes) -> Pipeline:
    web, db = qm.call("web", qm.MMc(0.01, servers=4)), qm.call("db", qm.MMc(0.02, servers=4))
    return Pipeline(qm.series(web, db)).replace(
        {k.replace("_", ".", 1): v for k, v in changes.items()}
    )


def test_closed_forms_of_mm1():
    mu = np.array([10.0, 100.0, 1e6])
    for t, p in ((0.05, 0.5), (0.3, 0.95), (30.0, 0.999)):
        found = capacity(qm.MMc(1 / mu), Objective(f"p{100 * p:g}", t))
        assert found == pytest.approx(np.maximum(mu + math.log1p(-p) / t, 0.0), rel=3e-14)
    assert capacity(qm.MMc(0.01), "mean < 30 ms") == pytest.approx(100 - 1 / 0.03, rel=3e-14)


def test_tandem_of_two_equal_queues():
    # Erlang-2 sojourn: (1 + x) exp(-x) = 0.01 at x = (mu - lam) t.
    x = 6.638352067993813
    two = qm.Pipeline(qm.series(qm.call("a", qm.MMc(0.01)), qm.call("b", qm.MMc(0.01))))
    assert capacity(two, "p99 < 200 ms") == pytest.approx(100.0 - x / 0.2, rel=1e-11)


def test_saturation_without_an_objective():
    assert capacity(qm.MMc(0.01, servers=3)) == pytest.approx(300.0)
    assert capacity(line(), []) == line().max_rate == 200.0


def test_utilization_is_linear():
    assert capacity(line(), "utilization < 70%") == pytest.approx(140.0, rel=1e-12)
    assert capacity(line(), "utilization of web <= 25%") == pytest.approx(100.0, rel=1e-12)
    # The web tier is at half its rate when the database saturates.
    assert capacity(line(), "utilization of web < 70%") == 200.0
    assert capacity(line(), "utilization <= 100%") == 200.0


def test_all_objectives_hold():
    asked = ["p99 < 120 ms", "mean < 34 ms", Objective("utilization", 0.8)]
    single = [capacity(line(), one) for one in asked]
    assert capacity(line(), asked) == pytest.approx(min(single), rel=1e-12)
    assert len({round(float(c), 6) for c in single}) == 3


def test_a_kind_has_its_own_capacity():
    web, db = qm.call("web", qm.MMc(0.01, servers=4)), qm.call("db", qm.MMc(0.02))
    shop = Pipeline({"browse": (0.9, web), "buy": (0.1, qm.series(web, db))})
    buy = capacity(shop, "p99 of buy < 200 ms")
    assert buy < capacity(shop, "p99 < 200 ms")
    distribution = shop.solve(buy).kinds["buy"].latency
    assert distribution.quantile(0.99) == pytest.approx(0.2, rel=1e-9)


def test_the_load_returned_meets_the_objective():
    for distribution in (
        qm.Exponential(0.01),
        qm.Gamma(0.01, 3.0),
        qm.Deterministic(0.01),
        qm.LogNormal(0.01, 2.0),
    ):
        for written in ("p99 < 300 ms", "mean < 60 ms", "p50 < 40 ms", "utilization < 80%"):
            model, objective = qm.MG1(distribution), parse_objective(written)
            found = capacity(model, objective)
            assert objective.met(model.solve(found)), (distribution, written)
            assert not objective.met(model.solve(found * (1 + 1e-8))), (distribution, written)


def test_arrays_broadcast_and_agree_with_cells():
    db, web = np.array([1, 2, 8])[:, None], np.array([0.004, 0.01, 0.03])
    found = capacity(
        line(db_servers=db, web_service_time=web), ["p99 < 250 ms", "mean < 60 ms"]
    )
    assert found.shape == (3, 3)
    for i, j in np.ndindex(3, 3):
        alone = line(db_servers=int(db[i, 0]), web_service_time=float(web[j]))
        assert capacity(alone, ["p99 < 250 ms", "mean < 60 ms"]) == pytest.approx(
            found[i, j], rel=1e-10
        )


def test_a_scalar_is_a_scalar():
    assert np.ndim(capacity(line(), "p99 < 200 ms")) == 0
    assert capacity(qm.MMc([0.01]), "p99 < 200 ms").shape == (1,)


def test_missed_without_load():
    with pytest.raises(InfeasibleError, match=r"p99 is 92\.1 ms without any load"):
        capacity(qm.MMc(0.02), ["mean < 50 ms", "p99 < 90 ms"])
    with pytest.raises(InfeasibleError, match="mean is 300 ms without any load"):
        capacity(qm.Delay(0.3), "mean < 300 ms")
    assert capacity(qm.MMc([0.02, 0.01]), "p99 < 90 ms")[0] == 0.0
    assert capacity(qm.MMc([0.02, 0.01]), "p99 < 90 ms")[1] > 0.0


def test_at_the_limit_without_load():
    assert capacity(qm.MMc(0.02), "mean <= 20 ms") == pytest.approx(0.0, abs=1e-9)


def test_delays_have_no_limit():
    assert capacity(qm.Delay(0.3)) == math.inf
    assert capacity(qm.Delay(0.3), "p99 <= 300 ms") == math.inf
    assert capacity(qm.Delay(0.3), "mean <= 300 ms") == math.inf
    assert capacity(qm.Delay(qm.Exponential([0.05, 0.1])), "p99 < 300 ms").tolist() == [
        math.inf,
        0.0,
    ]


def limited(rate) -> Pipeline:
    return Pipeline(qm.series(qm.limit("l", rate, burst=5), qm.call("a", qm.MMc(0.01))))


def test_behind_a_token_bucket():
    # 80/s get through at most: p99 at 80/s is 230 ms, and 100 ms is reached on the way.
    assert limited(80.0).max_rate == math.inf
    found = capacity(limited(80.0), "p99 < 100 ms")
    assert limited(80.0).solve(found).latency.quantile(0.99) == pytest.approx(0.1, rel=1e-9)
    both = capacity(limited(np.array([80.0, 120.0])), "p99 < 300 ms")  # one saturates
    assert both[0] == math.inf
    assert limited(120.0).solve(both[1]).latency.quantile(0.99) == pytest.approx(0.3, rel=1e-9)


def test_lines_at_a_blocking():
    # 15 lines at 1 % blocking take 8.108 Erlang (tables of Erlang's B formula).
    assert capacity(qm.MGcc(qm.Exponential(1.0), 15), "loss <= 1%") == pytest.approx(
        8.108, abs=5e-4
    )


def test_capacity_where_some_is_refused():
    door = qm.MMcK(0.1, servers=5, capacity=10)
    assert capacity(door, "p99 < 2 s") == math.inf  # whoever comes in is soon through
    found = capacity(door, "p99 < 2 s", "loss < 1%")
    assert door.solve(found).loss == pytest.approx(0.01, rel=1e-9)
    assert door.solve(capacity(door, "P(wait > 0) < 20%")).wait.tail(0.0) == pytest.approx(0.2)
    # In a pipeline, and for what gives up.
    assert capacity(Pipeline(qm.call("door", door)), "loss < 1%") == pytest.approx(found)
    patient = qm.ErlangA(0.1, 4, 2.0)
    found = capacity(patient, "abandoned < 2%")
    assert patient.solve(found).abandonment == pytest.approx(0.02, rel=1e-9)


def test_two_names_of_one_model_have_one_capacity():
    general, markov = qm.MG1K(qm.Exponential(0.1), 3), qm.MMcK(0.1, 1, 3)
    assert capacity(general) == capacity(markov) == math.inf
    for goals in (["p99 < 700 ms"], ["loss < 5%"], ["mean wait < 90 ms"], ["p99 < 2 s"]):
        first, second = capacity(general, goals), capacity(markov, goals)
        assert first == pytest.approx(second, rel=1e-9)
        assert capacity(Pipeline(qm.call("a", general)), goals) == pytest.approx(first)
    assert capacity(markov, "p99 < 2 s") == math.inf  # three at most: never that long


def test_goodput_is_a_floor():
    door = qm.MMcK(0.1, servers=5, capacity=10)
    found = capacity(door, "loss < 1%", "goodput > 30/s")
    assert found == capacity(door, "loss < 1%")
    with pytest.raises(
        InfeasibleError, match=r"goodput is at most 3\d\.\d*/s: 'goodput > 40/s'"
    ):
        capacity(door, "loss < 1%", "goodput > 40/s")
    assert capacity(door, "goodput > 49/s") == math.inf
    with pytest.raises(InfeasibleError, match=r"goodput is at most 50/s"):
        capacity(door, "goodput > 51/s")
    assert capacity(qm.MMc([0.01, 0.03]), "goodput > 50/s").round(9).tolist() == [100.0, 0.0]


@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_the_bracket_has_no_unit(scale):
    def found(scale):
        quota = qm.limit("l", 80.0 / scale, burst=5)
        path = qm.series(quota, qm.call("a", qm.MMc(0.01 * scale)))
        return capacity(Pipeline(path), Objective("p99", 0.1 * scale))

    assert found(scale) * scale == pytest.approx(found(1.0), rel=1e-8)
    # 61.05/s by 20 million simulated requests: p99 behind a limit is mostly found too high.
    assert 0.9 * 61.05 < found(1.0) < 61.05


def test_nan_in_nan_out():
    found = capacity(line(db_service_time=[0.02, math.nan]), "p99 < 150 ms")
    assert np.isnan(found).tolist() == [False, True]
    assert np.isnan(capacity(line(db_service_time=math.nan), "p99 < 150 ms"))


def test_tiny_tails_at_light_load():
    # The p50 of a pool of 1000 is met with a tail that rounds to nothing up to high load.
    pool = Pipeline(
        qm.series(qm.call("a", qm.MMc(0.01, servers=1000)), qm.call("d", qm.Delay(0.01)))
    )
    found = capacity(pool, "p50 < 10 s")
    assert found < pool.max_rate
    assert pool.solve(found).latency.quantile(0.5) == pytest.approx(10.0, rel=1e-6)
    assert capacity(qm.MMc(1e-6), "p99 < 1 s") == pytest.approx(1e6 + math.log(0.01), rel=1e-12)


def test_one_search_for_all_cells(monkeypatch):
    calls = []
    solve = Pipeline.solve
    monkeypatch.setattr(
        Pipeline, "solve", lambda self, rate: calls.append(rate) or solve(self, rate)
    )
    capacity(line(db_servers=np.arange(1, 500)), "p99 < 150 ms")
    assert len(calls) < 25


@pytest.mark.parametrize("model", ["a pipeline", qm.call("a", qm.MMc(0.01)), None])
def test_what_is_no_model(model):
    with pytest.raises(ModelError, match="Pipeline or a Station"):
        capacity(model, "p99 < 1 s")


def test_what_is_refused():
    with pytest.raises(DomainError, match="expected an objective"):
        capacity(line(), "p99")
    with pytest.raises(ModelError, match="no kind of request and no station 'buy'"):
        capacity(line(), "p99 of buy < 1 s")
    import sympy as sp

    symbolic = qm.MMc(sp.Symbol("S", positive=True))
    assert capacity(symbolic) == 1 / sp.Symbol("S", positive=True)
    with pytest.raises(ModelError, match="symbolic"):
        capacity(symbolic, "p99 < 1 s")


def test_imports_stay_light():
    code = """
import sys, qmodel.planning, qmodel.planning.sweep
import qmodel as qm
from qmodel.planning import capacity
capacity(qm.MMc(0.01), "p99 < 1 s")
print([m for m in ("pandas", "sympy", "scipy.optimize", "rich") if m in sys.modules])
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
