"""Files that appear whole or not at all.

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file, which appears under its name when the block ends without an error.

    It is opened at once: a folder that cannot be written to is refused before the work. An
    existing file keeps its mode and group. Nothing appears if nothing was written.

    Parameters
    ----------
    path : Path
        Where it appears. [-]

    Yields
    ------
    file
        The file, to write bytes into.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with whole_file(path) as file:
    ...     _ = file.write(b"1 2 3")
    ...     print(path.exists())
    False
    >>> path.read_text()
    '1 2 3'
    """
    target = path.resolve()
    _remove_stale(target)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _ended_by_signals():
        try:
            file, named = _opened(part)
            with file:
                yield file
                if file.tell():
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
