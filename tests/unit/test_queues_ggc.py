"""GI/G/c: each approximation against its published values, the station against exact ones."""

import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues import mdc, mg1, mmc
from qmodel.queues.approximations import wait_probabilities as probabilities
from qmodel.queues.approximations.combined_wait import combined
from qmodel.queues.approximations.decay import decay_rate
from qmodel.queues.approximations.interpolated_waits import cosmetatos, kimura, page
from qmodel.queues.approximations.kingman import kingman, kingman_bound
from qmodel.queues.approximations.methods import FORMULAS, best, methods
from qmodel.queues.approximations.scaled_waits import (
    allen_cunneen,
    kraemer_langenbach_belz,
    whitt,
)
from qmodel.queues.ggc import GGc
from qmodel.queues.gmc import GMc
from qmodel.queues.phases.renewal import feasible
from qmodel.queues.waits.decaying import DecayingWait, distribution_of_wait

GENERAL = [allen_cunneen, kraemer_langenbach_belz, whitt, kingman, kingman_bound, combined]
POISSON = [cosmetatos, page, kimura]
NUMERIC = [combined, page, kimura]


@pytest.fixture(scope="module")
def qbd():
    path = Path(__file__).parents[1] / "oracle" / "qbd.py"
    spec = importlib.util.spec_from_file_location("oracle_qbd", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# multiserver_general.jsonl: the approximation itself, recomputed or as printed.
# Cosmetatos: Kimura 1991 (JORS 42, p. 601): rate, time, servers, mean wait.
COSMETATOS = [
    (1.4, 1.0, 2, 0.4915976731379451),
    (1.0, 1.0, 2, 0.1757377988894476),
    (0.6, 1.0, 2, 0.055730564066320876),
    (2.8, 1.0, 4, 0.18900769646835638),
    (0.4, 1.0, 4, 0.0002452837879811659),
    (0.225, 100.0, 25, 10.79220066425777),
    (0.45, 100.0, 50, 3.9837759284508834),
]
# Whitt 1993, tables 2, 3 and 5: SCVs, servers, load, queue length and half its last digit.
WHITT = [
    (0.0, 1.0, 4, 0.8, 0.87, 0.0051),
    (0.0, 1.0, 8, 0.8, 0.58, 0.0051),
    (1.0, 0.0, 4, 0.7, 0.53, 0.0051),
    (1.0, 0.0, 20, 0.9, 2.61, 0.0051),
    (1.0, 0.0, 2, 0.8, 1.44, 0.0051),
    (0.25, 1.0, 2, 0.8, 1.58, 0.0051),
    (0.25, 1.0, 4, 0.8, 1.28, 0.0051),
    (0.25, 1.0, 8, 0.9, 3.58, 0.0051),
    (0.25, 1.0, 20, 0.95, 8.40, 0.051),
]
# Whitt 1993: SCVs, servers at load 0.9, probability of waiting in the approximation column.
WHITT_PROBABILITIES = [
    (1.0, 1.0, 4, 0.79),
    (0.0, 1.0, 4, 0.65),
    (2.25, 1.0, 4, 0.85),
    (0.25, 1.0, 4, 0.70),
    (1.0, 0.0, 4, 0.79),
    (1.0, 2.25, 4, 0.79),
    (0.0, 2.0, 4, 0.71),
    (0.5, 2.0, 4, 0.76),
    (0.0, 9.0, 4, 0.75),
    (9.0, 9.0, 4, 0.86),
    (0.0, 1.0, 20, 0.31),
]


@pytest.mark.parametrize(("rate", "time", "servers", "wait"), COSMETATOS)
def test_cosmetatos_as_published(rate, time, servers, wait):
    assert cosmetatos(
        rate, time, servers=servers, arrival_scv=1.0, service_scv=0.0
    ) == pytest.approx(wait, rel=1e-12)


def test_bjorklund_and_elldin_as_published():
    # Kimura 1994 (Queueing Systems 17, p. 357, table 1), with the constant-service wait of
    # Cosmetatos: queue length at loads 0.9, 0.7, 0.5.
    load = np.array([0.9, 0.7, 0.5])
    line = cosmetatos(5 * load, 1.0, servers=5, arrival_scv=1.0, service_scv=4.0) * 5 * load
    np.testing.assert_allclose(line, [16.962510075, 2.1081279723, 0.2928286190], rtol=1e-9)
    np.testing.assert_allclose(
        page(5 * load, 1.0, servers=5, arrival_scv=1.0, service_scv=4.0) * 5 * load,
        line,
        rtol=6e-3,
    )


def test_kimura_as_published():
    # Kimura 1994, table 1, SCV 1.5; with the exact constant-service wait to the digits printed.
    load = np.array([0.9, 0.7, 0.5, 0.3])
    lengths = kimura(5 * load, 1.0, servers=5, arrival_scv=1.0, service_scv=1.5) * 5 * load
    np.testing.assert_allclose(lengths, [8.4996, 1.06598, 0.151965, 0.009451], rtol=0.013)


@pytest.mark.parametrize(("arrival", "service", "servers", "load", "length", "half"), WHITT)
def test_whitt_as_published(arrival, service, servers, load, length, half):
    wait = whitt(servers * load, 1.0, servers=servers, arrival_scv=arrival, service_scv=service)
    assert wait * servers * load == pytest.approx(length, abs=half)


@pytest.mark.parametrize(("arrival", "service", "servers", "probability"), WHITT_PROBABILITIES)
def test_whitt_probabilities_as_published(arrival, service, servers, probability):
    found = probabilities.interpolated(
        0.9 * servers, 1.0, servers=servers, arrival_scv=arrival, service_scv=service
    )
    assert found == pytest.approx(probability, abs=0.0101)


def test_single_values_as_computed_elsewhere():
    # most-queue 20275c7, gi_g_approx.py.
    assert kraemer_langenbach_belz(
        0.8, 1.0, servers=1, arrival_scv=0.5, service_scv=2.0
    ) == pytest.approx(4.917357269108088)
    assert kingman_bound(
        0.8, 1.0, servers=1, arrival_scv=0.5, service_scv=2.0
    ) == pytest.approx(5.5625)
    # By hand: 1.6 (1 / 1.6^2 + 1 / 2 + 1 / 4) / (2 * 0.2).
    assert kingman_bound(
        1.6, 1.0, servers=2, arrival_scv=1.0, service_scv=1.0
    ) == pytest.approx(4.5625)
    assert allen_cunneen(
        2.4, 1.0, servers=3, arrival_scv=0.5, service_scv=2.0
    ) == pytest.approx(1.348314606741573)


@pytest.mark.parametrize("formula", [*GENERAL[:-2], combined, *POISSON])
def test_exact_where_all_are(formula):
    load = np.array([0.1, 0.6, 0.99])
    for c in (1, 4, 50):
        if formula is not kingman or c == 1:
            np.testing.assert_allclose(
                formula(load * c, 1.0, servers=c, arrival_scv=1.0, service_scv=1.0),
                mmc.waiting_time(load * c, 1.0, servers=c),
                rtol=1e-9,
            )
    if formula is not whitt:
        wait = mg1.waiting_time(load, 1.0, scv=0.3)
        np.testing.assert_allclose(
            formula(load, 1.0, servers=1, arrival_scv=1.0, service_scv=0.3), wait, rtol=1e-9
        )


def test_constant_service_is_exact_where_it_is_interpolated():
    wait = mdc.waiting_time(12.0, 1.0, servers=15)
    for formula in (page, kimura, combined):
        assert formula(
            12.0, 1.0, servers=15, arrival_scv=1.0, service_scv=0.0
        ) == pytest.approx(wait, rel=1e-12)


@pytest.mark.parametrize("formula", GENERAL)
def test_heavy_traffic(formula):
    for c, arrival, service in ((1, 0.5, 3.0), (4, 3.0, 0.5), (4, 0.25, 0.25)):
        if formula is kingman_bound and c > 1:
            continue  # a bound that is only sharp for one server
        wait = formula(c * (1 - 1e-7), 1.0, servers=c, arrival_scv=arrival, service_scv=service)
        limit = (arrival + service) / 2 / (c * 1e-7)
        assert wait == pytest.approx(limit, rel=1e-5)


@pytest.mark.parametrize("formula", GENERAL + POISSON)
def test_shapes_edges_and_units(formula):
    arrival = 1.0 if formula in POISSON else 0.5
    rate = np.array([[0.0], [1.0], [3.9], [4.0], [9.0], [np.nan]])
    scv = np.array([0.0, 0.5, 1.0, 2.0])
    waits = formula(rate, 1.0, servers=4, arrival_scv=arrival, service_scv=scv)
    assert waits.shape == (6, 4)
    assert np.all(waits[0] == (np.inf if formula is kingman_bound else 0.0))
    assert np.all(np.isinf(waits[3:5]))
    assert np.all(np.isnan(waits[5]))
    assert np.all(np.diff(waits[1:3]) > 0)
    for i, j in ((1, 0), (2, 3)):
        assert waits[i, j] == pytest.approx(
            float(formula(rate[i, 0], 1.0, servers=4, arrival_scv=arrival, service_scv=scv[j]))
        )
    slow = formula(rate[1:3] / 1000, 1000.0, servers=4, arrival_scv=arrival, service_scv=scv)
    np.testing.assert_allclose(slow, 1000 * waits[1:3], rtol=1e-10)
    assert formula(1.0, 1.0, servers=4, arrival_scv=arrival, service_scv=0.0) >= 0


@pytest.mark.parametrize("formula", GENERAL + POISSON)
def test_impossible_parameters_are_named(formula):
    good = (1.0, 1.0, 4, 1.0, 0.5)
    names = ("arrival_rate", "service_time", "servers", "arrival_scv", "service_scv")
    for i, name in enumerate(names):
        bad = list(good)
        bad[i] = -1
        with pytest.raises(qm.DomainError, match=f"{name} .*got -1"):
            formula(*bad[:2], **dict(zip(names[2:], bad[2:], strict=True)))
    if formula in POISSON:
        with pytest.raises(qm.DomainError, match=r"arrival_scv must be 1, .* got 2"):
            formula(1.0, 1.0, servers=4, arrival_scv=2.0, service_scv=0.5)


@pytest.mark.parametrize("formula", GENERAL + POISSON)
def test_symbols_where_closed(formula):
    lam, cs = sp.symbols("lambda cs2", positive=True)
    arrival = 1 if formula in POISSON else sp.Rational(3, 2)
    if formula in NUMERIC:
        with pytest.raises(qm.errors.ModelError, match="no closed form"):
            formula(lam, 1, servers=3, arrival_scv=arrival, service_scv=cs)
        return
    value = (
        formula(lam, 1, servers=3, arrival_scv=arrival, service_scv=cs)
        .doit()
        .subs({lam: sp.Rational(9, 4), cs: 2})
    )
    assert float(value) == pytest.approx(
        float(formula(2.25, 1.0, servers=3, arrival_scv=float(arrival), service_scv=2.0))
    )


def test_the_bound_is_one(qbd):
    ratios = []
    for arrival in (qbd.exponential(), qbd.erlang(4), qbd.hyperexponential(4.0)):
        for service in (qbd.erlang(2), qbd.hyperexponential(4.0)):
            for c in (1, 2, 8):
                for load in (0.3, 0.9):
                    scvs = arrival.moment(2) - 1, service.moment(2) - 1
                    bound = kingman_bound(
                        load * c, 1.0, servers=c, arrival_scv=scvs[0], service_scv=scvs[1]
                    )
                    wait = qbd.solve(arrival, service, c, load * c).waiting_time
                    ratios.append(bound / wait)
    assert min(ratios) >= 1 - 1e-9
    assert min(ratios) < 1.2


def test_methods_are_listed_by_the_error_that_they_have(qbd):
    for arrival, service, c, load in (
        (0.5, 2.0, 5, 0.8),
        (4.0, 0.5, 2, 0.95),
        (1.0, 4.0, 10, 0.8),
    ):
        distributions = [
            qbd.hyperexponential(v) if v > 1 else qbd.erlang(round(1 / v))
            for v in (arrival, service)
        ]
        exact = qbd.solve(*distributions, c, load * c).waiting_time
        found = methods(arrival_scv=arrival, service_scv=service, servers=c, load=load)
        errors = [m.error for m in found]
        assert errors == sorted(errors)
        assert found[0] == best(arrival_scv=arrival, service_scv=service, servers=c, load=load)
        for m in found:
            got = m.formula(load * c, 1.0, servers=c, arrival_scv=arrival, service_scv=service)
            assert abs(got / exact - 1) <= m.error + 5e-4
    assert best(arrival_scv=1.0, service_scv=1.0, servers=8, load=0.5).error == 0.0
    assert best(arrival_scv=1.0, service_scv=4.0, servers=5, load=0.8).name == "kimura"
    assert best(arrival_scv=1.0, service_scv=7.0, servers=1, load=0.8).error == 0.0
    assert "kimura" not in {
        m.name for m in methods(arrival_scv=2.0, service_scv=1.0, servers=2, load=0.5)
    }
    assert {
        m.formula for m in methods(arrival_scv=1.0, service_scv=0.3, servers=2, load=0.5)
    } == set(FORMULAS.values())
    with pytest.raises(qm.DomainError, match="load must be below 1, got 1"):
        methods(arrival_scv=1.0, service_scv=1.0, servers=1, load=1.0)


def test_klb_probability_of_one_server(qbd):
    assert probabilities.one_server(
        0.7, 1.0, servers=1, arrival_scv=1.0, service_scv=3.0
    ) == pytest.approx(0.7)
    s = qbd.solve(qbd.erlang(2), qbd.hyperexponential(2.0), 1, 0.8)
    found = probabilities.one_server(0.8, 1.0, servers=1, arrival_scv=0.5, service_scv=2.0)
    assert found == pytest.approx(s.wait_probability, rel=0.025)
    with pytest.raises(qm.DomainError, match="servers must be 1"):
        probabilities.one_server(0.8, 1.0, servers=2, arrival_scv=0.5, service_scv=2.0)
    for f in (
        probabilities.one_server,
        probabilities.renewal_arrivals,
        probabilities.interpolated,
    ):
        edge = f(
            np.array([0.0, 1.0, 3.0, np.nan]), 1.0, servers=1, arrival_scv=0.5, service_scv=2.0
        )
        np.testing.assert_array_equal(edge, [0.0, 1.0, 1.0, np.nan])


# The station.


def quantile(solution, p):
    """The exact quantile of the wait."""
    end = 1.0
    while solution.wait_tail(end) > 1 - p:
        end *= 2
    return brentq(lambda t: np.log(solution.wait_tail(t) / (1 - p)), 0.0, end, rtol=1e-6)


@pytest.mark.parametrize(
    ("arrival", "service", "servers", "within"),
    [(2, 2.0, 3, 0.02), (4, 4.0, 5, 0.06), (2, 4.0, 1, 0.02)],
)
def test_the_station_against_the_matrix_solution(qbd, arrival, service, servers, within):
    s = qbd.solve(qbd.erlang(arrival), qbd.hyperexponential(service), servers, 0.8 * servers)
    station = GGc(qm.Erlang(3.0, arrival), balanced_hyperexponential(1.0, service), servers)
    r = station.solve(0.8 * servers)
    assert r.waiting_time == pytest.approx(s.waiting_time, rel=1e-9)
    assert r.wait.tail(0.0) == pytest.approx(s.wait_probability, rel=1e-9)
    assert r.wait.quantile(0.99) == pytest.approx(quantile(s, 0.99), rel=1e-5)
    assert str(r.basis) == "exact"
    gaps, distribution = qm.Erlang(3.0, arrival), balanced_hyperexponential(1.0, service)
    formula = combined(
        0.8 * servers,
        1.0,
        servers=servers,
        arrival_scv=float(gaps.scv),
        service_scv=float(distribution.scv),
    )
    assert formula == pytest.approx(s.waiting_time, rel=within)
    assert r.basis["utilization"] == "exact"
    assert r.wait.mean == pytest.approx(r.waiting_time, rel=1e-10)
    assert r.number_in_system == pytest.approx(0.8 * servers * r.response_time)


def test_special_cases_are_delegated_and_exact():
    cases = [
        (GGc(qm.Exponential(9.0), qm.Exponential(0.5), 3), qm.MMc(0.5, 3)),
        (GGc(qm.Exponential(9.0), qm.Gamma(0.5, 2.0), 1), qm.MG1(qm.Gamma(0.5, 2.0))),
        (GGc(qm.Exponential(9.0), qm.Deterministic(0.5), 3), mdc.MDc(0.5, 3)),
        (GGc(qm.Erlang(9.0, 2), qm.Exponential(0.5), 3), GMc(qm.Erlang(1.0, 2), 0.5, 3)),
    ]
    for general, special in cases:
        rate = 0.9 * special.max_rate
        a, b = general.solve(rate), special.solve(rate)
        assert a.waiting_time == b.waiting_time
        assert a.wait.quantile(0.95) == b.wait.quantile(0.95)
        assert a.basis == "exact"
    # And between them nothing jumps.
    near = GGc(qm.Erlang(1.0, 2), qm.Gamma(0.5, 1 + 1e-6), 3).solve(5.0)
    there = GMc(qm.Erlang(1.0, 2), 0.5, 3).solve(5.0)
    assert near.waiting_time == pytest.approx(there.waiting_time, rel=1e-5)
    assert near.wait.quantile(0.99) == pytest.approx(there.wait.quantile(0.99), rel=1e-4)


@pytest.mark.thorough
def test_station_cells():
    rate = np.array([0.0, 1.0, 5.0, 6.0, 9.0, np.nan])
    for service in (qm.Gamma(0.5, 0.5), qm.LogNormal(0.5, 2.0), qm.Deterministic(0.5)):
        servers = np.array([[1], [3]])
        r = GGc(qm.Gamma(1.0, 2.0), service, servers).solve(rate)
        quantiles = {p: np.broadcast_to(r.wait.quantile(p), (2, 6)) for p in (0.5, 0.99)}
        for i, j in np.ndindex(2, 6):
            one = GGc(qm.Gamma(1.0, 2.0), service, int(servers[i, 0])).solve(rate[j])
            for p, found in quantiles.items():
                np.testing.assert_allclose(found[i, j], one.wait.quantile(p), rtol=1e-7)
            np.testing.assert_allclose(r.waiting_time[i, j], one.waiting_time, rtol=1e-10)
        assert r.waiting_time[1, 0] == 0.0
        assert np.isinf(r.waiting_time[1, 3])
        assert np.isnan(r.waiting_time[1, 5])


# The distributions.


def test_decay_rates_are_those_of_exact_tails(qbd):
    for phases, distribution in (
        (qbd.erlang(2), qm.Erlang(1.0, 2)),
        (qbd.hyperexponential(4.0), balanced_hyperexponential(1.0, 4.0)),
    ):
        s = qbd.solve(qbd.erlang(3), phases, 4, 3.2)
        d = decay_rate(qm.Erlang(1 / 3.2, 3), distribution, 4, 0.2)
        fall = s.wait_tail(15 / d) / s.wait_tail(18 / d)
        assert fall == pytest.approx(np.exp(3.0), rel=1e-4)
    slack = np.array([0.999, 0.2, 1e-4, 1e-7, 1e-12])
    rates = decay_rate(qm.Exponential(0.2 / (1 - slack)), qm.Exponential(1.0), 5, slack)
    np.testing.assert_allclose(rates, 5 * slack, rtol=3e-6)
    assert np.isnan(decay_rate(qm.Exponential(0.25), qm.LogNormal(1.0, 1.0), 5, 0.2))
    assert np.isnan(decay_rate(qm.Exponential(0.1), qm.Exponential(1.0), 5, -1.0))


def test_two_exponentials_are_exact_for_one_server(qbd):
    for phases, distribution in (
        (qbd.erlang(2), qm.Erlang(1.0, 2)),
        (qbd.hyperexponential(4.0), balanced_hyperexponential(1.0, 4.0)),
    ):
        s = qbd.solve(qbd.exponential(), phases, 1, 0.8)
        r = qm.MGc(distribution, np.array([1])).solve(0.8)
        for t in (0.0, 1.0, 10.0):
            assert r.wait.tail(t)[0] == pytest.approx(s.wait_tail(t), rel=1e-8)


def test_percentiles_of_m_g_c_against_exact_ones(qbd):
    for phases, distribution, within in (
        (qbd.erlang(2), qm.Erlang(1.0, 2), 0.02),
        (qbd.hyperexponential(2.0), balanced_hyperexponential(1.0, 2.0), 0.01),
        (qbd.hyperexponential(4.0), balanced_hyperexponential(1.0, 4.0), 0.08),
    ):
        for load, factor in ((0.8, 1.0), (0.95, 0.5)):
            s = qbd.solve(qbd.exponential(), phases, 5, 5 * load)
            r = qm.MGc(distribution, 5).solve(5 * load)
            for p in (0.99, 0.999):
                found = r.wait.quantile(p)
                assert found == pytest.approx(quantile(s, p), rel=within * factor)


# theory.md 13: P(wait > 2 mean waits) at load 0.8, with the tolerance of this approximation.
@pytest.mark.parametrize(
    ("scv", "servers", "late", "within"),
    [
        (0.5, 2, 0.1700715045, 0.01),
        (0.5, 5, 0.1845508711, 0.01),
        (0.5, 20, 0.1568653991, 0.015),
        (4.0, 2, 0.1760100503, 0.04),
        (4.0, 5, 0.1731437541, 0.05),
        (4.0, 20, 0.1367608603, 0.08),
    ],
)
def test_golden_tails(scv, servers, late, within):
    distribution = qm.Erlang(1.0, 2) if scv < 1 else balanced_hyperexponential(1.0, scv)
    r = qm.MGc(distribution, servers).solve(0.8 * servers)
    assert r.wait.tail(2 * r.waiting_time) == pytest.approx(late, rel=within)


def test_a_distribution_without_a_rate_is_the_customary_one():
    plain = distribution_of_wait(
        2.0, probability=0.5, scv=1.0, decay=np.nan, scale=1.0, over=False
    )
    assert plain.tail(3.0) == pytest.approx(0.5 * np.exp(-3.0 / 4.0), rel=1e-6)
    mixed = distribution_of_wait(
        np.array([2.0, 2.0, 0.0, np.inf, np.nan]),
        probability=np.array([0.5, 0.5, 0.0, 1.0, 0.5]),
        scv=np.array([1.0, 1.2, 1.0, 1.0, 1.0]),
        decay=np.array([np.nan, 0.2, 1.0, np.nan, 1.0]),
        scale=1.0,
        over=np.array([0, 0, 0, 1, 0]),
    )
    np.testing.assert_allclose(mixed.mean, [2.0, 2.0, 0.0, np.inf, np.nan])
    assert mixed.tail(3.0)[0] == pytest.approx(plain.tail(3.0))
    assert mixed.tail(200.0)[1] / mixed.tail(210.0)[1] == pytest.approx(np.exp(2.0), rel=1e-6)
    assert mixed.quantile(0.9)[3] == np.inf


def test_two_exponentials_as_a_distribution():
    distribution = DecayingWait(0.6, 0.9, 0.5, 2.0)
    t = np.linspace(0.0, 80.0, 80_001)
    tail = distribution.tail(t)
    first, second, third = (np.trapezoid(k * t ** (k - 1) * tail, t) for k in (1.0, 2.0, 3.0))
    assert distribution.mean == pytest.approx(first, rel=1e-6)
    assert distribution.variance == pytest.approx(second - first**2, rel=1e-6)
    cumulant = third - 3 * first * second + 2 * first**3
    assert distribution.third_cumulant == pytest.approx(cumulant, rel=1e-6)
    assert distribution.laplace(0.7) == pytest.approx(
        1 - 0.7 * np.trapezoid(tail * np.exp(-0.7 * t), t)
    )
    assert distribution.cdf(distribution.quantile(0.99)) == pytest.approx(0.99, rel=1e-10)
    assert distribution.density(1.0) == pytest.approx(
        (distribution.tail(0.999) - distribution.tail(1.001)) / 0.002, rel=1e-5
    )


# Mean wait and P(wait): the first two of the package phph 0.1, the third of Richardson's
# extrapolation of Erlang arrivals of 8 to 64 phases, the others simulated with 1e7 requests.
RENEWAL = [
    (qm.Erlang(1.0, 4), qm.HyperExponential([0.05, 0.95], [6.4, 0.7157894736842105]), 2, 0.8,
     3.4281271910350224, 0.6264784202003983, 1e-7),
    (qm.Erlang(1.0, 4), qm.Erlang(1.0, 2), 4, 0.8,
     0.21989140304096633, 0.42784325777516197, 1e-11),
    (qm.Deterministic(1.0), balanced_hyperexponential(1.0, 9.0), 4, 0.9, None, 0.738159, 1e-5),
    (qm.Erlang(1.0, 4), qm.LogNormal(1.0, 4.0), 4, 0.8, 1.24765, 0.517042, 0.025),
    (balanced_hyperexponential(1.0, 4.0), qm.LogNormal(1.0, 4.0), 1, 0.8,
     15.924, 0.890278, 0.015),
]  # fmt: skip


@pytest.mark.parametrize(
    ("gaps", "service", "servers", "load", "wait", "waits", "within"), RENEWAL
)
def test_renewal_arrivals_by_phases(gaps, service, servers, load, wait, waits, within):
    r = GGc(gaps, service, servers).solve(load * servers)
    assert 1 - r.wait.atom == pytest.approx(waits, rel=within)
    if wait is not None:
        assert r.waiting_time == pytest.approx(wait, rel=within)
    exact = not isinstance(service, qm.LogNormal)
    assert r.basis["p99"] == ("exact" if exact else "approximate")


def test_constant_service_behind_erlang_arrivals():
    """E2/D/2 by another program, and E4/D/4 as M/D/16 of four times the rate."""
    r = GGc(qm.Erlang(3.0, 2), qm.Deterministic(1.0), 2).solve(1.6)
    assert r.waiting_time == pytest.approx(0.3860949308613044, rel=1e-8)
    r = GGc(qm.Erlang(1.0, 4), qm.Deterministic(0.01), 4).solve(np.array([160.0, 320.0, 400.0]))
    same = mdc.MDc(0.01, 16).solve(np.array([640.0, 1280.0, 1600.0]))
    np.testing.assert_allclose(r.waiting_time, same.waiting_time, rtol=1e-12)
    assert r.waiting_time[1] == pytest.approx(0.000526, rel=1e-3)
    assert r.waiting_time[2] == np.inf
    assert r.wait.quantile(0.99)[1] == pytest.approx(same.wait.quantile(0.99)[1], rel=1e-9)
    assert r.basis["p99"] == "exact"
    assert r.basis["number"] == "approximate"


def test_both_ways_of_renewal_arrivals_agree():
    """Erlang times by their phases, and as a distribution whose phases are not known."""
    from qmodel.distributions.phase_type import phases_of
    from qmodel.queues.phases.queue import solve
    from qmodel.queues.phases.renewal import solve_renewal

    for gaps, service, servers in (
        (qm.Erlang(1.0, 3), balanced_hyperexponential(1.0, 4.0), 3),
        (qm.Exponential(1.0), qm.Erlang(1.0, 2), 2),
    ):
        phases = phases_of(service)
        rate = np.array([0.6 * servers, 0.9 * servers])
        one = solve_renewal(gaps, phases, servers, rate)
        two = solve(
            np.tile(phases.initial, (2, 1)),
            np.tile(phases.generator, (2, 1, 1)),
            servers,
            rate,
            gaps,
        )
        np.testing.assert_allclose(one.probability, two.probability, rtol=1e-9)
        np.testing.assert_allclose(one.mean, two.mean, rtol=1e-9)
        np.testing.assert_allclose(one.levels, two.levels, atol=1e-10)


@pytest.mark.thorough
@pytest.mark.parametrize("arrival_scv", [0.0, 1e-6, 0.01, 0.05])
@pytest.mark.parametrize("service_scv", [1e-6, 0.01, 0.05, 0.5])
def test_more_servers_never_make_regular_arrivals_wait(
    arrival_scv: float, service_scv: float
) -> None:
    rates = np.array([0.3, 0.6, 0.9])
    interarrival = qm.from_mean_scv(1.0, arrival_scv)
    service = qm.from_mean_scv(1.0, service_scv)
    waits = [qm.GGc(interarrival, service, c).solve(rates).waiting_time for c in (1, 2, 3, 4)]
    assert np.all(np.diff(waits, axis=0) <= 0)


def test_how_many_states_are_too_many_between_two_arrivals():
    """At each number busy up to all, and once more at all with one in line: at most 200."""
    gaps = qm.Deterministic(1.0)
    assert feasible(gaps, 4, 5)  # 126 + 70
    assert not feasible(gaps, 3, 7)  # 120 + 84


# Simulations of 2e7 requests and more: times between arrivals, service, servers, load, P(wait),
# mean wait, its p99, and the largest standard error of them in percent.
LN = partial(qm.LogNormal, 1.0)
H2_39 = balanced_hyperexponential(1.0, 3.9)
IMITATED = [
    (
        LN(0.49),
        qm.Gamma(1.0, 3.57),
        16,
        0.57,
        0.0166594,
        0.00412561,
        0.112123,
        1.5,
    ),
    (qm.Gamma(1.0, 0.47), qm.Gamma(1.0, 1.68), 32, 0.89, 0.365804, 0.10735, 1.08166, 0.9),
    (qm.Deterministic(1.0), LN(1.79), 10, 0.8, 0.246716, 0.099371, 1.44548, 0.8),
    (
        H2_39,
        LN(4.97),
        5,
        0.7,
        0.564307,
        1.14028,
        10.5254,
        0.5,
    ),
    (qm.Gamma(1.0, 0.65), qm.Gamma(1.0, 2.01), 16, 0.59, 0.0247307, 0.00456721, 0.16094, 0.7),
    (qm.Uniform(0.55, 1.45), LN(2), 8, 0.66, 0.090121, 0.0295464, 0.739095, 0.7),
    (qm.Deterministic(1.0), LN(3.61), 3, 0.61, 0.211385, 0.316132, 5.44294, 0.7),
]


@pytest.mark.parametrize(
    ("gaps", "service", "servers", "load", "waits", "wait", "late", "error"), IMITATED
)
def test_imitated_service_is_as_near_as_its_label_says(
    gaps: qm.Distribution,
    service: qm.Distribution,
    servers: int,
    load: float,
    waits: float,
    wait: float,
    late: float,
    error: float,
) -> None:
    r = GGc(gaps, service, servers).solve(load * servers)
    assert "renewal-phases" in r.basis.assumptions("p99")
    assert "fitted-phases" not in r.basis.assumptions("p99")
    assert r.waiting_time == pytest.approx(wait, rel=0.05 + error / 100)
    assert r.wait.tail(0.0) == pytest.approx(waits, rel=0.08)
    assert r.wait.quantile(0.99) == pytest.approx(late, rel=0.06 + error / 100)
    assert r.wait.tail(r.wait.quantile(0.99)) == pytest.approx(0.01, rel=1e-6)
    cells = GGc(gaps, service, servers).solve(np.array([0.0, load, np.nan, 1.5]) * servers)
    assert cells.waiting_time[0] == 0
    assert cells.waiting_time[1] == pytest.approx(r.waiting_time, rel=1e-9)
    assert np.isnan(cells.waiting_time[2])
    assert cells.waiting_time[3] == np.inf


def test_service_that_phases_imitate_badly_is_no_fit() -> None:
    """Four phases of Pareto service were used, and 20 % off."""
    service = qm.Pareto(0.3, 2.0, 3.0)
    basis = GGc(qm.Erlang(1.0, 2), service, 5).solve(2.0 / float(service.mean)).basis
    assert "renewal-phases" not in basis.assumptions("p99")
    assert "corrected-renewal-wait" in basis.assumptions("p99")
