r"""What a station of a closed network remembers of its requests, and what happens next.

Each discipline has states that are tuples, so that a chain can look them up. Where only the
number of each class matters (shared servers, delays, preemption by more important classes) the
state is these numbers; where the order does, it is the classes in service and those that wait,
in their order of arrival. Service is exponential, with a mean by class.

========================  ====================  ===========================================
discipline                state                 who is served
========================  ====================  ===========================================
`Shared`                  numbers by class      all, in proportion to their weights
`Preempted`               numbers by class      the most important classes
`Waiting`                 in service, waiting   the oldest, newest or most important first
`Stacked`                 order of arrival      the newest, which interrupts
========================  ====================  ===========================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from qmodel.errors import ModelError
from qmodel.networks.product_form import Node

__all__ = ["Discipline", "Preempted", "Shared", "Stacked", "Waiting", "discipline_of"]

State = tuple[Any, ...]


class Discipline(Protocol):
    """A station as one part of the state of a chain."""

    @property
    def empty(self) -> State:
        """The state without requests."""

    def arrival(self, state: State, c: int, blocked: int = 0) -> State:
        """Return the state with one request more of class c; `blocked` servers are taken."""

    def departures(self, state: State, blocked: int = 0) -> Iterator[tuple[Any, int, State]]:
        """Yield rate, class and next state of each completion, its server left free."""

    def freed(self, state: State, blocked: int = 0) -> State:
        """Return the state once a free server has taken whom it can."""

    def numbers(self, state: State) -> tuple[int, ...]:
        """Return how many requests of each class are present."""

    def busy(self, state: State, blocked: int = 0) -> float:
        """Return how many servers work."""


def _changed(state: State, c: int, by: int) -> State:
    return (*state[:c], state[c] + by, *state[c + 1 :])


@dataclass(frozen=True, slots=True)
class Shared:
    """All present are served at once, in proportion to their weights.

    Parameters
    ----------
    rates : tuple
        Completions a second at speed 1, by class; numbers or arrays. [1/s]
    weights : tuple
        Weights by class. [-]
    speed : callable
        The speed with n present. [-]
    """

    rates: tuple[Any, ...]
    weights: tuple[Any, ...]
    speed: Callable[[int], Any]

    @property
    def empty(self) -> State:
        """The state without requests. [-]."""
        return (0,) * len(self.rates)

    def arrival(self, state: State, c: int, blocked: int = 0) -> State:
        """Return the state with one request more of class c."""
        return _changed(state, c, 1)

    def departures(self, state: State, blocked: int = 0) -> Iterator[tuple[Any, int, State]]:
        """Yield rate, class and next state of each completion."""
        whole = sum(n * w for n, w in zip(state, self.weights, strict=True))
        for c, n in enumerate(state):
            if n:
                share = n * self.weights[c] / whole
                yield self.rates[c] * share * self.speed(sum(state)), c, _changed(state, c, -1)

    def freed(self, state: State, blocked: int = 0) -> State:
        """Return the state itself: everyone is served."""
        return state

    def numbers(self, state: State) -> tuple[int, ...]:
        """Return how many requests of each class are present."""
        return state

    def busy(self, state: State, blocked: int = 0) -> float:
        """Return the speed."""
        return self.speed(sum(state)) if sum(state) else 0.0


@dataclass(frozen=True, slots=True)
class Preempted:
    """The most important classes are served, and interrupt the others.

    Parameters
    ----------
    rates : tuple
        Completions a second of a server, by class; the first class goes first. [1/s]
    servers : int
        Number of servers. [-]
    """

    rates: tuple[Any, ...]
    servers: int

    @property
    def empty(self) -> State:
        """The state without requests. [-]."""
        return (0,) * len(self.rates)

    def arrival(self, state: State, c: int, blocked: int = 0) -> State:
        """Return the state with one request more of class c."""
        return _changed(state, c, 1)

    def departures(self, state: State, blocked: int = 0) -> Iterator[tuple[Any, int, State]]:
        """Yield rate, class and next state of each completion."""
        left = self.servers - blocked
        for c, n in enumerate(state):
            served = min(n, left)
            left -= served
            if served:
                yield self.rates[c] * served, c, _changed(state, c, -1)

    def freed(self, state: State, blocked: int = 0) -> State:
        """Return the state itself: the numbers say who is served."""
        return state

    def numbers(self, state: State) -> tuple[int, ...]:
        """Return how many requests of each class are present."""
        return state

    def busy(self, state: State, blocked: int = 0) -> float:
        """Return how many servers work."""
        return min(sum(state), self.servers - blocked)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A service once begun is finished; then one of those who wait is taken.

    Parameters
    ----------
    rates : tuple
        Completions a second of a server, by class. [1/s]
    servers : int
        Number of servers. [-]
    order : {"oldest", "newest", "overtakes"}
        Who is taken next; with "overtakes", of the first class that waits. [-]
    """

    rates: tuple[Any, ...]
    servers: int
    order: str = "oldest"

    @property
    def empty(self) -> State:
        """The state without requests. [-]."""
        return ((), ())

    def arrival(self, state: State, c: int, blocked: int = 0) -> State:
        """Return the state with one request more of class c."""
        served, waiting = state
        if len(served) + blocked < self.servers:
            return (tuple(sorted((*served, c))), waiting)
        waiting = (*waiting, c)
        return (served, tuple(sorted(waiting)) if self.order == "overtakes" else waiting)

    def departures(self, state: State, blocked: int = 0) -> Iterator[tuple[Any, int, State]]:
        """Yield rate, class and next state of each completion, its server left free."""
        served, waiting = state
        for c in sorted(set(served)):
            at = served.index(c)
            yield (
                self.rates[c] * served.count(c),
                c,
                ((*served[:at], *served[at + 1 :]), waiting),
            )

    def freed(self, state: State, blocked: int = 0) -> State:
        """Return the state once free servers have taken those who wait."""
        served, waiting = state
        while waiting and len(served) + blocked < self.servers:
            at = len(waiting) - 1 if self.order == "newest" else 0
            served = tuple(sorted((*served, waiting[at])))
            waiting = (*waiting[:at], *waiting[at + 1 :])
        return (served, waiting)

    def numbers(self, state: State) -> tuple[int, ...]:
        """Return how many requests of each class are present."""
        present = (*state[0], *state[1])
        return tuple(present.count(c) for c in range(len(self.rates)))

    def busy(self, state: State, blocked: int = 0) -> float:
        """Return how many servers work."""
        return len(state[0])


