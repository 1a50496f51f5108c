"""What a model file can name, and what each of it takes: read from the classes themselves.

A *kind* is a class or a function of the library that makes a part of a model: a station, a
distribution, a step, a cache, a popularity, a component of the web. Its name in files is its
name in Python. What it takes follows from its signature; unit and meaning of a number are those
of its field (`qmodel._fields.parameter`), or of the docstring where it is a function. A class
of one's own that is derived from `Station`, `Distribution`, `Step` or `Cache` is a kind as soon
as it is imported.

Examples
--------
>>> from qmodel.files.kinds import kinds_of
>>> from qmodel.queues import Station
>>> for argument in kinds_of(Station)["MMcK"].arguments.values():
...     print(argument.name, argument.unit, argument.needed, "-", argument.meaning)
service_time s True - mean service time
servers - True - servers
capacity - True - requests in the station at most
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from qmodel._fields import described
from qmodel.caches import Cache, Popularity
from qmodel.distributions import Distribution
from qmodel.files.loads import recorded, scaled, together
from qmodel.loads import Load, Profile
from qmodel.pipeline import Pipeline, Step
from qmodel.queues import Station
from qmodel.transients import diurnal, pulse, ramp, visitors

__all__ = ["FAMILIES", "Argument", "Expected", "Kind", "kinds_of", "recipe"]

_PACKAGES = ("pipeline", "web", "queues", "balancing", "networks", "distributions", "caches")
FAMILIES = (Station, Distribution, Step, Cache, Popularity, Load)
"""Families to which users add classes of their own."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a value in a file may be.

    Parameters
    ----------
    families : tuple of type
        Classes of which it may be a kind. [-]
    number, flag, text : bool
        Whether it may be a number (or an array of them), true or false, a text. [-]
    choices : tuple of str
        The texts that it may be, if not any. [-]
    each : Expected, optional
        What each of a list may be. [-]
    row : tuple of Expected
        What the places of a list of fixed length may be. [-]
    named : Expected, optional
        What each value of a mapping from names may be. [-]
    nothing : bool
        Whether it may be null. [-]
    """

    families: tuple[type, ...] = ()
    number: bool = False
    flag: bool = False
    text: bool = False
    choices: tuple[str, ...] = ()
    each: Expected | None = None
    row: tuple[Expected, ...] = ()
    named: Expected | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """One thing that a kind takes.

    Parameters
    ----------
    name : str
        Its name. [-]
    expected : Expected
        What it may be. [-]
    needed : bool
        Whether it has no default. [-]
    default : object
        The default. [-]
    unit : str
        Unit of its numbers: "s", "1/s", "B", "-", or "" where any will do. [-]
    meaning : str
        What it is. [-]
    many : bool
        Whether it takes the values of a list, as ``*args`` does. [-]
    """

    name: str
    expected: Expected
    needed: bool
    default: Any
    unit: str
    meaning: str
    many: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """A class or function that makes a part of a model.

    Parameters
    ----------
    name : str
        Its name in files and in Python. [-]
    make : callable
        Makes the part. [-]
    meaning : str
        What it is, in one line. [-]
    arguments : mapping of str to Argument
        What it takes. [-]
    """

    name: str
    make: Callable[..., Any]
    meaning: str
    arguments: Mapping[str, Argument]

    @property
    def sole(self) -> Argument | None:
        """The argument that may stand for all: the only one needed, or that of a list."""
        many = [a for a in self.arguments.values() if a.many]
        needed = [a for a in self.arguments.values() if a.needed]
        named = [a for a in needed if not (a.name == "name" and len(needed) > 1)]
        found = many or (named if len(named) == 1 else [])
        return found[0] if found else None

    def called(self, given: Mapping[str, Any]) -> Any:
        """Return what the kind makes of its arguments."""
        given = dict(given)
        many = next((a.name for a in self.arguments.values() if a.many), None)
        return self.make(*(given.pop(many, ()) if many else ()), **given)


def recipe(thing: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of the kind of a part of a model, and what makes the same again.

    A class whose fields are not what makes it says so by a method `recipe`, which returns the
    arguments, or a name and the arguments.
    """
    own: Any = thing.recipe() if hasattr(thing, "recipe") else None
    if isinstance(own, tuple):
        return own
    if own is None:
        own = {f.name: getattr(thing, f.name) for f in fields(thing) if f.init}
    module = type(thing).__module__
    builder = module.rpartition(".")[2]
    if isinstance(thing, Step) and builder in kinds_of(Step):
        return builder, own
    return type(thing).__name__, own


@cache
def _public() -> Mapping[str, Any]:
    """Return all public names that may make parts of models."""
    found: dict[str, Any] = {}
    for package in _PACKAGES:
        module = import_module(f"qmodel.{package}")
        for name in module.__all__:
            found.setdefault(name, getattr(module, name))
    return found


@cache
def _kind_of(make: Callable[..., Any]) -> Kind:
    """Return a class or function as a kind."""
    doc = inspect.getdoc(make) or ""
    hints, told = _hints(make), _documented(doc)
    said = described(make) if is_dataclass(make) else {}
    arguments = {}
    for name, p in inspect.signature(make).parameters.items():
        many = p.kind is p.VAR_POSITIONAL
        if p.kind is p.VAR_KEYWORD:
            continue
        parameter = said.get(name)
        unit, meaning = told.get(name, ("", ""))
        arguments[name] = Argument(
            name,
            expected(hints.get(name, Any)),
            p.default is p.empty and not many,
            None if p.default is p.empty else p.default,
            parameter.unit if parameter else unit,
            parameter.meaning if parameter else meaning,
            many,
        )
    return Kind(make.__name__, make, doc.partition("\n")[0], arguments)


