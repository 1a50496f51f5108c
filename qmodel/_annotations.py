"""What an annotation says that an object must be, as a check of values.

Numbers have their own checks, as their domain is more than a type says. All else that a model
or a function takes (distributions, stations, texts, flags, one of some words, sequences of
them) is checked by its annotation, in one place, so that no class and no function forgets it.

Examples
--------
>>> from typing import Literal
>>> check = check_of("order", Literal["first", "last"])
>>> check("last")
>>> check("least")
Traceback (most recent call last):
qmodel.errors.DomainError: order must be 'first' or 'last', got 'least'; did you mean 'last'?
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from numbers import Real
from os import PathLike
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._lazy import OnceLoaded, once_loaded
from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, ModelError

__all__ = ["check_of", "resolved"]

_Test = Callable[[Any], bool]

_NUMBERS = (int, float, complex)
_WORDS = {
    float: "a number",
    int: "a whole number",
    bool: "True or False",
    str: "a text",
    type(None): "None",
    PathLike: "a path",
}
_SEVERAL = (tuple, list, Sequence, Iterable)


_PANDAS = types.SimpleNamespace(
    **{name: once_loaded("pandas", name) for name in ("DataFrame", "Series", "Index")}
)


class _Names(dict[str, Any]):
    """Names of a module; what it imports for type checkers only is what qmodel offers."""

    def __missing__(self, name: str) -> Any:
        if name == "pd":
            return _PANDAS
        offered = sys.modules["qmodel"]
        if name in offered.__all__:
            return getattr(offered, name)
        if name in collections.abc.__all__:
            return getattr(collections.abc, name)
        loaded = [m for n, m in sys.modules.items() if n.startswith("qmodel.")]
        found = [vars(m)[name] for m in loaded if name in vars(m)]
        if not found:
            return _for_type_checkers(sys.modules[self["__name__"]], name)
        found = [x for x in found if not isinstance(x, OnceLoaded)] or found
        return found[0] if all(x is found[0] for x in found) else Any  # Either may be.


def _for_type_checkers(module: types.ModuleType, name: str) -> Any:
    """Return what a module imports for type checkers only, and nobody has loaded as yet."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and any(a.name == name for a in node.names):
            return getattr(import_module(str(node.module)), name)
    return Any


def resolved(annotation: Any, module: str) -> Any:
    """Return an annotation, which may be text, as an object; what is unknown is `Any`."""
    if not isinstance(annotation, str):
        return annotation
    names = _Names(vars(builtins) | vars(sys.modules[module]))
    try:
        return eval(annotation, {}, names)  # as typing.get_type_hints does
    except Exception:
        return Any


def check_of(name: str, hint: Any, optional: bool = False) -> Callable[[Any], None] | None:
    """Return a check of values by an annotation; None where it says nothing."""
    test = _test(hint)
    if test is None:
        return None
    need = _words(hint)
    choices = [a for a in typing.get_args(hint) if isinstance(a, str)]

    def check(value: Any) -> None:
        if not test(value) and not (optional and value is None):
            error = DomainError if choices or hint is bool else ModelError
            hint_at = did_you_mean(value, choices, few=0) if choices else ""
            raise error(f"{name} must be {need}, got {_check.short(value)}{hint_at}")

    return check


def _test(hint: Any) -> _Test | None:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint is None:
        hint = type(None)
    if hint is bool:
        return lambda x: isinstance(x, (bool, np.bool_))
    if origin in (typing.Union, types.UnionType):
        tests = [_of_number if h in (int, float) else _test(h) for h in inside]
        return None if None in tests else lambda x: any(t(x) for t in tests if t is not None)
    if origin is typing.Literal:
        return lambda x: isinstance(x, str) and x in inside if _texts(inside) else None  # type: ignore[return-value]
    if origin is Callable:
        return lambda x: callable(x) and _takes(x, inside)
    if origin is tuple and ... not in inside and len(inside) > 1:
        tests = [_test(h) for h in inside]
        return None if None in tests else lambda x: _fit(tests, x)
    if origin is not None and origin in _SEVERAL:
        each = _test(inside[0]) if inside and (len(inside) == 1 or inside[1] is ...) else None
        several = _iterable if origin is Iterable else _sequence
        # What can be read once only is not read here.
        return (
            (lambda x: several(x) and (isinstance(x, Iterator) or all(map(each, x))))
            if each
            else None
        )
    if inspect.isclass(origin) and issubclass(origin, Mapping) and len(inside) == 2:
        key, value = map(_test, inside)
        return lambda x: (
            isinstance(x, origin)
            and (
                (key is None or all(map(key, x)))
                and (value is None or all(map(value, x.values())))
            )
        )
    kind = origin or hint
    if inspect.isclass(kind) and kind not in (Any, object, type, *_NUMBERS, np.ndarray):
        # A protocol of our own says what is done with a value; to look for it may be dear.
        return None if hasattr(kind, "_is_protocol") else lambda x: isinstance(x, kind)
    return None


def _fit(tests: Sequence[_Test | None], x: Any) -> bool:
    """Return whether each value passes its test; how many there must be is said elsewhere."""
    return _sequence(x) and all(
        test is None or test(v) for test, v in zip(tests, x, strict=False)
    )


def _of_number(x: Any) -> bool:
    return isinstance(x, (Real, Decimal)) and not isinstance(x, bool)


def _takes(function: Any, hint: Any) -> bool:
    """Return whether a function takes as many arguments, and a class makes what is meant."""
    arguments, made = hint if len(hint) == 2 else (..., Any)
    if inspect.isclass(function) and made in (None, type(None)):
        return False  # What it makes would be thrown away.
    if inspect.isclass(function) and inspect.isclass(made):
        return issubclass(function, made)
    try:
        signature = inspect.signature(function)
        if isinstance(arguments, (list, tuple)):
            signature.bind(*arguments)
    except TypeError:
        return False
    except ValueError:
        return True  # of functions in C nothing can be told
    return True


def _texts(values: Iterable[Any]) -> bool:
    return all(isinstance(v, str) for v in values)


def _sequence(x: Any) -> bool:
    return isinstance(x, (tuple, list)) or (
        isinstance(x, Sequence) and not isinstance(x, (str, bytes))
    )


def _iterable(x: Any) -> bool:
    return isinstance(x, Iterable) and not isinstance(x, (str, bytes, Mapping, np.ndarray))


def _words(hint: Any) -> str:
    """Return an annotation in words."""
    inside = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if (origin or hint) in _WORDS:
        return _WORDS[origin or hint]
    if hint is None:
        return "None"
    if origin in (typing.Union, types.UnionType):
        said = [_words(h) for h in inside]
        return f"{', '.join(said[:-1])} or {said[-1]}"
    if origin is typing.Literal:
        said = [repr(v) for v in inside]
        return f"{', '.join(said[:-1])} or {said[-1]}" if len(said) > 1 else said[0]
    if origin is Callable:
        listed = inside[0] if len(inside) == 2 and isinstance(inside[0], list) else None
        if listed is None:
            return "a function"
        return f"a function of {len(listed)} argument{'s' * (len(listed) != 1)}"
    if origin is not None and origin in _SEVERAL:
        return f"a sequence, each of it {_words(inside[0])}"
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        keys = " from texts" if inside[:1] == (str,) else ""
        value = inside[1] if len(inside) == 2 and _test(inside[1]) else Any
        return f"a mapping{keys}" + (f" to {_words(value)}" if value is not Any else "")
    kind = hint.__name__.strip("_")
    return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
