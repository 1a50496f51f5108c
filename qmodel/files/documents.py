"""The text of a model file as plain data, and where each value of it stands.

YAML, TOML and JSON are read by their ending. Of YAML only its plain part: texts, numbers, true,
false, null, lists, mappings, and anchors within limits. No tag makes an object, so that a file
of strangers can do no more than be wrong. Too large, too deep or too many after its anchors are
resolved: refused before any of it is used.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from qmodel.errors import ModelFileError

__all__ = ["ENDINGS", "Document", "Path_", "parsed", "read_document"]

ENDINGS = (".yaml", ".yml", ".toml", ".json")

Path_ = tuple[str | int, ...]
"""Keys and places that lead to a value."""

_MOST_BYTES = {".yaml": 2**18, ".yml": 2**18, ".toml": 2**20, ".json": 2**24}
_MOST_DEPTH = 100
_MOST_VALUES = 1_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """A file as plain data.

    Parameters
    ----------
    name : str
        How the file is called in messages. [-]
    data : object
        Mappings, lists, texts, numbers, booleans and None. [-]
    place : callable
        From the path of a value to its line and column, counted from 1; (0, 0) if it is not
        in this file. [-]
    folder : Path, optional
        Where it stands: files that it names are looked for from there. [-]
    """

    name: str
    data: Any
    place: Callable[[Path_], tuple[int, int]]
    folder: Path = Path()

    def error(self, message: str, at: Path_ = ()) -> ModelFileError:
        """Return the error that names file, line, column and what is wrong."""
        line, column = self.place(at)
        where = f"{self.name}:{line}:{column}" if line else self.name
        return ModelFileError(f"{where}: {message[:400]}")


def read_document(path: Path) -> Document:
    """Return a file as plain data.

    Parameters
    ----------
    path : Path
        The file; its ending says its language. [-]

    Returns
    -------
    Document
        The data. [-]

    Raises
    ------
    ModelFileError
        If it is not of one of the three languages, is too large, or is wrong in itself.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ModelFileError(f"{path}: a model file ends in .yaml, .yml, .toml or .json")
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise ModelFileError(f"{path}: {what}")
    with path.open("rb") as file:
        raw = file.read(_MOST_BYTES[ending] + 1)
    if len(raw) > _MOST_BYTES[ending]:
        most = f"{_MOST_BYTES[ending] >> 10:,} KiB"
        hint = "" if ending == ".json" else "; large models can be written as .json"
        raise ModelFileError(f"{path}: larger than {most}, which no model file is{hint}")
    try:
        written = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise ModelFileError(f"{path}: not a text in UTF-8 (byte {e.start + 1})") from None
    return replace(parsed(written, str(path), ending), folder=path.parent)


def parsed(written: str, name: str, ending: str = ".yaml") -> Document:
    """Return a text as plain data; its ending says its language."""
    read = {".toml": _toml, ".json": _json}.get(ending, _yaml)
    try:
        document = read(written, name)
    except RecursionError:
        raise ModelFileError(f"{name}: too deeply nested") from None
    _refuse_what_grows(document)
    return document


def _refuse_what_grows(document: Document) -> None:
    """Refuse data that is too deep or too large once each anchor is written out."""
    sizes: dict[int, tuple[int, int]] = {}

    def measured(value: Any, depth: int) -> tuple[int, int]:
        """Return number of values, and depth."""
        if not isinstance(value, (dict, list)):
            return 1, 1
        if id(value) not in sizes:
            if depth > _MOST_DEPTH:
                raise document.error(f"nested deeper than {_MOST_DEPTH} levels")
            inner = value.values() if isinstance(value, dict) else value
            found = [measured(x, depth + 1) for x in inner]
            total = 1 + sum(n for n, _ in found)
            deep = 1 + max((d for _, d in found), default=0)
            sizes[id(value)] = min(total, _MOST_VALUES + 1), deep
        return sizes[id(value)]

    count, deep = measured(document.data, 0)
    if count > _MOST_VALUES or deep > _MOST_DEPTH:
        raise document.error("anchors and aliases grow to more than any model has")


# YAML.

_INTEGER = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")
_SPECIAL = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan,
}  # fmt: skip


_MOST_LINES = 10_000
_MOST_EVENTS = 15_000


