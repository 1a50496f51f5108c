"""The wait at a replica with arrivals by its number: exact queues, parts, and the domain."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import LeastConnections, PowerOfChoices
from qmodel.balancing.replica_wait import served, tails_of_waits
from qmodel.distributions import Scaled
from qmodel.queues.phases.wait import PhaseWait

LOAD = np.array([0.3, 0.8, 0.95])
EXACT = [qm.HyperExponential([0.9, 0.1], [0.5, 5.5]), qm.Erlang(1.0, 3), qm.Gamma(1.0, 0.25)]


def blind(service, workers=1):
    """Return the wait where the balancer has no choice, at each of the loads."""
    cells = np.arange(LOAD.size)
    tails = tails_of_waits(
        service,
        workers=np.full(LOAD.size, workers),
        load=LOAD,
        full=LOAD,
        levels=LOAD[None],
        ratio=LOAD,
        replicas=np.ones(LOAD.size),
        choices=np.ones(LOAD.size),
        shape=LOAD.shape,
    )
    return PhaseWait(LOAD, float(service.mean), cells, tails)


@pytest.mark.parametrize("service", EXACT)
def test_without_a_choice_it_is_the_wait_of_one_server(service):
    wait = blind(service)
    for i, load in enumerate(LOAD):
        exact = qm.MG1(service).solve(load / service.mean).wait
        assert wait.mean[i] == pytest.approx(float(exact.mean), rel=1e-9)
        for t in (0.3, 1.0, 3.0, 10.0):
            assert wait.tail(t)[i] == pytest.approx(float(exact.tail(t)), abs=2e-5)


def test_constant_service_is_summed_by_its_age():
    wait = blind(qm.Deterministic(2.0))
    for i, load in enumerate(LOAD):
        exact = qm.MG1(qm.Deterministic(2.0)).solve(load / 2).wait
        assert wait.mean[i] == pytest.approx(float(exact.mean), rel=1e-9)
        for t in (0.5, 1.0, 5.0, 15.0):
            assert wait.tail(t)[i] == pytest.approx(float(exact.tail(t)), abs=2e-3)


@pytest.mark.parametrize(
    "service", [qm.LogNormal(1.0, 4.0), qm.Uniform(0.5, 1.5), qm.Pareto(0.5, 2.5, 500.0)]
)
def test_service_that_is_fitted_is_near(service):
    wait = blind(service)
    for i, load in enumerate(LOAD):
        exact = qm.MG1(service).solve(load / service.mean).wait
        assert wait.mean[i] == pytest.approx(float(exact.mean), rel=0.01)
        for t in (0.5, 2.0, 8.0):
            assert wait.tail(t)[i] == pytest.approx(float(exact.tail(t)), abs=0.025)


def test_many_others_in_front_do_not_disturb_the_inversion():
    """A hundred levels and more, each behind one service more."""
    pool = PowerOfChoices(qm.MG1(qm.LogNormal(1.0, 9.0)), 8)
    wait = pool.solve(0.9 * 8).wait
    t = np.geomspace(1e-3, 1e3, 400)
    tail = wait.tail(t)
    assert (np.diff(tail) <= 1e-4).all()
    area = np.trapezoid(np.append(wait.tail(0.0), tail), np.append(0.0, t))
    assert area == pytest.approx(float(wait.mean), rel=2e-3)


def test_behind_constant_services_of_several_levels_the_area_is_the_mean():
    """Two choices of a hundred replicas, with an arrival rate at each of three levels."""
    wait = PowerOfChoices(qm.MG1(qm.Deterministic(1.0)), 100).solve(90.0).wait
    t = np.linspace(0.0, 8.0, 801)
    tail = wait.tail(t)
    assert (np.diff(tail) <= 1e-4).all()
    assert np.trapezoid(tail, t) == pytest.approx(float(wait.mean), rel=3e-3)


@pytest.mark.parametrize(
    ("scv", "workers", "varied"),
    # By integration of the tail of the residual, to the power of the workers.
    [(2.0, 2, 1.334), (2.0, 8, 1.054), (9.0, 2, 3.810), (9.0, 8, 1.394), (9.0, 100, 1.023)],
)
def test_the_shortest_residual_of_several_workers(scv, workers, varied):
    """A replica fills with a service whose mean is that of one over the workers."""
    ((_, phases),) = served(qm.LogNormal(1.0, scv), workers).parts
    mean = np.linalg.solve(-phases.generator, phases.weights)
    assert phases.first @ mean == pytest.approx(1 / workers, rel=1e-9)
    assert phases.initial @ mean == pytest.approx(1 / workers, rel=1e-9)
    second = 2 * phases.first @ np.linalg.solve(-phases.generator, mean) * workers**2
    assert second - 1 == pytest.approx(varied, rel=0.2)


def test_of_one_replica_none_is_apart_from_others():
    levels = np.stack([LOAD ** (2.0 ** (j + 2) - 2) for j in range(9)])
    means = [
        tails_of_waits(
            EXACT[0],
            workers=np.ones(LOAD.size, dtype=int),
            load=LOAD,
            full=LOAD,
            levels=levels,
            ratio=0 * LOAD,
            replicas=np.full(LOAD.size, replicas),
            choices=np.full(LOAD.size, choices),
            shape=LOAD.shape,
        ).means
        for replicas, choices in ((1, 2), (1, 3), (9, 3))
    ]
    assert means[1] == pytest.approx(means[0], rel=1e-12)
    assert (means[2] < 0.99 * means[1])[:2].all()


@pytest.mark.parametrize("scv", [0.0, 0.03, 0.05])
def test_service_that_varies_less_than_phases_is_extrapolated_to_its_scv(scv):
    work = qm.LogNormal(1.0, scv) if scv else qm.Deterministic(1.0)
    parts = served(work, 4).parts
    assert sum(share for share, _ in parts) == pytest.approx(1.0)
    found = 0.0
    for share, phases in parts:
        mean = np.linalg.solve(-phases.generator, phases.weights)
        second = 2 * phases.initial @ np.linalg.solve(-phases.generator, mean)
        found += share * (second / (phases.initial @ mean) ** 2 - 1)
    assert found == pytest.approx(scv, abs=1e-12)


def test_two_choices_of_many_replicas_by_another_solution():
    """Of 100 replicas at 95 % load, simulated with 1.44e8 requests of an SCV of 9."""
    work = qm.HyperExponential([0.947214, 0.052786], [1 / 1.894427, 1 / 0.105573])
    r = PowerOfChoices(qm.MG1(work), 100).solve(95.0)
    assert r.response_time == pytest.approx(9.341, rel=0.02)
    assert r.response.quantile(0.99) == pytest.approx(53.79, rel=0.02)


def test_units_of_time_change_nothing_else():
    one = LeastConnections(qm.MGc(qm.LogNormal(1.0, 4.0), 2), 4).solve(6.0)
    other = LeastConnections(qm.MGc(qm.LogNormal(1e-3, 4.0), 2), 4).solve(6e3)
    assert other.waiting_time == pytest.approx(1e-3 * float(one.waiting_time), rel=1e-6)
    p99 = float(one.response.quantile(0.99))
    assert other.response.quantile(0.99) == pytest.approx(1e-3 * p99, rel=1e-6)


def test_cells_without_a_wait_or_without_an_end():
    rates = np.array([0.0, 1e-9, 3.0, 4.0, 5.0, np.nan])
    for service in (qm.LogNormal(1.0, 4.0), qm.Deterministic(1.0), qm.Uniform(0.5, 1.5)):
        r = LeastConnections(qm.MG1(service), 4).solve(rates)
        assert r.waiting_time[0] == 0
        assert r.waiting_time[1] == pytest.approx(0.0, abs=1e-12)
        assert 0 < r.waiting_time[2] < 10
        assert np.isinf(r.waiting_time[3:5]).all()
        assert np.isnan(r.waiting_time[5])
        p99 = r.response.quantile(0.99)
        assert p99[0] == pytest.approx(float(service.quantile(0.99)))
        assert np.isinf(p99[3:5]).all()
        assert np.isnan(p99[5])
    r = LeastConnections(qm.MG1(qm.LogNormal([1.0, np.nan], 4.0)), 4).solve(2.0)
    assert np.isnan(r.waiting_time[1])
    assert r.waiting_time[0] > 0


def test_where_nobody_ever_waits_the_response_is_the_service():
    """A probability that no float has, beside one that it has."""
    for work in (qm.LogNormal(1.0, 4.0), qm.Deterministic(1.0), qm.Uniform(0.5, 1.5)):
        r = LeastConnections(qm.MGc(work, 64), 500).solve(np.array([0.01, 0.9, 0.9999]) * 32000)
        assert (r.waiting_time >= 0).all()
        assert r.waiting_time[0] == 0
        assert r.waiting_time[2] > 0
        p99 = r.response.quantile(0.99)
        assert p99[0] == pytest.approx(float(work.quantile(0.99)), rel=1e-6)


def test_cells_of_several_kinds_are_each_what_they_are():
    """One replica, one choice, exponential and constant service among others."""
    work = qm.Gamma(1.0, 4.0)
    r = PowerOfChoices(qm.MG1(work), 8, [1, 2, 8]).solve(6.4)
    alone = qm.MG1(work).solve(0.8)
    assert r.waiting_time[0] == pytest.approx(float(alone.waiting_time), rel=1e-9)
    least = LeastConnections(qm.MG1(work), 8).solve(6.4)
    assert r.waiting_time[2] == pytest.approx(float(least.waiting_time), rel=1e-6)
    assert (np.diff(r.waiting_time) < 0).all()
    scv = np.array([0.0, 1.0, 4.0])
    mixed = LeastConnections(qm.MG1(qm.from_mean_scv(1.0, scv)), 4).solve(3.0)
    for i, x in enumerate(scv):
        one = LeastConnections(qm.MG1(qm.from_mean_scv(1.0, float(x))), 4).solve(3.0)
        assert mixed.waiting_time[i] == pytest.approx(float(one.waiting_time), rel=1e-4)
    assert mixed.number is None


def test_heavy_traffic_is_that_of_one_queue_of_all():
    """N (1 - load) W tends to (1 + SCV) / 2, as at one server of the speed of all."""
    for service in (qm.LogNormal(1.0, 4.0), qm.Erlang(1.0, 4), Scaled(qm.Gamma(1.0, 2.0), 1.0)):
        r = LeastConnections(qm.MG1(service), 4).solve(4 * 0.9999)
        limit = (1 + float(service.scv)) / 2 / (4 * 1e-4)
        assert r.waiting_time == pytest.approx(limit, rel=0.02)
