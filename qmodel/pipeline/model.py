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
from qmodel.pipeline.nodes import Call, Limit, Step, choice
from qmodel.pipeline.parameters import changed, parameters, swapped
from qmodel.pipeline.result import KindResult, PipelineResult
from qmodel.queues.base import Station, Stream

__all__ = ["Pipeline"]


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
        for name in self._named(Limit):
            if name in self.stations:
                raise ModelError(f"a limit and a station are both called {name!r}")

    def __repr__(self) -> str:
        """Return the kinds of request and the stations."""
        kinds = "" if len(self.kinds) == 1 else f"{', '.join(self.kinds)} through "
        return f"<Pipeline: {kinds}{', '.join(self.stations) or 'nothing'}>"

    def _named(self, kind: type[Call] | type[Limit]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _, root in self.kinds.values():
            for step in root.walk():
                if isinstance(step, kind):
                    thing = step.station if isinstance(step, Call) else step
                    if found.setdefault(step.name, thing) is not thing:
                        what = "stations" if kind is Call else "limits"
                        raise ModelError(
                            f"two different {what} are called {step.name!r}: share one object "
                            "between their calls, or give them two names"
                        )
        return found

    def _visits(self, admitted: Mapping[str, Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
        """Return visits by (station, law of service), and flows into limits."""
        visits: dict[Any, Any] = {(name, None): 0 for name in self.stations}
        flows: dict[str, Any] = {}

        def note(step: Call | Limit, share: Any) -> None:
            if isinstance(step, Limit):
                flows[step.name] = flows.get(step.name, 0) + share
            else:
                key = (step.name, step.service)
                visits[key] = visits.get(key, 0) + share

        for share, root in self.kinds.values():
            root.visit(share, admitted, note)
        return visits, flows

    def _streams(self, visits: Mapping[Any, Any], name: str, rate: Any) -> list[Stream]:
        """Return what comes to a station, by law of service."""
        own = {service: v for (n, service), v in visits.items() if n == name}
        used = {s: v for s, v in own.items() if not (s is None and _none(v))} or own
        return [Stream(rate * v, s) for s, v in used.items()]

    def _narrow(self) -> dict[str, Any]:
        """Return the limits, and the stations that lose requests, by name."""
        stations = {n: s for n, s in self.stations.items() if s.loses}
        return self._named(Limit) | stations

    def _admitted(self, arrival_rate: Any) -> dict[str, Any]:
        """Return the share that gets through each limit and each station that loses.

        One pass for each, as what one turns away does not come to the next.
        """
        narrow = self._narrow()
        admitted: dict[str, Any] = dict.fromkeys(narrow, 1)
        for _ in narrow:
            visits, flows = self._visits(admitted)
            for name, place in narrow.items():
                if isinstance(place, Limit):
                    admitted[name] = place.admitted(arrival_rate * flows[name])
                else:
                    r = place.solve(self._streams(visits, name, arrival_rate))
                    # From what the servers do, as 1 - loss has no digits in deep overload.
                    served = r.utilization * r.station.servers / r.station.service.mean
                    with np.errstate(invalid="ignore"):
                        share = np.minimum(served / np.asarray(r.arrival_rate), 1.0)
                    admitted[name] = np.where(np.asarray(r.arrival_rate) == 0, 1.0, share)[()]
        return admitted

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
        """Mean visits of one request to each station, limits aside. [-]."""
        counts, _ = self._visits(dict.fromkeys(self._narrow(), 1))
        return _by_station(counts)

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the first station saturates. [1/s]."""
        rates = list(self._max_rates().values())
        return reduce(namespace(*rates).minimum, rates, namespace(*rates).inf)

    @property
    def bottleneck(self) -> Any:
        """The station that saturates first; "" if none ever does."""
        rates = self._max_rates()
        if is_symbolic(*rates.values()):
            raise ModelError("which station saturates first is open in a symbolic pipeline")
        if not rates:
            return ""
        names = np.array([*rates, ""])
        stacked = np.stack(np.broadcast_arrays(*rates.values()))
        first = np.where(np.isinf(stacked.min(axis=0)), len(rates), stacked.argmin(axis=0))
        found = names[first]
        return found if np.ndim(found) else str(found)

    def _max_rates(self) -> dict[str, Any]:
        narrow = self._narrow()
        counts, _ = self._visits(dict.fromkeys(narrow, 1))
        unlimited = {name: _inverse(work) for name, work in self._work(counts).items()}
        if not narrow:
            return unlimited

        def utilization(name: str, rate: Any) -> Any:
            visits, _ = self._visits(self._admitted(rate))
            return rate * self._work(visits)[name]

        return {
            name: np.inf * start  # What loses requests never saturates.
            if name in narrow
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
        admitted = self._admitted(rate)
        visits, _ = self._visits(admitted)
        solved = {
            name: station.solve(self._streams(visits, name, rate))
            for name, station in self.stations.items()
        }
        roots = [root for _, root in self.kinds.values()]
        basis = exactness.grounds_of_pipeline(roots, solved)
        dirty = exactness.disturbed(roots, solved)
        stations = {
            name: replace(r, basis=exactness.with_arrivals(r, name not in dirty))
            for name, r in solved.items()
        }
        if dirty:
            basis = exactness.grounds_of_pipeline(roots, stations)
        kinds = {
            kind: KindResult(share, *root.outcome(solved, admitted))
            for kind, (share, root) in self.kinds.items()
        }
        through, latency = _mix(kinds)
        return PipelineResult(
            arrival_rate=rate,
            latency=latency,
            stations=stations,
            visits=_by_station(visits),
            max_rate=self.max_rate,
            bottleneck="" if is_symbolic(self.max_rate) else self.bottleneck,
            kinds=kinds,
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
        return Pipeline(
            {kind: (share, swapped(root, swap)) for kind, (share, root) in self.kinds.items()}
        )


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
