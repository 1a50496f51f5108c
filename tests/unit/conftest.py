"""What unit tests share: a question asked in several forms is solved once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest

from qmodel import answers

ASKED = ("balance", "cache", "check", "compare", "explain", "size", "solve", "sweep")

_KEPT: dict[bytes, Any] = {}


def kept(name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(ask)
    def answer(*args: Any, **named: Any) -> Any:
        key = pickle.dumps((name, args, named))
        if key not in _KEPT:
            _KEPT[key] = ask(*args, **named)
        return _KEPT[key]

    return answer


@pytest.fixture
def solved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the answers of the command line, which are frozen; each is printed anew."""
    for name in ASKED:
        monkeypatch.setattr(answers, name, kept(name, getattr(answers, name)))
