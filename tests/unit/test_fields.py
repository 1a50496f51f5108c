"""A model checks its fields as it is made: numbers by their domain, all else by annotation."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

import qmodel as qm
from qmodel._annotations import check_of
from qmodel._fields import Model, described, parameter
from qmodel.errors import DomainError, ModelError

if TYPE_CHECKING:
    from somewhere import Unknown


EXPONENTIAL = qm.Exponential(1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Line(Model):
    length: Any = parameter("its length", unit="m", check="positive")
    distribution: qm.Distribution = EXPONENTIAL
    spare: qm.Distribution | None = None
    parts: tuple[qm.Distribution, ...] = ()
    order: Literal["first", "last"] = "first"
    open: bool = False
    kind: str = ""
    name: Unknown = None
    width: Any = parameter("its width", unit="m", default=None)
    made: list[Any] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        object.__setattr__(self, "made", [self.length * 2])


@dataclass(frozen=True, slots=True, eq=False)
class Dashed(Line):
    gap: float = parameter("between dashes", unit="m", default=1.0)


@pytest.mark.parametrize("make", [Line, Dashed])
@pytest.mark.parametrize(
    ("wrong", "said", "kind"),
    [
        ({"length": -1.0}, "length must be a number > 0, got -1.0", DomainError),
        ({"length": None}, "length must be a number > 0, got None", DomainError),
        ({"width": -1}, "width must be a number >= 0, got -1", DomainError),
        ({"distribution": 5.0}, "distribution must be a Distribution, got 5.0", ModelError),
        ({"distribution": None}, "distribution must be a Distribution, got None", ModelError),
        ({"spare": "fast"}, "spare must be a Distribution or None, got 'fast'", ModelError),
        ({"parts": 0.1}, "parts must be a sequence, each of it a Distribution", ModelError),
        ({"parts": (qm.Exponential(1.0), 2)}, "parts must be a sequence", ModelError),
        (
            {"order": "frist"},
            "got 'frist'; did you mean 'first'",
            DomainError,
        ),
        ({"open": "no"}, "open must be True or False, got 'no'", DomainError),
        ({"kind": 5}, "kind must be a text, got 5", ModelError),
    ],
)
def test_each_field_is_checked_by_name(
    make: Any, wrong: dict[str, Any], said: str, kind: Any
) -> None:
    with pytest.raises(kind, match=said):
        make(**({"length": 1.0} | wrong))


def test_what_fits_is_taken_and_the_rest_of_the_class_goes_on() -> None:
    line = Line(2, name=object(), parts=[qm.Exponential(1.0)], open=np.True_)  # type: ignore[arg-type]
    assert (line.length, line.made, line.width) == (2.0, [4.0], None)
    with pytest.raises(DomainError, match="gap"):
        Dashed(2, gap=-1.0)


def test_arrays_are_copied_in_and_read_only() -> None:
    lengths = np.array([1.0, 2.0])
    line = Line(lengths)
    lengths *= 3
    assert line.length.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        line.length[0] = 5.0


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (Callable[..., Any], print, 5),
        (Mapping[str, int], {}, []),
        (type(None), None, 0),
        (qm.Station | str, "db", 5),
    ],
)
def test_annotations(hint: Any, good: Any, bad: Any) -> None:
    check = check_of("x", hint)
    assert check is not None
    check(good)
    with pytest.raises((DomainError, ModelError), match="x must be"):
        check(bad)


@pytest.mark.parametrize("hint", [Any, float, int, tuple[float, ...], Any | None, list[int]])
def test_numbers_are_not_checked_by_annotation(hint: Any) -> None:
    assert check_of("x", hint) is None


def models() -> dict[str, type]:
    return {
        name: thing
        for info in pkgutil.walk_packages(qm.__path__, "qmodel.")
        for name, thing in vars(import_module(info.name)).items()
        if inspect.isclass(thing) and is_dataclass(thing) and not name.startswith("_")
    }


def test_every_class_with_parameters_checks_them() -> None:
    declared = {n: x for n, x in models().items() if described(x)}
    assert {"MMc", "Exponential", "Stream", "Retry"} <= set(declared)
    assert [n for n, x in declared.items() if not issubclass(x, Model)] == []
