"""Policies that look at sizes: published means, sample paths, jumps, limits."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammainc, gammaincc

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues.mg1_size_based import MG1SizeBased

EXP, H2 = qm.Exponential(1.0), balanced_hyperexponential(1.0, 4.0)
POLICIES = ("srpt", "psjf", "sjf", "fb")

# mg1.jsonl: sizebased_integrals_* (mpmath and scipy integrals), exponential sizes of mean 1.
PUBLISHED = {
    0.5: (1.425372663877786, 1.5313832832963288, 1.7126863319388927, 2.0),
    0.9: (3.5521250996267884, 4.051773203338512, 4.19691258966411, 10.0),
    0.99: (17.626930050682404, 18.955588017218005, 18.450660750175576, 100.0),
}
# mg1.jsonl: sizebased_*_rho* .
MORE = {("srpt", 0.95): 5.5410110211544925, ("psjf", 0.95): 6.264757140095985,
        ("psjf", 0.8): 2.658896822008079, ("sjf", 0.8): 2.8822186162397765}  # fmt: skip
# theory.md 2.9: bounded Pareto(1.5, .334, 1000), load .7, from simulation and integrals.
HEAVY = {"srpt": 1.744, "psjf": 1.869, "sjf": 11.63, "fb": 2.428}


@pytest.mark.parametrize("load", PUBLISHED)
def test_published(load: float) -> None:
    for policy, mean in zip(POLICIES, PUBLISHED[load], strict=True):
        assert MG1SizeBased(EXP, policy).solve(load).response_time == pytest.approx(
            mean, rel=1e-11
        )


@pytest.mark.parametrize("case", MORE)
def test_more_published(case: Any) -> None:
    policy, load = case
    r = MG1SizeBased(EXP, policy).solve(load)
    assert r.response_time == pytest.approx(MORE[case], rel=1e-11)
    assert r.basis["response_time"] == "exact"
    assert r.basis["p99"] == "approximate"


@pytest.mark.parametrize("policy", POLICIES)
def test_heavy_tail(policy: str) -> None:
    distribution = qm.Pareto(0.334, 1.5, 1000.0)
    mean = MG1SizeBased(distribution, policy).solve(0.7 / distribution.mean).response_time
    assert mean == pytest.approx(HEAVY[policy], rel=5e-4)


def test_infinite_variance() -> None:
    # Pareto of index 1.5: SJF waits without end, those that interrupt do not.
    distribution = qm.Pareto(1 / 3, 1.5)
    srpt, psjf, sjf, fb = (
        MG1SizeBased(distribution, p).solve(0.8).response_time for p in POLICIES
    )
    assert 1 < srpt < psjf < fb < 5.0
    assert np.isinf(sjf)
    bounded = MG1SizeBased(qm.Pareto(1 / 3, 1.5, 1e12), "srpt").solve(0.8).response_time
    assert srpt == pytest.approx(bounded, rel=1e-4)


def test_independent_integral() -> None:
    """SRPT of a gamma distribution by scipy."""
    distribution, lam = qm.Gamma(1.0, 0.5), 0.8

    # Of shape 2: E[X^n; X < x] = E[X^n] P(Y < x), Y of shape 2 + n.
    def rho(x: float) -> float:
        return lam * gammainc(3, 2 * x)

    def response(x: float) -> float:
        second = 1.5 * gammainc(4, 2 * x) + x**2 * gammaincc(2, 2 * x)
        inner = quad(lambda t: 1 / (1 - rho(t)), 0, x, epsabs=1e-9)[0]
        return lam * second / (2 * (1 - rho(x)) ** 2) + inner

    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = 6.5 * (1 + nodes)
    mean = sum(
        6.5 * w * 4 * t * np.exp(-2 * t) * response(t) for w, t in zip(weights, x, strict=True)
    )
    assert MG1SizeBased(distribution, "srpt").solve(lam).response_time == pytest.approx(
        mean, rel=1e-7
    )


def path(policy: str, rate: float, needs: np.ndarray, seed: int) -> np.ndarray:
    """Return the responses under SRPT, PSJF or SJF: every event by hand."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, len(needs))).tolist()
    heap: list[list[float]] = []
    busy: list[float] | None = None  # rank, arrival, remaining
    out, now = [], 0.0
    for i, (at, need) in enumerate(zip(arrivals, needs.tolist(), strict=True)):
        until = arrivals[i + 1] if i + 1 < len(arrivals) else at
        now = at
        heapq.heappush(heap, [need, at, need])
        if busy is not None and policy != "sjf":
            if policy == "srpt":
                busy[0] = busy[2]
            heapq.heappush(heap, busy)
            busy = None
        while True:
            if busy is None:
                if not heap:
                    break
                busy = heapq.heappop(heap)
            if now + busy[2] > until:
                busy[2] -= until - now
                break
            now += busy[2]
            out.append(now - busy[1])
            busy = None
    return np.array(out[len(out) // 20 :])


SERVICE = {
    "h2": (
        H2,
        lambda g, n: (
            g.exponential(1.0, n) * np.where(g.random(n) < H2.probabilities[0], *H2.means)
        ),
    ),
    "two sizes": (
        qm.Mixture([0.7, 0.3], [qm.Deterministic(0.5), qm.Deterministic(2.0)]),
        lambda g, n: np.where(g.random(n) < 0.7, 0.5, 2.0),
    ),
    "jump": (
        qm.Mixture([0.5, 0.5], [qm.Deterministic(1.0), EXP]),
        lambda g, n: np.where(g.random(n) < 0.5, 1.0, g.exponential(1.0, n)),
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("policy", ["srpt", "psjf", "sjf"])
@pytest.mark.parametrize("name", SERVICE)
def test_against_sample_paths(name: str, policy: str) -> None:
    distribution, sample = SERVICE[name]
    times = path(policy, 0.8 / distribution.mean, sample(np.random.default_rng(7), 300_000), 8)
    r = MG1SizeBased(distribution, policy).solve(0.8 / distribution.mean)
    blocks = np.array_split(times, 20)
    assert abs(times.mean() - r.response_time) < 4 * np.std(
        [b.mean() for b in blocks]
    ) / np.sqrt(20)
    spread = [b.var() for b in blocks]
    assert (
        abs(times.var() - r.response.variance)
        < 6 * np.std(spread) / np.sqrt(20) + 0.05 * times.var()
    )
    for p in (0.5, 0.9, 0.99):
        assert r.response.quantile(p) == pytest.approx(np.quantile(times, p), rel=0.2), p


def test_one_size_is_first_come_first_served() -> None:
    distribution = qm.Deterministic(2.0)
    fcfs = qm.MG1(distribution).solve(0.4).response_time
    for policy in ("srpt", "psjf", "sjf"):
        assert MG1SizeBased(distribution, policy).solve(0.4).response_time == pytest.approx(
            fcfs, rel=1e-12
        )
    shared = MG1SizeBased(distribution, "fb").solve(0.4).response_time
    assert shared == pytest.approx(2 / 0.2 + 0.4 * 4 / (2 * 0.2**2), rel=1e-12)


def test_two_sizes_are_two_priority_classes() -> None:
    small, large = qm.Deterministic(0.5), qm.Deterministic(2.0)
    distribution = qm.Mixture([0.7, 0.3], [small, large])
    for policy, preemptive in (("psjf", True), ("sjf", False)):
        from qmodel.queues.mg1_priority import MG1Priority

        classes = MG1Priority(EXP, preemptive).solve(
            [qm.Stream(0.56, small), qm.Stream(0.24, large)]
        )
        r = MG1SizeBased(distribution, policy).solve(
            [qm.Stream(0.56, small), qm.Stream(0.24, large)]
        )
        one = MG1SizeBased(distribution, policy).solve(0.8)
        assert one.response_time == pytest.approx(classes.response_time, rel=1e-12)
        for stream, expected in zip(r.streams, classes.streams, strict=True):
            assert stream.response_time == pytest.approx(expected.response_time, rel=1e-12)
            assert stream.response.variance == pytest.approx(
                expected.response.variance, rel=1e-9
            )


@pytest.mark.thorough
def test_measured_sizes() -> None:
    samples = np.array([0.2, 0.5, 0.5, 0.9, 1.3, 1.4, 1.8, 2.2, 3.0, 5.0, 9.0])
    values, counts = np.unique(samples, return_counts=True)
    same = qm.Mixture(counts / counts.sum(), [qm.Deterministic(v) for v in values])
    rate = 0.8 / samples.mean()
    for policy in POLICIES:
        r = MG1SizeBased(qm.Empirical(samples), policy).solve(rate)
        expected = MG1SizeBased(same, policy).solve(rate).response_time
        assert r.response_time == pytest.approx(expected, rel=1e-10)


def test_order_of_policies() -> None:
    for distribution in (
        EXP,
        H2,
        qm.Gamma(1.0, 0.3),
        qm.Uniform(0.5, 1.5),
        qm.LogNormal(1.0, 4.0),
    ):
        srpt, psjf, sjf, fb = (
            MG1SizeBased(distribution, p).solve(0.8).response_time for p in POLICIES
        )
        assert srpt <= min(psjf, sjf, fb, 5.0, qm.MG1(distribution).solve(0.8).response_time)
        assert psjf <= 5.0  # of PS
        assert (fb <= 5.0 + 1e-9) == (distribution.scv >= 1)
    assert MG1SizeBased(EXP, "fb").solve(0.8).response_time == pytest.approx(5.0, rel=1e-12)


@pytest.mark.parametrize("policy", POLICIES)
def test_cells_units_little_and_edges(policy: str) -> None:
    rates = np.array([0.0, 0.3, 0.9, 1.0, 1.4, np.nan])
    distribution = qm.Gamma(1.0, 2.0)
    r = MG1SizeBased(distribution, policy).solve(rates)
    percentile = r.response.quantile(0.9)
    for i, rate in enumerate(rates):
        one = MG1SizeBased(distribution, policy).solve(float(rate))
        np.testing.assert_allclose(r.response_time[i], one.response_time, rtol=1e-12)
        np.testing.assert_allclose(percentile[i], one.response.quantile(0.9), rtol=1e-8)
    np.testing.assert_allclose(
        r.number_in_system[:3], rates[:3] * r.response_time[:3], rtol=1e-12
    )
    np.testing.assert_allclose(r.response.mean, r.response_time, rtol=1e-12)
    assert r.response_time[0] == pytest.approx(1.0)
    assert np.all(np.isinf(r.response_time[3:5]))
    ms = MG1SizeBased(qm.Gamma(1e-3, 2.0), policy).solve(900.0)
    assert ms.response_time == pytest.approx(1e-3 * r.response_time[2], rel=1e-10)


def test_visits_are_as_many_sizes() -> None:
    station = MG1SizeBased(EXP, "srpt")
    r = station.solve(0.8)
    two = station.distribution_of_response(r, qm.Scaled(EXP, 2.0), 2)
    assert two.mean == pytest.approx(2 * r.response_time, rel=1e-10)
    r = qm.Pipeline(qm.call("disk", station)).solve(0.8)
    assert r.latency.mean == pytest.approx(2.3528, rel=1e-4)


def test_domain() -> None:
    with pytest.raises(
        qm.DomainError, match="policy must be one of srpt, psjf, sjf, fb, got 'lifo'"
    ):
        MG1SizeBased(EXP, "lifo")
    with pytest.raises(qm.ModelError, match="service must be a Distribution"):
        MG1SizeBased(1.0)  # type: ignore[arg-type]
