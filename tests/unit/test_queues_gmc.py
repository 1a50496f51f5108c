"""GI/M/c against matrix solutions, published values and the models it contains."""

import importlib.util
import sys
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues import mmc
from qmodel.queues.ggc import GGc
from qmodel.queues.gmc import GMc, waiting_probability, waiting_time
from qmodel.queues.waits.renewal_root import root, unit


@pytest.fixture(scope="module")
def qbd():
    path = Path(__file__).parents[1] / "oracle" / "qbd.py"
    spec = importlib.util.spec_from_file_location("oracle_qbd", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("servers", [1, 3, 10, 40])
@pytest.mark.parametrize("load", [0.5, 0.9])
def test_the_matrix_solution(qbd, servers, load):
    for phases, distribution in (
        (qbd.erlang(3), qm.Erlang(1.0, 3)),
        (qbd.hyperexponential(4.0), balanced_hyperexponential(1.0, 4.0)),
    ):
        s = qbd.solve(phases, qbd.exponential(), servers, load * servers)
        r = GMc(distribution, 1.0, servers).solve(load * servers)
        assert r.waiting_time == pytest.approx(s.waiting_time, rel=1e-11)
        assert r.wait.tail(0.0) == pytest.approx(s.wait_probability, rel=1e-11)
        assert r.wait.tail(0.3) == pytest.approx(s.wait_tail(0.3), rel=1e-9)


# Kimura 1991 and Whitt 1993 points recomputed with mpmath (reference cases gigm_*_exact,
# gigm_pwait_precise, e4m4_exact_twoways): distribution, rate, servers, queue length.
LENGTHS = [
    (qm.Deterministic(1.0), 3.2, 4, 0.8720125221457516),
    (qm.Deterministic(1.0), 6.4, 8, 0.5781910404346604),
    (qm.Erlang(1.0, 4), 1.6, 2, 1.55327492953381),
    (qm.Erlang(1.0, 4), 7.2, 8, 3.5057329589164645),
    (qm.Erlang(1.0, 4), 19.0, 20, 8.225265129678464),
    (qm.Erlang(1.0, 4), 3.2, 4, 3.2 * 0.3844285774765615),
    (qm.Erlang(1.0, 2), 2.4, 3, 2.4 * 0.7367598658286476),
]
PROBABILITIES = [
    (qm.Exponential(1.0), 3.6, 4, 0.7877532642953625),
    (balanced_hyperexponential(1.0, 2.25), 3.6, 4, 0.849708323153402),
    (qm.Erlang(1.0, 4), 3.6, 4, 0.7097058773803596),
    (qm.Erlang(1.0, 4), 3.2, 4, 0.4706255809846417),
    (qm.Deterministic(1.0), 18.0, 20, 0.3894396478709985),
    (qm.Deterministic(1.0), 3.6, 4, 0.6651746696861346),
]


@pytest.mark.parametrize(("distribution", "rate", "servers", "length"), LENGTHS)
def test_published_queue_lengths(distribution, rate, servers, length):
    assert GMc(distribution, 1.0, servers).solve(rate).queue_length == pytest.approx(
        length, rel=1e-9
    )


@pytest.mark.parametrize(("distribution", "rate", "servers", "probability"), PROBABILITIES)
def test_published_waiting_probabilities(distribution, rate, servers, probability):
    assert waiting_probability(
        rate, 1.0, interarrival=distribution, servers=servers
    ) == pytest.approx(probability, rel=1e-10)


def test_round_robin_of_five():
    # theory.md 13: five exponential servers in turn at load 0.8 are E5/M/1 each.
    r = GMc(qm.Erlang(1.0, 5), 1.0).solve(0.8)
    assert r.wait.tail(0.0) == pytest.approx(0.682766955357877, rel=1e-12)
    assert r.response_time == pytest.approx(3.15225673015281, rel=1e-12)


@pytest.mark.parametrize("servers", [1, 2, 5, 20, 100, 1000])
def test_poisson_arrivals_are_erlang_c(servers):
    # At whole c - a the sum has 0/0 at a common term.
    load = np.array([1e-6, 0.2, 0.6, 0.8, 0.95, 0.999, 1 - 1e-9]) * servers
    expected = mmc.waiting_time(load, 1.0, servers=servers)
    here = waiting_time(load, 1.0, interarrival=qm.Exponential(9.0), servers=servers)
    seen = expected > 1e-280
    np.testing.assert_allclose(here[seen], expected[seen], rtol=1e-11)
    assert np.all(here[~seen] < 1e-270)


def test_lone_server_has_an_exponential_response():
    r = GMc(qm.Deterministic(1.0), 1.0).solve(0.8)
    sigma = r.wait.tail(0.0)
    assert sigma == pytest.approx(np.exp(-(1 - sigma) / 0.8), rel=1e-13)
    assert r.response.tail(2.0) == pytest.approx(np.exp(-2.0 * (1 - sigma)), rel=1e-12)


@pytest.mark.parametrize("slack", [0.9, 0.3, 1e-3, 1e-6, 1e-12])
def test_root_to_many_digits(slack):
    with mp.workdps(50):
        for distribution, transform in (
            (qm.Deterministic(2.0), lambda x: mp.exp(-x)),
            (qm.Erlang(2.0, 4), lambda x: (1 + x / 4) ** -4),
            (qm.Gamma(2.0, 4.0), lambda x: (1 + 4 * x) ** (-mp.mpf(1) / 4)),
        ):
            x = root(unit(distribution), 1 - slack, slack)
            exact = mp.findroot(
                lambda z, f=transform: 1 - (1 - f(z)) / z - mp.mpf(slack), mp.mpf(float(x))
            )
            assert x == pytest.approx(float(exact), rel=1e-13)
        x = root(unit(qm.Uniform(0.5, 1.5)), 1 - slack, slack)
        exact = mp.findroot(
            lambda z: 1 - (1 - mp.exp(-z) * mp.sinh(z / 2) / (z / 2)) / z - mp.mpf(slack),
            mp.mpf(float(x)),
        )
        assert x == pytest.approx(float(exact), rel=1e-9)


def test_any_distribution_of_arrivals():
    rate = 5.6
    for distribution in (qm.LogNormal(1.0, 2.0), qm.Uniform(0.0, 2.0), qm.Pareto(1.0, 2.5)):
        r = GMc(distribution, 1.0, 7).solve(rate)
        sigma = 1 - rate * root(unit(distribution), 0.8, 0.2) / 7 / 1.0
        assert float(
            distribution.laplace(7 * (1 - sigma) / rate / distribution.mean)
        ) == pytest.approx(sigma)
        assert 0 < r.waiting_time < 2.0
    few, many = (
        waiting_time(rate, 1.0, interarrival=qm.Gamma(1.0, v), servers=7) for v in (0.2, 2.0)
    )
    assert few < many


def test_more_variable_arrivals_wait_longer_from_constant_on():
    waits = [
        waiting_time(4.0, 1.0, interarrival=qm.Gamma(1.0, v), servers=5)
        for v in (1e-6, 0.5, 1.0, 2.0, 8.0)
    ]
    assert np.all(np.diff(waits) > 0)
    constant = waiting_time(4.0, 1.0, interarrival=qm.Deterministic(1.0), servers=5)
    assert waits[0] == pytest.approx(constant, rel=1e-5)


def test_little_and_the_unit_of_time():
    fast = GMc(qm.Erlang(1.0, 2), 1.0, 3).solve(2.1)
    slow = GMc(qm.Erlang(7.0, 2), 1000.0, 3).solve(0.0021)
    assert slow.waiting_time == pytest.approx(1000 * fast.waiting_time, rel=1e-12)
    assert slow.response.tail(1500.0) == pytest.approx(fast.response.tail(1.5), rel=1e-12)
    assert fast.number_in_system == pytest.approx(2.1 * fast.response_time)
    assert fast.wait.mean == pytest.approx(fast.waiting_time)
    assert fast.wait.tail(fast.wait.quantile(0.99)) == pytest.approx(0.01)
    assert fast.basis == "exact"


def test_arrays_equal_their_cells():
    rate = np.array([[0.0, 0.5, np.nan], [4.0, 4.999, 7.0]])
    servers, scv = np.array([1, 5, 20]), np.array([[0.5], [3.0]])
    whole = GMc(qm.Gamma(1.0, scv), 1.0, servers).solve(rate)
    percentile = whole.response.quantile(0.9)
    for i, j in np.ndindex(rate.shape):
        one = GMc(qm.Gamma(1.0, scv[i, 0]), 1.0, int(servers[j])).solve(rate[i, j])
        np.testing.assert_allclose(whole.waiting_time[i, j], one.waiting_time, rtol=1e-12)
        np.testing.assert_allclose(percentile[i, j], one.response.quantile(0.9), rtol=1e-10)
    assert whole.waiting_time[0, 0] == 0.0
    assert np.isnan(whole.waiting_time[0, 2])
    full = GMc(qm.Erlang(1.0, 2), 1.0, 2).solve(2.0)
    assert full.waiting_time == full.response.quantile(0.5) == np.inf
    assert full.wait.tail(1e9) == 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GMc(qm.Erlang(1.0, 2), -1.0), "service_time must be a number > 0, got -1"),
        (lambda: GMc(qm.Erlang(1.0, 2), 1.0, 0), "servers must be a whole number >= 1, got 0"),
        (
            lambda: GMc(qm.Erlang(1.0, 2), 1.0).solve(-1.0),
            "arrival_rate must be a number >= 0, got -1",
        ),
    ],
)
def test_impossible_parameters_are_named(make, message):
    with pytest.raises(qm.DomainError, match=message):
        make()


