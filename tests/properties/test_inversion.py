"""Inverted tails and quantiles against computations that invert nothing.

Sums of gamma times are gamma, of uniform times Irwin and Hall's, in exact fractions. All else
is convolved on a fine grid of time: each time is rounded to the middle of its cell, sums are
powers of the discrete Fourier transform, and the wait in M/G/1 is the geometric sum of
residual times, whose cells are integrals of the tail.
"""

from fractions import Fraction
from math import comb, factorial

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import (
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    HyperExponential,
    LogNormal,
    Maximum,
    Minimum,
    Mixture,
    Pareto,
    Repeated,
    Scaled,
    Shifted,
    Sum,
    Uniform,
)
from qmodel.testing import distribution_laws

P = np.array([1e-3, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999])

FAMILIES = [
    Exponential(1.0),
    Deterministic(1.0),
    Erlang(1.0, 3),
    Gamma(1.0, 0.001),
    Gamma(1.0, 9.0),
    HyperExponential([0.9, 0.1], [0.5, 5.5]),
    Uniform(0.0, 2.0),
    Uniform(0.5, 1.5),
    LogNormal(1.0, 0.01),
    LogNormal(1.0, 4.0),
    Pareto(0.6, 2.5),
    Pareto(0.5, 1.5, 20.0),
    Empirical([0.5, 1.0, 2.0]),
    Empirical(np.arange(0.05, 2.0, 0.1)),
    Mixture([0.3, 0.7], [Deterministic(0.5), Exponential(1.2)]),
    Minimum([Exponential(1.0), Deterministic(2.0)]),
    Maximum([Exponential(0.5), Shifted(Exponential(0.5), 0.25)]),
    Scaled(Uniform(0.5, 1.5), 2.0),
]


def some(distribution):
    """Return a case that is always run where it shows most of its kind, else at night."""
    often = repr(distribution) in {repr(FAMILIES[i]) for i in (3, 7, 9, 12, 14)}
    return distribution if often else pytest.param(distribution, marks=pytest.mark.slow)


class Grid:
    """Times rounded to multiples of `step`, and the transform of their probabilities."""

    def __init__(self, step, cells=1 << 16):
        self.step, self.cells = step, cells
        # Weights that fall keep what is beyond the end from coming round to the beginning.
        self.weights = np.exp(-16.0 * np.arange(cells) / cells)

    def transform(self, tail):
        edges = (np.arange(self.cells) + 0.5) * self.step
        below = np.concatenate([[0.0], 1 - tail(edges)])
        return np.fft.rfft(np.diff(below) * self.weights)

    def quantile(self, transform, p):
        """Return the quantiles: by the cell they fall in, linear between its edges."""
        masses = np.fft.irfft(transform, self.cells) / self.weights
        below = np.cumsum(masses)
        last = int(np.searchsorted(below, p.max() + 1e-6)) + 2
        edges = (np.arange(last) + 0.5) * self.step
        return np.interp(p, np.maximum.accumulate(below[:last]), edges)


@pytest.mark.slow
@pytest.mark.parametrize("distribution", [some(x) for x in FAMILIES], ids=repr)
@pytest.mark.parametrize("times", [2, pytest.param(5, marks=pytest.mark.slow), 40])
def test_sums_on_a_grid(distribution, times):
    # The step divides the samples and the limits.
    grid = Grid(0.05 / 32 if times < 40 else 0.05 / 16)
    # The half of an even sum of samples is met exactly: rounding decides which one it is.
    p = np.where(P == 0.5, 0.47, P)[P < 0.9995]
    expected = grid.quantile(grid.transform(distribution.tail) ** times, p)
    if isinstance(
        distribution, Gamma
    ):  # of SCV 9 the density has a pole, of which a grid sees little
        expected = Gamma(times * distribution.mean, distribution.scv / times).quantile(p)
    for whole in (Sum([distribution] * times), Repeated(distribution, times)):
        found = whole.quantile(p)
        # Half a cell where the sum jumps.
        assert found == pytest.approx(expected, rel=1e-4, abs=0.51 * grid.step)


