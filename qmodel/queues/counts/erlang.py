r"""Erlang's two formulas, in the dimensionless form that every multi-server queue shares.

Offered load :math:`a = \lambda S` comes to :math:`c` servers. Where nobody may wait, the
share :math:`B` of arrivals is lost (M/M/c/c, and M/G/c/c by insensitivity); where everybody
may, the share :math:`C` waits (M/M/c),

.. math::

    B(c, a) = \frac{a^c / c!}{\sum_{k=0}^{c} a^k / k!}, \qquad
    \frac{1}{C(c, a)} = 1 + \left(1 - \frac{a}{c}\right)
                        \left(\frac{1}{B(c, a)} - 1\right) .

**Assumptions.** Poisson arrivals; for C also exponential service. Exact.
**Servers.** Any real number > 0: between whole numbers both formulas follow Jagerman's
integral :math:`1 / B = a \int_0^\infty e^{-a t} (1 + t)^c \, dt` [2]_.
**Shapes.** The arguments broadcast; scalars in, scalars out.
**Numbers.** Floats and NumPy arrays go to the kernel `qmodel.numerics.erlang`; SymPy
expressions give the functions `ErlangB` and `ErlangC` of `qmodel.numerics.erlang_symbolic`.
**Overload.** B is defined at any load; C is 1 from ``offered_load = servers`` on. NaN in,
NaN out.

References
----------
.. [1] R. B. Cooper, "Introduction to Queueing Theory", 2nd ed., North Holland, 1981,
   sec. 3.3-3.4.
.. [2] D. L. Jagerman, "Some properties of the Erlang loss function", Bell System
   Technical Journal 53, 1974, 525-551.
"""

from __future__ import annotations

from typing import Any

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.numerics import erlang as kernel

__all__ = ["erlang_b", "erlang_c"]


@checked
def erlang_b(*, servers: Value, offered_load: Value) -> Value:
    """Share of arrivals that are lost when nobody may wait, Erlang B.

    Parameters
    ----------
    servers : number or array
        Number of servers, > 0 and finite; a real number is allowed. [-]
    offered_load : number or array
        Arrival rate times mean service time, >= 0. [erlang]

    Returns
    -------
    number or array
        Probability of blocking, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    See Also
    --------
    erlang_c : the same servers with a waiting room.

    Notes
    -----
    The cost does not depend on `servers`. Relative error at most 5e-13 for 1 to 1e7 servers
    at any load, down to B = 1e-300; smaller probabilities fade to 0.

    References
    ----------
    .. [1] A. K. Erlang, "Solution of some problems in the theory of probabilities of
       significance in automatic telephone exchanges", Elektroteknikeren 13, 1917.

    Examples
    --------
    >>> erlang_b(servers=5, offered_load=4.0)
    0.199067

    A thousand times the size, or a continuous number of servers, is no harder:

    >>> import numpy as np
    >>> erlang_b(servers=[5000, 2.5], offered_load=np.array([4900.0, 2.0])).round(6)
    array([0.002216, 0.29542 ])

    The symbolic form knows its derivative and its finite sum:

    >>> import sympy as sp
    >>> a, c = sp.symbols("a c", positive=True)
    >>> erlang_b(servers=c, offered_load=a).diff(a)
    (ErlangB(c, a) - 1 + c/a)*ErlangB(c, a)
    >>> sp.factor(erlang_b(servers=2, offered_load=a).doit())
    a**2/(a**2 + 2*a + 2)
    """
    if is_symbolic(offered_load, servers):
        from qmodel.numerics.erlang_symbolic import ErlangB

        return _symbolic(ErlangB, offered_load, servers)
    return kernel.erlang_b(
        _check.nonnegative("offered_load", offered_load), _check.positive("servers", servers)
    )


@checked
def erlang_c(*, servers: Value, offered_load: Value) -> Value:
    """Share of arrivals that wait when everybody may, Erlang C.

    Parameters
    ----------
    servers : number or array
        Number of servers, > 0 and finite; a real number is allowed. [-]
    offered_load : number or array
        Arrival rate times mean service time, >= 0. [erlang]

    Returns
    -------
    number or array
        Probability of waiting, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    See Also
    --------
    erlang_b : the same servers without a waiting room.

    Notes
    -----
    ``1/C = 1 + (1 - a/c) (1/B - 1)`` adds positive terms only, so that C has the accuracy of
    B up to saturation: relative error at most 5e-13, and as much in the mean wait
    ``C / (c - a)`` in units of the mean service time.

    References
    ----------
    .. [1] A. K. Erlang, "Solution of some problems in the theory of probabilities of
       significance in automatic telephone exchanges", Elektroteknikeren 13, 1917.

    Examples
    --------
    >>> erlang_c(servers=5, offered_load=4.0)
    0.554113
    >>> import numpy as np
    >>> erlang_c(servers=5, offered_load=np.array([0.0, 4.0, 5.0, 6.0])).round(4)
    array([0.    , 0.5541, 1.    , 1.    ])

    Symbols stand for the stable region:

    >>> import sympy as sp
    >>> a = sp.Symbol("a", positive=True)
    >>> sp.factor(erlang_c(servers=2, offered_load=a).doit())
    a**2/(a + 2)
    """
    if is_symbolic(offered_load, servers):
        from qmodel.numerics.erlang_symbolic import ErlangC

        return _symbolic(ErlangC, offered_load, servers)
    return kernel.erlang_c(
        _check.nonnegative("offered_load", offered_load), _check.positive("servers", servers)
    )


def _symbolic(function: Any, offered_load: Any, servers: Any) -> Any:
    _check.nonnegative("offered_load", offered_load), _check.positive("servers", servers)
    return function(servers, offered_load)
