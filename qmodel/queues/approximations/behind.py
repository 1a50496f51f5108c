r"""How variable what leaves a station is.

It is as variable as the service over times in which the servers stay busy, and as the arrivals
over times in which the station is emptied often:

.. math::

    I_d(t) = (1 - b) I_a(t) + b I_s(t), \qquad
    b = P(W > 0) \left(1 - w\left(\frac{\lambda (1 - \rho)^2}{(c_a^2 + c_s^2)} t\right)\right),

with the index of services one after the other (`qmodel.queues.approximations.time_scales`), the
weight w of reflected Brownian motion [1]_ (`qmodel.queues.approximations.relaxation`), and
Sakasegawa's :math:`P(W > 0) = \rho^{\sqrt{2 (c + 1)} - 1}` [2]_. The factor P(W > 0), which
takes the limit of heavy traffic of [1]_ to all loads and to several servers, is ours; and of c
servers one that is long busy stops the others' departures only while they are busy too, so that
:math:`I_s - 1`, where above 0, counts by :math:`P(W > 0) / \rho`, the probability that all are
busy where one is.

Over exponential times more is known of what leaves servers to which each request comes once,
if what comes is Poisson: the index of one (`qmodel.queues.approximations.one_server`) and of
several (`qmodel.queues.approximations.several_servers`). What they pass on of other streams is
added, and what is felt besides of bursts that last (`qmodel.queues.approximations.bursts`). Of
such a stream other stations pass on what they do of any, drawn apart by their services,
:math:`(1 + u E[S] c_s)^{-2}` (ours).

What leaves a pool over N queues is so behind a queue with an Nth of the rate: the parts of what
comes, taken together again, are what came. Each of the queues sees an Nth of how much more
variable than Poisson that is; of d choices they are as :math:`\sqrt{N / d}` queues (ours), and
as one where a balancer looks at all.

References
----------
.. [1] W. Whitt and W. You, "A robust queueing network analyzer based on indices of dispersion",
   Naval Research Logistics 69, 2022.
.. [2] H. Sakasegawa, "An approximation formula L_q = alpha rho^beta / (1 - rho)", Annals of the
   Institute of Statistical Mathematics 29, 1977.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from qmodel._xp import namespace
from qmodel.distributions import Distribution
from qmodel.queues.approximations.bursts import LATER, Bursts, bursts_of, felt_besides
from qmodel.queues.approximations.clock import Clock
from qmodel.queues.approximations.dispersion import POISSON, Dispersion
from qmodel.queues.approximations.fewer_servers import waits_power
from qmodel.queues.approximations.one_server import OneServer
from qmodel.queues.approximations.relaxation import relaxed
from qmodel.queues.approximations.several_servers import SeveralServers
from qmodel.queues.approximations.time_scales import service_index

__all__ = ["Behind"]

_DEEP = 16
"""Stations that a stream remembers: what those before did to it, the others have undone."""


class Behind(Dispersion):
    """That of what leaves a station.

    Parameters
    ----------
    arriving : Dispersion
        That of what comes. [-]
    rate : number or array
        Requests a second. [1/s]
    utilization : number or array
        Busy share of the servers. [-]
    servers : int or integer array
        Number of servers. [-]
    service : Distribution
        Distribution of the service time. [-]
    arrival_scv : number or array
        SCV of the arrivals at the time scale of this station. [-]
    passed : frozenset of str
        Names of the stations that the requests have left. [-]
    felt : number or array
        Share of the variability of service that requests which come back feel. [-]
    queues : int or integer array
        Of how many, by round robin, each with such servers and rate, it is what leaves. [-]
    alone : bool, default True
        Whether all that comes goes to these servers, and nobody chooses what part of it. [-]
    waits : callable, optional
        What gives the wait there behind a Poisson stream, if need be. [-]
    """

    by_clock = True
    """Whether it is known over the times of a clock."""

    def __init__(
        self,
        arriving: Dispersion,
        rate: Any,
        utilization: Any,
        servers: Any,
        service: Distribution,
        arrival_scv: Any,
        passed: frozenset[str] = frozenset(),
        felt: Any = 1.0,
        queues: Any = 1,
        alone: bool = True,
        waits: Callable[[], Distribution] | None = None,
    ) -> None:
        self._wait_alone = waits
        self.passed, self._queues, self._alone = passed, queues, alone
        self.depth = min(arriving.depth, _DEEP - 1) + 1
        self._before = arriving if arriving.depth < _DEEP else POISSON
        self._rate, self._utilization, self._servers = rate, utilization, servers
        self._scv, self._service, self._felt = arrival_scv, service, felt

    @property
    def station(self) -> tuple[Any, ...] | None:
        """Its own, if what comes is Poisson and nothing is lost; all queues as one."""
        alone = not self._before and np.all(np.equal(self._felt, 1))
        servers = self._servers * self._queues
        return (self._utilization, servers, self._service) if alone else None

    @cached_property
    def _waits(self) -> Any:
        return np.minimum(self._utilization, 1.0) ** waits_power(self._servers)

    @cached_property
    def _all_busy(self) -> Any:
        """Probability that all servers are busy where one is."""
        return np.minimum(self._utilization, 1.0) ** (waits_power(self._servers) - 1)

    @cached_property
    def _pace(self) -> Any:
        load = np.minimum(self._utilization, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            service = 1 + self._felt * (self._service.scv - 1)
            pace = np.minimum(self._rate * (1 - load) ** 2 / (self._scv + service), 1e300)
        # Behind servers that are always busy, and behind a clock that meets constant work.
        return np.where(np.less(load, 1), pace, 0.0)[()]

    def spaces(self, services: Any, servers: Any) -> Any:
        """Return whether nobody waits who goes on to servers with such services.

        Servers of constant work let no more go in the time of a service than they are.
        """
        constant = np.equal(self._service.scv, 0) & np.equal(services.scv, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            busy = np.multiply(self._utilization, self._servers)
            time = np.where(np.equal(self._rate, 0), np.inf, np.divide(busy, self._rate))
        fast = np.less_equal(services.mean, time * (1 + 1e-12))
        return constant & fast & np.less_equal(self._servers * self._queues, servers)

    @cached_property
    def leaves_one_server(self) -> Any:
        """Whether there is one server, to which each request comes once."""
        if not (self.by_clock and self._alone) or (
            type(self._servers) is int and self._servers > 1
        ):
            return False
        one = np.equal(self._servers, 1) & np.equal(self._felt, 1)
        return bool(one) if np.ndim(one) == 0 else one

    @cached_property
    def _known(self) -> Any:
        """Where what leaves a Poisson stream here is known over the times of a clock."""
        if self._wait_alone is None or not (self.by_clock and self._alone):
            return self.leaves_one_server
        all_here = np.equal(self._felt, 1)
        return bool(all_here) if np.ndim(all_here) == 0 else all_here

    @property
    def timed(self) -> Any:
        """Where it is known here, or was before."""
        return self.by_clock and self._known | self._before.timed

    def bursts(self, ordinary: Any) -> Bursts | None:
        """Return those of the servers at a station where what is not long is such a load."""
        if not np.any(self._known):
            return None
        servers = self._servers, self._departures.part
        return bursts_of(self._service, self._utilization, ordinary, self._known, *servers)

    @cached_property
    def _departures(self) -> Any:
        load, service, servers = self._utilization, self._service, self._servers
        if self._wait_alone is None or (type(servers) is int and servers == 1):
            return OneServer(load, service)
        return SeveralServers(load, service, servers, self._wait_alone())

    def _over(self, clock: Clock) -> tuple[Any, Any]:
        if not np.any(self.timed):
            return 0.0, self.extra(clock.time, clock.known)
        came, known = self._before.over(clock), self._known
        if known is True:
            return self._by_index(clock, *came)
        other = self._by_busy_times(clock, *came)
        if not np.any(known):
            return other
        own, by_time = self._by_index(clock, *came)
        own = np.where(np.asarray(known)[..., None], own, other[0])
        return own, np.where(known, by_time, other[1])

    def _by_index(self, clock: Clock, came: Any, by_time: Any) -> tuple[Any, Any]:
        """Return what leaves of what is known by the index behind a Poisson stream."""
        servers = self._departures
        index, passed = servers(clock.rates)
        later, _ = servers(clock.rates / LATER)
        before = self._service, self._utilization
        index = index + felt_besides(index, later, *before, clock.ordinary)
        own = index + np.where(np.less(came, 0), passed, passed**servers.bunches) * came
        if isinstance(self._before, Behind):
            spaced = self._before.spaces(self._service, self._servers)
            if np.any(spaced):  # It leaves as it came.
                own = np.where(np.asarray(spaced)[..., None], came, own)
        return own, clock.mean(passed) * by_time

    def _by_busy_times(self, clock: Clock, came: Any, by_time: Any) -> tuple[Any, Any]:
        """Return what leaves of others, by how long the servers are busy."""
        busy, served = self.from_service(clock.time)
        spread = np.asarray(self._service.mean * np.sqrt(self._service.scv))[..., None]
        drawn_apart = np.where(np.less(came, 0), (1 + clock.rates * spread) ** -2.0, 1.0)
        own = (1 - np.asarray(busy)[..., None]) * came * drawn_apart
        return own, (1 - busy) * by_time + busy * served

    def from_service(self, time: Any) -> tuple[Any, Any]:
        """Return how far a busy period decides over a time [s], and the index less 1 then."""
        busy = self._waits * (1 - relaxed(namespace().weigh(self._pace, time)))
        served = self._felt * (service_index(self._service, time) - 1)
        if type(self._servers) is not int or self._servers > 1:
            served = served * np.where(np.greater(served, 0), self._all_busy, 1.0)
        return busy, served

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        busy, served = self.from_service(time)
        return (1 - busy) * self._before.extra(time, known) + busy * served
