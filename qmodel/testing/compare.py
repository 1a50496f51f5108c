"""What assertions are made of: quantities by name, and comparisons with clear messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from qmodel.errors import DomainError
from qmodel.pipeline import Pipeline, PipelineResult
from qmodel.queues.base import MEANS, Station, StationResult

__all__ = [
    "TIMES",
    "Model",
    "Result",
    "equal",
    "get",
    "parts",
    "quantities_of",
    "rising",
    "several",
    "within",
]

Model = Station | Pipeline
Result = StationResult | PipelineResult
TIMES = ("waiting_time", "response_time", "mean", "p50", "p99")
TINY = 1e-290


def parts(result: Result) -> list[tuple[str, StationResult]]:
    """Return the stations of a result, and how to call them."""
    if isinstance(result, StationResult):
        return [("", result)]
    return [(f" at {name}", r) for name, r in result.stations.items()]


def several(name: str, values: Iterable[Any], least: int = 1) -> list[Any]:
    """Return the values, refusing so few that there is nothing to compare."""
    found = list(values)
    if len(found) < least:
        raise DomainError(f"{name} must be at least {least}, got {len(found)}: {found}")
    return found


def quantities_of(result: Result, *, percentiles: bool = False) -> list[str]:
    """Return the names of what is compared."""
    names = ["mean", "max_rate"] if isinstance(result, PipelineResult) else list(MEANS)
    # Of a general chain only the means are known.
    known = isinstance(result, PipelineResult) or "percentiles" in result.basis.grounds
    return [*names, "p50", "p99"] if percentiles and known else names


def get(result: Any, name: str) -> Any:
    """Return a quantity of a result by its name."""
    law = result.latency if isinstance(result, PipelineResult) else result.response
    if name[0] == "p" and name[1:].replace(".", "").isdigit():
        return law.quantile(float(name[1:]) / 100)
    return law.mean if name == "mean" else getattr(result, name)


def rising(
    law: str,
    what: str,
    values: Sequence[Any],
    results: Sequence[Any],
    quantities: Sequence[str] | None,
    *,
    up: bool,
) -> None:
    """Assert that quantities rise from result to result, or fall."""
    times = [n for n in quantities_of(results[0]) if n in TIMES]
    for name in times if quantities is None else several("quantities", quantities):
        found = [np.asarray(get(r, name), dtype=float) for r in results]
        for k, (one, two) in enumerate(pairwise(found)):
            less, more = (one, two) if up else (two, one)
            # NaN is not "no more than" anything.
            if not np.all(less <= more * (1 + 1e-9) + TINY):
                raise AssertionError(
                    f"{law}: {name} goes from {np.ravel(one)[0]:.12g} to "
                    f"{np.ravel(two)[0]:.12g} as the {what} goes from {values[k]:g} to "
                    f"{values[k + 1]:g}"
                )


def within(law: str, name: str, found: Any, low: float, high: float) -> None:
    """Assert that all values lie between two."""
    found = np.asarray(found, dtype=float)
    inside = (found >= low) & (found <= high)
    if not inside.all():
        raise AssertionError(
            f"{law}: {name} is {found[~inside].flat[0]}, not from {low} to {high}"
        )


def equal(
    law: str,
    name: str,
    found: Any,
    expected: Any,
    rel: float,
    *,
    floor: float = TINY,
    keep_infinite: bool = False,
) -> None:
    """Assert that values are equal, or nearer than `floor`.

    Where one is infinite, they are compared only if both are to be kept.
    """
    found, expected = np.broadcast_arrays(
        np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    )
    with np.errstate(invalid="ignore"):
        near = abs(found - expected) <= rel * abs(expected) + floor
    both = np.isposinf(found) & np.isposinf(expected)
    lone = np.isposinf(found) | np.isposinf(expected)
    right = near | both if keep_infinite else near | lone
    if right.all():
        return
    worst = np.flatnonzero(~right.ravel())[0]
    x, y = found.flat[worst], expected.flat[worst]
    off = abs(x / y - 1) if y else abs(x)
    cell = f" in cell {worst}" if found.size > 1 else ""
    raise AssertionError(
        f"{law}: {name}{cell} is {x:.12g}, should be {y:.12g} (off by {off:.2g})"
    )
