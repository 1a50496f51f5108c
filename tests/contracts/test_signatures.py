"""Numbers that could be swapped are named: at most the rate and the time stand by position.

``erlang_b(4, 1.8)`` and ``erlang_b(1.8, 4)`` both give a plausible number, and the eye does not
see which is meant. A function of more than two numbers takes `arrival_rate` and `service_time`
by position, in this order, or the one thing that it is about; all others by keyword.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import qmodel as qm
from qmodel._typing import Value

PACKAGES = ("qmodel.queues", "qmodel.balancing")
NUMBERS = ("Value", "Count", "float", "int")
"""Annotations; arrays of given shapes cannot be swapped unnoticed."""
FIRST = (("arrival_rate", "service_time"), ("arrival_rate", "service_times"))


def formulas() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions of the packages."""
    for package in PACKAGES:
        for info in pkgutil.walk_packages(
            importlib.import_module(package).__path__, f"{package}."
        ):
            module = importlib.import_module(info.name)
            for name in getattr(module, "__all__", ()):
                thing = getattr(module, name)
                if inspect.isfunction(thing) and thing.__module__ == info.name:
                    yield f"{info.name}.{name}", thing


FORMULAS = dict(formulas())


def is_number(parameter: inspect.Parameter) -> bool:
    """Return whether a parameter is annotated as a number."""
    return any(str(parameter.annotation).startswith(kind) for kind in NUMBERS)


def by_position(function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)


def fault(function: Callable[..., Any]) -> bool:
    """Return whether numbers of a function could be swapped unseen."""
    parameters = inspect.signature(function).parameters.values()
    positions = by_position(function)
    swapped = len(positions) > 1 and positions not in FIRST
    flow = {"arrival_rate", "service_time"} <= {p.name for p in parameters}
    return (sum(map(is_number, parameters)) > 2 and swapped) or (flow and positions != FIRST[0])


def test_numbers_are_named() -> None:
    assert [name for name, function in FORMULAS.items() if fault(function)] == []


def test_a_fault_is_seen() -> None:
    def wrong(arrival_rate: Value, scv: Value, service_time: Value) -> None: ...

    assert fault(wrong)


def test_erlang_is_by_keyword_only() -> None:
    for function in (qm.erlang_b, qm.erlang_c):
        assert by_position(function) == ()
        assert list(inspect.signature(function).parameters) == ["servers", "offered_load"]


def test_the_test_sees_the_formulas() -> None:
    assert len(FORMULAS) > 60
    assert "qmodel.queues.mmc.waiting_time" in FORMULAS
