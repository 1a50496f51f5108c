"""Lines of an access log, whole blocks at a time: cut at the quotes, then read by column.

A regular expression over whole lines spends most of its time on addresses, referrers and user
agents, of which nothing is kept. Where all lines of a text have the same number of quoted
strings, the text is cut at the quotes, and each kind of cell is read by itself, which is three
times as fast. A text in which one line is otherwise is halved until only a few lines around it
are left for the careful way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Regular", "regular_parts"]

_ASKED = r"([A-Z]{2,10} (?:\w+://[^/ \"\n]*)?(?:/[^/?# \"\n]*){0,2}|)"
"""Method and the first two segments of a path; the rest does not tell the kind."""

_REQUEST = re.compile(rf"^{_ASKED}", re.M)
_ANSWER = re.compile(r"^ (\d{3}) (?:\d+|-) $", re.M)
_LAST_ANSWER = re.compile(r"^ (\d{3}) (?:\d+|-)(| [^\n]*)$", re.M)
_NUMBERED = re.compile(r"/\d+(?=[/ ?])")
_TAIL = re.compile(r"^(?: ([\d.]+|-)(?= |$))?((?: [^\n]+)?)$", re.M)
_OF_TIMES = str.maketrans("", "", "0123456789.- ")
_FEW = 32  # Lines that are not halved any more to find the one that is not regular.


class Regular(NamedTuple):
    """The cells of lines that are all alike, by column, and the number of the first line."""

    line: int
    stamps: Sequence[str]
    asked: Sequence[str]
    status: Sequence[str]
    first: Sequence[str]
    more: Sequence[str]


def regular_parts(text: str, line: int) -> Iterator[Regular | tuple[int, str]]:
    """Yield parts of a text: lines that are alike, and few in which one is not, as they are."""
    found = _columns(text, line)
    if found is not None:
        yield found
        return
    count = text.count("\n")
    if count <= _FEW:
        yield line, text
        return
    cut = text.find("\n", len(text) // 2) + 1 or text.rfind("\n", 0, len(text) // 2) + 1
    if not 0 < cut < len(text):
        yield line, text
        return
    yield from regular_parts(text[:cut], line)
    yield from regular_parts(text[cut:], line + text.count("\n", 0, cut))


def _columns(text: str, line: int) -> Regular | None:
    """Return the cells of lines with the same number of quoted strings, None if one differs.

    What is between quotes is not looked at again and again: the text is cut at the quotes, and
    each kind of cell is read by itself.
    """
    text = text if text.endswith("\n") else text + "\n"
    quotes = text.count('"', 0, text.find("\n"))
    lines = text.count("\n")
    if quotes < 2 or quotes % 2 or "\0" in text or "\\" in text:
        return None
    parts = text.split('"')
    if len(parts) != quotes * lines + 1:
        return None
    if any(parts[at::quotes].count(" ") != lines for at in range(4, quotes, 2)):
        return None
    asked = "\n".join(parts[1::quotes])
    # What is left of each line: address, [date], and what stands behind the last string.
    frame = '"'.join(parts[0::quotes]).replace('] "', "[").split("[")
    ends = [part.find("\n") for part in frame[2::2]]
    if (
        asked.count("\n") != lines - 1
        or len(frame) != 2 * lines + 1
        or min(ends) < 0
        or any("\n" in stamp for stamp in set(frame[1::2]))
        or "\n" in frame[0]
    ):
        return None
    rest = [part[:end] for part, end in zip(frame[2::2], ends, strict=True)]
    status: Sequence[str] = _ANSWER.findall("\n".join(parts[2::quotes])) if quotes > 2 else ()
    if quotes == 2:  # The common format has nothing in quotes behind the request.
        answers = _LAST_ANSWER.findall("\n".join(rest))
        status, rest = [a[0] for a in answers], [a[1] for a in answers]
    if len(status) != lines:
        return None
    first, more = _ends(rest)
    if len(first) != lines:
        return None
    requests = _REQUEST.findall(_NUMBERED.sub("/{id}", asked))
    return Regular(line, frame[1::2], requests, status, first, more)


def _ends(tails: list[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the first number behind the last string of each line, and what is left."""
    nothing = ("",) * len(tails)
    if not any(tails):
        return nothing, nothing
    spaces = {tail.count(" ") for tail in tails}
    if spaces in ({1}, {2}) and not "".join(tails).translate(_OF_TIMES):
        cells = "\n".join(tails).replace(" ", "\n").split("\n")
        each = spaces.pop() + 1
        return cells[1::each], cells[2::each] if each == 3 else nothing
    first, more = zip(*_TAIL.findall("\n".join(tails)), strict=True)
    return first, more
