"""An answer as HTML: for a notebook, and as a page that needs no network.

Light or dark follows the reader's system, or the notebook where it says which it has. Every
text is escaped, as names are those of the user.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from qmodel.answers.words import BAR, TEXT

if TYPE_CHECKING:
    from qmodel.answers.answer import Answer, Column, Table

__all__ = ["STYLE", "fragment", "page", "parts", "wide"]

_SHOWN = 40  # Rows of a table.
_OPEN = 30  # Rows of a table that is not folded.

STYLE = """
.qmodel{--ink:#1a1a1a;--soft:#595959;--line:#d9d9d9;--ground:#fff;--mark:#eef4fb;
--good:#1a7431;--bad:#b3261e;--bar:#2f6fb0;--warm:#9a6700;
color:var(--ink);background:var(--ground);font:14px/1.45 system-ui,sans-serif;
max-width:60rem;padding:.75rem 1rem;border-radius:6px}
@media(prefers-color-scheme:dark){.qmodel{--ink:#e8e8e8;--soft:#a8a8a8;--line:#444;
--ground:#16181c;--mark:#22303f;--good:#6fd08c;--bad:#ff8a80;--bar:#6aa9e9;--warm:#e3b341}}
[data-jp-theme-light="true"] .qmodel,.vscode-light .qmodel{--ink:#1a1a1a;--soft:#595959;
--line:#d9d9d9;--ground:#fff;--mark:#eef4fb;--good:#1a7431;--bad:#b3261e;--bar:#2f6fb0;
--warm:#9a6700}
[data-jp-theme-light="false"] .qmodel,.vscode-dark .qmodel{--ink:#e8e8e8;--soft:#a8a8a8;
--line:#444;--ground:#16181c;--mark:#22303f;--good:#6fd08c;--bad:#ff8a80;--bar:#6aa9e9;
--warm:#e3b341}
.qmodel .verdict{font-size:1.15rem;font-weight:600;margin:0 0 .4rem;
border-left:4px solid var(--good);padding-left:.6rem}
.qmodel .verdict.bad{border-color:var(--bad)}
.qmodel p{margin:.2rem 0;color:var(--ink)}
.qmodel p.note{color:var(--soft);font-size:.9em}
.qmodel dl{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;margin:.7rem 0}
.qmodel dt{color:var(--soft);font-size:.8em}
.qmodel dd{margin:0;font-variant-numeric:tabular-nums}
.qmodel .wide{overflow-x:auto}
.qmodel table{border-collapse:collapse;margin:.8rem 0;color:var(--ink);background:none;
font-size:.95em;font-variant-numeric:tabular-nums}
.qmodel caption{text-align:left;white-space:nowrap;font-weight:600;
padding-bottom:.25rem;color:var(--ink)}
.qmodel caption small{font-weight:400;color:var(--soft)}
.qmodel th,.qmodel td{padding:.15rem .75rem .15rem 0;text-align:right;white-space:nowrap;
border:0;border-bottom:1px solid var(--line);background:none;color:var(--ink)}
.qmodel thead th{color:var(--soft);font-weight:500}
.qmodel .text{text-align:left}
.qmodel tbody th{font-weight:400}
.qmodel tr.marked th,.qmodel tr.marked td{background:var(--mark);font-weight:600}
.qmodel .over{color:var(--bad)}
.qmodel .bar{display:inline-block;width:4rem;height:.6em;margin-right:.4rem;
background:linear-gradient(var(--c),var(--c)) 0/var(--w) 100% no-repeat var(--line)}
.qmodel pre{color:var(--ink);background:none;overflow-x:auto;line-height:1.25;
font-family:ui-monospace,monospace;margin:.6rem 0}
.qmodel summary{cursor:pointer;font-weight:600;margin:.6rem 0}
.qmodel figure{margin:1rem 0;overflow-x:auto}
.qmodel svg{max-width:100%;height:auto;color:var(--ink)}
.qmodel .bar+span{display:inline-block;min-width:3rem}
@media print{.qmodel{max-width:none}.qmodel tr{break-inside:avoid}
.qmodel caption,.qmodel thead{break-after:avoid}}
"""


def fragment(answer: Answer) -> str:
    """Return the answer as an element with its own style."""
    return f"<style>{STYLE}</style>{_article(answer)}"


def page(answer: Answer) -> str:
    """Return the answer as a page."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(answer.verdict)}</title><style>"
        "body{margin:0}@media(prefers-color-scheme:dark){body{background:#16181c}}"
        ".qmodel{margin:1rem auto}"
        f"{STYLE}</style></head><body>{_article(answer)}</body></html>\n"
    )


def _article(answer: Answer) -> str:
    bad = "" if answer.good else " bad"
    verdict = f'<p class="verdict{bad}">{escape(answer.verdict)}</p>'
    return f'<article class="qmodel">{verdict}{"".join(parts(answer))}</article>'


def parts(answer: Answer) -> Iterator[str]:
    """Yield what comes after the verdict: its meaning, facts, pictures, tables and notes."""
    for line in (*answer.meaning, *answer.warnings):
        yield f"<p>{escape(line)}</p>"
    facts = [f for f in answer.facts if f.label]
    if facts:
        yield "<dl>"
        for f in facts:
            yield f"<div><dt>{escape(f.label)}</dt><dd>{escape(f.shown())}</dd></div>"
        yield "</dl>"
    for formula in answer.formulas:
        yield f"<p>{escape(formula.name)}</p>" if formula.name else ""
        yield f"<pre>{escape(formula.text)}</pre>"
    for svg in _drawn(answer):
        yield f"<figure>{svg}</figure>"
    for table in answer.tables:
        yield wide(table)
    for line in answer.notes:
        yield f'<p class="note">{escape(line)}</p>'


def _drawn(answer: Answer) -> list[str]:
    """Return the pictures as SVG where they can be drawn here: with the extra "plot"."""
    from qmodel.answers.pictures import svg

    return svg(answer.pictures)


def wide(table: Table) -> str:
    """Return a table that scrolls where it is too wide, by keyboard too."""
    scrolled = (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(table.title)}">'
        f"{_table(table)}</div>"
    )
    if len(table) <= _OPEN:
        return scrolled
    return f"<details><summary>{escape(table.title)}: the table</summary>{scrolled}</details>"


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col" class="{_kind(c)}">{escape(c.header)}</th>' for c in table.columns
    )
    mark = f" <small>{escape(table.mark)}: highlighted</small>" if table.mark else ""
    lines = [f"<table><caption>{escape(table.title)}{mark}</caption>"]
    lines.append(f"<thead><tr>{head}</tr></thead><tbody>")
    for i in range(min(len(table), _SHOWN)):
        first, *others = table.columns
        row = f'<th scope="row" class="{_kind(first)}">{escape(first.shown(i))}</th>'
        row += "".join(_cell(c, i) for c in others)
        lines.append(f"<tr{' class=marked' if i == table.marked else ''}>{row}</tr>")
    return "".join([*lines, "</tbody></table>"])


def _kind(column: Column) -> str:
    return "text" if column.unit == TEXT else ""


def _cell(column: Column, row: int) -> str:
    words, bar, kind = column.shown(row), "", _kind(column)
    if column.unit == BAR and words != "–":
        share = float(column.values[row])
        colour = "--bar" if share < 0.7 else "--warm" if share < 0.9 else "--bad"
        width = f"{100 * min(share, 1):.0f}%"
        bar = f'<span class="bar" style="--w:{width};--c:var({colour})"></span>'
        return f'<td class="{kind}">{bar}<span>{escape(words)}</span></td>'
    if words == "overload":
        kind = "over"
    return f'<td class="{kind}">{bar}{escape(words)}</td>'
