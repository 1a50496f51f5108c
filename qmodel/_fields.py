"""What a field of a model says of itself: symbol, unit, domain and meaning.

A model is a frozen dataclass, and its numbers are fields declared by `parameter`. From that
one line follow the check of a value, the names that `Pipeline.parameters` lists and
`Pipeline.replace` takes, the tables of the reference, and what the test kit scales.

Examples
--------
>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Road(Model):
...     lanes: int = parameter("lanes in each direction", symbol="c", check=_check.count)
...     length: float = parameter("its length", unit="m", check=_check.positive, default=1.0)
>>> Road(lanes=2)
Road(lanes=2, length=1.0)
>>> Road(lanes=2.5)
Traceback (most recent call last):
qmodel.errors.DomainError: lanes must be a whole number >= 1, got 2.5
>>> described(Road(2))["length"].unit
'm'
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import field, fields
from functools import cache, wraps
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._annotations import check_of, resolved
from qmodel._checked import checked
from qmodel.errors import DomainError

__all__ = ["Model", "Parameter", "check_fields", "described", "parameter"]

_KEY = "parameter"


class Parameter(NamedTuple):
    """What is said of a field: meaning, unit, symbol, and the check of its values."""

    meaning: str
    unit: str
    symbol: str
    check: Callable[[str, Any], Any] | None


@checked
def parameter(
    meaning: str,
    *,
    unit: str = "-",
    symbol: str = "",
    check: str | Callable[[str, Any], Any] | None = "nonnegative",
    **options: Any,
) -> Any:
    """Declare a field that is a number of a model: of a station, a step or a distribution.

    Parameters
    ----------
    meaning : str
        What it is, in words. [-]
    unit : str, default "-"
        Its unit: "s", "1/s", "B", or "-" for none. [-]
    symbol : str, default ""
        Its symbol in formulas. [-]
    check : str, callable or None, default "nonnegative"
        What its values must be: "positive", "nonnegative", "finite", "probability", "count"
        (a whole number >= 1); or a function of name and value that returns the value as a
        number or array, and raises `DomainError` for others. None where the field is no
        number: what it must be is said by its annotation. [-]
    **options
        Of `dataclasses.field`, such as `default`. [-]

    Returns
    -------
    Any
        The field.

    Examples
    --------
    >>> import qmodel as qm
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, slots=True, eq=False)
    ... class Wait(qm.Load):
    ...     time: float = qm.parameter("how long", unit="s", check="positive")
    >>> Wait(-1.0)
    Traceback (most recent call last):
    qmodel.errors.DomainError: time must be a number > 0, got -1.0
    """
    if isinstance(check, str) and check not in _check.__all__:
        raise DomainError(
            "check must be a function of name and value, or one of "
            f"{', '.join(_check.__all__)}, got {check!r}"
        )
    by = getattr(_check, check) if isinstance(check, str) else check
    said = {_KEY: Parameter(meaning, unit, symbol, by)}
    return field(metadata=options.pop("metadata", {}) | said, **options)


def described(thing: Any) -> dict[str, Parameter]:
    """Return what the fields of a model, or of its class, say of themselves, by name."""
    return {f.name: f.metadata[_KEY] for f in fields(thing) if _KEY in f.metadata}


class Model:
    """A frozen dataclass whose fields are checked as it is made, before anything else.

    Numbers are checked by their `parameter`, all other fields by their annotation. The check
    is put before the ``__post_init__`` of each class, so that no class can forget it.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Lane(Model):
    ...     width: float = parameter("its width", unit="m", check="positive")
    ...     one_way: bool = False
    >>> Lane(3.5, "no")
    Traceback (most recent call last):
    qmodel.errors.DomainError: one_way must be True or False, got 'no'
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Put the check before what the class does itself as it is made."""
        super().__init_subclass__()
        own = cls.__dict__.get("__post_init__")
        # A dataclass with slots is made twice of the same methods.
        if own is not None and not hasattr(own, "__wrapped__"):

            @wraps(own)
            def after_checks(self: Any) -> None:
                check_fields(self)
                own(self)

            cls.__post_init__ = after_checks  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        check_fields(self)


@cache
def _checks(kind: Any) -> tuple[tuple[str, Callable[[str, Any], Any], bool], ...]:
    """Return name, check, and whether None is allowed, of each parameter of a class."""
    # The same for all models of a class, which are made by the thousand.
    return tuple(
        (f.name, f.metadata[_KEY].check, f.default is None or "None" in str(f.type))
        for f in fields(kind)
        if _KEY in f.metadata and f.metadata[_KEY].check is not None
    )


@cache
def _kinds(kind: Any) -> tuple[tuple[str, Callable[[Any], None]], ...]:
    """Return the checks of the fields that are no numbers, by their annotations."""
    homes = {
        name: one.__module__
        for one in reversed(kind.__mro__)
        for name in inspect.get_annotations(one)
    }
    found = (
        (f.name, check_of(f.name, resolved(f.type, homes[f.name]), f.default is None))
        for f in fields(kind)
        if f.init and (_KEY not in f.metadata or f.metadata[_KEY].check is None)
    )
    return tuple((name, check) for name, check in found if check is not None)


@cache
def _apart(kind: Any) -> frozenset[str]:
    """Return the parameters that are one object each, whose shapes are no cells."""
    return frozenset(f.name for f in fields(kind) if f.metadata.get("whole"))


def check_fields(thing: Any) -> None:
    """Check the fields of a frozen model that is being made; None may stand for no number.

    Arrays are copied in and read-only: frozen means frozen.
    """
    kind: Any = type(thing)
    for name, kind_check in _kinds(kind):
        kind_check(getattr(thing, name))
    arrays = {}
    for name, check, optional in _checks(kind):
        value = getattr(thing, name)
        if not (optional and value is None):
            held = _held(check(name, value))
            object.__setattr__(thing, name, held)
            if type(held) is np.ndarray:
                if not held.size:
                    raise DomainError(f"{name} must have at least one value, got none")
                arrays[name] = held
    if len(arrays) > 1:
        _check.broadcast(**{n: x for n, x in arrays.items() if n not in _apart(kind)})


def _held(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(_held, x))
    if not isinstance(x, np.ndarray) or not x.ndim:
        return x
    copy = x.copy()
    copy.flags.writeable = False
    return copy
