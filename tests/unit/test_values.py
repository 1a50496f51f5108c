"""Distributions are compared by value."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.distributions import NEVER, ZERO, Empirical, Maximum, Mixture, Scaled, Shifted, Sum

BUILDERS = [
    lambda: qm.Exponential(0.1),
    lambda: qm.Deterministic(0.1),
    lambda: qm.Gamma(np.array([0.1, 0.2]), 2.0),
    lambda: qm.Uniform(0.0, 0.1),
    lambda: qm.LogNormal(0.1, 2.0),
    lambda: qm.Pareto(0.1, 2.5),
    lambda: Empirical([0.1, 0.2, 0.4]),
    lambda: qm.from_mean_scv(0.1, 4.0),
    lambda: Mixture((0.5, 0.5), (qm.Exponential(0.1), ZERO)),
    lambda: Maximum((qm.Exponential(0.1), qm.Exponential(0.2))),
    lambda: Shifted(qm.Exponential(0.1), 0.3),
    lambda: Scaled(Sum((qm.Exponential(0.1), NEVER)), np.array([1.0, np.nan])),
    lambda: qm.Exponential(sp.Symbol("S", positive=True)),
    lambda: qm.Exponential(np.nan),
    lambda: qm.MG1(qm.Gamma(0.1, 2.0)).solve(5.0).response,
]


@pytest.mark.parametrize("which", range(len(BUILDERS)))
def test_equal_parameters_are_equal_distributions(which: int) -> None:
    one, other = BUILDERS[which](), BUILDERS[which]()
    assert one is not other
    assert one == other
    assert hash(one) == hash(other)
    assert {one: 1}[other] == 1
    for k, build in enumerate(BUILDERS):
        assert (build() == one) is (k == which)


def test_what_makes_distributions_differ() -> None:
    assert qm.Exponential(0.1) != qm.Exponential(0.2)
    assert qm.Exponential(0.1) != qm.Gamma(0.1, 1.0)
    assert qm.Gamma(np.array([0.1, 0.1]), 2.0) != qm.Gamma(0.1, 2.0)
    assert qm.Gamma([0.1, 0.2], 2.0) != qm.Gamma([0.1, 0.3], 2.0)
    assert qm.Exponential(0.1) != 0.1


def test_numbers_that_are_equal_hash_alike() -> None:
    some = {qm.Exponential(x) for x in (1, 1.0, np.float64(1), np.array(1.0))}
    assert len(some) == 1


def test_a_station_knows_its_own_distribution_again() -> None:
    station = qm.MMc(0.02, servers=4)
    both = [qm.Stream(90.0, qm.Exponential(0.02)), qm.Stream(60.0, qm.Exponential(0.02))]
    assert station.solve(both).station is station
    other = [qm.Stream(90.0, qm.Exponential(0.01)), qm.Stream(60.0, qm.Exponential(0.01))]
    r = station.solve(other)
    assert isinstance(r.station, qm.MMc)
    assert str(r.basis) == "exact"
    assert r.response_time == pytest.approx(qm.MMc(0.01, 4).solve(150.0).response_time)


def test_calls_with_equal_distributions_are_one_stream() -> None:
    database = qm.MMc(0.02, servers=4)

    def calls(one: qm.Distribution, other: qm.Distribution) -> qm.PipelineResult:
        first = qm.call("db", database, service=one)
        return qm.Pipeline(qm.series(first, qm.call("db", database, service=other))).solve(50)

    distribution = qm.Exponential(0.01)
    shared, apart = (
        calls(distribution, distribution),
        calls(qm.Exponential(0.01), qm.Exponential(0.01)),
    )
    assert isinstance(apart.stations["db"].station, qm.MMc)
    assert apart.latency.quantile(0.99) == shared.latency.quantile(0.99)
    assert str(apart.stations["db"].basis) == str(shared.stations["db"].basis)
