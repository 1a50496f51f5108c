"""The arguments that all distributions share, checked in one place, whatever the class.

`tail`, `cdf` and `density` take times, `laplace` takes points of a transform. A class gives
its formulas; the check is put around them as the class is made, so that none can forget it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from qmodel import _check

__all__ = ["check_arguments"]

_ARGUMENTS = {
    "tail": ("t", _check.time),
    "cdf": ("t", _check.time),
    "density": ("t", _check.time),
    "tail_error": ("t", _check.time),
    "laplace": ("s", _check.point),
}


def check_arguments(cls: type) -> None:
    """Put the checks around the methods that the class itself gives."""
    for name, (argument, check) in _ARGUMENTS.items():
        method = cls.__dict__.get(name)
        # A dataclass with slots is made twice of the same methods.
        if method is not None and not hasattr(method, "__wrapped__"):
            setattr(cls, name, _checked(method, argument, check))


def _checked(method: Any, argument: str, check: Callable[[str, Any], Any]) -> Any:
    @wraps(method)
    def checked(self: Any, *args: Any, **named: Any) -> Any:
        if args:
            return method(self, check(argument, args[0]), *args[1:], **named)
        return method(
            self, **{k: check(k, v) if k == argument else v for k, v in named.items()}
        )

    return checked
