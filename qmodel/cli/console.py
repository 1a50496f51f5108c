"""The terminal: its width and colours, and a progress bar that comes when it is needed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "progress"]

_PLAIN_WIDTH = 80
_MOST_WIDTH = 100
_PATIENCE = 2.0  # [s] without a progress bar


def console(*, stderr: bool = False) -> Console:
    """Return the terminal: plain text of 80 columns if it is none, or under NO_COLOR."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if os.environ.get("NO_COLOR"):
        found = Console(
            stderr=stderr, highlight=False, emoji=False, markup=False, color_system=None
        )
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = _PLAIN_WIDTH
    found.width = min(found.width, _MOST_WIDTH)
    return found


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that is told of steps done and of all; shown after two seconds."""
    from rich.progress import Progress, TaskID

    bar = Progress(console=console(stderr=True), transient=True)
    begun, shown = time.monotonic(), list[TaskID]()

    def tell(done: int, of: int) -> None:
        if not bar.console.is_terminal:
            return
        if not shown and time.monotonic() - begun > _PATIENCE:
            bar.start()
            shown.append(bar.add_task(what, total=of))
        if shown:
            bar.update(shown[0], completed=done, total=of)

    try:
        yield tell
    finally:
        if shown:
            bar.stop()
