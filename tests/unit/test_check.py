"""Argument checks: impossible values are refused by name, NaN and overload pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from qmodel import _check
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import DomainError, ModelError

X = sp.Symbol("x")


@pytest.mark.parametrize(
    "check", [_check.nonnegative, _check.positive, _check.scv, _check.probability]
)
def test_nan_passes(check: Any) -> None:
    assert np.isnan(check("x", np.nan))
    assert np.isnan(check("x", [np.nan, 0.5])[0])


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            _check.nonnegative,
            [0, 0.0, 1e300, np.inf, [0.0, 2.0]],
            [-1, -1e-300, [1.0, -2.0], -np.inf],
        ),
        (_check.positive, [1, 1e-300, np.inf], [0, 0.0, -1, [1.0, 0.0]]),
        (_check.scv, [0, 4.0], [-0.1]),
        (_check.probability, [0, 1, 0.5, [0.0, 1.0]], [-0.01, 1.0000001, [0.5, 2.0], np.inf]),
        (_check.count, [1, 7, 3.0, [1, 2], np.int64(4)], [0, 2.5, -1, True, [1, 2.5]]),
    ],
)
def test_domains(check: Any, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        np.testing.assert_array_equal(check("thing", value), value)
    for value in bad:
        worst = min(value) if isinstance(value, list) and check is _check.nonnegative else None
        with pytest.raises(DomainError, match="thing must be") as error:
            check("thing", value)
        assert worst is None or str(worst) in str(error.value)


@pytest.mark.parametrize("value", ["fast", None, object(), [1, "a"]])
def test_what_is_no_number(value: Any) -> None:
    for check in (_check.nonnegative, _check.positive, _check.probability, _check.count):
        with pytest.raises(DomainError, match="rate must be"):
            check("rate", value)


def test_a_size_is_real_and_stays_whole() -> None:
    assert type(_check.size("servers", 3)) is int
    assert _check.size("servers", 2.5) == 2.5
    with pytest.raises(DomainError, match="servers must be a number > 0, got 0"):
        _check.size("servers", 0)


def test_the_message_names_parameter_and_value() -> None:
    with pytest.raises(DomainError) as error:
        _check.count("servers", 2.5)
    assert str(error.value) == "servers must be a whole number >= 1, got 2.5"
    with pytest.raises(DomainError) as error:
        _check.nonnegative("arrival_rate", np.array([3.0, -2.0]))
    assert str(error.value) == "arrival_rate must be a number >= 0, got -2.0"


def test_symbols_pass_unless_they_are_known_to_be_wrong() -> None:
    assert _check.positive("x", X) is X
    assert _check.count("n", sp.Symbol("n", integer=True)).is_integer
    for check, wrong in (
        (_check.nonnegative, sp.Integer(-1)), (_check.positive, sp.Integer(0)),
        (_check.probability, sp.Integer(2)), (_check.count, sp.Rational(5, 2)),
    ):  # fmt: skip
        with pytest.raises(DomainError):
            check("x", wrong)


def test_weights() -> None:
    assert _check.weights("shares", [0.7, 0.2, 0.1]) == (0.7, 0.2, 0.1)
    cells = _check.weights("shares", [np.array([0.2, 0.5]), np.array([0.8, 0.5])])
    assert len(cells) == 2
    for wrong in (
        [0.7, 0.2],
        [0.6, 0.5],
        [1.5, -0.5],
        [],
        [np.array([0.5, 0.5]), np.array([0.5, 0.6])],
    ):
        with pytest.raises(DomainError, match="shares"):
            _check.weights("shares", wrong)
    p = sp.Symbol("p", positive=True)
    assert _check.weights("shares", [p, 1 - p]) == (p, 1 - p)
    with pytest.raises(DomainError, match="sum to 1"):
        _check.weights("shares", [sp.Rational(1, 2), sp.Rational(1, 3)])


def test_instance() -> None:
    distribution = Exponential(1.0)
    assert _check.instance("service", distribution, Distribution) is distribution
    with pytest.raises(ModelError, match="service must be a Distribution, got 3"):
        _check.instance("service", 3, Distribution)
    with pytest.raises(ModelError, match="distribution must be an Exponential"):
        _check.instance("distribution", "x", Exponential)


def test_scalars_stay_scalars() -> None:
    assert type(_check.count("servers", 3)) is int
    assert type(_check.positive("x", 2.0)) is float
    assert np.ndim(_check.positive("x", np.array(2.0))) == 0
    assert _check.nonnegative("x", [[1, 2]]).shape == (1, 2)
