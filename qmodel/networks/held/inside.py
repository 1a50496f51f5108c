"""What is inside a held pool: its stations as they count, and as holders find them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from qmodel.basis import Assumption
from qmodel.distributions import (
    Distribution,
    Exponential,
    HyperExponential,
    Mixture,
    Scaled,
)
from qmodel.errors import ModelError
from qmodel.networks.held.counts import Place
from qmodel.networks.held.found_wait import FoundWait
from qmodel.networks.held.result import HeldResult
from qmodel.networks.held.times import mean_met, stages
from qmodel.networks.product_form import node_of
from qmodel.queues import mmc
from qmodel.queues.base import Station, StationResult, StreamResult

__all__ = [
    "FOURTH",
    "Inside",
    "Settled",
    "found",
    "longer",
    "place_of",
    "thinned",
    "together",
    "variability",
]

FOURTH = 4
_NONE = 1e-12
"""A wait over a service that counts as zero."""


class Inside(ABC):
    """What holders do: which stations they visit, and how long that takes."""

    places: Mapping[str, Place]
    """The stations, as they count; under "" the time that is spent at none."""

    alone: Distribution
    """Distribution of the time for which a permit is held without load."""

    grounds: tuple[Assumption, ...] = ()
    """What the way in which the stations count rests on."""

    def once(self, what: str, make: Callable[[], Any]) -> Any:
        """Return what does not depend on the load, made when it is first asked for."""
        known: dict[str, Any] = self.__dict__.setdefault("known", {})
        if what not in known:
            known[what] = make()
        return known[what]

    @property
    def names(self) -> list[str]:
        """The names of the stations."""
        return [name for name in self.places if name]

    @abstractmethod
    def result(self, name: str) -> StationResult:
        """Return the steady state of a station at its load, if no pool limits it."""

    @abstractmethod
    def services(self, name: str) -> Sequence[Distribution]:
        """Return the service of each stream of a station, in the order of its result."""

    @abstractmethod
    def passage(self, found: Mapping[str, StationResult]) -> Distribution:
        """Return how long a permit is held, given what holders find at some stations."""


def place_of(name: str, station: Station, visits: Any, work: Any, counted: Any = 1.0) -> Place:
    """Return how a station counts, to whose visits holders bring a mean `work` [s]."""
    curve = getattr(station, "throughputs", None)
    if curve is not None:  # A pool in the pool serves as its inside does.
        return Place(visits, 1.0, station.servers, tuple(curve), counted, station)
    try:
        node = node_of(name, station)
    except ModelError:
        # No product form: what loses requests as a delay, others by their servers.
        servers = np.inf if station.loses else station.servers
        return Place(visits, work, servers, None, counted, service=station.service)
    if node.delays:
        return Place(visits, work, service=station.service)
    if node.speeds is not None:
        return Place(visits, node.work, station.servers, node.speeds, counted)
    service = station.service if node.queues else None
    return Place(visits, work, node.servers, None, counted, service=service)


class Settled(NamedTuple):
    """How far a full pool says how long holders wait inside."""

    full: Any
    """Probability that it is full."""
    end: Any
    """The waits at its limit over exponential ones."""
    cut: Any = 1.0
    """What is left of waits so that holders are not more than permits."""
    known: Any = False
    """Whether the means are known as they are."""


def found(
    inside: Inside,
    met: Mapping[str, Any],
    settled: Settled,
    means: Mapping[str, Any] | None = None,
    late: bool = False,
) -> dict[str, StationResult]:
    """Return the stations where holders meet 0, 1, ... others with these probabilities.

    `means` are the mean times at each where they are of a chain: as they follow from what is
    met, and as they are.

    Service that is not exponential makes waits longer or shorter as it does without a pool,
    unless the means are known. They also have the shape of those as often as the pool is not
    full, but for regular service where requests come `late`, having waited for a permit: they
    find all others before them.
    """
    return {
        name: _limited(inside, name, m, settled, late, (means or {}).get(name))
        for name, m in met.items()
    }


def _limited(
    inside: Inside, name: str, met: Any, settled: Settled, late: bool, means: Any
) -> StationResult:
    result, place = inside.result(name), inside.places[name]
    if place.pool:
        return result.station.limited(result, met)  # type: ignore[attr-defined,no-any-return]
    alike = result.wait is not None and place.speeds is None
    if alike and all(s.wait is None for s in result.streams):
        return _queued(result, place, met, inside.services(name), settled, late, means)
    factor = 1 if means is None else means[1] / means[0]
    if place.speeds is not None and isinstance(result.station.service, Exponential):
        return longer(_shared(result, place, met), factor)
    return longer(result, factor * mean_met(place, met) / np.asarray(result.response_time))


def _shared(result: StationResult, place: Place, met: Any) -> StationResult:
    """Return a station that all present share where holders find `met`.

    A request stays as long as it would among those that it finds: exactly so while the pool
    is full.
    """
    last = len(place.speeds) - 1  # type: ignore[arg-type]
    speeds = (place.speeds[min(j, last)] for j in range(len(met)))  # type: ignore[index]
    means = tuple(
        (place.work * (j + 1) / speed + 0 * met[j])[()] for j, speed in enumerate(speeds)
    )
    distribution = HyperExponential(tuple(p[()] for p in met), means)
    rate, mean = np.asarray(result.arrival_rate), distribution.mean
    streams = tuple(
        StreamResult(
            s.arrival_rate, mean - result.station.service.mean, mean, distribution, kind=s.kind
        )
        for s in result.streams
    )
    return replace(
        result,
        waiting_time=mean - result.station.service.mean,
        response_time=mean,
        queue_length=rate * (mean - result.station.service.mean),
        number_in_system=rate * mean,
        response=distribution,
        number=None,
        streams=streams,
    )


def _queued(
    result: StationResult,
    place: Place,
    met: Any,
    services: Sequence[Distribution],
    settled: Settled,
    late: bool,
    means: Any,
) -> StationResult:
    """Return a station first come first served where holders find `met`."""
    station = result.station
    full, end, cut, known = settled
    rate = place.servers / place.work
    scv, *left = (np.where(known, x, 1.0) for x in stages(place))
    distribution: Distribution = FoundWait.of(met, place.servers, rate, scv, *left)
    if means is not None:
        alike, own = (np.maximum(mean - place.work, 0.0) for mean in means)
        some = alike > _NONE * place.work
        ratio = np.where(some, own, 1.0) / np.where(some, alike, 1.0)
        distribution = Scaled(distribution, ratio[()])
    factor = variability(result, place)
    if factor is not None:
        full = np.clip(full, 0.0, 1.0)
        # A full pool serves what it can: there its limit says how long holders wait.
        factor = np.where(known, 1.0, factor + full**FOURTH * (end - factor))
        often = np.where(end > 1, 1 - full, 0.0) if late else 1 - full
        often = np.where(known, 0.0, often)
        distribution = _as_open(result, _scaled(distribution, factor), often)
    if not isinstance(cut, float):
        distribution = _scaled(distribution, cut)
    new = _with_wait(result, distribution, distribution.mean)
    streams = tuple(
        replace(station._stream(new, s.arrival_rate, work), kind=s.kind)
        for s, work in zip(result.streams, services, strict=True)
    )
    return replace(new, streams=streams)


def _scaled(wait: Distribution, factor: Any) -> Distribution:
    """Return a wait so many times as long; where there is no room for one, of hardly any."""
    return Scaled(wait, np.maximum(factor, _NONE)[()])


def _as_open(result: StationResult, wait: Distribution, often: Any) -> Distribution:
    """Return a wait of the same mean, so often of the shape that it has without a pool."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = wait.mean / np.asarray(result.waiting_time)
    some = np.isfinite(scale) & (scale > 0)
    often = np.where(some, np.clip(often, 0.0, 1.0), 0.0)[()]
    assert result.wait is not None
    alike = Scaled(result.wait, np.where(some, scale, 1.0)[()])
    return Mixture((often, 1 - often), (alike, wait))


