"""The page of a report, with landmarks and headings for the keyboard and the screen reader.

Nothing is fetched and nothing runs: pictures are SVG, texts are escaped, and a policy in the
page itself forbids the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from qmodel._version import __version__
from qmodel.answers.as_html import STYLE, parts
from qmodel.errors import ModelError

if TYPE_CHECKING:
    from qmodel.answers.answer import Answer
    from qmodel.reports.contents import Report, Section

__all__ = ["framed", "page"]

_STYLE = """
body{margin:0;background:#fff}
@media(prefers-color-scheme:dark){body{background:#16181c}}
.qmodel.report{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 3rem;font-size:15px}
.report h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 .6rem}
.report .title{color:var(--soft);margin:0}
.report header{border-left:6px solid var(--good);padding-left:1rem}
.report header.bad{border-color:var(--bad)}
.report .state{font-weight:700;color:var(--good)}
.report .bad .state{color:var(--bad)}
.report h2{font-size:1.2rem;margin:2.4rem 0 .3rem;padding-top:.6rem;
border-top:1px solid var(--line)}
.report p.said{font-weight:600}
.report nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;padding:0;
margin:1rem 0 0}
.report a{color:var(--bar);text-underline-offset:.15em}
.report :focus-visible{outline:3px solid var(--bar);outline-offset:2px}
.report .skip{position:absolute;left:-99rem}
.report .skip:focus{position:static}
.report td,.report tbody th{vertical-align:top}
.report td.text{white-space:normal}
.report td.text{min-width:5rem}
.report .long td.text:nth-of-type(3){min-width:22rem}
.report .long td.text:nth-of-type(4){min-width:12rem}
.report pre{font-size:13px;padding:.7rem;border:1px solid var(--line);border-radius:6px}
.report footer{color:var(--soft);margin-top:2.5rem;font-size:.9em}
@media print{.report nav,.report .skip{display:none}
.report figure,.report h2{break-inside:avoid}
.report h2,.report p.said,.report h2+p{break-after:avoid}
.report .wide{overflow:visible}.qmodel.report{max-width:none;
font-size:11px}.report th,.report td{white-space:normal}
.qmodel{--ink:#000;--soft:#444;--line:#bbb;--ground:#fff;--mark:#eee;--good:#1a7431;
--bad:#b3261e;--bar:#2f6fb0;--warm:#9a6700}body{background:#fff}
.report pre{white-space:pre-wrap}.report svg{max-height:23cm;width:auto}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(report: Report) -> str:
    """Return the whole page."""
    drawing_library()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta name="generator" content="qmodel {__version__}">'
        f"<title>{escape(report.title)}</title><style>{STYLE}{_STYLE}</style></head>"
        f'<body><div class="qmodel report">{"".join(_body(report))}</div></body></html>\n'
    )


def framed(report: Report) -> str:
    """Return the page in a frame of its own, for a notebook."""
    inside = escape(page(report), quote=True)
    name = escape(report.title, quote=True)
    return (
        f'<iframe title="{name}" sandbox srcdoc="{inside}" '
        'style="width:100%;height:40rem;border:1px solid #888"></iframe>'
    )


def _body(report: Report) -> Iterator[str]:
    first, *others = report.sections
    yield '<a class="skip" href="#verdict">To the verdict</a>'
    yield f"<header{'' if report.good else ' class=bad'}>"
    yield f'<p class="title">{escape(report.title)}</p><h1>{escape(report.verdict)}</h1>'
    yield f'<p><span class="state">{_state(first.answer)}</span></p></header>'
    yield '<nav aria-label="Sections"><ul>'
    for section in report.sections:
        yield f'<li><a href="#{section.key}">{escape(section.title)}</a></li>'
    yield "</ul></nav><main>"
    yield from _section(first, said=False)
    for section in others:
        yield from _section(section, said=True)
    yield f"</main><footer><p>Computed in closed form by qmodel {__version__}.</p></footer>"


def _state(answer: Answer) -> str:
    """Return in words what the colour of the verdict says."""
    met = {f.key: f.value for f in answer.facts}.get("met")
    if met is None:
        return "The load is sustained." if answer.good else "The load is not sustained."
    return "Every objective is met." if met else "Not every objective is met."


def _section(section: Section, *, said: bool) -> Iterator[str]:
    heading = f"{section.key}-heading"
    long = " class=long" if section.key == "basis" else ""
    yield f'<section id="{section.key}" aria-labelledby="{heading}"{long}>'
    yield f'<h2 id="{heading}">{escape(section.title)}</h2>'
    if said:
        yield f'<p class="said">{escape(section.answer.verdict)}.</p>'
    if section.drawing:
        yield f"<figure>{section.drawing}</figure>"
    yield from parts(section.answer)
    if section.source:
        yield f'<h3>The model file</h3><pre tabindex="0">{escape(section.source)}</pre>'
    yield "</section>"


def drawing_library() -> Any:
    """Return what draws the pictures, or say how to install it."""
    try:
        import vl_convert
    except ImportError:
        raise ModelError("a report needs vl-convert: pip install 'qmodel[report]'") from None
    return vl_convert
