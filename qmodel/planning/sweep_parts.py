"""Parts of a sweep on disk: Parquet files that are complete, or are not there.

A part is written beside its place and moved there, so that a sweep that is killed leaves whole
parts only; started again, it solves those that are missing. What a folder holds is told by
``sweep.json`` in it, and another sweep does not go on there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmodel.errors import ModelError
from qmodel.planning.sweep_rows import Rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PartWriter", "SweepParts", "folder_of"]

_TITLE = "sweep.json"


@dataclass(frozen=True, slots=True)
class SweepParts:
    """A sweep in parts on disk.

    Parameters
    ----------
    folder : Path
        Where the parts are. [-]
    rows : int
        Number of rows of all parts. [-]
    files : tuple of Path
        The Parquet files, in the order of the rows. [-]

    Examples
    --------
    >>> import tempfile, qmodel as qm
    >>> over = {"arrival_rate": range(10, 100)}
    >>> parts = qm.sweep(qm.MMc(0.01), over, chunk=40, into=tempfile.mkdtemp())
    >>> parts
    <SweepParts: 90 rows in 3 files>
    >>> [len(frame) for frame in parts], parts.to_frame().shape
    ([40, 40, 10], (90, 12))
    """

    folder: Path
    rows: int
    files: tuple[Path, ...]

    def __repr__(self) -> str:
        """Return how much there is."""
        return f"<SweepParts: {self.rows:,} rows in {len(self.files):,} files>"

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Yield the parts as frames, one at a time."""
        import pandas as pd

        return (pd.read_parquet(file) for file in self.files)

    def to_frame(self) -> pd.DataFrame:
        """Return all rows in one frame, as `sweep` does without ``into``."""
        import pandas as pd

        frames = list(self)
        table = pd.concat(frames)
        table.attrs = frames[0].attrs
        return table


@dataclass(frozen=True, slots=True)
class PartWriter:
    """What solves a part and writes it, wherever it runs; it returns the number of rows."""

    rows: Rows
    folder: str

    def __call__(self, number: int) -> int:
        """Write a part, and return its number of rows."""
        frame, place = self.rows(number), self.file(number)
        beside = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            frame.to_parquet(beside)
            os.replace(beside, place)
        finally:
            beside.unlink(missing_ok=True)
        return len(frame)

    def file(self, number: int) -> Path:
        """Return where a part is."""
        return Path(self.folder) / f"part-{number:06d}.parquet"

    def missing(self) -> list[int]:
        """Return the parts that are not there yet."""
        there = {file.name for file in Path(self.folder).glob("part-*.parquet")}
        return [n for n in range(self.rows.parts) if self.file(n).name not in there]

    def all(self) -> SweepParts:
        """Return the parts of a sweep that is done."""
        files = tuple(map(self.file, range(self.rows.parts)))
        return SweepParts(Path(self.folder), len(self.rows.design), files)


def folder_of(rows: Rows, into: Any) -> PartWriter:
    """Return the writer of a sweep into a folder, which is made or gone on with."""
    folder = Path(into).absolute()
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"into must be a folder, got the file {str(into)!r}")
    folder.mkdir(parents=True, exist_ok=True)
    title, said = folder / _TITLE, _title(rows)
    if title.exists() and json.loads(title.read_text()) != said:
        raise ModelError(
            f"{str(into)!r} holds another sweep: take another folder, or empty this one"
        )
    title.write_text(json.dumps(said, indent=1))
    return PartWriter(rows, str(folder))


def _title(rows: Rows) -> dict[str, Any]:
    """Return what tells a sweep from others: its model, cells and percentiles."""
    model, count = rows.model, len(rows.design)
    whole = getattr(model, "__qualname__", None) or repr((model, _parameters(model)))
    last = max(count - 1000, 0)
    ends = [rows.design.cells(0, 1000), rows.design.cells(last, count)]
    cells = b"".join(x.tobytes() for end in ends for x in end.values())
    return {
        "model": hashlib.sha256(whole.encode()).hexdigest(),
        "parameters": list(rows.design.names),
        "cells": count,
        "values": hashlib.sha256(cells).hexdigest(),
        "percentiles": list(rows.percentiles),
        "chunk": rows.chunk,
    }


def _parameters(model: Any) -> Any:
    return model.parameters() if hasattr(model, "parameters") else None
