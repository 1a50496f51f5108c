"""An answer on the terminal, and in the other forms on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from qmodel.answers import Answer, Column, Table

__all__ = ["show"]

_CELLS = 8  # of a bar
_SHOWN = 40  # rows of a table
_WORDS = ("", "words")
_NAME, _WIDE = 16, 24  # columns of the terminal that a name, or a number, keeps
_ASCII = str.maketrans({"λ": "lambda", "µ": "u", "–": "-", "ρ": "rho", "⋅": "*"})


def show(answer: Answer, form: str) -> None:
    """Print an answer."""
    import sys

    for doubt in answer.doubts:
        print(f"beyond what was measured: {doubt}", file=sys.stderr)
    if form == "table":
        _print(answer)
    elif form == "csv":
        answer.to_frame().to_csv(sys.stdout, index=False)
    elif form == "junit":
        from qmodel.answers import junit

        sys.stdout.write(junit(answer))
    else:
        parts = answer.json_parts() if form == "json" else answer.markdown_parts()
        sys.stdout.writelines(parts)


def _print(answer: Answer) -> None:
    from rich.text import Text

    from qmodel.cli.console import console

    out = console()
    # A terminal that knows no blocks gets a percentage without its bar.
    ascii_only = out.options.ascii_only

    def say(words: str, style: str = "") -> None:
        out.print(Text(words.translate(_ASCII) if ascii_only else words, style=style))

    say(answer.verdict, "bold green" if answer.good else "bold red")
    for line in answer.meaning:
        say(line)
    for formula in answer.formulas:
        say(f"\n{formula.name}:" if formula.name else "")
        for line in (formula.ascii if ascii_only else formula.text).splitlines():
            say(f"    {line}".rstrip())
    for table in answer.tables:
        _print_table(out, table, ascii_only)
    if answer.notes:
        out.print()
    for line in answer.notes:
        say(line, "dim")


def _print_table(out: Console, table: Table, ascii_only: bool) -> None:
    from rich.text import Text

    title = Text(f"\n{table.title}", style="bold")
    if table.mark:
        title.append(f"  ({'>' if ascii_only else '▶'} {table.mark})", style="dim")
    out.print(title)
    out.print(_table(table, not ascii_only))


def _table(table: Table, blocks: bool) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=None, header_style="cyan", padding=(0, 2, 0, 0), pad_edge=False)
    sign, gap = ("▶ " if blocks else "> "), "  "
    for i, column in enumerate(table.columns):
        right = column.unit not in _WORDS or _short(column)
        header = column.header if blocks else column.header.translate(_ASCII)
        if i == 0 and table.marked is not None:
            header = gap + header
        drawn.add_column(
            header,
            justify="right" if right else "left",
            min_width=_least(table, i, header, blocks),
            overflow="fold",
        )
    for row in range(min(len(table), _SHOWN)):
        here = row == table.marked
        cells = [_cell(column, row, blocks) for column in table.columns]
        if table.marked is not None:
            cells[0] = Text(sign if here else gap).append(cells[0])
        drawn.add_row(*cells, style="bold" if here else "")
    return drawn


def _short(column: Column) -> bool:
    """Return whether a column of values in words is one of numbers and their like."""
    if column.unit == "":
        return False
    rows = range(min(len(column.values), _SHOWN))
    return all(len(column.shown(row)) <= _NAME for row in rows)


def _least(table: Table, place: int, header: str, blocks: bool) -> int:
    """Return the least width of a column: its numbers and words are whole, headers wrap."""
    column = table.columns[place]
    rows = range(min(len(table), _SHOWN))
    cells = [str(_cell(column, row, blocks)) for row in rows]
    wordy = column.unit in _WORDS and not _short(column)
    if wordy:  # words, which wrap between each other
        cells = [word for cell in cells for word in cell.split()]
    most = _NAME if place == 0 or wordy else _WIDE
    longest = max(map(len, [*cells, *header.split()]), default=1)
    return min(longest, most)


def _cell(column: Column, row: int, blocks: bool) -> Text:
    from rich.text import Text

    words = column.shown(row)
    if not blocks:
        words = words.translate(_ASCII)
    if column.unit != "bar" or words in ("–", "-"):
        return Text(words, style="red" if words in ("overload", "MISSED") else "")
    share = float(column.values[row])
    filled = min(_CELLS, max(round(share * _CELLS), int(share > 0)))
    style = "green" if share < 0.7 else "yellow" if share < 0.9 else "red"
    bar = Text(("█" if blocks else "#") * filled, style=style)
    bar.append(("░" if blocks else ".") * (_CELLS - filled), style="dim")
    bar.append(f" {words:>5}")
    return bar
