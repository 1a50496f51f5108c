r"""The states of the stations inside a pool, and their moves: numbers there, and service begun.

A station with c servers and n requests has b = min(n, c) services under way. Its state is n and
how many of the b are in each phase of the service time (`qmodel.queues.phases.busy_servers`).
A place where nobody waits has as many servers as holders may come; exponential service has one
phase, so that n alone is the state, whatever the speed by the number there. Moves are of three
kinds: a service changes its phase; it ends, and the next in line begins; a request comes, and
begins or waits.

Which states and moves there are depends on the shape only: the number of servers, and what
phases there are between which times go. Rates come from the cells: the rate of a move is a
count of services, times a rate of the phases, times the speed by the number there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions.phase_type import PhaseType
from qmodel.queues.phases.busy_servers import configurations, moved

__all__ = [
    "EXPONENTIAL",
    "Moves",
    "Shape",
    "Site",
    "expanded",
    "site",
    "states",
    "unit_rates",
]


class Shape(NamedTuple):
    """What a station is but for its rates."""

    servers: int
    """Services at once that are told apart; 1 where there is but one phase. [-]"""
    starts: tuple[int, ...]
    """Phases in which a service begins."""
    changes: tuple[tuple[int, int], ...]
    """Phases that follow each other."""
    ends: tuple[int, ...]
    """Phases with which a service ends."""
    phases: int

    @staticmethod
    @lru_cache(maxsize=1024)
    def of(service: PhaseType, servers: float, most: int) -> Shape:
        """Return the shape of a station with at most `most` present."""
        size = service.initial.size
        apart = service.generator - np.diag(service.generator.diagonal())
        changes = tuple((int(a), int(b)) for a, b in zip(*np.nonzero(apart), strict=True))
        starts, ends = (
            tuple(np.flatnonzero(x > _NOTHING).tolist())
            for x in (service.initial, service.ends / -service.generator.diagonal())
        )
        told = 1 if size == 1 else int(min(servers, most))
        return Shape(told, starts, changes, ends, size)


_NOTHING = 1e-12
"""A probability that is rounding."""

EXPONENTIAL = PhaseType([1.0], [[-1.0]])


class Moves(NamedTuple):
    """Moves of a kind from state to state of a station, in the order of the former."""

    from_: Any
    to: Any
    count: Any
    rate: Any
    """Which entry of `unit_rates` their rate is."""


class Site(NamedTuple):
    """The states of a station and its moves."""

    first: Any
    """The first state with 0, 1, ... there, and the number of states."""
    present: Any
    """Number there by state. [-]"""
    changed: Moves
    ended: Moves
    came: Moves


@lru_cache(maxsize=1024)
def unit_rates(service: PhaseType) -> Any:
    """Return the rates of service times of mean 1: none, starts, ends, changes, restarts."""
    mean = float(service.mean)
    ends = service.ends * mean
    apart = service.generator * mean
    restarts = np.outer(ends, service.initial)
    return np.concatenate([[1.0], service.initial, ends, apart.ravel(), restarts.ravel()])


def states(shape: Shape, most: int) -> list[int]:
    """Return the number of states of a station with 0, 1, ..., `most` present."""
    return [len(configurations(min(n, shape.servers), shape.phases)) for n in range(most + 1)]


@lru_cache(maxsize=256)
def site(shape: Shape, most: int) -> Site:
    """Return the states of a station with at most `most` present."""
    c, k, m = shape.servers, shape.phases, shape.phases**2
    start, end, change, restart = 1, 1 + k, 1 + 2 * k, 1 + 2 * k + m
    sizes = states(shape, most)
    first = np.concatenate([[0], np.cumsum(sizes)])
    changed: list[Any] = []
    ended: list[Any] = []
    came: list[Any] = []
    for n in range(most + 1):
        busy = min(n, c)
        for a, b in shape.changes if n else ():
            here, count, there = moved(busy, k, a, b)
            changed.append((first[n] + here, first[n] + there, count, change + a * k + b))
        for a in shape.ends if n else ():
            here, count, there = moved(busy, k, a, -1)
            if n <= c:
                ended.append((first[n] + here, first[n - 1] + there, count, end + a))
                continue
            for b in shape.starts:
                begun = moved(busy - 1, k, -1, b)[2][there]
                rate = restart + a * k + b
                ended.append((first[n] + here, first[n - 1] + begun, count, rate))
        if n == most:
            continue
        if n >= c:
            all_ = np.arange(sizes[n])
            came.append((first[n] + all_, first[n + 1] + all_, np.ones(sizes[n]), 0))
            continue
        for b in shape.starts:
            here, count, there = moved(busy, k, -1, b)
            came.append((first[n] + here, first[n + 1] + there, count, start + b))
    present = np.repeat(np.arange(most + 1), sizes)
    return Site(first, present, *(_in_order(x) for x in (changed, ended, came)))


def _in_order(found: list[Any]) -> Moves:
    parts = [(i, j, n, np.full(len(i), rate)) for i, j, n, rate in found]
    if not parts:
        return Moves(*(np.zeros(0, dtype=int) for _ in range(4)))
    columns = [np.concatenate(x) for x in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Moves(*(x[order] for x in columns))


def expanded(at: Any, moves: Moves) -> tuple[Any, Any]:
    """Return each pair of a row, at a state of the station, and a move from there."""
    first = np.searchsorted(moves.from_, at)
    count = np.searchsorted(moves.from_, at, side="right") - first
    row = np.repeat(np.arange(len(at)), count)
    begin = np.repeat(first - np.cumsum(count) + count, count)
    return row, begin + np.arange(len(row))
