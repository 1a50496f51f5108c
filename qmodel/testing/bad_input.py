"""Bad input: what a callable answers when one of its arguments is impossible.

From a call that works, each argument in turn is replaced by values, shapes and types that it
cannot take. What comes back is right, or a `DomainError`, `ModelError` or `TypeError` whose
message names the parameter and the value. All else is a finding: another error, a warning,
an answer that takes for ever, a number where NaN went in, a wrong object that is taken.

Examples
--------
>>> import qmodel as qm
>>> bad_answers(qm.erlang_c, {"servers": 4, "offered_load": 1.8})
[]
>>> def halved(x: float) -> float:
...     '''Forget the check.'''
...     return x / 2
>>> found = bad_answers(halved, {"x": 1.0})
>>> print(found[0])
halved(x=None): TypeError does not name x: ...
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import re
import signal
import threading
import types
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._annotations import resolved
from qmodel.caches.base import Cache
from qmodel.caches.popularity.base import Popularity
from qmodel.distributions import Distribution
from qmodel.errors import DomainError, InfeasibleError, QModelError
from qmodel.pipeline import Pipeline, Step
from qmodel.queues.base import Station

__all__ = ["BAD", "BadAnswer", "bad_answers"]

_SECONDS = 5.0
"""Longest that an answer to bad input may take, of the processor [s]."""


class BadAnswer(NamedTuple):
    """A call that is answered badly: what was called, with what, and what came of it."""

    name: str
    parameter: str
    value: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}({self.parameter}={self.value}): {self.what}"


class _TooLong(BaseException):
    """Raised by the clock; no model catches it."""


def _texts() -> dict[str, Any]:
    return {"text": "fast", "no text": "", "bytes": b"5"}


BAD: dict[str, Callable[[Any], Any]] = {
    "None": lambda _: None,
    "NaN": lambda _: float("nan"),
    "inf": lambda _: float("inf"),
    "-inf": lambda _: float("-inf"),
    "0": lambda _: 0,
    "0.0": lambda _: 0.0,
    "-1": lambda _: -1,
    "-5.5": lambda _: -5.5,
    "1e308": lambda _: 1e308,
    "1e-308": lambda _: 1e-308,
    "5e-324": lambda _: 5e-324,
    "1000": lambda _: 1000,
    "10**8": lambda _: 10**8,
    "10**18": lambda _: 10**18,
    "10**400": lambda _: 10**400,
    "-10**400": lambda _: -(10**400),
    "True": lambda _: True,
    "1j": lambda _: 1j,
    "complex array": lambda _: np.array([1.0 + 1j, 2.0]),
    "'fast'": lambda _: "fast",
    "''": lambda _: "",
    "b'5'": lambda _: b"5",
    "object()": lambda _: object(),
    "a function": lambda _: _nothing,
    "a class": lambda _: dict,
    "{}": lambda _: {},
    "{'no such name': 1}": lambda _: {"no such name": 1},
    "set()": lambda _: set(),
    "[]": lambda _: [],
    "[1, 'a']": lambda _: [1, "a"],
    "[None]": lambda _: [None],
    "[[1], [1, 2]]": lambda _: [[1], [1, 2]],
    "array of objects": lambda _: np.array([object()], dtype=object),
    "array of dates": lambda _: np.array(["2026-01-01"], dtype="datetime64[D]"),
    "NaN beside good": lambda good: _beside(good, np.nan),
    "-1 beside good": lambda good: _beside(good, -1.0),
}
"""The values, each from a good one."""

_NEVER_NUMBERS = frozenset(
    name for name, make in BAD.items() if "'" in name or "1j" in name or "a " in name
) | {"None", "complex array", "object()", "{}", "set()", "[None]", "[[1], [1, 2]]",
     "array of objects", "array of dates"}  # fmt: skip


_EMPTY = re.compile(r"\b(empty|none|no|at least)\b")
_SEVERAL_ARRAYS = re.compile(r"(Sequence|tuple|Iterable|list|dict|Mapping)\[.*(ndarray|Any)")


def _nothing() -> None:
    """Stand for a function where none is meant."""


def _beside(good: Any, bad: float) -> Any:
    return np.array([float(good), bad]) if _is_number(good) else bad


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float, np.number)) and not isinstance(x, bool)


def bad_answers(
    function: Callable[..., Any],
    good: Mapping[str, Any],
    *,
    only: Callable[[str, str], bool] | None = None,
) -> list[BadAnswer]:
    """Return what a callable answers badly, with one argument at a time replaced.

    Parameters
    ----------
    function : callable
        A function, class or bound method. [-]
    good : mapping of str to object
        Arguments with which it works, by name. [-]
    only : callable, optional
        From parameter and name of the bad value to whether it is tried; by default all. [-]

    Returns
    -------
    list of BadAnswer
        The findings; empty where every answer is right or a sentence that says what is
        wrong. [-]

    Raises
    ------
    DomainError
        If the good arguments are empty, or do not work themselves.

    Examples
    --------
    >>> import qmodel as qm
    >>> bad_answers(qm.MMc, {"service_time": 0.1, "servers": 2})
    []
    """
    if not good:
        raise DomainError("good must have at least one argument, got none")
    name = getattr(function, "__qualname__", repr(function))
    said = _answer(function, dict(good))
    if said is not None:
        raise DomainError(f"good must be arguments that work, but {name} says: {said}")
    hints = _hints(function)
    found = []
    for parameter, kind, value in _tries(function, good):
        if only is None or only(parameter, kind):
            arguments = dict(good) | {parameter: value}
            if kind == "shapes that do not fit":
                arguments |= _arrays(good, parameter)
            said = _answer(function, arguments, parameter, kind, hints)
            if said is not None:
                found.append(BadAnswer(name, parameter, kind, said))
    return found


def _tries(
    function: Callable[..., Any], good: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any]]:
    given = inspect.signature(function).parameters
    for parameter, x in good.items():
        options = parameter in given and given[parameter].kind is inspect.Parameter.VAR_KEYWORD
        for kind, make in BAD.items():
            bad = make(x)
            # A mapping with keys that a good one has too is another good one, and without any
            # it is no option.
            alike = isinstance(x, Mapping) and isinstance(bad, dict) and bad.keys() <= x.keys()
            if not (alike and (bad or options)):
                yield parameter, kind, bad
        if _is_number(x) and _arrays(good, parameter):
            yield parameter, "shapes that do not fit", np.full(3, float(x))


def _arrays(good: Mapping[str, Any], parameter: str) -> dict[str, Any]:
    """Return another number of the call as an array of two."""
    others = (n for n, x in good.items() if n != parameter and isinstance(x, float))
    return {n: np.full(2, good[n]) for n in list(others)[:1]}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        made = getattr(function, "__dataclass_params__", None)
        of_class = inspect.isclass(function) and not (made and made.init)
        target: Any = function.__init__ if of_class else function
        return typing.get_type_hints(target)
    except Exception:  # of names that type checkers only know
        said = inspect.get_annotations(target)
        home = getattr(inspect.unwrap(target), "__module__", "qmodel")
        return {name: resolved(hint, home) for name, hint in said.items()}


def _fits(value: Any, hint: Any) -> bool:
    """Return whether an annotation lets a value through, as far as it can be told."""
    if hint is None or hint is type(None):
        return value is None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, h) for h in typing.get_args(hint))
    if origin is typing.Annotated:
        return _fits(value, typing.get_args(hint)[0])
    if origin is typing.Literal:
        return any(type(value) is type(v) and value == v for v in typing.get_args(hint))
    if origin is not None and inspect.isclass(origin):
        inside = typing.get_args(hint)
        if not isinstance(value, origin) or isinstance(value, (str, bytes)):
            return False
        if isinstance(value, Mapping):
            return True
        if isinstance(value, (list, tuple, set)) and inside:
            return all(any(_fits(v, h) for h in inside if h is not ...) for v in value)
        return True
    if inspect.isclass(hint) and hint is not Any:
        return isinstance(value, hint) or (hint is float and isinstance(value, int))
    return hint is not Any


def _answer(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    parameter: str = "",
    kind: str = "",
    hints: Mapping[str, Any] | None = None,
) -> str | None:
    """Return what is wrong with an answer, or None."""
    value = arguments.get(parameter)
    try:
        with _clock(), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = _called(function, arguments)
            made = _used(result)
    except _TooLong:
        return f"takes more than {_SECONDS:g} s"
    except (QModelError, TypeError) as error:
        if not parameter:
            return f"{error}"
        if isinstance(error, QModelError) and any(_names(str(error), n) for n in arguments):
            return None  # Where arguments do not go together, any of them may be named.
        return _wording(error, parameter, value)
    except RecursionError:
        return "RecursionError"
    except Exception as error:
        return f"{type(error).__name__}: {_check.short(str(error))}"
    if not parameter:
        return None
    if kind in ("1j", "complex array") and _takes_complex(function):
        return None
    good_hint = (hints or {}).get(parameter, Any)
    if kind == "[[1], [1, 2]]" and _SEVERAL_ARRAYS.search(str(good_hint)):
        return None  # Two values, whose shapes broadcast.
    if kind in _NEVER_NUMBERS and good_hint is not Any and not _fits(value, good_hint):
        return f"takes it, and answers {_check.short(result)}"
    if kind in _NEVER_NUMBERS and good_hint is Any and kind not in ("None",):
        return f"takes it, and answers {_check.short(result)}"
    undecided = made is None or isinstance(made, (bool, np.bool_))
    if kind in ("NaN", "NaN beside good") and not undecided and not _has_nan(made):
        return f"NaN in, and {_check.short(made)} out"
    return None


def _takes_complex(function: Callable[..., Any]) -> bool:
    return function.__name__ == "laplace" or "complex" in (inspect.getdoc(function) or "")


def _called(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call by name, and by position where a parameter has no name."""
    given = inspect.signature(function).parameters
    positions, rest = list[Any](), dict(arguments)
    named = dict[str, Any]()
    for name, p in given.items():
        if name not in rest:
            continue
        x = rest.pop(name)
        if p.kind is p.POSITIONAL_ONLY:
            positions.append(x)
        elif p.kind is p.VAR_POSITIONAL:
            before = [
                named.pop(n) for n in list(named) if given[n].kind is p.POSITIONAL_OR_KEYWORD
            ]
            positions += [*before, *(x if isinstance(x, tuple) else (x,))]
        elif p.kind is p.VAR_KEYWORD:
            named |= x if isinstance(x, dict) else {name: x}
        else:
            named[name] = x
    return function(*positions, **named, **rest)


