"""Waits of one request that are long together, or one where the other is not."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.waits.dependent import dependent

PLAIN = qm.MMc(1.0).solve(0.5).wait
HEAVY = qm.MG1(qm.Pareto(1.0, 1.5, 1000.0)).solve(0.2).wait
KINKED = qm.MG1(qm.Deterministic(1.0)).solve(0.6).wait


def test_exponential_waits_by_hand() -> None:
    """The tail of one against a clock: P(W > E) and the means of both kinds are known."""
    # W is 0 with 1/2, else exponential of rate 1/2 and mean 2, so 1 in all; the clock, of twice
    # that, is as fast: P(W > E) = 1/4, with a mean of 2 + 2 as W waits for E; else 0.
    found = dependent((PLAIN, PLAIN), {(0, 1): 0.5})
    long, apart = 1 / 4, 3.0 + 1.0 - 0.0
    short = (1 - long * (2 + 1 * 1)) / (1 - long)
    assert found.splits[0].share == pytest.approx(long)
    assert found.splits[0].mean == pytest.approx(apart - 1 - short, rel=1e-5)
    more = 0.5 / found.splits[0].mean ** 2
    assert found.more[0] == pytest.approx(more)
    # Who waits nowhere is short at both.
    assert found.atom == pytest.approx(0.25 * (1 + more / (1 - long) ** 2))
    assert found.variance == pytest.approx(2 * PLAIN.variance + 1)


@pytest.mark.parametrize("pair", [(PLAIN, PLAIN), (HEAVY, PLAIN), (KINKED, HEAVY)])
@pytest.mark.parametrize("share", [0.05, -0.05])
def test_moments_are_those_of_the_transform(
    pair: tuple[qm.Distribution, qm.Distribution], share: float
) -> None:
    both = share * np.sqrt(float(pair[0].variance) * float(pair[1].variance))
    found = dependent(pair, {(0, 1): both})
    step = 1e-3 / float(found.mean)
    z = step * np.exp(2j * np.pi * np.arange(64) / 64)
    log = np.log(found.laplace(z))
    cumulants = [
        (-1) ** k * factorial * (log * z**-k).mean().real
        for k, factorial in ((1, 1), (2, 2), (3, 6))
    ]
    moments = [float(found.mean), float(found.variance), float(found.third_cumulant)]
    assert moments == pytest.approx(cumulants, rel=1e-5)


def test_as_many_are_long_as_ever() -> None:
    """Whatever one depends on, it stays the same: the transform at one wait's rate alone."""
    alone = qm.Sum((PLAIN, HEAVY))
    for both in (0.0, 2.0, -0.3):
        found = dependent((PLAIN, HEAVY), {(0, 1): both})
        assert found.mean == pytest.approx(float(alone.mean))
        assert float(found.tail(0.0)) == pytest.approx(1 - float(found.atom), abs=1e-8)
    assert float(dependent((PLAIN, HEAVY), {}).quantile(0.9)) == pytest.approx(
        float(alone.quantile(0.9))
    )


@pytest.mark.parametrize("both", [9.0, 1e6, -9.0, -1e6])
def test_more_than_can_be_is_as_much_as_can_be(both: float) -> None:
    row = (PLAIN, HEAVY, KINKED)
    found = dependent(row, {(0, 1): both, (0, 2): both, (1, 2): both})
    t = np.linspace(0.0, 40 * float(found.mean), 300)
    tail = found.tail(t)
    assert np.all(np.diff(tail) <= 1e-7)
    assert float(found.atom) >= 0
    assert np.sign(found.variance - sum(w.variance for w in row)) == np.sign(both)


def test_long_waits_come_together_or_apart() -> None:
    alone, wait = qm.Sum((PLAIN, PLAIN)), (PLAIN, PLAIN)
    together, apart = (dependent(wait, {(0, 1): both}) for both in (1.0, -0.4))
    for p, order in ((0.5, 1), (0.99, -1)):
        quantiles = [float(d.quantile(p)) for d in (together, alone, apart)]
        assert quantiles == sorted(quantiles)[::order]


def test_cells_of_any_kind_stand_side_by_side() -> None:
    rates = np.array([0.0, 0.3, 0.9, 1.0, np.nan])
    first, second = qm.MMc(1.0).solve(rates).wait, qm.MMc(0.9).solve(rates).wait
    both = np.array([0.0, 0.2, 20.0, np.nan, np.nan])
    found = dependent((first, second), {(0, 1): both}).quantile(0.95)
    for rate, covariance, value in zip(rates, both, found, strict=True):
        row = qm.MMc(1.0).solve(rate).wait, qm.MMc(0.9).solve(rate).wait
        one = float(dependent(row, {(0, 1): covariance}).quantile(0.95))
        assert one == pytest.approx(float(value), rel=1e-9, nan_ok=True)
