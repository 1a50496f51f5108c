"""Inversion of transforms, against closed tails."""

import mpmath as mp
import numpy as np
import pytest

from qmodel.numerics.inversion import EULER, TALBOT, tail_and_density

TIMES = np.geomspace(0.05, 40.0, 60)


def exponential(s):
    return 1 / (1 + s)


def wide(s):  # hyperexponential, squared coefficient of variation 50
    return 0.99 / (1 + s / 2) + 0.01 / (1 + 50 * s)


def wide_tail(t):
    return 0.99 * np.exp(-2 * t) + 0.01 * np.exp(-t / 50)


def wide_density(t):
    return 1.98 * np.exp(-2 * t) + 0.0002 * np.exp(-t / 50)


@pytest.mark.parametrize(("rule", "error"), [(TALBOT, 2e-13), (EULER, 3e-10)], ids=["t", "e"])
def test_smooth_distributions_to_the_stated_error(rule, error):
    tail, density = tail_and_density(exponential, 1.0, TIMES, rule)
    assert np.abs(tail - np.exp(-TIMES)).max() < error
    assert np.abs((density - np.exp(-TIMES)) * TIMES).max() < 30 * error
    tail, density = tail_and_density(wide, 1.0, TIMES, rule)
    assert np.abs(tail - wide_tail(TIMES)).max() < error
    assert np.abs((density - wide_density(TIMES)) * TIMES).max() < 30 * error


def test_branch_point_on_the_negative_axis():
    tail, _ = tail_and_density(lambda s: (1 + 4 * s) ** -0.25, 1.0, TIMES, TALBOT)
    with mp.workdps(30):
        exact = [float(mp.gammainc(0.25, t / 4, regularized=True)) for t in TIMES]
    assert tail == pytest.approx(exact, abs=2e-13)


def test_atom_at_zero_is_harmless():
    # The wait in M/M/1 at utilization 0.4: mass 0.6 at zero.
    def wait(s):
        return 0.6 + 0.4 * 0.6 / (0.6 + s)

    for rule, error in [(TALBOT, 2e-13), (EULER, 3e-10)]:
        tail, _ = tail_and_density(wait, 1.0, TIMES, rule)
        assert tail == pytest.approx(0.4 * np.exp(-0.6 * TIMES), abs=error)


def test_mass_of_a_part():
    for mass in (0.3, np.full(TIMES.shape, 0.3)):
        tail, density = tail_and_density(lambda s: 0.3 / (1 + s), mass, TIMES, TALBOT)
        assert tail == pytest.approx(0.3 * np.exp(-TIMES), abs=1e-13)
        assert density == pytest.approx(0.3 * np.exp(-TIMES), abs=1e-11)


def test_mass_without_end_stays_in_the_tail():
    tail, _ = tail_and_density(lambda s: 0.3 / (1 + s), 1.0, TIMES, TALBOT)
    assert tail == pytest.approx(0.7 + 0.3 * np.exp(-TIMES), abs=1e-12)


def test_parameters_of_each_cell():
    means = np.geomspace(1e-6, 1e6, 60)
    tail, density = tail_and_density(lambda s: 1 / (1 + means * s), 1.0, 2 * means, TALBOT)
    assert tail == pytest.approx(np.exp(-2), abs=1e-13)
    assert density * means == pytest.approx(np.exp(-2), abs=1e-12)


def test_kink_costs_euler_what_it_states():
    # Uniform on 0 to 1: a kink at 1.
    t = np.linspace(0.02, 3.0, 300)
    tail, _ = tail_and_density(lambda s: -np.expm1(-s) / s, 1.0, t, EULER)
    error = np.abs(tail - np.maximum(1 - t, 0))
    assert error.max() < 4e-3
    assert error[(t < 0.9) | (t > 2)].max() < 1e-3
    assert error[t < 0.69].max() < 1e-8


def test_rules_are_conjugate_halves():
    assert TALBOT.points.size == 12
    assert EULER.points.size == 31
    for rule in (TALBOT, EULER):
        assert (rule.points.imag >= 0).all()
        assert np.allclose(rule.tail_weights * rule.points, rule.weights)
