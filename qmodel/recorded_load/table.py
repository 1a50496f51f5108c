"""A CSV file as rows of text, each of which knows its line: for messages that help."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qmodel.errors import LoadFileError

__all__ = ["Table", "read_table"]

_SHOWN = 60  # Characters of a bad line that a message repeats.


class Table(NamedTuple):
    """The cells of a file, as text."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    delimiter: str

    def column(self, at: int) -> list[str]:
        """Return the cells of one column."""
        return [row[at].strip() for row in self.rows]

    def error(self, row: int, what: str) -> LoadFileError:
        """Return the error that one row has, with its line and text."""
        return _error(self.path, self.delimiter, row, self.rows[row], what)


def read_table(path: Path) -> Table:
    """Return the table in a CSV file, plain or gzip.

    Parameters
    ----------
    path : Path
        The file; comma, semicolon or tab between cells, names in the first line. [-]

    Returns
    -------
    Table
        Its header and rows, all as wide as the header; blank lines are no rows. [-]

    Raises
    ------
    LoadFileError
        If the file cannot be read, is empty, or has a malformed line.
    """
    lines = _text(path)
    first = lines.readline()
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    try:
        rows = [row for row in reader if row]
    except csv.Error as e:
        raise LoadFileError(f"{path.name}, line {reader.line_num}: {e}") from None
    if not rows:
        raise LoadFileError(f"{path.name} is empty: its first line must name the columns")
    header = [name.strip() for name in rows.pop(0)]
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise LoadFileError(f"{path.name} has two columns of the name {twice!r}")
    if not rows:
        raise LoadFileError(f"{path.name} has no rows below its header")
    widths = np.fromiter(map(len, rows), dtype=int, count=len(rows))
    for bad in np.flatnonzero(widths != len(header))[:1]:
        what = f"has {_cells(widths[bad])}, but the header has {_cells(len(header))}"
        raise _error(path, delimiter, int(bad), rows[bad], what)
    return Table(path, header, rows, delimiter)


def _cells(n: int) -> str:
    return f"{n} cell{'' if n == 1 else 's'}"


def _error(
    path: Path, delimiter: str, row: int, cells: Sequence[str], what: str
) -> LoadFileError:
    reader = csv.reader(_text(path), delimiter=delimiter)
    # Blank lines and line breaks in quotes: only the reader knows the line of a row.
    for _ in zip(range(row + 2), filter(None, reader), strict=False):
        pass
    text = delimiter.join(cells)
    text = f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text
    return LoadFileError(f"{path.name}, line {reader.line_num}: {text!r} {what}")


def _text(path: Path) -> io.StringIO:
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        return io.StringIO(data.decode("utf-8-sig"), newline="")
    except FileNotFoundError:
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise LoadFileError(f"no file {str(path)!r}{hint}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise LoadFileError(f"{path.name} is a gzip file that is cut off or damaged") from None
    except OSError as e:
        raise LoadFileError(f"cannot read {str(path)!r}: {e.strerror}") from None
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise LoadFileError(f"{path.name}, line {line}: this is not UTF-8 text") from None
