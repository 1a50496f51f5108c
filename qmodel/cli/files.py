"""Files of answers: whole or not at all, and refused before the work begins.

A file is written without a name where the system can (Linux), and takes the place of the old
one when it is complete: whatever ends the program before that leaves nothing. Elsewhere it has
a name with the number of the process, removed after an error or a signal, and by the next
run after a kill.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
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
    """Yield a function that writes an answer, into a file that appears only when complete.

    The new file is opened first: a folder that cannot be written to is refused before the
    work. An existing file keeps its mode and group.
    """
    ending = check_output(path, endings)
    if path is None:
        yield lambda answer: None
        return
    target = path.resolve()
    _remove_stale(target)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _ended_by_signals():
        try:
            file, named = _opened(part)
            with file:
                written = []

                def write(answer: Answer) -> None:
                    _write(answer, file, ending)
                    written.append(path)

                yield write
                if written:
                    _complete(file, target)
                    if not named:
                        _name(file, part)
                    os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)


def _opened(part: Path) -> tuple[IO[bytes], bool]:
    """Return a new file to write, and whether it has the name: else it has none yet."""
    anonymous = getattr(os, "O_TMPFILE", 0)
    if anonymous and Path("/proc/self/fd").is_dir():
        with contextlib.suppress(OSError):
            return os.fdopen(os.open(part.parent, anonymous | os.O_RDWR, 0o666), "w+b"), False
    return part.open("x+b"), True


def _name(file: IO[bytes], part: Path) -> None:
    """Give a file without a name one."""
    folder = os.open(part.parent, os.O_RDONLY)
    try:
        # Only with the folder given does Python follow the link to the open file.
        os.link(f"/proc/self/fd/{file.fileno()}", part.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _complete(file: IO[bytes], target: Path) -> None:
    """Bring a file to the disk, with the mode and the group of the one that it replaces."""
    with contextlib.suppress(FileNotFoundError):
        old = target.stat()
        with contextlib.suppress(OSError):
            os.fchown(file.fileno(), -1, old.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
    file.flush()
    os.fsync(file.fileno())


def _remove_stale(target: Path) -> None:
    """Remove what runs that were killed have left of this file."""
    name = re.compile(rf"\.{re.escape(target.name)}\.(\d+)\.part")
    for beside in target.parent.iterdir():
        match = name.fullmatch(beside.name)
        if match and not _runs(int(match[1])):
            with contextlib.suppress(OSError):
                beside.unlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let TERM and HUP end the program through its clean-up, with their exit status."""

    def end(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    known = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    before = {}
    for number in known:
        if number is not None:
            with contextlib.suppress(ValueError):  # Not in the main thread.
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
