"""A map as the text of a Mermaid flowchart, which many wikis and code hosts draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmodel.pipeline.drawing.as_svg import lines_of

if TYPE_CHECKING:
    from qmodel.pipeline.drawing.graph import Graph

__all__ = ["mermaid"]

_ESCAPED = str.maketrans({'"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;"})


def mermaid(graph: Graph) -> str:
    """Return the map as a flowchart from top to bottom."""
    names = {key: f"n{i}" for i, key in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for key, node in graph.nodes.items():
        words = "<br/>".join(line.translate(_ESCAPED) for line in (node.title, *lines_of(node)))
        left, right = ('(["', '"])') if node.plain or key[0] == "client" else ('["', '"]')
        lines.append(f"    {names[key]}{left}{words}{right}")
    for (top, bottom), edge in graph.edges.items():
        said = graph.said(edge).translate(_ESCAPED)
        lines.append(f'    {names[top]} -->|"{said}"| {names[bottom]}')
    return "\n".join(lines) + "\n"
