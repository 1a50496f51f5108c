"""Pages of documentation read well when rendered: examples stand in fences, and fences close.

Outside a fence Markdown takes ``>>>`` for three nested quotations and merges the next lines.
Inside one, the doctests read a closing fence as output unless a blank line stands before it.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"( *)(`{3,}|~{3,})(.*)")
PROMPT = re.compile(r"\s*(>>>|\.\.\. )")
WIDEST = 104
"""Characters of a line that a browser shows without a scroll bar."""


def fences(text: str) -> list[tuple[int, str, list[str]]]:
    """Return the fenced blocks of a page: their first line, language and lines."""
    blocks: list[tuple[int, str, list[str]]] = []
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.fullmatch(line)
        if inside and mark and mark[2].startswith(inside) and not mark[3].strip():
            inside = ""
        elif inside:
            blocks[-1][2].append(line)
        elif mark:
            inside = mark[2]
            blocks.append((number + 1, mark[3].strip(), []))
    if inside:
        raise AssertionError(f"the fence before line {blocks[-1][0]} is never closed")
    return blocks


def faults(text: str) -> list[str]:
    """Return what a reader of the rendered page, or the doctests of it, would trip over."""
    blocks = fences(text)
    fenced = {n for first, _, lines in blocks for n in range(first, first + len(lines))}
    found = [
        f"line {number}: an example outside a fence"
        for number, line in enumerate(text.splitlines(), 1)
        if number not in fenced and PROMPT.match(line)
    ]
    tested = {e.lineno + 1 for e in doctest.DocTestParser().get_examples(text)}
    for first, language, lines in blocks:
        prompts = {first + k for k, x in enumerate(lines) if x.lstrip().startswith(">>>")}
        if not language:
            found.append(f"line {first}: a fence without a language")
        elif language == "python" and not prompts:
            found.append(f"line {first}: Python without prompts, which no test runs")
        elif prompts and language != "python":
            found.append(f"line {first}: examples of Python in a fence for {language}")
        if not prompts <= tested:
            found.append(f"line {first}: examples that the doctests do not see")
        if prompts and lines[-1].strip():
            found.append(f"line {first}: no blank line before the fence closes")
        found += [
            f"line {first + k}: {len(x)} characters wide, at most {WIDEST}"
            for k, x in enumerate(lines)
            if len(x) > WIDEST
        ]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_stand_in_closed_fences_and_run(page: Path) -> None:
    assert not faults(page.read_text())


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        (">>> 1 + 1\n2\n", "outside a fence"),
        ("Text.\n>>> 1 + 1\n2\n", "outside a fence"),
        ("```text\n>>> 1\n1\n\n```\n", "examples of Python in a fence for text"),
        ("```\nx\n```\n", "without a language"),
        ("```python\nx = 1\n\n```\n", "without prompts"),
        ("```python\n>>> 1\n1\n```\n", "no blank line"),
        ("```python\n>>> '" + 110 * "x" + "'\n\n```\n", "characters wide"),
    ],
)
def test_faults_are_seen(page: str, fault: str) -> None:
    assert fault in " ".join(faults(page))


def test_an_open_fence_is_seen() -> None:
    with pytest.raises(AssertionError, match="never closed"):
        faults("```python\n>>> 1\n1\n\n")
