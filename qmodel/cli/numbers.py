"""The numbers that options mean, refused by the option's name where they cannot be."""

from __future__ import annotations

import math

from qmodel.errors import DomainError
from qmodel.units import parse

__all__ = ["number", "whole"]


def number(option: str, written: str, *, zero: bool = False) -> float:
    """Return the finite number above zero (or zero) that the text of an option means."""
    found = parse(written)
    if not (math.isfinite(found) and (found > 0 or (zero and found == 0))):
        need = ">= 0" if zero else "> 0"
        raise DomainError(f"{option} must be a finite number {need}, got {written!r}")
    return found


def whole(option: str, written: str) -> int:
    """Return the whole number above zero that the text of an option means."""
    found = parse(written)
    if not (math.isfinite(found) and found >= 1 and found == math.floor(found)):
        raise DomainError(f"{option} must be a whole number >= 1, got {written!r}")
    return int(found)
