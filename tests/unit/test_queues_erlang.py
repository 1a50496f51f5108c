"""The public Erlang formulas: dispatch, domain, shapes."""

from math import factorial

import numpy as np
import pytest
import sympy as sp

from qmodel.errors import DomainError
from qmodel.numerics.erlang_symbolic import ErlangB, ErlangC
from qmodel.queues.erlang import __all__, erlang_b, erlang_c

BOTH = [erlang_b, erlang_c]


def test_public_names():
    assert __all__ == ["erlang_b", "erlang_c"]


def test_golden_values_for_every_kind_of_number():
    for load, servers in ((4, 5), (4.0, 5.0), (np.float64(4), np.int64(5)), (np.int32(4), 5)):
        assert erlang_b(load, servers) == pytest.approx(0.199066874027994, rel=1e-14)
        assert erlang_c(load, servers) == pytest.approx(0.554112554112554, rel=1e-14)
    assert isinstance(erlang_b(4.0, 5), float)
    assert isinstance(erlang_c(4, 5), float)


@pytest.mark.parametrize("f", BOTH)
def test_shapes_broadcast(f):
    assert f([1.0, 2.0], 5).shape == (2,)
    assert f(np.ones((2, 1)), [3, 4, 5]).shape == (2, 3)
    assert f(np.ones((0, 3)), 2).shape == (0, 3)
    assert np.ndim(f(np.array(1.0), 2)) == 0
    assert f([[1.0, 2.0]], [2, 8])[0, 1] == pytest.approx(f(2.0, 8), rel=1e-14)


def test_overload_and_nan():
    np.testing.assert_array_equal(erlang_c([5.0, 7.0, np.inf, np.nan], 5), [1, 1, 1, np.nan])
    states = [7.0**k / factorial(k) for k in range(6)]
    assert erlang_b(7.0, 5) == pytest.approx(states[5] / sum(states), rel=1e-14)
    assert erlang_c(7, 5) == 1.0
    assert np.isnan(erlang_b(np.nan, 5))
    assert np.isnan(erlang_c(1.0, np.nan))


@pytest.mark.parametrize("f", BOTH)
@pytest.mark.parametrize(
    ("load", "servers", "name"),
    [
        (-1.0, 5, "offered_load"),
        ([1.0, -2.0], 5, "offered_load"),
        ("many", 5, "offered_load"),
        (1.0, 0, "servers"),
        (1.0, [2, -1], "servers"),
        (sp.Integer(-1), 5, "offered_load"),
        (sp.Symbol("a", positive=True), 0, "servers"),
        (1.0, sp.Symbol("c", negative=True), "servers"),
    ],
)
def test_impossible_values_are_refused_by_name(f, load, servers, name):
    with pytest.raises(DomainError, match=name):
        f(load, servers)


def test_symbols_give_the_symbolic_functions():
    a, c = sp.symbols("a c", positive=True)
    assert erlang_b(a, c) == ErlangB(c, a)
    assert erlang_c(a, c) == ErlangC(c, a)
    assert erlang_c(a, 3).subs(a, 2).doit() == sp.Rational(4, 9)
    assert erlang_c(2, sp.Integer(3)) == ErlangC(3, 2)


def test_bounds_and_monotony():
    c = np.array([2.0, 2.7, 10.0, 63.9, 64.0, 1000.0])[:, None]
    load = np.linspace(0.55, 0.95, 9) * c
    b, wait = erlang_b(load, c), erlang_c(load, c)
    assert np.all((b < wait) & (wait < load / c))
    assert np.all(np.diff(b) > 0)
    assert np.all(np.diff(wait) > 0)
    assert np.all(erlang_b(load, c + 1) < b)
    assert np.all(erlang_c(load, c + 1) < wait)
