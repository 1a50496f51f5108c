"""Phase-type times: against the families that they are, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.phase_type import PhaseType, phases_of

FAMILIES = [
    qm.Exponential(0.2),
    qm.Erlang(0.2, 4),
    qm.HyperExponential([0.3, 0.7], [0.5, 0.1]),
    qm.Mixture([0.4, 0.6], [qm.Erlang(0.1, 2), qm.Exponential(0.5)]),
]
"""Distributions with closed tails."""


@pytest.mark.parametrize("distribution", FAMILIES)
def test_families_written_out(distribution: qm.Distribution) -> None:
    phases = phases_of(distribution)
    t, s = np.array([0.0, 0.05, 0.3, 2.0]), np.array([0.3, 2.0 + 1j, 40.0])
    np.testing.assert_allclose(phases.tail(t), distribution.tail(t), rtol=1e-11)
    np.testing.assert_allclose(phases.density(t[1:]), distribution.density(t[1:]), rtol=1e-10)
    np.testing.assert_allclose(phases.laplace(s), distribution.laplace(s), rtol=1e-12)
    np.testing.assert_allclose(
        phases.remaining_gap(s), distribution.remaining_gap(s), rtol=1e-10
    )
    for name in ("mean", "variance", "third_cumulant"):
        assert getattr(phases, name) == pytest.approx(getattr(distribution, name), rel=1e-11)
    assert phases.quantile(0.99) == pytest.approx(distribution.quantile(0.99), rel=1e-9)


def test_sums_and_scales() -> None:
    distribution = qm.Scaled(
        qm.Sum((qm.Erlang(0.3, 2), qm.HyperExponential([0.5, 0.5], [1.0, 2.0]))), 2.0
    )
    phases = phases_of(distribution)
    assert phases.initial.size == 4
    np.testing.assert_allclose(
        phases.tail([0.5, 4.0]), distribution.tail(np.array([0.5, 4.0])), rtol=1e-9
    )
    assert phases.third_cumulant == pytest.approx(distribution.third_cumulant, rel=1e-12)


def test_a_branch_that_is_never_taken_is_no_phase() -> None:
    assert phases_of(qm.HyperExponential([1.0, 0.0], [0.2, 5.0])).initial.size == 1


@pytest.mark.parametrize(
    "distribution",
    [
        qm.LogNormal(1.0, 2.0),
        qm.Gamma(1.0, 0.3),
        qm.Deterministic(1.0),
        qm.Erlang(1.0, 25),
        qm.Mixture([0.5, 0.5], [qm.Exponential(1.0), qm.Uniform(0.0, 1.0)]),
        qm.Sum((qm.Exponential(1.0), qm.Deterministic(1.0))),
        qm.Exponential(np.array([1.0, 2.0])),
    ],
)
def test_what_is_not_of_phase_type(distribution: qm.Distribution) -> None:
    assert phases_of(distribution) is None


def test_edges_of_the_tail() -> None:
    distribution = PhaseType([1.0], [[-2.0]])
    assert distribution.tail([-1.0, np.inf]).tolist() == [1.0, 0.0]
    assert np.isnan(distribution.tail(np.nan))
    assert distribution.density(-1.0) == 0.0
    assert distribution.mean == 0.5


@pytest.mark.parametrize(
    ("initial", "generator", "says"),
    [
        ([0.5, 0.4], [[-1.0, 0.0], [0.0, -1.0]], "initial"),
        ([1.0], [[-1.0, 0.0], [0.0, -1.0]], "1 by 1"),
        ([0.5, 0.5], [[-1.0, 2.0], [0.0, -1.0]], "sum to at most"),
        ([0.5, 0.5], [[-1.0, -0.1], [0.0, -1.0]], "rates >= 0"),
        ([0.5, 0.5], [[-1.0, 1.0], [1.0, -1.0]], "must end"),
    ],
)
def test_impossible_values(
    initial: list[float], generator: list[list[float]], says: str
) -> None:
    with pytest.raises(qm.DomainError, match=says):
        PhaseType(initial, generator)


def test_regular_phases_are_not_inverted_on_talbots_contour() -> None:
    assert phases_of(qm.Erlang(1.0, 4)).analytic
    assert not phases_of(qm.Erlang(1.0, 6)).analytic
