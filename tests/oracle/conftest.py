"""Gives the tests of this folder the simulator beside them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def sim() -> ModuleType:
    """The simulator of `simulator.py`."""
    path = Path(__file__).parent / "simulator.py"
    spec = importlib.util.spec_from_file_location("oracle_simulator", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
