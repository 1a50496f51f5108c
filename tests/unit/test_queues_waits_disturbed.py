"""Waits that disturbances of the arrivals lengthen."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.waits.disturbed import DisturbedWait, disturbed

PLAIN = qm.MMc(1.0).solve(0.5).wait
HEAVY = qm.MG1(qm.Pareto(1.0, 1.5, 1000.0)).solve(0.2).wait


def test_disturbances_of_exponential_length_are_another_stream() -> None:
    """A stream of work more is M/H2/1 without its drift: both waits are known exactly."""
    # Work in M/G/1 has phi = (1 - rho) / (1 - rho B_e): let a second stream of exponential
    # work come at the load b, and a server that is faster by as much.
    first, second, load, more = 1.0, 3.0, 0.5, 0.2
    found = DisturbedWait(PLAIN, more / (1 - load), qm.Exponential(second))
    # 1 / phi = (1 + more - load F - more H) / (1 - load), times of residual service.
    s = np.array([0.1, 1.0, 10.0])
    f, h = (1 / (1 + m * s) for m in (first, second))
    assert found.laplace(s) == pytest.approx((1 - load) / (1 + more - load * f - more * h))
    # The same is a mixture of two exponentials and an atom, by its two poles.
    poles = np.roots([
        (1 + more) * first * second,
        (1 + more) * (first + second) - load * second - more * first,
        1 - load,
    ])  # fmt: skip
    t = np.array([0.0, 0.5, 2.0, 10.0])
    tail = np.zeros(4)
    for pole in poles:
        other = poles[poles != pole][0]
        top = (1 - load) * (1 + first * pole) * (1 + second * pole)
        residue = top / ((1 + more) * first * second * (pole - other))
        tail = tail - residue / pole * np.exp(pole * t)
    assert found.tail(t[1:]) == pytest.approx(tail[1:], rel=1e-9)
    assert float(found.atom) == pytest.approx(1 - tail[0], rel=1e-9)


@pytest.mark.parametrize("wait", [PLAIN, HEAVY], ids=["exponential", "Pareto"])
@pytest.mark.parametrize("length", [qm.Exponential(1.3), qm.Gamma(1.3, 0.5)])
def test_moments_are_those_of_the_transform(
    wait: qm.Distribution, length: qm.Distribution
) -> None:
    found = DisturbedWait(wait, 0.7, length)
    step = 1e-3 / float(found.mean)
    z = step * np.exp(2j * np.pi * np.arange(64) / 64)
    log = np.log(found.laplace(z))
    cumulants = [
        (-1) ** k * k_factorial * (log * z**-k).mean().real
        for k, k_factorial in ((1, 1), (2, 2), (3, 6))
    ]
    moments = [float(found.mean), float(found.variance), float(found.third_cumulant)]
    assert moments == pytest.approx(cumulants, rel=1e-6)


@pytest.mark.parametrize("wait", [PLAIN, HEAVY], ids=["exponential", "Pareto"])
@pytest.mark.parametrize(("factor", "often"), [(1.5, 1.2), (3.0, 1.0), (1.2, 0.7), (0.6, 0.8)])
def test_it_is_as_long_and_as_likely_as_asked(
    wait: qm.Distribution, factor: float, often: float
) -> None:
    found = disturbed(wait, factor, often)
    assert float(found.mean) == pytest.approx(factor * float(wait.mean))
    probability = often * (1 - float(wait.atom))
    if factor < 1 or often >= 1:
        rarely = factor == 3  # as long disturbances as are needed would outlast all waits
        assert 1 - float(found.atom) == pytest.approx(probability, rel=0.5 if rarely else 1e-9)
    t = np.linspace(0.0, 20 * float(found.mean), 200)
    assert np.all(np.diff(found.tail(t)) <= 1e-12)


def test_heavy_tails_stay() -> None:
    far = float(HEAVY.quantile(0.9999))
    assert float(disturbed(HEAVY, 1.3, 1.1).quantile(0.9999)) < 1.1 * far


def test_cells_of_any_kind_stand_side_by_side() -> None:
    rates = np.array([0.0, 0.3, 0.9, 1.0, np.nan])
    wait = qm.MMc(1.0).solve(rates).wait
    factor = np.array([[1.0], [0.5], [2.0]])
    found = disturbed(wait, factor, factor**0.2)
    assert found.mean.shape == (3, 5)
    with np.errstate(invalid="ignore"):
        wanted = np.where(wait.mean == 0, 0.0, factor * wait.mean)
    np.testing.assert_allclose(found.mean, wanted)
    assert np.all(np.isinf(found.quantile(0.5)[:, 3]))
    assert np.all(np.isnan(found.quantile(0.5)[:, 4]))
    assert np.all(found.quantile(0.99)[:, 0] == 0)
    one = disturbed(qm.MMc(1.0).solve(0.9).wait, 2.0, 2.0**0.2)
    assert float(found.quantile(0.9)[2, 2]) == pytest.approx(float(one.quantile(0.9)))


def test_longer_disturbances_are_as_long_as_is_known() -> None:
    """The mean is as asked; the more of it is due to long ones, the fewer wait."""
    wait, long = qm.MMc(1.0).solve(0.5).wait, qm.Exponential(20.0)
    found = [disturbed(wait, 2.0, 1.4, long, share) for share in (0.0, 0.5, 1.0)]
    assert [float(x.mean) for x in found] == pytest.approx([2.0] * 3)
    atoms = [float(x.atom) for x in found]
    assert atoms == sorted(atoms)
    plain = disturbed(wait, 2.0, 1.4)
    assert float(found[0].tail(5.0)) == pytest.approx(float(plain.tail(5.0)), rel=1e-9)
    assert found[2].length.mean == pytest.approx(20.0)
    far = [float(x.tail(60.0)) for x in found]
    assert far[0] < 1e-3 < far[1] < far[2]


def test_short_known_disturbances_are_as_long_as_a_wait_asks_for() -> None:
    wait = qm.MMc(1.0).solve(0.5).wait
    found = disturbed(wait, 2.0, 1.4, qm.Exponential(1e-6), 1.0)
    plain = disturbed(wait, 2.0, 1.4)
    t = np.array([0.0, 1.0, 10.0])
    np.testing.assert_allclose(found.tail(t), plain.tail(t), rtol=1e-9)


def test_disturbances_by_cells() -> None:
    rates = np.array([0.0, 0.5, 1.0, np.nan])
    wait = qm.MMc(1.0).solve(rates).wait
    share = np.array([[0.0], [0.7]])
    found = disturbed(wait, 1.5, 1.2, qm.Exponential(np.array([5.0, 5.0, 5.0, 5.0])), share)
    assert found.mean[:, 1].tolist() == pytest.approx([1.5, 1.5])
    assert np.all(found.mean[:, 0] == 0)
    assert np.all(np.isinf(found.quantile(0.5)[:, 2]))
    assert np.all(np.isnan(found.quantile(0.5)[:, 3]))
    one = disturbed(qm.MMc(1.0).solve(0.5).wait, 1.5, 1.2, qm.Exponential(5.0), 0.7)
    assert float(one.quantile(0.99)) == pytest.approx(found.quantile(0.99)[1, 1], rel=1e-9)
