"""Tables of cells with a delimiter, as columns of text, a block of the file at a time.

A block of well-formed rows is read at once; where a row has too few or too many cells, its
block is read row by row, so that each bad line is counted and the first is told.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from qmodel.measurements.readers.sources import Block, Source

__all__ = ["Columns", "columns", "delimiter_of", "header_of"]

_ROW_LINES = 1000  # A cell of more lines is a quote that was never closed.


class Columns(NamedTuple):
    """Some rows of a table: the lines they are on, and their cells by column."""

    lines: np.ndarray
    cells: dict[str, list[str]]

    def get(self, *names: str) -> list[str] | None:
        """Return the first of the columns that is there."""
        return next((self.cells[n] for n in names if n in self.cells), None)


def delimiter_of(line: str) -> str:
    """Return what divides the cells of a header."""
    return max(",;\t|", key=line.count)


def header_of(source: Source) -> list[str]:
    """Return the cells of the first line."""
    line = source.first_lines[0].replace("\r", " ")
    return [c.strip() for c in next(csv.reader([line], delimiter=delimiter_of(line)))]


def columns(
    source: Source,
    header: Sequence[str] | None = None,
    *,
    wanted: Sequence[str] | None = None,
    delimiter: str = "",
) -> Iterator[Columns]:
    """Yield a table in parts; with `header`, its first line holds cells, not names.

    With `wanted`, only these of its columns are kept.
    """
    named = header is None
    if not delimiter:
        delimiter = delimiter_of(source.first_lines[0])
    names = header_of(source) if header is None else list(header)
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise source.refusal(f"has two columns of the name {twice!r}", 1)
    kept = names if wanted is None else [n for n in names if n in wanted]
    for block in source.blocks(quotes=True):
        part = block
        if named:
            part = _without_header(block, len(source.first_lines[0]))
            named = False
        if not part.data.strip():
            continue
        found = _at_once(part, names, delimiter, kept)
        if found is None:
            found = _row_by_row(source, part, names, delimiter)
        source.good_lines += len(found.lines)
        if len(found.lines):
            yield found


def _without_header(block: Block, size: int) -> Block:
    data = block.data
    blank = len(data) - len(data.lstrip(b"\n"))
    end = data.find(b"\n", blank)
    if end < 0:
        return Block(block.line, b"")
    return Block(block.line + blank + 1, data[end + 1 :])


def _at_once(
    block: Block, names: Sequence[str], delimiter: str, wanted: Collection[str]
) -> Columns | None:
    """Return the cells of a block, None if any of its rows is not as wide as the header."""
    import pandas as pd

    data = block.data
    if b"\0" in data or b"\n\n" in data or b"\r" in data:
        return None
    starts = _row_starts(data, len(names), delimiter)
    if starts is None:
        return None
    try:
        frame = pd.read_csv(
            io.BytesIO(data),
            header=None,
            names=list(names),
            usecols=list(wanted),
            sep=delimiter,
            dtype=object,
            na_filter=False,
            index_col=False,
            skip_blank_lines=False,
            encoding_errors="replace",
            engine="c",
            low_memory=False,
        )
    except (ValueError, pd.errors.ParserError):
        return None
    if len(frame) != starts.size:
        return None
    return Columns(block.line + starts, {name: frame[name].tolist() for name in wanted})


def _row_starts(data: bytes, width: int, delimiter: str) -> np.ndarray | None:
    """Return the lines on which rows begin, None unless all have `width` cells."""
    text = np.frombuffer(data, dtype=np.uint8)
    breaks = np.flatnonzero(text == 10)
    divides = np.flatnonzero(text == ord(delimiter))
    ends = breaks
    if b'"' in data:
        # A doubled quote within a cell leaves it and enters it again.
        inside = (np.cumsum(text == 34) & 1).astype(bool)
        ends, divides = breaks[~inside[breaks]], divides[~inside[divides]]
    if not data.endswith(b"\n"):
        ends = np.append(ends, text.size)
    cells = np.diff(np.searchsorted(divides, ends), prepend=0) + 1
    if not ends.size or (cells != width).any():
        return None
    return np.concatenate(([0], np.searchsorted(breaks, ends[:-1]) + 1))


def _row_by_row(source: Source, block: Block, names: Sequence[str], delimiter: str) -> Columns:
    text = block.data.decode("utf-8", "replace").replace("\0", "\ufffd")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    at, rows, line = [], [], block.line
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as e:
            source.bad(line, "", f"is not a row of the table ({e})")
            line = block.line + reader.line_num
            continue
        if row and (row != [""]):
            shown = delimiter.join(row)
            if len(row) != len(names):
                source.bad(
                    line, shown, f"has {_many(len(row))}, the header {_many(len(names))}"
                )
            elif block.line + reader.line_num - line > _ROW_LINES:
                source.bad(line, shown, "begins a quoted cell that does not end")
            else:
                at.append(line)
                rows.append(row)
        line = block.line + reader.line_num
    cells = {n: list(c) for n, c in zip(names, zip(*rows, strict=True), strict=False)}
    return Columns(np.array(at, dtype=int), cells or {n: [] for n in names})


def _many(n: int) -> str:
    return f"{n} cell{'' if n == 1 else 's'}"