def _with_wait(result: StationResult, wait: Distribution, mean: Any) -> StationResult:
    service, rate = result.station.service, np.asarray(result.arrival_rate)
    return replace(
        result,
        wait=wait,
        waiting_time=mean,
        response_time=mean + service.mean,
        queue_length=rate * mean,
        number_in_system=rate * (mean + service.mean),
        response=result.station.distribution_of_response(replace(result, wait=wait), service),
        number=None,
        streams=(),
    )


def variability(result: StationResult, place: Place) -> Any:
    """Return the wait of a station over that with exponential service; None where equal."""
    plain = mmc.waiting_time(result.arrival_rate, place.work, servers=place.servers)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = result.waiting_time / plain
    factor = np.where(np.isfinite(factor) & (plain > 0), factor, 1.0)[()]
    return None if np.all(np.abs(factor - 1) < 1e-9) else factor


def longer(result: StationResult, factor: Any) -> StationResult:
    """Return a station where all times are so many times longer."""
    if isinstance(factor, int) and factor == 1:
        return result
    factor = np.where(np.isfinite(factor), factor, 1.0)[()]
    service = result.response_time - result.waiting_time
    response = result.response_time * factor
    waiting = np.maximum(response - service, 0.0)
    streams = tuple(
        StreamResult(
            s.arrival_rate,
            np.maximum(s.response_time * factor - (s.response_time - s.waiting_time), 0.0),
            s.response_time * factor,
            Scaled(s.response, factor),
            None if s.wait is None else Scaled(s.wait, factor),
            s.kind,
        )
        for s in result.streams
    )
    rate = np.asarray(result.arrival_rate)
    return replace(
        result,
        waiting_time=waiting,
        response_time=response,
        queue_length=rate * waiting,
        number_in_system=rate * response,
        wait=None if result.wait is None else Scaled(result.wait, factor),
        response=Scaled(result.response, factor),
        number=None,
        streams=streams,
    )


