"""Batch arrivals: published figures, the chain by linear algebra, sample paths."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.queues.counts.batches import FixedBatch, GeometricBatch, RandomBatch, RandomNumber
from qmodel.queues.mxg1 import MXG1, waiting_time

EXP = qm.Exponential(1.0)


def test_published() -> None:
    # mg1.jsonl mx_m1_mostqueue: one batch a second.
    batch = RandomBatch([0.2, 0.3, 0.1, 0.2, 0.2])
    r = MXG1(qm.Exponential(1 / 4.142857142857143), batch).solve(2.9)
    assert r.response_time == pytest.approx(1.8588981371383273, rel=1e-12)
    # theory.md 2.10: geometric batches and H2 service, 5.250 (simulated 5.257(30)).
    assert str(r.basis) == "exact"


def test_chain_of_batches() -> None:
    """M^X/M/1 as a Markov chain, cut off at 600 requests."""
    sizes, batches, n = np.array([0.5, 0.0, 0.3, 0.2]), 0.4, 600
    q = np.zeros((n, n))
    for i in range(n):
        for x, p in enumerate(sizes, 1):
            if i + x < n:
                q[i, i + x] += batches * p
        if i:
            q[i, i - 1] = 1.0
    q -= np.diag(q.sum(axis=1))
    a = q.T.copy()
    a[-1] = 1.0
    p = np.linalg.solve(a, np.append(np.zeros(n - 1), 1.0))
    batch = RandomBatch(sizes)
    r = MXG1(EXP, batch).solve(batches * batch.mean)
    assert r.number_in_system == pytest.approx(p @ np.arange(n), rel=1e-10)
    # The first of a batch finds the time average; the j-th j - 1 more: Erlang waits.
    ahead = [sizes[j:].sum() / batch.mean for j in range(4)]
    found = np.convolve(p, ahead)[:500]
    for t in (0.5, 3.0, 10.0):
        tail = sum(
            w * (qm.Erlang(float(k), k).tail(t) if k else 0.0) for k, w in enumerate(found)
        )
        assert r.wait.tail(t) == pytest.approx(tail, abs=1e-9)
    assert r.wait.atom == pytest.approx(found[0], rel=1e-9)


@pytest.mark.parametrize("distribution", ["geometric", "fixed"])
def test_distributions_against_sample_paths(distribution: str) -> None:
    rng, n, rate = np.random.default_rng(2), 150_000, 0.75
    sizes = rng.geometric(1 / 3, n) if distribution == "geometric" else np.full(n, 3)
    batch = GeometricBatch(3.0) if distribution == "geometric" else FixedBatch(3)
    arrivals = np.repeat(np.cumsum(rng.exponential(3 / rate, n)), sizes)
    needs = rng.gamma(2.0, 0.5, len(arrivals))
    work = np.cumsum(needs) - needs
    wait = (work + np.maximum.accumulate(arrivals - work) - arrivals)[len(arrivals) // 20 :]
    r = MXG1(qm.Gamma(1.0, 0.5), batch).solve(rate)
    blocks = np.array_split(wait, 20)
    assert abs(wait.mean() - r.waiting_time) < 4 * np.std([b.mean() for b in blocks]) / np.sqrt(
        20
    )
    for p in (0.3, 0.5, 0.9, 0.99):
        shares = [np.mean(b <= r.wait.quantile(p) + 1e-9) for b in blocks]
        assert abs(np.mean(shares) - p) < 4 * np.std(shares) / np.sqrt(20) + 1e-5, p


def test_batches_of_one_are_single_arrivals() -> None:
    rates = np.array([0.0, 0.4, 0.9, 1.0, np.nan])
    distribution = qm.Gamma(1.0, 2.0)
    for batch in (FixedBatch(1), GeometricBatch(1.0)):
        r, m = MXG1(distribution, batch).solve(rates), qm.MG1(distribution).solve(rates)
        np.testing.assert_allclose(r.waiting_time, m.waiting_time, rtol=1e-12)
        np.testing.assert_allclose(
            r.response.quantile(0.9), m.response.quantile(0.9), rtol=1e-7
        )


def test_geometric_batches_of_exponential_services() -> None:
    # A geometric number of exponential services is exponential: the response is, too.
    r = MXG1(EXP, GeometricBatch(4.0)).solve(0.8)
    assert r.response.quantile(0.99) == pytest.approx(np.log(100) * r.response_time, rel=1e-9)
    same = RandomBatch([0.25 * 0.75**k for k in range(199)] + [0.75**199])
    assert MXG1(EXP, same).solve(0.8).waiting_time == pytest.approx(r.waiting_time, rel=1e-12)
    assert same.cumulants == pytest.approx(GeometricBatch(4.0).cumulants, rel=1e-9)
    ahead = same.ahead()
    assert ahead.cumulants == pytest.approx(GeometricBatch(4.0).ahead().cumulants, rel=1e-9)
    assert ahead.generate(0.7) == pytest.approx(GeometricBatch(4.0).ahead().generate(0.7))


def test_cells_units_little_and_edges() -> None:
    rates = np.array([0.0, 0.3, 0.9, 1.0, 1.4, np.nan])
    for batch in (FixedBatch(5), GeometricBatch(3.0)):
        r = MXG1(EXP, batch).solve(rates)
        percentile = r.wait.quantile(0.9)
        for i, rate in enumerate(rates):
            one = MXG1(EXP, batch).solve(float(rate))
            np.testing.assert_allclose(r.waiting_time[i], one.waiting_time, rtol=1e-12)
            np.testing.assert_allclose(percentile[i], one.wait.quantile(0.9), rtol=1e-7)
        np.testing.assert_allclose(r.wait.mean, r.waiting_time, rtol=1e-12)
        assert np.all(np.isinf(r.response.quantile(0.1)[3:5]))
        np.testing.assert_allclose(r.number_in_system[1:3], rates[1:3] * r.response_time[1:3])
        ms = MXG1(qm.Exponential(1e-3), batch).solve(900.0)
        assert ms.waiting_time == pytest.approx(1e-3 * r.waiting_time[2], rel=1e-12)


def test_symbols() -> None:
    lam, s, m = sp.symbols("lambda S m", positive=True)
    # A batch of m with exponential service, m known.
    formula = waiting_time(lam, s, scv=1, batch_mean=m, batch_scv=0)
    assert float(formula.subs({lam: 0.8, s: 1, m: 5})) == pytest.approx(14.0)


def test_domain() -> None:
    with pytest.raises(qm.DomainError, match="size must be a whole number >= 1, got 0"):
        FixedBatch(0)
    with pytest.raises(qm.DomainError, match="mean must be a number >= 1"):
        GeometricBatch(0.5)
    with pytest.raises(qm.DomainError, match="the sum of probabilities must be 1"):
        RandomBatch([0.5, 0.4])
    with pytest.raises(qm.ModelError, match="batch must be a"):
        MXG1(EXP, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "batch",
    [
        FixedBatch(5),
        RandomBatch([0.5, 0.0, 0.5]),
        RandomBatch(np.random.default_rng(1).dirichlet([1.0] * 4)),
        GeometricBatch(2.5),
    ],
    ids=["fixed", "random", "measured", "geometric"],
)
def test_symbols_stay_exact(batch: RandomBatch | GeometricBatch) -> None:
    lam, s, z = sp.symbols("lambda S s", positive=True)
    r, number = MXG1(qm.Exponential(s), batch).solve(lam), MXG1(EXP, batch).solve(0.3)
    at = {lam: sp.Rational(3, 10), s: 1, z: sp.Rational(2, 5)}
    for formula, value in (
        (r.waiting_time, number.waiting_time),
        (r.wait.mean, number.waiting_time),
        (r.wait.variance, number.wait.variance),
        (r.response.laplace(z), number.response.laplace(0.4)),
    ):
        assert not formula.atoms(sp.Float)
        assert float(formula.subs(at)) == pytest.approx(value, rel=1e-9)


def test_a_random_number_must_say_what_it_is() -> None:
    class Half(RandomNumber):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]
