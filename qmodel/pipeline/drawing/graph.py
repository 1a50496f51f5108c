"""The map of a pipeline: its stations as nodes, and the flow of requests between them as edges.

Each step adds its part (`qmodel.pipeline.steps.base.Step.sketch`): it is given the *ends* that
are open behind the steps before it, and returns those that it leaves open. A station that is
called from several places is one node, and the flows of all paths between two nodes are one
edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.errors import ModelError
from qmodel.pipeline.flows import DryPass, Flows
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline.result import PipelineResult
    from qmodel.pipeline.steps.base import Step
    from qmodel.pipeline.steps.call import Call

__all__ = ["Edge", "End", "Ends", "Graph", "Node"]

START = "client"


class End(NamedTuple):
    """A node that requests come from, how many of one request, and what is said of them."""

    node: tuple[str, Any]
    flow: float
    words: tuple[str, ...] = ()


Ends = tuple[End, ...]


@dataclass(slots=True)
class Node:
    """A box: its title, the lines below it, and the busy share of its servers."""

    title: str
    lines: list[str] = field(default_factory=list)
    busy: float = math.nan
    plain: bool = False
    """Whether nobody waits there."""


@dataclass(slots=True)
class Edge:
    """How often a request goes from one node to another, of which kinds, and why."""

    flow: float = 0.0
    kinds: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


class Graph:
    """The map of a pipeline at a load; of flows per request where the load is 0."""

    def __init__(self, result: PipelineResult) -> None:
        self.result = result
        self.rate = self.number(result.arrival_rate)
        self.nodes: dict[tuple[str, Any], Node] = {}
        self.edges: dict[tuple[Any, Any], Edge] = {}
        start = (START, START)
        self.nodes[start] = Node(START, [text(self.rate, "1/s")] if self.rate else [])
        for kind, (share, root) in result.pipeline.kinds.items():
            self._kind = kind
            root.sketch((End(start, self.number(share)),), self)

    # What steps draw with.

    def visit(self, ends: Ends, key: tuple[str, Any], node: Node) -> float:
        """Lead open ends to a node, which may be there, and return the flow into it."""
        self.nodes.setdefault(key, node)
        for end in ends:
            edge = self.edges.setdefault((end.node, key), Edge())
            edge.flow += end.flow
            _note(edge.kinds, (self._kind,))
            _note(edge.words, end.words)
        return sum(end.flow for end in ends)

    def station(self, call: Call, ends: Ends) -> Ends:
        """Lead open ends to a station, and return what it does not lose."""
        state = self.result.stations[call.name]
        node = Node(call.name, [self._work(state.station)], plain=not call.queues)
        if self.rate and call.queues:
            node.busy = self.number(state.utilization)
        key = ("station", call.name)
        flow = self.visit(ends, key, node)
        accepted = self.number(state.accepted) if call.station.loses else 1.0
        return (End(key, flow * accepted),)

    def note(self, ends: Ends, line: str) -> None:
        """Write a line into the nodes where ends are open."""
        for end in ends:
            _note(self.nodes[end.node].lines, (line,))

    def node(self, ends: Ends, step: Step, title: str, *lines: str) -> Ends:
        """Lead open ends to a node of a step itself."""
        return (
            End(step.key, self.visit(ends, step.key, Node(title, list(lines), plain=True))),
        )

    def join(self, done: Iterable[Ends], step: Step, title: str, before: Ends) -> Ends:
        """Lead ends that are needed together to one node; as many go on as came before."""
        gone = [self.node(ends, step, title)[0].flow for ends in done]
        came = sum(end.flow for end in before)
        return (End(step.key, came * prod(x / came for x in gone) if came > 0 else 0.0),)

    def around(self, step: Step, ends: Ends) -> Ends:
        """Draw the step inside another one that does it several times, or not always."""
        (child,) = step.children
        times = self._times(step, child)
        done = child.sketch(self.scaled(ends, times, step.caption), self)
        if times == 0:  # all go past it
            return self.scaled(ends, self.through(step))
        inside = times * self.through(child)
        return self.scaled(done, self.through(step) / inside if inside > 0 else 0.0)

    def scaled(self, ends: Ends, factor: Any, words: str = "") -> Ends:
        """Return ends with another flow, and something said of it."""
        said, times = ((words,) if words else ()), self.number(factor)
        return tuple(End(e.node, e.flow * times, (*e.words, *said)) for e in ends)

    def merged(self, parts: Iterable[Ends]) -> Ends:
        """Return all ends, each once; who comes from one node by two ways is taken together."""
        found: dict[Any, float] = {}
        for end in (end for part in parts for end in part):
            key = (end.node, end.words)
            found[key] = found.get(key, 0.0) + end.flow
        return tuple(End(node, flow, words) for (node, words), flow in found.items())

    def through(self, step: Step) -> float:
        """Return which share of the requests into a step goes on."""
        share = self.result.solved.flows.through(step)
        return 1.0 if share is None else self.number(share)

    def share(self, step: Step) -> float:
        """Return the share that the load makes of a step."""
        return self.number(self.result.solved.settled[step.key])

    def _times(self, step: Step, child: Step) -> float:
        """Return how often a step does the one inside it."""
        all_calls, calls = (self._calls(s) for s in (step, child))
        return all_calls / calls if calls > 0 else 1.0

    def _calls(self, step: Step) -> float:
        counter: Any = _Counter(self.result.solved.flows)
        step.flow(1.0, counter)
        return self.number(counter.calls)

    @staticmethod
    def number(x: Any) -> float:
        """Return a number, refusing arrays and symbols."""
        if is_symbolic(x) or np.ndim(x):
            raise ModelError(
                "arrival_rate or the model has arrays or symbols: a drawing is of one scenario"
            )
        return float(x)

    # Words for people.

    def _work(self, station: Any) -> str:
        """Return the servers of a station and how long they take."""
        work = text(self.number(station.service.mean), "s", digits=3)
        servers = self.number(station.servers)
        if not math.isfinite(servers):
            return work
        return f"{servers:,.0f} {'server' if servers == 1 else 'servers'} × {work}"

    def flow_of(self, edge: Edge) -> str:
        """Return the flow along an edge in words."""
        if self.rate:
            return text(edge.flow * self.rate, "1/s", digits=3)
        return text(edge.flow, "%", digits=3) if edge.flow <= 1 else f"× {edge.flow:.3g}"

    def said(self, edge: Edge) -> str:
        """Return what is written beside an edge."""
        some = len(edge.kinds) < len(self.result.pipeline.kinds)
        kinds = [" and ".join(edge.kinds)] if some else []
        return ", ".join([self.flow_of(edge), *kinds, *edge.words])


class _Counter(DryPass):
    """A pass over a path that counts the calls of one request into a step."""

    def __init__(self, flows: Flows) -> None:
        super().__init__(flows, flows.rate)
        self.calls: Any = 0

    def call(self, step: Call, share: Any) -> Any:
        self.calls = self.calls + share
        return super().call(step, share)


def _note(words: list[str], new: Iterable[str]) -> None:
    words.extend(word for word in new if word not in words)
