"""M/E_k/1 and M/H2/1 in closed form, against inversion, residues by products and mpmath."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues.waits import mek1, mh21
from qmodel.queues.waits.mg1 import MG1Wait


def erlang_wait(load: float, phases: int, t: Any) -> Any:
    """Return P(Tq > t) of M/E_k/1 with service 1, by its k poles (theory.md 2.3)."""
    r = float(phases)
    w = np.exp(2j * np.pi * np.arange(phases) / phases)
    y = np.where(np.arange(phases) == 0, 0.0, w / 2)
    for _ in range(400):
        y = w * (load / (load + r - r * y)) ** (1 / phases)
    for _ in range(3):
        f = y**phases * (load + r - r * y) - load
        slope = phases * y ** (phases - 1) * (load + r - r * y) - r * y**phases
        y = y - f / slope
    z = r * (y - 1)
    others = np.array([np.prod(np.delete(zi - z, i)) for i, zi in enumerate(z)])
    residue = (1 - load) * (z + r) ** phases / others
    return (-(residue / z) * np.exp(z * np.asarray(t)[..., None])).sum(axis=-1).real


def hyperexponential_wait(load: float, distribution: Any, t: Any) -> Any:
    """Return P(Tq > t) of M/H2/1 with service 1, by its two poles (theory.md 2.4)."""
    mu1, mu2 = (1 / m for m in distribution.means)
    b, c = mu1 + mu2 - load, mu1 * mu2 * (1 - load)
    z1 = 2 * c / (b + np.sqrt(b * b - 4 * c))
    z2 = (b + np.sqrt(b * b - 4 * c)) / 2
    wait = qm.MG1(distribution).solve(load).waiting_time
    a1 = (wait - load / z2) / (1 / z1 - 1 / z2)
    return a1 * np.exp(-z1 * t) + (load - a1) * np.exp(-z2 * t)


T = np.array([1e-3, 0.3, 1.0, 4.0, 15.0])


@pytest.mark.parametrize("load", [0.3, 0.8, 0.99])
@pytest.mark.parametrize("phases", [1, 2, 3, 4, 8, 25])
def test_erlang_service(load: float, phases: int) -> None:
    distribution = qm.Erlang(1.0, phases)
    wait = qm.MG1(distribution).solve(load).wait
    assert isinstance(wait, mek1.ErlangServiceWait)
    # The residues of the oracle are products over all roots, which lose some digits.
    np.testing.assert_allclose(wait.tail(T), erlang_wait(load, phases, T), atol=1e-12)
    error = 2e-12 if phases <= 4 else 1e-8
    by_inversion = MG1Wait(load, distribution)
    np.testing.assert_allclose(wait.tail(T), by_inversion.tail(T), atol=error)
    np.testing.assert_allclose(wait.density(T), by_inversion.density(T), atol=30 * error)
    assert wait.quantile(1 - wait.tail(4.0)) == pytest.approx(4.0, rel=1e-9)


def roots_in_50_digits(load: Any, phases: int) -> Any:
    """Return P(Tq > t) of M/E_k/1 from the roots of the expanded polynomial."""
    rho = mp.mpf(load)
    r = mp.mpf(phases)
    y = mp.polyroots([-r / rho] + [mp.mpf(1)] * phases, maxsteps=2000, extraprec=600)
    z = [r * (x - 1) for x in y]
    weights = [
        -(1 - rho) * (a + r) ** phases / a / mp.fprod(a - b for b in z if b is not a) for a in z
    ]
    return lambda t: float(
        mp.re(mp.fsum(w * mp.exp(a * t) for w, a in zip(weights, z, strict=True)))
    )


@pytest.mark.parametrize("load", [1e-9, 1e-3, 0.5, 0.99, 1 - 1e-6, 1 - 1e-12])
@pytest.mark.parametrize("phases", [1, 2, 3, 7, 20])
def test_roots_in_50_digits(load: float, phases: int) -> None:
    with mp.workdps(50):
        tail = roots_in_50_digits(load, phases)
        t = np.append(T, np.array([0.5, 3.0]) / (1 - load))
        expected = [tail(x) for x in t]
    found = mek1.waiting_tail(load, 1.0, phases=phases, t=t)
    np.testing.assert_allclose(found, expected, rtol=2e-14, atol=1e-15)


@given(st.floats(0.01, 0.999), st.integers(1, 100), st.floats(1e-4, 1e4))
def test_erlang_weights_and_moments(load: float, phases: int, mean: float) -> None:
    parts = mek1.exponentials(load / mean, mean, phases=phases)
    distribution = qm.Erlang(mean, phases)
    wait = qm.MG1(distribution).solve(load / mean)
    assert sum(w.real for w, _ in parts) == pytest.approx(load, rel=1e-12)
    first = sum((w / d).real for w, d in parts)
    assert first == pytest.approx(wait.waiting_time, rel=1e-11)
    second, third = (
        f * sum((w / d**n).real for w, d in parts) for n, f in ((2, 2.0), (3, 6.0))
    )
    assert wait.wait.variance == pytest.approx(second - first**2, rel=1e-10)
    cumulant = third - 3 * first * second + 2 * first**3
    assert wait.wait.third_cumulant == pytest.approx(cumulant, rel=1e-9)


def test_which_distributions_are_erlang() -> None:
    assert mek1.phases_of(qm.Gamma(1.0, 1 / 49)) == 49
    np.testing.assert_array_equal(mek1.phases_of(qm.Erlang(1.0, [1, 3, 100])), [1, 3, 100])
    for distribution in (
        qm.Gamma(1.0, 0.3),
        qm.Gamma(1.0, 4.0),
        qm.Gamma(1.0, [0.5, 0.3]),
        qm.Erlang(1.0, 101),
        qm.Gamma(1.0, np.nan),
        qm.Exponential(1.0),
    ):
        assert mek1.phases_of(distribution) is None


def test_erlang_cells() -> None:
    rates, phases = np.array([[0.0], [0.4], [1.0], [7.0], [np.nan]]), np.array([1, 2, 5])
    wait = qm.MG1(qm.Erlang(1.0, phases)).solve(rates).wait
    tail, percentile = wait.tail(0.7), wait.quantile(0.9)
    for i, j in np.ndindex(tail.shape):
        one = qm.MG1(qm.Erlang(1.0, int(phases[j]))).solve(float(rates[i, 0])).wait
        np.testing.assert_allclose(tail[i, j], one.tail(0.7), rtol=1e-13)
        np.testing.assert_allclose(percentile[i, j], one.quantile(0.9), rtol=1e-9)
    with pytest.raises(qm.DomainError, match="phases must be a whole number"):
        mek1.waiting_tail(0.5, 1.0, phases=2.5, t=1.0)


def test_published_tail() -> None:
    # theory.md 2.1 and 13: M/E2/1 at load .8.
    assert erlang_wait(0.8, 2, 20.0) == pytest.approx(0.00347251698, rel=1e-8)
    assert erlang_wait(0.8, 2, 6.0) == pytest.approx(0.1594580463, rel=1e-9)


@pytest.mark.parametrize("load", [0.1, 0.8, 0.999])
@pytest.mark.parametrize("scv", [1.5, 4.0, 60.0])
def test_hyperexponential_service(load: float, scv: float) -> None:
    distribution = balanced_hyperexponential(1.0, scv)
    wait = qm.MG1(distribution).solve(load).wait
    expected = hyperexponential_wait(load, distribution, T)
    by_inversion = MG1Wait(load, distribution)
    np.testing.assert_allclose(by_inversion.tail(T), expected, atol=2e-12)
    np.testing.assert_allclose(wait.tail(T), by_inversion.tail(T), atol=1e-12)
    np.testing.assert_allclose(wait.density(T), by_inversion.density(T), atol=3e-11)
    for name in ("mean", "variance", "third_cumulant"):
        assert getattr(wait, name) == pytest.approx(getattr(by_inversion, name), rel=1e-8)
    p = 1 - expected[3]
    assert wait.quantile(p) == pytest.approx(T[3], rel=1e-8)


@given(
    p=st.floats(0.0, 1.0),
    first=st.floats(1e-3, 1e3),
    ratio=st.one_of(st.floats(1e-3, 1e3), st.floats(1 - 1e-9, 1 + 1e-9), st.just(1.0)),
    slack=st.one_of(st.floats(1e-12, 1e-3), st.floats(0.01, 0.999999)),
    later=st.floats(0.0, 20.0),
)
def test_two_exponentials_in_60_digits(
    p: float, first: float, ratio: float, slack: float, later: float
) -> None:
    times = first, first * ratio
    mean = p * times[0] + (1 - p) * times[1]
    rate, t = (1 - slack) / mean, later * mean
    with mp.workdps(60):
        lam, s1, s2 = (mp.mpf(x) for x in (rate, *times))
        # The mean as it was rounded: near saturation nothing else is the same queue.
        rho = lam * mp.mpf(mean)
        b, c = 1 / s1 + 1 / s2 - lam, (1 - rho) / (s1 * s2)
        z1, z2 = (b - mp.sqrt(b * b - 4 * c)) / 2, (b + mp.sqrt(b * b - 4 * c)) / 2
        expected = mp.mpf(0)
        for z, other in ((z1, z2), (z2, z1)):
            if z != other:
                weight = (1 - rho) * (1 / s1 - z) * (1 / s2 - z) / (z * (other - z))
                expected += weight * mp.exp(-z * t)
    found = mh21.waiting_tail(rate, times, probability=p, t=t)
    assert found == pytest.approx(float(expected), rel=1e-12, abs=1e-290)


def test_hyperexponential_cells() -> None:
    rates = np.array([0.0, 0.5, 1.0, 3.0, np.nan])
    distribution = qm.HyperExponential([0.4, 0.6], [2.0, 1 / 3])
    wait = qm.MG1(distribution).solve(rates).wait
    np.testing.assert_allclose(
        wait.tail(1.0)[:4], [0, hyperexponential_wait(0.5, distribution, 1.0), 1, 1], rtol=1e-12
    )
    assert np.isnan(wait.tail(1.0)[4])
    assert np.isposinf(wait.quantile(0.5)[2:4]).all()
    same = qm.MG1(qm.HyperExponential([0.4, 0.6], [1.0, 1.0])).solve(0.5).wait
    assert same.tail(2.0) == pytest.approx(0.5 * np.exp(-1.0), rel=1e-14)
    three = qm.HyperExponential([0.4, 0.3, 0.3], [2.0, 1 / 3, 1 / 3])
    assert qm.MG1(three).solve(0.5).wait.tail(1.0) == pytest.approx(
        wait.tail(1.0)[1], rel=1e-10
    )
