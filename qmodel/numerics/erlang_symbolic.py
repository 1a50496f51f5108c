r"""Erlang B and C as SymPy functions, as gamma and zeta are.

``ErlangB(c, a)`` and ``ErlangC(c, a)`` stay one symbol each in a formula, whatever the number
of servers; they know their derivative in the offered load `a`,

.. math::

    \frac{\partial B}{\partial a} = B \left(\frac{c}{a} - 1 + B\right), \qquad
    \frac{\partial C}{\partial a} = C \left(\frac{c - a}{a} + \frac{1 - C}{c - a}\right),

expand on request (``doit``, ``rewrite(Sum)``, ``rewrite(uppergamma)``), evaluate to any
precision, and lambdify to the numeric kernel. There is no elementary derivative in `c`.

Importing this module imports SymPy; nothing imports it before a symbol arrives.

References
----------
.. [1] D. L. Jagerman, "Some properties of the Erlang loss function", Bell System
   Technical Journal 53, 1974, 525-551.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy as sp
from sympy.core.function import ArgumentIndexError

from qmodel.numerics import erlang

__all__ = ["ErlangB", "ErlangC"]


class _Erlang(sp.Function):  # type: ignore[misc]
    """What B and C share: arguments ``(c, a)``, a probability, a letter for LaTeX."""

    nargs = 2
    _letter: str

    def fdiff(self, argindex: int = 2) -> Any:
        """Return the derivative in `a`, the second argument."""
        if argindex != 2:
            raise ArgumentIndexError(self, argindex)
        return self._slope(*self.args)

    def doit(self, **hints: Any) -> Any:
        """Return the finite sum if the number of servers is a known whole number."""
        c, a = (x.doit(**hints) for x in self.args) if hints.get("deep", True) else self.args
        if not (c.is_Integer and c.is_positive):
            return self.func(c, a)

        def terms(n: Any) -> Any:  # times c!, for whole coefficients
            return sp.Add(*(sp.ff(c, c - k) * a**k for k in range(int(n) + 1)))

        return self._ratio(c, a, a**c, terms)

    def _eval_rewrite_as_Sum(self, c: Any, a: Any, **hints: Any) -> Any:
        if not c.is_integer:
            return None
        k = sp.Dummy("k", integer=True, nonnegative=True)
        term = a**k / sp.factorial(k)
        return self._ratio(c, a, term.subs(k, c), lambda n: sp.Sum(term, (k, 0, n)))

    def _eval_rewrite_as_uppergamma(self, c: Any, a: Any, **hints: Any) -> Any:
        def terms(n: Any) -> Any:  # the sum of a^k / k! to n, continued to real n
            return sp.exp(a) * sp.uppergamma(n + 1, a) / sp.gamma(n + 1)

        return self._ratio(c, a, a**c / sp.gamma(c + 1), terms)

    def _eval_is_extended_real(self) -> bool | None:
        return self._eval_is_nonnegative()

    def _eval_is_finite(self) -> bool | None:
        return self._eval_is_nonnegative()

    def _eval_is_nonnegative(self) -> bool | None:
        c, a = self.args
        return True if c.is_nonnegative and a.is_nonnegative else None

    def _eval_is_positive(self) -> bool | None:
        c, a = self.args
        return True if c.is_nonnegative and a.is_positive else None

    def _eval_evalf(self, prec: int) -> Any:
        c, a = self.args
        if not (c.is_number and a.is_number and c.is_nonnegative and a.is_positive):
            return None
        # The odds are a difference of terms as large as exp(c ln c), or exp(a) if a < 100.
        work = prec + 200 + 2 * abs(int(mpmath.mag(c._to_mpmath(53))))
        with mpmath.workprec(work):
            c, a = (mpmath.mpf(x._to_mpmath(work)) for x in (c, a))
            value = 1 / (1 + self._share(c, a) * _odds(c, a))
        return sp.Float(value, precision=prec)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        c, a = (printer._print(x) for x in self.args)
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"{self._letter}{power}\left({c}, {a}\right)"


class ErlangB(_Erlang):
    r"""Erlang B: share of arrivals lost at offered load `a` to `c` servers, no waiting.

    Examples
    --------
    >>> a, c = sp.symbols("a c", positive=True)
    >>> ErlangB(c, a).diff(a)
    (ErlangB(c, a) - 1 + c/a)*ErlangB(c, a)
    >>> sp.factor(ErlangB(2, a).doit())
    a**2/(a**2 + 2*a + 2)
    >>> ErlangB(sp.Rational(5, 2), 2).evalf(30)
    0.295419506411757861250543226006
    >>> sp.latex(ErlangB(c, a))
    'B\\left(c, a\\right)'
    """

    _letter = "B"

    @classmethod
    def eval(cls, c: Any, a: Any) -> Any:
        """Return the exact constants only."""
        if sp.nan in (c, a):
            return sp.nan
        if c.is_zero or a is sp.oo:
            return sp.S.One
        if a.is_zero and c.is_positive:
            return sp.S.Zero
        return None

    @staticmethod
    def _imp_(c: Any, a: Any) -> Any:
        return erlang.erlang_b(a, c)

    def _slope(self, c: Any, a: Any) -> Any:
        return self * (c / a - 1 + self)

    @staticmethod
    def _ratio(c: Any, a: Any, last: Any, terms: Callable[[Any], Any]) -> Any:
        return last / terms(c)

    @staticmethod
    def _share(c: Any, a: Any) -> Any:
        return 1


class ErlangC(_Erlang):
    r"""Erlang C: share of arrivals that wait at offered load `a` to `c` servers.

    Expressions stand for the stable region ``a < c``; a decided overload is 1.

    Examples
    --------
    >>> a, c = sp.symbols("a c", positive=True)
    >>> sp.factor(ErlangC(2, a).doit())
    a**2/(a + 2)
    >>> ErlangC(3, 3), ErlangC(5, 4).doit()
    (1, 128/231)
    >>> ErlangC(1, a)
    a
    >>> sp.latex(ErlangC(c, a) ** 2)
    'C^{2}\\left(c, a\\right)'
    """

    _letter = "C"

    @classmethod
    def eval(cls, c: Any, a: Any) -> Any:
        """Return the exact constants, and what waits for one server: its load."""
        if sp.nan in (c, a):
            return sp.nan
        if c.is_positive and a.is_zero:
            return sp.S.Zero
        if (a - c).is_nonnegative:
            return sp.S.One
        return a if c == 1 else None

    @staticmethod
    def _imp_(c: Any, a: Any) -> Any:
        return erlang.erlang_c(a, c)

    def _slope(self, c: Any, a: Any) -> Any:
        return self * ((c - a) / a + (1 - self) / (c - a))

    @staticmethod
    def _ratio(c: Any, a: Any, last: Any, terms: Callable[[Any], Any]) -> Any:
        return last / (last + (c - a) / c * terms(c - 1))

    @staticmethod
    def _share(c: Any, a: Any) -> Any:
        return (c - a) / c


def _odds(c: Any, a: Any) -> Any:
    """(1 - B) / B in mpmath numbers."""
    if a < max(c, 100):
        # P(N < c) / P(N = c), as 1 / P(N = c) less P(N >= c) / P(N = c).
        seen = mpmath.exp(a + mpmath.loggamma(c + 1) - c * mpmath.log(a))
        return seen - mpmath.hyp1f1(1, c + 1, a, maxterms=10**8)
    # Legendre's continued fraction for a B (Jagerman 1974), by the modified Lentz method.
    f = p = a - c + 2
    q, k, step = mpmath.mpf(0), 1, mpmath.mpf(0)
    while abs(step - 1) > 2**20 * mpmath.eps:  # above the rounding noise of one step
        k += 1
        n, d = k * (c + 1 - k), a - c + 2 * k
        q, p = 1 / (d + n * q), d + n / p
        step = p * q
        f *= step
    return c * (1 - 1 / f) / (a - c + c / f)
