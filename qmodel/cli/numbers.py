"""The numbers that options mean, refused by the option's name where they cannot be."""

from __future__ import annotations

import math

from qmodel.errors import DomainError

__all__ = ["number", "percentiles", "rate", "share", "whole"]


def parse(option: str, written: str, unit: str = "-") -> float:
    """Return the number that the text of an option means; one alone is in the base unit."""
    from qmodel.units import NUMBER  # which needs numpy, as help does not
    from qmodel.units import parse as number_of

    match = NUMBER.fullmatch(written)
    try:
        return number_of(written, "-" if match and not match[2] else unit)
    except DomainError as e:
        raise DomainError(f"{option}: {e}") from None


def number(option: str, written: str, unit: str = "-", *, zero: bool = False) -> float:
    """Return the finite number above zero (or zero) that the text of an option means."""
    found = parse(option, written, unit)
    if not (math.isfinite(found) and (found > 0 or (zero and found == 0))):
        need = ">= 0" if zero else "> 0"
        raise DomainError(f"{option} must be a finite number {need}, got {written!r}")
    return found


def whole(option: str, written: str) -> int:
    """Return the whole number above zero that the text of an option means."""
    found = parse(option, written)
    if not (math.isfinite(found) and found >= 1 and found == math.floor(found)):
        raise DomainError(f"{option} must be a whole number >= 1, got {written!r}")
    return int(found)


def rate(written: str | None) -> float | None:
    """Return the arrival rate of ``--rate`` [1/s], where it is given."""
    return None if written is None else number("--rate", written, "1/s", zero=True)


def share(option: str, written: str, most: float) -> float:
    """Return the share that the text of an option means: more than `most` lacks a %."""
    found = parse(option, written)
    if not (found >= 0 and (found < most or ("%" in written and math.isfinite(found)))):
        example = f"{written.strip()}%" if found >= most and math.isfinite(found) else "80%"
        raise DomainError(f"{option} must be a share such as {example}, got {written!r}")
    return found


def percentiles(option: str, written: str) -> list[float]:
    """Return the shares that a text such as "50,95,99.9" means."""
    shares = []
    for part in written.split(","):
        digits = part.strip().removeprefix("p")
        try:
            # The number as written: 99.9 / 100 is not the float nearest to 0.999.
            found = float(f"{digits}e-2")
        except ValueError:
            found = float("nan")
        if not 0 < found < 1:
            raise DomainError(f"{option} must be between 0 and 100, got {part.strip()!r}")
        shares.append(found)
    return sorted(set(shares))