def _used(result: Any) -> Any:
    """Read what was made, as a user would at once; return its numbers."""
    repr(result)
    if isinstance(result, Distribution):
        return (result.mean, result.variance, result.tail(1.0))
    if isinstance(result, Station):
        if result.not_in_paths:
            return None
        r = result.solve(1e-3)
        return (r.response_time, r.utilization)
    if isinstance(result, Step):
        result = Pipeline(result)
    if isinstance(result, Pipeline):
        whole = result.solve(1e-3)
        used = (x.utilization for x in whole.stations.values())
        return (whole.goodput, whole.latency.mean, *used)
    if isinstance(result, Cache):
        return None
    if isinstance(result, Popularity):
        return None
    if isinstance(result, Iterator):
        return list(result)
    return result


def _has_nan(x: Any) -> bool:
    if isinstance(x, (tuple, list)):
        return any(map(_has_nan, x))
    if isinstance(x, Mapping):
        return any(map(_has_nan, x.values()))
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return any(_has_nan(getattr(x, f.name)) for f in dataclasses.fields(x))
    if isinstance(x, (float, complex, np.number, np.ndarray)):
        a = np.asarray(x)
        return a.dtype.kind in "fc" and bool(np.isnan(a).any())
    return not isinstance(x, (bool, int))


