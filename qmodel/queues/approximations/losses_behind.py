r"""How variable a stream is for a station with a finite room: over the time that fills it.

A queue of load :math:`\rho` feels its arrivals over the time :math:`t^* = \sigma^2 / (2 d^2)`
(`qmodel.queues.approximations.dispersion`), with the drift :math:`d = c / S - \lambda` and the
variance :math:`\sigma^2 = \lambda (I + c_s^2)` of work in a second. One with room for K at c
servers is full, or empty, before: Brownian motion between two barriers forgets at a pace
:math:`d^2 / (2 \sigma^2) + \pi^2 \sigma^2 / (2 B^2)`, and the time is here

.. math::

    t = \left(\frac{2 d^2}{\sigma^2} + \frac{6 \sigma^2}{B^2}\right)^{-1}, \qquad
    B = K - c + 2 \sqrt c ,

with the width :math:`2 \sqrt c` of the number of busy servers; its 6 is ours, from simulations.
The losses are those of renewal arrivals with the SCV :math:`I(t)`: the chain is solved exactly
(`qmodel.queues.phases.finite_capacity`). At a limit behind one station how many are lost
follows from how many that serves in a row (`qmodel.queues.approximations.bucket_behind`).

What leaves is as variable as its services over times in which servers stay busy, as behind any
station, and over long times

.. math::

    I_\infty = g(f) I_a + g(1 - f) I_s, \qquad g(f) = f^2 + f (1 - f) / 3,

where f is the share of idle servers, over that and the share of requests that are lost: what
comes counts as far as servers are idle, and services as far as the room is full. At equal
shares it is a third of the sum, as of Brownian motion between two barriers with no drift [3]_.

References
----------
.. [1] W. Whitt, "A diffusion approximation for the G/GI/n/m queue", Operations Research 52,
   2004.
.. [2] A. A. Fredericks, "Congestion in blocking systems - a simple approximation technique",
   Bell System Technical Journal 59, 1980 (losses by the peakedness of arrivals).
.. [3] A. W. Berger, W. Whitt, "The Brownian approximation for rate-control throttles and the
   G/G/1/C queue", Discrete Event Dynamic Systems 2, 1992.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._xp import namespace
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Distribution
from qmodel.queues.approximations.behind import Behind
from qmodel.queues.approximations.dispersion import Dispersion
from qmodel.queues.approximations.loss_errors import WORST
from qmodel.queues.approximations.relaxation import relaxed
from qmodel.queues.approximations.time_scales import service_index

__all__ = ["LOSSES_BEHIND", "BehindRoom", "scv_in_room"]

_VARIED, _REGULAR = WORST["room behind SCV from 1"], WORST["room behind SCV below 1"]
_LIMITS = WORST["limit behind SCV from 1"], WORST["limit behind SCV below 1"]
LOSSES_BEHIND = Assumption(
    "losses-behind-a-stream",
    "who finds a station full, and the waits of the others, are as of independent times "
    "between arrivals that are as variable as the stream is over the time in which the station "
    "fills; behind service of an SCV from 1 to 10 the share that is lost, where it is one in a "
    f"hundred or more, was found within {_VARIED['lost']} %, the mean wait of the others "
    f"within {_VARIED['mean']} % and its p99 within {_VARIED['p99']} %, at limits the share "
    f"within {_LIMITS[0]['lost']} %; behind more regular service {_REGULAR['lost']} %, "
    f"{_REGULAR['mean']} %, {_REGULAR['p99']} % and {_LIMITS[1]['lost']} %; at a limit behind "
    "a fork of constant and lognormal work the share was found twice as large as it is",
    "Whitt 2004; Fredericks 1980; our simulations",
    APPROXIMATE,
)

_FILLS = 6.0
_ROUNDS = 3


class BehindRoom(Behind):
    """That of what leaves a station that has lost some.

    Parameters
    ----------
    arriving : Dispersion
        That of what comes. [-]
    rate : number or array
        Requests that come, a second. [1/s]
    accepted : number or array
        Share of them that is not lost. [-]
    service : Distribution
        Distribution of the service time. [-]
    servers, capacity : int or integer array
        Servers, and requests at most. [-]
    arrival_scv : number or array
        SCV of what comes at the time scale of the room. [-]

    Examples
    --------
    At saturation a long room lets through two thirds of the variability of M/M/1:

    >>> import qmodel as qm
    >>> from qmodel.queues.approximations.dispersion import POISSON
    >>> left = BehindRoom(POISSON, 1.0, 99 / 100, qm.Exponential(1.0), 1, 99, 1.0)
    >>> float(1 + left.extra(1e9, {}))
    0.6667
    """

    by_clock = False

    def __init__(
        self,
        arriving: Dispersion,
        rate: Any,
        accepted: Any,
        service: Distribution,
        servers: Any,
        capacity: Any,
        arrival_scv: Any,
    ) -> None:
        xp = namespace()
        busy = rate * accepted * service.mean / servers
        through = rate * accepted
        super().__init__(arriving, through, busy, servers, service, arrival_scv)
        self.passed, self.depth = arriving.passed, max(self.depth, 1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            idle = np.maximum(1 - np.asarray(busy), 0.0)
            self._free = xp.over(idle, idle + np.maximum(1 - np.asarray(accepted), 0.0), 1.0)
            variance = rate * np.maximum(arrival_scv + service.scv, 1e-9)
            drift = np.square(servers / service.mean - rate)
            pace = xp.over(drift, variance, np.inf)
            pace = pace + np.pi**2 * variance / _square_width(servers, capacity)
        self.__dict__["_pace"] = np.where(np.isfinite(pace), pace, 0.0)[()]

    @property
    def station(self) -> None:
        """None, as it loses some."""
        return

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        busy = self._waits * (1 - relaxed(namespace().weigh(self._pace, time)))
        served, free = service_index(self._service, time), self._free
        come = 1 + self._before.extra(time, known)
        long = _weight(free) * come + _weight(1 - free) * served
        return (1 - busy) * long + busy * served - 1


def _weight(share: Any) -> Any:
    return share**2 + share * (1 - share) / 3


def _square_width(servers: Any, capacity: Any) -> Any:
    count = np.asarray(servers, dtype=float)
    return np.square(np.asarray(capacity, dtype=float) - count + 2 * np.sqrt(count))


def scv_in_room(
    stream: Dispersion,
    rate: Any,
    service_time: Any,
    service_scv: Any,
    servers: Any,
    capacity: Any,
) -> Any:
    """Return the SCV of a stream at a station with room for so many.

    Parameters
    ----------
    stream : Dispersion
        What comes. [-]
    rate : number or array
        Requests a second. [1/s]
    service_time, service_scv : number or array
        Mean and SCV of the service time. [s]
    servers, capacity : int or integer array
        Servers, and requests at most. [-]

    Returns
    -------
    number or array
        The SCV. [-]

    Examples
    --------
    What leaves a server of constant work is more regular for a small room than for a large one:

    >>> import qmodel as qm
    >>> from qmodel.queues.approximations.dispersion import POISSON
    >>> left = Behind(POISSON, 1.0, 0.8, 1, qm.Deterministic(0.8), 1.0)
    >>> scv_in_room(left, 1.0, 0.9, 1.0, 1, np.array([5, 20, 80])).round(2)
    array([0.48, 0.74, 0.86])
    """
    xp = namespace()
    count = np.asarray(servers, dtype=float)
    width = _square_width(servers, capacity)
    scv: Any = 1.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        drift = np.square(count / service_time - rate)
        for _ in range(_ROUNDS):
            variance = rate * np.maximum(scv + service_scv, 1e-9)
            pace = 2 * xp.over(drift, variance, np.inf) + _FILLS * variance / width
            scv = np.maximum(1 + stream.extra(xp.over(1.0, pace, np.inf), {}), 0.0)
    return scv
