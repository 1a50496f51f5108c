"""Spans of OpenTelemetry (OTLP as JSON): who calls whom, how often, and how long they work.

The **self time** of a span is its length without the union of its children, each cut to it: the
time in which the component itself worked or waited. **Visits** are calls of a component for one
request of its caller. Children that overlap run in **parallel**. Siblings of one name that
follow a failure, or say so (``http.request.resend_count``), are **attempts** of one call. A
client span without a server span below it stands for what has no spans of its own, as a
database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.measurements.histogram import of_times
from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tally import Tally

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAME", "read", "recognises"]

NAME = "OpenTelemetry spans"

_CLIENT = (3, "3", "SPAN_KIND_CLIENT")
_ERROR = (2, "2", "STATUS_CODE_ERROR")
_RESENT = ("http.request.resend_count", "http.resend_count", "rpc.retry_count")
_PEER = ("db.system.name", "db.system", "peer.service", "server.address", "messaging.system")
_NS = 1e-9


@dataclass(slots=True)
class Span:
    """One span: where it belongs, when it was, and its children."""

    trace: str
    name: str
    parent: str
    component: str
    client: bool
    start: float
    end: float
    failed: bool
    resent: int
    peer: str
    children: list[Span] = field(default_factory=list)


def recognises(source: Source) -> bool:
    """Return whether the file has resource spans."""
    head = source.head
    return head.lstrip().startswith((b"{", b"[")) and b'"resourceSpans"' in head


def read(source: Source) -> Measurements:
    """Return times and errors of each component, and the calls between them."""
    spans: dict[tuple[str, str], Span] = {}
    twice = 0
    for document in _documents(source):
        for key, span in _spans(source, document):
            twice += key in spans
            spans[key] = span
    if twice:
        source.note(f"{twice:,} spans came twice: the last is kept")
    if not spans:
        raise source.refusal("has no span in it")
    lost = _linked(spans)
    if lost:
        source.note(
            f"{lost:,} spans have a parent that is not in the file: taken as first spans"
        )
    return _measured(source, list(spans.values()))


def _documents(source: Source) -> Iterator[Any]:
    if len(source.first_lines) > 1 and source.first_lines[0].rstrip().endswith("}"):
        for _, records in source.records():
            yield from records
        return
    found = source.document()
    source.good_lines += 1
    yield from found if isinstance(found, list) else [found]


def _attributes(some: Any) -> dict[str, Any]:
    found = {}
    for one in some or ():
        value = one.get("value") or {}
        found[one.get("key", "")] = next(iter(value.values()), None)
    return found


def _spans(source: Source, document: Any) -> Iterator[tuple[tuple[str, str], Span]]:
    for resource in document.get("resourceSpans", ()):
        about = _attributes((resource.get("resource") or {}).get("attributes"))
        component = str(about.get("service.name", "unknown"))
        scopes = resource.get("scopeSpans") or resource.get("instrumentationLibrarySpans") or ()
        for raw in (s for scope in scopes for s in scope.get("spans", ())):
            try:
                start, end = (
                    float(raw[n]) * _NS for n in ("startTimeUnixNano", "endTimeUnixNano")
                )
                key = str(raw["traceId"]), str(raw["spanId"])
            except (KeyError, TypeError, ValueError):
                source.bad(1, str(raw), "is a span without its ids or times")
                continue
            source.good_lines += 1
            more = _attributes(raw.get("attributes"))
            resent = next((int(more[n]) for n in _RESENT if more.get(n) is not None), 0)
            yield (
                key,
                Span(
                    trace=key[0],
                    name=str(raw.get("name", "")),
                    parent=str(raw.get("parentSpanId") or "").strip("0"),
                    component=component,
                    client=raw.get("kind") in _CLIENT,
                    start=start,
                    end=max(end, start),
                    failed=(raw.get("status") or {}).get("code") in _ERROR,
                    resent=resent,
                    peer=str(next((more[n] for n in _PEER if more.get(n)), "")),
                ),
            )


def _linked(spans: dict[tuple[str, str], Span]) -> int:
    """Give each span its children; return how many miss their parent."""
    lost = 0
    stripped = {(trace, span.strip("0")): one for (trace, span), one in spans.items()}
    for one in spans.values():
        if one.parent:
            parent = stripped.get((one.trace, one.parent))
            if parent is None or parent is one:
                lost += 1
                one.parent = ""
            else:
                parent.children.append(one)
    return lost


def covered(span: Span) -> float:
    """Return the length of the union of the children of a span, cut to it [s]."""
    total, until = 0.0, span.start
    for child in sorted(span.children, key=lambda c: c.start):
        start, end = max(child.start, until), min(child.end, span.end)
        if end > start:
            total += end - start
            until = end
    return total


def _entries(span: Span) -> Iterator[tuple[str, Span]]:
    """Yield the calls to other components that a span makes, through its inner spans."""
    for child in span.children:
        if child.component != span.component:
            yield child.component, child
        elif child.client and not any(c.component != child.component for c in child.children):
            yield child.peer or child.name, child
        else:
            yield from _entries(child)


def _measured(source: Source, spans: list[Span]) -> Measurements:
    tallies: dict[str, Tally] = defaultdict(Tally)
    own: dict[tuple[str, str], list[float]] = defaultdict(list)
    edges: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    requests: dict[str, int] = defaultdict(int)
    by_id = {id(c): s for s in spans for c in s.children}
    backwards = sum(
        c.start < s.start - 1e-6 or c.end > s.end + 1e-6 for s in spans for c in s.children
    )
    for span in spans:
        parent = by_id.get(id(span))
        if parent is not None and parent.component == span.component:
            continue  # an inner span: part of the request that its component serves
        requests[span.component] += 1
        self_time = _own_time(span)
        own[span.component, span.name].append(self_time)
        _tallied(tallies[span.component], span)
        called = list(_entries(span))
        for at, (callee, call) in enumerate(called):
            edge = edges[span.component, callee]
            again = call.resent > 0 or any(
                c == callee and o.name == call.name and o.failed and o.end <= call.start + 1e-9
                for c, o in called[:at]
            )
            edge[0] += 1
            edge[1] += again
            edge[2] += any(
                o is not call and o.start < call.end and call.start < o.end for _, o in called
            )
            if call.component == span.component:
                _tallied(tallies[callee], call)
                own[callee, call.name].append(call.end - call.start)
                requests[callee] += 1
    if backwards:
        source.note(
            f"{backwards:,} children begin before or end after their parent (clocks or "
            "asynchronous work): only what lies within counts"
        )
    rows = [row for name, tally in tallies.items() for row in tally.rows(name)]
    facts = {
        f"{component}.{name}.self_time": float(np.mean(times))
        for (component, name), times in own.items()
    }
    alone: dict[str, list[float]] = defaultdict(list)
    for (component, _), times in own.items():
        alone[component] += times
    first = next(iter(tallies.values()))
    return of_rows(
        rows,
        source,
        NAME,
        calls=_calls(edges, requests),
        self_times={name: of_times(np.array(times)) for name, times in alone.items()},
        facts=facts,
        arrivals=first.arrivals(),
    )


def _own_time(span: Span) -> float:
    """Return the self time of a span and of its inner spans of the same component."""
    inner = [c for c in span.children if c.component == span.component and not c.client]
    return span.end - span.start - covered(span) + sum(map(_own_time, inner))


def _tallied(tally: Tally, span: Span) -> None:
    tally.add(
        np.array([span.start]),
        np.array([span.end - span.start]),
        np.array([span.failed]),
        tally.kind(span.name),
    )


def _calls(edges: dict[tuple[str, str], list[float]], requests: dict[str, int]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for (caller, callee), (calls, again, beside) in edges.items():
        rows.append(
            {
                "caller": caller,
                "callee": callee,
                "visits": (calls - again) / requests[caller],
                "attempts": calls / (calls - again) if calls > again else float("nan"),
                "parallel": beside / calls,
            }
        )
    return pd.DataFrame(rows, columns=["caller", "callee", "visits", "attempts", "parallel"])
