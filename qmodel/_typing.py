"""The two types of numbers in signatures.

Both are `Any` for the type checker: a formula is one source for floats, arrays and SymPy
expressions, and no static type has the operators of all three.
"""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Count", "Value"]

Value: TypeAlias = Any
"""A float, an array of floats, or a SymPy expression."""

Count: TypeAlias = Any
"""An integer, an integer array, or a SymPy symbol."""
