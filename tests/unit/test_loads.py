"""Loads are values: checked, equal by their numbers, refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import DomainError

DB = qm.MMc(0.01, servers=2)


def test_a_number_is_a_poisson_load() -> None:
    for load in (120.0, qm.Poisson(120.0)):
        assert float(DB.solve(load).waiting_time) == float(DB.solve(120.0).waiting_time)
        r = qm.Pipeline(qm.call("db", DB)).solve(load)
        assert r.load == qm.Poisson(120.0)
    x = sp.Symbol("x", positive=True)
    assert qm.Poisson(x).rate is x


def test_equal_loads_are_equal() -> None:
    assert qm.Poisson([1.0, 2.0]) == qm.Poisson(np.array([1.0, 2.0]))
    assert hash(qm.Poisson(1.0)) == hash(qm.Poisson(1.0))
    assert qm.Poisson(1.0) != qm.Poisson(2.0)
    assert qm.Closed(3, 1.0) != qm.Renewal(3, 1.0)
    assert qm.Profile([0, 1], [2, 3]) == qm.Profile([0.0, 1.0], [2.0, 3.0])


def test_renewal_arrivals_of_one_are_poisson() -> None:
    service = qm.Gamma(0.01, 0.5)
    for station in (DB, qm.MG1(service), qm.MGc(service, 2), qm.MDc(0.01, 2)):
        plain = station.solve(0.8 * station.max_rate)
        same = station.solve(qm.Renewal(0.8 * station.max_rate, 1.0))
        assert float(same.waiting_time) == pytest.approx(float(plain.waiting_time), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "load", "says"),
    [
        (qm.MG1SizeBased(qm.Exponential(0.01)), qm.Renewal(1.0, 0.5), "takes Poisson arrivals"),
        (DB, qm.Closed(10, 1.0), "MMc does not take Closed loads: .*networks"),
        (DB, qm.Profile([0, 1], [1, 1]), "MMc does not take Profile loads: .*steady state"),
        (qm.Pipeline(qm.call("db", DB)), qm.Renewal(1.0, 0.5), "a pipeline does not take"),
    ],
)
def test_what_cannot_be_taken_is_refused(model, load, says) -> None:
    with pytest.raises(qm.ModelError, match=says):
        model.solve(load)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: qm.Poisson(-1.0), "rate must be a number >= 0, got -1"),
        (lambda: qm.Renewal(1.0, -0.5), "scv must be a squared coefficient of variation"),
        (lambda: qm.Closed(-1), "users must be a whole number >= 0, got -1"),
        (lambda: qm.Closed(np.inf), "users must be a whole number >= 0, got inf"),
        (lambda: qm.Closed(1, -2.0), "think_time must be a finite number >= 0, got -2"),
        (lambda: qm.Profile([0, 1], [1]), "must be as many, at least two, got 2 and 1"),
        (lambda: qm.Profile([0, 2, 1], [1, 1, 1]), "times must increase, got 2 before 1"),
        (lambda: qm.Profile([0, np.nan], [1, 1]), "times must increase, got 0 before nan"),
        (lambda: qm.Profile([0, 1], [1, -1]), "rates must be a finite number >= 0, got -1"),
        (
            lambda: qm.Profile([0, 1], [1, np.inf]),
            "rates must be a finite number >= 0, got inf",
        ),
    ],
)
def test_impossible_loads(make, says) -> None:
    with pytest.raises(qm.DomainError, match=says):
        make()


def test_a_profile_keeps_what_it_was_given() -> None:
    times, rates = np.array([0.0, 10.0]), np.array([1.0, 3.0])
    crowd = qm.Profile(times, rates)
    rates[1] = 100.0
    assert crowd.peak == 3.0
    assert crowd.rate([-5.0, 5.0, 20.0]).tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="read-only"):
        crowd.rates[0] = 5.0


def test_more_users_are_whole_users() -> None:
    assert 1.25 * qm.Closed(10, 2.0) == qm.Closed(13, 2.0)
    assert qm.Closed([10, 20]) * 1.1 == qm.Closed([11, 22])
    with pytest.raises(DomainError, match="factor"):
        -1.0 * qm.Closed(10)
    with pytest.raises(DomainError, match="users must be numbers to be multiplied"):
        2 * qm.Closed(sp.Symbol("N", positive=True))
