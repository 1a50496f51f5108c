"""What unit tests share: what commands are asked is answered once; scripts of docs."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import ModuleType
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


def _script(name: str) -> ModuleType:
    path = Path(__file__).parents[2] / "docs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def script_of_docs() -> Callable[[str], ModuleType]:
    """Return what makes a module of a script of docs, which is no package."""
    return _script
