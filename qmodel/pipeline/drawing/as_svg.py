"""A map as SVG: boxes with the busy share of their servers, arrows as wide as their flow.

Colours are those of the page: text and lines in its ink, the busy share in the custom
properties ``--bar``, ``--warm`` and ``--bad`` where the page has them. The same is said in
words, for who cannot see it or cannot tell the colours apart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from qmodel.pipeline.drawing.layout import layout

if TYPE_CHECKING:
    from qmodel.pipeline.drawing.graph import Graph, Node

__all__ = ["lines_of", "svg"]

_GAP, _DOWN = 34.0, 42.0  # Between boxes, and between layers.
_TITLE, _LINE, _PAD, _BAR = 17.0, 15.0, 8.0, 7.0
_MARGIN = 14.0
_TIP = 7.0
_WIDEST = 5.0  # Width of the greatest flow.
_LETTER = 6.0  # Width of a letter beside an arrow.
_ASIDE = -22.0  # Where arrows that lead back stand beside others.
_COLOURS = (
    (0.7, "--bar", "#2f6fb0"),
    (0.9, "--warm", "#9a6700"),
    (math.inf, "--bad", "#b3261e"),
)


def svg(graph: Graph, title: str) -> str:
    """Return the map as an SVG element."""
    widths: dict[Any, float] = {key: _width(node) for key, node in graph.nodes.items()}
    edges = {ends: edge for ends, edge in graph.edges.items() if ends[0] != ends[1]}
    said = {ends: 2 * (6 + _LETTER * len(graph.said(e))) for ends, e in edges.items()}
    found = layout(widths, said, _GAP)
    tall = [0.0] * (max(found.layer[key] for key in graph.nodes) + 1)
    for key, node in graph.nodes.items():
        tall[found.layer[key]] = max(tall[found.layer[key]], _height(node))
    tops = [_MARGIN + sum(tall[:i]) + _DOWN * i for i in range(len(tall))]

    def span(key: Any) -> Span:
        """Return the middle of a node or of a place that an edge passes, its top and end."""
        level = found.layer[key]
        high = _height(graph.nodes[key]) if key in graph.nodes else tall[level]
        middle = tops[level] + tall[level] / 2
        return Span(found.x[key], middle - high / 2, middle + high / 2)

    most = max((edge.flow for edge in edges.values()), default=1.0) or 1.0
    starts, goals = Counter(a for a, _ in edges), Counter(b for _, b in edges)
    drawn: list[str] = []
    labels: list[Label] = []
    for (top, bottom), edge in edges.items():
        turned = (top, bottom) not in found.passes
        ends = (bottom, top) if turned else (top, bottom)
        spans = [span(key) for key in (ends[0], *found.passes[ends], ends[1])]
        drawn += _arrow(spans, edge.flow / most, turned)
        # Where arrows part or meet, nearer to the end at which each is alone.
        along = 0.72 if starts[top] > 1 else 0.28 if goals[bottom] > 1 else 0.5
        labels.append(Label(graph.said(edge), *_place(spans, along, turned)))
    boxes = [(key, span(key)) for key in graph.nodes]
    left = min(
        *(at.x - widths[key] / 2 for key, at in boxes), *(x.x for x in labels), math.inf
    ) - _MARGIN  # fmt: skip
    right = max(
        *(at.x + widths[key] / 2 for key, at in boxes), *(x.right for x in labels), -math.inf
    ) + _MARGIN  # fmt: skip
    width, height = right - left, tops[-1] + tall[-1] + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="qmodel-map" role="img" '
        f'viewBox="{left:.0f} 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'font-family="system-ui,sans-serif" font-size="13" fill="currentColor">'
        f"<title>{escape(title)}</title><desc>{escape(_told(graph))}</desc>",
        *drawn,
    ]
    for key, at in boxes:
        parts += _box(graph.nodes[key], at, widths[key])
    return "".join([*parts, *(label.svg() for label in labels), "</svg>"])


class Span(NamedTuple):
    """Where a node is: its middle, its top and its end."""

    x: float
    top: float
    end: float


class Label(NamedTuple):
    """Words beside an arrow."""

    words: str
    x: float
    y: float

    @property
    def right(self) -> float:
        """Where the words end."""
        return self.x + _LETTER * len(self.words)

    def svg(self) -> str:
        """Return the words on a ground that covers the arrow."""
        return (
            f'<text x="{self.x:.1f}" y="{self.y:.1f}" font-size="11" '
            'style="stroke:var(--ground,Canvas);stroke-width:3px;paint-order:stroke">'
            f"{escape(self.words)}</text>"
        )


def _place(spans: list[Span], along: float, turned: bool) -> tuple[float, float]:
    """Return where the words of an arrow begin: aside of it."""
    first, second = spans[:2]
    aside = 6 if not turned else _ASIDE + 6
    if len(spans) > 2:
        return second.x + aside, (second.top + second.end) / 2 + 4
    y = first.end + (second.top - first.end) * along
    # A smooth step, as the arrow itself, which goes on below or comes from above the words.
    x = first.x + (second.x - first.x) * along**2 * (3 - 2 * along)
    slope = second.x - first.x
    return x + aside, y + (2 if abs(slope) < 2 else -3 if slope > 0 else 8)


def _width(node: Node) -> float:
    longest = max(8.3 * len(node.title), *(6.6 * len(line) for line in lines_of(node)), 60.0)
    return longest + 2 * _PAD + 8


def lines_of(node: Node) -> list[str]:
    """Return what is written below the title of a box."""
    busy = [] if math.isnan(node.busy) else [_busy(node.busy)]
    return [*node.lines, *busy]


def _busy(share: float) -> str:
    return "overloaded" if share >= 1 else f"{100 * share:.0f} % busy"


def _height(node: Node) -> float:
    bar = 0.0 if math.isnan(node.busy) else _BAR
    return _TITLE + _LINE * len(lines_of(node)) + 2 * _PAD - 2 + bar


def _box(node: Node, place: Span, width: float) -> Iterator[str]:
    x, top, height = place.x, place.top, place.end - place.top
    left = x - width / 2
    dashed = ' stroke-dasharray="4 3"' if node.plain else ""
    size = f'width="{width:.1f}" height="{height:.1f}" rx="6"'
    yield (
        f'<g><rect x="{left:.1f}" y="{top:.1f}" {size} fill="currentColor" fill-opacity=".05" '
        f'stroke="currentColor" stroke-opacity=".55"{dashed}/>'
    )
    at = top + _PAD + 12
    bold = "" if node.plain else ' font-weight="600"'
    for line in (node.title, *lines_of(node)):
        style = bold if line is node.title else ' font-size="12"'
        where = f'x="{x:.1f}" y="{at:.1f}" text-anchor="middle"{style}'
        yield f"<text {where}>{escape(line)}</text>"
        at += _LINE
    if not math.isnan(node.busy):
        found = ((n, c) for least, n, c in _COLOURS if node.busy < least)
        name, instead = next(found, _COLOURS[-1][1:])
        full = width - 2 * _PAD
        bar = f'<rect x="{left + _PAD:.1f}" y="{at - 9:.1f}" height="5" rx="2"'
        yield (
            f'{bar} width="{full:.1f}" fill="currentColor" fill-opacity=".15"/>'
            f'{bar} width="{full * min(node.busy, 1.0):.1f}" '
            f'style="fill:var({name},{instead})"/>'
        )
    yield "</g>"


def _arrow(spans: list[Span], share: float, turned: bool) -> Iterator[str]:
    """Draw an arrow downwards, or one that leads back up."""
    wide = 1 + (_WIDEST - 1) * share
    aside = _ASIDE if turned else 0.0
    x, y = spans[0].x + aside, spans[0].end + (_TIP if turned else 0)
    last = spans[-1].x + aside, spans[-1].top - (0 if turned else _TIP)
    tip = (x, y, -_TIP) if turned else (*last, _TIP)
    path = f"M{x:.1f} {y:.1f}"
    for passed in spans[1:-1]:
        path += _curve(x, y, passed.x, passed.top) + f"L{passed.x:.1f} {passed.end:.1f}"
        x, y = passed.x, passed.end
    path += _curve(x, y, *last)
    dashed = ' stroke-dasharray="4 3"' if turned else ""
    half = 5 + wide / 3
    yield (
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity=".45" '
        f'stroke-width="{wide:.1f}"{dashed}/>'
        f'<path d="M{tip[0] - half:.1f} {tip[1]:.1f}h{2 * half:.1f}L{tip[0]:.1f} '
        f'{tip[1] + tip[2]:.1f}z" fill="currentColor" fill-opacity=".75"/>'
    )


def _curve(x: float, y: float, to: float, down: float) -> str:
    if abs(x - to) < 0.05:
        return f"L{to:.1f} {down:.1f}"
    half = (y + down) / 2
    return f"C{x:.1f} {half:.1f} {to:.1f} {half:.1f} {to:.1f} {down:.1f}"


def _told(graph: Graph) -> str:
    """Return the map in words."""
    nodes = [", ".join([node.title, *lines_of(node)]) for node in graph.nodes.values()]
    edges = [
        f"{graph.nodes[a].title} to {graph.nodes[b].title}: {graph.said(edge)}"
        for (a, b), edge in graph.edges.items()
    ]
    return f"{'; '.join(nodes)}. {'; '.join(edges)}."
