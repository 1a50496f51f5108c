"""The four forms of a report: for the terminal, as JSON, as CSV, and as Markdown.

JSON has plain SI numbers (seconds, requests a second, shares from 0 to 1). It knows no
infinity, so overload is the text "inf", which ``float`` reads; a missing value is null.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from qmodel.cli.options import Format
from qmodel.cli.report import BAR, TEXT, Column, Report, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable
    from rich.text import Text

__all__ = ["as_json", "as_markdown", "show"]

_CELLS = 8  # of a bar
_UNITS = "seconds, requests a second, shares from 0 to 1; 'inf' is overload or no limit"


def show(report: Report, form: Format) -> None:
    """Print a report."""
    import sys

    if form is Format.TABLE:
        _print(report)
    elif form is Format.CSV:
        report.frame.to_csv(sys.stdout, index=False)
    else:
        text = as_json(report) if form is Format.JSON else as_markdown(report)
        sys.stdout.write(text)


def as_json(report: Report) -> str:
    """Return a report as a JSON object."""
    tables = {table.key: _records(table.columns) for table in report.tables if table.key}
    whole = {"verdict": report.verdict, "units": _UNITS, **report.facts, **tables}
    whole["notes"] = [*report.meaning, *report.notes]
    return json.dumps(_plain(whole), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _records(columns: Any) -> list[dict[str, Any]]:
    return [
        {c.key: v for c, v in zip(columns, row, strict=True)}
        for row in zip(*(c.values for c in columns), strict=True)
    ]


def _plain(x: Any) -> Any:
    """Return what JSON can hold: no NumPy, no infinity."""
    if isinstance(x, dict):
        return {str(k): _plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(v) for v in x]
    if hasattr(x, "tolist"):
        return _plain(x.tolist())
    if isinstance(x, float) and not math.isfinite(x):
        return None if math.isnan(x) else str(x)
    return x if x is None or isinstance(x, (str, bool, int, float)) else str(x)


def as_markdown(report: Report) -> str:
    """Return a report as Markdown, fit for the comment of a pull request."""
    parts = [f"**{report.verdict}**", *report.meaning]
    for table in report.tables:
        ends = [":--" if c.unit == TEXT else "--:" for c in table.columns]
        lines = [_row([c.header for c in table.columns]), _row(ends)]
        for i in range(len(table)):
            cells = [c.shown(i) for c in table.columns]
            if i == table.marked:
                cells = [f"**{cell}**" for cell in cells[:1]] + cells[1:]
            lines.append(_row(cells))
        parts += [f"### {table.title}", "\n".join(lines)]
        if table.mark:
            parts.append(f"In bold: {table.mark}.")
    return "\n\n".join([*parts, *report.notes]) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _print(report: Report) -> None:
    from rich.text import Text

    from qmodel.cli.console import console

    out = console()
    # A terminal that knows no blocks gets a percentage without its bar.
    blocks = not out.options.ascii_only
    out.print(Text(report.verdict, style="bold green" if report.good else "bold red"))
    for line in report.meaning:
        out.print(Text(line))
    for table in report.tables:
        title = Text(f"\n{table.title}", style="bold")
        if table.mark:
            title.append(f"  ({'▶' if blocks else '>'} {table.mark})", style="dim")
        out.print(title)
        out.print(_table(table, blocks))
    if report.notes:
        out.print()
    for line in report.notes:
        out.print(Text(line, style="dim"))


def _table(table: Table, blocks: bool) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=None, header_style="cyan", padding=(0, 2, 0, 0), pad_edge=False)
    sign, gap = ("▶ " if blocks else "> "), "  "
    for i, column in enumerate(table.columns):
        right = column.unit != TEXT
        header = gap + column.header if i == 0 and table.marked is not None else column.header
        # Only names of stations may be folded where a terminal is narrow.
        drawn.add_column(header, justify="right" if right else "left", no_wrap=right or i > 0)
    for row in range(len(table)):
        here = row == table.marked
        cells = [_cell(column, row, blocks) for column in table.columns]
        if table.marked is not None:
            cells[0] = Text(sign if here else gap).append(cells[0])
        drawn.add_row(*cells, style="bold" if here else "")
    return drawn


def _cell(column: Column, row: int, blocks: bool) -> Text:
    from rich.text import Text

    words = column.shown(row)
    if column.unit != BAR or words == "–":
        return Text(words, style="red" if words == "overload" else "")
    share = float(column.values[row])
    filled = min(_CELLS, max(round(share * _CELLS), int(share > 0)))
    style = "green" if share < 0.7 else "yellow" if share < 0.9 else "red"
    bar = Text(("█" if blocks else "#") * filled, style=style)
    bar.append(("░" if blocks else ".") * (_CELLS - filled), style="dim")
    bar.append(f" {words:>5}")
    return bar
