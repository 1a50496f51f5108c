"""Hedged requests and tail amplification."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.balancing.fan_out import hedging, tail_amplification

H2 = qm.HyperExponential([0.9, 0.1], [0.25, 0.25 * 3.5 + 1.0])
DISTRIBUTIONS = (qm.Exponential(1.0), qm.Erlang(1.0, 4), H2, qm.Deterministic(1.0))


def samples(distribution: qm.Distribution, n: int, seed: int) -> np.ndarray:
    return np.asarray(distribution.quantile(np.random.default_rng(seed).random(n)))


@pytest.mark.thorough
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("delay", [0.0, 0.4, 2.0])
def test_work_and_times_against_samples(distribution: qm.Distribution, delay: float) -> None:
    first, second = samples(distribution, 200_000, 1), samples(distribution, 200_000, 2)
    answer = np.minimum(first, delay + second)
    copied = first > delay
    busy = answer + np.where(copied, answer - delay, 0.0)
    assert float(hedging.copied_share(distribution, delay)) == pytest.approx(
        copied.mean(), abs=0.005
    )
    assert float(hedging.response_distribution(distribution, delay).mean) == pytest.approx(
        answer.mean(), rel=0.01
    )
    recalled = float(hedging.added_work(distribution, delay))
    assert recalled == pytest.approx(busy.mean() - first.mean(), abs=0.02)
    kept = float(hedging.added_work(distribution, delay, recalled=False))
    assert kept == pytest.approx((copied * second).mean(), abs=0.02)


def test_clones_save_variable_work_and_cost_regular_work() -> None:
    saved, even, cost = (
        float(hedging.added_work(x, 0.0)) for x in (H2, DISTRIBUTIONS[0], DISTRIBUTIONS[1])
    )
    assert saved < -0.01
    assert even == pytest.approx(0.0, abs=1e-12)
    assert cost > 0.1


def test_the_tail_at_scale() -> None:
    """63 % at 100 leaves, 18 % at 2,000 of one in 10,000 (Dean and Barroso 2013)."""
    assert float(tail_amplification.slow_share(0.01, 100)) == pytest.approx(0.634, abs=5e-4)
    assert float(tail_amplification.slow_share(1e-4, 2000)) == pytest.approx(0.1813, abs=5e-5)
    assert float(tail_amplification.slow_share(1e-18, 10)) == pytest.approx(1e-17, rel=1e-12)
    assert tail_amplification.slow_share([0.0, 1.0, np.nan], 5)[:2].tolist() == [0.0, 1.0]
    p = sp.Symbol("p", positive=True)
    assert sp.simplify(tail_amplification.slow_share(p, 3) - (1 - (1 - p) ** 3)) == 0


def test_percentiles_of_leaves_make_that_of_the_whole() -> None:
    n = np.array([1, 10, 1000])
    leaf = tail_amplification.leaf_percentile(0.99, n)
    assert tail_amplification.slow_share(1 - leaf, n) == pytest.approx(0.01, rel=1e-9)
    with pytest.raises(qm.DomainError, match="slow must be a probability"):
        tail_amplification.slow_share(1.5, 10)
    with pytest.raises(qm.DomainError, match="delay must be a finite number >= 0"):
        hedging.copied_share(H2, -1.0)


@pytest.mark.parametrize("delay", [0.0, 0.5, 1.0, 3.0])
def test_copies_of_constant_work_run_to_the_end(delay: float) -> None:
    # The first one always answers first: its copy is in vain from the delay on.
    wasted = max(1.0 - delay, 0.0)
    assert hedging.added_work(qm.Deterministic(1.0), delay) == pytest.approx(wasted, abs=1e-12)


def test_never_is_no_delay() -> None:
    for what in (hedging.response_distribution, hedging.copied_share, hedging.added_work):
        with pytest.raises(qm.DomainError, match="delay must be a finite number >= 0, got inf"):
            what(qm.Exponential(1.0), np.inf)
