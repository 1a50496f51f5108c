"""Tails at nodes: as good as what they interpolate, and left alone where they would not be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.at_nodes import AtNodes, at_nodes
from qmodel.distributions.truncated import Truncated, within


@pytest.mark.parametrize(
    ("distribution", "end"),
    [
        (qm.Sum([qm.Gamma(0.1, 0.3), qm.Erlang(0.2, 3)]), 2.0),
        (qm.Sum([qm.Deterministic(0.02), qm.Exponential(0.05), qm.Exponential(0.03)]), 30.0),
        (qm.MGc(qm.from_mean_scv(0.045, 1.5), 8).solve(140.0).response, 1.0),
        (qm.Sum([qm.Gamma(np.array([0.1, 0.3]), 0.3), qm.Erlang(0.2, 3)]), 2.0),
        (qm.Sum([qm.LogNormal(0.1, 2.0), qm.LogNormal(0.2, 4.0)]), 2.0),
        # Parts that start at other times, one of them a constant.
        (qm.Mixture([0.5, 0.5], [qm.Deterministic(0.1), qm.Sum([qm.Erlang(0.2, 3)] * 2)]), 1.0),
        (
            qm.Sum(
                [
                    qm.Mixture([0.8, 0.2], [qm.Deterministic(0.0), qm.Deterministic(0.06)]),
                    qm.Gamma(0.1, 0.3),
                    qm.Erlang(0.2, 3),
                ]
            ),
            2.0,
        ),
    ],
)
def test_tail_and_density_are_kept(distribution: qm.Distribution, end: float) -> None:
    fast = at_nodes(distribution, end)
    assert isinstance(fast, AtNodes)
    t = np.geomspace(1e-4, 0.999 * end, 200)
    t = t[:, None] if np.ndim(distribution.mean) else t
    scale = 1 / float(np.min(distribution.mean))
    assert fast.tail(t) == pytest.approx(distribution.tail(t), abs=1e-8)
    assert fast.density(t) == pytest.approx(distribution.density(t), abs=1e-6 * scale)
    assert fast.tail(end) == pytest.approx(distribution.tail(end), abs=1e-9)
    assert fast.mean == pytest.approx(distribution.mean)


def test_what_is_closed_or_has_kinks_stays() -> None:
    for distribution in (
        qm.Exponential(0.1),
        qm.Sum([qm.Uniform(0.0, 1.0), qm.Exponential(0.1)]),
    ):
        assert at_nodes(distribution, 1.0) is distribution


def test_timeouts_over_phases_are_quick_and_right() -> None:
    app = qm.call("app", qm.MGc(qm.from_mean_scv(0.045, 1.5), 24))
    patient = qm.Pipeline(qm.retry(qm.timeout(1.0, app), attempts=3)).solve(300.0)
    plain = qm.Pipeline(app).solve(300.0)
    assert float(patient.latency.quantile(0.99)) == pytest.approx(
        float(plain.latency.quantile(0.99)), rel=1e-3
    )


def test_cells_that_never_end_or_are_unknown_do_not_slow_the_others_down() -> None:
    distribution = qm.Sum([qm.Exponential(np.array([0.1, np.inf, np.nan])), qm.Erlang(0.2, 3)])
    fast = at_nodes(distribution, 2.0)
    assert isinstance(fast, AtNodes)
    alone = qm.Sum([qm.Exponential(0.1), qm.Erlang(0.2, 3)])
    assert fast.tail(0.7)[0] == pytest.approx(float(alone.tail(0.7)), abs=1e-9)
    assert fast.tail(0.7)[1] == 1.0
    assert np.isnan(fast.tail(0.7)[2])


def test_where_all_are_late_the_time_is_the_deadline() -> None:
    distribution = within(
        qm.Sum([qm.Exponential(np.array([0.1, np.inf])), qm.Erlang(0.2, 3)]), 0.5
    )
    assert distribution.quantile(np.array([[0.5], [0.99]]))[:, 1].tolist() == [0.5, 0.5]
    assert distribution.mean[1] == pytest.approx(0.5)
    plain = Truncated(distribution.distribution, 0.5)
    assert distribution.quantile(0.9)[0] == pytest.approx(float(plain.quantile(0.9)[0]))
    assert distribution.variance == pytest.approx(plain.variance)


def test_moments_are_integrals_from_the_start_of_each_part_on() -> None:
    constant = qm.Sum([qm.Deterministic(0.1), qm.Exponential(0.1), qm.Gamma(0.1, 0.7)])
    sometimes = qm.Mixture(
        [0.3, 0.7], [qm.Sum([qm.Exponential(0.1), qm.Erlang(0.2, 3)]), constant]
    )
    for distribution in (constant, sometimes):
        for deadline in (0.15, 0.5, 3.0):
            found = within(distribution, deadline)
            late, t = float(distribution.tail(deadline)), np.polynomial.legendre.leggauss(60)
            moments = np.zeros(2)
            edges = [0.0, *np.linspace(0.1, deadline, 12)]
            for low, high in pairwise(edges):
                at = low + (high - low) * (1 + t[0]) / 2
                mass = (high - low) / 2 * t[1] * (distribution.tail(at) - late) / (1 - late)
                moments += mass.sum(), 2 * (mass * at).sum()
            assert found.mean == pytest.approx(moments[0], rel=1e-9)
            assert found.variance == pytest.approx(moments[1] - moments[0] ** 2, rel=1e-8)


def test_nodes_have_no_unit() -> None:
    """Times of microseconds are as close as those of seconds, long before the end."""
    for scale in (1e-7, 1e6):
        distribution = qm.Sum([qm.Gamma(0.1 * scale, 0.3), qm.Erlang(0.2 * scale, 3)])
        fast = at_nodes(distribution, 500.0 * scale)
        assert isinstance(fast, AtNodes)
        t = np.geomspace(1e-2, 5.0, 100) * scale
        assert fast.tail(t) == pytest.approx(distribution.tail(t), abs=1e-8)


def later(cdf: dict[float, float], rate: float) -> dict[float, float]:
    """Return a sum of c e^(-a t) after an exponential time, by partial fractions."""
    found: dict[float, float] = {}
    for a, c in cdf.items():
        part = c * rate / (rate - a)
        found[a] = found.get(a, 0.0) + part
        found[rate] = found.get(rate, 0.0) - part
    return found


def both(cdf: dict[float, float], rate: float) -> dict[float, float]:
    """Return the product of a sum of c e^(-a t) and 1 - e^(-rate t)."""
    found = dict(cdf)
    for a, c in cdf.items():
        found[a + rate] = found.get(a + rate, 0.0) - c
    return found


@pytest.mark.thorough
def test_forks_in_forks_in_forks_are_those_of_partial_fractions() -> None:
    """Each fork waits for a call and a fork behind it, and for another call."""
    time: qm.Distribution = qm.Exponential(0.01)
    cdf = {0.0: 1.0, 100.0: -1.0}
    for first, beside in ((0.001, 0.0103), (0.0017, 0.0121), (0.0023, 0.0149)):
        row = qm.Sum([qm.Exponential(first), time])
        time = qm.Maximum([row, qm.Exponential(beside)])
        cdf = both(later(cdf, 1 / first), 1 / beside)
    t = np.array([0.004, 0.02, 0.05, 0.1])
    exact = 1 - sum(c * np.exp(-a * t) for a, c in cdf.items())
    np.testing.assert_allclose(time.tail(t), exact, atol=1e-9)
    assert float(time.mean) == pytest.approx(-sum(c / a for a, c in cdf.items() if a), rel=1e-8)


def test_a_fork_with_a_branch_that_begins_later_is_left_alone() -> None:
    kinked = qm.Maximum(
        [qm.Exponential(0.1), qm.Sum([qm.Deterministic(0.2), qm.Erlang(0.1, 2)])]
    )
    row = qm.Sum([qm.Exponential(0.05), kinked])
    assert not kinked.of_smooth
    assert at_nodes(row, 2.0) is row
    plain = qm.Sum([qm.Exponential(0.05), qm.Maximum([qm.Exponential(0.1), qm.Erlang(0.1, 2)])])
    assert isinstance(at_nodes(plain, 2.0), AtNodes)


def test_cells_of_forks_in_forks_are_those_of_each_alone() -> None:
    def forks(mean: object) -> qm.Distribution:
        row = qm.Sum([qm.Exponential(0.001), qm.Exponential(0.01)])
        inner = qm.Maximum([row, qm.Exponential(0.012)])
        return qm.Maximum([qm.Sum([qm.Exponential(mean), inner]), qm.Exponential(0.02)])

    means, t = np.array([0.0017, 0.004]), np.array([0.01, 0.04])
    several, alone = forks(means), forks(0.0017)
    np.testing.assert_allclose(several.tail(t[:, None])[:, 0], alone.tail(t), rtol=1e-8)
    # In a row with others it is asked for its transform, which is found cell by cell.
    cell = forks(means[:1])
    row, row_alone = (qm.Sum([qm.Exponential(0.003), x]) for x in (cell, alone))
    assert (several.nested, row.nested) == (False, True)
    np.testing.assert_allclose(row.tail(t), row_alone.tail(t), rtol=1e-8)
    assert cell.mean == pytest.approx([alone.mean], rel=1e-9)
    plain = qm.Maximum([qm.Exponential(0.1), qm.Sum([qm.Exponential(0.2)] * 2)])
    assert (cell.deep, plain.deep) == (True, False)


def test_a_time_that_begins_with_an_endless_slope_is_not_at_nodes() -> None:
    """Its tail is no polynomial there; in a fork of an array p99 was 1 % off."""
    steep = qm.Sum([qm.Gamma(0.1, 9.0), qm.Exponential(0.001)])
    assert at_nodes(steep, 5.0) is steep
    smooth = qm.Sum([qm.Gamma(0.1, 0.5), qm.Exponential(0.001)])
    assert at_nodes(smooth, 5.0) is not smooth
