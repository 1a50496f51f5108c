"""One word for one thing: what the glossary of the field calls otherwise is not found.

The words are those of site reliability engineers and of students of queueing. "Law" stays for
laws that bear a name, and for the laws of the test kit.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHERWISE = {
    "distribution": r"(?<![a-z])laws?(?![a-z])",
    "probability, at random": r"(?<![a-z])chances?(?![a-z])",
    "capacity": r"\b(finds?|found) no place\b|\bnumber of places\b|K\([^)]*places=",
    "saturates first": r"\bfull first\b",
    "TLS connection": r"\bsecured connections?\b",
    "LIFO": r"\bnewest[ _]first\b",
    "size-based": r"\bsizes first\b",
    "preemptive": r"\binterrupting\b",
    "round robin": r"\breplicas in turn\b|\brequests in turn\b",
    "population": r"(Engset|congestion)\([^)]*sources=",
    "fraction of time": r"\bshare of (the )?time\b",
    "gradually": r"\bby and by\b",
    "survives": r"\blives? through\b",
    "oscillates": r"\bto and fro\b",
    "coupled step": r"\bopen steps?\b|\bwhat the load decides\b",
    "the overloaded solution": r"\bgreatest fixed point\b",
}
"""What to say, and a pattern of what not to say."""

NAMED = re.compile(
    r"(Little|Zipf|Kleinrock|Amdahl)('?s)?[ _]laws?|(scalability|utili[sz]ation|conservation)"
    r"[ _]law|law (of|for) (Little|means)|is a law of means|second chances?|"
    r"(result|model|structure|time|distribution)_laws|testing[./ ]*(import )?laws|laws\.\w+|"
    r"`laws`|laws that models|, laws\b|erlang_law|of_any_law|A\. M\. Law",
    re.IGNORECASE,
)
"""Laws with a name, and those of the test kit."""

KIT = ("qmodel/testing/", "docs/how-to/property-test-your-pipeline.md")
WRITTEN_OF = ("words.md", "release-notes.md")
"""Pages about the words that are not said."""

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "qmodel").rglob("*.py")),
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if p.name not in WRITTEN_OF),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]


def words(page: Path) -> str:
    """Return the text of a page; of a notebook what was written, not what came out."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def plain(text: str) -> str:
    """Return a text over ends of lines, without what is named."""
    return NAMED.sub("", " ".join(text.split()))


@functools.cache
def pages() -> dict[str, str]:
    """Return the plain text of each page: it is read once for all words."""
    return {str(page.relative_to(ROOT)): plain(words(page)) for page in PAGES}


def found(text: str, pattern: str) -> list[str]:
    """Return what of a plain text matches."""
    return [m[0] for m in re.finditer(pattern, text, re.IGNORECASE)]


@pytest.mark.parametrize("word", OTHERWISE)
def test_the_word_is(word: str) -> None:
    wrong = {
        page: said
        for page, text in pages().items()
        if not (word == "distribution" and page.startswith(KIT))
        and (said := found(text, OTHERWISE[word]))
    }
    assert wrong == {}, f"say {word!r}"


def test_the_words_are_a_page() -> None:
    page = (ROOT / "docs" / "reference" / "words.md").read_text(encoding="utf-8")
    for word in OTHERWISE:
        assert all(part in page for part in word.split(", ")), word


def test_another_word_is_seen() -> None:
    def seen(text: str, pattern: str) -> list[str]:
        return found(plain(text), pattern)

    assert seen("the law\nof service", OTHERWISE["distribution"]) == ["law"]
    assert seen("law_of_wait", OTHERWISE["distribution"]) == ["law"]
    assert seen("Little's law and laws.pasta, a flaw", OTHERWISE["distribution"]) == []
    assert seen("lives\n    through that", OTHERWISE["survives"]) == ["lives through"]
