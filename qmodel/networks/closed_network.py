"""The product form of a closed network: stations as demands, speeds and delays, in cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution, Sum
from qmodel.errors import DomainError, ModelError
from qmodel.networks import convolution
from qmodel.networks.closed_stations import ClosedNumber, ClosedWait, Others
from qmodel.networks.contour import steady_state
from qmodel.networks.product_form import node_of
from qmodel.networks.round_trip import Leg
from qmodel.networks.saddle import Loop
from qmodel.queues.base import Station
from qmodel.queues.birth_death import MeanOnly
from qmodel.queues.counts.states import States
from qmodel.queues.delay import at_load
from qmodel.queues.finite_source import FiniteSource

__all__ = ["ClosedNetwork", "closed_network"]


@dataclass(frozen=True, slots=True, eq=False)
class ClosedNetwork:
    """Stations with a product form, and the users who go round them.

    Parameters
    ----------
    names : tuple of str
        Names of the stations. [-]
    legs : tuple of Leg
        The stations, each with its visits in a round. [-]
    users : int or integer array
        Number of users. [-]
    think_time : number or array
        Mean think time. [s]
    """

    names: tuple[str, ...]
    legs: tuple[Leg, ...]
    users: Count
    think_time: Value

    def leg(self, name: str) -> Leg:
        """Return a station with its visits."""
        return self.legs[self.names.index(name)]

    def demand(self, name: str) -> Value:
        """Return the mean work of a round at a station. [s]."""
        leg = self.leg(name)
        return leg.visits * leg.node.work

    def alone(self, name: str) -> Value:
        """Return the time of a round at a station where nobody else is. [s]."""
        speeds = self.leg(name).node.speeds
        return self.demand(name) if speeds is None else self.demand(name) / speeds[0]

    def demands_per_server(self) -> dict[str, Value]:
        """Return the work of a round over the greatest speed, but of delays. [s]."""
        return {
            name: self.demand(name) / leg.node.fastest
            for name, leg in zip(self.names, self.legs, strict=True)
            if not leg.node.delays
        }

    def _of_kind(self, kind: str, without: str = "") -> list[str]:
        """Return the stations that are a "single" server, a "table" of speeds or a "delay"."""
        found = []
        for name, leg in zip(self.names, self.legs, strict=True):
            node = leg.node
            one = node.speeds is None and bool(np.all(np.asarray(node.servers) == 1))
            here = "delay" if node.delays else "single" if one else "table"
            if here == kind and name != without:
                found.append(name)
        return found

    def _speeds(self, name: str) -> tuple[Any, ...]:
        """Return the speeds of a station with 1, 2, ... present, until one goes on."""
        node = self.leg(name).node
        if node.speeds is not None:
            return node.speeds
        c = np.asarray(node.servers, dtype=float)
        most = int(min(np.max(c), max(np.max(self.users), 1)))
        return tuple(np.minimum(n, c)[()] for n in range(1, most + 1))

    def others(self, without: str = "") -> Others:
        """Return all stations but one."""
        return Others(
            tuple(self.demand(n) for n in self._of_kind("single", without)),
            tuple((self.demand(n), self._speeds(n)) for n in self._of_kind("table", without)),
            sum((self.demand(n) for n in self._of_kind("delay", without)), self.think_time),
        )

    def log_constant(self, population: Any) -> Any:
        """Return log G of the network at a population."""
        return self.others().log_constant((), 0.0, population)

    def means(self) -> tuple[Value, dict[str, Value]]:
        """Return the throughput [1/s] and the mean number at each station [-]."""
        singles, tables = self._of_kind("single"), self._of_kind("table")
        if is_symbolic(self.think_time, *(self.demand(n) for n in self.names)):
            return self._symbolic_means()
        loop, shape, n = self.others().loop((), 0.0, self.users)
        if any(np.any(t.speeds[-1] < t.speeds.max(axis=0)) for t in loop.tables):
            through, single, table = _by_convolution(loop, n)
        else:
            through, single, table = steady_state(loop, n)
        found = dict(zip((*singles, *tables), (*single, *table), strict=True))
        through = through.reshape(shape)[()]
        found = {name: number.reshape(shape)[()] for name, number in found.items()}
        return through, found | {
            name: through * self.demand(name) for name in self._of_kind("delay")
        }

    def _symbolic_means(self) -> tuple[Value, dict[str, Value]]:
        queues = [*self._of_kind("single"), *self._of_kind("table")]
        delay = self.others().delay
        if is_symbolic(self.users) or np.ndim(self.users) or self.users < 1:
            raise ModelError("closed forms of a closed network need a number of users >= 1")
        # Speeds as whole numbers, which stay exact beside symbols.
        stations = [
            (self.demand(n), [int(s) if s == int(s) else s for s in self._speeds(n)])
            for n in queues
        ]
        through, numbers = convolution.steady_state(stations, delay, int(self.users))
        found = dict(zip(queues, numbers, strict=True))
        return through, found | {n: through * self.demand(n) for n in self._of_kind("delay")}

    def distributions(
        self, name: str, waiting: Value, present: Value
    ) -> tuple[Distribution | None, States | None, Distribution]:
        """Return wait, number present and response at a station, from their means."""
        leg = self.leg(name)
        node = leg.node
        if node.delays:
            return None, None, at_load(leg.service, present)
        if is_symbolic(waiting) or node.speeds is not None:
            alone = node.work if node.speeds is None else 1 / node.speeds[0]
            return None, None, MeanOnly(waiting + alone)
        waiting = np.maximum(waiting, 0.0)
        others, everyone, demand = self.others(name), self.others(), self.demand(name)
        number = ClosedNumber(others, everyone, demand, node.servers, self.users, present)
        if not node.queues:
            return None, number, MeanOnly(waiting + node.work)
        users = np.maximum(self.users, 1)
        wait = ClosedWait(others, everyone, leg.visits, node.work, node.servers, users, waiting)
        return wait, number, Sum((wait, leg.service))


def closed_network(
    stations: Mapping[str, Station],
    visits: Mapping[str, Value],
    users: Count,
    think_time: Value,
) -> ClosedNetwork:
    """Return the product form of stations, checked.

    Parameters
    ----------
    stations : mapping of str to Station
        The stations by name. [-]
    visits : mapping of str to number or array
        Visits of one request to each, >= 0. [-]
    users : int or integer array
        Number of users, >= 0. [-]
    think_time : number or array
        Mean think time, >= 0. [s]

    Returns
    -------
    ClosedNetwork
        The network. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or no time passes in a round.
    ModelError
        If names differ, or a station has no product form.
    """
    if not stations:
        raise ModelError("a closed load needs at least one station")
    if set(stations) != set(visits):
        odd = ", ".join(sorted(set(stations) ^ set(visits)))
        raise ModelError(f"stations and visits must have the same names; {odd} is in one only")
    legs = tuple(
        Leg(
            node_of(name, station),
            _visits(name, visits[name]),
            station,
        )
        for name, station in stations.items()
    )
    users = users if is_symbolic(users) else _check.count("users", users, least=0)
    for name, station in stations.items():
        clients = station.population if isinstance(station, FiniteSource) else users
        if not is_symbolic(users, clients) and np.any(np.greater(users, clients)):
            raise DomainError(
                f"users must be at most the population of {name}, {np.min(clients):g}, got "
                f"{np.max(users):g}"
            )
    network = ClosedNetwork(
        tuple(stations), legs, users, _check.finite("think_time", think_time)
    )
    parts = [network.think_time, *(network.demand(n) for n in network.names)]
    if not is_symbolic(*parts):
        round_ = reduce(np.add, [np.asarray(p, dtype=float) for p in parts])
        if np.any(round_ == 0):
            raise DomainError(
                "a closed load needs time in its loop: think_time and all service times are 0"
            )
    return network


def _visits(name: str, visits: Value) -> Value:
    """Return checked visits; a whole number stays exact beside symbols."""
    checked = _check.nonnegative(f"visits of {name}", visits)
    return visits if type(visits) is int else checked


def _by_convolution(loop: Loop, n: Any) -> tuple[Any, Any, Any]:
    through = np.zeros(n.size)
    single, tables = np.zeros((len(loop.single), n.size)), np.zeros((len(loop.tables), n.size))
    for cell in np.flatnonzero(n > 0):
        stations = [(float(d), [1.0]) for d in loop.single[:, cell]]
        stations += [(float(t.demand[cell]), list(t.speeds[:, cell])) for t in loop.tables]
        x, numbers = convolution.steady_state(stations, float(loop.delay[cell]), int(n[cell]))
        through[cell] = x
        single[:, cell], tables[:, cell] = np.split(np.array(numbers), [len(single)])
    return through, single, tuple(tables)
