r"""How far a queue has forgotten what was, by the time since.

The weight of reflected Brownian motion of drift -1 and variance 1, from its steady state on
[1]_:

.. math::

    w(t) = \frac{1}{2 t} \left((t^2 + 2 t - 1)(1 - 2 \Phi^c(\sqrt t))
    + 2 \varphi(\sqrt t) \sqrt t (1 + t) - t^2 \right) .

References
----------
.. [1] W. Whitt and W. You, "A robust queueing network analyzer based on indices of dispersion",
   Naval Research Logistics 69, 2022.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from qmodel.numerics.erlang import special

__all__ = ["relaxed"]

_SMALL, _LARGE = 1e-5, 50.0


def relaxed(time: Any) -> Any:
    """Return the weight w of reflected Brownian motion, from 0 to 1."""
    if isinstance(time, float):
        if _SMALL <= time <= _LARGE:
            return _middle(float(time), math)
        return 1 - 1 / (2 * time) if time > _LARGE else _near(time)
    arrays = SimpleNamespace(exp=np.exp, sqrt=np.sqrt, erf=special().erf)
    t = np.asarray(time, dtype=float)
    small, large = t < _SMALL, t > _LARGE
    # There it is 0.75 sqrt(t) or so, and 1 - 1 / (2 t).
    with np.errstate(divide="ignore"):
        far = 1 - 1 / (2 * np.maximum(t, _LARGE))
    near = _near(np.where(small, t, 0.0))
    middle = _middle(np.where(small | large, 1.0, t), arrays)
    found = np.where(small, near, np.where(large, far, middle))
    return np.where(np.isnan(t), np.nan, found)


def _near(t: Any) -> Any:
    """Return w at a short time."""
    return np.sqrt(t) * (4 / 3) * math.sqrt(2 / math.pi) - t / 2


def _middle(t: Any, of: Any) -> Any:
    """Return w with the functions of a module, for numbers or for arrays."""
    density = of.exp(-t / 2) * of.sqrt(t) / math.sqrt(2 * math.pi)
    inner = of.erf(of.sqrt(t / 2))  # 1 - 2 Phi^c(sqrt t)
    return ((t * t + 2 * t - 1) * inner + 2 * density * (1 + t) - t * t) / (2 * t)
