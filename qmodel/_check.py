"""Argument checks: impossible values are refused by name, NaN passes, overload passes.

Every check returns its argument as a number of the right namespace, so that a formula
begins with ``rate = nonnegative("arrival_rate", arrival_rate)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.errors import DomainError, ModelError

__all__ = [
    "at_least",
    "broadcast",
    "count",
    "finite",
    "instance",
    "mapping",
    "nonnegative",
    "numbers",
    "one",
    "one_count",
    "positive",
    "probability",
    "real",
    "scv",
    "several",
    "share",
    "short",
    "size",
    "time",
    "weights",
]

_EXACT = 2**53
"""Largest whole number to which all are floats."""

_REAL = (Real, Decimal)


def _number(name: str, x: Any, need: str) -> Any:
    try:
        array = np.asarray(x)
        if array.dtype.kind == "O":
            # Big integers, fractions and decimals, but no text, None or complex number.
            if not all(isinstance(v, _REAL) for v in array.flat):
                raise TypeError
        elif array.dtype.kind not in "biuf":
            raise TypeError
        return array.astype(float, copy=False)[()]
    except (TypeError, ValueError, OverflowError):
        raise DomainError(f"{name} must be {need}, got {short(x)}") from None


def short(x: Any) -> str:
    """Return what `x` looks like, in at most 80 characters."""
    try:
        text = repr(x)
    except ValueError:  # an integer of more digits than Python writes
        return "a number beyond the floats"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse(name: str, x: Any, bad: Any, need: str) -> None:
    if bad.any():
        raise DomainError(f"{name} must be {need}, got {np.asarray(x)[bad].flat[0]}")


def nonnegative(name: str, x: Any, *, need: str = "a number >= 0") -> Any:
    """Return `x` as a number or array, refusing values below zero."""
    if (type(x) is float and x >= 0) or (type(x) is int and 0 <= x <= _EXACT):
        return float(x)
    if is_symbolic(x):
        if x.is_negative:
            raise DomainError(f"{name} must be {need}, got {x}")
        return x
    value = _number(name, x, need)
    _refuse(name, value, value < 0, need)
    return value


def finite(name: str, x: Any) -> Any:
    """Return `x` as a number >= 0, refusing an infinite one too."""
    need = "a finite number >= 0"
    value = nonnegative(name, x, need=need)
    if not is_symbolic(value):
        _refuse(name, value, np.asarray(value) == np.inf, need)
    return value


def positive(name: str, x: Any, *, need: str = "a number > 0") -> Any:
    """Return `x` as a number or array, refusing zero and values below."""
    if (type(x) is float and x > 0) or (type(x) is int and 0 < x <= _EXACT):
        return float(x)
    if is_symbolic(x):
        if x.is_nonpositive:
            raise DomainError(f"{name} must be {need}, got {x}")
        return x
    value = _number(name, x, need)
    _refuse(name, value, value <= 0, need)
    return value


def at_least(least: float) -> Callable[[str, Any], Any]:
    """Return a check of numbers that are not below `least`."""
    need = f"a number >= {least:g}"

    def check(name: str, x: Any) -> Any:
        value = positive(name, x, need=need)
        if not is_symbolic(value):
            _refuse(name, value, np.asarray(value) < least, need)
        return value

    return check


def positive_scv(name: str, x: Any) -> Any:
    """Return `x` as a squared coefficient of variation, a number > 0."""
    return positive(name, x, need="a squared coefficient of variation > 0")


def scv(name: str, x: Any) -> Any:
    """Return `x` as a squared coefficient of variation, a number >= 0."""
    return nonnegative(name, x, need="a squared coefficient of variation >= 0")


def probability(name: str, x: Any) -> Any:
    """Return `x` as a number or array, refusing values outside 0 to 1."""
    if type(x) is float and 0 <= x <= 1:
        return x
    need = "a probability from 0 to 1"
    if is_symbolic(x):
        if x.is_negative or (x - 1).is_positive:
            raise DomainError(f"{name} must be {need}, got {x}")
        return x
    value = _number(name, x, need)
    outside = (value < 0) | (value > 1)
    if outside.any():
        worst = np.asarray(value)[outside].flat[0]
        hint = f"; {worst:g} % is {worst / 100:g}" if 1 < worst <= 100 else ""
        raise DomainError(f"{name} must be {need}, got {worst}{hint}")
    return value


def positive_probability(name: str, x: Any) -> Any:
    """Return `x` as a probability above 0."""
    return positive(name, probability(name, x), need="a probability above 0")


def time(name: str, t: Any) -> Any:
    """Return a time, of any sign, as a number or array."""
    if type(t) is float or (type(t) is np.ndarray and t.dtype == float) or is_symbolic(t):
        return t
    return _number(name, t, "a time, a number or an array of numbers")


def point(name: str, s: Any) -> Any:
    """Return a point of a transform, real or complex, as a number or array."""
    if type(s) is np.ndarray and s.dtype.kind in "fc":
        return s
    if is_symbolic(s):
        return s
    try:
        point = np.asarray(s)
        if point.dtype.kind not in "biufc":
            return _number(name, s, "")
        return point.astype(complex if point.dtype.kind == "c" else float)[()]
    except (TypeError, ValueError, OverflowError):
        need = "a point of a transform, a real or complex number or an array of them"
        raise DomainError(f"{name} must be {need}, got {short(s)}") from None


def real(name: str, x: Any) -> Any:
    """Return `x` as a real number or array, of any sign."""
    return _number(name, x, "a number or an array of numbers")


def broadcast(**values: Any) -> tuple[int, ...]:
    """Return the shape that values broadcast to, refusing by name what does not fit."""
    shape: tuple[int, ...] = ()
    for name, value in values.items():
        here = np.shape(value)
        try:
            shape = np.broadcast_shapes(shape, here)
        except ValueError:
            rest = ", ".join(f"{n} {np.shape(v)}" for n, v in values.items() if np.ndim(v))
            raise DomainError(
                f"{name} must have a shape that broadcasts with the others, got {rest}"
            ) from None
    return shape


def share(name: str, x: Any) -> Any:
    """Return `x` as a probability; the whole numbers 0 and 1 stay exact beside symbols."""
    return x if type(x) is int and x in (0, 1) else probability(name, x)


def count(
    name: str, n: Any, *, least: int = 1, most: int = _EXACT, endless: bool = False
) -> Any:
    """Return `n` as an int or an array of whole floats, refusing 2.5 and less than `least`.

    Infinity is refused too, unless `endless`, and what is finite and above `most`, because
    the cost grows with the number.
    """
    if type(n) is int and least <= n <= most:
        return n
    need = f"a whole number >= {least}"
    if is_symbolic(n):
        if n.is_integer is False or (n - least).is_negative:
            raise DomainError(f"{name} must be {need}, got {n}")
        return n
    if isinstance(n, bool):
        raise DomainError(f"{name} must be {need}, got {n}")
    value = _number(name, n, need)
    broken = (value != np.floor(value)) | ((value == np.inf) & (not endless))
    _refuse(name, value, (value < least) | broken, need)
    if most < _EXACT:
        large = (value > most) & (value != np.inf)
        _refuse(name, value, large, f"at most {most:,}, as the cost grows with it")
    return value


def one_count(name: str, n: Any, *, least: int = 1, most: int = _EXACT) -> int:
    """Return `n` as one int >= `least`, where an axis or a loop has this length."""
    checked = count(name, n, least=least, most=most)
    if is_symbolic(checked) or np.ndim(checked) or not np.isfinite(checked):
        raise DomainError(f"{name} must be one whole number >= {least}, got {short(n)}")
    return int(checked)


def one(name: str, x: Any, check: Callable[[str, Any], Any]) -> float:
    """Return `x` as one float that passes `check`, where arrays have no meaning."""
    value = check(name, x)
    if is_symbolic(value) or np.ndim(value):
        raise DomainError(f"{name} must be one number, got {short(x)}")
    return float(value)


def size(name: str, n: Any) -> Any:
    """Return `n` as a number > 0; a whole number stays exact beside symbols."""
    return n if type(n) is int and 0 < n <= _EXACT else positive(name, n)


def weights(name: str, values: Any) -> tuple[Any, ...]:
    """Return `values` as probabilities that sum to 1 (in every cell)."""
    checked = tuple(share(name, v) for v in several(name, values))
    if not checked:
        raise DomainError(f"{name} must not be empty")
    total = sum(checked)
    if is_symbolic(total):
        if (total - 1).is_nonzero:
            raise DomainError(f"{name} must sum to 1, got {total}")
        return checked
    # Room for the rounding of a sum written by a person, such as 0.7 + 0.2 + 0.1.
    _refuse(f"the sum of {name}", np.asarray(total), abs(np.asarray(total) - 1) > 1e-9, "1")
    return checked


def each(check: Callable[[str, Any], Any]) -> Callable[[str, Any], tuple[Any, ...]]:
    """Return a check of sequences, each value of which passes `check`."""
    return lambda name, values: tuple(check(name, x) for x in several(name, values))


def several(name: str, values: Any) -> tuple[Any, ...]:
    """Return `values` as a tuple, refusing what is no sequence."""
    try:
        if isinstance(values, (str, bytes, Mapping, AbstractSet)):
            raise TypeError
        return tuple(values)
    except TypeError:
        raise DomainError(f"{name} must be a sequence, got {short(values)}") from None


def mapping(name: str, x: Any) -> dict[Any, Any]:
    """Return `x` as a dict, refusing what is no mapping."""
    if not isinstance(x, Mapping):
        raise ModelError(f"{name} must be a mapping, got {short(x)}")
    return dict(x)


def numbers(who: str, *values: Any) -> None:
    """Refuse symbols on behalf of `who`, which has no symbolic form."""
    if is_symbolic(*values):
        raise ModelError(f"{who} has no symbolic form: put numbers in")


def instance(name: str, x: Any, kind: type) -> Any:
    """Return `x`, refusing what is not of the class `kind`."""
    if not isinstance(x, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise ModelError(f"{name} must be {article} {kind.__name__}, got {x!r}")
    return x
