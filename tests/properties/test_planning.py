"""What must hold of capacities and sweeps of any model."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.planning import Objective, capacity
from qmodel.planning.sweep import sweep
from qmodel.testing.kinds import IN_PATHS, STATIONS, Parts

DEAR = settings(max_examples=settings.default.max_examples // 2)
"""For what costs seconds."""

times = st.floats(1e-3, 0.1)
servers = st.integers(1, 40)
quantities = st.sampled_from(["p50", "p90", "p99", "p99.9", "mean", "utilization"])
stretches = st.floats(1.05, 20.0)


@st.composite
def stations(draw):
    kind = draw(st.sampled_from(["MMc", "MG1", "PS"]))
    if kind == "MMc":
        return qm.MMc(draw(times), draw(servers))
    if kind == "MG1":
        return qm.MG1(qm.Gamma(draw(times), draw(st.floats(0.2, 4.0))))
    return qm.MG1PS(qm.Exponential(draw(times)))


@st.composite
def pipelines(draw):
    steps = [qm.call(f"s{i}", draw(stations())) for i in range(draw(st.integers(1, 3)))]
    steps.append(qm.call("net", qm.Delay(draw(times))))
    if draw(st.booleans()):
        p = draw(st.just(0.0) | st.floats(1e-6, 1.0))
        last = qm.call("last", qm.MMc(draw(times), draw(servers)))
        steps.append(qm.branch((p, last), (1 - p, qm.nothing())))
    return qm.Pipeline(qm.series(*steps))


def feasible(model, quantity, stretch) -> Objective:
    """Return an objective that an idle model meets with room to spare."""
    if quantity == "utilization":
        return Objective(quantity, 1 - 0.9 / stretch)
    return Objective(
        quantity, stretch * float(Objective(quantity, 1.0).value(model.solve(0.0)))
    )


@pytest.mark.thorough
@given(pipelines(), quantities, stretches)
def test_the_capacity_is_where_the_objective_turns(model, quantity, stretch):
    objective = feasible(model, quantity, stretch)
    found = capacity(model, objective)
    assert 0 < found <= model.max_rate
    assert objective.met(model.solve(found * (1 - 1e-6)))
    if found < model.max_rate:
        assert objective.met(model.solve(found))
        assert not objective.met(model.solve(found * (1 + 1e-6)))
        # Inverted tails (M/G/1) have an absolute error, which grows close to saturation.
        closed = all(isinstance(s, (qm.MMc, qm.Delay)) for s in model.stations.values())
        noise = 0.0 if closed else 3e-11 / (1 - (objective.probability or 0.0))
        value = objective.value(model.solve(found))
        rel = 1e-9 + noise / (1 - found / model.max_rate) ** 2
        assert value == pytest.approx(objective.limit, rel=rel)


@pytest.mark.thorough
@DEAR
@given(
    pipelines(),
    st.sampled_from(["p90", "p99", "mean", "utilization"]),
    stretches,
    st.floats(1.0, 2.0),
)
def test_a_looser_target_takes_more(model, quantity, stretch, more):
    tight = feasible(model, quantity, stretch)
    limit = tight.limit * more
    loose = Objective(quantity, min(limit, 1.0) if quantity == "utilization" else limit)
    assert capacity(model, loose) >= capacity(model, tight) * (1 - 1e-8)


@given(times, servers, st.integers(1, 10), stretches)
def test_more_servers_take_more(service_time, count, more, stretch):
    model = qm.MMc(service_time, count)
    objective = feasible(model, "p99", stretch)
    larger = capacity(qm.MMc(service_time, count + more), objective)
    assert larger > capacity(model, objective)


@pytest.mark.thorough
@given(stations(), st.lists(quantities, min_size=2, max_size=3), stretches)
def test_all_objectives_is_the_least_capacity(model, several, stretch):
    objectives = [feasible(model, quantity, stretch) for quantity in several]
    least = min(float(capacity(model, one)) for one in objectives)
    assert capacity(model, objectives) == pytest.approx(least, rel=1e-9)


@pytest.mark.thorough
@given(times, servers, times, quantities, stretches, st.sampled_from([1e-6, 1e-3, 1e3, 3600.0]))
def test_change_of_the_unit_of_time(first, count, second, quantity, stretch, unit):
    def model(scale):
        calls = (
            qm.call("a", qm.MMc(first * scale, count)),
            qm.call("b", qm.MMc(second * scale)),
        )
        return qm.Pipeline(qm.series(*calls))

    here = feasible(model(1.0), quantity, stretch)
    scale = 1.0 if quantity == "utilization" else unit
    there = Objective(quantity, here.limit * scale)
    assert capacity(model(unit), there) * unit == pytest.approx(
        capacity(model(1.0), here), rel=1e-9
    )


@given(st.floats(1.0, 1e4), st.floats(1e-3, 10.0), st.sampled_from([50, 90, 99, 99.9]))
def test_closed_form_of_mm1(mu, t, percent):
    expected = mu + math.log1p(-percent / 100) / t
    found = capacity(qm.MMc([1 / mu]), Objective(f"p{percent:g}", t))[0]
    assert found == pytest.approx(max(expected, 0.0), rel=1e-12, abs=1e-12 * mu)


@pytest.mark.thorough
@given(
    st.lists(st.tuples(times, servers), min_size=1, max_size=5),
    st.sampled_from(["p50", "p99", "mean", "utilization"]),
    st.floats(0.02, 0.9),
)
def test_an_array_is_its_cells(cells, quantity, limit):
    def model(service_time, count):
        db = qm.call("db", qm.MMc(service_time, count))
        return qm.Pipeline(qm.series(qm.call("web", qm.MMc(0.004, 3)), db))

    objective = Objective(quantity, limit)
    together = capacity(model(*(np.array(x) for x in zip(*cells, strict=True))), objective)
    for found, (service_time, count) in zip(together, cells, strict=True):
        # As an array of one cell, for a cell may be infeasible: zero.
        alone = capacity(model([service_time], count), objective)
        assert found == pytest.approx(alone[0], rel=1e-9)


@pytest.mark.thorough
@given(
    pipelines(),
    st.lists(st.just(0.0) | st.floats(0.1, 200.0), min_size=1, max_size=3, unique=True),
    st.lists(times, min_size=1, max_size=3, unique=True),
    st.integers(1, 5),
)
def test_a_row_of_a_sweep_is_one_solution(model, rates, delays, chunk):
    name = "net.service.mean"
    frame = sweep(model, {"arrival_rate": rates, name: delays}, chunk=chunk)
    assert len(frame) == len(rates) * len(delays)
    for _, row in frame.iterrows():
        result = model.replace({name: row[name]}).solve(row["arrival_rate"])
        assert row["mean"] == pytest.approx(result.latency.mean, rel=1e-12)
        assert row["max_rate"] == result.max_rate
        spare = max(1 - row["arrival_rate"] / row["max_rate"], 1e-9)
        assert row["p99"] == pytest.approx(
            result.latency.quantile(0.99), rel=1e-8 + 1e-12 / spare**2
        )
        assert row["utilization.s0"] == result.stations["s0"].utilization


_GOALS = {
    "p99 < {} s": lambda station: 8.0 * station.solve(0.0).response.quantile(0.99),
    "mean < {} s": lambda station: 3.0 * station.solve(0.0).response_time,
    "loss < {}": lambda station: 0.02,
}


_COSTLY = ("ErlangA", "MDc", "MG1SizeBased", "WeightedRoundRobin")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in _COSTLY else n for n in IN_PATHS],
)
def test_a_station_and_the_pipeline_of_one_call_to_it_have_one_capacity(name):
    station = STATIONS[name](Parts(qm.Exponential(0.1)))
    alone = qm.Pipeline(qm.call("one", station))
    assert capacity(alone) == pytest.approx(capacity(station), rel=1e-12)
    for goal, limit in _GOALS.items():
        written = goal.format(float(limit(station)))
        found = capacity(station, written)
        # Tails of inverted distributions have noise, which grows close to saturation.
        assert capacity(alone, written) == pytest.approx(found, rel=1e-6)