@cache
def _hints(make: Any) -> Mapping[str, Any]:
    """Return the types of what is taken and returned."""
    from qmodel import _typing

    known: dict[str, Any] = {n: x for n, x in _public().items() if inspect.isclass(x)}
    known |= {"Value": _typing.Value, "Count": _typing.Count, "Any": Any}
    known |= {"Callable": Callable, "Sequence": Sequence, "Mapping": Mapping}
    function = make.__init__ if inspect.isclass(make) else make
    own = vars(inspect.getmodule(make)) if inspect.getmodule(make) else {}
    try:
        return typing.get_type_hints(function, {**known, **own})
    except NameError:  # of a class of somebody's own, whose types are not there at run time
        return {}


_HEAD = re.compile(r"(\*?\w+(?:, \*?\w+)*) : ")


def _documented(doc: str) -> dict[str, tuple[str, str]]:
    """Return unit and meaning of the parameters that a docstring in numpydoc's form names."""
    lines = doc.partition("Parameters\n----------\n")[2].splitlines()
    found: dict[str, tuple[str, str]] = {}
    names: list[str] = []
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and lines[i + 1].startswith("---"):
            break
        if head := _HEAD.match(line):
            names = [n.lstrip("*") for n in head[1].split(", ")]
            found.update(dict.fromkeys(names, ("", "")))
        elif line.startswith("    "):
            for name in names:
                found[name] = "", f"{found[name][1]} {line.strip()}".strip()
    return {name: _unit(text) for name, (_, text) in found.items()}


def _unit(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.*?)\s*\[([^\]]*)\]\.?", text)
    if not match:
        return "", text
    unit = match[2].split(" or ")[0]
    return (unit if unit in ("s", "1/s", "B", "-") else ""), match[1]


def expected(hint: Any) -> Expected:
    """Return what a value of a type may be in a file."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint in (int, float):
        return Expected(number=True)
    if hint is bool:
        return Expected(flag=True)
    if hint is str:
        return Expected(text=True)
    if hint in (None, type(None)):
        return Expected(nothing=True)
    if origin is Literal:
        return Expected(text=True, choices=tuple(map(str, inside)))
    if origin in (typing.Union, types.UnionType):
        return _either([expected(x) for x in inside])
    if origin is tuple and inside[-1:] != (Ellipsis,):
        return Expected(row=tuple(expected(x) for x in inside))
    if origin in (tuple, list, Sequence):
        return Expected(each=expected(inside[0]))
    if origin is Mapping:
        return Expected(named=expected(inside[1]))
    if inspect.isclass(hint) and not origin and hint.__module__.startswith("qmodel"):
        return Expected(families=(hint,))
    # A function, or an array.
    return Expected() if origin is not None else Expected(number=True)


def _either(parts: list[Expected]) -> Expected:
    def first(name: str) -> Any:
        return next((x for x in (getattr(p, name) for p in parts) if x), None)

    return Expected(
        families=tuple(f for p in parts for f in p.families),
        number=any(p.number for p in parts),
        flag=any(p.flag for p in parts),
        text=any(p.text for p in parts),
        choices=tuple(c for p in parts for c in p.choices),
        each=first("each"),
        row=first("row") or (),
        named=first("named"),
        nothing=any(p.nothing for p in parts),
    )


def kinds_of(*families: type) -> Mapping[str, Kind]:
    """Return the kinds that make a part of one of some families, by name.

    Parameters
    ----------
    *families : type
        Classes, such as `Station` and `Step`. [-]

    Returns
    -------
    mapping of str to Kind
        The kinds. [-]
    """
    found: dict[str, Kind] = {}
    for family in families:
        found |= _kinds(family)
        if family in FAMILIES:
            # A class that is made within a function has no name outside it.
            own = {
                c.__name__: c
                for c in _derived(family)
                if not _ours(c) and "<" not in c.__qualname__
            }
            found |= {n: _kind_of(c) for n, c in own.items() if n not in found}
    return found


@cache
def _kinds(family: type) -> Mapping[str, Kind]:
    found = {}
    for name, thing in _public().items():
        if inspect.isclass(thing):
            makes: Any = thing if thing is not Pipeline else None
        elif inspect.isfunction(thing):
            makes = _hints(thing).get("return")
        else:
            continue
        ways = typing.get_args(makes) or (makes,)
        made = any(inspect.isclass(w) and issubclass(w, family) for w in ways)
        if made and not _abstract(thing):
            found[name] = _kind_of(thing)
    if (
        family not in FAMILIES
        and inspect.isclass(family)
        and not found
        and is_dataclass(family)
    ):
        found[family.__name__] = _kind_of(family)
    if family in (Load, Profile):
        classes = _derived(Load) if family is Load else (Profile,)
        drawn = (pulse, ramp, diurnal, visitors, recorded, together, scaled)
        found = {c.__name__: _kind_of(c) for c in (*classes, *drawn) if _ours(c)}
    return found


def _abstract(thing: Any) -> bool:
    return inspect.isclass(thing) and (inspect.isabstract(thing) or not is_dataclass(thing))


def _ours(kind: Any) -> bool:
    return str(kind.__module__).split(".")[0] == "qmodel"


def _derived(family: type) -> Iterator[type]:
    """Yield all classes that are derived from one and can be made."""
    kind: type
    for kind in family.__subclasses__():
        if not inspect.isabstract(kind) and is_dataclass(kind):
            yield kind
        yield from _derived(kind)
