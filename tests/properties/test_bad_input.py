"""Whatever is thrown at it, a callable answers right, or says what is wrong by name and value.

What is public, and with which arguments it works, is found in the examples of the docstrings:
each call that an example makes of something public is a call that works. One argument at a
time is then replaced by what it cannot take (`qmodel.testing.bad_input`). A sample of the
examples runs here; all of them in ``make test-slow``.
"""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import inspect
import os
import pickle
import pkgutil
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, QModelError
from qmodel.testing.bad_input import BAD, BadAnswer, bad_answers

KINDS = (*BAD, "shapes that do not fit")
FILES = {"None", "'fast'", "object()", "{}", "[]"}
"""What a path is replaced by: a number would be taken for a file that is already open."""

CHECKS = ("distributions/arguments.py", "qmodel/_checked.py", "qmodel/_fields.py")

SAMPLE = 40
"""One in so many tries is made in the default run."""


def modules() -> Iterator[ModuleType]:
    yield qm
    for info in pkgutil.walk_packages(qm.__path__, "qmodel."):
        if not any(part.startswith("_") for part in info.name.split(".")[1:]):
            yield importlib.import_module(info.name)


def documented() -> dict[str, Any]:
    """Return everything public that has examples, by its full name."""
    found: dict[str, Any] = {}
    for module in modules():
        found[module.__name__] = module
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name, None)
            if getattr(thing, "__module__", "").startswith("qmodel") and callable(thing):
                found[f"{thing.__module__}.{name}"] = thing
                if inspect.isclass(thing):
                    for key, method in vars(thing).items():
                        if key[0] != "_" and callable(method):
                            found[f"{thing.__module__}.{name}.{key}"] = method
    return {n: x for n, x in sorted(found.items()) if ">>>" in (x.__doc__ or "")}


EXAMPLES = documented()


def offering() -> set[str]:
    """Return the modules of which a package offers something: what users read."""
    packages = [m for m in modules() if hasattr(m, "__path__") and "numerics" not in m.__name__]
    offered = (getattr(m, name, None) for m in packages for name in getattr(m, "__all__", ()))
    whole = {f"qmodel.{name}" for name in qm.__all__} - {m.__name__ for m in packages}
    return {getattr(thing, "__module__", "") for thing in offered} | whole


READ = offering()
FORMULAS = ("queues", "caches", "balancing", "networks", "units")
"""Parts whose modules are public, not only their package."""

OFFERED = {
    f"{thing.__module__}.{thing.__qualname__}"
    for m in modules()
    if hasattr(m, "__path__")
    for thing in (getattr(m, name, None) for name in getattr(m, "__all__", ()))
    if hasattr(thing, "__qualname__")
}


def is_public(thing: Any, name: str) -> bool:
    """Return whether users reach it: listed by a module of which a package offers something."""
    module, part = sys.modules.get(thing.__module__), thing.__module__.split(".")[1:2]
    return (
        thing.__module__ in READ
        and (part[0] in FORMULAS or f"{thing.__module__}.{name.split('.')[0]}" in OFFERED)
        and not thing.__module__.startswith(("qmodel.testing", "qmodel.cli"))
        and not any(part.startswith("_") for part in name.split("."))
        and name.split(".")[0] in getattr(module, "__all__", ())
    )


def called(frame: FrameType) -> tuple[str, Any, dict[str, Any]] | None:
    """Return name, callable and arguments of a call that an example makes, if it is public."""
    code, arguments = frame.f_code, dict(frame.f_locals)
    variadic = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    owner = arguments.pop("self", arguments.pop("cls", None))
    if code.co_name == "__init__":
        thing = type(owner)
    elif owner is not None:
        thing = getattr(owner, code.co_name, None)
    else:
        thing = frame.f_globals.get(code.co_name)
    if not callable(thing) or not is_public(thing, thing.__qualname__):
        return None
    parameters = inspect.signature(thing).parameters
    given = {n: v for n, v in arguments.items() if n in parameters}
    if not given or (variadic and len(given) != len(parameters)):
        return None
    return f"{thing.__module__}.{thing.__qualname__}", thing, given


class Enough(KeyboardInterrupt):
    """Ends the examples of a docstring: of interrupts alone doctest makes no failure."""


