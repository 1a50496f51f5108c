"""Tails in panels: as good as what they interpolate, and found once at any depth."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.extremes import Extreme
from qmodel.distributions.in_panels import InPanels, in_panels, to_its_end
from qmodel.numerics import inversion

KINDS = {
    "smooth": [qm.Gamma(0.1, 0.3), qm.Erlang(0.2, 3)],
    "an endless slope at the start": [qm.Gamma(0.01, scv=5.0), qm.Gamma(0.02, scv=5.0)],
    "narrow": [qm.Gamma(0.1, scv=0.01), qm.Exponential(0.001)],
    "heavy": [qm.LogNormal(0.01, scv=5.0), qm.LogNormal(0.02, scv=1.5)],
    "kinks": [qm.Uniform(0.01, 0.02), qm.Exponential(0.01)],
    "a jump": [qm.Mixture([0.3, 0.7], [qm.Deterministic(0.02), qm.Exponential(0.01)])] * 2,
    "late": [qm.Deterministic(0.2), qm.Exponential(0.05), qm.Exponential(0.03)],
}


@pytest.mark.parametrize("what", KINDS)
def test_tails_are_those_of_the_time(what: str) -> None:
    time = qm.Sum(KINDS[what])
    found = to_its_end(time)
    assert isinstance(found, InPanels)
    t = np.geomspace(1e-4, 1.0, 300) * found.end
    np.testing.assert_allclose(found.tail(t), time.tail(t), rtol=0, atol=1e-8)
    assert found.tail(-1.0) == 1.0
    assert found.density(-1.0) == found.density(found.end * 2) == 0.0


def test_the_transform_is_that_of_the_polynomials() -> None:
    """Exponential times have a closed one, at points that turn slowly and fast."""
    first, second = qm.Exponential(0.01), qm.Exponential(0.02)
    longest = qm.Maximum([first, second])
    found = in_panels(longest, lambda t: (*longest.tail_and_density(t), 0 * t), 0.02, [0.0])
    both = qm.Exponential(1 / 150)
    for t in (1e-4, 0.01, 0.3):
        for last in (30, 254):
            s = inversion.line(last).points / t
            exact = first.laplace(s) + second.laplace(s) - both.laplace(s)
            np.testing.assert_allclose(found.transform_after(s), exact, rtol=0, atol=1e-12)
    later = qm.Maximum([qm.Sum([qm.Deterministic(0.1), d]) for d in (first, second)])
    behind = in_panels(later, lambda t: (*later.tail_and_density(t), 0 * t), 0.1, [0.1])
    s = np.array([10.0 + 300j, 1.0])
    exact = first.laplace(s) + second.laplace(s) - both.laplace(s)
    np.testing.assert_allclose(behind.transform_after(s, 0.1), exact, rtol=0, atol=1e-9)


def forks(depth: int, often: float = 1.0) -> qm.Distribution:
    time: qm.Distribution = qm.Exponential(0.01)
    for k in range(depth):
        if often < 1:
            time = qm.Mixture([1 - often, often], [qm.Deterministic(0.0), time])
        row = qm.Sum([qm.Exponential(0.004 + 0.001 * k), time])
        time = qm.Maximum([row, qm.Exponential(0.012)])
    return time


def test_a_fork_in_a_fork_is_that_of_a_convolution() -> None:
    """By tails on two grids, at the limit of a rule of second order."""

    def on_grid(h: float) -> float:
        x = np.arange(0.0, 0.4, h)
        e = [np.exp(-x / m) for m in (0.01, 0.004, 0.012, 0.005)]

        def row(first: np.ndarray, tail: np.ndarray) -> np.ndarray:
            mass = first[:-1] - first[1:]
            between = (tail[1:] + tail[:-1]) / 2
            return np.append(1.0, first[1:] + np.convolve(mass, between)[: mass.size])

        inner = 1 - (1 - row(e[1], e[0])) * (1 - e[2])
        outer = 1 - (1 - row(e[3], inner)) * (1 - e[2])
        return float(h * (outer.sum() - (outer[0] + outer[-1]) / 2))

    coarse, fine = on_grid(1e-4), on_grid(5e-5)
    assert float(forks(2).mean) == pytest.approx((4 * fine - coarse) / 3, rel=1e-8)


def test_far_tails_keep_their_digits() -> None:
    """Far out the slowest times are alone: the tail falls at their rate, of the mass before."""
    time = forks(4)
    ratio = float(time.tail(1.5)) / float(time.tail(1.512))
    assert ratio == pytest.approx(np.e, rel=0.05)
    assert 0 < float(time.tail(1.5)) < 1e-40


@pytest.mark.thorough
@pytest.mark.parametrize("often", [1.0, 0.5])
def test_each_is_found_once_at_any_depth(monkeypatch: pytest.MonkeyPatch, often: float) -> None:
    """So many points of transforms for each level, not each path: in a row, behind a cache."""
    seen = [0]
    original = Extreme.transform_after

    def counted(self: Extreme, s: object, taken: object = 0.0) -> object:
        seen[0] += np.size(s)
        return original(self, s, taken)

    monkeypatch.setattr(Extreme, "transform_after", counted)

    def points(depth: int) -> int:
        seen[0] = 0
        assert np.isfinite(forks(depth, often).mean)
        return seen[0]

    few, many = points(3), points(8)
    assert few > 0
    assert many < 5 * few  # seven rows for two
