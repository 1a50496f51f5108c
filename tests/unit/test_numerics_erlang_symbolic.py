"""ErlangB and ErlangC as SymPy functions."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy.core.function import ArgumentIndexError

from qmodel.numerics import erlang
from qmodel.numerics.erlang_symbolic import ErlangB, ErlangC

a, c = sp.symbols("a c", positive=True)
n = sp.Symbol("n", integer=True, positive=True)
BOTH = [ErlangB, ErlangC]
POINTS = [(5, 4), ("5/2", 2), (64, 63), (1000, 980), ("1/3", "1/4"), (20, "1/1000")]


def exact(function, servers, load):
    with mpmath.workdps(70):
        servers, load = (mpmath.mpf(x.p) / x.q for x in map(sp.Rational, (servers, load)))
        inverse = (
            mpmath.exp(load) * load**-servers * mpmath.gammainc(servers + 1, load)
        )  # Jagerman 1974
        if function is ErlangC:
            inverse = 1 + (1 - load / servers) * (inverse - 1)
        return sp.Float(1 / inverse, 60)


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize(("servers", "load"), POINTS)
def test_fifty_digits(function, servers, load):
    servers, load = sp.Rational(servers), sp.Rational(load)
    value, reference = function(servers, load).evalf(50), exact(function, servers, load)
    assert abs(value / reference - 1) < sp.Float("1e-49")
    numeric = {ErlangB: erlang.erlang_b, ErlangC: erlang.erlang_c}[function]
    assert numeric(float(load), float(servers)) == pytest.approx(float(reference), rel=1e-14)


def test_evalf_where_gamma_functions_are_out_of_reach():
    for servers, load in ((10**7, 9999000), (10**6, 10**6), (10**6, 2 * 10**6), (64, 64000)):
        value = ErlangB(servers, load).evalf(30)
        assert float(value) == pytest.approx(erlang.erlang_b(load, servers), rel=2e-15)
    # Both sides of the change from series to continued fraction.
    low, high = (ErlangB(200, 200 + sp.Rational(k, 10**30)).evalf(50) for k in (-1, 1))
    slope = ErlangB(200, 200).evalf(50) ** 2
    assert abs((high - low) / (2 * sp.Float("1e-30", 50) * slope) - 1) < sp.Float("1e-17")


def test_floats_evaluate_by_substitution():
    assert float(ErlangB(c, a).subs({c: 5, a: 4.0}).evalf()) == pytest.approx(0.199066874027994)
    assert ErlangB(c, a).evalf() == ErlangB(c, a)


@pytest.mark.parametrize("function", BOTH)
def test_derivative_in_the_load(function):
    for servers in (1, 2, 5):
        direct = sp.diff(function(servers, a).doit(), a)
        assert sp.simplify(function(servers, a).diff(a).doit() - direct) == 0
    h = sp.Float("1e-20", 60)
    x, y = sp.Rational(7, 2), sp.Rational(5, 2)
    difference = (function(x, y + h).evalf(60) - function(x, y - h).evalf(60)) / (2 * h)
    assert abs(function(c, a).diff(a).subs({c: x, a: y}).evalf(50) / difference - 1) < 1e-30


@pytest.mark.parametrize("function", BOTH)
def test_no_derivative_in_the_servers(function):
    with pytest.raises(ArgumentIndexError):
        function(c, a).fdiff(1)
    assert isinstance(function(c, a).diff(c), sp.Derivative)


def test_finite_sums():
    assert ErlangB(3, 2).doit() == sp.Rational(4, 19)
    assert ErlangC(5, 4).doit() == sp.Rational(128, 231)
    assert sp.simplify(ErlangC(1, a).doit() - a) == 0
    assert (2 * ErlangB(c, a) + 1).subs(c, 1).doit() == 2 * a / (a + 1) + 1
    assert ErlangB(c, a).doit() == ErlangB(c, a)
    assert ErlangB(sp.Rational(5, 2), a).doit() == ErlangB(sp.Rational(5, 2), a)


@pytest.mark.parametrize("function", BOTH)
def test_rewriting_keeps_the_value(function):
    for form in (sp.Sum, sp.uppergamma):
        rewritten = function(n, a).rewrite(form)
        assert rewritten.has(form)
        assert not rewritten.has(function)
        difference = rewritten.subs({n: 4, a: 3}).doit() - function(4, 3).doit()
        assert sp.simplify(sp.expand_func(difference)) == 0
    assert function(c, a).rewrite(sp.Sum) == function(c, a)
    real = function(c, a).rewrite(sp.uppergamma).subs({c: sp.Rational(5, 2), a: 2}).evalf(40)
    assert abs(real / exact(function, "5/2", 2) - 1) < sp.Float("1e-38")


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize("modules", [None, "numpy", "scipy", "math"])
def test_lambdify_calls_the_kernel(function, modules):
    numeric = {ErlangB: erlang.erlang_b, ErlangC: erlang.erlang_c}[function]
    f = sp.lambdify((c, a), 1 + function(c, a) / a, modules)
    assert f(5.0, 4.0) == 1.0 + numeric(4.0, 5.0) / 4.0
    if modules != "math":
        loads = np.array([1.0, 4.0, 1000.0])
        np.testing.assert_array_equal(f(2000.0, loads), 1.0 + numeric(loads, 2000.0) / loads)


def test_only_constants_evaluate_by_themselves():
    assert ErlangB(c, 0) == ErlangC(c, 0) == 0
    assert ErlangB(0, a) == ErlangB(5, sp.oo) == 1
    assert ErlangC(5, 5) == ErlangC(5, sp.Rational(21, 4)) == ErlangC(c, c + a) == 1
    assert ErlangB(sp.nan, 1) is sp.nan
    assert ErlangC(1, sp.nan) is sp.nan
    assert ErlangB(1, a).func is ErlangB
    assert ErlangC(2, 1).func is ErlangC
    assert ErlangC(1, a) is a
    assert ErlangC(1, sp.Rational(1, 3)) == sp.Rational(1, 3)
    assert ErlangC(1, 7) == 1
    with pytest.raises(TypeError):
        ErlangB(1)


@pytest.mark.parametrize("function", BOTH)
def test_assumptions_and_latex(function):
    value = function(c, a)
    assert value.is_positive
    assert value.is_real
    assert value.is_finite
    assert function(sp.Symbol("x"), a).is_positive is None
    letter = {ErlangB: "B", ErlangC: "C"}[function]
    assert sp.latex(value) == rf"{letter}\left(c, a\right)"
    assert sp.latex(value**2) == rf"{letter}^{{2}}\left(c, a\right)"
    assert str(value) == f"Erlang{letter}(c, a)"
