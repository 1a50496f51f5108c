r"""Mean wait of GI/G/c from two models solved exactly: approximate.

The exact wait of GI/M/c is multiplied by the factor :math:`K` by which Kimura corrects M/M/c
for the variability of service, with less effect the more variable arrivals are:

.. math::

    W_q \approx k \, W_{GI/M/c}, \qquad k_1 = 1 + \frac{2 (K - 1)}{1 + c_a^2}, \quad
    k_2 = \frac{c_a^2 + c_s^2}{1 + c_a^2}, \quad
    k = \begin{cases} k_1 & c_a^2 \ge 1 \\ (1 - c_a^2) k_2 + c_a^2 k_1 & c_a^2 < 1 .
    \end{cases}

It is exact for GI/M/c and in heavy traffic, is Kimura's formula for Poisson arrivals and
continuous in all parameters. It is not in the literature that we know of. Arrivals more
regular than Poisson wait no longer than at one of the servers alone, by the formula of Kraemer
and Langenbach-Belz: of next to constant times the correction makes too much.

**Error.** `qmodel.queues.approximations.methods` lists which hold at a point, and with what
error; the errors over load, servers and SCV are in docs/reference/errors-of-approximations.md.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Numbers.** Floats and NumPy arrays; there is no closed form for symbols.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962, for
   GI/M/c.
.. [2] T. Kimura, "A two-moment approximation for the mean waiting time in the GI/G/s queue",
   Management Science 32, 1986.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.distributions import from_mean_scv
from qmodel.errors import ModelError
from qmodel.queues import gmc, mgc, mmc
from qmodel.queues.approximations.scaled_waits import (
    kraemer_langenbach_belz,
    multiple,
    two_moments,
)

__all__ = ["combined"]


def combined(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait of GI/G/c from exact GI/M/c and Kimura; approximate.

    The arrivals are given the customary distribution with their SCV. With one server and
    arrivals more regular than Poisson it is the formula of Kraemer and Langenbach-Belz.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    arrival_scv : number or array
        Squared coefficient of variation of the interarrival times, >= 0. [-]
    service_scv : number or array
        Squared coefficient of variation of the service time, >= 0. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If an argument is a symbol.

    Examples
    --------
    An E2/H2/3 case whose exact value is 1.2193:

    >>> float(combined(2.4, 1.0, servers=3, arrival_scv=0.5, service_scv=2.0))
    1.2090
    """
    checked = two_moments(arrival_rate, service_time, servers, arrival_scv, service_scv)
    if is_symbolic(*checked):
        raise ModelError("the exact wait of GI/M/c has no closed form for symbols")
    rate, s, c, ca2, _ = checked
    wait = corrected(renewal(gmc.waiting_time, rate, s, c, ca2), *checked)
    return np.where(np.asarray(ca2) < 1, at_most_alone(wait, *checked), wait)[()]


def at_most_alone(wait: Any, rate: Any, s: Any, c: Any, ca2: Any, cs2: Any) -> Any:
    """Return the wait of regular arrivals: no longer than that at one of the servers alone."""
    alone = kraemer_langenbach_belz(rate, s, servers=1, arrival_scv=ca2, service_scv=cs2)
    return np.where(np.asarray(c) == 1, alone, np.minimum(wait, alone))


def corrected(renewal: Any, rate: Any, s: Any, c: Any, ca2: Any, cs2: Any) -> Any:
    """Return the wait `renewal` of GI/M/c, corrected for service that is not exponential."""
    exponential = np.asarray(mmc.waiting_time(rate, s, servers=c))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.asarray(mgc.waiting_time(rate, s, servers=c, scv=cs2)) / exponential
        # Where nobody waits it does not matter, in overload it has its limit.
        factor = np.where(exponential == 0, 1.0, factor)
        factor = np.where(exponential == np.inf, (1 + np.asarray(cs2)) / 2, factor)
        first = 1 + 2 * (factor - 1) / (1 + ca2)
        second = (ca2 + cs2) / (1 + ca2)
        mean = np.where(ca2 >= 1, first, (1 - ca2) * second + ca2 * first)
    return multiple(np.asarray(renewal)[()], mean[()])


def renewal(of: Any, rate: Any, s: Any, c: Any, ca2: Any) -> Any:
    """Return what the function `of` of GI/M/c gives with fitted arrivals."""
    cells = np.broadcast_arrays(rate, s, c, ca2)
    flat = [x.ravel() for x in cells]
    out = np.full(flat[0].size, np.nan)
    # One call for each of the four families of distributions.
    scv = flat[3]
    for part in (scv == 0, (scv > 0) & (scv < 1), scv == 1, scv > 1):
        if part.any():
            rate, s, c, ca2 = (x[part] for x in flat)
            out[part] = of(rate, s, interarrival=from_mean_scv(1.0, ca2), servers=c)
    return out.reshape(cells[0].shape)[()]
