"""Plain data as parts of a model: each value as its kind takes it.

A part is written as a mapping of one key, its kind, such as ``MMc: {service_time: 45 ms}``.
Shorter where nothing is lost:

* the value alone where a kind needs only one thing: ``network: 45 ms``;
* the kind alone where it needs nothing: ``nothing``;
* ``{mean: 45 ms, scv: 1.5}`` for a distribution known by two moments, or by its mean alone;
* a list of steps for those steps in series;
* the name of a component for the component itself, and ``database.read`` for one of its ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from qmodel._nearest import did_you_mean
from qmodel.caches import Cache, Popularity
from qmodel.distributions import Distribution
from qmodel.errors import ModelFileError, QModelError
from qmodel.files.documents import Path_
from qmodel.files.kinds import Argument, Expected, Kind, kinds_of
from qmodel.files.values import number, short
from qmodel.loads import Load
from qmodel.pipeline import Step, call
from qmodel.queues import Station
from qmodel.web import Database, Service

__all__ = ["COMPONENTS", "PARTS", "Reader"]

COMPONENTS = (Station, Step, Database)
"""What a component may be, beside parts that other components take."""

Error = Callable[[str, Path_], ModelFileError]


class Reader:
    """Reads parts of a model, with components that are known by name.

    Parameters
    ----------
    components : mapping of str to object
        The data of each named component. [-]
    error : callable
        From a message and the path of a value to the error to raise. [-]
    at : tuple, default ("components",)
        Where the components stand. [-]
    """

    def __init__(
        self, components: Mapping[str, Any], error: Error, at: Path_ = ("components",)
    ) -> None:
        self._data = components
        self._error = error
        self._at = at
        self._built: dict[str, Any] = {}
        self._calls: dict[str, Step] = {}
        self._open: list[str] = []
        self._kinds: dict[tuple[type, ...], Mapping[str, Kind]] = {}

    def _known(self, families: tuple[type, ...]) -> Mapping[str, Kind]:
        """Return the kinds of some families."""
        if families not in self._kinds:
            self._kinds[families] = kinds_of(*families)
        return self._kinds[families]

    def component(self, name: str, at: Path_) -> Any:
        """Return a component by its name, made when it is first needed."""
        if name not in self._data:
            raise self._error(f"no component {name!r}{did_you_mean(name, self._data)}", at)
        if name in self._open:
            way = " -> ".join([*self._open[self._open.index(name) :], name])
            raise self._error(f"a component that contains itself: {way}", at)
        if name not in self._built:
            if "." in name:
                raise self._error("a name must be without a dot", (*self._at, name))
            self._open.append(name)
            here = (*self._at, name)
            families = self._families(self._data[name])
            self._built[name] = self._part(self._data[name], families, here, name)
            self._open.pop()
        return self._built[name]

    def _families(self, data: Any) -> tuple[type, ...]:
        """Return what a component may be: if its kind is another part, what that makes."""
        if isinstance(data, dict) and len(data) == 1:
            kind = next(iter(data))
            for families in (COMPONENTS, *PARTS):
                if kind in self._known(families):
                    return families
        return COMPONENTS

    def step(self, data: Any, at: Path_) -> Step:
        """Return the step that data means."""
        found = self._part(data, (Step,), at)
        if not isinstance(found, Step):
            raise self._error(
                "what has several ways is a component: write its name and a way", at
            )
        return found

    def part(self, data: Any, *families: type, at: Path_) -> Any:
        """Return the part of one of some families that data means."""
        return self._part(data, families, at)

    def numbers(self, data: Any, at: Path_, unit: str = "-", *, sizes: bool = False) -> Any:
        """Return a number, or an array of numbers."""
        if not isinstance(data, list):
            try:
                return number(data, unit, sizes=sizes)
            except QModelError as e:
                raise self._error(str(e), at) from None
        found = [self.numbers(x, (*at, i), unit, sizes=sizes) for i, x in enumerate(data)]
        try:
            return np.array(found)
        except ValueError:
            raise self._error("the rows of an array must be of one length", at) from None

    def _part(
        self, data: Any, families: tuple[type, ...], at: Path_, name: str | None = None
    ) -> Any:
        kinds = self._known(families)
        if isinstance(data, list) and Step in families:
            steps = (self.step(x, (*at, i)) for i, x in enumerate(data))
            return self._made(kinds["series"], {"steps": tuple(steps)}, at)
        if isinstance(data, str):
            return self._named(data, families, kinds, at)
        if not isinstance(data, dict) or not data:
            raise self._error(f"expected {_what(families)}, got {short(data)}", at)
        if Distribution in families and "mean" in data and set(data) <= {"mean", "scv"}:
            return self._of_moments(data, at)
        if Load in families and "users" in data:
            return self._of_kind(kinds["Closed"], data, at, name)
        kind = next(iter(data))
        if len(data) == 1 and kind in kinds:
            return self._of_kind(kinds[kind], data[kind], (*at, kind), name)
        sets = [self._known((f,)) for f in families]
        # A class is meant where it is the only kind; a function is named.
        alone = [k for s in sets if len(s) == 1 for k in s.values() if isinstance(k.make, type)]
        if alone:
            return self._of_kind(alone[0], data, at, name)
        if len(data) > 1:
            known = next((k for k in data if k in kinds), None)
            hint = f": put the others into it, {known}: {{...}}" if known else ""
            raise self._error(
                f"expected one kind, got {len(data)} keys ({', '.join(list(data)[:4])}){hint}",
                at,
            )
        raise self._error(
            f"no {_what(families)} is called {kind!r}{did_you_mean(kind, kinds)}", (*at, kind)
        )

    def _named(
        self, name: str, families: tuple[type, ...], kinds: Mapping[str, Kind], at: Path_
    ) -> Any:
        """Return what a name alone means: a component, or a kind that needs nothing."""
        whole, _, way = name.partition(".")
        if whole in self._data:
            found = self.component(whole, at)
            if isinstance(found, (Database, dict)):
                ways = found if isinstance(found, dict) else found._asdict()
                if way not in ways:
                    known = " or ".join(f"{whole}.{w}" for w in ways)
                    raise self._error(f"{whole} is asked by its ways: write {known}", at)
                found = ways[way]
            elif way:
                raise self._error(f"{whole} has no ways, such as {way!r}", at)
            if isinstance(found, Station) and Station not in families:
                found = self._call(whole, found, at)
            if not isinstance(found, families):
                raise self._error(f"{name!r} is no {_what(families)}", at)
            return found
        if name in kinds and not any(a.needed for a in kinds[name].arguments.values()):
            return self._made(kinds[name], {}, at)
        if Distribution in families and re.match(r"[\d.]", name):
            raise self._error(
                f"expected a distribution, such as {{mean: {name}, scv: 1.5}}, got {name!r}", at
            )
        if name in kinds:
            raise self._error(f"{name} needs {_listed(kinds[name])}", at)
        hint = did_you_mean(name, [*self._data, *kinds])
        raise self._error(f"no component or {_what(families)} is called {name!r}{hint}", at)

    def _call(self, name: str, station: Station, at: Path_) -> Step:
        if name not in self._calls:
            try:
                self._calls[name] = call(name, station)
            except QModelError as e:
                raise self._error(str(e), at) from None
        return self._calls[name]

    def _of_moments(self, data: Mapping[str, Any], at: Path_) -> Any:
        kind = self._known((Distribution,))["from_mean_scv"]
        given = {"scv": 1, **data}
        return self._of_kind(kind, given, at, None)

    def _of_kind(self, kind: Kind, data: Any, at: Path_, name: str | None) -> Any:
        """Return what a kind makes of its data."""
        arguments = kind.arguments
        sole = kind.sole
        if kind.make is call and isinstance(data, str):
            data = {"name": data}
        elif not isinstance(data, dict) or (sole and self._is_part(data, sole, kind)):
            if data is None and not any(a.needed for a in arguments.values()):
                data = {}
            elif sole is None:
                raise self._error(
                    f"{kind.name} takes a mapping of {_listed(kind)}, got {short(data)}", at
                )
            else:
                value = self._value(data, sole, kind, at)
                return self._made(kind, self._with_name(kind, {sole.name: value}, name), at)
        given = {}
        for key, inner in data.items():
            if key not in arguments:
                parts = self._known(sole.expected.families) if sole and len(data) == 1 else ()
                hint = did_you_mean(key, [*arguments, *parts])
                raise self._error(f"{kind.name} has no {key!r}{hint}", (*at, key))
            given[key] = self._value(inner, arguments[key], kind, (*at, key))
        if kind.make is call and "station" not in given and "name" in given:
            given["station"] = self.component(given["name"], (*at, "name"))
        given = self._with_name(kind, given, name)
        missing = [a.name for a in arguments.values() if a.needed and a.name not in given]
        if missing:
            raise self._error(f"{kind.name} needs {' and '.join(missing)}", at)
        return self._made(kind, given, at)

    def _is_part(self, data: Mapping[str, Any], sole: Argument, kind: Kind) -> bool:
        """Return whether a mapping is the one thing that a kind needs, and no arguments."""
        families = sole.expected.families
        if Distribution in families and set(data) <= {"mean", "scv"} - set(kind.arguments):
            return True
        if len(data) != 1 or not families or next(iter(data)) in kind.arguments:
            return False
        return next(iter(data)) in self._known(families)

    def _counts_bytes(self, kind: Kind) -> bool:
        """Return whether the numbers of a kind may be sizes, such as 4 GiB."""
        return kind.name in self._known((Cache, Popularity))

    @staticmethod
    def _with_name(kind: Kind, given: dict[str, Any], name: str | None) -> dict[str, Any]:
        takes = name is not None and "name" in kind.arguments and "name" not in given
        return {"name": name, **given} if takes else given

    def _made(self, kind: Kind, given: Mapping[str, Any], at: Path_) -> Any:
        try:
            return kind.called(given)
        except QModelError as e:
            if isinstance(e, ModelFileError):
                raise
            about = str(e).partition(" ")[0]
            inner = (*at, about) if about in kind.arguments else at
            message = f"{kind.name}: {e}" if about not in given else str(e)
            raise self._error(message, inner) from None
        except (TypeError, ValueError, OverflowError, MemoryError) as e:
            raise self._error(f"{kind.name} cannot be made of this: {e}", at) from None

    def _value(self, data: Any, argument: Argument, kind: Kind, at: Path_) -> Any:
        """Return the value of an argument."""
        if argument.many and not isinstance(data, list):
            raise self._error(f"expected a list, got {short(data)}", at)
        if argument.many:
            many = Expected(each=argument.expected)
            return self._read(data, many, argument, kind, at)
        return self._read(data, argument.expected, argument, kind, at)

    def _read(
        self, data: Any, expected: Expected, argument: Argument, kind: Kind, at: Path_
    ) -> Any:
        if data is None:
            if expected.nothing or (argument.default is None and not argument.needed):
                return None
            raise self._error(f"{argument.name} must not be empty", at)
        if isinstance(data, bool):
            if not expected.flag:
                raise self._error(f"{argument.name} is not true or false, got {data}", at)
            return data
        if expected.flag and not expected.families:
            raise self._error(f"{argument.name} is true or false, got {short(data)}", at)
        if expected.row:
            if not isinstance(data, list) or len(data) != len(expected.row):
                raise self._error(
                    f"expected a list of {len(expected.row)}, such as [20 %, database], "
                    f"got {short(data)}",
                    at,
                )
            pairs = enumerate(zip(data, expected.row, strict=True))
            return tuple(self._read(x, e, argument, kind, (*at, i)) for i, (x, e) in pairs)
        if isinstance(data, list) and expected.each is not None:
            each = expected.each
            return tuple(
                self._read(x, each, argument, kind, (*at, i)) for i, x in enumerate(data)
            )
        kinds = self._known(expected.families)
        one = isinstance(data, dict) and len(data) == 1 and next(iter(data)) in kinds
        if isinstance(data, dict) and expected.named is not None and not one:
            named = expected.named
            return {
                name: self._read(x, named, argument, kind, (*at, name))
                for name, x in data.items()
            }
        if expected.families:
            return self._of_family(data, expected, argument, kind, at)
        if expected.text and isinstance(data, (str, int, float)):
            written = str(data)
            if expected.choices and written not in expected.choices:
                hint = did_you_mean(written, expected.choices)
                raise self._error(f"{argument.name} cannot be {written!r}{hint}", at)
            return written
        if expected.number:
            return self.numbers(data, at, argument.unit or "-", sizes=self._counts_bytes(kind))
        raise self._error(f"{argument.name} cannot be {short(data)}", at)

    def _of_family(
        self, data: Any, expected: Expected, argument: Argument, kind: Kind, at: Path_
    ) -> Any:
        written = isinstance(data, str) and re.match(r"\s*[-+.\d]", data) is not None
        amount = (
            written
            or isinstance(data, (int, float))
            or (isinstance(data, list) and Step not in expected.families)
        )
        if amount and str(data) not in self._data:
            times = Distribution in expected.families
            if expected.number or times:
                unit = "s" if times else argument.unit or "-"
                return self.numbers(data, at, unit)
        if expected.families == (Step,):
            return self.step(data, at)
        return self._part(data, expected.families, at)


PARTS = ((Distribution,), (Cache,), (Popularity,), (Service,))
"""Families of parts that others take, and may share by name."""


def _what(families: tuple[type, ...]) -> str:
    names = [f.__name__.lower() for f in families if f is not Database]
    return " or ".join(names)


def _listed(kind: Kind) -> str:
    needed = [a.name for a in kind.arguments.values() if a.needed]
    return ", ".join(needed or kind.arguments)
