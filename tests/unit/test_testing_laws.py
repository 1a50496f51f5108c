"""Every distribution holds for what is right, and fails for what is deliberately wrong."""

import ast
import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.distributions import PhaseType
from qmodel.queues.counts.states import Geometric
from qmodel.queues.mmck import MMcK
from qmodel.testing import laws, strategies
from qmodel.testing.rescaled import rescaled

DEAR = settings(max_examples=settings.default.max_examples // 2)
"""For what costs seconds."""

SITE = qm.web.typical_pipeline()
QUEUE = qm.MMc(0.2, 4)
RESULT = QUEUE.solve(9.0)
QUICK = ("Delay", "MG1", "MG1PS", "MGc", "MMc", "MMcK")
"""Kinds to try the distributions on; tests/properties tries them on all."""

SMOOTH = ("exponential", "erlang", "constant", "gamma")


@dataclass(frozen=True, slots=True, eq=False)
class Wrong(qm.Station):
    """A queue that is right but for what `spoil` makes of its results."""

    station: qm.Station
    spoil: object

    @property
    def servers(self):
        return self.station.servers

    @property
    def service(self):
        return self.station.service

    def serving(self, service):
        return Wrong(self.station.serving(service), self.spoil)

    def _solve(self, arrival_rate):
        return self.spoil(self.station._solve(arrival_rate))


@dataclass(frozen=True, slots=True, eq=False)
class WrongLaw(qm.Distribution):
    """An exponential distribution of mean 1 with one wrong part."""

    mean: float = 1.0
    late: float = 1.0
    closed = True

    @property
    def variance(self):
        return 1.0

    def laplace(self, s):
        return 1 / (1 + s)

    def tail(self, t):
        return np.exp(-np.maximum(t, 0))

    def density(self, t):
        return np.exp(-t)

    def quantile(self, p):
        with np.errstate(divide="ignore"):
            return -np.log1p(-p) * self.late


def slower(result):
    return replace(result, waiting_time=result.waiting_time * 1.001)


# Right.


@given(strategies.stations(QUICK), strategies.loads())
def test_of_one_result(station, load):
    result = station.solve(strategies.rate_of(station, load))
    laws.littles_law(result)
    laws.flow_balance(result)
    laws.pasta(result)


@pytest.mark.thorough
@given(strategies.pipelines(QUICK), strategies.loads(most=0.99))
def test_of_one_pipeline(pipeline, load):
    rate = strategies.rate_of(pipeline, load)
    laws.littles_law(pipeline.solve(rate))
    laws.flow_balance(pipeline.solve(rate))


@given(strategies.stations(QUICK), st.lists(strategies.loads(), min_size=2, max_size=3))
def test_of_a_station_and_its_load(station, some):
    laws.monotone_in_load(station, [strategies.rate_of(station, x) for x in some])


@DEAR
@given(strategies.stations(QUICK, SMOOTH), strategies.loads(least=0.01, most=0.95))
def test_of_a_station_and_its_unit(station, load):
    assume(station.service.scv == 0 or station.service.scv >= 0.1)
    laws.change_of_time_unit(station, strategies.rate_of(station, load))


@DEAR
@given(strategies.stations(QUICK, SMOOTH), strategies.loads(least=0.05, most=0.95))
def test_of_a_station_and_its_cells(station, load):
    assume(station.service.scv == 0 or station.service.scv >= 0.1)
    laws.array_equals_cells(
        station, strategies.rate_of(station, np.array([load / 2, load, 1.1]))
    )


@given(strategies.stations(["MMc", "MG1"]), strategies.loads(least=0.01, most=0.99))
def test_of_floats_and_symbols(station, load):
    laws.float_equals_symbolic(station, strategies.rate_of(station, load), rel=1e-10)


@given(strategies.stations(["MMc"]), strategies.loads(least=0.05, most=0.98))
def test_of_times(station, load):
    result = station.solve(strategies.rate_of(station, load))
    for distribution in (result.wait, result.response):
        laws.quantile_inverts_tail(distribution)
        laws.mean_is_integral_of_tail(distribution)
        laws.mean_is_slope_of_transform(distribution)


@given(
    strategies.service_distributions(["exponential", "constant", "erlang", "uniform", "sum"])
)
def test_of_service_distributions(distribution):
    laws.quantile_inverts_tail(distribution)
    laws.mean_is_integral_of_tail(distribution)
    laws.mean_is_slope_of_transform(distribution)


def test_of_whole_pipelines():
    laws.monotone_in_load(SITE, [0.0, 100.0, 3000.0], ["mean", "p99"])
    laws.change_of_time_unit(SITE, np.array([10.0, 3000.0]), unit=1e-3)
    laws.array_equals_cells(SITE, [0.0, 2000.0, 5000.0])
    laws.float_equals_symbolic(qm.web.typical_pipeline(workers="free"), 3000.0)


def test_limits_between_models():
    laws.agree(qm.MMc(0.2), qm.MG1(qm.Exponential(0.2)), np.array([1.0, 4.9]))
    constant = qm.MG1(qm.Deterministic(0.1))
    laws.tends_to(lambda k: qm.MG1(qm.Erlang(0.1, k)), constant, [1, 16, 2**16], 9.0)
    laws.tends_to(lambda v: qm.MG1(qm.Gamma(0.1, v)), constant, [1.0, 0.1, 1e-5], 9.0)
    laws.insensitive(
        lambda distribution: qm.MGcPS(distribution, 3),
        [qm.Exponential(0.1), qm.Deterministic(0.1), qm.Gamma(0.1, 4.0)],
        np.array([1.0, 29.0]),
    )


def test_of_a_station_that_loses_some():
    result = MMcK(0.1, servers=3, capacity=10).solve(np.array([0.0, 20.0, 50.0]))
    laws.littles_law(result)
    laws.flow_balance(result)
    laws.pasta(result)


def test_a_model_in_another_unit_shares_what_it_shared():
    db = qm.MMc(0.1, 2)
    path = qm.series(qm.call("db", db), qm.retry(qm.call("db", db), failure=0.1, pause=0.5))
    there = rescaled(qm.Pipeline(path), 60.0)
    calls = [s for s in there.kinds["all"][1].walk() if hasattr(s, "station")]
    assert calls[0].station is calls[1].station is there.stations["db"]
    assert calls[0].station.service_time == pytest.approx(6.0)
    assert db.service_time == 0.1


# Wrong.


def fails(distribution, *args, match, **options):
    with pytest.raises(AssertionError, match=match):
        distribution(*args, **options)


def altered(result, **computed):
    """Return a result in which something that is computed when asked for is wrong."""
    bad = copy.copy(result)
    bad.__dict__.update(computed)
    return bad


def test_a_wrong_number_breaks_littles_distribution():
    bad = replace(RESULT, number_in_system=RESULT.number_in_system * 1.000001)
    fails(laws.littles_law, bad, match=r"Little's law: number_in_system is .* \(off by 1e-06\)")
    fails(laws.littles_law, replace(RESULT, queue_length=np.nan), match="queue_length is nan")
    whole = SITE.solve(2000.0)
    stations = dict(whole.stations) | {"database": slower(whole.stations["database"])}
    bad = altered(whole, _labelled=(whole.basis, stations))
    fails(laws.littles_law, bad, match="Little's law at database: queue_length")


def test_a_lost_flow_is_seen():
    fails(laws.flow_balance, replace(RESULT, arrival_rate=9.1), match="arrival_rate is 9.1")
    fails(laws.flow_balance, replace(RESULT, loss=1.5), match="loss is 1.5, not from 0")
    fails(laws.flow_balance, replace(RESULT, utilization=0.5), match="utilization is 0.5")
    whole = SITE.solve(2000.0)
    bad = altered(whole, visits=dict(whole.visits) | {"cache": 1.0})
    fails(laws.flow_balance, bad, match="flow balance at cache: arrival_rate")


def test_clients_that_are_here_do_not_ask():
    for station in (qm.FiniteSource(0.1, 2, 8), qm.Engset(0.1, 2, 8)):
        r = station.solve(3.0)
        laws.flow_balance(r)
        # All eight would be 24 a second.
        fails(laws.flow_balance, replace(r, arrival_rate=24.0), match="arrival_rate is 24")


def test_a_batch_is_no_time():
    there = rescaled(qm.MXG1(qm.Exponential(0.1), qm.GeometricBatch(3.0)), 60.0)
    assert there.batch.mean == 3.0
    assert there.service.mean == pytest.approx(6.0)
    assert rescaled(qm.ErlangA(0.1, 2, 0.5), 60.0).patience == pytest.approx(30.0)


def test_an_arrival_that_sees_something_else():
    one = qm.MMc(0.2).solve(4.0)
    laws.pasta(replace(one, number=Geometric(0.8)))
    fails(laws.pasta, replace(one, number=Geometric(0.79)), match=r"PASTA: P\(wait > 0\)")


def test_times_that_fall_with_load():
    bad = Wrong(QUEUE, lambda r: replace(r, waiting_time=1 / (1 + r.arrival_rate)))
    match = (
        "more load is never faster: waiting_time goes from 0.5 to 0.1 as the load goes from 1"
    )
    fails(laws.monotone_in_load, bad, [9.0, 1.0], match=match)
    nan = Wrong(QUEUE, lambda r: replace(r, response_time=np.nan))
    fails(laws.monotone_in_load, nan, [1.0, 9.0], match="response_time goes from nan")


def test_times_that_move_the_wrong_way():
    fails(laws.monotone_in, lambda c: qm.MMc(0.1, c), [2, 3], 15.0, up=True, match="times rise")
    match = "times fall with the parameter"
    fails(laws.monotone_in, lambda s: qm.MMc(s, 2), [0.1, 0.11], 15.0, up=False, match=match)


def test_a_constant_that_does_not_scale():
    bad = Wrong(QUEUE, lambda r: replace(r, response_time=r.response_time + 0.001))
    match = "another unit of time: response_time"
    fails(laws.change_of_time_unit, bad, 9.0, match=match)


def test_cells_that_know_of_each_other():
    def leak(r):
        return replace(r, waiting_time=r.waiting_time + 1e-6 * (np.size(r.arrival_rate) - 1))

    bad = Wrong(QUEUE, leak)
    match = "an array is its cells: waiting_time in cell 0"
    fails(laws.array_equals_cells, bad, [1.0, 9.0], match=match)
    over = Wrong(
        QUEUE,
        lambda r: replace(
            r, waiting_time=np.minimum(r.waiting_time, 1e3 * np.size(r.arrival_rate))
        ),
    )
    fails(laws.array_equals_cells, over, [1.0, 25.0], match="waiting_time in cell 1")


def test_floats_of_another_formula():
    def both(r):
        symbolic = hasattr(r.waiting_time, "free_symbols")
        return r if symbolic else slower(r)

    match = r"floats are the symbols: waiting_time .* \(off by 0.001\)"
    fails(laws.float_equals_symbolic, Wrong(QUEUE, both), 9.0, match=match)


def test_models_that_differ():
    other = qm.MG1(qm.Deterministic(0.2))
    match = "the models agree: waiting_time is 0.8, should be 0.4"
    fails(laws.agree, qm.MMc(0.2), other, 4.0, match=match)


def test_limits_that_are_not():
    constant, rates = qm.MG1(qm.Deterministic(0.1)), 9.0
    away = [64, 4]
    match = "the limit is approached: at 4"
    fails(
        laws.tends_to, lambda k: qm.MG1(qm.Erlang(0.1, k)), constant, away, rates, match=match
    )
    match = "the limit is reached: response_time"
    fails(laws.tends_to, lambda k: qm.MMc(0.1), constant, [1, 2], rates, match=match)


def test_a_distribution_that_counts():
    some = [qm.Exponential(0.1), qm.Gamma(0.1, 4.0)]
    fails(laws.insensitive, qm.MG1, some, 8.0, match="insensitivity .* response_time")


def test_waits_that_do_not_add_up():
    r = qm.MG1(qm.Exponential(0.1)).solve([qm.Stream(3.0), qm.Stream(5.0)])
    laws.conservation_law(r, r)
    first, second = r.streams
    # What one gains is not what the other loses.
    bad = replace(
        r,
        streams=(
            replace(first, waiting_time=0.1, response_time=0.1 + 0.1),
            second,
        ),
    )
    fails(laws.conservation_law, bad, r, match="the conservation law: the sum of work")
    fair = (0.9 * first.waiting_time, (5 + 0.1 * 3) / 5 * second.waiting_time)
    moved = tuple(
        replace(s, waiting_time=w, response_time=w + 0.1)
        for s, w in zip(r.streams, fair, strict=True)
    )
    laws.conservation_law(replace(r, streams=moved), r)


def test_distributions_of_times_that_do_not_belong_together():
    for distribution in (laws.quantile_inverts_tail, laws.mean_is_integral_of_tail):
        distribution(WrongLaw())
    laws.mean_is_slope_of_transform(WrongLaw())
    fails(laws.quantile_inverts_tail, WrongLaw(late=1.001), match=r"at p = 0.01 the quantile")
    fails(laws.quantile_inverts_tail, WrongLaw(late=np.nan), match="quantile is nan")
    match = "the mean is the integral of the tail: mean is 1.001"
    fails(laws.mean_is_integral_of_tail, WrongLaw(mean=1.001), match=match)
    match = "the mean is minus the slope of the transform: mean is 1.001"
    fails(laws.mean_is_slope_of_transform, WrongLaw(mean=1.001), match=match)


def test_every_unit_is_known_from_the_fields():
    two = (qm.MMc(0.1), qm.MMc(0.2))
    for model in (
        qm.MG1(qm.Empirical([0.1, 0.2, 0.4])),
        qm.MG1(qm.Pareto(0.1, 3.5)),
        qm.MG1(PhaseType([1.0, 0.0], [[-10.0, 5.0], [0.0, -20.0]])),
        qm.BirthDeath([10.0, 20.0]),
        qm.balancing.WeightedSplit(two, (0.5, 0.5), delays=(0.1, 0.2)),
        qm.Pipeline(qm.hedge("copy", qm.call("a", qm.MMc(0.1, 16)), delay=0.3)),
    ):
        laws.change_of_time_unit(model, 2.0)


def test_a_number_without_a_unit_is_refused():
    with pytest.raises(qm.ModelError, match=r"WrongLaw\.mean does not say its unit"):
        rescaled(qm.MG1(WrongLaw()), 60.0)


def test_nothing_to_compare_is_refused():
    distribution = qm.Exponential(1.0)
    for check in (
        lambda: laws.monotone_in_load(QUEUE, [9.0]),
        lambda: laws.monotone_in_load(QUEUE, [1.0, 9.0], []),
        lambda: laws.monotone_in(lambda c: qm.MMc(0.1, c), [2], 3.0, up=False),
        lambda: laws.array_equals_cells(QUEUE, []),
        lambda: laws.agree(QUEUE, QUEUE, 9.0, quantities=[]),
        lambda: laws.tends_to(lambda k: QUEUE, QUEUE, [], 9.0),
        lambda: laws.insensitive(qm.MG1PS, [distribution], 0.5),
        lambda: laws.insensitive(qm.MG1PS, [distribution, distribution], 0.5, quantities=()),
        lambda: laws.quantile_inverts_tail(distribution, []),
    ):
        with pytest.raises(qm.DomainError, match=r"must be at least \d, got"):
            check()


def test_what_is_accepted_is_what_is_not_lost():
    full = MMcK(0.1, servers=3, capacity=10).solve(50.0)
    fails(laws.flow_balance, replace(full, accepted=0.5), match="accepted is 0.5")
    fails(laws.flow_balance, replace(full, utilization=1.2), match="utilization is 1.2")


def test_distributions_hold_without_assert_statements():
    """`python -O` drops them, and a distribution would hold whatever the model does."""
    found = []
    for path in sorted(Path(laws.__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [path.name for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert found == []


def test_visits_find_a_station_that_is_called_twice():
    web, db = qm.call("web", qm.MMc(0.02, 16)), qm.call("db", qm.MMc(0.008, 4))
    once, twice = qm.Pipeline(qm.series(web, db)), qm.Pipeline(qm.series(web, db, db))
    laws.visits(once, {"web": 1, "db": 1})
    with pytest.raises(AssertionError, match="db is 2, should be 1"):
        laws.visits(twice, {"web": 1, "db": 1})
    with pytest.raises(AssertionError, match="not from 0 to 1"):
        laws.visits(twice, {"web": 1, "db": (0, 1)})
    with pytest.raises(AssertionError, match="db is called, and is not expected"):
        laws.visits(once, {"web": 1})
    with pytest.raises(qm.ModelError, match="did you mean 'web'"):
        laws.visits(once, {"webb": 1})
    with pytest.raises(qm.DomainError, match="at least one station"):
        laws.visits(once, {})


def test_idle_latency_finds_milliseconds_for_seconds():
    def site(time):
        return qm.Pipeline(qm.call("web", qm.MMc(time, servers=16)))

    laws.idle_latency(site(0.02), 0.001, 1.0)
    laws.idle_latency(qm.MG1(qm.Gamma(0.02, 2.0)), 0.001, 1.0)
    with pytest.raises(AssertionError, match=r"mean is 20\.0, not from 0\.001 to 1\.0"):
        laws.idle_latency(site(20.0), 0.001, 1.0)
    with pytest.raises(AssertionError, match="not from"):
        laws.idle_latency(site(0.02e-3), 0.001, 1.0)
    with pytest.raises(AssertionError, match="p99 is"):
        laws.idle_latency(site(0.5), 0.001, 1.0)
    with pytest.raises(qm.DomainError, match="below most"):
        laws.idle_latency(site(0.5), 1.0, 1.0)
