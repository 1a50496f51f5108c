"""What a command answers: a verdict, tables and notes, before they take a form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BAR",
    "COUNT",
    "NUMBER",
    "RATE",
    "SHARE",
    "TEXT",
    "TIME",
    "WORDS",
    "Column",
    "Report",
    "Table",
    "percent",
    "shown",
]

TEXT, TIME, RATE, SHARE, BAR, NUMBER, COUNT = "", "s", "1/s", "%", "bar", "-", "count"
WORDS = "words"  # Numbers of several units, already in words.


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its key in JSON, its header for people, and its unit."""

    key: str
    header: str
    unit: str
    values: Sequence[Any]

    def shown(self, row: int) -> str:
        """Return a cell in words and readable units."""
        return shown(self.values[row], self.unit)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its key in JSON (or none), its title, its columns, and the row to look at."""

    key: str
    title: str
    columns: Sequence[Column]
    marked: int | None = None
    mark: str = ""

    def __len__(self) -> int:
        return len(self.columns[0].values)


@dataclass(frozen=True, slots=True)
class Report:
    """An answer: one line of verdict, what it means, tables, notes, facts and the frame."""

    verdict: str
    meaning: Sequence[str]
    tables: Sequence[Table]
    notes: Sequence[str]
    frame: pd.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)
    good: bool = True


def shown(value: Any, unit: str) -> str:
    """Return a number as people read it: "overload" for a time without end."""
    if unit == TEXT or isinstance(value, str):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "–"
    if unit == COUNT:
        return f"{number:,.0f}"
    if math.isinf(number):
        return {TIME: "overload", RATE: "no limit"}.get(unit, "inf")
    if unit == TIME and 0 < number < 1e-6:
        return "< 1 µs"
    if unit == BAR:
        return "< 1 %" if 0 < number < 0.005 else f"{100 * number:.0f} %"
    if unit == SHARE:
        return percent(number)
    return text(number, unit)


def percent(share: float) -> str:
    """Return a share in percent: whole from 10 %, else with one decimal, never false zero."""
    number = 100 * share
    if 0 < number < 0.05:
        return "< 0.1 %"
    if 99.95 <= number < 100 or abs(number) < 9.95:
        return f"{number:.1f} %".replace("100.0 %", "99.9 %").replace("0.0 %", "0 %")
    return f"{number:.0f} %" if abs(number) < 99.5 or number >= 100 else f"{number:.1f} %"
