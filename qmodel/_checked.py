"""What every public function does around its formula: `checked`.

A formula checks its numbers itself (`qmodel._check`). Around it, in one place:

* Objects, texts, flags and words are checked by their annotations before it runs. A list where
  a number or an array is meant becomes an array; a number where an array is meant is refused.
* Overflow is ``inf`` and underflow 0 without a warning, as in the formula on paper; where a
  Python float would raise OverflowError or ZeroDivisionError, NumPy's goes on to ``inf``.
* What fails inside on an argument that is no number, or on shapes that do not broadcast, is
  told by the name of the argument. What fails otherwise is a fault of ours: it goes through as
  it is, with a note of the arguments.

Only the outermost call does so: a formula that calls another pays once.

Examples
--------
>>> import numpy as np
>>> @checked
... def gap(rate: Value, limit: Value, *, exact: bool = False) -> Value:
...     return (np.asarray(limit) - rate) / rate
>>> gap([1.0, 2.0], [1.0, 2.0, 3.0])
Traceback (most recent call last):
qmodel.errors.DomainError: limit must have a shape that broadcasts with the others, got ...
>>> gap(1.0, 2.0, exact="no")
Traceback (most recent call last):
qmodel.errors.DomainError: exact must be True or False, got 'no'
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import partial, wraps
from types import FunctionType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from qmodel import _check
from qmodel._annotations import check_of, resolved
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError, QModelError

__all__ = ["checked"]

F = TypeVar("F", bound=Callable[..., Any])

_INSIDE: ContextVar[bool] = ContextVar("inside a checked function", default=False)

_NUMBER = r"(Value|Count|float|int|np\.ndarray)"
_NUMBERS = re.compile(
    rf"({_NUMBER}|(Sequence|Iterable|tuple)\[{_NUMBER}(, \.\.\.)?\])"
    rf"( \| {_NUMBER}| \| Sequence\[{_NUMBER}\])*( \| None)?"
)
"""Annotations of arguments that are numbers, or sequences of them."""

_SEQUENCE = re.compile(r"(Sequence|Iterable|tuple)\[[^]]*\]( \| None)?")
"""Annotations of those that are sequences and no single number."""

_FAILURES = (
    ArithmeticError, ValueError, TypeError, AttributeError, LookupError, MemoryError,
)  # fmt: skip


_COMPLEX = ("laplace", "generate")
"""Methods of transforms: their points may be complex."""

_LISTS = (list, tuple)
_PLAIN = (float, np.float64)
_LARGEST = 2**1023
_SMALL = 2**53
_ODD = (complex, np.complexfloating, bytes, dict, set, frozenset, type, FunctionType)


class _Said(NamedTuple):
    """What the signature of a function says of its arguments."""

    parameters: tuple[str, ...]
    objects: tuple[tuple[str, int, Callable[[Any], None]], ...]
    numbers: frozenset[str]
    single: frozenset[str]
    arrays: frozenset[str]
    plain: bool
    """Whether all that is asked for are numbers, and a single one will do."""


def checked(function: F) -> F:
    """Return a public function that checks what its annotations say, and names what fails."""
    said: list[_Said] = []  # Read at the first call: annotations may name what comes later.

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        if _INSIDE.get():
            return function(*args, **named)
        if not said:
            said.append(_said(function))
        # Plain numbers need no look where nothing else is meant: it costs as much as a formula.
        signature = said[0]
        if not (signature.plain and _are_plain((*args, *named.values()))):
            for name, position, check in signature.objects:
                if name in named:
                    check(named[name])
                elif position < len(args):
                    check(args[position])
            if any(type(x) in _LISTS for x in (*args, *named.values())):
                args, named = _as_arrays(signature, args, named)
        token = _INSIDE.set(True)
        try:
            with np.errstate(all="ignore"):
                return function(*args, **named)
        except QModelError:
            raise
        except _FAILURES as error:
            given = dict(zip(said[0].parameters, args, strict=False)) | named
            _name_the_cause(said[0], given, error)
            if isinstance(error, ArithmeticError):
                try:
                    with np.errstate(all="ignore"):
                        return function(**{n: _of_numpy(x) for n, x in given.items()})
                except _FAILURES:
                    pass
            listed = ", ".join(
                f"{n}={_check.short(x)}" for n, x in given.items() if n != "self"
            )
            error.add_note(f"in {function.__qualname__} of {listed}")
            raise
        finally:
            _INSIDE.reset(token)

    return call  # type: ignore[return-value]


def _said(function: Callable[..., Any]) -> _Said:
    found: list[tuple[str, int, Callable[[Any], None]]] = []
    numbers, single, arrays = set(), set(), set()
    complex_too = "complex" in (function.__doc__ or "") or function.__name__ in _COMPLEX
    parameters = inspect.signature(function).parameters.values()
    for place, p in enumerate(parameters):
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        position = sys.maxsize if p.kind is p.KEYWORD_ONLY else place
        annotation = p.annotation
        if isinstance(annotation, str) and _NUMBERS.fullmatch(annotation):
            numbers.add(p.name)
            optional = p.default is None or "None" in annotation
            if not complex_too:
                found.append((p.name, position, partial(_no_number, p.name, optional)))
            if annotation.split(" | ")[0] in ("int", "float"):
                single.add(p.name)
            elif "[" not in annotation and not complex_too:
                arrays.add(p.name)
            if annotation == "np.ndarray":
                found.append((p.name, position, partial(_no_array, p.name)))
            elif _SEQUENCE.fullmatch(annotation):
                found.append((p.name, position, partial(_no_sequence, p.name, optional)))
            continue
        hint = resolved(annotation, function.__module__)
        check = check_of(p.name, hint, p.default is None)
        if check is not None and annotation is not p.empty:
            found.append((p.name, position, check))
    names = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
    plain = all(getattr(check, "func", None) is _no_number for _, _, check in found)
    sets = frozenset(numbers), frozenset(single), frozenset(arrays)
    return _Said(names, tuple(found), *sets, plain)


def _are_plain(values: Iterable[Any]) -> bool:
    for x in values:
        kind = type(x)
        if kind is not float and not (kind is int and -_SMALL < x < _SMALL):
            return False
    return True


def _as_arrays(said: _Said, args: Any, named: Any) -> tuple[Any, Any]:
    """Return arguments with lists as arrays where numbers or arrays are meant."""

    def array(name: str, x: Any) -> Any:
        if type(x) not in _LISTS or name not in said.arrays or is_symbolic(*x):
            return x
        if any(isinstance(v, str) for v in x):
            return x  # The function says which units it takes.
        return np.asarray(_check.real(name, x))

    places = (*said.parameters, *[""] * len(args))
    placed = tuple(map(array, places, args))
    return placed, {name: array(name, x) for name, x in named.items()}


def _no_array(name: str, x: Any) -> None:
    if type(x) in _LISTS and not is_symbolic(*x):
        x = _check.real(name, x)
    if not np.ndim(x) and not is_symbolic(x):
        raise DomainError(f"{name} must be an array of numbers, got {_check.short(x)}")


def _no_sequence(name: str, optional: bool, x: Any) -> None:
    if not (optional and x is None) and (not np.iterable(x) or isinstance(x, str)):
        raise DomainError(f"{name} must be a sequence of numbers, got {_check.short(x)}")


def _no_number(name: str, optional: bool, x: Any) -> None:
    """Refuse what is no real number; a text is for the function, as it may have a unit."""
    kind = type(x)
    if kind in _PLAIN or (kind is int and -_LARGEST < x < _LARGEST):
        return
    if x is None:
        odd = not optional
    elif isinstance(x, np.ndarray):
        odd = x.dtype.kind not in "biufO"
    elif kind in (list, tuple):
        odd = any(v is None for v in x)
    else:
        odd = kind in (object, int) or isinstance(x, _ODD)
    if odd:
        _check.real(name, x)


def _name_the_cause(said: _Said, given: Mapping[str, Any], error: BaseException) -> None:
    """Raise what is wrong with an argument by its name, if something is."""
    numbers = {n: x for n, x in given.items() if n in said.numbers and x is not None}
    if "Invalid NaN comparison" in str(error):  # of SymPy, which knows no NaN
        for name, x in given.items():
            if isinstance(x, (float, np.ndarray)) and np.isnan(_check.real(name, x)).any():
                raise DomainError(f"{name} must be known where symbols are, got {x}")
    for name, x in numbers.items():
        if not is_symbolic(x):
            _check.one(name, x, _check.real) if name in said.single else _check.real(name, x)
        if not is_symbolic(x) and not np.size(x):
            raise DomainError(f"{name} must have at least one value, got none")
    shaped = {n: x for n, x in numbers.items() if not is_symbolic(x)}
    _check.broadcast(**shaped)
    shapes = [f"{n} {np.shape(x)}" for n, x in shaped.items() if np.ndim(x)]
    if shapes and isinstance(error, ValueError) and "broadcast" in str(error):
        # With what the object holds whose method it is, or with each other inside.
        raise DomainError(f"shapes must broadcast with the others, got {', '.join(shapes)}")


def _of_numpy(x: Any) -> Any:
    return np.float64(x) if type(x) in (float, int) else x
