"""The terminal: what moves while one waits."""

import io
import threading

import pytest
from rich.console import Console

from qmodel.cli import console as terminal


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    shown = Console(file=written, force_terminal=True, width=80)
    monkeypatch.setattr(terminal, "console", lambda **_: shown)
    return written


class Shown(io.StringIO):
    """Text that says when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def write(self, text: str) -> int:
        if "looking" in text:
            self.event.set()
        return super().write(text)


def test_what_takes_long_is_seen_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Shown()
    screen = Console(file=written, force_terminal=True, width=80)
    monkeypatch.setattr(terminal, "console", lambda **_: screen)
    monkeypatch.setattr(terminal, "_PATIENCE", 0.01)
    with terminal.progress("looking") as tell:
        assert written.event.wait(30)
        tell(1, 2)
    with terminal.progress("looking again"):  # One after the other.
        pass


def test_what_is_soon_done_shows_nothing(screen: io.StringIO) -> None:
    with terminal.progress("looking") as tell:
        tell(1, 2)
    assert "looking" not in screen.getvalue()


def test_where_there_is_no_terminal_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "_PATIENCE", 0.0)
    with terminal.progress("looking") as tell:
        tell(1, 2)
    assert capsys.readouterr() == ("", "")
