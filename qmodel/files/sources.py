"""Model files laid over each other, and which of them says what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from qmodel._check import short
from qmodel._nearest import did_you_mean
from qmodel.errors import ModelFileError
from qmodel.files.documents import Document, Path_, read_document

__all__ = ["Sources"]

_MOST_FILES = 32


class Sources:
    """Files laid over each other, and which of them said what.

    Parameters
    ----------
    keys : collection of str
        The keys that they may have. [-]
    """

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = keys
        self.data: dict[str, Any] = {}
        self._documents: list[Document] = []
        self._read = 0

    def add(self, path: Path, including: tuple[Path, ...] = ()) -> None:
        """Lay a file over what is there, with the files that it includes below it."""
        self._read += 1
        if self._read > _MOST_FILES:
            raise ModelFileError(f"{path}: more than {_MOST_FILES} files are included")
        document = read_document(path)
        data = document.data
        if isinstance(data, dict) and "include" in data:
            names = data["include"]
            names = [names] if isinstance(names, str) else names
            if not (isinstance(names, list) and all(isinstance(n, str) for n in names)):
                raise document.error("include is a list of files", ("include",))
            for name in names:
                inner = path.parent / name
                if inner.resolve() in (path.resolve(), *including):
                    raise document.error(f"a file that includes itself: {name}", ("include",))
                if not inner.is_file():
                    raise document.error(f"no file {str(inner)!r}", ("include",))
                self.add(inner, (*including, path.resolve()))
        self.lay(document)

    def lay(self, document: Document) -> None:
        """Lay data over what is there."""
        data = document.data
        if not isinstance(data, dict):
            what = "is empty" if data is None else f"{short(data)} is no mapping"
            raise document.error(
                f"{what}: a model file has keys such as load, components and path"
            )
        for key in data:
            if key not in self._keys:
                raise document.error(f"no key {key!r}{did_you_mean(key, self._keys)}", (key,))
        self._documents.append(document)
        ways = {"path", "requests", "station"}
        if ways & set(data):  # Another way of saying it takes the place of the first.
            for key in ways - set(data):
                self.data.pop(key, None)
        _merge(self.data, {k: v for k, v in data.items() if k != "include"}, ())

    def error(self, message: str, at: Path_ = ()) -> ModelFileError:
        """Return the error that names the file, line and column of a value."""
        for length in range(len(at), -1, -1):
            for document in reversed(self._documents):
                if document.place(at[:length])[0] or not length:
                    return document.error(message, at[:length])
        return ModelFileError(message)

    def folder(self, at: Path_) -> Path:
        """Return the folder of the file that says a value."""
        said = [document for document in self._documents if document.place(at)[0]]
        return (said or self._documents)[-1].folder


def _merge(below: dict[str, Any], above: Mapping[str, Any], at: Path_) -> None:
    """Put the values of a mapping into another; mappings in both are merged in turn."""
    for key, value in above.items():
        old: Any = below.get(key)
        kinds = at in (("components",), ()) and key not in ("components", "requests", "prices")
        both = isinstance(old, dict) and isinstance(value, dict)
        if both and kinds and len(old) == len(value) == 1 and set(old) != set(value):
            both = False  # a component of another kind
        if both:
            merged = dict(old)
            _merge(merged, value, (*at, key))
            below[key] = merged
        else:
            below[key] = value
