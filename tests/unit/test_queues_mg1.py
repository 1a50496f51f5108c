"""M/G/1: Pollaczek and Khinchine's means and distributions, and M/D/1 with its kinks."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues import mg1
from qmodel.testing import laws


def constant_service_tail(load: float, t: float) -> float:
    """Erlang's sum for M/D/1 in 80 digits, service time 1."""
    with mp.workdps(80):
        lam, at = mp.mpf(load), mp.mpf(t)
        terms = (
            (lam * (k - at)) ** k / mp.factorial(k) * mp.exp(-lam * (k - at))
            for k in range(int(t) + 1)
        )
        return float(1 - (1 - lam) * mp.fsum(terms))


def test_mean_wait_of_books() -> None:
    """Octave's qsmg1 and Kleinrock 1975, (5.63)."""
    assert qm.MG1(qm.from_mean_scv(1.0, 1.0)).solve(0.5).response_time == pytest.approx(2.0)
    assert qm.MG1(qm.Deterministic(1.0)).solve(0.7).response_time == pytest.approx(13 / 6)
    assert mg1.waiting_time(0.8, 1.0, scv=0.5) == pytest.approx(3.0)
    assert mg1.waiting_time(0.8, 1.0, scv=4.0) == pytest.approx(10.0)


@pytest.mark.parametrize("load", [0.3, 0.8, 0.95])
@pytest.mark.parametrize("t", [0.0, 0.5, 0.999999, 1.0, 3.7, 7.9])
def test_constant_service_near(load: float, t: float) -> None:
    distribution = qm.MG1(qm.Deterministic(1.0)).solve(load).wait
    assert distribution.tail(t) == pytest.approx(
        constant_service_tail(load, t), rel=1e-6, abs=1e-12
    )


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("t", [8.01, 9.5, 15.0, 40.0])
def test_constant_service_far(load: float, t: float) -> None:
    distribution = qm.MG1(qm.Deterministic(1.0)).solve(load).wait
    assert distribution.tail(t) == pytest.approx(constant_service_tail(load, t), rel=1e-11)