@pytest.mark.thorough
@pytest.mark.parametrize("phases", [1, 3, 8, 16, 20, 60, 200, 1000])
@pytest.mark.parametrize("slow", [0.0, 1.0])
def test_sums_of_exponential_times(phases, slow):
    from scipy.stats import gamma

    means = np.full(phases, 1.0)
    if slow:  # a mean as large as all of them: the sum of two gammas, by their density
        distribution = Sum([*(Exponential(m) for m in means), Exponential(slow * phases)])
        t = np.array([0.7, 1.5, 3.0, 9.0]) * phases
        # P(G + E > t) = P(G > t) + E[exp(-(t - G) / m); G < t], and that is a gamma again.
        m = slow * phases
        tilted = -phases * np.log1p(-1 / m) if phases > 1 else 0.0
        if phases > 1:
            inside = gamma.cdf(t, phases, scale=1 / (1 - 1 / m))
            expected = gamma.sf(t, phases) + np.exp(tilted - t / m) * inside
        else:
            expected = (1 + t) * np.exp(-t)
        assert distribution.tail(t) == pytest.approx(expected, abs=3e-9)
    else:
        distribution = Sum([Exponential(m) for m in means])
        assert distribution.quantile(P) == pytest.approx(gamma.ppf(P, phases), rel=1e-7)
        t = distribution.mean * np.linspace(0.05, 3.0, 60)
        error = np.abs(distribution.tail(t) - gamma.sf(t, phases))
        assert (error <= distribution.tail_error(t) + 1e-12).all()
        assert error.max() < 3e-9


@pytest.mark.parametrize("times", [1, 2, 3, 5, 8, 12, 60])
def test_sums_of_uniform_times(times):
    t = np.linspace(0.2, 0.8, 13) * 2 * times
    if times > 12:
        # Of many the quantile is normal but for its fourth cumulant.
        distribution = Repeated(Uniform(0.0, 2.0), times)
        assert float(distribution.quantile(0.5)) == pytest.approx(times, rel=1e-9)
        x = float(distribution.quantile(0.975))
        w = 1.959963984540054
        bend = -0.1 * 12 / 10 / times * (w**3 - 3 * w) / 24 * 10
        assert (x - times) / np.sqrt(times / 3) == pytest.approx(w + bend, abs=2e-4)
        return

    def tail(x):
        x = Fraction(x) / 2
        terms = ((-1) ** j * comb(times, j) * (x - j) ** times for j in range(int(x) + 1))
        return float(1 - sum(terms) / factorial(times))

    for distribution in (Sum([Uniform(0.0, 2.0)] * times), Repeated(Uniform(0.0, 2.0), times)):
        assert distribution.tail(t) == pytest.approx([tail(x) for x in t], abs=2e-9)
        assert distribution.quantile(1.0) == 2 * times


@pytest.mark.slow
@pytest.mark.parametrize(
    "distribution", [some(x) for x in FAMILIES if x.tail(60.0) < 1e-3], ids=repr
)
@pytest.mark.parametrize(
    "load", [0.2, *(pytest.param(x, marks=pytest.mark.slow) for x in (0.001, 0.9, 0.999))]
)
def test_the_wait_in_mg1_on_a_grid(distribution, load):
    mean = float(distribution.mean)
    response = qm.MG1(distribution).solve(load / mean)
    # As fine as a grid can be that reaches three times as far as the last percentile. Cells
    # change the mean of a residual time by up to a 24th of their square, and near saturation
    # the wait with it.
    reach = max(3 * float(response.response.quantile(0.999)), 20.0)
    cells = 1 << (20 if load > 0.99 else 16)
    grid = Grid(0.05 / 2 ** np.floor(np.log2(0.05 * cells / reach)), cells)
    service = grid.transform(distribution.tail)
    # P(residual <= t) is the integral of the tail: cells by the midpoint rule of eight.
    fine = (np.arange(8 * grid.cells) + 0.5) * grid.step / 8
    area = np.concatenate([[0.0], np.cumsum(distribution.tail(fine))])
    # What is beyond the end is known for the exponential and lighter ones: nothing.
    light = float(distribution.tail(reach)) * reach < 1e-9
    area = area / area[-1] if light else area * (grid.step / 8 / mean)
    residual = np.fft.rfft(np.diff(area[4::8], prepend=0.0) * grid.weights)
    wait = (1 - load) / (1 - load * residual)
    p = P[(1 - load < P) & (P < 0.9995)]
    if p.size and light:
        expected = grid.quantile(wait, p)
        assert response.wait.quantile(p) == pytest.approx(expected, rel=2e-4, abs=grid.step)
    p = P[P < 0.9995]
    if not light and load > 0.8:
        return  # the grid ends too soon to say
    expected = grid.quantile(wait * service, p)
    assert response.response.quantile(p) == pytest.approx(expected, rel=2e-4, abs=grid.step)


