"""An answer as JSON, in plain SI numbers: seconds, requests a second, shares from 0 to 1."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmodel.answers.answer import Answer, Table

__all__ = ["parts"]

_UNITS = "seconds, requests a second, shares from 0 to 1; 'inf' is overload or no limit"
_CHUNK = 4096  # Rows that are text at once.


def parts(answer: Answer) -> Iterator[str]:
    """Yield the object; the rows of the frame come last, in chunks."""
    whole: dict[str, Any] = {"question": answer.question, "verdict": answer.verdict}
    whole["units"] = _UNITS
    for fact in answer.facts:
        *path, last = fact.key.split(".")
        at = whole
        for name in path:
            at = at.setdefault(name, {})
        at[last] = fact.value
    for name, value in answer.details.items():
        whole[name] = {**whole[name], **value} if isinstance(whole.get(name), dict) else value
    whole |= {t.key: _records(t) for t in answer.tables if t.key and t.key != answer.rows}
    whole["notes"] = [*answer.meaning, *answer.notes]
    if answer.doubts:
        whole["beyond_what_was_measured"] = list(answer.doubts)
    text = json.dumps(_plain(whole), indent=2, ensure_ascii=False, allow_nan=False)
    if not answer.rows:
        yield text + "\n"
        return
    yield f"{text[:-2]},\n  {json.dumps(answer.rows)}: ["
    frame, before = answer.to_frame(), "\n    "
    for start in range(0, len(frame), _CHUNK):
        rows = frame.iloc[start : start + _CHUNK]
        for row in zip(*(_cells(rows[name]) for name in rows), strict=True):
            record = dict(zip(rows, row, strict=True))
            yield before + json.dumps(record, ensure_ascii=False, allow_nan=False)
            before = ",\n    "
    yield "\n  ]\n}\n"


def _records(table: Table) -> list[dict[str, Any]]:
    return [
        {c.key: v for c, v in zip(table.columns, row, strict=True)}
        for row in zip(*(c.values for c in table.columns), strict=True)
    ]


def _cells(column: Any) -> list[Any]:
    """Return the cells of a column of a frame as JSON can hold them."""
    missing = column.isna().tolist()
    values = (column.astype(str) if column.dtype.kind == "M" else column).tolist()
    return [None if m else _plain(v) for m, v in zip(missing, values, strict=True)]


def _plain(x: Any) -> Any:
    """Return what JSON can hold: no NumPy, no infinity."""
    if isinstance(x, dict):
        return {str(k): _plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(v) for v in x]
    if hasattr(x, "tolist"):
        return _plain(x.tolist())
    if isinstance(x, float) and not math.isfinite(x):
        return None if math.isnan(x) else str(x)
    return x if x is None or isinstance(x, (str, bool, int, float)) else str(x)