@pytest.mark.parametrize("load", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("t", [8.5, 10.0])
def test_constant_service_far_in_relative_terms(load: float, t: float) -> None:
    distribution = qm.MG1(qm.Deterministic(1.0)).solve(load).wait
    assert distribution.tail(t) == pytest.approx(constant_service_tail(load, t), rel=1e-11)


@pytest.mark.parametrize("scv", [1.0, 4.0])
def test_tail_by_roots(scv: float) -> None:
    """M/H2/1: two exponentials whose rates solve a quadratic equation (theory, 2.4)."""
    service, lam = balanced_hyperexponential(1.0, scv), 0.8
    m1, m2 = (1 / m for m in service.means)
    b, c = m1 + m2 - lam, m1 * m2 * (1 - lam)
    z1, z2 = (b - np.sqrt(b * b - 4 * c)) / 2, (b + np.sqrt(b * b - 4 * c)) / 2
    mean = mg1.waiting_time(lam, 1.0, scv=scv)
    a1 = (mean - lam / z2) / (1 / z1 - 1 / z2)
    distribution = qm.MG1(service).solve(lam).wait
    for t in (0.1, 2.0, 20.0, 100.0):
        tail = a1 * np.exp(-z1 * t) + (lam - a1) * np.exp(-z2 * t)
        assert distribution.tail(t) == pytest.approx(tail, rel=1e-8, abs=1e-13)


def test_moments() -> None:
    """Takács' recursion, from most-queue: M/E2/1 at 80 %."""
    r = qm.MG1(qm.Erlang(1.0, 2)).solve(0.8)
    assert r.wait.variance + 9 == pytest.approx(22.0)
    assert r.response.variance + 16 == pytest.approx(29.5)
    assert r.wait.third_cumulant + 3 * 3 * 22 - 2 * 27 == pytest.approx(241.5, rel=1e-8)
    constant = qm.MG1(qm.Deterministic(1.0)).solve(0.95).wait
    assert constant.variance + 9.5**2 == pytest.approx(186.83333333333334, rel=1e-12)


def test_infinite_variance_waits_infinitely_on_average() -> None:
    r = qm.MG1(qm.Pareto(0.1, 1.5)).solve(1.0)
    assert np.isposinf(r.waiting_time)
    assert 0 < r.wait.quantile(0.9) < np.inf


@pytest.mark.thorough
@pytest.mark.parametrize(
    "service",
    [
        qm.LogNormal(0.1, scv=10.0),
        pytest.param(qm.LogNormal(0.1, scv=4.0), marks=pytest.mark.slow),
        qm.Pareto(0.05, 3.5),
        qm.Pareto(0.01, 1.5, 10.0),
    ],
    ids=str,
)
def test_heavy_service_has_its_mean_in_the_tail(service: qm.Distribution) -> None:
    """The far tail is made of the last digits of the transform near zero."""
    r = qm.MG1(service).solve(0.5 / service.mean)
    for distribution in (r.wait, r.response):
        laws.mean_is_integral_of_tail(distribution)
    far = r.wait.tail(np.geomspace(1e5, 1e7, 30) * service.mean)
    # The subexponential limit, of which nothing is left here but for an unbounded power.
    power = isinstance(service, qm.Pareto) and np.isinf(service.maximum)
    assert np.all(far < (1e-10 if power else 3e-11))


def test_far_tail_behind_heavy_service_is_that_of_the_remainder() -> None:
    """P(T_q > t) / P(remainder > t) tends to load / (1 - load) (Pakes 1975)."""
    service, load = qm.Pareto(1.0, 2.5), 0.3
    distribution = qm.MG1(service).solve(load / service.mean).wait
    t = 1e4
    remainder = t**-1.5 / 2.5
    assert distribution.tail(t) / remainder == pytest.approx(load / (1 - load), rel=2e-3)


def test_basis() -> None:
    r = qm.MG1(qm.Gamma(1.0, 2.0)).solve(0.5)
    assert set(r.assumptions) == {"poisson-arrivals", "general-service", "fcfs"}
    assert str(r.basis) == "exact"


def test_impossible_values() -> None:
    with pytest.raises(qm.ModelError, match=r"service must be a Distribution, got 0\.05"):
        qm.MG1(0.05)
    with pytest.raises(qm.DomainError, match=r"scv must be .* got -1"):
        mg1.waiting_time(1.0, 0.1, scv=-1.0)
    with pytest.raises(TypeError):
        qm.MG1()


@pytest.mark.parametrize("parts", [2, 5, 8, 30])
def test_work_of_several_parts_is_as_one(parts: int) -> None:
    """Constant parts are M/D/1; of eight the tail was 0, 1, 1, 0 where it is .34 to .03."""
    t = np.linspace(0.0, 4.0, 9)
    whole = qm.MG1(qm.Deterministic(0.6)).solve(1.0).wait
    several = qm.MG1(qm.Repeated(qm.Deterministic(0.6 / parts), parts)).solve(1.0).wait
    assert whole is not None
    assert several is not None
    np.testing.assert_allclose(several.tail(t), whole.tail(t), rtol=1e-6)
    # A constant and an exponential part each, against all constants and all phases as one.
    pair = qm.Sum((qm.Deterministic(0.4 / parts), qm.Exponential(0.2 / parts)))
    mixed = qm.MG1(qm.Repeated(pair, parts)).solve(1.0).wait
    apart = qm.MG1(qm.Sum((qm.Deterministic(0.4), qm.Gamma(0.2, 1 / parts)))).solve(1.0).wait
    assert mixed is not None
    assert apart is not None
    np.testing.assert_allclose(mixed.tail(t), apart.tail(t), rtol=1e-6)


@pytest.mark.parametrize("x", [1e-9, 1e-3, 0.9, 1.1, 30.0, 1e4])
def test_gaps_of_sums_keep_their_digits_near_and_far(x: float) -> None:
    """Twelve exponential times are one of twelve phases."""
    several, one = qm.Repeated(qm.Exponential(0.05), 12), qm.Gamma(0.6, 1 / 12)
    s = np.array([x / 0.6, 1j * x / 0.6])
    np.testing.assert_allclose(several.remaining_gap(s), one.remaining_gap(s), rtol=1e-12)
