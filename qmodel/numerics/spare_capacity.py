"""The spare capacity of a station, c - a, without loss of digits near saturation.

Everything near saturation is proportional to 1 / (c - a). Forming a = arrival rate times
service time rounds it, and the difference inherits that error enlarged by 1 / (1 - rho).
Dekker's exact product keeps the lost digits: the result is right to the last bit of the
inputs.

References
----------
.. [1] T. J. Dekker, "A floating-point technique for extending the available precision",
   Numerische Mathematik 18, 1971, sec. 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qmodel._xp import is_symbolic

__all__ = ["spare_servers"]

_SPLIT = 2.0**27 + 1


def _halves(x: Any) -> tuple[Any, Any]:
    scaled = _SPLIT * x
    high = scaled - (scaled - x)
    return high, x - high


def _lost(x: Any, y: Any, product: Any) -> Any:
    (a, b), (c, d) = _halves(x), _halves(y)
    return ((a * c - product) + a * d + b * c) + b * d


def spare_servers(arrival_rate: Any, service_time: Any, servers: Any) -> Any:
    """Return servers - arrival_rate * service_time, correctly rounded but for one step.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate. [1/s]
    service_time : number or array
        Mean service time. [s]
    servers : number or array
        Number of servers. [-]

    Returns
    -------
    number or array
        The spare servers; negative in overload. [-]

    Examples
    --------
    >>> float(spare_servers(9.999999, 0.1, 1)), 1 - 9.999999 * 0.1
    (9.999999986964881e-08, 9.999999983634211e-08)
    """
    product = arrival_rate * service_time
    # Beyond 1e290 the halves overflow; such loads have no digits to keep.
    if type(product) is float and type(servers) in (int, float):
        # Plain arithmetic, for single points, warns of nothing.
        lost = _lost(arrival_rate, service_time, product)
        return np.float64(servers - product - (lost if math.isfinite(lost) else 0.0))
    if is_symbolic(product, servers):
        return servers - product
    with np.errstate(invalid="ignore", over="ignore"):
        lost = _lost(arrival_rate, service_time, product)
        return (servers - product) - np.where(np.isfinite(lost), lost, 0.0)[()]
