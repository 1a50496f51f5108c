r"""How variable a stream is behind a token bucket.

A limit of r/s with bursts of b passes Poisson arrivals of :math:`\lambda` on as they are while
it has tokens, and at the pace of its tokens while it has none. Over long times the index of
dispersion is

.. math:: I_\infty = \Big(\frac{f}{f + \ell}\Big)^2,

with the share f of tokens that find the bucket full, and the share :math:`\ell` of the arrivals
that are refused: 1 for a bucket that is never empty, 0 for one that is never full, and for a
bucket of one token the SCV of the times between departures, which is exact. Over a time t it is

.. math::

    I(t) = 1 - (1 - I_\infty) \, w(\gamma t), \qquad
    \gamma = r g + \lambda h \Big(\frac{1}{(b - 1/2)^2} + \frac{12}{b^3}\Big),

with the weight w of reflected Brownian motion (`qmodel.queues.approximations.dispersion`) and
the pace at which Brownian motion between two barriers, the tokens in the bucket, forgets. With
:math:`\rho = \lambda / r` it is :math:`g = (1 - \rho)^2 / \rho` below 1. Above, what leaves is
D/M/1: tokens wait for requests, and the times of departures are regular but for their sojourn,
exponential at the rate :math:`r (\rho - \rho')`; with :math:`\rho' e^{-\rho'} = \rho e^{-\rho}`
(`qmodel.queues.counts.token_bucket`) its variance makes :math:`g = (\rho - \rho')^2 / 4`.
The last term is of small bursts, which leave no time for as much work as their index would
bring; above 1 it counts as far as the bucket is full at times, :math:`h^2 = \min(1, 2 f / (f +
\ell))`. The form of :math:`I_\infty` and of this term is ours, and so are the numbers, from
simulations of the stream.

A station feels what there is over :math:`0.6 + 2.8 \min(c_s^2, 1)` mean times between
departures at least, by simulations: within less the index is that of any simple stream.

Of arrivals that are not Poisson the index is theirs times that: as they are while the bucket
has tokens, at the pace of these while it has none.

The waits behind a limit are less unlike each other than those behind a stream that is as
variable at all times, as a burst ends: the longest are those of a longer time, and behind
bursts of constant work there is a longest (`qmodel.queues.waits.bounded`). p99 is still mostly
found too high where bursts are small, the more the more regular service is.

**Errors.** docs/reference/errors-of-limits.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._xp import namespace
from qmodel.numerics.erlang import special
from qmodel.queues.approximations.dispersion import POISSON, Dispersion
from qmodel.queues.approximations.relaxation import relaxed

__all__ = ["Limited"]

_FEW = 12.0
_CONSTANT, _VARIED = 0.6, 2.8
"""Mean gaps over which constant work feels a stream at least, and more varied work besides."""


class Limited(Dispersion):
    """That of arrivals behind a token bucket.

    Parameters
    ----------
    arrival_rate : number or array
        Requests that come, a second. [1/s]
    limit : number or array
        Tokens a second. [1/s]
    burst : number or array
        Most tokens. [-]
    accepted : number or array
        Share of the requests that find a token. [-]
    arriving : Dispersion, optional
        That of what comes; by default it is Poisson. [-]

    Examples
    --------
    A bucket of one token parts departures by a token's time and an arrival's:

    >>> stream = Limited(600.0, 200.0, 1.0, 0.25)
    >>> float(1 + stream.extra(1e9, {}))
    0.0625
    """

    def __init__(
        self,
        arrival_rate: Any,
        limit: Any,
        burst: Any,
        accepted: Any,
        arriving: Dispersion = POISSON,
    ) -> None:
        self.depth, self.passed = arriving.depth + 1, arriving.passed
        self._before, self._limit, self._burst = arriving, limit, burst
        xp = namespace()
        rate = xp.asarray(arrival_rate)
        with np.errstate(invalid="ignore", over="ignore"):
            left = rate * accepted
            full = np.maximum(1 - left / limit, 0.0)
            idle = xp.over(full, full + np.maximum(1 - accepted, 0.0), 1.0)
            index = idle**2
            size = np.asarray(burst, dtype=float)
            small = (size - 0.5) ** -2 + _FEW * size**-3
            drift = xp.over(np.square(rate - limit), rate, np.inf)
            if np.any(rate > limit):
                small = small * np.where(rate > limit, np.sqrt(np.minimum(2 * idle, 1.0)), 1.0)
                drift = np.where(rate > limit, _under_pressure(rate, limit), drift)
            pace = drift + rate * small
            self._gap = xp.over(1.0, left, 0.0)
        known = np.isfinite(index) & np.isfinite(pace)
        self._less = xp.where(known, index - 1, 0.0)
        self._pace = xp.where(known, pace, 0.0)

    def burst_at(self, service: Any, servers: Any) -> Any:
        """Return how many come at once at most, before they come no faster than served.

        Parameters
        ----------
        service : number or array
            Mean service time. [s]
        servers : int or integer array
            Number of servers. [-]
        """
        with np.errstate(invalid="ignore"):
            slow = np.less_equal(self._limit * service, servers)
        return np.where(slow, self._burst, np.inf)[()]

    def felt(self, time: Any, service_scv: Any) -> Any:
        """Return the index less 1 that a station feels: of no less than some gaps [s]."""
        least = (_CONSTANT + _VARIED * np.minimum(service_scv, 1.0)) * self._gap
        if isinstance(time, float) and isinstance(least, float):
            return self._extra(time if time > least else least, {})
        return self._extra(np.maximum(time, least), {})

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        here = 1 + self._less * relaxed(namespace().weigh(self._pace, time))
        return (1 + self._before.extra(time, known)) * here - 1


def _under_pressure(rate: Any, limit: Any) -> Any:
    """Return at what pace tokens that wait for requests forget [1/s]."""
    load = np.minimum(rate / limit, 500.0)
    other = -special().lambertw(-load * np.exp(-load)).real
    return limit * np.square(rate / limit - other) / 4
