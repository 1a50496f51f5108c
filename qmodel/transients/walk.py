"""What a station is over time: births and deaths of the number of requests present.

========================  =====================================================================
station                   its walk
========================  =====================================================================
`MMc`, `MMcK`, `ErlangA`  exact: deaths at min(n, c) / S, a last number, impatience
`MGcPS`, `MG1PS`          the same number, whatever the work: exact for exponential work, and in
                          steady states; of work that varies more fewer are there in a jam
`HeldPool`                deaths at the throughput X(n) of what is inside: the pool as one
                          server that is as fast as n holders let it be (Chandy, Herzog and Woo)
`MGc`, `MG1`, `MDc`       births and deaths of requests that wait are more, or fewer, in one
                          measure, so that the mean wait of the steady state is theirs
========================  =====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution
from qmodel.errors import DomainError, ModelError
from qmodel.networks.held.pool import HeldPool
from qmodel.queues.base import Station
from qmodel.queues.erlang_a import ErlangA
from qmodel.queues.mdc import MDc
from qmodel.queues.mg1 import MG1
from qmodel.queues.mg1_ps import MG1PS
from qmodel.queues.mgc import MGc
from qmodel.queues.mgc_ps import MGcPS
from qmodel.queues.mmc import MMc
from qmodel.queues.mmck import MMcK

__all__ = ["Walk", "walk_of"]

_BUSY = 0.8
"""The load at which the variability of service is measured."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Walk:
    """The number present at a station, as births and deaths.

    Parameters
    ----------
    service : Distribution
        Work of a request. [-]
    servers : float
        Number of servers. [-]
    throughputs : array, optional
        Requests served a second with 1, 2, ... inside; by default of servers that do not
        disturb each other. [1/s]
    room : float, default inf
        Requests in the station at most. [-]
    impatience : float, default 0.0
        Rate at which a request that waits gives up. [1/s]
    variability : float, default 1.0
        Mean wait over that of exponential work. [-]
    shared : bool, default False
        Whether all present are served at once. [-]
    """

    service: Distribution
    servers: float
    throughputs: np.ndarray | None = None
    room: float = np.inf
    impatience: float = 0.0
    variability: float = 1.0
    shared: bool = False

    @property
    def service_time(self) -> float:
        """Mean work of a request. [s]."""
        return float(self.service.mean)

    @checked
    def completions(self, numbers: Value, servers: Value) -> Any:
        """Return the requests that are served a second at numbers present [1/s]."""
        numbers, servers = _check.real("numbers", numbers), _check.real("servers", servers)
        busy = np.minimum(numbers, servers)
        if self.throughputs is None:
            return busy / self.service_time
        known = np.concatenate([[0.0], self.throughputs])
        return np.interp(busy, np.arange(len(known)), known)

    def births_and_deaths(
        self, numbers: np.ndarray, rate: float, servers: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return births and deaths at each number present [1/s]."""
        births, deaths = np.full(len(numbers), float(rate)), self.deaths(numbers, servers)
        more = self.more(rate, servers)
        if not more:
            return births, deaths
        full = numbers >= max(servers, 1)
        return births + more * full, deaths + more * full

    def deaths(self, numbers: np.ndarray, servers: float) -> np.ndarray:
        """Return those who leave a second at each number present, of exponential work [1/s]."""
        waiting = np.maximum(numbers - servers, 0.0)
        return np.asarray(self.completions(numbers, servers) + self.impatience * waiting)

    def more(self, rate: float, servers: float) -> float:
        """Return how many more births and deaths there are while all servers are busy [1/s].

        As many of both: the drift stays, and the spread is that of the service.
        """
        if self.variability == 1:
            return 0.0
        most = min(rate, float(self.completions(servers, servers)))
        return max((self.variability - 1) * most, -0.95 * most)


@singledispatch
def walk_of(station: Station) -> Walk:
    """Return a station as a walk.

    Parameters
    ----------
    station : Station
        The station, one scenario. Of a class of one's own, `walk_of.register` takes the
        function that makes it a walk. [-]

    Returns
    -------
    Walk
        Births and deaths of the number present.

    Raises
    ------
    DomainError
        If a parameter is an array.
    ModelError
        If there is no such form of the station.

    Examples
    --------
    >>> import qmodel as qm
    >>> walk = walk_of(qm.MMcK(0.1, servers=2, capacity=5))
    >>> float(walk.completions(4, walk.servers)), walk.room
    (20.0, 5.0)
    """
    raise ModelError(
        f"{type(station).__name__} has no solution over time: MMc, MMcK, ErlangA, MGc, MDc, "
        "MG1, MGcPS, MG1PS, held pools and Delay have"
    )


def _plain(station: Any, **more: Any) -> Walk:
    numbers = station.servers, station.service.mean, *more.values()
    if is_symbolic(*numbers):
        raise ModelError("over time a station has no form for symbols: put numbers in")
    if any(np.ndim(x) for x in numbers[:2]):
        raise DomainError("over time a station is one scenario: its parameters are no arrays")
    if np.isnan(float(station.servers)) or np.isnan(float(station.service.mean)):
        raise DomainError("over time a station needs numbers, and one of its parameters is NaN")
    return Walk(service=station.service, servers=float(station.servers), **more)


@walk_of.register
def _(station: MMc) -> Walk:
    return _plain(station)


@walk_of.register
def _(station: MMcK) -> Walk:
    return _plain(station, room=float(station.capacity))


@walk_of.register
def _(station: ErlangA) -> Walk:
    return _plain(station, impatience=1 / float(station.patience))


@walk_of.register(MGcPS)
@walk_of.register(MG1PS)
def _(station: MGcPS | MG1PS) -> Walk:
    return _plain(station, shared=True)


@walk_of.register(MGc)
@walk_of.register(MG1)
@walk_of.register(MDc)
def _(station: MGc | MG1 | MDc) -> Walk:
    plain = _plain(station)
    rate = _BUSY * plain.servers / plain.service_time
    wait = float(station.solve(rate).waiting_time)
    same = MMc(plain.service_time, int(plain.servers)).solve(rate)
    return _plain(station, variability=wait / float(same.waiting_time))


@walk_of.register
def _(station: HeldPool) -> Walk:
    return _plain(station, throughputs=np.asarray(station.throughputs, dtype=float))
