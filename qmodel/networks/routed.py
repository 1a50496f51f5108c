r"""Networks whose requests are routed from station to station, by probabilities.

`routed` takes stations and a routing matrix and solves the traffic equations; from there on a
request has its mean visits, and feedback, splits and merges need no thought.

.. math::

    \lambda_k = \gamma_k + \sum_i \lambda_i P_{ik}, \qquad
    E[T] = \frac{1}{\gamma} \sum_k \lambda_k W_k , \qquad
    \gamma^* = \min_k \frac{c_k}{V_k S_k} .

**Exact** for means if all stations have a product form (Jackson; Baskett, Chandy, Muntz and
Palacios): FCFS with one exponential service for all classes, shared servers, a single server
preempted by the newest, delays. Other stations are each taken as fed by a Poisson stream.
**Classes.** Each has its routing, its entries and, where servers are shared, its service; the
stops of a routing that switches classes are pairs of class and station.
**Percentiles.** Without revisits the times along the way are taken as independent. With
revisits all waits at a station are one wait, and the law is a gamma law of the two moments
that follow.
**Shapes.** Rates, probabilities and parameters broadcast. **Symbols.** Means, on symbols.
**Overload.** ``inf`` in its cell.

References
----------
.. [1] J. R. Jackson, "Jobshop-like queueing systems", Management Science 10, 1963.
.. [2] F. Baskett, K. M. Chandy, R. R. Muntz, F. G. Palacios, "Open, closed, and mixed networks
   of queues with different classes of customers", Journal of the ACM 22, 1975.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import (
    INDEPENDENT_SOJOURNS,
    POISSON_ARRIVALS,
    POISSON_SPLIT,
    Assumption,
    Basis,
    union,
)
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.loads import Closed
from qmodel.networks import closed
from qmodel.networks.closed_result import ClosedResult
from qmodel.networks.routed_latency import REVISITS, Ways, latency_of
from qmodel.networks.routed_result import ClassResult, RoutedResult
from qmodel.networks.traffic import check_exits, fundamental, leaves, routing_matrix, stationary
from qmodel.queues.base import Station, StationResult, Stream
from qmodel.queues.mmc import MMc

__all__ = ["RoutedNetwork", "routed"]

PRODUCT_FORM = Assumption(
    "product-form",
    "in a network of FCFS queues with one exponential service for all, shared or preempted "
    "servers and delays, each station is as if alone under a Poisson stream of its rate",
    "Jackson 1963; Baskett, Chandy, Muntz and Palacios 1975",
)


@dataclass(frozen=True, slots=True, eq=False)
class RoutedNetwork:
    """Stations and the probabilities with which requests go from one to another.

    Made by `routed`.

    Parameters
    ----------
    stations : mapping of str to Station
        The stations by name. [-]
    stops : tuple of tuple of str
        Pairs of class and station; the class is "" where there is one only. [-]
    rows : list of lists
        Routing probabilities between the stops. [-]
    services : mapping
        Service of a class at a station, ``{class: {station: Distribution}}``. [-]
    """

    stations: Mapping[str, Station]
    stops: tuple[tuple[str, str], ...]
    rows: list[list[Any]]
    services: Mapping[str, Mapping[str, Distribution]]

    def _entries(self, arrivals: Any) -> list[Any]:
        """Return the entry rate of each stop."""
        classes = {c for c, _ in self.stops}
        if not isinstance(arrivals, Mapping):
            several = isinstance(arrivals, (list, tuple)) or np.ndim(arrivals)
            listed = list(arrivals) if several else [arrivals]
            if classes != {""} or len(listed) != len(self.stations):
                raise ModelError("arrivals must be a mapping of rates, or one for each station")
            arrivals = dict(zip(self.stations, listed, strict=True))
        if not arrivals:
            raise ModelError("arrivals must name at least one rate, got none")
        given = arrivals if classes != {""} else {"": arrivals}
        rates: dict[tuple[str, str], Any] = {}
        for c, at in given.items():
            if c not in classes:
                raise ModelError(f"no class {c!r}; there are {', '.join(sorted(classes))}")
            for name, rate in at.items():
                if (c, name) not in self.stops:
                    raise ModelError(
                        f"no station {name!r}; there are {', '.join(self.stations)}"
                    )
                rates[c, name] = _check.nonnegative(f"the arrival rate at {name}", rate)
        return [rates.get(stop, 0) for stop in self.stops]

    @checked
    def visits(self, arrivals: Any) -> dict[str, Value]:
        """Return how often a request visits each station, on average.

        Parameters
        ----------
        arrivals : mapping or sequence
            Entry rates, as of `solve`; only their proportions matter. [1/s]

        Returns
        -------
        dict of str to number or array
            Mean visits by station, over all classes. [-]

        Raises
        ------
        DomainError
            If a rate is negative.
        ModelError
            If a name is unknown, or requests cannot leave.
        """
        entries = self._entries(arrivals)
        rates = self._rates(entries)
        total = sum(entries)
        found: dict[str, Any] = dict.fromkeys(self.stations, 0)
        for (_, name), rate in zip(self.stops, rates, strict=True):
            found[name] = found[name] + rate / total
        return found

    def _rates(self, entries: list[Any]) -> list[Any]:
        """Return the arrival rate of each stop."""
        check_exits(self.stops, self.rows, entries)
        many = fundamental(self.rows)
        found: list[Any] = []
        for j in range(len(self.stops)):
            total: Any = 0
            for i, rate in enumerate(entries):
                if type(rate) is not int:
                    total = total + rate * many[..., i, j]
            found.append(total if is_symbolic(total) else np.maximum(total, 0.0))
        return found

    @overload
    def solve(self, arrivals: Closed, *, entry: str | None = None) -> ClosedResult: ...
    @overload
    def solve(self, arrivals: Any) -> RoutedResult: ...
    @checked
    def solve(self, arrivals: Any, *, entry: str | None = None) -> RoutedResult | ClosedResult:
        """Return the steady state under Poisson arrivals from outside, or with users inside.

        Parameters
        ----------
        arrivals : mapping, sequence or Closed
            Rates of the arrivals from outside: ``{station: rate}``, with several classes
            ``{class: {station: rate}}``; or one rate for each station; or `qmodel.Closed`,
            users who go round, of one class. [1/s]
        entry : str, optional
            Where the requests of users begin; by default at the first station. If the
            routing never ends, a round is from one visit of it to the next. [-]

        Returns
        -------
        RoutedResult or ClosedResult
            Stations, visits, means and latency, in all and by class. [-]

        Raises
        ------
        DomainError
            If a number is outside its domain.
        ModelError
            If a name is unknown, requests cannot leave where they must, or a station has no
            product form for users.

        Examples
        --------
        >>> import qmodel as qm
        >>> stations = {"cpu": qm.MMc(0.005), "disk": qm.MMc(0.030)}
        >>> network = routed(stations, {"cpu": {"disk": 0.2}, "disk": {"cpu": 1}})
        >>> network.solve({"cpu": 20.0})
        <network at 20/s: mean response 16 ms, disk saturates first at 133/s>
        >>> network.solve(qm.Closed(users=50, think_time=1.0))
        <50 users: throughput 49/s, mean response 20.5 ms>
        """
        if isinstance(arrivals, Closed):
            return self._of_users(arrivals, entry)
        if entry is not None:
            raise ModelError("entry is for users; arrivals say where they enter")
        entries = self._entries(arrivals)
        rates = self._rates(entries)
        found: dict[str, StationResult] = {}
        times: list[Any] = [0] * len(self.stops)
        laws: list[Any] = [None] * len(self.stops)
        for name, station in self.stations.items():
            here = [i for i, (_, at) in enumerate(self.stops) if at == name]
            own = [self.services.get(self.stops[i][0], {}).get(name) for i in here]
            if not any(own):
                found[name] = station.solve(sum(rates[i] for i in here))
                each = [(found[name].response_time, found[name].response)] * len(here)
            else:
                streams = [Stream(rates[i], s) for i, s in zip(here, own, strict=True)]
                found[name] = station.solve(streams)
                each = [(s.response_time, s.response) for s in found[name].streams]
            for i, (time, law) in zip(here, each, strict=True):
                times[i], laws[i] = time, law
        return self._result(entries, rates, found, times, laws)

    def _result(
        self,
        entries: list[Any],
        rates: list[Any],
        found: dict[str, StationResult],
        times: list[Any],
        laws: list[Any],
    ) -> RoutedResult:
        total: Any = sum(entries)
        xp = namespace(total, *rates)
        present = [xp.weigh(r, t) for r, t in zip(rates, times, strict=True)]
        names = dict.fromkeys(self.stations)
        by_station = {
            n: sum(r for r, (_, at) in zip(rates, self.stops, strict=True) if at == n)
            for n in names
        }
        visits = {n: rate / total for n, rate in by_station.items()}
        limits = {
            n: xp.over(total * found[n].station.max_rate, by_station[n], xp.inf) for n in names
        }
        greatest: Any = xp.inf
        for limit in limits.values():
            greatest = xp.minimum(greatest, limit)
        ways = Ways(self.stops, self.rows, found, laws, fundamental(self.rows))
        means, percentiles = self._grounds(found)
        numbers = ("mean", "response_time", "number_in_system", "visits", "max_rate")
        classes = {}
        for c in dict.fromkeys(c for c, _ in self.stops):
            mine = [e if s[0] == c else 0 for e, s in zip(entries, self.stops, strict=True)]
            inside = sum(p for p, s in zip(present, self.stops, strict=True) if s[0] == c)
            rate = sum(mine)
            if type(rate) is int:  # it is entered by switching only
                continue
            classes[c] = ClassResult(
                arrival_rate=rate,
                response_time=ways.mean(mine, times),
                number_in_system=inside,
                latency=latency_of(ways, mine),
            )
        return RoutedResult(
            arrival_rate=total,
            response_time=sum(present) / total,
            number_in_system=sum(present),
            visits=visits,
            max_rate=greatest,
            limits=limits,
            stations=found,
            classes=classes,
            latency=latency_of(ways, entries),
            basis=Basis(
                dict.fromkeys(numbers, means)
                | dict.fromkeys(("latency", "percentiles"), percentiles)
            ),
        )

    def _grounds(
        self, found: dict[str, StationResult]
    ) -> tuple[tuple[Assumption, ...], tuple[Assumption, ...]]:
        """Return what means and percentiles rest on."""
        own = union(*(r.basis.assumptions("response_time") for r in found.values()))
        kind = POISSON_SPLIT
        if all(r.station.poisson_output for r in found.values()):
            kind = PRODUCT_FORM
        means = union((POISSON_ARRIVALS, kind), own)
        laws = union(
            *(r.basis.grounds.get("response", ()) for r in found.values()),
        )
        acyclic = Ways.acyclic(self.rows)
        apart = INDEPENDENT_SOJOURNS if acyclic else REVISITS
        if acyclic and kind is PRODUCT_FORM and self._overtake_free(found):
            return means, union(means, laws)
        return means, union(means, laws, (apart,))

    def _overtake_free(self, found: dict[str, StationResult]) -> bool:
        """Return whether requests that leave a station never pass each other again."""
        sources = [
            sum(bool(np.any(np.asarray(row[j]) > 0)) for row in self.rows)
            for j in range(len(self.rows))
        ]
        single = all(
            isinstance(r.station, MMc) and np.all(np.asarray(r.station.servers) == 1)
            for r in found.values()
        )
        return single and max(sources) <= 1 and len(self.stops) == len(self.stations)

    def _of_users(self, load: Closed, entry: str | None) -> ClosedResult:
        """Return the steady state if users go round the network, from where they enter."""
        if {c for c, _ in self.stops} != {""}:
            raise ModelError("a closed load has one class: several go to networks.classes")
        names = list(self.stations)
        start = names[0] if entry is None else entry
        if start not in names:
            raise ModelError(f"no station {start!r}; there are {', '.join(names)}")
        at = names.index(start)
        if all(np.all(np.abs(np.asarray(p, dtype=float)) < 1e-12) for p in leaves(self.rows)):
            visits = dict(zip(names, stationary(self.rows, at), strict=True))
        else:
            visits = self.visits({start: 1.0})
        return closed.solve(dict(self.stations), visits, load.users, load.think_time)


@checked
def routed(
    stations: Mapping[str, Station],
    routing: Mapping[str, Any] | Sequence[Any] | np.ndarray,
    services: Mapping[str, Mapping[str, Distribution]] | None = None,
) -> RoutedNetwork:
    """Return a network of stations from its routing probabilities.

    Parameters
    ----------
    stations : mapping of str to Station
        The stations by name. [-]
    routing : mapping or matrix
        ``{from: {to: probability}}`` or a square matrix in the order of the stations; what a
        row lacks to 1 leaves. Classes that keep to themselves have ``{class: {from: {to:
        p}}}``, those that change ``{(class, from): {(class, to): p}}``. [-]
    services : mapping, optional
        Service of a class where it is not that of the station,
        ``{class: {station: Distribution}}``. [-]

    Returns
    -------
    RoutedNetwork
        To be solved under arrivals from outside, or with a fixed number of users. [-]

    Raises
    ------
    DomainError
        If a probability is outside 0 to 1, or a row sums to more than 1.
    ModelError
        If a name is unknown, or the matrix is not square.

    Examples
    --------
    Three stations with feedback, entered at each of them:

    >>> import numpy as np
    >>> import qmodel as qm
    >>> stations = {"a": qm.MMc(1 / 10), "b": qm.MMc(1 / 50), "c": qm.MMc(1 / 100)}
    >>> network = routed(stations, [[0, 1 / 3, 1 / 3], [0, 0, 1], [0, 1 / 2, 0]])
    >>> r = network.solve([5.0, 10.0, 15.0])
    >>> float(r.number_in_system), float(r.response_time), float(r.max_rate)
    (6.3077, 0.2103, 37.5)
    """
    if not stations:
        raise ModelError("a network needs at least one station")
    names = list(stations)
    stops = tuple(("", name) for name in names)
    if isinstance(routing, Mapping) and any(isinstance(key, tuple) for key in routing):
        pairs = [*routing, *(to for row in routing.values() for to in row)]
        if not all(isinstance(p, tuple) and len(p) == 2 for p in pairs):
            raise ModelError("a routing that changes classes has pairs of class and station")
        stops = tuple((c, n) for c in dict.fromkeys(p[0] for p in pairs) for n in names)
        rows = routing_matrix(stops, routing)
    elif isinstance(routing, Mapping) and not set(routing) <= set(names):
        for c, own in routing.items():
            if not isinstance(own, Mapping):
                raise ModelError(f"the routing of class {c!r} must be a mapping, got {own!r}")
        stops = tuple((c, n) for c in routing for n in names)
        pairs_of = {
            (c, start): {(c, end): p for end, p in row.items()}
            for c, own in routing.items()
            for start, row in own.items()
        }
        rows = routing_matrix(stops, pairs_of)
    else:
        rows = routing_matrix(names, routing)
    for name, station in stations.items():
        _check.instance(f"station {name!r}", station, Station)
    given = {
        c: dict(_check.instance(f"services of {c!r}", own, Mapping))
        for c, own in (services or {}).items()
    }
    for c, own in given.items():
        for name in own:
            if (c, name) not in stops:
                raise ModelError(f"no class {c!r} at {name!r} to serve")
    return RoutedNetwork(dict(stations), stops, rows, given)
