r"""Several kinds of users in a routed network: which way to their steady state.

From the routing follow the visits of a round and, of each kind, the mean service at a station.
If all stations have a product form with these services, that is all that counts
(`qmodel.networks.classes`). If one has not (first come, first served with a service by class,
priorities, weights, places that can be taken), the routing itself counts: the Markov chain is
solved (`qmodel.networks.user_chain`) while it has at most 5,000 states, and beyond that the
approximations of `qmodel.networks.classes` take over, which know no blocking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel.basis import Assumption, Basis, union
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import ModelError
from qmodel.loads import Closed
from qmodel.networks import classes, closed, disciplines
from qmodel.networks.class_order import ordered_stations
from qmodel.networks.class_types import ClassesResult, ClosedClass, StationClasses
from qmodel.networks.closed_result import ClosedResult
from qmodel.networks.kinds_of_users import Kind, Rows, kinds_of, some
from qmodel.networks.product_form import AS_EXPONENTIAL, mixed_node_of
from qmodel.networks.traffic import check_exits, fundamental, leaves, stationary
from qmodel.networks.user_chain import MOST_STATES, ChainFigures, Stop, UserChain
from qmodel.queues import MMc, MMcK, Station

__all__ = ["BLOCKING", "of_one", "of_several"]

BLOCKING = ("after service", "repeated service")

CHAIN_OF_STATES = Assumption(
    "chain-of-states",
    "a fixed number of users, each with at most one request, and exponential services: all "
    "states of the network and the rates between them",
    "Stewart 1994",
)
BLOCKED = {
    "after service": Assumption(
        "blocked-after-service",
        "a request that finds the next station full waits in the server that it has just left, "
        "which stays taken; who has waited longest moves first",
        "Balsamo, de Nitto Persone and Onvural 2001",
    ),
    "repeated service": Assumption(
        "served-again",
        "a request that finds the next station full is served again where it is",
        "Balsamo, de Nitto Persone and Onvural 2001",
    ),
}


def of_one(
    stations: Mapping[str, Station], rows: Rows, load: Closed, entry: str | None
) -> ClosedResult:
    """Return the steady state of users of one class; see `RoutedNetwork.solve`."""
    names = list(stations)
    stops = [("", name) for name in names]
    start = names[0] if entry is None else entry
    if start not in names:
        raise ModelError(f"no station {start!r}; there are {', '.join(names)}")
    for name, station in stations.items():
        if isinstance(station, MMcK):
            raise ModelError(
                f"{name} can be full, which is solved by states: put the load into a mapping, "
                '{"users": Closed(...)}'
            )
    at = names.index(start)
    if any(some(p) for p in leaves(rows)):
        check_exits(stops, rows, [float(i == at) for i in range(len(names))])
        many = fundamental(rows)
        visits = [np.maximum(many[..., at, j], 0.0) for j in range(len(names))]
    else:
        visits = stationary(rows, at)
    return closed.solve(
        stations, dict(zip(names, visits, strict=True)), load.users, load.think_time
    )


def of_several(
    stations: Mapping[str, Station],
    stops: Sequence[tuple[str, str]],
    rows: Rows,
    services: Mapping[str, Mapping[str, Distribution]],
    weights: Mapping[str, Mapping[str, Any]],
    loads: Mapping[str, Closed],
    entry: Any,
    blocking: str,
) -> ClassesResult:
    """Return the steady state of several kinds of users; see `RoutedNetwork.solve`."""
    kinds = kinds_of(stops, rows, loads, entry)
    plain = _as_visits(stations, stops, kinds, services, weights)
    users = sum(np.asarray(kind.load.users) for kind in kinds)
    room = {name: _places(station) for name, station in stations.items()}
    full = [name for name, capacity in room.items() if np.any(users > capacity)]
    sites = {
        name: MMc(s.service_time, s.servers) if isinstance(s, MMcK) else s
        for name, s in stations.items()
    }
    ordered = _ordered(sites, stops, kinds, services, weights)
    if not full and not ordered:
        return classes.solve(sites, plain)
    found = None
    if np.ndim(users) == 0:
        chain = _Chain(sites, stops, rows, services, weights, kinds, room)
        found = chain.solve(blocking)
    if found is not None:
        grounds = (BLOCKED[blocking],) if full else ()
        return chain.result(found, grounds)
    if full:
        raise ModelError(
            f"{full[0]} can be full, which needs a chain of at most {MOST_STATES} states "
            "with one number of users; this one is larger"
        )
    for kind in kinds:
        for name in ordered:
            if len({stops[i][0] for i in kind.members if stops[i][1] == name}) > 1:
                raise ModelError(
                    f"users of {kind.name} come to {name} as several classes, whose order "
                    f"matters there, which needs a chain of at most {MOST_STATES} states with "
                    "one number of users; this one is larger"
                )
    return classes.solve(sites, plain)


def _ordered(
    stations: Mapping[str, Station],
    stops: Sequence[tuple[str, str]],
    kinds: list[Kind],
    services: Any,
    weights: Any,
) -> list[str]:
    """Return the stations at which the order among the classes of the routing matters."""
    used = [stops[i] for kind in kinds for i in kind.members]
    each = {}
    for c in dict.fromkeys(c for c, _ in used):
        here = [at for k, at in used if k == c]
        own, shares = services.get(c, {}), weights.get(c, {})
        each[c] = ClosedClass(
            visits=dict.fromkeys(here, 1),
            users=1,
            services={at: own[at] for at in here if at in own},
            weights={at: shares[at] for at in here if at in shares},
        )
    nodes = {name: mixed_node_of(name, station) for name, station in stations.items()}
    return ordered_stations(nodes, each)


def _places(station: Station) -> Any:
    return station.capacity if isinstance(station, MMcK) else np.inf


def _as_visits(
    stations: Mapping[str, Station],
    stops: Sequence[tuple[str, str]],
    kinds: list[Kind],
    services: Any,
    weights: Any,
) -> dict[str, ClosedClass]:
    """Return the kinds as classes with visits and mean services."""
    found = {}

    def mean(c: str, name: str) -> Any:
        distribution = services.get(c, {}).get(name, stations[name].service)
        return distribution.mean

    for kind in kinds:
        visits: dict[str, Any] = {}
        own: dict[str, Distribution] = {}
        shares: dict[str, Any] = {}
        for name in stations:
            here = [i for i in kind.members if stops[i][1] == name]
            if not here:
                continue
            visits[name] = sum(kind.visits[i] for i in here)
            work = sum(kind.visits[i] * mean(*stops[i]) for i in here)
            if any(name in services.get(stops[i][0], {}) for i in here):
                own[name] = Exponential(work / visits[name])
            mine = [weights.get(stops[i][0], {}).get(name, 1.0) for i in here]
            if any(w != 1.0 for w in mine):
                shares[name] = mine[0]
        found[kind.name] = ClosedClass(
            visits=visits, users=kind.load.users, think_time=kind.load.think_time,
            services=own, weights=shares,
        )  # fmt: skip
    return found


class _Chain:
    """The Markov chain of a routed network, in cells."""

    def __init__(
        self,
        stations: Mapping[str, Station],
        stops: Sequence[tuple[str, str]],
        rows: Rows,
        services: Mapping[str, Mapping[str, Distribution]],
        weights: Any,
        kinds: list[Kind],
        room: Mapping[str, Any],
    ) -> None:
        self.names, self.stops, self.kinds = list(stations), stops, kinds
        self.room = room
        self.nodes = {name: mixed_node_of(name, s) for name, s in stations.items()}
        self.classes = list(dict.fromkeys(c for c, _ in stops))
        think = [kind.load.think_time for kind in kinds]
        used = [i for kind in kinds for i in kind.members]
        means, self.rough = {}, False
        for i in used:
            c, at = stops[i]
            distribution = services.get(c, {}).get(at)
            means[i] = self.nodes[at].work if distribution is None else distribution.mean
            distribution = stations[at].service if distribution is None else distribution
            self.rough |= not isinstance(distribution, Exponential)
        numbers = [*means.values(), *think, *(p for row in rows for p in row)]
        self.shape = np.broadcast_shapes(*(np.shape(x) for x in numbers))
        _check.numbers("a Markov chain of users", *numbers)

        def flat(x: Any) -> Any:
            return np.broadcast_to(np.asarray(x, dtype=float), self.shape).ravel()

        self.means = {i: flat(mean) for i, mean in means.items()}
        self.think = [flat(z) for z in think]
        for kind, z in zip(kinds, self.think, strict=True):
            if np.any(z > 0) and np.any(z == 0):
                raise ModelError(f"think_time of {kind.name} must be 0 in all cells or in none")
        for i, mean in self.means.items():
            if np.any(mean == 0):
                raise ModelError(f"service at {stops[i][1]} must take time, got 0")
        self.rows = [[flat(p) if some(p) else None for p in row] for row in rows]
        self.out = [{i: flat(p) for i, p in kind.out.items() if some(p)} for kind in kinds]
        self.weights = weights

    def _discipline(self, name: str) -> disciplines.Discipline:
        at = {c: i for i, (c, n) in enumerate(self.stops) if n == name}
        rates = tuple(
            1 / self.means[at[c]] if at.get(c) in self.means else 0.0 for c in self.classes
        )
        shares = tuple(self.weights.get(c, {}).get(name, 1.0) for c in self.classes)
        return disciplines.discipline_of(name, self.nodes[name], rates, shares)

    def solve(self, blocking: str) -> ChainFigures | None:
        """Return the figures of the chain; None if it is too large."""
        stations = [self._discipline(name) for name in self.names]
        index = {i: n for n, i in enumerate(self.means)}
        # Who thinks is at one more station, as the class that begins the next round.
        thinks = {k: len(index) + n for n, k in enumerate(
            k for k, z in enumerate(self.think) if np.any(z > 0)
        )}  # fmt: skip
        capacity = [float(self.room[name]) for name in self.names]
        if thinks:
            rates: list[Any] = [0.0] * len(self.classes)
            for k in thinks:
                rates[self._class_of(self.kinds[k].entry)] = 1 / self.think[k]
            shares = (1.0,) * len(rates)
            stations.append(disciplines.Shared(tuple(rates), shares, float))
            capacity.append(np.inf)
        stops = []
        for k, kind in enumerate(self.kinds):
            begin = (index[kind.entry], k) if k not in thinks else (thinks[k], -1)
            for i in kind.members:
                onward = []
                for j in kind.members:
                    p = self.rows[i][j]
                    if p is None:
                        continue
                    again = kind.endless and j == kind.entry
                    onward.append((p, *(begin if again else (index[j], -1))))
                if i in self.out[k]:
                    onward.append((self.out[k][i], *begin))
                at = self.names.index(self.stops[i][1])
                stops.append(Stop(at, self._class_of(i), tuple(onward)))
        for k in thinks:
            entry = self.kinds[k].entry
            onward = [(1.0, index[entry], k)]
            stops.append(Stop(len(self.names), self._class_of(entry), tuple(onward)))
        start = [
            (int(kind.load.users), thinks.get(k, index[kind.entry]))
            for k, kind in enumerate(self.kinds)
        ]
        again = blocking == "repeated service"
        return UserChain(stations, stops, capacity, again).solve(start, len(self.kinds))

    def _class_of(self, stop: int) -> int:
        return self.classes.index(self.stops[stop][0])

    def result(self, found: ChainFigures, grounds: tuple[Assumption, ...]) -> ClassesResult:
        """Return the figures by kind of user."""

        def cell(x: Any) -> Any:
            return np.broadcast_to(x, (int(np.prod(self.shape)),)).reshape(self.shape)[()]

        stations = {}
        rounds = dict(zip((kind.name for kind in self.kinds), found.rounds, strict=True))
        for k, name in enumerate(self.names):
            numbers, times = {}, {}
            for kind in self.kinds:
                mine = {self._class_of(i) for i in kind.members}
                number = sum(found.numbers[k, c] for c in mine)
                numbers[kind.name] = cell(number)
                with np.errstate(divide="ignore", invalid="ignore"):
                    times[kind.name] = cell(number / rounds[kind.name])
            node = self.nodes[name]
            # A delay is not utilized.
            fastest = np.inf if node.delays else node.fastest
            stations[name] = StationClasses(
                utilization=cell(found.busy[k] / np.ravel(fastest)),
                number_in_system=cell(found.numbers[k].sum(axis=0)),
                numbers=numbers,
                residence_times=times,
            )
        rough = (AS_EXPONENTIAL,) if self.rough else ()
        orders = (node.grounds for node in self.nodes.values())
        grounds = union((CHAIN_OF_STATES,), grounds, *orders, rough)
        quantities = ("throughputs", "response_times", "utilization", "number_in_system")
        return ClassesResult(
            throughputs={name: cell(x) for name, x in rounds.items()},
            response_times={
                kind.name: sum(s.residence_times[kind.name] for s in stations.values())
                for kind in self.kinds
            },
            stations=stations,
            basis=Basis(dict.fromkeys(quantities, grounds)),
        )
