"""Pages that take seconds run with the thorough tests."""

from __future__ import annotations

from pathlib import Path

import pytest

LONG = {"survive-the-announcement.md", "monolith-or-microservices.md", "gallery.md"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, before what is not asked for is left out."""
    here = Path(__file__).parent
    for item in items:
        if item.path.name in LONG and here in item.path.parents:
            item.add_marker(pytest.mark.thorough)
