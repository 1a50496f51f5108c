"""The arguments that all distributions share, checked in one place, whatever the class.

`tail`, `cdf` and `density` take times, `laplace` takes points of a transform. A class gives
its formulas; the check is put around them as the class is made, so that none can forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from qmodel import _check
from qmodel._checked import checked

__all__ = ["check_arguments"]

Argument = tuple[str, Callable[[str, Any], Any]]

_ARGUMENTS: dict[str, Argument] = {
    "tail": ("t", _check.time),
    "cdf": ("t", _check.time),
    "density": ("t", _check.time),
    "tail_error": ("t", _check.time),
    "laplace": ("s", _check.point),
}


_MOMENTS = ("mean", "variance", "third_cumulant", "scv")
"""Properties whose powers go beyond the floats: inf, without a warning."""


def check_arguments(cls: type, arguments: Mapping[str, Argument] = _ARGUMENTS) -> None:
    """Put the checks around the methods that the class itself gives, by their names."""
    for name, (argument, check) in arguments.items():
        method = cls.__dict__.get(name)
        # A dataclass with slots is made twice of the same methods.
        if method is not None and not hasattr(method, "__wrapped__"):
            setattr(cls, name, checked(_with_check(method, argument, check)))
    for name in _MOMENTS:
        moment = cls.__dict__.get(name)
        if isinstance(moment, property) and not hasattr(moment.fget, "__wrapped__"):
            setattr(cls, name, property(checked(moment.fget), doc=moment.__doc__))  # type: ignore[type-var]


def _with_check(method: Any, argument: str, check: Callable[[str, Any], Any]) -> Any:
    @wraps(method)
    def call(self: Any, *args: Any, **named: Any) -> Any:
        if args:
            return method(self, check(argument, args[0]), *args[1:], **named)
        return method(
            self, **{k: check(k, v) if k == argument else v for k, v in named.items()}
        )

    return call