def calls(name: str, wanted: str = "") -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Run the examples of a docstring; return the first call of each public callable.

    They end at the first call of what is wanted.
    """
    thing = EXAMPLES[name]
    found: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        caller = frame.f_back
        if event != "call" or caller is None:
            return
        # Checks around a function are no callers of their own.
        while caller.f_back and caller.f_code.co_filename.endswith(CHECKS):
            caller = caller.f_back
        if caller.f_code.co_filename.startswith("<doctest"):
            call = called(frame)
            if call is not None:
                found.setdefault(call[0], call[1:])
                if call[0] == wanted:
                    raise Enough

    home = thing if inspect.ismodule(thing) else sys.modules[thing.__module__]
    examples = doctest.DocTestParser().get_doctest(
        thing.__doc__, dict(vars(home)), name, None, 0
    )
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=options, verbose=False)
    sys.setprofile(watch)
    try:
        runner.run(examples, out=lambda _: None, clear_globs=False)
    except Enough:
        pass
    finally:
        sys.setprofile(None)
    return found


def chosen(name: str, good: Mapping[str, Any], one_in: int) -> Callable[[str, str], bool]:
    """Return which parameters and bad values are tried: the same in each run."""

    def only(parameter: str, kind: str) -> bool:
        is_file = (
            isinstance(good[parameter], (str, os.PathLike)) and Path(good[parameter]).is_file()
        )
        if is_file and kind not in FILES:
            return False
        return zlib.crc32(f"{name} {parameter} {kind}".encode()) % one_in == 0

    return only


def search(names: list[str], one_in: int = 1) -> tuple[list[BadAnswer], int]:
    """Return what is answered badly, and how many calls were made."""
    seen: set[str] = set()
    found: list[BadAnswer] = []
    tries = 0
    for example in names:
        for name, (function, good) in calls(example).items():
            if name in seen:
                continue
            seen.add(name)
            only = chosen(name, good, one_in)
            wanted = sum(only(p, k) for p in good for k in KINDS)
            if wanted:
                try:
                    found += bad_answers(function, good, only=only)
                except DomainError:
                    continue  # An example of what is refused.
                tries += wanted
    return found, tries


def made() -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Yield name, class and good arguments of each dataclass that an example makes."""
    for name, thing in EXAMPLES.items():
        if inspect.isclass(thing) and dataclasses.is_dataclass(thing):
            whole = f"{thing.__module__}.{thing.__qualname__}"
            call = calls(name, wanted=whole).get(whole)
            if call is not None:
                yield (name, *call)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


PARTS = sorted({name.split(".")[1] for name in EXAMPLES if "." in name} - {"testing"})


SAMPLED = ("balancing", "caches", "distributions", "files", "queues")


def test_a_sample_is_answered_right_or_refused_by_name() -> None:
    sampled = tuple(f"qmodel.{p}." for p in SAMPLED)
    some = [n for n in EXAMPLES if n.startswith(sampled) and zlib.crc32(n.encode()) % 8 == 0]
    found, tries = search(some, one_in=SAMPLE // 8)
    assert tries > 100
    assert not found, "\n".join(map(str, found))


@pytest.mark.thorough
def test_frozen_means_frozen() -> None:
    """Arrays are copied in and read-only, all pickles, and what it looks like stays short."""
    found, arrays, classes = [], 0, 0
    for name, make, good in made():
        classes += 1
        for parameter, x in good.items():
            if type(x) not in (int, float):
                continue
            given = np.full(2, float(x))
            try:
                model = make(**good | {parameter: given})
            except (QModelError, TypeError):
                continue  # Not every number may be an array.
            arrays += 1
            before = repr(model)
            given *= 3
            held = getattr(model, parameter, None)
            if repr(model) != before or (isinstance(held, np.ndarray) and held.flags.writeable):
                found.append(f"{name} keeps the array that is given as {parameter}")
        model = make(**good)
        if repr(pickle.loads(pickle.dumps(model))) != repr(model):
            found.append(f"{name} comes back from a pickle as another")
        if len(repr(model)) > 500:
            found.append(f"{name} is long: {repr(model)[:80]}")
    assert not found, "\n".join(found)
    assert classes > 100
    assert arrays > 90


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_everything_is_answered_right_or_refused_by_name(part: str) -> None:
    found, tries = search([n for n in EXAMPLES if f"{n}.".startswith(f"qmodel.{part}.")])
    print(f"{part}: {tries} calls")
    assert not found, "\n".join(map(str, found))