def _names(said: str, name: str) -> bool:
    """Return whether a text names a parameter: as a word, and "a" as more than an article."""
    after = r" (must|is|has)\b" if name == "a" else r"(?!\w)"
    return re.search(rf"(?<!\w){re.escape(name)}{after}", said) is not None


def _wording(error: Exception, parameter: str, value: Any) -> str | None:
    """Return what is missing in a message: the parameter by its name, or else the value."""
    said, ours = str(error), isinstance(error, QModelError)
    if isinstance(error, InfeasibleError):
        return None  # No answer is an answer.
    if ours and isinstance(value, (str, list, dict, set)) and not value and _EMPTY.search(said):
        return None  # Of what is empty nothing can be shown, but that it is.
    names = (parameter, parameter.removesuffix("s").replace("_", " "))
    if any(_names(said, n) for n in (names if ours else names[:1])):
        return None
    inside = [*value, *value.values()] if isinstance(value, dict) else []
    if "unexpected keyword" in said and any(repr(v) in said for v in inside):
        return None  # Python names it.
    if ours and isinstance(value, (list, dict, np.ndarray)):
        bad = inside or [*value]
        if any(f"got {v}" in said or (type(v) is str and repr(v) in said) for v in bad):
            return None
    shown = _check.short(value)
    if ours and (shown[:70] in said or f"{value}"[:30] in said):
        return None
    return f"{type(error).__name__} does not name {parameter}: {_check.short(said)}"


@contextlib.contextmanager
def _clock() -> Iterator[None]:
    """Stop what takes too long, where a signal can: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: Any) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
