r"""Logarithms and powers of many complex numbers by real functions, several times as quick.

.. math:: \ln(1 + x + iy) = \tfrac12 \ln\bigl(1 + x (2 + x) + y^2\bigr)
    + i \operatorname{atan2}(y, 1 + x) ,

as good near 0 as at any other point [1]_. Of a power, cosine and sine of the angle are those of
the tangent t of its half, :math:`(1 - t^2, 2 t) / (1 + t^2)`.

References
----------
.. [1] W. Kahan, "Branch cuts for complex elementary functions", in "The State of the Art in
   Numerical Analysis", Clarendon Press, 1987.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["log1p", "power1p"]

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
    found = np.empty_like(z)
    found.real, found.imag = _polar(z)
    return found


def power1p(z: Any, exponent: Any) -> Any:
    """Return (1 + z) to a power, as good near 0.

    Parameters
    ----------
    z : number or array
        Real or complex. [-]
    exponent : number or array
        Real, of a shape that broadcasts to that of `z`. [-]

    Returns
    -------
    number or array
        The principal value. [-]

    Examples
    --------
    >>> round(float(power1p(1e-3, 1000.0)), 6)
    2.716924
    """
    if np.size(z) < _FEW or not np.iscomplexobj(z):
        return np.exp(exponent * log1p(z))
    size, half = _polar(z)
    size *= exponent
    half *= exponent / 2
    tangent, size = np.tan(half, out=half), np.exp(size, out=size)
    square = tangent * tangent
    size /= 1 + square
    found = np.empty_like(z)
    found.imag = 2 * (tangent * size)
    np.subtract(1, square, out=square)
    found.real = square * size
    return found


def _polar(z: Any) -> tuple[Any, Any]:
    """Return the logarithm of the modulus of 1 + z, and the angle, of an array."""
    x, angle = z.real.copy(), z.imag.copy()
    with np.errstate(all="ignore"):
        more = x * (2 + x)
        more += angle * angle
        away = ~((more > _NEAR) & (more < _FAR))
        log = np.log1p(more, out=more)
        log /= 2
    x += 1
    if away.any():
        log[away] = np.log(np.hypot(x[away], angle[away]))
    return log, np.arctan2(angle, x, out=angle)
