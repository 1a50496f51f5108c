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
_NAME, _WIDE, _FIRST = 16, 24, 32
"""Columns of the terminal that a name, a number, and what a row is about keep."""
_GAP = 2
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
    for i, widths in enumerate(_beside(table, out.width, not ascii_only)):
        if i:
            out.print()
        out.print(_table(table, widths, not ascii_only))


def _beside(table: Table, width: int, blocks: bool) -> list[dict[int, int]]:
    """Return the columns that stand beside each other, and their widths.

    What has no room stands below, behind the first column again; where it helps, words of
    the first are wrapped before that.
    """
    ranges = [_widths(table, i, blocks) for i in range(len(table.columns))]
    whole = min(ranges[0][0], max(width // 2, 1))
    found = _groups(ranges, whole, width)
    if len(found) > 1:
        cells = [column.shown(i) for column in table.columns[:1] for i in range(len(table))]
        words = max((len(word) for cell in cells for word in cell.split()), default=1) + 2
        wrapped = _groups(ranges, min(whole, max(words, _NAME)), width)
        found = wrapped if len(wrapped) == 1 else found
    return found


def _groups(ranges: list[tuple[int, int]], first: int, width: int) -> list[dict[int, int]]:
    """Return the places and widths of columns, as many beside the first as have room."""
    groups, rooms = [{0: first}], [width - first]
    for place, (least, _) in list(enumerate(ranges))[1:]:
        if least + _GAP > rooms[-1] and len(groups[-1]) > 1:
            groups.append({0: first})
            rooms.append(width - first)
        groups[-1][place] = max(min(least, rooms[-1] - _GAP), 1)
        rooms[-1] -= groups[-1][place] + _GAP
    for group, room in zip(groups, rooms, strict=True):
        for place, given in group.items():
            more = min(max(ranges[place][1] - given, 0), max(room, 0))
            group[place] += more
            room -= more
    return groups


def _header(table: Table, place: int, blocks: bool) -> str:
    header = table.columns[place].header
    header = header if blocks else header.translate(_ASCII)
    return "  " + header if place == 0 and table.marked is not None else header


def _table(table: Table, widths: dict[int, int], blocks: bool) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=None, header_style="cyan", padding=(0, _GAP, 0, 0), pad_edge=False)
    sign, gap = ("▶ " if blocks else "> "), "  "
    for i, width in widths.items():
        column, header = table.columns[i], _header(table, i, blocks)
        right = column.unit not in _WORDS or _short(column)
        drawn.add_column(
            header,
            justify="right" if right else "left",
            width=width,
            overflow="fold",
        )
    for row in range(min(len(table), _SHOWN)):
        here = row == table.marked
        cells = [_cell(table.columns[i], row, blocks) for i in widths]
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


def _widths(table: Table, place: int, blocks: bool) -> tuple[int, int]:
    """Return the least width of a column, and what it fills.

    In the least its numbers and words are whole, and headers wrap.
    """
    column, header = table.columns[place], _header(table, place, blocks)
    rows = range(min(len(table), _SHOWN))
    cells = [str(_cell(column, row, blocks)) for row in rows]
    wordy = column.unit in _WORDS and not _short(column)
    sign = 2 if place == 0 and table.marked is not None else 0
    full = max(len(header), *(len(cell) + sign for cell in cells), 1)
    if wordy and place:  # words, which wrap between each other
        cells = [word for cell in cells for word in cell.split()]
    most = _FIRST if place == 0 else _NAME if wordy else _WIDE
    longest = max(map(len, [*cells, *header.split()]), default=1)
    return min(longest + sign, most), full


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
