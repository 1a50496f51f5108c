"""Vacations, set-up times, thresholds: published moments, sample paths, limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.distributions.residual import Residual, residual
from qmodel.queues.mg1_vacations import MG1Setup, MG1Threshold, MG1Vacations

EXP = qm.Exponential(1.0)
STATIONS: dict[str, Any] = {
    "vacations": lambda distribution: MG1Vacations(distribution, qm.Gamma(2.0, 0.5)),
    "one vacation": lambda distribution: MG1Vacations(
        distribution, qm.Gamma(2.0, 0.5), repeated=False
    ),
    "setup": lambda distribution: MG1Setup(distribution, qm.Gamma(2.0, 0.5)),
    "threshold": lambda distribution: MG1Threshold(distribution, 4),
}


def raw(distribution: qm.Distribution) -> list[Any]:
    m, v = distribution.mean, distribution.variance
    return [m, v + m**2, distribution.third_cumulant + 3 * m * v + m**3]


def test_published() -> None:
    # mg1.jsonl: mg1_vacation_exp, mg1_vacation_det, mg1_npolicy_5.
    r = MG1Vacations(EXP, qm.Exponential(2.0)).solve(0.5)
    assert raw(r.wait) == pytest.approx([3.0, 16.0, 120.0], rel=1e-9)
    r = MG1Vacations(EXP, qm.Deterministic(1.5)).solve(0.5)
    assert raw(r.wait) == pytest.approx([1.75, 6.25, 36.09375], rel=1e-9)
    assert MG1Threshold(EXP, 5).solve(0.6).waiting_time == pytest.approx(
        4.833333333333333, rel=1e-12
    )


@pytest.mark.parametrize(
    "distribution", [EXP, qm.Gamma(1.0, 3.0), qm.Deterministic(1.0)], ids=repr
)
def test_means_by_the_formulas(distribution: Any) -> None:
    # theory.md 2.10 (Fuhrmann and Cooper 1985), and (N - 1) / 2 lambda.
    rate, v = 0.7, qm.Gamma(2.0, 0.5)
    base, second = qm.MG1(distribution).solve(rate).waiting_time, v.variance + v.mean**2
    none = v.laplace(rate)
    expected = {
        "vacations": second / (2 * v.mean),
        "one vacation": rate * second / (2 * (none + rate * v.mean)),
        "setup": (2 * 2.0 + rate * 6.0) / (2 * (1 + rate * 2.0)),
        "threshold": 3 / (2 * rate),
    }
    for name, extra in expected.items():
        assert STATIONS[name](distribution).solve(rate).waiting_time == pytest.approx(
            base + extra, rel=1e-12
        ), name


def path(kind: str, rate: float, n: int, seed: int) -> np.ndarray:
    """Return the waits of an M/G/1 queue whose server is away at times."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, n)).tolist()
    needs = rng.gamma(0.5, 2.0, n).tolist()
    waits = []
    free = 0.0  # when the server is done with all before
    i = 0
    while i < n:
        if arrivals[i] >= free:  # it has run empty at `free`
            if kind == "vacations":
                while free <= arrivals[i]:
                    free += rng.gamma(2.0, 1.0)
            elif kind == "one vacation":
                free = max(free + rng.gamma(2.0, 1.0), arrivals[i])
            elif kind == "setup":
                free = arrivals[i] + rng.gamma(2.0, 1.0)
            else:
                free = arrivals[min(i + 3, n - 1)]
        waits.append(free - arrivals[i])
        free += needs[i]
        i += 1
    return np.array(waits[n // 20 :])


@pytest.mark.thorough
@pytest.mark.parametrize("kind", STATIONS)
def test_distributions_against_sample_paths(kind: str) -> None:
    waits = path(kind, 0.7, 400_000, 12)
    r = STATIONS[kind](qm.Gamma(1.0, 2.0)).solve(0.7)
    assert str(r.basis) == "exact"
    means = [b.mean() for b in np.array_split(waits, 20)]
    assert abs(waits.mean() - r.waiting_time) < 4 * np.std(means) / np.sqrt(20)
    for p in (0.2, 0.5, 0.9, 0.99):
        t = r.wait.quantile(p)
        shares = [np.mean(b <= t) for b in np.array_split(waits, 20)]
        assert abs(np.mean(shares) - p) < 4 * np.std(shares) / np.sqrt(20) + 1e-5, p


def test_a_short_absence_is_none() -> None:
    distribution = qm.Gamma(1.0, 2.0)
    base = qm.MG1(distribution).solve(0.8)
    short = qm.Exponential(1e-9)
    for station in (
        MG1Vacations(distribution, short),
        MG1Setup(distribution, short),
        MG1Threshold(distribution, 1),
    ):
        r = station.solve(0.8)
        assert r.waiting_time == pytest.approx(base.waiting_time, rel=1e-8)
        assert r.response.quantile(0.99) == pytest.approx(
            base.response.quantile(0.99), rel=1e-6
        )


@pytest.mark.parametrize("kind", STATIONS)
def test_cells_units_little_and_edges(kind: str) -> None:
    rates = np.array([0.0, 0.3, 0.9, 1.0, 1.4, np.nan])
    station = STATIONS[kind](qm.Gamma(1.0, 2.0))
    r = station.solve(rates)
    quantiles = r.wait.quantile(0.9)
    for i, rate in enumerate(rates):
        one = station.solve(float(rate))
        np.testing.assert_allclose(r.waiting_time[i], one.waiting_time, rtol=1e-12)
        np.testing.assert_allclose(quantiles[i], one.wait.quantile(0.9), rtol=1e-7)
    assert np.all(np.isinf(r.waiting_time[3:5]))
    assert np.isnan(r.waiting_time[5])
    np.testing.assert_allclose(r.number_in_system[1:3], rates[1:3] * r.response_time[1:3])
    np.testing.assert_allclose(r.wait.mean, r.waiting_time)
    np.testing.assert_allclose(r.wait.tail(3.0)[3:5], 1, rtol=1e-9)


def test_symbols() -> None:
    lam = sp.Symbol("lambda", positive=True)
    for kind, station in STATIONS.items():
        formula = station(EXP).solve(lam).waiting_time
        number = station(EXP).solve(0.7).waiting_time
        assert float(formula.subs(lam, 0.7)) == pytest.approx(number, rel=1e-12), kind


def test_residual_distributions() -> None:
    mixed = qm.HyperExponential([0.9, 0.1], [0.5, 5.5])
    for distribution in (mixed, qm.Deterministic(2.0), EXP):
        closed, generic = residual(distribution), Residual(distribution)
        for name in ("mean", "variance"):
            assert getattr(closed, name) == pytest.approx(getattr(generic, name), rel=1e-12)
        for s in (1e-9, 1e-5, 1e-3, 0.3, 2.0 + 1.0j):
            assert generic.laplace(s) == pytest.approx(closed.laplace(s), rel=1e-11)
    # Of a gamma distribution: P(S_e > t) is the integral of its tail.
    distribution = qm.Gamma(1.0, 0.5)
    t = 0.8 + (np.arange(200_000) + 0.5) * 1e-4
    assert Residual(distribution).tail(0.8) == pytest.approx(
        distribution.tail(t).sum() * 1e-4, rel=1e-7
    )


def test_domain() -> None:
    with pytest.raises(qm.ModelError, match="vacation must be a Distribution"):
        MG1Vacations(EXP, 2.0)  # type: ignore[arg-type]
    with pytest.raises(qm.DomainError, match="the mean of vacation must be a number > 0"):
        MG1Vacations(EXP, qm.Deterministic(0.0))
    with pytest.raises(qm.DomainError, match="threshold must be a whole number >= 1, got 0"):
        MG1Threshold(EXP, 0)
    with pytest.raises(qm.ModelError, match="setup must be a Distribution"):
        MG1Setup(EXP, None)  # type: ignore[arg-type]
