"""The few functions that a closed form may call, for floats, arrays and symbols.

A formula in qmodel is written once, with ``+ - * / **``, comparisons and the functions of
a *namespace*. The arguments choose the namespace, so the same lines run on floats, NumPy
arrays and SymPy expressions::

    xp = namespace(arrival_rate, service_time)
    tail = xp.exp(-arrival_rate * t)

`over` is the division by what a queue has to spare, and `weigh` the product with what may be
infinite; both take single floats without NumPy, whose masks cost more than a formula.

SymPy is never imported from here: an object of its can only reach us when the caller has
imported it. Three rules keep a formula open to all numbers: no ``if`` on values, real
branches through ``xp.where``, and overload through ``xp.guard``.
"""

from __future__ import annotations

import sys
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["is_symbolic", "namespace"]


def is_symbolic(*args: Any) -> bool:
    """Return whether any of `args` is a SymPy expression."""
    sympy = sys.modules.get("sympy")
    if sympy is None:
        return False
    basic = sympy.Basic
    for x in args:  # noqa: SIM110 (a generator costs more than a formula)
        if isinstance(x, basic):
            return True
    return False


def namespace(*args: object) -> Any:
    """Return the functions that take all of `args`: floats and arrays, or SymPy's symbols.

    Parameters
    ----------
    *args : number, array or sympy.Basic
        What a formula is of. [-]

    Returns
    -------
    namespace
        With `exp`, `log`, `sqrt`, `maximum`, `minimum`, `where`; ``guard(value, overload,
        instead)`` for what is only true below saturation, ``over(x, spare, instead)`` for a
        division by what may be spent, ``weigh(p, x)`` for a product that is 0 where p is.

    Examples
    --------
    >>> import qmodel as qm
    >>> import numpy as np
    >>> load = np.array([0.5, 1.5])
    >>> qm.namespace(load).over(1.0, 1 - load, np.inf)
    array([ 2., inf])
    """
    return _sympy() if is_symbolic(*args) else _numpy()


@cache
def _numpy() -> SimpleNamespace:
    single = (bool, np.bool_)

    def asarray(x: Any) -> Any:
        return x if type(x) is float else np.asarray(x, dtype=float)[()]

    def where(condition: Any, x: Any, y: Any) -> Any:
        if isinstance(condition, single) and isinstance(x, float) and isinstance(y, float):
            return np.float64(x if condition else y)
        return np.where(condition, x, y)[()]

    def guard(value: Any, overload: Any, instead: Any) -> Any:
        # Masks the overload, not its complement: a NaN argument stays NaN.
        return where(overload, instead, value)

    def over(x: Any, spare: Any, instead: Any) -> Any:
        if isinstance(x, float) and isinstance(spare, float):
            return np.float64(instead if spare <= 0 else float(x) / float(spare))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return guard(np.divide(x, spare), np.asarray(spare) <= 0, instead)

    def weigh(probability: Any, x: Any) -> Any:
        # A branch that is never taken counts nothing, though its time may be infinite.
        if isinstance(probability, float) and isinstance(x, float):
            return np.float64(0.0 if probability == 0 else float(probability) * float(x))
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(probability == 0, 0.0, probability * x)[()]

    return SimpleNamespace(
        symbolic=False,
        inf=np.inf,
        over=over,
        weigh=weigh,
        asarray=asarray,
        exact=lambda x: x,
        where=where,
        guard=guard,
        exp=np.exp,
        expm1=np.expm1,
        log=np.log,
        log1p=np.log1p,
        sqrt=np.sqrt,
        maximum=np.maximum,
        minimum=np.minimum,
        errstate=np.errstate,
    )


@cache
def _sympy() -> SimpleNamespace:
    from contextlib import nullcontext

    import sympy as sp

    def expression(x: Any) -> Any:
        return sp.sympify(x, strict=True)  # SymPy's parser executes text

    def where(condition: Any, x: Any, y: Any) -> Any:
        return sp.Piecewise((x, condition), (y, True))

    def guard(value: Any, overload: Any, instead: Any) -> Any:
        # A symbolic result is stated on the stable region; only a decided overload counts.
        return instead if overload == True else value  # noqa: E712

    return SimpleNamespace(
        symbolic=True,
        inf=sp.oo,
        over=lambda x, spare, instead: guard(x / spare, spare <= 0, instead),
        weigh=lambda probability, x: 0 if probability == 0 else probability * x,
        asarray=expression,
        exact=lambda x: sp.nsimplify(expression(x), rational=True),
        where=where,
        guard=guard,
        exp=sp.exp,
        expm1=lambda x: sp.exp(x) - 1,
        log=sp.log,
        log1p=lambda x: sp.log(1 + x),
        sqrt=sp.sqrt,
        maximum=sp.Max,
        minimum=sp.Min,
        errstate=lambda **_: nullcontext(),
    )