class _Node(NamedTuple):
    """A value of YAML, with its place: a mapping has pairs of nodes, a list nodes."""

    value: Any
    mark: Any
    pairs: list[tuple[_Node, _Node]] | None = None
    items: list[_Node] | None = None


def _yaml(written: str, name: str) -> Document:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    def error(message: str, mark: Any) -> ModelFileError:
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        return ModelFileError(f"{name}{where}: {message[:400]}")

    if written.count("\n") > _MOST_LINES:
        raise ModelFileError(f"{name}: more than {_MOST_LINES:,} lines: no model file")
    _refuse_brackets(written, error)
    try:
        root = _composed(YAML(typ="safe", pure=True).parse(written), error)
    except ModelFileError:
        raise
    except MarkedYAMLError as e:
        problem = (e.problem or e.context or "not YAML").replace("\n", " ")
        if "'\\t'" in problem:
            problem = "a tab, where YAML takes spaces only"
        raise error(problem, e.problem_mark or e.context_mark) from None
    except (YAMLError, ValueError, AttributeError, KeyError, IndexError, TypeError) as e:
        first = str(e).strip().partition("\n")[0]
        raise ModelFileError(f"{name}: not YAML: {first}") from None

    def place(at: Path_) -> tuple[int, int]:
        node, mark = root, root.mark if root else None
        for step in at:
            if node is not None and node.pairs is not None:
                pair = next(((k, v) for k, v in node.pairs if k.value == step), None)
                if pair is None:
                    return 0, 0
                mark, node = pair[0].mark, pair[1]
            elif node is not None and node.items is not None and isinstance(step, int):
                if step >= len(node.items):
                    return 0, 0
                node = node.items[step]
                mark = node.mark
            else:
                return 0, 0
        return (mark.line + 1, mark.column + 1) if mark else (0, 0)

    return Document(name, None if root is None else root.value, place)


def _refuse_brackets(written: str, error: Any) -> None:
    """Refuse a run of opening brackets, over which a scanner of YAML would ponder."""
    depth = 0
    for match in re.finditer(r"[][{}]", written):
        depth += 1 if match[0] in "[{" else -1
        if depth > 10 * _MOST_DEPTH:
            raise error(f"nested deeper than {_MOST_DEPTH} levels", None)


def _composed(events: Iterable[Any], error: Callable[[str, Any], ModelFileError]) -> Any:
    """Return the one document of a stream of events as nodes; None if it is empty."""
    from ruamel.yaml import events as kinds

    ended: list[_Node] = []
    open_: list[tuple[_Node, str | None, list[_Node]]] = []  # with anchor, and what it has
    anchors: dict[str, _Node | None] = {}
    for number, event in enumerate(events):
        if number > _MOST_EVENTS:
            raise error(
                f"more than {_MOST_EVENTS:,} values: write so large a model as .json",
                event.start_mark,
            )
        if isinstance(event, kinds.AliasEvent):
            if event.anchor not in anchors:
                raise error(f"no anchor is called {event.anchor!r}", event.start_mark)
            node = anchors[event.anchor]
            if node is None:
                raise error("an anchor that contains itself", event.start_mark)
        elif isinstance(event, kinds.ScalarEvent):
            _refuse_tag(event, error)
            node = _Node(_scalar(event), event.start_mark)
            if event.anchor:
                anchors[event.anchor] = node
        elif isinstance(event, (kinds.MappingStartEvent, kinds.SequenceStartEvent)):
            _refuse_tag(event, error)
            if len(open_) >= _MOST_DEPTH:
                raise error(f"nested deeper than {_MOST_DEPTH} levels", event.start_mark)
            if event.anchor:
                anchors[event.anchor] = None
            mapping = isinstance(event, kinds.MappingStartEvent)
            node = (
                _Node({}, event.start_mark, pairs=[])
                if mapping
                else _Node([], event.start_mark, items=[])
            )
            open_.append((node, event.anchor, []))
            continue
        elif isinstance(event, (kinds.MappingEndEvent, kinds.SequenceEndEvent)):
            node, anchor, inner = open_.pop()
            _fill(node, inner, error)
            if anchor:
                anchors[anchor] = node
        elif isinstance(event, kinds.DocumentStartEvent) and ended:
            raise error("a second document in the file", event.start_mark)
        else:
            continue
        (open_[-1][2] if open_ else ended).append(node)
    return ended[0] if ended else None


