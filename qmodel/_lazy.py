"""Packages whose modules are imported when a name of theirs is first asked for (PEP 562).

A package lists under ``TYPE_CHECKING``, for type checkers and editors, what it imports; and in
`lazily`, from which module each name comes. Who asks one question pays for the modules that
answer it, not for all that stand beside them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["NoSuchName", "OnceLoaded", "lazily", "once_loaded"]


class NoSuchName(AttributeError):
    """A name that a package does not offer; the nearest one is looked for if somebody reads it.

    Imports ask for names that are not there on their way to modules, and read nothing.
    """

    def __init__(self, package: str, wanted: str, known: Iterable[str]) -> None:
        # Without the name and object by which Python itself would look for the nearest again.
        super().__init__(package, wanted, known, name=None)

    def __str__(self) -> str:
        from qmodel._nearest import did_you_mean

        package, wanted, known = self.args
        near = did_you_mean(wanted, known, few=0)
        return f"module {package!r} has no attribute {wanted!r}{near}"


class _Package(ModuleType):
    """A package in which a module does not hide the function of its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in vars(self)["_HOME_OF"]):
            super().__setattr__(name, value)


class OnceLoaded(type):
    """A class whose module is not loaded for the question: without it, nothing is one."""

    home: str

    def __instancecheck__(cls, x: Any) -> bool:
        loaded = sys.modules.get(cls.home)
        return loaded is not None and isinstance(x, getattr(loaded, cls.__name__))


def once_loaded(home: str, name: str) -> type:
    """Return what stands for a class in `isinstance`, and does not load the module it is from.

    Examples
    --------
    >>> isinstance(0.5, once_loaded("fractions", "Fraction"))
    False
    """
    return OnceLoaded(name, (), {"home": home})


def lazily(package: str, homes: Mapping[str, str], *, modules: str = "") -> None:
    """Offer names in a package, each imported from its module when it is first asked for.

    `homes` goes from a module inside the package to the names that are taken from it;
    `modules` are offered as they are.
    """
    here = sys.modules[package]
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    as_they_are = {path.rpartition(".")[2]: path for path in modules.split()}
    said: list[str] = vars(here)["__all__"]

    def find(name: str) -> Any:
        if name in home_of:
            found = getattr(import_module(f"{package}.{home_of[name]}"), name)
        elif name in as_they_are:
            found = import_module(f"{package}.{as_they_are[name]}")
        else:
            raise NoSuchName(package, name, said)
        vars(here)[name] = found
        return found

    vars(here).update(_HOME_OF=home_of, __getattr__=find, __dir__=lambda: sorted(said))
    here.__class__ = _Package
