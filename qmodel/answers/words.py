"""Numbers in words: each with the unit and the digits that people read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qmodel.units import GiB, KiB, MiB, text

__all__ = [
    "AGE",
    "BAR",
    "BYTES",
    "COUNT",
    "NUMBER",
    "RATE",
    "SHARE",
    "TEXT",
    "TIME",
    "WORDS",
    "age",
    "counted",
    "listed",
    "lost",
    "percent",
    "shown",
    "size",
]

TEXT, TIME, RATE, SHARE, NUMBER, BYTES = "", "s", "1/s", "%", "-", "B"
BAR = "bar"
"""A share that is drawn as a bar."""
COUNT = "count"
"""A whole number, written with all its digits."""
AGE = "age"
"""A time in seconds that may be days, or without end."""
WORDS = "words"
"""Numbers of several units, already in words."""


def shown(value: Any, unit: str) -> str:
    """Return a number as people read it: "overload" for a time without end."""
    if unit == TEXT or isinstance(value, str):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "–"
    if unit == COUNT:
        return f"{number:,.0f}"
    if unit == AGE:
        return "never" if math.isinf(number) else age(number)
    if math.isinf(number):
        return {TIME: "overload", RATE: "no limit"}.get(unit, "inf")
    if unit == TIME and 0 < number < 1e-6:
        return "< 1 µs"
    if unit == BAR:
        return "< 1 %" if 0 < number < 0.005 else f"{100 * number:.0f} %"
    if unit == BYTES:
        return size(number)
    return percent(number) if unit == SHARE else text(number, unit)


def percent(share: float) -> str:
    """Return a share in percent: whole from 10 %, else with one decimal, never false zero."""
    number = 100 * share
    if abs(number) < 1e-10:  # rounding, on either side
        return "0 %"
    if 0 < number < 0.05:
        return "< 0.1 %"
    if 99.95 <= number < 100 or abs(number) < 9.95:
        return f"{number:.1f} %".replace("100.0 %", "99.9 %").replace("0.0 %", "0 %")
    return f"{number:.0f} %" if abs(number) < 99.5 or number >= 100 else f"{number:.1f} %"


def size(number: float) -> str:
    """Return a size [B] in powers of 1024."""
    for name, unit in (("GiB", GiB), ("MiB", MiB), ("KiB", KiB)):
        if number >= 0.9995 * unit:
            return f"{text(number / unit, '-')} {name}"
    return f"{text(number, '-')} B"


def age(seconds: float) -> str:
    """Return a time that may be long in the unit that people would take."""
    for name, unit in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * unit:
            return f"{text(seconds / unit, '-', digits=2)} {name}"
    return text(seconds, "s", digits=2)


def counted(count: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def listed(names: Sequence[str]) -> str:
    """Return names as in a sentence."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def lost(rejected: float, abandoned: float) -> str:
    """Return what is rejected and abandoned as in a sentence; "" where nothing is."""
    named = ((rejected, "rejected"), (abandoned, "abandoned"))
    # The shares of the kinds of request sum to 1 but for rounding.
    return listed([f"{percent(x)} {what}" for x, what in named if x > 1e-9] or [""])
