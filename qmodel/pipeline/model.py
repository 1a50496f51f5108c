"""A pipeline: stations, the ways that requests take through them, and its steady state.

``Pipeline(path)`` has one kind of request; ``Pipeline({"browse": (0.8, path), "buy": (0.2,
path)})`` has a mix, and its results come for each kind and for the mix. Solving adds up
what all ways bring to each station, solves the stations, and composes their laws along
the ways. Parameters may be arrays anywhere: they broadcast, and every scenario is solved
at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.numerics.roots import least_above
from qmodel.pipeline import exactness
from qmodel.pipeline.nodes import Call, Open, Step, Stored, choice
from qmodel.pipeline.parameters import changed, parameters, swapped
from qmodel.pipeline.result import KindResult, PipelineResult
from qmodel.queues.base import Station, StationResult, Stream

__all__ = ["Pipeline"]

_ROUNDS = 60
"""Most rounds of a hedge, which gain little where its load nearly saturates a station."""


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Pipeline:
    """Stations and the ways that requests take through them.

    Parameters
    ----------
    path : Step or mapping of str to (number or array, Step)
        The way of every request; or for each kind of request its share and its way, the
        shares summing to 1. [-]

    Raises
    ------
    DomainError
        If the shares do not sum to 1.
    ModelError
        If two different stations have one name, or something is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.MMc(0.010, servers=4), qm.MMc(0.004, servers=2)
    >>> browse = qm.call("web", web)
    >>> buy = qm.series(browse, qm.repeat(2, qm.call("db", db)))
    >>> shop = Pipeline({"browse": (0.8, browse), "buy": (0.2, buy)})
    >>> print(shop.solve(300.0))
    at 300/s: mean 16.8 ms, p99 63.1 ms (approximate); web saturates first, at 400/s
    """

    kinds: Mapping[str, tuple[Value, Step]]
    stations: Mapping[str, Station]

    def __init__(self, path: Step | Mapping[str, tuple[Value, Step]]) -> None:
        kinds = {"all": (1, path)} if isinstance(path, Step) else dict(path)
        shares = _check.weights("shares of the kinds", [share for share, _ in kinds.values()])
        checked = {
            kind: (share, _check.instance(f"the path of {kind!r}", step, Step))
            for (kind, (_, step)), share in zip(kinds.items(), shares, strict=True)
        }
        object.__setattr__(self, "kinds", checked)
        object.__setattr__(self, "stations", self._named(Call))
        for step in self._named(Open).values():
            if step.name in self.stations and not isinstance(step, Stored):
                raise ModelError(f"a {step.what} and a station are both called {step.name!r}")

    def __repr__(self) -> str:
        """Return the kinds of request and the stations."""
        kinds = "" if len(self.kinds) == 1 else f"{', '.join(self.kinds)} through "
        return f"<Pipeline: {kinds}{', '.join(self.stations) or 'nothing'}>"

    def _named(self, kind: type[Call] | type[Open]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _, root in self.kinds.values():
            for step in root.walk():
                if isinstance(step, kind):
                    thing = step.station if isinstance(step, Call) else step
                    if found.setdefault(step.name, thing) is not thing:
                        what = f"{step.what}s" if isinstance(step, Open) else "stations"
                        raise ModelError(
                            f"two different {what} are called {step.name!r}: share one object "
                            "between their calls, or give them two names"
                        )
        return found

    def _visits(self, shares: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
        """Return visits by (station, law of service), and flows into open steps."""
        visits: dict[Any, Any] = {(name, None): 0 for name in self.stations}
        flows: dict[str, Any] = {}

        def note(step: Call | Open, share: Any) -> None:
            if isinstance(step, Open):
                flows[step.name] = flows.get(step.name, 0) + share
            else:
                key = (step.name, step.service)
                visits[key] = visits.get(key, 0) + share

        for share, root in self.kinds.values():
            root.visit(share, shares, note)
        return visits, flows

    def _streams(self, visits: Mapping[Any, Any], name: str, rate: Any) -> list[Stream]:
        """Return what comes to a station, by law of service."""
        own = {service: v for (n, service), v in visits.items() if n == name}
        used = {s: v for s, v in own.items() if not (s is None and _none(v))} or own
        return [Stream(rate * v, s) for s, v in used.items()]

    def _open(self) -> dict[Any, Any]:
        """Return the open steps by key, and the stations that lose requests by name."""
        steps = {step.key: step for step in self._named(Open).values()}
        return steps | {n: s for n, s in self.stations.items() if s.loses}

    def _settled(self, arrival_rate: Any) -> dict[Any, Any]:
        """Return the share of each open step, and of each station that loses, at a load.

        A hedge repeats what takes long, which brings load, which makes more of it take
        long: its share is the greatest fixed point, approached from repeating all. A
        lesser one is only passing: sooner or later a backlog makes all late.
        """
        slow = [step for step in self._named(Open).values() if step.slow]
        repeated: dict[Any, Any] = {step.key: step.worst for step in slow}
        shares = self._by_flow(arrival_rate, repeated)
        past: list[dict[Any, Any]] = []
        for _ in range(_ROUNDS if slow else 0):
            past.append(repeated)
            solved = self._solved(arrival_rate, shares)
            repeated = {step.key: step.repeated(solved, shares) for step in slow}
            moved = (np.abs(r - past[-1][k]) > 1e-12 * r for k, r in repeated.items())
            if not any(np.any(m) for m in moved):
                break
            if len(past) == 2:  # The third of a row, which is nearly geometric.
                repeated = {
                    k: _limit_of(past[0][k], past[1][k], r) for k, r in repeated.items()
                }
                past.clear()
            shares = self._by_flow(arrival_rate, repeated)
        return shares

    def _by_flow(self, arrival_rate: Any, repeated: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the shares where they follow from the flows.

        One pass for each, as what one turns away does not come to the next.
        """
        places = {n: p for n, p in self._open().items() if n not in repeated}
        shares: dict[Any, Any] = {n: getattr(p, "worst", 1) for n, p in places.items()}
        shares |= repeated
        for _ in places:
            visits, flows = self._visits(shares)
            for name, place in places.items():
                if isinstance(place, Open):
                    shares[name] = place.share(arrival_rate * flows[place.name])
                else:
                    shares[name] = place.solve(
                        self._streams(visits, name, arrival_rate)
                    ).accepted
        return shares

    def _solved(self, arrival_rate: Any, shares: Mapping[Any, Any]) -> dict[str, StationResult]:
        """Return the steady state of the stations, given what the load decides."""
        visits, _ = self._visits(shares)
        return {
            name: station.solve(self._streams(visits, name, arrival_rate))
            for name, station in self.stations.items()
        }

    def _worst_visits(self) -> dict[Any, Any]:
        """Return the visits that no load exceeds."""
        shares = {n: getattr(p, "worst", 1) for n, p in self._open().items()}
        fixed = {p.key: p.share(1.0) for p in self._named(Open).values() if p.settled}
        return self._visits(shares | fixed)[0]

    def _work(self, visits: Mapping[Any, Any]) -> dict[str, Any]:
        """Return the servers that one request a second keeps busy, over servers."""
        work: dict[str, Any] = {}
        for (name, service), count in visits.items():
            station = self.stations[name]
            mean = (service or station.service).mean
            work[name] = work.get(name, 0) + count * mean / station.servers
        return work

    @property
    def visits(self) -> dict[str, Value]:
        """Mean visits of one request to each station, the most at any load. [-]."""
        return _by_station(self._worst_visits())

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the first station saturates. [1/s]."""
        return _least(self._max_rates())

    @property
    def bottleneck(self) -> Any:
        """The station that saturates first; "" if none ever does."""
        rates = self._max_rates()
        if is_symbolic(*rates.values()):
            raise ModelError("which station saturates first is open in a symbolic pipeline")
        return _first(rates)

    def _max_rates(self) -> dict[str, Any]:
        work = self._work(self._worst_visits())
        unlimited = {name: _inverse(load) for name, load in work.items()}
        lossy = [name for name, station in self.stations.items() if station.loses]
        # A hedge repeats all that is late, and in overload all is.
        if not lossy and all(s.settled or s.slow for s in self._named(Open).values()):
            return unlimited

        def utilization(name: str, rate: Any) -> Any:
            visits, _ = self._visits(self._settled(rate))
            return rate * self._work(visits)[name]

        return {
            name: np.inf * start  # What loses requests never saturates.
            if name in lossy
            else least_above(lambda rate, name=name: utilization(name, rate) - 1.0, start)  # type: ignore[misc]
            for name, start in unlimited.items()
        }

    def solve(self, arrival_rate: Value) -> PipelineResult:
        """Return the steady state at a load.

        Parameters
        ----------
        arrival_rate : number or array
            Requests a second, all kinds together, >= 0. [1/s]

        Returns
        -------
        PipelineResult
            Latency, stations, capacity and their basis; ``inf`` in cells of overload. [-]

        Raises
        ------
        DomainError
            If `arrival_rate` is negative.
        """
        rate = _check.nonnegative("arrival_rate", arrival_rate)
        shares = self._settled(rate)
        visits, flows = self._visits(shares)
        solved = self._solved(rate, shares)
        caches = {n: step.solve(rate * flows[n]) for n, step in self._named(Stored).items()}
        roots = [root for _, root in self.kinds.values()]
        basis = exactness.grounds_of_pipeline(roots, solved, caches.values())
        dirty = exactness.disturbed(roots, solved)
        stations = {
            name: replace(r, basis=exactness.with_arrivals(r, name not in dirty))
            for name, r in solved.items()
        }
        if dirty:
            basis = exactness.grounds_of_pipeline(roots, stations, caches.values())
        kinds = {
            kind: KindResult(share, *root.outcome(solved, shares))
            for kind, (share, root) in self.kinds.items()
        }
        through, latency = _mix(kinds)
        rates = self._max_rates()
        return PipelineResult(
            arrival_rate=rate,
            latency=latency,
            stations=stations,
            visits=_by_station(visits),
            max_rate=_least(rates),
            bottleneck="" if is_symbolic(*rates.values()) else _first(rates),
            kinds=kinds,
            caches=caches,
            admitted=through,
            basis=basis,
        )

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that `replace` takes, with their values.

        Returns
        -------
        dict
            From names such as "database.servers" or "cache.hit_ratio" to values. [-]

        Examples
        --------
        >>> import qmodel as qm
        >>> Pipeline(qm.call("db", qm.MMc(0.004, servers=8))).parameters()
        {'db.service_time': 0.004, 'db.servers': 8}
        """
        found: dict[str, Any] = {}
        for owner, thing in self._owners():
            found |= parameters(owner, thing)
        return found

    def _owners(self) -> list[tuple[str, Any]]:
        owners: dict[int, tuple[str, Any]] = {}
        for _, root in self.kinds.values():
            for step in root.walk():
                if isinstance(step, Call):
                    owners[id(step.station)] = (step.name, step.station)
                    if step.service is not None:
                        owners[id(step.service)] = (step.name, step.service)
                elif isinstance(step, Stored):
                    owners[id(step.policy)] = (step.name, step.policy)
                    owners[id(step.popularity)] = (step.name, step.popularity)
                elif hasattr(step, "name"):
                    owners[id(step)] = (step.name, step)
        return list(owners.values())

    def replace(self, changes: Mapping[str, Value]) -> Pipeline:
        """Return the pipeline with other parameters; arrays broadcast.

        Parameters
        ----------
        changes : mapping of str to number or array
            From names as in `parameters` to new values. [-]

        Returns
        -------
        Pipeline
            The changed pipeline; this one stays as it is.

        Raises
        ------
        DomainError
            If a value is outside its domain.
        ModelError
            If there is no such parameter; the message has the nearest one.

        Examples
        --------
        >>> import qmodel as qm
        >>> p = Pipeline(qm.call("db", qm.MMc(0.004, servers=8)))
        >>> float(p.replace({"db.servers": 12}).max_rate)
        3000.0
        """
        known = self.parameters()
        for name in changes:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ModelError(f"no parameter {name!r} in the pipeline{hint}")
        swap: dict[int, Any] = {}
        for owner, thing in self._owners():
            mine = {
                name.removeprefix(f"{owner}."): value
                for name, value in changes.items()
                if name in parameters(owner, thing)
            }
            if mine:
                swap[id(thing)] = changed(thing, mine)
        done: dict[int, Step] = {}
        return Pipeline(
            {
                kind: (share, swapped(root, swap, done))
                for kind, (share, root) in self.kinds.items()
            }
        )


