"""How the streams arrive: a pass over the paths that follows how variable they are.

Stations with a Poisson output (M/M/c, processor sharing, delays) pass Poisson streams on; a
limit, a fork, or FCFS with general service does not (`Step.departures`). What leaves a station
is as variable as its service and its arrivals make it
(`qmodel.queues.approximations.dispersion`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._xp import is_symbolic, namespace
from qmodel.pipeline.flows import stream_of
from qmodel.pipeline.steps.call import Call
from qmodel.queues.approximations.at_station import at_station
from qmodel.queues.approximations.batch_waits import Batches, OneOfEach
from qmodel.queues.approximations.behind import Behind
from qmodel.queues.approximations.dispersion import (
    DISTURBED,
    POISSON,
    Dispersion,
    merged,
    mixed,
)
from qmodel.queues.approximations.displaced_stream import displaced
from qmodel.queues.approximations.losses_behind import BehindRoom, scv_in_room
from qmodel.queues.approximations.return_visits import felt, lasting
from qmodel.queues.approximations.time_scales import early_scv, scv_at
from qmodel.queues.delay import Delay

if TYPE_CHECKING:
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.steps.base import Step
    from qmodel.queues.base import StationResult

__all__ = ["Arrivals", "Calls"]

_ROUNDS = 12
"""Passes after which streams that come back to a station are taken as they are."""


class Calls:
    """Which stations are called within a step."""

    def __init__(self) -> None:
        self._called: dict[int, frozenset[Call]] = {}

    def _calls(self, step: Step) -> frozenset[Call]:
        if id(step) not in self._called:
            found = (inner for inner in step.walk() if isinstance(inner, Call))
            self._called[id(step)] = frozenset(found)
        return self._called[id(step)]

    def called(self, step: Step) -> set[str]:
        """Return the stations that are called within a step."""
        return {call.name for call in self._calls(step)}

    def queues(self, step: Step) -> set[str]:
        """Return those of them at which requests may wait for each other."""
        return {call.name for call in self._calls(step) if call.queues}


class Arrivals(Calls):
    """What streams come to the stations, given their flows.

    `disturbed` are the stations whose arrivals are not Poisson, `scvs` how variable they are
    where that is known; `limited` is whether a limit sees some of which that is not.
    """

    def __init__(self, flows: Flows) -> None:
        super().__init__()
        self.flows = flows
        self.disturbed: set[str] = set()
        self.limited = False
        self.scvs: dict[Any, Any] = {}
        self.accepted: dict[Any, Any] = {}
        """By limit: the share that it lets through, where that is known of its stream."""
        self.told: dict[str, dict[str, Any]] = {}
        """What the streams of a station say of that."""
        self._shares: dict[str, Any] = flows.by_station()
        self._into: dict[str, dict[Any, list[Dispersion]]] = {}
        self._before = self._into
        self._stations: dict[str, Any] = {}
        self.returns: dict[tuple[str, str], tuple[Any, Any]] = {}
        """By station and kind of request, where one comes back: its visits, and the pause."""
        self.alone: dict[str, StationResult] = {}
        """By station: the result behind one Poisson stream, where it was asked for."""
        self.batches: dict[str, dict[Any, int]] = {}
        """By station and stream: how many requests come at once, where it is more than one."""
        self._size: tuple[str, int, Any] = "", 1, 0.0
        self.times: Any = 1
        self._clock: Any = 0.0
        self._met: dict[str, tuple[Dispersion, Any, int]] = {}
        self._own: dict[str, Any] = {}
        self._ahead: dict[str, frozenset[str]] = {}
        """By station that loses some: what its streams have passed before."""
        self.symbolic = is_symbolic(flows.rate, *self._shares.values())
        for _ in range(_ROUNDS):
            before, known = (set(self.disturbed), dict(self._ahead)), dict(self.scvs)
            self._before, self._into = self._into, {}
            for kind, (_, root) in flows.plan.kinds.items():
                self._kind, self._clock, self._met = kind, 0.0, {}
                with np.errstate(over="ignore", invalid="ignore"):
                    root.departures(POISSON, self)
            if not flows.plan.revisited or (
                before == (self.disturbed, self._ahead)
                and not any(
                    _moved(scv, known.get(name, 1.0)) for name, scv in self.scvs.items()
                )
            ):
                break

    def share(self, step: Step) -> Any:
        """Return the share that the load decides of a step."""
        return self.flows.shares.get(step.key, step.worst)

    def through(self, call: Call, arriving: Dispersion) -> Dispersion:
        """Note what comes to the station of a call, and return what leaves."""
        name = call.name
        key = (name, *stream_of(call, self._kind))
        met, plain = arriving.passed, self.flows.plan.stations[name]
        if self._size[0] == name and not self.symbolic:
            _, size, apart = self._size
            self._size = "", 1, 0.0
            arriving = Batches(arriving, size, apart)
            if np.all(np.equal(apart, 0)) and plain.variable_arrivals:
                self.batches.setdefault(name, {})[key[1:]] = size
        else:
            came = self._first(call, key, arriving)
            arriving = arriving if plain.losses_follow else came
        if arriving:
            self.disturbed.add(name)
        here = self._into.setdefault(name, {}).setdefault(key, [])
        here.append(arriving)
        if plain.losses_follow and not self.symbolic:
            before = frozenset(self._met.keys() | arriving.passed)
            return self._through_room(name, before, self._part(name, key))
        pool = plain.shared_queue is not None and not self.symbolic
        if not (plain.poisson_output or plain.variable_arrivals or pool):
            return DISTURBED
        station, services, rate = self._loaded(name)
        if station.poisson_output and name not in self.disturbed:
            return POISSON
        if pool:
            return self._through_pool(name, self._part(name, key))
        if isinstance(station, Delay) and not self.symbolic:
            return displaced(arriving, call.work, rate)
        if self.symbolic or not station.variable_arrivals:
            return (station.poisson_output and arriving) or DISTURBED
        mine, stream = self._part(name, key), self._together(name)
        utilization = rate * services.mean / station.servers
        scv: Any = 1.0
        seen, share = services.scv, 1.0
        if (again := self.returns.get((name, self._kind))) is not None:
            lasts = lasting(again[1], services.mean / station.servers, seen, utilization)
            share = felt(again[0], lasts, utilization)
            seen = 1 + share * (seen - 1)
        if stream.depth:
            once = again is None
            found = at_station(stream, rate, utilization, services, station.servers, seen, once)
            scv = found.pop("index")
            all_here = [x for streams in self._into[name].values() for x in streams]
            if isinstance(arriving, Batches) and all(isinstance(x, Batches) for x in all_here):
                # Those of several requests may wait for one another, for any time.
                few = np.where(np.equal(services.scv, 0), np.inf, arriving.size)
                found["burst"] = few[()]
            self.scvs[name], self.told[name] = scv, found
        passed = met | arriving.passed | {name}  # Those of a first visit know of few.
        behind = stream, rate, utilization, station.servers, services, scv, passed
        if isinstance(arriving, Batches):
            return OneOfEach(arriving, mine, *behind, felt=share)
        left = Behind(*behind, felt=share, waits=lambda: self._wait_alone(name))
        return left if _whole(mine) else left.thinned(mine)

    def _wait_alone(self, name: str) -> Any:
        """Return the wait at a station behind one Poisson stream."""
        if name not in self.alone:
            station, _, rate = self._loaded(name)
            self.alone[name] = station.solve(rate)
        return self.alone[name].wait

    def _together(self, name: str) -> Dispersion:
        """Return all that comes to a station."""
        into = self._before.get(name, self._into[name])
        return mixed(
            [
                (self._part(name, key) / len(streams), stream)
                for key, streams in into.items()
                for stream in streams
            ]
        )

    def _through_room(self, name: str, passed: frozenset[str], mine: Any) -> Dispersion:
        """Note how variable streams are for a station that loses some, and return the rest."""
        station, services, rate = self._loaded(name)
        stream: Any = self._together(name)
        scv: Any = 1.0
        passed = passed | stream.passed | {name}
        ahead = self._ahead[name] = self._ahead.get(name, frozenset()) | stream.passed
        if any(name in {other, *self._ahead.get(other, ())} for other in ahead):
            # How many are lost would rest on itself.
            self.scvs.pop(name, None)
            return DISTURBED.having_passed(passed)
        servers, most = station.servers, station.most
        if stream.depth:
            scv = scv_in_room(stream, rate, services.mean, services.scv, servers, most)
            if isinstance(stream, Behind):
                scv = np.where(stream.spaces(services, servers), 0.0, scv)[()]
            self.scvs[name] = scv
        accepted = self.flows.shares.get(name, 1.0)
        left = BehindRoom(stream, rate, accepted, services, servers, most, scv)
        left.passed = passed
        return left if _whole(mine) else left.thinned(mine)

    def _through_pool(self, name: str, mine: Any) -> Dispersion:
        """Note what comes to a pool, and return what leaves its queues."""
        station, services, rate = self._loaded(name)
        servers, queues, own = station.shared_queue
        scv: Any = own
        busy, each = rate * services.mean / station.servers, rate / queues
        stream: Any = self._together(name)
        if stream.depth:
            come = scv_at(stream, each, busy, services.scv)
            first = early_scv(stream, each, busy, come, services, servers)
            early = None if first is come else first
            self.scvs[name], self.told[name] = come, {"scv": come, "early_scv": early}
            scv = np.maximum(own + (come - 1) / queues, 0.0)
        passed = stream.passed | {name}
        if not stream and type(queues) is int and queues > 1 and np.all(np.equal(own, 1)):
            # Drawn at random from a Poisson stream: each queue has one of its own.
            left = Behind(stream, each, busy, servers, services, scv, passed)
            several = merged(left, queues).having_passed(passed)
            return several if _whole(mine) else several.thinned(mine)
        # Constant work by round robin is as in one queue; others may leave at once.
        turn = np.all(np.equal(services.scv, 0) & np.equal(np.multiply(own, queues), 1))
        left = Behind(
            stream, each, busy, servers, services, scv, passed,
            queues=queues if turn else 1, alone=False,
        )  # fmt: skip
        whole = turn or np.all(queues == 1)
        return left if _whole(mine) and whole else left.thinned(mine)

    def one_of(
        self, step: Step, arriving: Dispersion, name: str, size: int, before: Sequence[Step]
    ) -> Dispersion:
        """Return what leaves a step in which one of several calls to a station is made.

        What is done before sets them apart.
        """
        apart = sum(self.time_in(other) for other in before) if before else 0.0
        self._size = name, size, apart
        left = step.departures(arriving, self)
        self._size = "", 1, 0.0
        return left

    def time_in(self, step: Step) -> Any:
        """Return about how long a request is in a step, for what counts most of several."""
        total: Any = 1e-300
        for name in self.called(step):
            station, services, rate = self._loaded(name)
            load = np.minimum(rate * services.mean / station.servers, 0.999)
            often = load ** (np.sqrt(2.0 * (np.asarray(station.servers) + 1.0)) - 1.0)
            wait = often / (station.servers * (1 - load)) * (1 + services.scv) / 2
            total = total + services.mean * (1 + np.minimum(wait, 1e6))
        return total

    def coming_back(self, step: Step, arriving: Dispersion, again: Any) -> Dispersion:
        """Return what leaves a step, of whose requests a share has been there before."""
        noted = {
            name: {key: list(streams) for key, streams in here.items()}
            for name, here in self._into.items()
        }
        met, clock, returns = dict(self._met), self._clock, dict(self.returns)
        left = step.departures(arriving, self)
        self._into, self._met, self._clock, self.returns = noted, met, clock, returns
        mix = mixed([(1 - again, arriving), (again, left.thinned(again))])
        return step.departures(mix.having_passed(arriving.passed), self)

    def _first(self, call: Call, key: Any, arriving: Dispersion) -> Dispersion:
        """Note a visit, and return the stream of the first ones of those who come back."""
        name, visits = call.name, self.flows.visits
        if self.symbolic or not self.flows.plan.revisited:
            return arriving
        share = self.flows.plan.kinds[self._kind][0]
        came, first, count = self._met.get(name, (arriving, self._clock, 0))
        back = name in arriving.passed or (count > 0 and arriving is came)
        count += 1
        self._met[name] = came, first, count
        over = namespace().over
        mine = over(visits[key], share, 0.0)
        if back:
            own = sum(v for k, v in visits.items() if k[:2] == (name, self._kind))
            often = over(own, share, 0.0)
            pause = (self._clock - first) / (count - 1)
            # The times at the station itself are no pause.
            # After an endless time, and one that is endless itself, all have forgotten.
            pause = np.maximum(np.nan_to_num(pause - self._own[name], nan=np.inf), 0.0)
            many = np.maximum(np.maximum(often, self.times), 1.0)
            self.returns[name, self._kind] = many, pause
        self._own[name] = np.minimum(mine, 1.0) * call.work.mean
        self._clock = self._clock + self._own[name]
        return came if back else arriving

    def _part(self, name: str, key: Any) -> Any:
        """Return the share of a stream in what comes to a station."""
        if len(self._shares) == len(self.flows.visits):
            return 1.0  # No station has two streams.
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(np.divide(self.flows.visits[key], self._shares[name]))

    def _loaded(self, name: str) -> Any:
        if name not in self._stations:
            streams = self.flows.streams(name)
            plain = self.flows.plan.stations[name]
            distributions = [plain.service if s.service is None else s.service for s in streams]
            rates = [s.arrival_rate for s in streams]
            station = plain.serving_all(distributions, rates)
            self._stations[name] = station, station.service, sum(rates)
        return self._stations[name]


def _whole(share: Any) -> bool:
    return share == 1 if isinstance(share, float) else bool(np.all(share == 1))


def _moved(new: Any, old: Any) -> bool:
    return bool(np.any(np.abs(np.asarray(new) - old) > 1e-3))
