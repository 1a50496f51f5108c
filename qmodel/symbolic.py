r"""Formulas: the standard symbols, and what is asked of an expression.

Every closed form of qmodel evaluates on SymPy symbols, so that a station or a pipeline
solved at symbols *is* its formula; the functions here differentiate, solve, expand and
print it. Nothing is simplified unasked: ``sympy.simplify`` and its kin are the caller's.

All symbols are positive, and `servers` is a whole number:

=================  ==========================================
`arrival_rate`     :math:`\lambda`
`service_time`     :math:`S`
`servers`          :math:`c`
`scv`              :math:`c_s^2`, of the service time
`utilization`      :math:`\rho`
`hit_ratio`        :math:`h`
`time`             :math:`t`, of a tail
`target`           :math:`T`, that a time shall not exceed
`probability`      :math:`p`, of a percentile
=================  ==========================================

Results are stated for the stable region: beyond saturation an expression has no meaning.
Numbers beside symbols are best exact, ``sympy.Rational(19, 1000)`` and not 0.019.

Examples
--------
How latency answers to the hit ratio of the cache, whole pipeline:

>>> import qmodel as qm
>>> from qmodel import symbolic as sy
>>> site = qm.web.typical_pipeline(hit_ratio=sy.hit_ratio, workers="free")
>>> mean = site.solve(sy.arrival_rate).latency.mean
>>> sorted(mean.free_symbols, key=str)
[h, lambda]
>>> slope = sy.derivative(mean, sy.hit_ratio)
>>> float(sy.evaluate(slope, {sy.arrival_rate: 2000.0, sy.hit_ratio: 0.86}))
-0.0086

The hit ratio that a mean latency of 86 ms needs, at three loads:

>>> import numpy as np
>>> loads = {sy.arrival_rate: np.array([1000.0, 2000.0, 2500.0])}
>>> sy.root(mean, sy.hit_ratio, between=(0.7, 1.0), equals=0.086, given=loads).round(4)
array([0.7694, 0.7787, 0.7997])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy.utilities.lambdify import implemented_function

from qmodel import _check
from qmodel._typing import Value
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.erlang_symbolic import ErlangB, ErlangC
from qmodel.numerics.roots import increasing_root

__all__ = [
    "arrival_rate",
    "derivative",
    "elasticity",
    "evaluate",
    "hit_ratio",
    "latex",
    "probability",
    "root",
    "scv",
    "series_heavy",
    "series_light",
    "servers",
    "service_time",
    "solve_for",
    "target",
    "time",
    "utilization",
]

arrival_rate, service_time, scv, utilization = sp.symbols("lambda S c_s__2 rho", positive=True)
hit_ratio, time, target, probability = sp.symbols("h t T p", positive=True)
servers = sp.Symbol("c", integer=True, positive=True)


def solve_for(equation: Any, symbol: Any, *, equals: Value = 0) -> tuple[Any, ...]:
    """Solve an equation for a symbol, in closed form.

    Parameters
    ----------
    equation : sympy.Expr or sympy.Eq
        An equation, or its left side. [-]
    symbol : sympy.Symbol
        What is looked for. [-]
    equals : number or sympy.Expr, default 0
        The right side, where `equation` is an expression. [-]

    Returns
    -------
    tuple of sympy.Expr
        The solutions that the assumptions of the symbol allow; which of them are stable is
        for the caller to see. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or symbol.
    NotImplementedError
        If SymPy finds no closed form, as with many servers: see `root`.

    Examples
    --------
    The load at which the mean wait is T, with two servers:

    >>> from qmodel.queues.mmc import waiting_time as wait
    >>> solve_for(wait(arrival_rate, service_time, servers=2), arrival_rate, equals=target)
    (2*sqrt(T)/(S*sqrt(S + T)),)

    The servers' speed that a mean response needs, with one:

    >>> response = wait(arrival_rate, service_time, servers=1) + service_time
    >>> solve_for(response, service_time, equals=target)
    (T/(T*lambda + 1),)
    """
    found = sp.solve(_difference(equation, equals).doit(), _symbol(symbol), simplify=False)
    return tuple(found)


def root(
    equation: Any,
    symbol: Any,
    *,
    between: tuple[Value, Value],
    equals: Value = 0,
    given: Mapping[Any, Value] | None = None,
) -> Value:
    """Solve an equation for a symbol in numbers: where its sides cross.

    Parameters
    ----------
    equation : sympy.Expr or sympy.Eq
        An equation, or its left side. [-]
    symbol : sympy.Symbol
        What is looked for. [-]
    between : tuple of two numbers or arrays
        Where to look; between them the sides cross once, and the model is stable. [-]
    equals : number or sympy.Expr, default 0
        The right side, where `equation` is an expression. [-]
    given : mapping of sympy.Symbol to number or array, optional
        The values of all other symbols; arrays broadcast. [-]

    Returns
    -------
    number or array
        The value of the symbol, to 1e-12; NaN where the sides do not cross. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or number.
    ModelError
        If a symbol has no value.

    Examples
    --------
    The load at which three servers have a mean wait of a tenth of a service time:

    >>> from qmodel.queues.mmc import waiting_time as wait
    >>> formula = wait(arrival_rate, service_time, servers=3)
    >>> given = {service_time: 1.0}
    >>> float(root(formula, arrival_rate, between=(0.0, 2.99), equals=0.1, given=given))
    1.2989
    """
    difference = _difference(equation, equals)
    _symbol(symbol)
    known = _known("given", given or {})
    _all_known(difference, {symbol, *known})
    sides = _function([symbol, *known], difference)
    values = [np.asarray(v) for v in known.values()]
    ends = _check.several("between", between)
    if len(ends) != 2:
        raise DomainError(f"between must be two numbers, got {_check.short(between)}")
    low, high = (np.asarray(_check.real("between", b)) for b in ends)
    shape = _check.broadcast(low=low, high=high, **{str(x): v for x, v in known.items()})
    with np.errstate(all="ignore"):
        left, right = (np.asarray(sides(x, *values), dtype=float) for x in (low, high))
        rising = np.sign(right - left)
        found = increasing_root(
            lambda x: rising * sides(x, *values),
            np.broadcast_to(low, shape),
            np.broadcast_to(high, shape),
        )
    return np.where(left * right <= 0, found, np.nan)[()]


def _difference(equation: Any, equals: Any) -> Any:
    if isinstance(equation, sp.Equality):
        return equation.lhs - equation.rhs
    return _expression("equation", equation) - _expression("equals", equals)


def _expression(name: str, x: Any) -> Any:
    """Return `x` as an expression; text is refused, as SymPy would execute it."""
    if isinstance(x, np.generic):
        x = x.item()
    try:
        found = sp.sympify(x, strict=True)
    except (sp.SympifyError, TypeError, ValueError):
        found = None
    if not isinstance(found, sp.Expr):
        text = "; text is not executed" if isinstance(x, (str, bytes)) else ""
        raise DomainError(f"{name} must be a SymPy expression, got {_check.short(x)}{text}")
    return found


def _symbol(x: Any) -> Any:
    if not isinstance(x, sp.Symbol):
        raise DomainError(f"symbol must be a SymPy symbol, got {_check.short(x)}")
    return x


def _known(name: str, values: Any) -> dict[Any, Any]:
    """Return the values of symbols as numbers or arrays of one shape."""
    if not isinstance(values, Mapping):
        raise DomainError(
            f"{name} must be a mapping of symbols to numbers, got {_check.short(values)}"
        )
    known = {_symbol(x): _check.real(f"{name}[{x}]", v) for x, v in values.items()}
    _check.broadcast(**{f"{name}[{x}]": v for x, v in known.items()})
    return known


def _all_known(expression: Any, known: set[Any]) -> None:
    missing = expression.free_symbols - known
    if missing:
        raise ModelError(f"no value for {', '.join(sorted(map(str, missing)))}")


def _function(symbols: list[Any], expression: Any) -> Any:
    """Return an expression as a function of numbers, with what NumPy lacks."""
    numeric = expression.replace(sp.lowergamma, _LOWER)
    return sp.lambdify(symbols, numeric, modules="numpy")


def _lower_gamma(x: Any, y: Any) -> Any:
    from scipy.special import gamma, gammainc

    return gamma(x) * gammainc(x, y)


_LOWER = implemented_function("lower_gamma", _lower_gamma)


def evaluate(expression: Any, values: Mapping[Any, Value]) -> Value:
    """Put numbers in.

    Parameters
    ----------
    expression : sympy.Expr
        An expression. [-]
    values : mapping of sympy.Symbol to number or array
        The values of its symbols; arrays broadcast. [-]

    Returns
    -------
    number or array
        Its value. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or number.
    ModelError
        If a symbol has no value.

    Examples
    --------
    >>> import numpy as np
    >>> evaluate(1 / (1 - utilization), {utilization: np.array([0.5, 0.8])})
    array([2., 5.])
    """
    expression, known = _expression("expression", expression), _known("values", values)
    _all_known(expression, set(known))
    numbers = list(known.values())
    found = _function(list(known), expression)(*numbers)
    return np.broadcast_to(
        found, np.broadcast_shapes(*(np.shape(x) for x in (found, *numbers)))
    )[()]


def derivative(expression: Any, symbol: Any, order: int = 1) -> Any:
    """Differentiate: how fast a quantity grows with a parameter.

    Parameters
    ----------
    expression : sympy.Expr
        The quantity. [-]
    symbol : sympy.Symbol
        The parameter; the number of servers has no derivative. [-]
    order : int, default 1
        How often. [-]

    Returns
    -------
    sympy.Expr
        The derivative, as it comes. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or symbol.

    Examples
    --------
    >>> derivative(1 / (1 - utilization), utilization)
    (1 - rho)**(-2)
    """
    times = _check.one_count("order", order)
    return sp.diff(_expression("expression", expression), _symbol(symbol), times)


def elasticity(expression: Any, symbol: Any) -> Any:
    """Return the change of a quantity in percent, for one percent more of a parameter.

    Parameters
    ----------
    expression : sympy.Expr
        The quantity, f. [-]
    symbol : sympy.Symbol
        The parameter, x. [-]

    Returns
    -------
    sympy.Expr
        (x / f) df/dx, as it comes. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or symbol.

    Examples
    --------
    At 90 % load, one percent more load is nine percent more time in M/M/1:

    >>> found = elasticity(1 / (1 - utilization), utilization)
    >>> found, found.subs(utilization, sp.Rational(9, 10))
    (rho/(1 - rho), 9)
    """
    f, x = _expression("expression", expression), _symbol(symbol)
    return x / f * sp.diff(f, x)


def series_light(expression: Any, symbol: Any = arrival_rate, order: int = 3) -> Any:
    """Expand at light load: the powers of a symbol below an order.

    Parameters
    ----------
    expression : sympy.Expr
        The quantity; with a known number of servers. [-]
    symbol : sympy.Symbol, default arrival_rate
        What is small. [-]
    order : int, default 3
        The least power that is left out. [-]

    Returns
    -------
    sympy.Expr
        The first terms. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or symbol.

    Examples
    --------
    Two servers wait for each other in the second order only:

    >>> from qmodel.queues.mmc import waiting_time as wait
    >>> series_light(wait(arrival_rate, service_time, servers=2), order=5)
    S**5*lambda**4/16 + S**3*lambda**2/4
    """
    f = _expression("expression", expression).doit()
    return sp.series(f, _symbol(symbol), 0, _check.one_count("order", order)).removeO()


def series_heavy(
    expression: Any, limit: Any, symbol: Any = arrival_rate, order: int = 1
) -> Any:
    """Expand at heavy load: the powers of the distance to saturation below an order.

    Parameters
    ----------
    expression : sympy.Expr
        The quantity. [-]
    limit : sympy.Expr
        Where it saturates, exactly: ``servers / service_time``, or a `max_rate`. [-]
    symbol : sympy.Symbol, default arrival_rate
        What grows to the limit. [-]
    order : int, default 1
        The least power of ``limit - symbol`` that is left out. [-]

    Returns
    -------
    sympy.Expr
        The first terms, in powers of ``limit - symbol``. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or symbol.

    Examples
    --------
    One server with any service distribution, and any number of exponential servers:

    >>> from qmodel.queues import mg1, mmc
    >>> s, c = service_time, servers
    >>> series_heavy(mg1.waiting_time(arrival_rate, s, scv=scv), limit=1 / s)
    -S*c_s__2/2 - S/2 + (c_s__2/2 + 1/2)/(-lambda + 1/S)
    >>> series_heavy(mmc.waiting_time(arrival_rate, s, servers=c), limit=c / s)
    S/c - S/(c*ErlangB(c, c)) + 1/(-lambda + c/S)
    """
    order = _check.one_count("order", order)
    gap = sp.Dummy("x", positive=True)
    # Erlang C is 0/0 in its own slope at saturation; Erlang B is smooth there.
    smooth = _expression("expression", expression).replace(ErlangC, _by_loss)
    limit = _expression("limit", limit)
    near = smooth.subs(_symbol(symbol), limit - gap)

    def taylor(c: Any, a: Any) -> Any:
        loss = ErlangB(c, sp.expand(a))
        return sum(
            sp.diff(loss, gap, k).subs(gap, 0) * gap**k / sp.factorial(k)
            for k in range(order + 2)
        )

    # Station by station: SymPy would look for a common denominator of all.
    terms = (
        sp.series(term.replace(ErlangB, taylor), gap, 0, order).removeO()
        for term in sp.Add.make_args(near)
    )
    return sum(terms).subs(gap, limit - symbol)


def _by_loss(c: Any, a: Any) -> Any:
    return 1 / (1 + (c - a) / c * (1 / ErlangB(c, a) - 1))


def latex(expression: Any) -> str:
    r"""Print as LaTeX.

    Parameters
    ----------
    expression : sympy.Expr
        An expression or equation. [-]

    Returns
    -------
    str
        The formula, without dollar signs. [-]

    Raises
    ------
    DomainError
        If an argument is text, which is never executed, or is no expression or symbol.

    Examples
    --------
    >>> from qmodel.queues.mmc import waiting_time as wait
    >>> print(latex(wait(arrival_rate, service_time, servers=servers)))
    \frac{S C\left(c, S \lambda\right)}{- S \lambda + c}
    """
    if not isinstance(expression, sp.Equality):
        expression = _expression("expression", expression)
    return str(sp.latex(expression))
