"""Quantiles by Newton steps on inverted or closed tails."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import (
    NEVER,
    Deterministic,
    Erlang,
    Exponential,
    Gamma,
    HyperExponential,
    Mixture,
    Sum,
    Uniform,
    percentiles,
)
from qmodel.distributions.heavy import LogNormal, Pareto
from qmodel.distributions.percentiles import quantile

P = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 0.99, 0.999, 1 - 1e-9])


@pytest.mark.parametrize(
    "distribution",
    [
        Exponential(0.02),
        Erlang(3.0, 40),
        Gamma(1e-5, 30.0),
        Uniform(1.0, 1.01),
        Uniform(1.0, 1.000001),
        LogNormal(2.0, 5.0),
        Pareto(1.0, 0.4),
        Pareto(1.0, 1.2, 50.0),
    ],
    ids=str,
)
def test_newton_finds_the_closed_quantile(distribution):
    # Below p = 1 - 1e-9 the tail of 1e-9 has 7 digits.
    assert quantile(distribution, P) == pytest.approx(distribution.quantile(P), rel=1e-6)
    assert quantile(distribution, P[2:-1]) == pytest.approx(
        distribution.quantile(P[2:-1]), rel=1e-11
    )


def test_newton_inverts_an_inverted_tail():
    distribution = Sum(
        [Exponential(1.0), Gamma(0.5, 0.4), HyperExponential([0.9, 0.1], [0.3, 3.0])]
    )
    found = distribution.quantile(P)
    assert distribution.cdf(found) == pytest.approx(P, abs=1e-12)
    assert (np.diff(found) > 0).all()


def test_percentile_in_a_jump_is_that_time():
    distribution = Mixture([0.9, 0.1], [Deterministic(0.001), Exponential(0.020)])
    jump = distribution.cdf(0.001) - 0.9
    assert 0 < jump < 0.01
    inside = np.array([jump + 1e-9, 0.5, 0.9, 0.9 + jump - 1e-9])
    assert distribution.quantile(inside).tolist() == [0.001] * 4
    assert distribution.quantile(jump / 2) < 0.001
    assert distribution.quantile(0.9 + 2 * jump) > 0.001


def test_least_time_on_a_flat_of_the_tail():
    distribution = Mixture([0.5, 0.5], [Uniform(0.0, 1.0), Uniform(2.0, 3.0)])
    assert distribution.quantile(0.5) == pytest.approx(1.0, rel=1e-15)
    assert distribution.quantile(0.5 + 1e-12) == pytest.approx(2.0, rel=1e-9)


def test_ends():
    distribution = Sum([Deterministic(0.3), Exponential(1.0), Exponential(2.0)])
    assert distribution.quantile([0.0, 1.0]).tolist() == [0.3, np.inf]
    atoms = Mixture([0.2, 0.8], [Deterministic(0.0), Exponential(1.0)])
    assert atoms.quantile([0.0, 0.1, 0.2]).tolist() == [0.0, 0.0, 0.0]
    constants = Mixture([0.2, 0.8], [Deterministic(1.0), Deterministic(2.0)])
    assert constants.quantile([0.0, 0.2, 0.21, 1.0]).tolist() == [1.0, 1.0, 2.0, 2.0]


def test_share_without_end():
    distribution = Mixture([0.7, 0.3], [Exponential(1.0), NEVER])
    found = distribution.quantile([0.5, 0.69, 0.7, 0.71, 1.0])
    assert found[:2] == pytest.approx(-np.log1p(-np.array([0.5, 0.69]) / 0.7), rel=1e-12)
    assert found[3:].tolist() == [np.inf, np.inf]


def test_infinite_mean():
    distribution = Mixture([0.5, 0.5], [Pareto(1.0, 0.5), Exponential(1.0)])
    p = np.array([0.1, 0.5, 0.9, 0.9999])
    assert distribution.cdf(distribution.quantile(p)) == pytest.approx(p, abs=1e-12)


def test_noise_of_inversion_costs_no_steps(monkeypatch):
    steps = []
    chunk = percentiles.chunk
    monkeypatch.setattr(percentiles, "chunk", lambda *a: steps.append(1) or chunk(*a))
    distribution = Sum([LogNormal(1.0, 1.0), Exponential(1.0)])  # Euler's rule: 1e-10 of 1e-6
    found = distribution.quantile(1 - 1e-6)
    assert len(steps) < 15
    assert distribution.tail(found) == pytest.approx(1e-6, rel=2e-4)


@pytest.mark.parametrize(
    "station",
    [qm.MG1(Erlang(0.1, 2)), qm.MG1(Deterministic(0.1)), qm.MDc(0.1, 3), qm.MMc(0.1, 3)],
    ids=["M/E2/1", "M/D/1", "M/D/3", "M/M/3"],
)
def test_the_root_itself_is_the_last_step(station, monkeypatch):
    """Where a step has met the root, the next one leads nowhere: no bisections follow."""
    calls = []
    chunk = percentiles.chunk
    monkeypatch.setattr(percentiles, "chunk", lambda *a: calls.append(1) or chunk(*a))
    for load in (0.5, 0.7, 0.8, 0.9):
        result = station.solve(load * station.max_rate)
        for distribution in (result.wait, result.response):
            for p in (0.5, 0.9, 0.99, 0.999):
                calls.clear()
                found = distribution.quantile(p)
                assert len(calls) <= 6, (load, p)
                # On both sides of a jump too, as of a constant service without a wait.
                assert distribution.tail(found * (1 + 1e-9)) <= (1 - p) * (1 + 1e-7)
                assert not found or distribution.tail(found * (1 - 1e-9)) >= (1 - p) * (
                    1 - 1e-7
                )


def test_a_cubic_through_two_steps_ends_the_search(monkeypatch):
    """Two passes for nearly all percentiles, and right to ten digits all the same."""
    # Fewer than those that begin at their neighbours.
    times = [Exponential(x * np.linspace(0.2, 5, 250)) for x in (0.01, 0.02, 0.004)]
    row, passes = Sum([*times, Erlang(0.03, 3)]), []
    plain = percentiles.chunk
    monkeypatch.setattr(
        percentiles, "chunk", lambda of, t: passes.append(t.size) or plain(of, t)
    )
    found = row.quantile(0.99)
    assert sum(passes[2:]) < 0.01 * found.size
    monkeypatch.setattr(percentiles, "_CUBIC", 0.0)
    assert found == pytest.approx(row.quantile(0.99), rel=1e-10)
    assert sum(passes) > 4 * found.size


def test_nan_in_nan_out():
    distribution = Sum([Exponential(np.array([1.0, np.nan])), Exponential(0.5)])
    assert np.isnan(distribution.quantile(0.9)).tolist() == [False, True]
    hidden = Sum([Gamma(1.0, np.array([np.nan, 0.5])), Exponential(1.0)])  # the mean is known
    assert np.isnan(hidden.quantile(0.9)).tolist() == [True, False]
    assert np.isnan(distribution.quantile([0.5, np.nan])).tolist() == [False, True]


def test_shapes_and_chunks():
    distribution = Sum([Exponential(np.linspace(0.5, 1.5, 1500)), Exponential(0.1)])
    found = distribution.quantile(np.array([0.5, 0.99])[:, None])
    assert found.shape == (2, 1500)
    for i in (0, 1023, 1024, 1499):
        cell = Sum([Exponential(distribution.distributions[0].mean[i]), Exponential(0.1)])
        assert found[:, i] == pytest.approx(cell.quantile([0.5, 0.99]), rel=1e-12)
    assert np.ndim(cell.quantile(0.5)) == 0


def test_scale_free():
    small, large = (Sum([Exponential(x), Gamma(x, 4.0)]) for x in (1e-9, 1e9))
    assert large.quantile(P) == pytest.approx(1e18 * small.quantile(P), rel=1e-7)


def test_one_distribution_or_another_in_each_cell() -> None:
    """A mixture that is one of its branches in each cell takes the steps of that one alone."""
    first = np.array([1.0, 0.0, 0.0])
    times = (qm.Exponential([0.1, 0.2, 0.3]), qm.Gamma(0.2, scv=0.5))
    found = qm.distributions.Mixture((first, 1 - first), times).quantile(0.99)
    gamma = times[1].quantile(0.99)
    want = [times[0].quantile(0.99)[0], gamma, gamma]
    np.testing.assert_allclose(found, want, rtol=1e-12)
    unknown = qm.distributions.Mixture((first, 1 - first), times).quantile([np.nan, 0.5, 0.0])
    assert np.isnan(unknown[0])
    assert unknown[2] == 0


def test_a_short_phase_leaves_all_digits() -> None:
    """A cubic through two steps was thought to be right to 1e-10, and was off by 2e-9."""
    time = qm.HyperExponential([0.046875, 0.953125], [0.25, 29.0])
    p = np.array([0.1, 0.5, 0.99])
    assert 1 - time.tail(time.quantile(p)) == pytest.approx(p, rel=1e-13)


SWEPT = {
    "M/M/3": qm.MMc(0.3, 3),
    "M/G/1": qm.MG1(Gamma(0.1, 2.0)),
    "constant": qm.MDc(0.3, 3),
    "of jumps": qm.MG1(qm.Empirical([0.05, 0.1, 0.2])),
}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", SWEPT)
def test_cells_that_begin_at_their_neighbours_are_as_alone(kind: str) -> None:
    """In any order, beside others without load, in overload and unknown."""
    station = SWEPT[kind]
    shares = np.linspace(0.05, 0.98, 300)
    shares[[0, 8, 77, 150, 151, 200, 299]] = [0.0, 1.5, np.nan, 0.0, 1.2, np.nan, np.nan]
    mixed = np.random.default_rng(1).permutation(shares)
    for some in (shares, mixed):
        rates = some * float(station.max_rate)
        found = station.solve(rates).response.quantile(np.array([[0.5], [0.99]]))
        for i in (0, 1, 8, 9, 76, 77, 78, 100, 150, 199, 200, 201, 298, 299):
            alone = station.solve(rates[i]).response
            for j, p in enumerate((0.5, 0.99)):
                assert found[j, i] == pytest.approx(alone.quantile(p), rel=1e-9, nan_ok=True)


def test_a_sweep_is_looked_at_less_often(monkeypatch):
    looked = [0]
    whole = percentiles.chunk

    def counted(of, t):
        looked[0] += t.size
        return whole(of, t)

    monkeypatch.setattr(percentiles, "chunk", counted)
    pipeline, counts = qm.web.typical_pipeline(), []
    rates = np.linspace(500.0, 2800.0, 512)
    for some in (rates, np.random.default_rng(2).permutation(rates)):
        looked[0] = 0
        pipeline.solve(some).latency.quantile(0.99)
        counts.append(looked[0])
    assert counts[0] < 0.75 * counts[1]


class _OfNoise(Exponential):
    """Exponential, but where its tail is thought to be below the noise of an inversion."""

    def tail_and_density(self, t):
        tail, density = super().tail_and_density(t)
        noise = np.asarray(t) > 6
        return np.where(noise, 1e-32, tail), np.where(noise, 1e-9, density)


def test_a_step_into_the_noise_is_not_a_root():
    """There tail over density is nothing, so that a step is; it was a median of 77 for 4.6."""
    found = quantile(_OfNoise(1.0), np.array([0.98, 0.99]), np.array([6.5, 9.0]))
    assert found == pytest.approx(-np.log([0.02, 0.01]), rel=1e-9)
