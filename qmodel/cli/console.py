"""The terminal: its width and colours, and a progress bar that comes when it is needed."""

from __future__ import annotations

import os
import threading
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
    """Show after two seconds that something is done; yield what may be told how far it is.

    Steps done and steps of all make a bar; as long as nothing is told, it only moves. Where
    there is no terminal nothing is shown.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)
    waited = threading.Timer(_PATIENCE, bar.start)
    waited.daemon = True
    if bar.console.is_terminal:
        waited.start()

    def tell(done: int, of: int) -> None:
        bar.update(task, completed=done, total=of)

    try:
        yield tell
    finally:
        waited.cancel()
        if waited.is_alive():  # It is just now being shown.
            waited.join()
        if bar.live.is_started:
            bar.stop()
