"""A CSV file as rows of text, each of which knows its line: for messages that help.

A file is read in a stream, in chunks of rows, so that memory does not grow with it. What is
packed far beyond what a load is, is refused.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

from qmodel._nearest import did_you_mean
from qmodel.errors import LoadFileError

__all__ = ["GROUPED", "Table", "read_table"]

GROUPED = re.compile(r"[-+]?\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+(?:[.,]\d+)?")
"""A number with thousands separators."""

_SHOWN = 60  # Characters of a bad line that a message repeats.
_SAMPLE = 100  # Rows that a guess of the columns rests on.
_CHUNK = 65536  # Rows of text at once.
_LONGEST = 2**20  # Bytes of a line.
_MOST_PACKED, _LARGE = 200, 2**28  # Unpacked over packed size, of a file that is large [B].


class Table(NamedTuple):
    """A file, its header and its first rows, as text."""

    path: Path
    header: list[str]
    sample: list[list[str]]
    delimiter: str

    def head(self, at: int) -> list[str]:
        """Return the first cells of one column."""
        return [row[at].strip() for row in self.sample]

    def chunks(self, *at: int) -> Iterator[tuple[list[str], ...]]:
        """Yield the cells of some columns, in chunks of rows."""
        rows = _rows(self.path, self.delimiter)
        next(rows)
        width, done = len(self.header), 0
        while True:
            cells: tuple[list[str], ...] = tuple([] for _ in at)
            for row in rows:
                if len(row) != width:
                    raise self.error(done + len(cells[0]), _width(row, width))
                for column, i in zip(cells, at, strict=True):
                    column.append(row[i].strip())
                if len(cells[0]) == _CHUNK:
                    break
            if not cells[0]:
                return
            done += len(cells[0])
            yield cells

    def error(self, row: int, what: str) -> LoadFileError:
        """Return the error that one row has, with its line and text."""
        lines = _lines(self.path)
        reader = csv.reader(lines, delimiter=self.delimiter)
        # Blank lines and line breaks in quotes: only the reader knows the line of a row.
        cells: Sequence[str] = []
        for _, found in zip(range(row + 2), filter(None, reader), strict=False):
            cells = found
        text = self.delimiter.join(cells)
        text = f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text
        return LoadFileError(f"{self.path.name}, line {reader.line_num}: {text!r} {what}")


def read_table(path: Path) -> Table:
    """Return the table in a CSV file, plain or gzip.

    Parameters
    ----------
    path : Path
        The file; comma, semicolon or tab between cells, names in the first line. [-]

    Returns
    -------
    Table
        Its header and first rows, all as wide as the header; blank lines are no rows. [-]

    Raises
    ------
    LoadFileError
        If the file cannot be read, is empty, or has a malformed line.
    """
    first = next(_lines(path), "")
    delimiter = max(",;\t", key=first.count)
    rows = _rows(path, delimiter)
    header = [name.strip() for name in next(rows, [])]
    if not header:
        raise LoadFileError(f"{path.name} is empty: its first line must name the columns")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise LoadFileError(f"{path.name} has two columns of the name {twice!r}")
    sample = [row for row, _ in zip(rows, range(_SAMPLE), strict=False)]
    if not sample:
        raise LoadFileError(f"{path.name} has no rows below its header")
    table = Table(path, header, sample, delimiter)
    for i, row in enumerate(sample):
        if len(row) != len(header):
            raise table.error(i, _width(row, len(header)))
    return table


def _width(row: Sequence[str], width: int) -> str:
    """Return what is wrong with a row that is not as wide as the header."""
    what = f"has {_cells(len(row))}, but the header has {_cells(width)}"
    for before, after in pairwise(row):
        whole = f"{before.strip()},{after.strip()}"
        if len(row) > width and GROUPED.fullmatch(whole):
            return f"{what}: write {whole!r} without its thousands separator"
    return what


def _cells(n: int) -> str:
    return f"{n} cell{'' if n == 1 else 's'}"


def _rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows with cells, the header first."""
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as e:
        raise LoadFileError(f"{path.name}, line {reader.line_num}: {e}") from None


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file, plain or gzip."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            lines = gzip.GzipFile(fileobj=file) if packed else file
            yield from _decoded(path, lines, _MOST_PACKED * path.stat().st_size)
    except FileNotFoundError:
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise LoadFileError(f"no file {str(path)!r}{did_you_mean(path.name, beside)}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise LoadFileError(f"{path.name} is a gzip file that is cut off or damaged") from None
    except OSError as e:
        raise LoadFileError(f"cannot read {str(path)!r}: {e.strerror}") from None


def _decoded(path: Path, lines: IO[bytes] | gzip.GzipFile, most: float) -> Iterator[str]:
    """Yield lines as text, refusing what no load looks like."""
    size = 0
    for number, line in enumerate(iter(lambda: lines.readline(_LONGEST), b""), start=1):
        size += len(line)
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            raise LoadFileError(f"{path.name}, line {number}: longer than {_LONGEST:,} bytes")
        if size > max(most, _LARGE):
            raise LoadFileError(
                f"{path.name} unpacks to more than {_MOST_PACKED} times its size: this is no "
                "recorded load"
            )
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise LoadFileError(f"{path.name}, line {number}: this is not UTF-8 text") from None
