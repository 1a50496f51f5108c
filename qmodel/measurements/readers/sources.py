"""A file of measurements as blocks of whole lines, each of which knows its line number.

Plain or gzip, decompressed as it is read, so that memory does not grow with the file. Text is
UTF-8 or, with a byte order mark, UTF-16. What cannot be text is refused with the line: binary
data, a gzip file that is cut off, one that expands without end, a line without end.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import IO, Any, NamedTuple

from qmodel._nearest import did_you_mean
from qmodel.errors import LoadFileError

__all__ = ["Block", "Source"]

BLOCK = 1 << 23
"""Bytes that are read at once."""

LONGEST_LINE = 1 << 24
LARGEST_DOCUMENT = 1 << 29  # Bytes of a JSON document, which must fit in memory.
_HEAD = 1 << 16
_BOMB = 1 << 30, 400  # Bytes from which on a greater ratio of expansion is refused.
_SHOWN = 60  # Characters of a bad line that a message repeats.
_MOST_BAD = 0.5
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CONTROLS = bytes(c for c in range(32) if c not in (9, 10, 12, 13, 27))


class Block(NamedTuple):
    """Whole lines of a file, and the number of the first."""

    line: int
    data: bytes

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield each line that is not blank, with its number."""
        text = self.data.decode("utf-8", "replace")
        for number, line in enumerate(text.split("\n"), self.line):
            if stripped := line.strip():
                yield number, stripped


