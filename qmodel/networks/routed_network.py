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
revisits all waits at a station are one wait, and the distribution is a gamma distribution of
the two moments that follow.
**Users.** A number of users who go round is a closed network; of several classes, or where a
station can be full, see `qmodel.networks.routed_users`.
**Shapes.** Rates, probabilities and parameters broadcast. **Symbols.** Means, on symbols.
**Overload.** ``inf`` in its cell.

References
----------
.. [1] J. R. Jackson, "Jobshop-like queueing systems", Management Science 10, 1963.
.. [2] F. Baskett, K. M. Chandy, R. R. Muntz, F. G. Palacios, "Open, closed, and mixed networks
   of queues with different classes of customers", Journal of the ACM 22, 1975.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from qmodel.errors import DomainError, ModelError
from qmodel.loads import Closed
from qmodel.networks.class_types import ClassesResult
from qmodel.networks.closed_result import ClosedResult
from qmodel.networks.routed_latency import REVISITS, Ways, latency_of
from qmodel.networks.routed_result import ClassResult, RoutedResult
from qmodel.networks.routed_users import BLOCKING, of_one, of_several
from qmodel.networks.traffic import check_exits, fundamental
from qmodel.queues.base import Station, StationResult, Stream
from qmodel.queues.mmc import MMc

__all__ = ["RoutedNetwork"]

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
    weights : mapping
        Weight of a class at a shared server, ``{class: {station: weight}}``. [-]
    """

    stations: Mapping[str, Station]
    stops: tuple[tuple[str, str], ...]
    rows: list[list[Any]]
    services: Mapping[str, Mapping[str, Distribution]]
    weights: Mapping[str, Mapping[str, float]]

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
    def solve(
        self,
        arrivals: Mapping[str, Closed],
        *,
        entry: str | Mapping[str, str] | None = None,
        blocking: str = "after service",
    ) -> ClassesResult: ...
    @overload
    def solve(self, arrivals: Any) -> RoutedResult: ...
    @checked
    def solve(
        self,
        arrivals: Any,
        *,
        entry: Any = None,
        blocking: str = "after service",
    ) -> RoutedResult | ClosedResult | ClassesResult:
        """Return the steady state under Poisson arrivals from outside, or with users inside.

        Parameters
        ----------
        arrivals : mapping, sequence or Closed
            Rates of the arrivals from outside: ``{station: rate}``, with several classes
            ``{class: {station: rate}}``; or one rate for each station; or `qmodel.Closed`,
            users who go round, of one class; with several, ``{class: Closed}``. [1/s]
        entry : str or mapping of str to str, optional
            Where the requests of users begin; by default at the first station that they
            visit. If the routing never ends, a round is from one visit of it to the next. [-]
        blocking : {"after service", "repeated service"}, default "after service"
            What users do at a full station (`qmodel.MMcK`), where ``{class: Closed}`` is
            given: wait in the server that they have just left, or be served again. [-]

        Returns
        -------
        RoutedResult, ClosedResult or ClassesResult
            Stations, visits, means and latency, in all and by class; of several classes of
            users throughputs and means, which a class of no users may not have (NaN). [-]

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
        >>> from qmodel.networks.routed import routed
        >>> stations = {"cpu": qm.MMc(0.005), "disk": qm.MMc(0.030)}
        >>> network = routed(stations, {"cpu": {"disk": 0.2}, "disk": {"cpu": 1}})
        >>> network.solve({"cpu": 20.0})
        <network at 20/s: mean response 16 ms, disk saturates first at 133/s>
        >>> network.solve(qm.Closed(users=50, think_time=1.0))
        <50 users: throughput 49/s, mean response 20.5 ms>

        A bounded queue in front of the disk holds up the CPU, with 12 users:

        >>> stations["disk"] = qm.MMcK(0.030, servers=1, capacity=2)
        >>> loop = routed(stations, {"cpu": {"disk": 0.2}, "disk": {"cpu": 1}})
        >>> r = loop.solve({"users": qm.Closed(12)})
        >>> float(r.throughputs["users"]), float(r.stations["disk"].number_in_system)
        (108.4948, 1.4039)
        """
        if blocking not in BLOCKING:
            raise DomainError(
                f"blocking must be one of {', '.join(BLOCKING)}, got {blocking!r}"
            )
        if isinstance(arrivals, Closed):
            if {c for c, _ in self.stops} != {""}:
                raise ModelError("several classes of users go as a mapping, {class: Closed}")
            return of_one(self.stations, self.rows, arrivals, entry)
        if isinstance(arrivals, Mapping) and any(
            isinstance(x, Closed) for x in arrivals.values()
        ):
            loads = {
                c: _check.instance(f"the load of {c!r}", x, Closed) for c, x in arrivals.items()
            }
            site = (self.stations, self.stops, self.rows, self.services, self.weights)
            return of_several(*site, loads, entry, blocking)
        if entry is not None:
            raise ModelError("entry is for users; arrivals say where they enter")
        entries = self._entries(arrivals)
        rates = self._rates(entries)
        found: dict[str, StationResult] = {}
        times: list[Any] = [0] * len(self.stops)
        distributions: list[Any] = [None] * len(self.stops)
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
            for i, (time, distribution) in zip(here, each, strict=True):
                times[i], distributions[i] = time, distribution
        return self._result(entries, rates, found, times, distributions)

    def _result(
        self,
        entries: list[Any],
        rates: list[Any],
        found: dict[str, StationResult],
        times: list[Any],
        distributions: list[Any],
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
        ways = Ways(self.stops, self.rows, found, distributions, fundamental(self.rows))
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
        distributions = union(
            *(r.basis.grounds.get("response", ()) for r in found.values()),
        )
        acyclic = Ways.acyclic(self.rows)
        apart = INDEPENDENT_SOJOURNS if acyclic else REVISITS
        if acyclic and kind is PRODUCT_FORM and self._overtake_free(found):
            return means, union(means, distributions)
        return means, union(means, distributions, (apart,))

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
