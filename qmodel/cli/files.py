"""Files of answers, by the ending of their names: refused before the work begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from qmodel.errors import DomainError, ModelError

if TYPE_CHECKING:
    from qmodel.answers import Answer

__all__ = ["ENDINGS", "check_output", "writing"]

ENDINGS = (".csv", ".csv.gz", ".parquet", ".json", ".md", ".html")


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
    if path.exists() and not path.is_file():
        raise DomainError(f"--output {str(path)!r} is no ordinary file")
    return ending


@contextmanager
def writing(
    path: Path | None, endings: tuple[str, ...] = ENDINGS
) -> Iterator[Callable[[Answer], None]]:
    """Yield a function that writes an answer, into a file that appears only when complete."""
    from qmodel.files.whole import whole_file

    ending = check_output(path, endings)
    if path is None:
        yield lambda answer: None
        return
    with whole_file(path) as file:
        yield lambda answer: _write(answer, file, ending)


def _write(answer: Answer, file: IO[bytes], ending: str) -> None:
    if ending == ".parquet":
        answer.to_frame().to_parquet(file, index=False)
    elif ending.startswith(".csv"):
        packed: Any = {"method": "gzip", "mtime": 1} if ending == ".csv.gz" else None
        answer.to_frame().to_csv(file, index=False, compression=packed)
    elif ending == ".html":
        file.write(answer.to_html().encode())
    elif ending == ".xml":
        from qmodel.answers import junit

        file.write(junit(answer).encode())
    else:
        parts = answer.json_parts() if ending == ".json" else answer.markdown_parts()
        file.writelines(part.encode() for part in parts)