def _limit_of(first: Any, second: Any, third: Any) -> Any:
    """Return where a falling row of shares tends, by Aitken's extrapolation."""
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = third - (third - second) ** 2 / (third - 2 * second + first)
    falling = (third <= second) & (limit <= third) & (limit >= 0)
    return np.where(falling, limit, third)[()]


def _least(rates: Mapping[str, Any]) -> Any:
    """Return the rate at which the first station saturates; inf if none does."""
    xp = namespace(*rates.values())
    return reduce(xp.minimum, rates.values(), xp.inf)


def _first(rates: Mapping[str, Any]) -> Any:
    """Return the name of the station that saturates first; "" if none does."""
    if not rates:
        return ""
    names = np.array([*rates, ""])
    stacked = np.stack(np.broadcast_arrays(*rates.values()))
    first = np.where(np.isinf(stacked.min(axis=0)), len(rates), stacked.argmin(axis=0))
    found = names[first]
    return found if np.ndim(found) else str(found)


def _none(visits: Any) -> bool:
    return not is_symbolic(visits) and not np.any(visits)


def _inverse(work: Any) -> Any:
    if is_symbolic(work):
        return 1 / work if work != 0 else namespace(work).inf
    with np.errstate(divide="ignore", over="ignore"):
        return (1 / np.asarray(work, dtype=float))[()]


def _by_station(visits: Mapping[Any, Any]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for (name, _), count in visits.items():
        total[name] = total.get(name, 0) + count
    return {name: namespace(count).asarray(count) for name, count in total.items()}


def _mix(kinds: Mapping[str, KindResult]) -> tuple[Any, Distribution]:
    """Return the share admitted and the latency of the requests of all kinds."""
    if len(kinds) == 1:
        only = next(iter(kinds.values()))
        return only.admitted, only.latency
    shares = tuple(kind.share for kind in kinds.values())
    return choice(shares, [(kind.admitted, kind.latency) for kind in kinds.values()])
