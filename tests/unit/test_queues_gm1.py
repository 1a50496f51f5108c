"""G/M/1: published roots, the chain by linear algebra, accuracy up to saturation, limits."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.gm1 import GM1, waiting_probability, waiting_time
from qmodel.queues.waits.renewal_root import root

# mg1.jsonl: gim1_e2m1_0.8 and gim1_um1_0.8 (mpmath); 1/mu = 1.
PUBLISHED = {
    "E2": (qm.Erlang(1.0, 2), 0.7398529491264557, 2.843979766989913),
    "U": (qm.Uniform(0.0, 2.5), 0.7159718551154682, 2.5207778454721033),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_published(case: str) -> None:
    distribution, sigma, wait = PUBLISHED[case]
    r = GM1(distribution, 1.0).solve(0.8)
    assert waiting_probability(0.8, 1.0, interarrival=distribution) == pytest.approx(
        sigma, rel=1e-13
    )
    assert r.waiting_time == pytest.approx(wait, rel=1e-12)
    assert r.wait.atom == pytest.approx(1 - sigma, rel=1e-12)
    assert waiting_time(1.0, sigma) == pytest.approx(wait, rel=1e-12)
    assert str(r.basis) == "exact"


def test_chain_of_erlang_arrivals() -> None:
    """E2/M/1 as a Markov chain of phases, cut off at 400 requests."""
    load, size = 0.8, 400
    step = 2 * load
    q = np.zeros((2 * size, 2 * size))
    for n in range(size):
        q[2 * n, 2 * n + 1] = step
        if n < size - 1:
            q[2 * n + 1, 2 * n + 2] = step
        for phase in (0, 1):
            if n:
                q[2 * n + phase, 2 * n - 2 + phase] = 1.0
    q -= np.diag(q.sum(axis=1))
    a = q.T.copy()
    a[-1] = 1.0
    p = np.linalg.solve(a, np.append(np.zeros(2 * size - 1), 1.0))
    present = p.reshape(size, 2).sum(axis=1)
    found = p[1::2] / p[1::2].sum()  # what arrivals find: at the end of the second phase
    r = GM1(qm.Erlang(1.0, 2), 1.0).solve(load)
    assert r.number is not None
    n = np.arange(30)
    np.testing.assert_allclose(r.number.probability(n), present[:30], atol=1e-12)
    np.testing.assert_allclose(r.number.tail(n), 1 - np.cumsum(present)[:30], atol=1e-11)
    mean = present @ np.arange(size)
    assert r.number_in_system == pytest.approx(mean, rel=1e-9) == r.number.mean
    assert r.number.variance == pytest.approx(
        present @ np.arange(size) ** 2 - mean**2, rel=1e-8
    )
    assert r.wait.atom == pytest.approx(found[0], rel=1e-9)


def test_distribution_against_sample_paths() -> None:
    rng, n, load = np.random.default_rng(3), 400_000, 0.85
    gaps = rng.gamma(1 / 3.0, 3.0 / load, n)
    steps = rng.exponential(1.0, n)[:-1] - gaps[1:]
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    wait = (walk - np.minimum.accumulate(walk))[n // 20 :]
    r = GM1(qm.Gamma(1.0, 3.0), 1.0).solve(load)
    for p in (0.5, 0.9, 0.99):
        shares = [np.mean(b <= r.wait.quantile(p)) for b in np.array_split(wait, 20)]
        assert abs(np.mean(shares) - p) < 4 * np.std(shares) / np.sqrt(20)
        whole = r.response.quantile(p)
        assert whole == pytest.approx(-np.log(1 - p) * r.response_time)


def h2(x: Any) -> Any:
    p = (1 + mp.sqrt(mp.mpf(3) / 5)) / 2
    return p / (1 + x / (2 * p)) + (1 - p) / (1 + x / (2 * (1 - p)))


ROOTS = {
    "D": (qm.Deterministic(1.0), lambda x: mp.exp(-x), 1e-13),
    "E4": (qm.Erlang(1.0, 4), lambda x: (1 + x / 4) ** -4, 1e-13),
    "H2": (qm.from_mean_scv(1.0, 4.0), h2, 1e-13),
    "U": (qm.Uniform(0.0, 2.0), lambda x: (1 - mp.exp(-2 * x)) / (2 * x), 1e-9),
}


@pytest.mark.parametrize("distribution", ROOTS)
def test_accuracy_from_light_load_to_saturation(distribution: str) -> None:
    shape, transform, tolerance = ROOTS[distribution]
    load = np.array([3e-2, 0.3, 0.9, 0.999, 1 - 1e-6, 1 - 1e-12])
    r, waiting = GM1(shape, 1.0).solve(load), waiting_probability(load, 1.0, interarrival=shape)
    with mp.workdps(50):
        for rho, sigma, response in zip(load, waiting, r.response_time, strict=True):
            rho, start = mp.mpf(float(rho)), mp.mpf(1 / float(response))
            root = mp.findroot(
                lambda e, rho=rho: (1 - transform(e / rho)) / e - 1,
                (start * (1 - mp.mpf("1e-7")), start * (1 + mp.mpf("1e-7"))),
                tol=1e-40,
            )
            assert float(response * root) == pytest.approx(1, abs=tolerance)
            assert float(sigma) == pytest.approx(float(1 - root), rel=tolerance, abs=0)


def test_poisson_arrivals_make_it_mm1() -> None:
    rates = np.array([0.0, 0.3, 0.9, 1.0, 1.5, np.nan])
    r, m = GM1(qm.Exponential(7.0), 1.0).solve(rates), qm.MMc(1.0).solve(rates)
    for name in ("waiting_time", "response_time", "queue_length", "number_in_system"):
        np.testing.assert_allclose(getattr(r, name), getattr(m, name), rtol=1e-12)
    np.testing.assert_allclose(r.response.quantile(0.9), m.response.quantile(0.9), rtol=1e-12)
    np.testing.assert_allclose(r.wait.quantile(0.9), m.wait.quantile(0.9), rtol=1e-12)


def test_more_phases_tend_to_constant_times() -> None:
    constant = GM1(qm.Deterministic(1.0), 1.0).solve(0.8).waiting_time
    found = [GM1(qm.Erlang(1.0, k), 1.0).solve(0.8).waiting_time for k in (1, 10, 100, 10_000)]
    assert all(a > b for a, b in itertools.pairwise(found))
    assert found[-1] == pytest.approx(constant, rel=1e-3)


def test_units_and_little() -> None:
    distribution = qm.Gamma(1.0, 0.4)
    one, ms = GM1(distribution, 1.0).solve(0.7), GM1(distribution, 1e-3).solve(700.0)
    assert ms.response_time == pytest.approx(1e-3 * one.response_time, rel=1e-12)
    assert one.number_in_system == pytest.approx(0.7 * one.response_time, rel=1e-14)


def test_scalars_at_the_edges() -> None:
    station = GM1(qm.Deterministic(1.0), 1.0)
    assert station.solve(0.0).waiting_time == 0
    assert station.solve(1.0).waiting_time == np.inf == station.solve(1.0).wait.quantile(0.5)
    assert waiting_time(1.0, 1.0) == np.inf


def test_domain() -> None:
    with pytest.raises(qm.DomainError, match="service_time must be a number > 0, got 0"):
        GM1(qm.Exponential(1.0), 0.0)
    with pytest.raises(qm.ModelError, match="interarrival must be a Distribution"):
        GM1(1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(qm.ModelError, match="service must be Exponential"):
        GM1(qm.Exponential(1.0), 1.0).serving(qm.Deterministic(1.0))
    with pytest.raises(qm.DomainError, match="arrival_rate must be a number >= 0, got -1"):
        GM1(qm.Exponential(1.0), 1.0).solve(-1.0)


def test_nothing_is_decided_without_a_load() -> None:
    found = root(qm.Exponential(1.0), np.array([0.0, 0.8]), np.array([1.0, 0.2]))
    assert found == pytest.approx([np.inf, 0.25])
