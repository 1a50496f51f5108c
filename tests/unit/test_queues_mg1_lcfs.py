"""Last come first served, and busy periods: moments, densities, sample paths, limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.special import ive

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues.mg1_lcfs import MG1LCFS
from qmodel.queues.waits.borel import Borel
from qmodel.queues.waits.busy_period import BusyPeriod, Interruptions

EXP, H2 = qm.Exponential(1.0), balanced_hyperexponential(1.0, 3.0)


def raw(distribution: qm.Distribution) -> list[Any]:
    m, v = distribution.mean, distribution.variance
    return [m, v + m**2, distribution.third_cumulant + 3 * m * v + m**3]


class Moments(qm.Distribution):
    """Service of three moments: 1, 2.44 and 9.76."""

    mean, variance, third_cumulant = 1.0, 1.44, 9.76 - 3 * 1.44 - 1

    def laplace(self, s: Any) -> Any:
        raise NotImplementedError


def test_published_moments() -> None:
    # mg1.jsonl: mg1_lcfspr_mq and mg1_busy_period.
    r = MG1LCFS(Moments()).solve(0.7)
    expected = [3.3333333333333335, 90.37037037037037, 6350.024691358025]
    assert raw(r.response) == pytest.approx(expected, rel=1e-12)
    assert r.waiting_time + 1 == r.response_time == pytest.approx(expected[0], rel=1e-14)


@pytest.mark.parametrize("load", [0.3, 0.8, 0.99])
def test_density_of_the_exponential_busy_period(load: float) -> None:
    def density(t: float) -> float:
        decay = np.exp(-((1 - np.sqrt(load)) ** 2) * t)
        return float(decay * ive(1, 2 * t * np.sqrt(load)) / (t * np.sqrt(load)))

    r = MG1LCFS(EXP).solve(load)
    # The same distribution by the iteration, not by the quadratic equation.
    same = BusyPeriod(EXP, load, qm.HyperExponential([0.5, 0.5], [1.0, 1.0]))
    for t in (0.3, 4.0, 60.0):
        tail = quad(density, t, np.inf, epsabs=0, epsrel=1e-12, limit=500)[0]
        assert r.response.tail(t) == pytest.approx(tail, abs=1e-12)
        assert r.response.density(t) == pytest.approx(density(t), rel=1e-9)
        assert same.tail(t) == pytest.approx(tail, abs=1e-10)


def path(
    service: np.ndarray, load: float, preemptive: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return waits and responses of a stack, in the order of departure."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(service.mean() / load, len(service))).tolist()
    needs = service.tolist()
    stack: list[list[float]] = []
    busy: list[float] | None = None
    waits, responses = [], []
    now = 0.0
    for i, (at, need) in enumerate(zip(arrivals, needs, strict=True)):
        until = arrivals[i + 1] if i + 1 < len(arrivals) else at
        now = at
        if busy is None:
            busy = [at, need, need]
        elif preemptive:
            stack.append(busy)
            busy = [at, need, need]
        else:
            stack.append([at, need, need])
        while busy is not None:
            if now + busy[1] > until:
                busy[1] -= until - now
                break
            now += busy[1]
            responses.append(now - busy[0])
            waits.append(now - busy[0] - busy[2])
            busy = stack.pop() if stack else None
    return np.array(waits), np.array(responses)


SERVICE = {
    "gamma": (qm.Gamma(1.0, 2.0), lambda g, n: g.gamma(0.5, 2.0, n)),
    "constant": (qm.Deterministic(1.0), lambda g, n: np.ones(n)),
    "h2": (
        H2,
        lambda g, n: (
            g.exponential(1.0, n) * np.where(g.random(n) < H2.probabilities[0], *H2.means)
        ),
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("preemptive", [True, False])
@pytest.mark.parametrize("name", SERVICE)
def test_distributions_against_sample_paths(name: str, preemptive: bool) -> None:
    distribution, sample = SERVICE[name]
    waits, responses = path(sample(np.random.default_rng(1), 400_000), 0.7, preemptive, 4)
    r = MG1LCFS(distribution, preemptive).solve(0.7)
    assert str(r.basis) == "exact"
    for found, exact in ((waits, r.wait), (responses, r.response)):
        blocks, some = np.array_split(found, 20), np.array([0.2, 0.5, 0.9, 0.99])
        times = exact.quantile(some)
        for p, t, tail in zip(some, times, exact.tail(times), strict=True):
            shares = [np.mean(b <= t * (1 + 1e-9) + 1e-9) for b in blocks]
            reached = 1 - tail
            # At a jump of the distribution more than p are done.
            assert reached > p - 1e-9
            error = 4 * np.std(shares) / np.sqrt(20) + 2e-3 * (name == "constant") + 1e-5
            assert abs(np.mean(shares) - reached) < error, (p, t)


def test_second_moment_without_preemption() -> None:
    # theory.md 2.7.
    m1, m2, m3 = raw(H2)
    lam, rho = 0.8, 0.8 * m1
    r = MG1LCFS(H2, preemptive=False).solve(lam)
    expected = lam * m3 / (3 * (1 - rho) ** 2) + lam**2 * m2**2 / (2 * (1 - rho) ** 3)
    assert raw(r.wait)[1] == pytest.approx(expected, rel=1e-12)
    assert r.waiting_time == pytest.approx(qm.MG1(H2).solve(lam).waiting_time, rel=1e-14)
    assert r.wait.mean == pytest.approx(r.waiting_time, rel=1e-12)


def test_constant_service_is_borels_distribution() -> None:
    distribution = MG1LCFS(qm.Deterministic(2.0)).solve(0.25).response
    n = np.arange(1, 60.0)
    # The total progeny of a branching process, by recursion on its generating function.
    theta = np.zeros(60)
    for _ in range(60):
        series = np.zeros(60)
        series[0] = np.exp(-0.5)
        powers = np.eye(1, 60)[0]
        total = np.zeros(60)
        factorial = 1.0
        for k in range(60):
            total += np.exp(-0.5) * 0.5**k / factorial * powers
            powers = np.convolve(powers, theta)[:60]
            factorial *= k + 1
        theta = np.concatenate([[0.0], total[:-1]])
    np.testing.assert_allclose(distribution.tail(2 * n), 1 - np.cumsum(theta)[1:60], atol=1e-13)
    assert distribution.quantile(0.9) == 2 * (
        1 + int(np.searchsorted(np.cumsum(theta)[1:], 0.9))
    )
    far = Borel(qm.Deterministic(1.0), 0.99, qm.Deterministic(1.0))
    before, after = far.tail(9_999.5), far.tail(10_001.5)
    assert 0 < before - after < 1e-6
    assert far.quantile(0.9995) > 10_000


def test_insensitive_mean_and_number() -> None:
    for distribution in (EXP, H2, qm.Deterministic(1.0), qm.LogNormal(1.0, 3.0)):
        r = MG1LCFS(distribution).solve(0.8)
        assert r.response_time == pytest.approx(5.0)
        assert r.number is not None
        assert r.number.mean == pytest.approx(r.number_in_system) == pytest.approx(4.0)


def test_overload_still_serves_the_newest() -> None:
    # P(a busy period ends) is the root of x = B(lambda (1 - x)).
    for distribution in (EXP, H2, qm.Deterministic(1.0)):
        r = MG1LCFS(distribution).solve(1.5)
        ends = float(1 - r.response.defect)
        assert ends == pytest.approx(distribution.laplace(1.5 * (1 - ends)), rel=1e-12)
        assert ends < 1
        assert np.isinf(r.response_time)
        assert np.isinf(r.response.quantile(ends + 0.01))
        assert np.isfinite(r.response.quantile(0.9 * ends))
    assert 1 - MG1LCFS(EXP).solve(1.5).response.defect == pytest.approx(1 / 1.5)
    waits, _ = path(np.random.default_rng(2).exponential(1.0, 200_000), 1.5, False, 3)
    r = MG1LCFS(EXP, preemptive=False).solve(1.5)
    served = len(waits) / 200_000
    assert served == pytest.approx(float(1 - r.wait.defect), abs=0.005)
    assert np.mean(waits <= r.wait.quantile(0.4)) * served == pytest.approx(0.4, abs=0.01)


def test_interruptions_and_periods_add_up() -> None:
    work = qm.Gamma(2.0, 0.5)
    period, pauses = BusyPeriod(work, 0.4, H2), Interruptions(work, 0.4, H2)
    assert pauses.mean == pytest.approx(period.mean - work.mean)
    constant = qm.Deterministic(2.0)
    late = BusyPeriod(constant, 0.4, H2)
    assert late.variance == pytest.approx(Interruptions(constant, 0.4, H2).variance)
    t = np.array([0.5, 3.0, 20.0])
    np.testing.assert_allclose(
        late.tail(2 + t), Interruptions(constant, 0.4, H2).tail(t), atol=1e-10
    )
    s = 1e-4
    for distribution in (period, pauses):
        slope = -(np.log(distribution.laplace(2 * s)) - 4 * np.log(distribution.laplace(s))) / (
            -2 * s
        )
        assert slope == pytest.approx(distribution.mean, rel=1e-4)


@pytest.mark.parametrize("preemptive", [True, False])
def test_cells_units_streams_and_edges(preemptive: bool) -> None:
    rates = np.array([0.0, 0.3, 0.9, 1.0, 1.4, np.nan])
    percentiles = np.full(6, np.nan)
    for distribution in (qm.Gamma(1.0, 2.0), qm.Deterministic(1.0)):
        station = MG1LCFS(distribution, preemptive)
        r = station.solve(rates)
        for i, rate in enumerate(rates):
            one = station.solve(float(rate))
            np.testing.assert_allclose(r.waiting_time[i], one.waiting_time, rtol=1e-12)
            percentiles[i] = one.response.quantile(0.9)
        np.testing.assert_allclose(r.response.quantile(0.9), percentiles, rtol=1e-7)
        np.testing.assert_allclose(r.number_in_system[1:3], rates[1:3] * r.response_time[1:3])
        np.testing.assert_allclose(r.response.mean[:5], r.response_time[:5])
        ms = MG1LCFS(qm.Scaled(distribution, 1e-3), preemptive).solve(900.0)
        assert ms.response_time == pytest.approx(1e-3 * r.response_time[2])
    two = MG1LCFS(EXP, preemptive).solve([qm.Stream(0.3), qm.Stream(0.2, qm.Exponential(2.0))])
    for stream, service in zip(two.streams, (EXP, qm.Exponential(2.0)), strict=True):
        assert stream.response.mean == pytest.approx(stream.response_time)
        waited = stream.response_time - float(service.mean)
        assert stream.waiting_time == pytest.approx(waited, rel=1e-12)


def test_jumps_of_the_distribution_are_labelled() -> None:
    mixed = qm.Mixture([0.5, 0.5], [qm.Deterministic(1.0), EXP])
    assert MG1LCFS(mixed).solve(0.5).basis["p99"] == "approximate"
    assert MG1LCFS(mixed, preemptive=False).solve(0.5).basis["p99"] == "exact"
    assert MG1LCFS(qm.Shifted(EXP, 0.5)).solve(0.5).basis["p99"] == "exact"
    assert MG1LCFS(qm.Empirical([1.0, 2.0])).solve(0.3).basis["p99"] == "approximate"


def test_symbols() -> None:
    lam, s = sp.symbols("lambda S", positive=True)
    r = MG1LCFS(qm.Exponential(s)).solve(lam)
    assert sp.simplify(r.response_time - s / (1 - lam * s)) == 0
    z = sp.Symbol("z", positive=True)
    theta = r.response.laplace(z)
    assert float(theta.subs({lam: 0.5, s: 1, z: 0.3})) == pytest.approx(
        MG1LCFS(EXP).solve(0.5).response.laplace(0.3)
    )


def test_in_a_pipeline() -> None:
    for station in (MG1LCFS(EXP), MG1LCFS(EXP, preemptive=False)):
        r = qm.Pipeline(qm.call("stack", station)).solve(0.8)
        assert r.latency.mean == pytest.approx(5.0)
        exact = station.solve(0.8).response.quantile(0.9)
        assert r.latency.quantile(0.9) == pytest.approx(exact, rel=1e-8)


def test_domain() -> None:
    with pytest.raises(qm.ModelError, match="service must be a Distribution"):
        MG1LCFS(1.0)  # type: ignore[arg-type]
    with pytest.raises(qm.DomainError, match="arrival_rate must be a number >= 0, got -1"):
        BusyPeriod(EXP, -1.0, EXP)
