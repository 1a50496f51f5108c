"""Files of results: whole or not at all, and refused before the work begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmodel.errors import DomainError, ModelError

if TYPE_CHECKING:
    from qmodel.cli.report import Report

__all__ = ["check_output", "writing"]

ENDINGS = (".csv", ".csv.gz", ".parquet", ".json", ".md")


def check_output(path: Path | None, endings: tuple[str, ...] = ENDINGS) -> str:
    """Return the ending of a file to write, refusing what cannot be written."""
    if path is None:
        return ""
    ending = next((e for e in sorted(endings, key=len)[::-1] if path.name.endswith(e)), None)
    if ending is None:
        *most, last = endings
        raise DomainError(
            f"--output must end in {', '.join(most)} or {last}, got {str(path)!r}"
        )
    if ending == ".parquet" and find_spec("pyarrow") is None:
        raise ModelError(
            "Parquet needs pyarrow: pip install 'qmodel[parquet]', or write a .csv instead"
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"has no folder {str(path.parent)!r}"
        raise DomainError(f"--output {str(path)!r} {what}")
    return ending


@contextmanager
def writing(
    path: Path | None, endings: tuple[str, ...] = ENDINGS
) -> Iterator[Callable[[Report], None]]:
    """Yield a function that writes a report, into a file that appears only when complete.

    The temporary file beside it is opened first: a folder that cannot be written to is
    refused before the work, and nothing half-written is left after an error or Ctrl-C.
    """
    ending = check_output(path, endings)
    if path is None:
        yield lambda report: None
        return
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.open("xb").close()
        written = []

        def write(report: Report) -> None:
            _write(report, part, ending)
            written.append(part)

        yield write
        if written:
            os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _write(report: Report, part: Path, ending: str) -> None:
    from qmodel.cli.render import as_json, as_markdown

    if ending in (".json", ".md"):
        part.write_text(as_json(report) if ending == ".json" else as_markdown(report), "utf-8")
    elif ending == ".parquet":
        report.frame.to_parquet(part, index=False)
    else:
        packed: Any = "gzip" if ending == ".csv.gz" else None
        report.frame.to_csv(part, index=False, compression=packed)
