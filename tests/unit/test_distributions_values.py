"""Distributions are values: arguments checked, arrays copied in, the same after pickling."""

import copy
import pickle

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import (
    NEVER,
    ZERO,
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    HyperExponential,
    LogNormal,
    Maximum,
    Mixture,
    OrderStatistic,
    Pareto,
    Quorum,
    Repeated,
    Scaled,
    Shifted,
    Sum,
    Uniform,
)

DISTRIBUTIONS = [
    ZERO,
    NEVER,
    Deterministic(1.0),
    Exponential(1.0),
    Erlang(1.0, 3),
    HyperExponential([0.5, 0.5], [1.0, 2.0]),
    Uniform(1.0, 2.0),
    LogNormal(1.0, 2.0),
    Pareto(1.0, 3.0),
    Empirical([1.0, 2.0]),
    Mixture([0.5, 0.5], [Exponential(1.0), ZERO]),
    Sum([Exponential(1.0), Uniform(0.0, 1.0)]),
    Maximum([Exponential(1.0), Exponential(2.0)]),
    Quorum([Exponential(1.0), Exponential(2.0)], 1),
    OrderStatistic(Exponential(1.0), 1, 2),
    Repeated(Exponential(1.0), 3),
    Scaled(Exponential(1.0), 3.0),
    Shifted(Exponential(1.0), 3.0),
    qm.MG1(Uniform(1.0, 2.0)).solve(0.3).response,
    qm.MMc(1.0, 2).solve(1.0).response,
]
BAD = [None, "1", "soon", object(), [[1.0], [1.0, 2.0]], 10**400, {}]


@pytest.mark.parametrize(
    "distribution", DISTRIBUTIONS, ids=lambda distribution: type(distribution).__name__
)
def test_bad_arguments_are_refused_by_name(distribution):
    for bad in BAD:
        if bad == "1":
            continue
        for method in (distribution.tail, distribution.cdf, distribution.density):
            with pytest.raises(qm.DomainError, match=r"t must be a (time|number)"):
                method(bad)
        with pytest.raises(qm.DomainError, match=r"s must be a (point|number)"):
            distribution.laplace(bad)
        with pytest.raises(qm.DomainError, match=r"p must be a (probability|number)"):
            distribution.quantile(bad)
    for method in (distribution.tail, distribution.cdf, distribution.density):
        for bad in (1j, np.array([1.0, 1j])):
            with pytest.raises(qm.DomainError, match=r"t must be a (time|number)"):
                method(bad)
    with pytest.raises(qm.DomainError, match=r"p must be a (probability|number)"):
        distribution.quantile(0.5 + 0j)
    assert np.shape(distribution.laplace([1.0, 1.0 + 1.0j])) == (2,) or distribution is ZERO
    assert np.shape(distribution.tail([1, 2])) == (2,)


@pytest.mark.parametrize(
    "distribution", DISTRIBUTIONS, ids=lambda distribution: type(distribution).__name__
)
def test_pickling_changes_nothing(distribution):
    for other in (pickle.loads(pickle.dumps(distribution)), copy.deepcopy(distribution)):
        assert np.array_equal(other.tail([0.5, 1.5]), distribution.tail([0.5, 1.5]))


def test_zero_and_never_stay_one_object():
    for distribution in (ZERO, NEVER):
        assert pickle.loads(pickle.dumps(distribution)) is distribution
        assert copy.deepcopy(Sum([distribution])).distributions[0] is distribution
    assert pickle.loads(pickle.dumps(Deterministic(0.0))) is not ZERO


@pytest.mark.parametrize(
    "make",
    [
        Exponential,
        Deterministic,
        lambda x: Gamma(x, 0.5),
        lambda x: Gamma(1.0, x),
        lambda x: Uniform(0.0, x),
        lambda x: LogNormal(x, 1.0),
        lambda x: Pareto(x, 2.5),
        lambda x: HyperExponential([0.5, 0.5], [x, 1.0]),
        lambda x: Shifted(Exponential(1.0), x),
        lambda x: Scaled(Exponential(1.0), x),
        lambda x: Repeated(Exponential(1.0), x),
        lambda x: Mixture([1 / (1 + x), x / (1 + x)], [Exponential(1.0), ZERO]),
    ],
)
def test_arrays_are_copied_in_and_read_only(make):
    x = np.array([1.0, 2.0])
    distribution = make(x)
    before = np.array(distribution.mean)
    x *= 3
    assert np.array_equal(distribution.mean, before)


def test_a_field_cannot_be_written_to():
    distribution = Exponential(np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="read-only"):
        distribution.mean[0] = 5.0


def test_representations_stay_short():
    assert len(repr(Empirical(np.linspace(1.0, 2.0, 100_000)))) < 300


class Counted(Exponential):
    """An exponential time that counts how often it is looked at."""

    looks = 0

    def tail(self, t):
        Counted.looks += 1
        return Exponential.tail(self, t)

    def density(self, t):
        Counted.looks += 1
        return Exponential.density(self, t)


def looks(distribution):
    Counted.looks = 0
    distribution.quantile(0.99)
    return Counted.looks


@pytest.mark.parametrize(
    "kind", [Maximum, lambda distributions: Quorum(distributions, 2)], ids=["all", "some"]
)
def test_a_fork_looks_once_at_each_branch_a_step(kind):
    few, many = (looks(kind([Counted(1.0)] * n)) for n in (4, 40))
    assert few <= 4 * 2 * 12
    # Ten times the branches, and some more steps.
    assert many <= 20 * few


def test_branches_in_a_row_are_polynomial():
    late = Mixture([0.5, 0.5], [Deterministic(0.003), ZERO])
    for k in (1, 4, 12):
        distribution = Sum([Exponential(0.01), *[late] * k])
        assert len(distribution.parts()) == k + 1
        # The number of delays is binomial.
        from scipy.stats import binom, gamma

        t = 0.03
        expected = sum(
            binom.pmf(j, k, 0.5) * (gamma.sf(t - 0.003 * j, 1, scale=0.01))
            for j in range(k + 1)
        )
        assert float(distribution.tail(t)) == pytest.approx(expected, rel=1e-12)
    distribution = Sum([Exponential(0.01), *[late] * 12])
    assert looks(Sum([Counted(0.01), *[late] * 12])) < 200
    assert float(distribution.cdf(distribution.quantile(0.99))) == pytest.approx(
        0.99, abs=1e-12
    )


def test_many_different_branches_are_inverted_whole():
    delays = 0.003 * (1 + 0.1 * np.sqrt(np.arange(12)))
    steps = [Mixture([0.5, 0.5], [Deterministic(float(d)), ZERO]) for d in delays]
    distribution = Sum([Exponential(0.02), *steps])
    assert len(distribution.parts()) <= 128
    # Every one of the 4096 sums of delays.
    sums = np.zeros(1)
    for d in delays:
        sums = np.concatenate([sums, sums + d])
    for t in (0.02, 0.06, 0.1):
        expected = np.exp(-np.maximum(t - sums, 0) / 0.02).mean()
        assert float(distribution.tail(t)) == pytest.approx(expected, abs=2e-6)


def test_arguments_by_name_are_checked_as_those_by_place():
    time = qm.Exponential(2.0)
    assert time.tail(t=1.0) == time.tail(1.0)
    with pytest.raises(qm.DomainError, match=r"t must be a time, .* got 'now'"):
        time.tail(t="now")
