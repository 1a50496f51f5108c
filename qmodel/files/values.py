"""Numbers with units, read and written, and words that are nearly known."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.errors import ModelError, ModelFileError
from qmodel.units import parse

__all__ = ["amount", "digits", "number", "short"]


def number(value: Any, unit: str, *, sizes: bool = False) -> float | int:
    """Return the number that a value of a file means, in the base unit.

    Raises `QModelError` if it is none, of another kind, or lacks a unit that it needs.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ModelFileError(f"expected a number, got {short(value)}")
    if isinstance(value, str):
        if sizes and value.rstrip()[-1:] == "B":
            return parse(value, "B")
        found = parse(value, unit)
        whole = unit == "-" and "%" not in value and found.is_integer()
        return int(found) if whole else found
    if unit in ("s", "1/s") and value not in (0, np.inf) and value == value:
        example = {"s": f"{value:g} ms or {value:g} s", "1/s": f"{value:g}/s"}[unit]
        raise ModelFileError(f"{value} needs a unit: {example}")
    return value


def short(value: Any) -> str:
    """Return what a value of a file is, for a message."""
    words = {dict: "a mapping", list: "a list", bool: str(value).lower(), type(None): "null"}
    return words.get(type(value), repr(value)[:60])


def amount(value: Any, unit: str) -> Any:
    """Return a number as files have it: with a unit that people read, and exactly.

    Examples
    --------
    >>> amount(0.0045, "s"), amount(1200.0, "1/s"), amount(8, "-"), amount(0.85, "-")
    ('4.5 ms', '1200/s', 8, 0.85)
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return [amount(x, unit) for x in value]
    value = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if is_symbolic(value):
        raise ModelError(f"symbols cannot be written into a file: {value}")
    if not isinstance(value, (int, float)):
        raise ModelError(f"a file has no such value: {value!r}")
    if not math.isfinite(value):
        return str(value)
    if value == 0 or unit not in ("s", "1/s", "B"):
        return value
    if unit == "s":
        size = abs(value)
        for name, power in (("s", 0), ("ms", 3), ("us", 6), ("ns", 9)):
            if size * 10**power >= 1 or power == 9:
                return f"{digits(value, power)} {name}"
    return f"{digits(value, 0)}/s" if unit == "1/s" else f"{digits(value, 0)} B"


def digits(value: float, power: int) -> str:
    """Return the decimal of a float, times a power of ten, as people write it."""
    shifted = Decimal(repr(value)).scaleb(power).normalize()
    plain = f"{shifted:f}"
    return plain if len(plain) <= 24 else f"{shifted:e}".replace("e+", "e")
