"""An answer as Markdown: verdict, tables, notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qmodel.answers.words import TEXT

if TYPE_CHECKING:
    from qmodel.answers.answer import Answer, Table

__all__ = ["parts"]

_CHUNK = 4096  # Rows that are text at once.


def parts(answer: Answer) -> Iterator[str]:
    """Yield the text; the rows of the frame come last, in chunks, as they are in the frame."""
    blocks = [
        f"**{_plain(answer.verdict)}**",
        *map(_plain, (*answer.meaning, *answer.warnings)),
    ]
    for formula in answer.formulas:
        blocks += [f"{_plain(formula.name)}:"] if formula.name else []
        blocks.append(f"$${formula.latex}$$")
    for table in answer.tables:
        if table.key and table.key == answer.rows:
            continue
        blocks += [f"### {_plain(table.title)}", _table(table)]
        if table.mark:
            blocks.append(f"In bold: {_plain(table.mark)}.")
    yield "\n\n".join([*blocks, *map(_plain, answer.notes)]) + "\n"
    if answer.rows:
        yield from _rows(answer)


def _table(table: Table) -> str:
    ends = [":--" if c.unit == TEXT else "--:" for c in table.columns]
    lines = [_row([_plain(c.header) for c in table.columns]), _row(ends)]
    for i in range(len(table)):
        cells = [_plain(c.shown(i)) for c in table.columns]
        if i == table.marked:
            cells[0] = f"**{cells[0]}**"
        lines.append(_row(cells))
    return "\n".join(lines)


def _rows(answer: Answer) -> Iterator[str]:
    frame = answer.to_frame()
    head, line = _row([_plain(name) for name in frame]), _row(["--:"] * frame.shape[1])
    yield f"\n### All rows\n\n{head}\n{line}\n"
    for start in range(0, len(frame), _CHUNK):
        rows = frame.iloc[start : start + _CHUNK]
        cells = (_cells(rows[name]) for name in rows)
        yield "".join(f"{_row(list(row))}\n" for row in zip(*cells, strict=True))


def _cells(column: Any) -> list[str]:
    return [
        "" if missing else f"{value:.6g}" if isinstance(value, float) else _plain(str(value))
        for missing, value in zip(column.isna().tolist(), column.tolist(), strict=True)
    ]


def _plain(text: str) -> str:
    """Return text that Markdown leaves as it is: names are those of the user."""
    for sign in "`*|[]":
        text = text.replace(sign, f"\\{sign}")
    return re.sub(r"<(?=[\w/!?])", "&lt;", text.replace("\n", " "))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
