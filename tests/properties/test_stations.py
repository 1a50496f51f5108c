"""Distributions that every station keeps, whatever its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential

DEAR = settings(max_examples=settings.default.max_examples // 2)
"""For what costs seconds."""

Distribution = qm.Distribution
MEANS = ("waiting_time", "response_time", "queue_length", "number_in_system", "utilization")

SERVICE_DISTRIBUTIONS: dict[str, Callable[[float], Distribution]] = {
    "exponential": qm.Exponential,
    "constant": qm.Deterministic,
    "erlang": lambda mean: qm.Erlang(mean, 4),
    "gamma": lambda mean: qm.Gamma(mean, 0.7),
    "h2": lambda mean: balanced_hyperexponential(mean, 4.0),
    "uniform": lambda mean: qm.Uniform(0.5 * mean, 1.5 * mean),
    "lognormal": lambda mean: qm.LogNormal(mean, 0.8),
}
STATIONS: dict[str, Callable[[Distribution, int], qm.Station]] = {
    "MMc": lambda distribution, c: qm.MMc(distribution.mean, c),
    "MG1": lambda distribution, _: qm.MG1(distribution),
    "MGc": qm.MGc,
    "MG1PS": lambda distribution, _: qm.MG1PS(distribution),
    "MGcPS": qm.MGcPS,
    "Delay": lambda distribution, _: qm.Delay(distribution),
}

loads = st.floats(0.01, 0.97)
times = st.floats(1e-4, 1e3)
servers = st.integers(1, 40)
service_distributions = st.sampled_from(sorted(SERVICE_DISTRIBUTIONS))


def build(kind: str, distribution: str, mean: Any, c: Any) -> qm.Station:
    return STATIONS[kind](SERVICE_DISTRIBUTIONS[distribution](mean), c)


def rate_of(station: qm.Station, load: float) -> float:
    """Return the arrival rate at a load; of a delay, with that many requests in it."""
    limit = station.max_rate
    return load * float(limit) if np.isfinite(limit) else load / float(station.service.mean)


@pytest.mark.parametrize("kind", STATIONS)
@given(distribution=service_distributions, load=loads, mean=times, c=servers)
def test_littles_law(kind: str, distribution: str, load: float, mean: float, c: int) -> None:
    station = build(kind, distribution, mean, c)
    rate = rate_of(station, load)
    r = station.solve(rate)
    assert r.number_in_system == pytest.approx(rate * r.response_time, rel=1e-12)
    assert r.queue_length == pytest.approx(rate * r.waiting_time, rel=1e-12, abs=1e-300)
    assert r.response_time == pytest.approx(r.waiting_time + station.service.mean, rel=1e-12)
    if kind != "Delay":
        busy = r.utilization * station.servers
        assert busy == pytest.approx(rate * station.service.mean, rel=1e-12)
        assert r.utilization == pytest.approx(load, rel=1e-9)


@pytest.mark.parametrize("kind", STATIONS)
@given(distribution=service_distributions, load=loads, mean=times, c=servers)
def test_distributions_have_the_means_of_the_result(
    kind: str, distribution: str, load: float, mean: float, c: int
) -> None:
    station = build(kind, distribution, mean, c)
    r = station.solve(rate_of(station, load))
    assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)
    if r.wait is not None:
        assert r.wait.mean == pytest.approx(r.waiting_time, rel=1e-9, abs=1e-12 * mean)
        assert 0 <= r.wait.atom <= 1


@pytest.mark.parametrize("kind", STATIONS)
@given(
    distribution=service_distributions,
    load=loads,
    mean=times,
    c=servers,
    p=st.floats(0.02, 0.999),
)
def test_quantile_inverts_the_tail(
    kind: str, distribution: str, load: float, mean: float, c: int, p: float
) -> None:
    station = build(kind, distribution, mean, c)
    r = station.solve(rate_of(station, load))
    for of in (r.response, r.wait):
        if of is None or p <= of.atom:
            assert of is None or of.quantile(p) == 0
            continue
        t = of.quantile(p)
        # A distribution may jump: then the percentile is the time of the jump.
        before, after = of.tail(t * (1 - 1e-6)), of.tail(t * (1 + 1e-6))
        assert after - 1e-9 <= 1 - p <= before + 1e-9


@pytest.mark.parametrize("kind", STATIONS)
@given(distribution=service_distributions, one=loads, two=loads, mean=times, c=servers)
def test_more_load_is_never_faster(
    kind: str, distribution: str, one: float, two: float, mean: float, c: int
) -> None:
    station = build(kind, distribution, mean, c)
    less, more = sorted((one, two))
    r = station.solve(np.array([rate_of(station, less), rate_of(station, more)]))
    for name in ("waiting_time", "response_time", "number_in_system"):
        low, high = getattr(r, name) + np.zeros(2)
        assert low <= high * (1 + 1e-9) + 1e-12 * mean


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["MMc", "MGc", "MGcPS"])
@given(distribution=service_distributions, load=loads, mean=times, c=servers)
def test_more_servers_never_wait_longer(
    kind: str, distribution: str, load: float, mean: float, c: int
) -> None:
    rate = load * c / mean
    few, many = (
        build(kind, distribution, mean, n).solve(rate).waiting_time for n in (c, c + 1)
    )
    assert many <= few * (1 + 1e-9) + 1e-12 * mean


@pytest.mark.thorough
@pytest.mark.parametrize("kind", STATIONS)
@given(distribution=service_distributions, load=st.floats(0.01, 0.9), mean=times, c=servers)
def test_slower_service_is_never_faster(
    kind: str, distribution: str, load: float, mean: float, c: int
) -> None:
    rate = rate_of(build(kind, distribution, mean, c), load)
    quick, slow = (
        build(kind, distribution, m, c).solve(rate).response_time for m in (mean, 1.05 * mean)
    )
    assert quick <= slow


@given(loads, times, servers, st.floats(0, 9), st.floats(0, 9))
def test_more_variable_service_waits_longer(
    load: float, mean: float, c: int, one: float, two: float
) -> None:
    less, more = sorted((one, two))
    for f in (
        lambda scv: qm.queues.mg1.waiting_time(load / mean, mean, scv=scv),
        lambda scv: qm.queues.mgc.waiting_time(load * c / mean, mean, servers=c, scv=scv),
    ):
        assert f(less) <= f(more) * (1 + 1e-12)


# Limits between models.


@given(loads, times)
def test_one_exponential_server_has_closed_forms(load: float, mean: float) -> None:
    rate, mu = load / mean, 1 / mean
    expected = 1 / (mu - rate)
    for station in (
        qm.MMc(mean), qm.MG1(qm.Exponential(mean)), qm.MGc(qm.Exponential(mean)),
        qm.MG1PS(qm.Exponential(mean)), qm.MGcPS(qm.Exponential(mean)),
    ):  # fmt: skip
        assert station.solve(rate).response_time == pytest.approx(expected, rel=1e-9)
    for station in (qm.MMc(mean), qm.MG1(qm.Exponential(mean))):
        distribution = station.solve(rate).response
        for p in (0.1, 0.5, 0.99):
            assert distribution.quantile(p) == pytest.approx(-expected * np.log1p(-p), rel=1e-7)


@given(loads, times, servers)
def test_exponential_service_makes_mgc_an_mmc(load: float, mean: float, c: int) -> None:
    rate = load * c / mean
    general, markov = qm.MGc(qm.Exponential(mean), c).solve(rate), qm.MMc(mean, c).solve(rate)
    assert str(general.basis) == "exact"
    for name in MEANS:
        assert getattr(general, name) == getattr(markov, name)
    formula = qm.queues.mgc.waiting_time(rate, mean, servers=c, scv=1.0)
    assert formula == pytest.approx(markov.waiting_time, rel=1e-12, abs=1e-300)


@pytest.mark.thorough
@given(service_distributions, loads, times)
def test_one_server_makes_mgc_an_mg1(distribution: str, load: float, mean: float) -> None:
    service, rate = SERVICE_DISTRIBUTIONS[distribution](mean), load / mean
    general, single = qm.MGc(service, 1).solve(rate), qm.MG1(service).solve(rate)
    assert general.waiting_time == pytest.approx(single.waiting_time, rel=1e-12)
    assert general.response.quantile(0.9) == pytest.approx(
        single.response.quantile(0.9), rel=1e-9
    )
    formula = qm.queues.mgc.waiting_time(rate, mean, servers=1, scv=service.scv)
    assert formula == pytest.approx(single.waiting_time, rel=1e-9)


@given(loads, times)
def test_constant_service_waits_half(load: float, mean: float) -> None:
    rate = load / mean
    constant = qm.MG1(qm.Deterministic(mean)).solve(rate).waiting_time
    assert constant == pytest.approx(qm.MMc(mean).solve(rate).waiting_time / 2, rel=1e-12)


@given(service_distributions, loads, times, servers)
def test_shared_servers_are_insensitive(
    distribution: str, load: float, mean: float, c: int
) -> None:
    rate = load * c / mean
    markov = qm.MMc(mean, c).solve(rate).response_time
    r = qm.MGcPS(SERVICE_DISTRIBUTIONS[distribution](mean), c).solve(rate)
    assert r.response_time == pytest.approx(markov, rel=1e-12)
    assert r.basis["response_time"] == "exact"


@given(loads, times, st.integers(2, 20))
def test_pooling(load: float, mean: float, c: int) -> None:
    """One fast server before c slow ones, and these before c separate queues."""
    rate = load * c / mean
    fast = qm.MMc(mean / c).solve(rate)
    pool = qm.MMc(mean, c).solve(rate)
    apart = qm.MMc(mean).solve(rate / c)
    assert fast.response_time <= pool.response_time * (1 + 1e-12)
    assert pool.response_time <= apart.response_time * (1 + 1e-12)
    assert pool.waiting_time <= fast.waiting_time * (1 + 1e-12)


@given(st.floats(0.01, 0.5), times)
def test_many_servers_are_a_delay(load: float, mean: float) -> None:
    r = qm.MMc(mean, 400).solve(400 * load / mean)
    assert r.response_time == pytest.approx(mean, rel=1e-9)


# Units, shapes, edges.


@pytest.mark.parametrize("kind", STATIONS)
@given(
    distribution=service_distributions,
    load=loads,
    mean=times,
    c=servers,
    unit=st.sampled_from([1e-3, 60.0, 86400.0]),
)
def test_another_unit_of_time(
    kind: str, distribution: str, load: float, mean: float, c: int, unit: float
) -> None:
    station, other = (
        build(kind, distribution, mean, c),
        build(kind, distribution, mean * unit, c),
    )
    rate = rate_of(station, load)
    here, there = station.solve(rate), other.solve(rate / unit)
    near = {"rel": 1e-9, "abs": 1e-280}
    assert there.utilization == pytest.approx(here.utilization, **near)
    assert there.number_in_system == pytest.approx(here.number_in_system, **near)
    assert there.waiting_time == pytest.approx(here.waiting_time * unit, **near)
    assert there.response_time == pytest.approx(here.response_time * unit, **near)
    percentile = here.response.quantile(0.9)
    assert there.response.quantile(0.9) == pytest.approx(percentile * unit, rel=1e-6)


@DEAR
@pytest.mark.thorough
@pytest.mark.parametrize("kind", STATIONS)
@given(
    distribution=service_distributions,
    some=st.lists(loads, min_size=2, max_size=4),
    mean=times,
    c=servers,
)
def test_an_array_is_its_cells(
    kind: str, distribution: str, some: list[float], mean: float, c: int
) -> None:
    scales = np.array([1.0, 2.0])[:, None]
    station = build(kind, distribution, mean * scales, c)
    rates = np.array([rate_of(build(kind, distribution, mean, c), load) for load in some]) / 2
    r = station.solve(rates)
    # The distribution of a delay has the shape of its own parameters: load does not change it.
    shape = (2, len(some))
    tail = np.broadcast_to(r.response.tail(mean), shape)
    percentile = np.broadcast_to(r.response.quantile(0.9), shape)
    for i, scale in enumerate((1.0, 2.0)):
        for j, rate in enumerate(rates):
            cell = build(kind, distribution, mean * scale, c).solve(float(rate))
            for name in MEANS:
                found = np.broadcast_to(getattr(r, name), shape)[i, j]
                assert found == pytest.approx(getattr(cell, name), rel=1e-12, abs=1e-300)
            assert tail[i, j] == pytest.approx(cell.response.tail(mean), rel=1e-9, abs=1e-12)
            assert percentile[i, j] == pytest.approx(cell.response.quantile(0.9), rel=1e-6)


QUEUES = sorted(set(STATIONS) - {"Delay"})


@DEAR
@pytest.mark.parametrize("kind", QUEUES)
@given(distribution=service_distributions, load=loads, mean=times, c=servers)
def test_overload_stays_in_its_cell(
    kind: str, distribution: str, load: float, mean: float, c: int
) -> None:
    station = build(kind, distribution, mean, c)
    rate = rate_of(station, load)
    limit = float(station.max_rate)
    r = station.solve(np.array([rate, limit * (1 + 1e-9), 5 * limit, np.nan]))
    alone = station.solve(rate)
    for name in ("waiting_time", "response_time", "queue_length", "number_in_system"):
        values = getattr(r, name)
        assert values[0] == pytest.approx(getattr(alone, name), rel=1e-12)
        assert np.isposinf(values[1:3]).all()
        assert np.isnan(values[3])
    for of, single in ((r.response, alone.response), (r.wait, alone.wait)):
        if of is None:
            continue
        percentiles = of.quantile(0.95)
        assert percentiles[0] == pytest.approx(single.quantile(0.95), rel=1e-6, abs=1e-12)
        assert np.isposinf(percentiles[1:3]).all()
        assert np.isnan(percentiles[3])
        tails = of.tail(mean)
        assert tails[1:3].tolist() == pytest.approx([1, 1], rel=1e-9)
        assert np.isnan(tails[3])


@pytest.mark.parametrize("distribution", SERVICE_DISTRIBUTIONS)
@pytest.mark.parametrize("kind", QUEUES)
def test_saturation_is_overload_to_the_last_bit(kind: str, distribution: str) -> None:
    station = build(kind, distribution, 0.5, 1)
    below, at = station.solve(np.nextafter(2.0, 0.0)), station.solve(2.0)
    assert np.isposinf([at.waiting_time, at.response_time, at.response.quantile(0.5)]).all()
    assert 1e14 < below.response_time < np.inf


@pytest.mark.parametrize("kind", STATIONS)
@given(distribution=service_distributions, mean=times, c=servers)
def test_without_load_there_is_only_service(
    kind: str, distribution: str, mean: float, c: int
) -> None:
    station = build(kind, distribution, mean, c)
    r = station.solve(0.0)
    assert r.waiting_time == pytest.approx(0.0, abs=1e-15 * mean)
    assert r.response_time == pytest.approx(mean)
    assert r.number_in_system == 0
    expected = station.service.quantile(0.9)
    assert r.response.quantile(0.9) == pytest.approx(expected, rel=kinks(kind, distribution))


def kinks(kind: str, distribution: str) -> float:
    """Return the error of a percentile: inversion is good to 1e-4 in the tail at a kink."""
    return 1e-3 if distribution in ("uniform", "lognormal") and kind in ("MG1", "MGc") else 1e-6


@pytest.mark.parametrize("kind", QUEUES)
def test_no_load_is_finite_in_overloaded_company(kind: str) -> None:
    station = build(kind, "h2", 1.0, 2)
    r = station.solve(np.array([0.0, 0.5, 3.0]))
    assert r.response.quantile(0.9)[0] == pytest.approx(station.service.quantile(0.9), rel=1e-6)


@pytest.mark.parametrize("distribution", ["exponential", "gamma", "h2"])
def test_sharing_that_is_rare_leaves_the_distribution_of_service(distribution: str) -> None:
    service = SERVICE_DISTRIBUTIONS[distribution](1.0)
    response = qm.MGcPS(service, 8).solve(0.8).response
    for p in (0.1, 0.5, 0.9, 0.95, 0.99, 0.999):
        assert response.quantile(p) == pytest.approx(service.quantile(p), rel=0.02)


# One source for floats and symbols.

LAM, S, C2 = sp.symbols("lambda S c2", positive=True)


@given(loads, times, st.integers(1, 12))
def test_mmc_is_one_formula(load: float, mean: float, c: int) -> None:
    rate = load * c / mean
    formula = qm.queues.mmc.waiting_time(LAM, S, servers=c)
    value = float(formula.subs({LAM: sp.Float(rate, 40), S: sp.Float(mean, 40)}).evalf(20))
    assert qm.queues.mmc.waiting_time(rate, mean, servers=c) == pytest.approx(value, rel=1e-11)
    result = qm.MMc(S, c).solve(LAM).number_in_system
    value = float(result.subs({LAM: sp.Float(rate, 40), S: sp.Float(mean, 40)}).evalf(20))
    assert qm.MMc(mean, c).solve(rate).number_in_system == pytest.approx(value, rel=1e-11)


@given(loads, times, st.floats(0, 9))
def test_mg1_is_one_formula(load: float, mean: float, scv: float) -> None:
    formula = qm.queues.mg1.waiting_time(LAM, S, scv=C2)
    at = {LAM: sp.Float(load / mean, 40), S: sp.Float(mean, 40), C2: sp.Float(scv, 40)}
    value = float(formula.subs(at))
    assert qm.queues.mg1.waiting_time(load / mean, mean, scv=scv) == pytest.approx(
        value, rel=1e-12
    )


def test_symbols_for_everything() -> None:
    c = sp.Symbol("c", integer=True, positive=True)
    formula = qm.queues.mmc.waiting_time(LAM, S, servers=c)
    assert formula.free_symbols == {LAM, S, c}
    value = formula.subs({LAM: 9, S: sp.Rational(1, 5), c: 4}).evalf()
    assert float(value) == pytest.approx(
        qm.queues.mmc.waiting_time(9.0, 0.2, servers=4), rel=1e-12
    )