def test_golden_quantiles_of_mg1():
    # By expansion over the first terms of the geometric sum, to four digits.
    p = [0.99, 0.995, 0.999, 0.9999]
    distribution = qm.MG1(Uniform(0.05, 0.15)).solve(0.1).response
    # The first two lie on a tail of slope 10/s and .09/s.
    assert distribution.quantile(p) == pytest.approx(
        [0.14952, 0.15278, 0.2166, 0.2632], abs=3e-5
    )
    t = [0.1496, 0.1528, 0.16, 0.17, 0.18, 0.2, 0.2166, 0.2632]
    right = [0.009235, 0.004998, 0.004395, 0.003609, 0.002892, 0.001704, 0.001001, 0.0001]
    assert distribution.tail(t) == pytest.approx(right, abs=1.5e-6)
    distribution = qm.MG1(Gamma(0.1, 0.001)).solve(0.5).response
    assert float(distribution.quantile(0.99)) == pytest.approx(0.1825, abs=6e-5)


def test_a_bound_that_no_sum_exceeds():
    distribution = Sum((Uniform(0.05, 0.15), Uniform(0.05, 0.15)))
    assert distribution.quantile(1.0) == pytest.approx(0.3, rel=1e-15)
    assert distribution.quantile(0.99) == pytest.approx(0.3 - 0.1 * np.sqrt(0.02), rel=1e-12)
    assert distribution.tail(0.3) == 0.0


def test_far_down_the_tail_near_saturation():
    response = qm.MG1(Empirical([0.1, 0.2, 0.4])).solve(0.999 / (0.7 / 3)).response
    times = np.array([10.0, 20.0, 30.0, 100.0]) * float(response.mean)
    # Exponential from its mean on, but for the thousandth that the load leaves.
    expected = np.exp(-times / response.mean)
    assert response.tail(times) == pytest.approx(expected, rel=0.01, abs=1e-10)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "distribution",
    [
        qm.MG1(Uniform(0.05, 0.15)).solve(np.array([0.1, 5.0, 9.9])).response,
        qm.MG1(Empirical([0.1, 0.2, 0.4])).solve(np.array([0.1, 2.0, 4.2])).response,
        qm.MG1(Gamma(0.1, 0.001)).solve(np.array([0.5, 5.0, 9.0])).response,
        Sum([Uniform(0.05, 0.15), Exponential(np.array([1e-3, 0.1, 10.0]))]),
        Repeated(Exponential(1.0), np.array([1.0, 60.0, 1000.0])),
        Sum([LogNormal(1.0, 4.0), Uniform(0.0, 3.0)]),
    ],
    ids=["uniform", "empirical", "narrow", "delay", "many", "lognormal"],
)
def test_what_every_tail_is(distribution):
    distribution_laws.is_a_distribution(distribution)


def test_cells_do_not_disturb_each_other():
    loads = np.array([0.1, 5.0, 9.9])
    together = qm.MG1(Uniform(0.05, 0.15)).solve(loads).response.quantile(P[:, None])
    apart = [qm.MG1(Uniform(0.05, 0.15)).solve(x).response.quantile(P) for x in loads]
    assert pytest.approx(np.array(apart), rel=1e-7) == together.T