@dataclass(frozen=True, slots=True)
class Stacked:
    """One server, which the newest request always has; the others resume when it is through.

    Parameters
    ----------
    rates : tuple
        Completions a second, by class. [1/s]
    """

    rates: tuple[Any, ...]

    @property
    def empty(self) -> State:
        """The state without requests. [-]."""
        return ()

    def arrival(self, state: State, c: int, blocked: int = 0) -> State:
        """Return the state with one request more of class c."""
        return (*state, c)

    def departures(self, state: State, blocked: int = 0) -> Iterator[tuple[Any, int, State]]:
        """Yield rate, class and next state of the one completion there can be."""
        if state:
            yield self.rates[state[-1]], state[-1], state[:-1]

    def freed(self, state: State, blocked: int = 0) -> State:
        """Return the state itself: the newest is served."""
        return state

    def numbers(self, state: State) -> tuple[int, ...]:
        """Return how many requests of each class are present."""
        return tuple(state.count(c) for c in range(len(self.rates)))

    def busy(self, state: State, blocked: int = 0) -> float:
        """Return whether the server works."""
        return float(bool(state))


def discipline_of(
    name: str, node: Node, rates: tuple[Any, ...], weights: tuple[Any, ...]
) -> Discipline:
    """Return how a station serves.

    Parameters
    ----------
    name : str
        Name of the station. [-]
    node : Node
        What the station is to several classes. [-]
    rates : tuple
        Completions a second of a server, by class. [1/s]
    weights : tuple
        Weights by class, where servers are shared. [-]

    Returns
    -------
    Discipline
        The station as part of the state of a chain. [-]

    Raises
    ------
    ModelError
        If its servers are no one number, or shared by weights and more than one.
    """
    if node.delays:
        return Shared(rates, (1.0,) * len(rates), float)
    speeds = node.speeds
    if speeds is not None:
        return Shared(rates, weights, lambda n: speeds[min(n, len(speeds)) - 1])
    if np.ndim(node.servers):
        raise ModelError(f"the servers of {name} must be one number in a Markov chain")
    servers = int(node.servers)
    if node.order == "stacked":
        return Stacked(rates)
    if not node.queues:
        if servers > 1 and len(set(weights)) > 1:
            raise ModelError(f"{name} shares {servers} servers: weights need one server")
        return Shared(rates, weights, lambda n: float(min(n, servers)))
    if node.order == "interrupts":
        return Preempted(rates, servers)
    return Waiting(rates, servers, node.order)