def thinned(result: StationResult, part: Any) -> StationResult:
    """Return a station to which only a part of the requests comes, with the same times."""
    if np.all(np.asarray(part) == 1):
        return result
    fields: dict[str, Any] = {
        name: np.asarray(getattr(result, name)) * part
        for name in ("arrival_rate", "utilization", "queue_length", "number_in_system")
    }
    fields["streams"] = tuple(
        replace(s, arrival_rate=np.asarray(s.arrival_rate) * part) for s in result.streams
    )
    if isinstance(result, HeldResult):
        # A pool that is in overload itself has let in fewer already.
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.fmin(result.station.max_rate / np.asarray(result.arrival_rate), 1.0)
        more = np.minimum(part, own) / own
        fields["stations"] = {n: thinned(r, more) for n, r in result.stations.items()}
    return replace(result, **fields)


def together(shares: Sequence[Any], results: Sequence[StationResult]) -> StationResult:
    """Return one station as requests of several shares find it."""
    if len(results) == 1:
        return results[0]
    first = results[0]
    pairs = list(zip(shares, results, strict=True))
    waiting: Any = sum(p * r.waiting_time for p, r in pairs)
    response: Any = sum(p * r.response_time for p, r in pairs)
    rate, used = np.asarray(first.arrival_rate), first.utilization
    if not all(np.array_equal(r.arrival_rate, rate, equal_nan=True) for r in results):
        # A pool lets fewer in than come another way.
        rate = np.asarray(sum(p * r.arrival_rate for p, r in pairs))
        used = sum(p * r.utilization for p, r in pairs)
    waits = tuple(r.wait for r in results if r.wait is not None)
    mixed = len(waits) == len(results)
    weights = tuple(shares)
    streams = tuple(
        replace(
            s,
            waiting_time=sum(p * r.streams[i].waiting_time for p, r in pairs),
            response_time=sum(p * r.streams[i].response_time for p, r in pairs),
            response=Mixture(weights, tuple(r.streams[i].response for r in results)),
        )
        for i, s in enumerate(first.streams)
    )
    inside: dict[str, Any] = {}
    if isinstance(first, HeldResult):
        inner = {n: [r.stations[n] for r in results] for n in first.stations}  # type: ignore[attr-defined]
        inside["stations"] = {n: together(shares, found) for n, found in inner.items()}
    return replace(
        first,
        **inside,
        arrival_rate=rate[()],
        utilization=used,
        waiting_time=waiting,
        response_time=response,
        queue_length=rate * waiting,
        number_in_system=rate * response,
        wait=Mixture(weights, waits) if mixed else None,
        response=Mixture(weights, tuple(r.response for r in results)),
        basis=first.basis,
        streams=streams,
    )
