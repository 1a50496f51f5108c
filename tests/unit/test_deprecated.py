"""What is deprecated works, warns where it is called, and is gone in the release it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import qmodel
from qmodel._deprecated import deprecated
from qmodel._version import __version__


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


@deprecated(instead="capacity", since="0.3", until="0.5")
def most(rate: float, *, share: float = 1.0) -> float:
    """Return the most."""
    return rate * share


def test_it_works_and_warns_where_it_is_called():
    with pytest.warns(
        DeprecationWarning, match="most is deprecated since 0.3.*use capacity"
    ) as said:
        assert most(4.0, share=0.5) == 2.0
    assert said[0].filename == __file__
    assert most.__name__ == "most"
    assert "deprecated:: 0.3" in str(most.__doc__)


def test_nothing_outlives_the_release_that_it_names():
    texts = [p.read_text() for p in Path(qmodel.__path__[0]).rglob("*.py")]
    pattern = re.compile(r"^@deprecated\(.*until=\"([\d.]+)\"", re.MULTILINE)
    named = [until for text in texts for until in pattern.findall(text)]
    assert [until for until in named if version(until) <= version(__version__)] == []
