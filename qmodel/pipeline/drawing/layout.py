"""Where the nodes of a map stand: in layers from top to bottom, with few crossings.

The method of Sugiyama, Tagawa and Toda [1]_: each node stands one layer below the lowest that
leads to it; an edge over several layers passes through a place of its own in each; the order in
a layer is that of the means of the neighbours; and the places are those nearest to the
neighbours that keep their distance, an isotonic regression.

References
----------
.. [1] K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical
   system structures", IEEE Transactions on Systems, Man and Cybernetics 11, 1981.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Layout", "layout"]

_SWEEPS = 12
_LANE = 18.0  # Width of the place of an edge that passes.

Edge = tuple[Hashable, Hashable]


class Layout(NamedTuple):
    """Middle of each node, by key, as x and its layer; and the places that edges pass."""

    x: dict[Hashable, float]
    layer: dict[Hashable, int]
    passes: dict[Edge, list[Hashable]]


def layout(widths: Mapping[Hashable, float], edges: Mapping[Edge, float], gap: float) -> Layout:
    """Return places for nodes and edges of given widths, at least `gap` apart.

    An edge that passes layers has its width, for what is written on it, in the first of them.
    """
    forward = _acyclic(list(widths), list(edges))
    layer = _layers(list(widths), forward)
    widths = dict(widths)
    passes: dict[Edge, list[Hashable]] = {}
    links: list[Edge] = []
    for edge in dict.fromkeys(forward):
        top, bottom = edge
        lanes: list[Hashable] = [
            (edge, level) for level in range(layer[top] + 1, layer[bottom])
        ]
        for lane, level in zip(lanes, range(layer[top] + 1, layer[bottom]), strict=True):
            layer[lane], widths[lane] = level, _LANE
        if lanes:
            widths[lanes[0]] = edges.get(edge, _LANE)
        chain = [top, *lanes, bottom]
        links += list(pairwise(chain))
        passes[edge] = lanes
    rows: list[list[Hashable]] = [[] for _ in range(max(layer.values()) + 1)]
    for node in widths:
        rows[layer[node]].append(node)
    up: dict[Hashable, list[Hashable]] = {node: [] for node in widths}
    down: dict[Hashable, list[Hashable]] = {node: [] for node in widths}
    for top, bottom in links:
        down[top].append(bottom)
        up[bottom].append(top)
    x: dict[Hashable, float] = {}
    for row in rows:
        _place(row, dict.fromkeys(row, 0.0), widths, gap, x)
    for sweep in range(_SWEEPS):
        falling = sweep % 2 == 0
        near = up if falling else down
        for row in rows if falling else reversed(rows):
            wanted = {node: _mean([x[n] for n in near[node]], x[node]) for node in row}
            row.sort(key=lambda node: wanted[node])
            _place(row, wanted, widths, gap, x)
    for row in rows:
        wanted = {n: _mean([x[m] for m in (*up[n], *down[n])], x[n]) for n in row}
        _place(row, wanted, widths, gap, x)
    return Layout(x, layer, passes)


def _mean(values: Sequence[float], instead: float) -> float:
    return sum(values) / len(values) if values else instead


def _acyclic(nodes: Sequence[Hashable], edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges, those that close a circle turned round."""
    ahead: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    for top, bottom in edges:
        ahead[top].append(bottom)
    done: set[Hashable] = set()
    back: set[Edge] = set()
    for root in nodes:
        path: list[tuple[Hashable, int]] = [(root, 0)] if root not in done else []
        on_path = {root}
        while path:
            node, place = path.pop()
            if place < len(ahead[node]):
                path.append((node, place + 1))
                below = ahead[node][place]
                if below in on_path:
                    back.add((node, below))
                elif below not in done:
                    path.append((below, 0))
                    on_path.add(below)
            else:
                done.add(node)
                on_path.discard(node)
    return [
        (edge[1], edge[0]) if edge in back else edge for edge in edges if edge[0] != edge[1]
    ]


def _layers(nodes: Sequence[Hashable], edges: Sequence[Edge]) -> dict[Hashable, int]:
    """Return the length of the longest path to each node."""
    layer = dict.fromkeys(nodes, 0)
    moved = True
    while moved:
        moved = False
        for top, bottom in edges:
            if layer[bottom] <= layer[top]:
                layer[bottom], moved = layer[top] + 1, True
    return layer


def _place(
    row: Sequence[Hashable],
    wanted: Mapping[Hashable, float],
    widths: Mapping[Hashable, float],
    gap: float,
    x: dict[Hashable, float],
) -> None:
    """Place a row as near to what is wanted as the widths allow, in the least squares."""
    offset, offsets = 0.0, []
    for i, node in enumerate(row):
        if i:
            offset += (widths[row[i - 1]] + widths[node]) / 2 + gap
        offsets.append(offset)
    # Pool adjacent violators: blocks of mean and size.
    blocks: list[tuple[float, int]] = []
    for node, before in zip(row, offsets, strict=True):
        mean, size = wanted[node] - before, 1
        while blocks and blocks[-1][0] >= mean:
            other, count = blocks.pop()
            mean = (mean * size + other * count) / (size + count)
            size += count
        blocks.append((mean, size))
    places = [mean for mean, size in blocks for _ in range(size)]
    for node, before, place in zip(row, offsets, places, strict=True):
        x[node] = place + before
