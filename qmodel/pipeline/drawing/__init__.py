"""Pipelines drawn: a map of stations and flows, as SVG and as the text of a Mermaid chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qmodel.pipeline.drawing.graph import Graph

__all__ = ["Drawing"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drawing:
    """A pipeline as a map; a notebook shows it.

    Parameters
    ----------
    graph : Graph
        The stations, and the flows between them. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> db = qm.call("db", qm.MMc(0.01, servers=4))
    >>> site = qm.Pipeline(qm.cached(0.8, lookup=qm.call("cache", qm.MMc(0.001)), miss=db))
    >>> print(site.draw(500.0).mermaid())
    flowchart TD
        n0(["client<br/>500/s"])
        n1["cache<br/>1 server × 1 ms<br/>80 % hits<br/>50 % busy"]
        n2["db<br/>4 servers × 10 ms<br/>25 % busy"]
        n0 -->|"500/s"| n1
        n1 -->|"100/s, miss"| n2
    <BLANKLINE>
    """

    graph: Graph

    def svg(self) -> str:
        """Return the map as an SVG element, in the colours of the page that it stands on.

        Returns
        -------
        str
            The element; its title and description say the same in words. [-]
        """
        from qmodel.pipeline.drawing.as_svg import svg

        return svg(self.graph, str(self))

    def mermaid(self) -> str:
        """Return the map as the text of a Mermaid flowchart.

        Returns
        -------
        str
            The text, for wikis and code hosts that draw it. [-]
        """
        from qmodel.pipeline.drawing.as_mermaid import mermaid

        return mermaid(self.graph)

    def __str__(self) -> str:
        """Return what is drawn, in one line."""
        from qmodel.units import text

        load = f" at {text(self.graph.rate, '1/s')}" if self.graph.rate else ""
        return f"The pipeline{load}: {', '.join(self.graph.result.pipeline.stations)}"

    def __repr__(self) -> str:
        """Return what is drawn, in one line."""
        return f"<{self}>"

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto">{self.svg()}</div>'
