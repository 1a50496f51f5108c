"""Predictions beside published measurements: each holds its bound, or misses as it is said."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qmodel.measurements import arrival_variability, read

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
WORLD_CUP = ROOT.parent / "shared/data/worldcup98_requests_per_minute.csv.gz"


def script() -> ModuleType:
    """Return the script that has the cases; docs is no package."""
    spec = importlib.util.spec_from_file_location("validation", ROOT / "docs/validation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


VALIDATION = script()


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    """Return all cases, which take seconds: not while tests are collected."""
    return VALIDATION.cases()


def test_predictions_hold_or_miss_with_a_reason(cases) -> None:
    # A case with a reason must miss: when the library learns to predict it, the page changes.
    found = [
        f"{case.group}: {case.what}: {case.predicted:g} for {case.measured:g}"
        for case in cases
        if case.holds != (not case.why)
    ]
    assert not found, "\n".join(found)


def test_every_group_has_its_source(cases) -> None:
    assert {case.group for case in cases} == set(VALIDATION.SOURCES)
    assert sum(case.holds for case in cases) > 30


def test_the_page_is_up_to_date(cases) -> None:
    page = VALIDATION.page(cases)
    assert VALIDATION.PAGE.read_text() == page, "run python docs/validation.py"


@pytest.mark.skipif(not WORLD_CUP.exists(), reason="the World Cup load is not here")
def test_a_flash_crowd_is_read_and_seen_as_bursty(cases) -> None:
    measured = read(WORLD_CUP)
    frame = measured.frame
    assert frame["count"].sum() == 1_352_804_107
    peak = frame.loc[frame["count"].idxmax()]
    assert (peak["count"], str(peak["time"])[:16]) == (229_426, "1998-07-07 21:41")
    assert peak["arrival_rate"] == pytest.approx(229_426 / 60)
    found = arrival_variability(frame["count"].to_numpy(), 60.0, scales=[60, 3600])
    assert found["index"].iloc[0] > 1000
    busiest = int(frame["count"].to_numpy().argmax())
    around = frame["count"].to_numpy()[busiest - 60 : busiest + 60]
    case = next(c for c in cases if c.group == "A flash crowd")
    allan = arrival_variability(around, 60.0, scales=[60])["allan"].iloc[0]
    assert allan == pytest.approx(case.measured, rel=1e-3)