def _fill(node: _Node, inner: list[_Node], error: Any) -> None:
    """Put what a list or mapping has into it."""
    if node.items is not None:
        node.items.extend(inner)
        node.value.extend(x.value for x in inner)
        return
    assert node.pairs is not None
    for key, value in zip(inner[::2], inner[1::2], strict=True):
        if key.pairs is not None or key.items is not None:
            raise error("a key must be a text", key.mark)
        if key.value == "<<":
            raise error("merging by << is not taken: name a component", key.mark)
        words = key.value if isinstance(key.value, str) else _as_written(key.value)
        if words in node.value:
            raise error(f"{words!r} stands twice", key.mark)
        node.value[words] = value.value
        node.pairs.append((key._replace(value=words), value))


def _as_written(key: Any) -> str:
    """Return a key such as 1, true or null as text."""
    return {"True": "true", "False": "false", "None": "null"}.get(str(key), str(key))


def _refuse_tag(event: Any, error: Any) -> None:
    tag = str(event.tag) if event.tag else ""
    if tag and tag.rpartition(":")[2] not in _PLAIN_TAGS:
        raise error(f"no tag such as {tag} is taken", event.start_mark)


_PLAIN_TAGS = ("str", "int", "float", "bool", "null", "seq", "map")


def _scalar(event: Any) -> Any:
    """Return the value of a scalar: a text in quotes, else by YAML 1.2's core schema."""
    text: str = event.value
    if event.style:
        return text
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 300 else math.inf
    return float(text) if _FLOAT.fullmatch(text) else text


# TOML and JSON: their readers know no places of values; they are looked for after an error.


def _toml(written: str, name: str) -> Document:
    try:
        data = tomllib.loads(written)
    except tomllib.TOMLDecodeError as e:
        match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(e))
        if match:
            raise ModelFileError(f"{name}:{match[2]}:{match[3]}: {match[1]}") from None
        raise ModelFileError(f"{name}: {e}") from None
    return Document(name, data, lambda at: _place_in_toml(written, at))


_TABLE = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(
    r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_NAMES = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def _place_in_toml(written: str, at: Path_) -> tuple[int, int]:
    """Return the place of the longest part of a path that begins a line of its own."""
    wanted = [str(step) for step in at if isinstance(step, str)]
    best, found, table = 0, (1, 1), list[str]()
    for number, line in enumerate(written.splitlines(), 1):
        match = _TABLE.match(line)
        if match:
            here = table = [x.strip("\"'") for x in _NAMES.findall(match[1])]
        elif match := _KEY.match(line):
            here = [*table, *(x.strip("\"'") for x in _NAMES.findall(match[1]))]
        else:
            continue
        if len(here) > best and wanted[: len(here)] == here:
            best, found = len(here), (number, match.start(1) + 1)
    return found


def _json(written: str, name: str) -> Document:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ModelFileError(f"{name}: {twice!r} stands twice")
        return found

    try:
        data = json.loads(written, object_pairs_hook=unique)
    except json.JSONDecodeError as e:
        raise ModelFileError(f"{name}:{e.lineno}:{e.colno}: {e.msg}") from None
    return Document(name, data, lambda at: _place_in_json(written, at))


_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s\[\]{},:"]+|[\[\]{},:])')


def _place_in_json(written: str, at: Path_) -> tuple[int, int]:
    for path, offset in _json_places(written):
        if path == at:
            line = written.count("\n", 0, offset) + 1
            return line, offset - (written.rfind("\n", 0, offset) + 1) + 1
    return 0, 0


def _json_places(written: str) -> Iterator[tuple[Path_, int]]:
    """Yield the path of each value, and where its key (or it itself, in a list) begins."""
    stack: list[list[Any]] = []  # of [key or place, whether a list, offset of the key]
    key_next = False
    yield (), 0
    for match in _TOKEN.finditer(written):
        token, offset = match[1], match.start(1)
        if token in "]}":
            stack.pop()
        elif token == ",":
            if stack[-1][1]:
                stack[-1][0] += 1
            else:
                key_next = True
        elif token == ":":
            key_next = False
        elif key_next:
            stack[-1][0] = json.loads(token)
            yield tuple(x[0] for x in stack), offset
            continue
        else:
            if stack and stack[-1][1]:
                yield tuple(x[0] for x in stack), offset
        if token in "[{":
            stack.append([0, token == "[", offset])
            key_next = token == "{"
