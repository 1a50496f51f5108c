"""Units: multipliers to write numbers with, and text at the edges.

Inside qmodel times are seconds, rates are per second and sizes are bytes, as plain floats.
``12 * ms`` writes one; files and the command line take ``"12 ms"``, ``"1200/s"``, ``"70%"``.

Examples
--------
>>> from qmodel.units import ms, parse, text
>>> 12 * ms
0.012
>>> parse("1200/s"), parse("18k/min"), parse("70%"), parse("2 GiB")
(1200.0, 300.0, 0.7, 2147483648.0)
>>> text(0.0413, "s"), text(18500.0, "1/s"), text(float("inf"), "s")
('41.3 ms', '18.5k/s', 'inf')
"""

from __future__ import annotations

import math
import re

from qmodel import _check
from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError

__all__ = [
    "GiB",
    "KiB",
    "MiB",
    "day",
    "hour",
    "minute",
    "ms",
    "ns",
    "parse",
    "s",
    "text",
    "us",
]

ns, us, ms, s, minute, hour, day = 1e-9, 1e-6, 1e-3, 1.0, 60.0, 3600.0, 86400.0
KiB, MiB, GiB = 2.0**10, 2.0**20, 2.0**30

TIMES = {
    "ns": ns, "us": us, "µs": us, "ms": ms, "s": s, "sec": s, "second": s, "seconds": s,
    "min": minute, "m": minute, "minute": minute, "minutes": minute,
    "h": hour, "hour": hour, "hours": hour, "d": day, "day": day, "days": day,
}  # fmt: skip
SIZES = {"B": 1.0, "KiB": KiB, "MiB": MiB, "GiB": GiB, "kB": 1e3, "MB": 1e6, "GB": 1e9}
_RATES = {"rps": 1.0, "qps": 1.0, "rpm": 1 / minute}
_POWERS = {1e-9: -9, 1e-6: -6, 1e-3: -3, 1e3: 3, 1e6: 6, 1e9: 9}
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
NUMBER = re.compile(
    r"\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)\s*(.*?)\s*"
)


def parse(written: str | float, unit: str = "") -> float:
    """Return the number that a text with a unit means, in seconds, 1/s, bytes or as it is.

    Parameters
    ----------
    written : str or float
        A number, alone or followed by a unit of time ("5 ms"), a rate ("1200/s",
        "18k rps"), a size ("2 GiB"), a percent sign, or k, M, G. A float passes. [-]
    unit : str, default ""
        What it must be: "s", "1/s", "B", or "-" for a number without unit; by default
        any. [-]

    Returns
    -------
    float
        The value in seconds, per second, bytes, or without unit. [-]

    Raises
    ------
    DomainError
        If the text is not a number with a known unit, or is of another kind than `unit`.

    Examples
    --------
    >>> parse("5ms"), parse("2 rps"), parse("0.3")
    (0.005, 2.0, 0.3)
    >>> parse("1200/s", "s")
    Traceback (most recent call last):
    qmodel.errors.DomainError: expected a time such as '5 ms', got '1200/s'
    """
    if not isinstance(unit, str) or unit not in _EXAMPLES:
        known = ", ".join(map(repr, _EXAMPLES))
        raise DomainError(f"unit must be one of {known}, got {_check.short(unit)}")
    if not isinstance(written, str):
        return _check.one("written", written, _check.real)
    match = NUMBER.fullmatch(written)
    if match is None:
        raise DomainError(f"expected {_EXAMPLES.get(unit, _EXAMPLES[''])}, got {written!r}")
    digits, given = match[1].replace("_", ""), match[2]
    kind, multiplier, power = _unit(given, written)
    if unit and kind != unit:
        raise DomainError(f"expected {_EXAMPLES[unit]}, got {written!r}")
    if power:
        # The decimal as written: 0.07 ms is the float next to 7e-5, which 0.07 * 1e-3 is not.
        mantissa, _, exponent = digits.lower().partition("e")
        finite = mantissa.strip("+-") not in ("inf", "nan")
        return float(f"{mantissa}e{int(exponent or 0) + power}" if finite else mantissa)
    return float(digits) * multiplier


_EXAMPLES = {
    "": "a number with a unit, such as '5 ms'",
    "s": "a time such as '5 ms'",
    "1/s": "a rate such as '1200/s'",
    "B": "a size such as '4 GiB'",
    "-": "a number without a unit, or a share such as '85 %'",
}


def _unit(unit: str, written: str) -> tuple[str, float, int]:
    """Return what a unit is of, its multiplier, and its power of ten where it is one."""
    if unit == "%":
        return "-", 0.01, -2
    for kind, table in (("-", _PREFIXES), ("s", TIMES), ("B", SIZES), ("1/s", _RATES)):
        if unit in table:
            return kind, table[unit], _POWERS.get(table[unit], 0)
    prefix, per, time = unit.partition("/")
    prefix = prefix.strip().removesuffix("requests").removesuffix("req").strip()
    if per and prefix in _PREFIXES and time.strip() in TIMES:
        return "1/s", _PREFIXES[prefix] / TIMES[time.strip()], 0
    for rate, multiplier in _RATES.items():
        if unit.endswith(rate) and unit.removesuffix(rate).strip() in _PREFIXES:
            return "1/s", _PREFIXES[unit.removesuffix(rate).strip()] * multiplier, 0
    known = [*TIMES, *SIZES, *_RATES, "/s", "/min", "%"]
    hint = did_you_mean(unit, known) or "; known are ms, s, /s, rps, MiB, %"
    raise DomainError(f"unknown unit {unit!r} in {written!r}{hint}")


_ENDLESS = 1e7
"""A time beyond which its digits say nothing, as a hair below saturation. [s]"""


def text(value: float, unit: str, *, digits: int = 3) -> str:
    """Return `value` as people write it, with a unit of readable size.

    Parameters
    ----------
    value : float
        The number, in the base unit. [-]
    unit : str
        "s", "1/s", "B", "%" for a share, or "-" for a bare number. [-]
    digits : int, default 3
        Significant digits. [-]

    Returns
    -------
    str
        Number and unit. [-]

    Raises
    ------
    DomainError
        If `value` is no number, `unit` no text, or `digits` no number of digits.

    Examples
    --------
    >>> text(0.00042, "s"), text(75.0, "s"), text(0.731, "%"), text(8.0, "-")
    ('420 µs', '75 s', '73.1 %', '8')
    """
    value = _check.one("value", value, _check.real)
    _check.instance("unit", unit, str)
    digits = _check.one_count("digits", digits, most=17)
    if not math.isfinite(value):
        return "inf" if value == math.inf else str(value)
    if unit == "%":
        return f"{_digits(100 * value, digits)} %"
    if unit == "s":
        if abs(value) >= _ENDLESS:
            return f"{value:.{digits}g} s"
        for name, size in (("s", s), ("ms", ms), ("µs", us)):
            if abs(value) >= size or name == "µs" or value == 0:
                return f"{_digits(value / size, digits)} {name}"
    scaled, prefix = value, ""
    if unit in ("1/s", "B"):
        for prefix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0)):
            if abs(value) >= 10 * size or prefix == "":
                scaled = value / size
                break
    number = _digits(scaled, digits)
    return (
        f"{number}{prefix}/s"
        if unit == "1/s"
        else f"{number} {prefix}{unit}".removesuffix(" -")
    )


def _digits(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if not 1e-12 < abs(value) < 1e18:
        return f"{value:.{digits}g}"  # without a hundred zeros
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    written = f"{value:.{decimals}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
