"""Calls of one request to one station at the same time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.queues.approximations.batch_errors import WORST
from qmodel.queues.approximations.batch_waits import Batches, _found
from qmodel.queues.approximations.dispersion import POISSON
from qmodel.queues.counts.batch_arrivals import found_by_batches, found_by_renewals
from qmodel.queues.counts.batches import FixedBatch
from qmodel.queues.mxg1 import MXG1
from qmodel.queues.waits.at_once import LastDone

ROOT = Path(__file__).parents[2]


def many(station: qm.Station, calls: int) -> qm.Pipeline:
    return qm.Pipeline(qm.parallel(*[qm.call("db", station)] * calls))


SERVICES = [
    qm.Exponential(0.2),
    qm.Gamma(0.2, 0.3),
    qm.LogNormal(0.2, 3.0),
    qm.Sum((qm.Deterministic(0.1), qm.Exponential(0.1))),
]


@pytest.mark.parametrize("service", SERVICES)
def test_one_server_is_exact(service: qm.Distribution) -> None:
    """All calls of a request are done as one that takes all their work: M/G/1."""
    r = many(qm.MG1(service), 3).solve(1.2)
    whole = qm.MG1(qm.Repeated(service, 3)).solve(1.2)
    assert float(r.latency.mean) == pytest.approx(float(whole.response_time))
    p = np.array([0.1, 0.5, 0.9, 0.99])
    np.testing.assert_allclose(r.latency.quantile(p), whole.response.quantile(p), rtol=1e-6)
    # Any one of the calls is as in M^X/G/1.
    each = MXG1(service, FixedBatch(3)).solve(3.6)
    assert float(r.stations["db"].waiting_time) == pytest.approx(float(each.waiting_time))
    np.testing.assert_allclose(
        r.stations["db"].response.quantile(p), each.response.quantile(p), rtol=1e-6
    )
    assert "calls-at-once" in r.basis.assumptions("p99")
    assert "independent-branches" not in r.basis.assumptions("mean")


def test_two_exponential_calls_to_two_servers() -> None:
    """M^2/M/2: the chain gives the time until both are done, by what the first finds."""
    found = many(qm.MMc(1.0, 2), 2).solve(0.7)
    states = np.zeros(800)
    states[0] = 1.0
    rate = 0.7
    for n in range(799):
        states[n + 1] = rate * states[max(n - 1, 0) : n + 1].sum() / min(n + 1, 2)
    states /= states.sum()
    # Both free: the later of two. One free, or none: the second begins as the next is done;
    # with the probability 1/2 that is not the first, and both are left.
    left = 1.0 + 0.5 * 0.5
    queue = np.arange(800)
    wait = (np.maximum(queue - 1, 0) * states).sum() / 2
    mean = states[0] * 1.5 + (1 - states[0]) * (0.5 + left) + wait
    assert float(found.latency.mean) == pytest.approx(mean, rel=1e-9)


def test_it_matters_with_how_many_servers_and_not_without_load() -> None:
    free = many(qm.MMc(0.01, 8), 4).solve(1e-9).latency
    assert float(free.mean) == pytest.approx(0.01 * (1 + 1 / 2 + 1 / 3 + 1 / 4), rel=1e-6)
    alone = many(qm.MMc(0.01, 1), 4).solve(1e-9).latency
    assert float(alone.mean) == pytest.approx(0.04, rel=1e-6)
    means = [float(many(qm.MMc(0.01, c), 4).solve(20.0).latency.mean) for c in (1, 2, 4, 8, 64)]
    assert means == sorted(means, reverse=True)


def test_rates_in_arrays_are_their_cells() -> None:
    rates = np.array([0.0, 50.0, 180.0, 250.0, np.nan])
    pipeline = many(qm.MMc(0.01, 8), 4)
    r = pipeline.solve(rates).latency
    for i, rate in enumerate(rates):
        one = pipeline.solve(float(rate)).latency
        for of in (lambda x: x.mean, lambda x: x.quantile(0.99)):
            assert float(of(r)[i]) == pytest.approx(float(of(one)), rel=1e-7, nan_ok=True)
    assert np.isinf(r.mean[3])
    servers = many(qm.MMc(0.01, np.array([1, 8])), 4).solve(20.0).latency.mean
    assert servers == pytest.approx(
        [float(many(qm.MMc(0.01, c), 4).solve(20.0).latency.mean) for c in (1, 8)]
    )


def test_some_call_another_station() -> None:
    db, other = qm.call("db", qm.MMc(0.3, 2)), qm.call("other", qm.MMc(0.5))
    r = qm.Pipeline(qm.parallel(db, other, db)).solve(1.0)
    two = qm.Pipeline(qm.parallel(db, db)).solve(1.0).latency
    alone = qm.MMc(0.5).solve(1.0).response
    assert float(r.latency.tail(1.0)) == pytest.approx(
        1 - (1 - float(two.tail(1.0))) * (1 - float(alone.tail(1.0))), rel=1e-6
    )
    assert "independent-branches" in r.basis.assumptions("mean")


def test_a_delay_that_branches_share_is_no_queue() -> None:
    hop = qm.call("hop", qm.Delay(qm.Deterministic(0.1)))
    rows = [qm.series(hop, qm.call(name, qm.MMc(0.5))) for name in "ab"]
    r = qm.Pipeline(qm.parallel(*rows)).solve(1.0)
    later = qm.Pipeline(qm.parallel(*(row.steps[1] for row in rows))).solve(1.0)
    assert float(r.latency.mean) == pytest.approx(0.1 + float(later.latency.mean), rel=0.01)
    assert "correlated-waits" in r.basis.assumptions("mean")
    assert "independent-branches" not in r.basis.assumptions("mean")


def test_streams_of_batches() -> None:
    station = qm.MMc(1.0, 2)
    alone = station.solve(qm.Stream(1.0, batch=1))
    batch = station.solve([qm.Stream(0.5, batch=3), qm.Stream(0.5)])
    assert alone.at_once is None
    assert batch.at_once is not None
    assert float(batch.waiting_time) > float(alone.waiting_time)
    assert float(batch.wait.mean) == pytest.approx(float(batch.waiting_time))
    with pytest.raises(qm.DomainError, match="batch"):
        qm.Stream(1.0, batch=0)


def test_the_last_of_those_that_have_begun() -> None:
    service = qm.Exponential(1.0)
    found = LastDone((service, service), (np.log(2.0), 0.0))
    t = np.array([-1.0, 0.0, 0.5, 2.0])
    late = np.exp(-np.maximum(t, 0.0))
    wanted = np.where(t < 0, 1.0, 1 - (1 - late / 2) * (1 - late))
    np.testing.assert_allclose(found.tail(t), wanted, rtol=1e-12)
    assert float(found.mean) == pytest.approx(1.25, rel=1e-9)
    step = 1e-6
    slope = (found.tail(0.7 - step) - found.tail(0.7 + step)) / (2 * step)
    assert float(found.tail_and_density(0.7)[1]) == pytest.approx(slope, rel=1e-6)
    assert float(found.atom) == 0.0


def test_labels_are_those_of_the_table() -> None:
    other, constant = WORST["other service"], WORST["constant service"]
    basis = many(qm.MMc(1.0, 2), 2).solve(0.5).basis
    statement = next(a.statement for a in basis.assumptions("p99") if a == "calls-at-once")
    assert (
        "within {mean} %, p50 within {p50} % and p99 within {p99} %".format(**other)
        in statement
    )
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    assert "calls: mean {mean} %, p50 {p50} %, p99 {p99} %".format(**other) in exact
    assert "service mean {mean} %, p50 {p50} %, p99 {p99} %".format(**constant) in exact
    assert max(other["mean"], other["p99"]) <= 8


def test_the_index_of_batches() -> None:
    together, apart = Batches(POISSON, 4), Batches(POISSON, 4, 2.0)
    assert float(1 + together.extra(0.1, {})) == 4
    t = np.array([0.0, 1e-6, 1.0, 1e9])
    # Of two of a batch, an exponential time apart, both fall into a window of t, on the mean.
    seen = np.linspace(0.0, 1.0, 20_001)
    both = np.trapezoid((1 - seen) * np.exp(-seen / 2.0) / 2.0, seen)
    index = 1 + apart.extra(t, {})
    assert index[2] == pytest.approx(1 + 3 * both, rel=1e-6)
    assert index[[0, 1, 3]] == pytest.approx([1.0, 1.0, 4.0], abs=1e-5)


def test_symbols_are_taken_as_single_calls() -> None:
    rate = sp.Symbol("lambda", positive=True)
    db, tenth = qm.call("db", qm.MMc(sp.Rational(1, 10))), sp.Rational(1, 10)
    own = [qm.call(name, qm.MMc(tenth)) for name in "ab"]
    for steps in ([db, db], [qm.series(x, db) for x in own], [qm.series(db, x) for x in own]):
        r = qm.Pipeline(qm.parallel(*steps)).solve(rate)
        plain = qm.MMc(tenth).solve(2 * rate).waiting_time
        assert sp.simplify(r.stations["db"].waiting_time - plain) == 0
        assert r.basis["mean"] == "approximate"
    with pytest.raises(qm.ModelError, match="take numbers"):
        qm.MMc(tenth).solve(qm.Stream(rate, batch=2))


@pytest.mark.parametrize("between", [0.25, 2.0])
def test_batches_that_do_not_come_at_random_find_what_renewals_find(between: float) -> None:
    """The index of all requests of batches of four is four times that of the batches."""
    load, servers = np.array([0.6]), np.array([3])
    found = _found(load, servers, [(1.0, 4)], np.array([4.0 * between]))
    right = found_by_renewals(load, servers, [(1.0, 4)], np.array([between]))
    assert found.wait == pytest.approx(np.asarray(right.wait), rel=1e-9)
    random = found_by_batches(load, servers, [(1.0, 4)])
    assert (float(found.wait[0]) < float(random.wait[0])) == (between < 1)
