"""Unequal sites: a mixture, with the capacity of the site that saturates first."""

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.balancing import RandomSplit, RoundRobin, WeightedRoundRobin, WeightedSplit
from qmodel.errors import DomainError, ModelError

NEW, OLD = qm.MMc(0.02, servers=4), qm.MMc(0.05, servers=2)
KINDS = [WeightedSplit, WeightedRoundRobin]


@pytest.mark.parametrize("kind", KINDS)
def test_capacity_is_that_of_the_site_full_first(kind: type[WeightedSplit]):
    pool = kind([NEW, OLD], [0.5, 0.5])
    assert pool.max_rate == 80.0  # and not 200 + 40
    r = pool.solve(np.array([79.0, 81.0]))
    assert r.utilization.tolist() == pytest.approx([79 / 80, 81 / 80])
    assert np.isfinite(r.response_time[0])
    assert np.isposinf(r.response_time[1])
    # Half of the requests do not meet the full site.
    assert np.isfinite(r.response.quantile(0.4)[1])
    assert np.isposinf(r.response.quantile(0.6)[1])
    assert qm.Pipeline(qm.call("web", pool)).max_rate == pytest.approx(80.0)


def test_mixture_of_the_sites():
    pool = WeightedSplit([NEW, OLD], [0.7, 0.3], delays=[0.03, 0.0])
    r = pool.solve(100.0)
    new, old = NEW.solve(70.0), OLD.solve(30.0)
    expected = 0.7 * (new.response_time + 0.03) + 0.3 * old.response_time
    assert r.response_time == pytest.approx(expected, rel=1e-14)
    assert r.response.mean == pytest.approx(expected, rel=1e-14)
    assert r.queue_length == pytest.approx(new.queue_length + old.queue_length)
    assert r.number_in_system == pytest.approx(100.0 * expected)
    tail = 0.7 * new.response.tail(0.07) + 0.3 * old.response.tail(0.1)
    assert r.response.tail(0.1) == pytest.approx(tail, rel=1e-9)
    assert r.wait.tail(0.01) == pytest.approx(
        0.7 * new.wait.tail(0.01) + 0.3 * old.wait.tail(0.01)
    )
    assert r.basis == "exact"


def test_little_and_utilization():
    pool = WeightedSplit([NEW, qm.MG1PS(qm.Gamma(0.01, 2.0))], [0.7, 0.3])
    r = pool.solve(100.0)
    assert r.wait is None  # where servers are shared nobody queues
    assert r.utilization * pool.servers == pytest.approx(100.0 * pool.service.mean)
    assert r.response_time == pytest.approx(r.waiting_time + pool.service.mean)


