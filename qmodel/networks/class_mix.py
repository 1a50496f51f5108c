"""Several classes in cells: open load, then the closed classes, then what open ones find."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.errors import DomainError, ModelError
from qmodel.networks import lattice
from qmodel.networks.class_order import ORDER_AMONG_CLASSES, order_of, ordered_stations
from qmodel.networks.class_types import ClassesResult, ClosedClass, OpenClass, StationClasses
from qmodel.networks.closed import CLOSED_LOAD
from qmodel.networks.linearizer import linearizer, schweitzer
from qmodel.networks.open_share import OpenShare, open_share
from qmodel.networks.product_form import Node

__all__ = ["Mix"]

_MOST_POINTS = 50_000

LINEARIZER = Assumption(
    "linearizer",
    "what a request finds follows from the solution with all users; in 150 random networks of "
    "single servers throughput was within 2.2 % (mean 0.2 %) and response within 3 %; several "
    "servers are one and a delay, which adds up to 18 % near the knee",
    "Chandy and Neuse 1982; Seidmann 1987; our comparison with exact values",
    APPROXIMATE,
)
SCHWEITZER = Assumption(
    "schweitzer",
    "what a request finds is what all users leave, in proportion; in 150 random networks of "
    "single servers throughput was within 11 % (mean 3 %) and response within 19 %; several "
    "servers are one and a delay, which adds up to 18 % near the knee",
    "Bard 1979; Schweitzer 1979; our comparison with exact values",
    APPROXIMATE,
)


class Mix:
    """The numbers of all classes, in cells.

    Parameters
    ----------
    nodes : dict of str to Node
        What the stations are to a product form. [-]
    classes : dict of str to ClosedClass or OpenClass
        The classes. [-]
    """

    def __init__(self, nodes: dict[str, Node], classes: dict[str, Any]) -> None:
        self.nodes, self.names = nodes, list(nodes)
        self.closed = {n: c for n, c in classes.items() if isinstance(c, ClosedClass)}
        self.opened = {n: c for n, c in classes.items() if isinstance(c, OpenClass)}
        for name, c in classes.items():
            if name not in self.closed and name not in self.opened:
                raise ModelError(
                    f"class {name!r} must be a ClosedClass or an OpenClass, got {c!r}"
                )
            weights = c.weights if isinstance(c, ClosedClass) else {}
            for at in (*c.visits, *c.services, *weights):
                if at not in nodes:
                    known = ", ".join(nodes)
                    raise ModelError(f"class {name!r}: no station {at!r}; there are {known}")
        for name, c in self.closed.items():
            for at, weight in c.weights.items():
                _check.positive(f"the weight of {name} at {at}", weight)
        self.ordered = ordered_stations(nodes, classes)
        for at in self.ordered:
            passing = [n for n, c in self.opened.items() if at in c.visits]
            if passing and nodes[at].order != "oldest":
                raise ModelError(
                    f"{at} serves classes in an order, which open classes ({passing[0]}) "
                    "cannot pass in a closed load"
                )
        demands = {n: [self._demand(n, c, at) for at in nodes] for n, c in classes.items()}
        users = [
            _check.count(f"users of {n}", c.users, least=0) for n, c in self.closed.items()
        ]
        think = [
            _check.finite(f"think_time of {n}", c.think_time) for n, c in self.closed.items()
        ]
        rates = [
            _check.nonnegative(f"arrival_rate of {n}", c.arrival_rate)
            for n, c in self.opened.items()
        ]
        servers = [node.servers for node in nodes.values()]
        every = [
            *users,
            *think,
            *rates,
            *servers,
            *(d for row in demands.values() for d in row),
        ]
        _check.numbers("a network of several classes", *every)
        self.shape = np.broadcast_shapes(*(np.shape(x) for x in every))

        def flat(values: Any) -> Any:
            rows = [
                np.broadcast_to(np.asarray(v, dtype=float), self.shape).ravel() for v in values
            ]
            return np.array(rows).reshape(len(rows), int(np.prod(self.shape)))

        self.users, self.think, self.rates = flat(users), flat(think), flat(rates)
        self.servers = flat(servers)
        cells = self.servers.shape[1]
        self.demands = np.array([flat(demands[n]) for n in self.closed]).reshape(
            -1, len(nodes), cells
        )
        self.visits = np.array([
            flat([c.visits.get(at, 0.0) for at in nodes]) for c in self.closed.values()
        ]).reshape(self.demands.shape)  # fmt: skip
        self.loads = np.array([flat(demands[n]) for n in self.opened]).reshape(
            -1, len(nodes), cells
        )
        if np.any(self.think + self.demands.sum(axis=1) == 0):
            raise DomainError(
                "a closed class needs time in its loop: think_time and all service times are 0"
            )

    def _demand(self, name: str, c: Any, at: str) -> Any:
        visits = _check.nonnegative(f"visits of {name} to {at}", c.visits.get(at, 0.0))
        node = self.nodes[at]
        if at in c.services and node.speeds is None:
            return visits * c.services[at].mean
        return visits * node.work

    def solved(self, method: str) -> ClassesResult:
        """Return the steady state by one of the methods."""
        queues = [k for k, name in enumerate(self.names) if not self.nodes[name].delays]
        shares = {k: self._share(k) for k in queues}
        over = np.zeros(self.servers.shape, dtype=bool)
        for k, share in shares.items():
            over[k] = share.overload
        points = float(np.prod([n.max() + 1 for n in self.users])) if self.closed else 0.0
        chosen = method
        if method == "auto":
            small = points <= _MOST_POINTS and not self.ordered
            chosen = "exact" if small or not self.closed else "linearizer"
        if chosen == "exact" and self.ordered and self.closed:
            raise ModelError(
                f"method 'exact' needs a product form, which the order of service at "
                f"{self.ordered[0]} has not; as a routed network, small ones are exact"
            )
        through, numbers, distributions = self._closed(chosen, queues, shares, over)
        return self._result(chosen, through, numbers, distributions, shares, over)

    def _share(self, k: int) -> OpenShare:
        node = self.nodes[self.names[k]]
        load = (self.rates * self.loads[:, k]).sum(axis=0)
        if node.speeds is not None:
            if np.any(load):
                raise ModelError(
                    "open classes cannot pass a BirthDeath station in a closed load"
                )
            speeds = np.array([s + 0 * load for s in node.speeds])
            if np.any(np.diff(speeds, axis=0) < 0):
                raise ModelError("with several classes a station must not slow down under load")
            return OpenShare.of_speeds(speeds)
        return open_share(load, self.servers[k])

    def _closed(
        self, method: str, queues: list[int], shares: dict[int, OpenShare], over: Any
    ) -> tuple[Any, Any, dict[int, Any]]:
        """Return throughputs, numbers (classes, stations, cells) and distributions."""
        size, cells = len(self.closed), self.servers.shape[1]
        numbers = np.zeros((size, len(self.names), cells))
        if not size:
            return np.zeros((0, cells)), numbers, {}
        # A class that is stuck goes no rounds, and nobody meets it elsewhere.
        stuck = (over & (self.demands > 0)).any(axis=1)
        demands = np.where(over | stuck[:, None], 0.0, self.demands)
        delays = self.think + sum(
            (demands[:, k] for k in range(len(self.names)) if k not in shares),
            np.zeros((size, cells)),
        )
        delays = np.where(stuck, 1.0, delays)
        plain = np.array([demands[:, k] / shares[k].speed for k in queues])
        plain = plain.reshape(len(queues), size, cells).swapaxes(0, 1)
        extra = np.array(
            [demands[:, k] / shares[k].first - plain[:, i] for i, k in enumerate(queues)]
        )
        extra = np.maximum(extra.reshape(len(queues), size, cells).swapaxes(0, 1), 0.0)
        fast = schweitzer if method == "schweitzer" else linearizer
        with_delay = delays + extra.sum(axis=1)
        if method == "exact":
            scale, _ = schweitzer(plain, with_delay, np.maximum(self.users, 1.0))
            stations = [
                lattice.ClassStation(demands[:, k], shares[k].head, shares[k].speed)
                for k in queues
            ]
            through, found, distributions = lattice.solve(
                stations, delays, list(self.users), scale
            )
            for i, k in enumerate(queues):
                numbers[:, k] = found[i]
            met = {k: distributions[i] for i, k in enumerate(queues)}
        else:
            order = None
            if self.ordered:
                order = order_of(
                    [self.nodes[self.names[k]] for k in queues],
                    [self.names[k] for k in queues],
                    self.closed,
                    demands[:, queues],
                    self.visits[:, queues],
                    np.array([shares[k].speed for k in queues]),
                )
            through, found = fast(plain, with_delay, self.users, order)
            met = {}
            for i, k in enumerate(queues):
                numbers[:, k] = found[:, i] + through * extra[:, i]
        through = np.where(stuck, 0.0, through)
        for k in range(len(self.names)):
            if k not in shares:
                numbers[:, k] = through * demands[:, k]
        numbers = np.where(stuck[:, None], 0.0, numbers)
        caught = over & (self.demands > 0)
        caught = caught / np.maximum(caught.sum(axis=1, keepdims=True), 1)
        return through, numbers + caught * self.users[:, None], met

    def _result(
        self,
        method: str,
        through: Any,
        numbers: Any,
        distributions: dict[int, Any],
        shares: dict[int, OpenShare],
        over: Any,
    ) -> ClassesResult:
        def cell(x: Any) -> Any:
            return np.asarray(x).reshape(self.shape)[()]

        opened = np.zeros(self.loads.shape)
        for k in range(len(self.names)):
            load = self.rates * self.loads[:, k]
            if k not in shares:
                opened[:, k] = load
                continue
            present = shares[k].number(numbers[:, k].sum(axis=0), distributions.get(k))
            part = load / np.where(load.sum(axis=0) > 0, load.sum(axis=0), 1.0)
            with np.errstate(invalid="ignore"):
                opened[:, k] = np.where(part > 0, part * present, 0.0)
        rates = np.concatenate([through, self.rates])
        every = np.concatenate([numbers, opened])
        demands = np.concatenate([self.demands, self.loads])
        with np.errstate(divide="ignore", invalid="ignore"):
            # Without load, the time that the first would find.
            alone = demands * (1 + numbers.sum(axis=0)) / np.where(over, 0.0, 1.0)
            times = np.where(
                rates[:, None] > 0, every / rates[:, None], np.where(demands > 0, alone, 0.0)
            )
            caught = over & (demands > 0)
            times = np.where(caught, np.inf, times)
        names = [*self.closed, *self.opened]
        stations = {}
        for k, name in enumerate(self.names):
            node, used = self.nodes[name], (rates * demands[:, k]).sum(axis=0)
            speed = np.inf if node.delays else node.fastest if node.speeds else self.servers[k]
            stations[name] = StationClasses(
                utilization=cell(used / speed),
                number_in_system=cell(every[:, k].sum(axis=0)),
                numbers={n: cell(every[c, k]) for c, n in enumerate(names)},
                residence_times={n: cell(times[c, k]) for c, n in enumerate(names)},
            )
        grounds = union(*(node.grounds for node in self.nodes.values()))
        if self.closed:
            grounds = union((CLOSED_LOAD,), grounds)
            labels = {"linearizer": (LINEARIZER,), "schweitzer": (SCHWEITZER,)}
            grounds = union(grounds, labels.get(method, ()))
        if self.opened:
            grounds = union(grounds, (POISSON_ARRIVALS,))
        if self.ordered:
            grounds = union(grounds, (ORDER_AMONG_CLASSES,))
        quantities = ("throughputs", "response_times", "utilization", "number_in_system")
        return ClassesResult(
            throughputs={n: cell(rates[c]) for c, n in enumerate(names)},
            response_times={n: cell(times[c].sum(axis=0)) for c, n in enumerate(names)},
            stations=stations,
            basis=Basis(dict.fromkeys(quantities, grounds)),
        )
