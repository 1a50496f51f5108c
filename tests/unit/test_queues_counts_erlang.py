"""The public Erlang formulas: dispatch, domain, shapes."""

from math import factorial

import numpy as np
import pytest
import sympy as sp

from qmodel.errors import DomainError
from qmodel.numerics.erlang_symbolic import ErlangB, ErlangC
from qmodel.queues.counts.erlang import __all__, erlang_b, erlang_c

BOTH = [erlang_b, erlang_c]


def test_public_names():
    assert __all__ == ["erlang_b", "erlang_c"]


def test_golden_values_for_every_kind_of_number():
    for load, servers in ((4, 5), (4.0, 5.0), (np.float64(4), np.int64(5)), (np.int32(4), 5)):
        assert erlang_b(servers=servers, offered_load=load) == pytest.approx(
            0.199066874027994, rel=1e-14
        )
        assert erlang_c(servers=servers, offered_load=load) == pytest.approx(
            0.554112554112554, rel=1e-14
        )
    assert isinstance(erlang_b(servers=5, offered_load=4.0), float)
    assert isinstance(erlang_c(servers=5, offered_load=4), float)


@pytest.mark.parametrize("f", BOTH)
def test_shapes_broadcast(f):
    assert f(servers=5, offered_load=[1.0, 2.0]).shape == (2,)
    assert f(servers=[3, 4, 5], offered_load=np.ones((2, 1))).shape == (2, 3)
    assert f(servers=2, offered_load=np.ones((0, 3))).shape == (0, 3)
    assert np.ndim(f(servers=2, offered_load=np.array(1.0))) == 0
    both = f(servers=[2, 8], offered_load=[[1.0, 2.0]])
    assert both[0, 1] == pytest.approx(f(servers=8, offered_load=2.0), rel=1e-14)


@pytest.mark.parametrize("f", BOTH)
def test_swapped_numbers_are_no_call(f):
    with pytest.raises(TypeError, match="positional"):
        f(4, 1.8)


def test_overload_and_nan():
    np.testing.assert_array_equal(
        erlang_c(servers=5, offered_load=[5.0, 7.0, np.inf, np.nan]), [1, 1, 1, np.nan]
    )
    states = [7.0**k / factorial(k) for k in range(6)]
    assert erlang_b(servers=5, offered_load=7.0) == pytest.approx(
        states[5] / sum(states), rel=1e-14
    )
    assert erlang_c(servers=5, offered_load=7) == 1.0
    assert np.isnan(erlang_b(servers=5, offered_load=np.nan))
    assert np.isnan(erlang_c(servers=np.nan, offered_load=1.0))


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
        f(servers=servers, offered_load=load)


def test_symbols_give_the_symbolic_functions():
    a, c = sp.symbols("a c", positive=True)
    assert erlang_b(servers=c, offered_load=a) == ErlangB(c, a)
    assert erlang_c(servers=c, offered_load=a) == ErlangC(c, a)
    assert erlang_c(servers=3, offered_load=a).subs(a, 2).doit() == sp.Rational(4, 9)
    assert erlang_c(servers=sp.Integer(3), offered_load=2) == ErlangC(3, 2)


def test_bounds_and_monotony():
    c = np.array([2.0, 2.7, 10.0, 63.9, 64.0, 1000.0])[:, None]
    load = np.linspace(0.55, 0.95, 9) * c
    b, wait = erlang_b(servers=c, offered_load=load), erlang_c(servers=c, offered_load=load)
    assert np.all((b < wait) & (wait < load / c))
    assert np.all(np.diff(b) > 0)
    assert np.all(np.diff(wait) > 0)
    assert np.all(erlang_b(servers=c + 1, offered_load=load) < b)
    assert np.all(erlang_c(servers=c + 1, offered_load=load) < wait)