def test_equal_sites_are_a_pool():
    split = WeightedSplit([NEW] * 4, [0.25] * 4).solve(300.0)
    pool = RandomSplit(NEW, 4).solve(300.0)
    turns = WeightedRoundRobin([NEW] * 4, [0.25] * 4).solve(300.0)
    round_robin = RoundRobin(NEW, 4).solve(300.0)
    for one, other in ((split, pool), (turns, round_robin)):
        assert one.response_time == pytest.approx(other.response_time, rel=1e-12)
        assert one.response.quantile(0.99) == pytest.approx(other.response.quantile(0.99))


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_weights(kind: type[WeightedSplit]):
    shares = np.array([0.0, 0.3, 0.9, 1.0])
    pool = kind([NEW, OLD], [shares, 1 - shares], delays=[0.01, np.array([0.0, 0.2, 0.0, 0.2])])
    r = pool.solve(30.0)
    quantiles = r.response.quantile(0.9)
    for i, (w, d) in enumerate(zip(shares, (0.0, 0.2, 0.0, 0.2), strict=True)):
        alone = kind([NEW, OLD], [float(w), float(1 - w)], delays=[0.01, d])
        assert pool.max_rate[i] == pytest.approx(alone.max_rate)
        cell = alone.solve(30.0)
        assert r.response_time[i] == pytest.approx(cell.response_time, rel=1e-12)
        assert quantiles[i] == pytest.approx(cell.response.quantile(0.9), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_weights(kind: type[WeightedSplit]):
    pool = kind([NEW, OLD], [1, 0])
    assert pool.max_rate == NEW.max_rate
    assert pool.solve(150.0).response_time == pytest.approx(NEW.solve(150.0).response_time)


def test_symbols():
    lam, s, w = sp.symbols("lambda S w", positive=True)
    pool = WeightedSplit([qm.MMc(s), qm.MMc(2 * s)], [w, 1 - w])
    expected = w * s / (1 - w * lam * s) + (1 - w) * 2 * s / (1 - 2 * (1 - w) * lam * s)
    assert sp.simplify(pool.solve(lam).response_time.doit() - expected) == 0
    assert pool.max_rate == sp.Min(1 / (s * w), 1 / (2 * s * (1 - w)))


@pytest.mark.parametrize("kind", KINDS)
def test_one_distribution_of_service_may_change(kind: type[WeightedSplit]):
    distribution = qm.Gamma(0.02, 2.0)
    sites = [qm.MGc(distribution, 8), qm.MGc(distribution, 2)]
    pool = kind(sites, [0.8, 0.2], delays=[0.0, 0.1])
    other = qm.Exponential(0.04)
    r = pool.solve([qm.Stream(100.0), qm.Stream(50.0, other)])
    for stream, mean in zip(r.streams, (0.02, 0.04), strict=True):
        assert stream.response_time == pytest.approx(stream.waiting_time + mean + 0.02)
        assert stream.response.mean == pytest.approx(stream.response_time)
    with pytest.raises(
        ModelError, match="stations of unequal speed have no service distribution"
    ):
        kind([NEW, OLD], [0.5, 0.5]).serving(other)


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_pipeline(kind: type[WeightedSplit]):
    pool = kind([NEW, OLD], [0.8, 0.2], delays=[0.01, 0.0])
    p = qm.Pipeline(qm.series(qm.call("web", pool), qm.call("db", qm.MMc(0.001))))
    expected = pool.solve(90.0).response_time + qm.MMc(0.001).solve(90.0).response_time
    assert p.solve(90.0).latency.mean == pytest.approx(expected, rel=1e-12)
    twice = qm.Pipeline(qm.repeat(2, qm.call("web", pool))).solve(45.0)
    assert twice.latency.mean == pytest.approx(2 * pool.solve(90.0).response_time, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments(kind: type[WeightedSplit]):
    with pytest.raises(DomainError, match=r"the sum of weights must be 1, got 1\.1"):
        kind([NEW, OLD], [0.7, 0.4])
    with pytest.raises(DomainError, match=r"weights must be a probability .* got -0\.1"):
        kind([NEW, OLD], [1.1, -0.1][::-1])
    with pytest.raises(DomainError, match="weights must be as many as stations, 2, got 3"):
        kind([NEW, OLD], [0.5, 0.3, 0.2])
    with pytest.raises(DomainError, match="delays must be as many as stations, 2, got 1"):
        kind([NEW, OLD], [0.5, 0.5], [0.1])
    with pytest.raises(DomainError, match=r"delays must be a finite number >= 0, got -0\.1"):
        kind([NEW, OLD], [0.5, 0.5], [0.1, -0.1])
    with pytest.raises(DomainError, match="weights must not be empty"):
        kind([], [])
    with pytest.raises(ModelError, match="stations must be a sequence, each of it a Station"):
        kind([NEW, 3], [0.5, 0.5])
    with pytest.raises(ModelError, match="MMcK loses requests"):
        kind([NEW, qm.MMcK(0.1, 2, 2)], [0.5, 0.5])
    with pytest.raises(DomainError, match="arrival_rate must be a number >= 0"):
        kind([NEW, OLD], [0.5, 0.5]).solve(-1.0)


def test_poisson_output():
    assert WeightedSplit([NEW, OLD], [0.5, 0.5]).poisson_output
    assert not WeightedSplit([NEW, qm.MG1(qm.Gamma(0.1, 2.0))], [0.5, 0.5]).poisson_output
    assert not WeightedRoundRobin([NEW, OLD], [0.5, 0.5]).poisson_output


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda s: WeightedSplit(s, [1.0]), "stations must be a sequence"),
        (lambda s: WeightedSplit([s, s], 0.5), "weights must be a sequence, got 0.5"),
        (lambda s: WeightedSplit([s, s], [0.5, 0.5], 2.0), "delays must be a sequence"),
        (lambda s: WeightedSplit([s, s], [0.5, 0.5], [0, np.inf]), "delays must be a finite"),
        (lambda s: qm.balancing.Sharded(s, 0.5), "shares must be a sequence"),
    ],
)
def test_what_is_no_sequence_is_refused_by_name(wrong, says):
    with pytest.raises((DomainError, ModelError), match=says):
        wrong(qm.MMc(1.0))
