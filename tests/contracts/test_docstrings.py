"""Every public name is documented to the same form, checked by reading the docstrings.

Public is what a package lists in ``__all__``, what the modules of formulas list in theirs,
and the public methods of their classes. A docstring has a summary of one line; every
parameter, in order, with a unit in brackets at its end; what is returned and what is
raised; an example. Internal modules may document less, but nothing that is wrong.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest

import qmodel

UNITS = {
    "s", "1/s", "s^2", "s^3", "1/s^2", "-", "s or -", "erlang", "B", "1/month",
    "currency", "currency/month",
}  # fmt: skip
"""What may stand in the brackets; a new unit is entered here on purpose."""

SECTIONS = (
    "Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "See Also", "Notes",
    "References", "Examples",
)  # fmt: skip

FORMULAS = ("queues", "caches", "balancing", "networks", "units")
"""Parts whose modules are public, not only their package."""


def modules() -> Iterator[ModuleType]:
    """Yield every module of the package that is not private."""
    yield qmodel
    for info in pkgutil.walk_packages(qmodel.__path__, "qmodel."):
        if not any(part.startswith("_") for part in info.name.split(".")[1:]):
            yield importlib.import_module(info.name)


MODULES = list(modules())


def is_public(module: ModuleType) -> bool:
    """Return whether users read it: a package, or a module that one offers something of."""
    parts = module.__name__.split(".")
    if hasattr(module, "__path__"):
        return parts[1:] != ["numerics"]
    if parts[1] not in FORMULAS or len(parts) == 2:
        return parts[1] in FORMULAS
    package = importlib.import_module(".".join(parts[:-1]))
    offered = (getattr(package, name, None) for name in getattr(package, "__all__", ()))
    return any(getattr(thing, "__module__", "") == module.__name__ for thing in offered)


def things(some: Iterable[ModuleType]) -> dict[str, Any]:
    """Return the functions and classes that modules list, by their full name, each once."""
    found: dict[str, Any] = {}
    for module in some:
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name, None)  # test_api.py finds what is not there
            here = getattr(thing, "__module__", "").startswith("qmodel")
            if here and (inspect.isclass(thing) or inspect.isfunction(thing)):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return dict(sorted(found.items()))


ALL = things(MODULES)
PUBLIC = things(m for m in MODULES if is_public(m))


def methods() -> dict[str, Callable[..., Any]]:
    """Return the public methods that the public classes write themselves."""
    found = {}
    for name, thing in PUBLIC.items():
        if inspect.isclass(thing):
            for key, value in vars(thing).items():
                function = (
                    value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
                )
                if not key.startswith("_") and inspect.isfunction(function):
                    found[f"{name}.{key}"] = function
    return found


METHODS = methods()


def sections(doc: str) -> dict[str, str]:
    """Split a numpydoc docstring into its sections; the text before is ``""``."""
    names = "|".join(SECTIONS)
    pieces = re.split(rf"^({names})\n-+\n", doc, flags=re.M)
    return {"": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}


def entries(text: str) -> list[tuple[list[str], str]]:
    """Return names and description of each entry of a section."""
    found: list[tuple[list[str], str]] = []
    for line in text.rstrip().splitlines():
        if line and not line.startswith(" "):
            head = line.split(" : ")[0]
            found.append(([n.strip() for n in head.split(",")], ""))
        elif found:
            names, description = found[-1]
            found[-1] = (names, f"{description} {line.strip()}".strip())
    return found


def unit_of(description: str) -> str | None:
    """Return the unit in brackets that ends a description."""
    match = re.search(r"\[([^\[\]]+)\]\.?$", description)
    return match[1] if match else None


def parameters(thing: Any) -> list[str]:
    """Return the parameters that a caller gives."""
    given = inspect.signature(thing).parameters.values()
    return [
        {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name
        for p in given
        if p.name not in ("self", "cls")
    ]


def takes_parameters(thing: Any) -> bool:
    return not inspect.isclass(thing) or "__init__" in vars(thing) or "__new__" in vars(thing)


def check_summary(doc: str) -> None:
    lines = doc.splitlines()
    assert doc, "the summary is on the first line"
    assert lines[0].strip(), "the summary is on the first line"
    assert len(lines[0]) <= 93, "the summary is one line of the file"
    assert lines[0].rstrip().endswith((".", "]", "].")), "a summary is a sentence"
    assert len(lines) == 1 or not lines[1].strip(), "a blank line follows the summary"


def check_parameters(thing: Any, doc: str) -> None:
    found = entries(sections(doc).get("Parameters", ""))
    documented = [name for names, _ in found for name in names]
    if inspect.isclass(thing) and not dataclasses.is_dataclass(thing) and not documented:
        assert not takes_parameters(thing) or not parameters(thing), (
            "no parameter is documented"
        )
        return
    assert documented == parameters(thing)
    for names, description in found:
        unit = unit_of(description)
        assert unit in UNITS, f"{', '.join(names)}: no known unit ends {description!r}"


def returns(thing: Any) -> bool:
    annotation = inspect.signature(thing).return_annotation
    return annotation not in (None, "None", inspect.Signature.empty)


def raises(thing: Any) -> bool:
    """Return whether the body of `thing` raises, or checks an argument itself."""
    if inspect.isclass(thing):
        written = (
            ["__post_init__"] if dataclasses.is_dataclass(thing) else ["__init__", "__new__"]
        )
        own = [vars(thing).get(n) for n in written]
        return any(raises(f) for f in own if inspect.isfunction(f))
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    checks = {"nonnegative", "positive", "probability", "count", "weights", "scv", "instance"}
    return any(
        (isinstance(node, ast.Raise) and node.exc is not None)
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "_check"
            and node.func.attr in checks
        )
        for node in ast.walk(tree)
    )


def is_enumeration(thing: Any) -> bool:
    return inspect.isclass(thing) and (
        issubclass(thing, Exception) or hasattr(thing, "_fields") or inspect.isabstract(thing)
    )


def check_returns_and_raises(thing: Any, doc: str) -> None:
    found = sections(doc)
    if inspect.isfunction(thing) and returns(thing):
        assert "Returns" in found or "Yields" in found, "what it returns is not documented"
    if raises(thing) and not is_enumeration(thing):
        assert "Raises" in found, "what it raises is not documented"


USER_FACING = {
    f"{x.__module__}.{x.__qualname__}": x
    for x in (
        getattr(qmodel, n) for n in getattr(qmodel, "__all__", dir(qmodel)) if n[0] != "_"
    )
    if (inspect.isclass(x) or inspect.isfunction(x)) and x.__module__.startswith("qmodel")
}


def has_results_only(thing: Any) -> bool:
    """Return whether users never make one: results, base classes, errors."""
    return inspect.isclass(thing) and (
        thing.__name__.endswith("Result")
        or inspect.isabstract(thing)
        or issubclass(thing, Exception)
    )


def check_public(thing: Any, doc: str) -> None:
    check_summary(doc)
    if not is_enumeration(thing):
        check_parameters(thing, doc)
    check_returns_and_raises(thing, doc)


def check_internal(thing: Any, doc: str) -> None:
    check_summary(doc)
    if "Parameters" in sections(doc):
        check_parameters(thing, doc)


def check_example(thing: Any, doc: str) -> None:
    assert has_results_only(thing) or ">>>" in doc, "there is no example"


def check_method(name: str, method: Callable[..., Any]) -> None:
    doc = method.__doc__
    inherited = not doc and any(
        getattr(base, method.__name__, None) is not None
        for base in PUBLIC[name.rsplit(".", 1)[0]].__mro__[1:]
    )
    assert doc or inherited, "there is no docstring"
    if doc:
        check_internal(method, inspect.cleandoc(doc))


def faults(name: str, check: Callable[[], None]) -> list[str]:
    """Return what a check says of a name: one line, or nothing."""
    try:
        check()
    except AssertionError as fault:
        return [f"{name}: {fault}"]
    return []


def doc_of(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_a_module_is_documented(module: ModuleType) -> None:
    """All names of a module in one test: a test a name costs more than what it checks."""
    name = module.__name__
    found = faults(name, lambda: check_summary(doc_of(module)))
    for name, thing in of_module(ALL, module):
        check = check_public if name in PUBLIC else check_internal
        found += faults(name, partial(check, thing, doc_of(thing)))
    for name, method in of_module(METHODS, module):
        found += faults(name, partial(check_method, name, method))
    for name, thing in of_module(USER_FACING, module):
        found += faults(name, partial(check_example, thing, doc_of(thing)))
    assert not found, "\n".join(found)


def of_module(named: dict[str, Any], module: ModuleType) -> list[tuple[str, Any]]:
    return [(n, x) for n, x in named.items() if x.__module__ == module.__name__]


def test_every_name_belongs_to_a_module_that_is_tested() -> None:
    tested = {m.__name__ for m in MODULES}
    for named in (ALL, METHODS, USER_FACING):
        private = {"qmodel._fields", "qmodel._xp"}
        assert {x.__module__ for x in named.values()} <= tested | private
    assert len(PUBLIC) > 300


GOOD = """Time in queue.

Parameters
----------
rate : number or array
    Arrival rate, >= 0. [1/s]
times : int, default 1
    How often. [-]

Returns
-------
number
    The time. [s]
"""


def example(rate: float, times: int = 1) -> float:
    return rate * times


def test_the_reader_finds_what_is_wrong() -> None:
    check_parameters(example, GOOD)
    for wrong in (
        GOOD.replace("[1/s]", "[furlong]"),
        GOOD.replace(" [1/s]", ""),
        GOOD.replace("rate :", "rates :"),
        GOOD.replace("times : int, default 1\n    How often. [-]\n", ""),
    ):
        with pytest.raises(AssertionError):
            check_parameters(example, wrong)
    with pytest.raises(AssertionError):
        check_summary("Time in queue\nand more")


def test_a_fault_is_reported_by_name() -> None:
    assert "f: " in faults("f", lambda: check_summary(""))[0]
    assert faults("f", lambda: check_summary("Time in queue.")) == []