class Source:
    """A file that is being read: its lines, and what was found wrong or assumed.

    Parameters
    ----------
    path : str or path
        The file. [-]
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self.notes: list[str] = []
        self.bad_lines = 0
        self.good_lines = 0
        self.first_bad = ""
        self._returns = False
        with self._opened() as stream:
            self.head = self._read(stream, _HEAD, 1).removeprefix(codecs.BOM_UTF8)
        if b"\r" in self.head and b"\n" not in self.head:
            self._returns = True  # Lines end as once on the Macintosh.
            self.head = self.head.replace(b"\r", b"\n")
        if not self.head.strip():
            raise LoadFileError(f"{self.name} is empty")
        self._refuse_binary(self.head)
        cut = self.head.decode("utf-8", "replace").replace("\r\n", "\n")
        whole = cut if len(self.head) < _HEAD - 3 else cut.rpartition("\n")[0] or cut
        self.first_lines = [line for line in whole.split("\n") if line.strip()]

    def note(self, what: str) -> None:
        """Say what was assumed; the same is said once."""
        if what not in self.notes:
            self.notes.append(what)

    def bad(self, line: int, text: str, reason: str) -> None:
        """Count a line that could not be read; the first is remembered."""
        self.bad_lines += 1
        if not self.first_bad:
            self.first_bad = f"line {line}: {_shown(text)} {reason}"

    def refusal(self, reason: str, line: int | None = None, text: str = "") -> LoadFileError:
        """Return the error that the file cannot be read, with line and reason."""
        where = "" if line is None else f", line {line}"
        shown = f": {_shown(text)}" if text else ""
        return LoadFileError(f"{self.name}{where}{shown} {reason}")

    def checked(self) -> None:
        """Refuse a file most of whose lines were bad."""
        if self.bad_lines > _MOST_BAD * (self.bad_lines + self.good_lines):
            raise self.refusal(
                f"has {self.bad_lines:,} bad lines of {self.bad_lines + self.good_lines:,}; "
                f"the first is {self.first_bad}"
            )

    def blocks(self, *, quotes: bool = False) -> Iterator[Block]:
        """Yield the file as whole lines; with `quotes`, a quoted cell is never cut."""
        rest, line = b"", 1
        with self._opened() as stream:
            while True:
                more = self._read(stream, BLOCK, line)
                if line == 1 and not rest:
                    more = more.removeprefix(codecs.BOM_UTF8)
                data = rest + more
                if not data:
                    return
                cut = len(data) if not more else data.rfind(b"\n") + 1
                while quotes and more and cut and data.count(b'"', 0, cut) % 2:
                    cut = data.rfind(b"\n", 0, cut - 1) + 1
                if not cut:
                    if len(data) > LONGEST_LINE:
                        raise self.refusal(f"is longer than {LONGEST_LINE:,} bytes", line)
                    rest = data
                    continue
                block, rest = data[:cut], data[cut:]
                if b"\r" in block:
                    block = block.replace(b"\r\n", b"\n")
                yield Block(line, block)
                line += block.count(b"\n")
                if not more:
                    return

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield each line that is not blank, with its number."""
        for block in self.blocks():
            yield from block.lines()

    def text(self) -> str:
        """Return the whole file, which must fit in memory."""
        with self._opened() as stream:
            data = self._read(stream, LARGEST_DOCUMENT + 1, 1)
        if len(data) > LARGEST_DOCUMENT:
            raise self.refusal(
                f"is larger than {LARGEST_DOCUMENT >> 20} MB, too large for one document"
            )
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")

    def document(self) -> Any:
        """Return the JSON document that the file is."""
        try:
            return json.loads(self.text())
        except json.JSONDecodeError as e:
            end = "ends in the middle" if e.pos >= len(e.doc.rstrip()) - 1 else "is not JSON"
            what = f"{end} ({e.msg}, column {e.colno})"
            raise self.refusal(what, e.lineno) from None
        except RecursionError:
            what = "is nested too deeply to be a file of measurements"
            raise self.refusal(what) from None

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the JSON objects of a file of one object a line, a block at a time."""
        for block in self.blocks():
            lines = [x for x in block.data.split(b"\n") if x.strip()]
            try:
                found = json.loads(b"[" + b",".join(lines) + b"]")
                if len(found) != len(lines) or not all(type(x) is dict for x in found):
                    raise ValueError
            except (ValueError, RecursionError):
                found = self._one_by_one(block)
            self.good_lines += len(found)
            yield block.line, found

    def _one_by_one(self, block: Block) -> list[Any]:
        found = []
        for number, line in block.lines():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as e:
                self.bad(
                    number, line, f"is not JSON ({getattr(e, 'msg', 'nested too deeply')})"
                )
                continue
            if isinstance(record, dict):
                found.append(record)
            else:
                self.bad(number, line, "is not a JSON object")
        return found

    def _refuse_binary(self, data: bytes) -> None:
        controls = len(data) - len(data.translate(None, _CONTROLS))
        if controls > 0.01 * len(data):
            first = next(i for i, byte in enumerate(data) if byte in _CONTROLS)
            raise self.refusal("is binary data, not text", data.count(b"\n", 0, first) + 1)

    def _opened(self) -> IO[bytes]:
        try:
            raw = self.path.open("rb")
        except FileNotFoundError:
            beside = self.path.parent
            names = [p.name for p in beside.iterdir()] if beside.is_dir() else []
            hint = did_you_mean(self.name, names)
            raise LoadFileError(f"no file {str(self.path)!r}{hint}") from None
        except OSError as e:
            raise LoadFileError(f"cannot read {str(self.path)!r}: {e.strerror}") from None
        start = raw.read(2)
        raw.seek(0)
        if start == b"\x1f\x8b":
            self._packed = self.path.stat().st_size
            self._unpacked = 0
            raw.close()
            return io.BufferedReader(gzip.open(self.path, "rb"))
        self._packed = 0
        if start in _UTF16:
            text = raw.read(LARGEST_DOCUMENT).decode(_UTF16[start], "replace")
            raw.close()
            self.note("the file is UTF-16 text")
            return io.BytesIO(text.encode())
        return raw

    def _read(self, stream: IO[bytes], size: int, line: int) -> bytes:
        try:
            data = stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            what = "is a gzip file that is cut off or damaged"
            raise self.refusal(what, line) from None
        except OSError as e:
            raise LoadFileError(f"cannot read {str(self.path)!r}: {e.strerror}") from None
        if self._packed:
            self._unpacked += len(data)
            least, ratio = _BOMB
            if self._unpacked > max(least, ratio * self._packed):
                raise self.refusal(
                    f"is a gzip file that expands more than {ratio} times: refused as hostile",
                    line,
                )
        return data.replace(b"\r", b"\n") if self._returns else data


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