def test_what_is_not_a_number_or_a_distribution():
    with pytest.raises(qm.errors.ModelError, match="interarrival must be a Distribution"):
        GMc(1.0, 1.0)
    with pytest.raises(qm.errors.ModelError, match="no closed form"):
        waiting_time(sp.Symbol("lambda", positive=True), 1.0, interarrival=qm.Erlang(1.0, 2))
    station = GMc(qm.Erlang(1.0, 2), 1.0, 2)
    assert isinstance(station.serving(qm.Exponential(2.0)), GMc)
    assert isinstance(station.serving(qm.Erlang(2.0, 2)), GGc)


@pytest.mark.parametrize("shape", [1.1, 1.5])
def test_infinite_variance_of_the_times_between_arrivals(shape: float) -> None:
    """The root exists whatever the variance; the mean wait is finite."""
    arrivals = qm.Pareto(1.0, shape)
    rates = np.array([0.01, 0.3, 0.6, 0.9])
    one, same = qm.GM1(arrivals, 1.0).solve(rates), qm.GMc(arrivals, 1.0, 1).solve(rates)
    assert same.waiting_time == pytest.approx(one.waiting_time, rel=1e-9)
    for rate, wait in zip(rates, one.waiting_time, strict=True):
        scaled = qm.Pareto((shape - 1) / shape / rate, shape)
        sigma = wait / (1 + wait)
        assert scaled.laplace(1 - sigma) == pytest.approx(sigma, rel=1e-9)
    three = qm.GMc(arrivals, 1.0, 3).solve(3 * rates)
    assert np.all(np.isfinite(three.waiting_time))
    assert np.all(np.diff(three.waiting_time) > 0)
    assert np.all(three.waiting_time < one.waiting_time)


def test_a_wait_below_the_floats_is_none() -> None:
    """The transform of regular times underflows: nobody waits."""
    loads = np.array([1e-14, 1e-13, 1e-12, 1e-11, 1e-9])
    waits = qm.GMc(qm.Erlang(1.0, 32), 1.0, 1).solve(loads).waiting_time
    assert waits[:3].tolist() == [0.0, 0.0, 0.0]
    assert np.all(np.diff(waits) >= 0)
