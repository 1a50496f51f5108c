r"""Logarithms of many complex numbers by real functions, which are several times as quick.

.. math:: \ln(1 + x + iy) = \tfrac12 \ln\bigl(1 + x (2 + x) + y^2\bigr)
    + i \operatorname{atan2}(y, 1 + x) ,

as good near 0 as at any other point [1]_.

References
----------
.. [1] W. Kahan, "Branch cuts for complex elementary functions", in "The State of the Art in
   Numerical Analysis", Clarendon Press, 1987.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["log1p"]

_FEW = 64
"""Numbers beyond which real functions are quicker."""

_NEAR, _FAR = -0.5, 1e100
"""Where a rounding of 1 is much, and where a square is beyond the floats."""


def log1p(z: Any) -> Any:
    """Return log(1 + z), as good near 0.

    Parameters
    ----------
    z : number or array
        Real or complex. [-]

    Returns
    -------
    number or array
        The principal value. [-]

    Examples
    --------
    >>> complex(log1p(1j)).imag * 4 == np.pi
    True
    """
    if np.size(z) < _FEW or not np.iscomplexobj(z):
        from scipy.special import log1p as plain

        return plain(z)
    x, y = z.real.copy(), z.imag.copy()
    with np.errstate(all="ignore"):
        more, found = x * (2 + x), np.empty_like(z)
        more += y * y
        found.real = np.log1p(more) / 2
    away = ~((more > _NEAR) & (more < _FAR))
    x += 1
    if away.any():
        found.real[away] = np.log(np.hypot(x[away], y[away]))
    found.imag = np.arctan2(y, x)
    return found
