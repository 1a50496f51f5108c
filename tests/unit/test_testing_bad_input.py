"""The search for bad answers: what it finds, and what it takes for good."""

from __future__ import annotations

from typing import Any

from qmodel.errors import DomainError
from qmodel.testing.bad_input import bad_answers


def careful(rates: dict[str, float]) -> float:
    if not isinstance(rates, dict) or set(rates) != {"a"}:
        raise DomainError(f"rates must be of a, got {rates!r}")
    if type(rates["a"]) not in (int, float):
        raise DomainError(f"rates must be numbers, got {rates['a']!r}")
    return float(rates["a"])


def careless(rates: Any) -> float:
    return float(rates["a"]) if isinstance(rates, dict) and rates else 0.0


def test_a_mapping_with_the_keys_of_a_good_one_is_a_good_one() -> None:
    assert bad_answers(careful, {"rates": {"a": 2.0}}) == []


def test_wrong_objects_that_are_taken_are_found() -> None:
    found = bad_answers(careless, {"rates": {"b": 1.0, "a": 2.0}})
    assert {"'fast'", "object()", "[None]"} <= {one.value for one in found}


def test_nan_in_and_a_number_out_is_found() -> None:
    def of(x: float) -> float:
        if not isinstance(x, (int, float)):
            raise DomainError(f"x must be a number, got {x!r}")
        return max(0.0, min(abs(float(x)), 1.0) if abs(x) < 1e300 else 1.0)

    assert ("NaN", "NaN in, and 1.0 out") in {
        (one.value, one.what) for one in bad_answers(of, {"x": 0.5})
    }
