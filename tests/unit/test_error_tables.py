"""Tables of measured errors: page and module say what a table has, and the table is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

# By table: points of it that are computed again, and the one that is simulated again, with how
# many requests.
TABLES = {
    "errors_of_tandems": ([0, 9, 19, -1], 0, 200_000),
    "errors_of_visits": ([1, 13, 22, -2], 19, 200_000),
    "errors_of_limits": ([0, 2, 8, -2], 13, 200_000),
    "errors_of_calls_at_once": ([2, 10, 19, -2, -7], 4, 200_000),
    "errors_of_losses": ([0, 6, 18, 28, -1], 9, 100_000),
    "errors_of_departures": ([0, 3, 9, 14, 23, -1], 1, 100_000),
    "errors_of_sharing": ([0, 5, 12, 26, -1], 25, 40_000),
}


DOCS = Path(__file__).parents[2] / "docs"
WITH_TABLES = sorted(
    path.stem
    for path in DOCS.glob("errors_*.py")
    if "\nTABLE = ErrorTable(" in path.read_text()
)


@pytest.mark.parametrize("name", WITH_TABLES)
def test_what_is_made_of_a_table(
    script_of_docs: Callable[[str], ModuleType], name: str
) -> None:
    """Each has the points of its script, and its page and its module are made of it."""
    script = script_of_docs(name)
    errors, table = script.TABLE, script.TABLE.read()
    assert {row["stations"] for row in table} == {errors.named(p) for p in errors.points}
    assert errors.page(table) == errors.path_of_page.read_text()
    assert errors.written(errors.established(table)) == errors.module.read_text()


def test_each_table_is_made_by_a_script() -> None:
    pages = {path.stem for path in (DOCS / "reference").glob("errors-of-*.csv")}
    assert len(WITH_TABLES) >= len(pages) > 10


@pytest.mark.parametrize(
    ("name", "point"),
    [(name, point) for name, (points, *_) in TABLES.items() for point in points],
)
def test_the_library_still_has_these_errors(
    script_of_docs: Callable[[str], ModuleType], name: str, point: int
) -> None:
    script = script_of_docs(name)
    place = script.POINTS[point]
    rows = rows_of(script, place)
    assert len(rows) == len(script.TABLE.has(place))
    for row, value in zip(rows, script.computed(place), strict=True):
        error = 100 * (value / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


@pytest.mark.parametrize("name", TABLES)
def test_simulated_values_are_found_again(
    script_of_docs: Callable[[str], ModuleType], name: str
) -> None:
    """One point with a part of the requests: within four standard errors."""
    script, (_, point, requests) = script_of_docs(name), TABLES[name]
    place = script.POINTS[point]
    found = script.simulated(place, requests, 99)
    for row, (value, error) in zip(rows_of(script, place), found, strict=True):
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)


def rows_of(script: ModuleType, place: object) -> list[dict[str, str]]:
    """Return the rows of a point, one a quantity."""
    return [r for r in script.TABLE.read() if r["stations"] == script.named(place)]
