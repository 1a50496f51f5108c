"""The results of the lab, as they stand on their page."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lab_page", ROOT / "docs/lab_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(lab: ModuleType) -> None:
    assert lab.PAGE.read_text() == lab.page(lab.results()), "run python docs/lab_page.py"


def test_what_misses_is_the_small_pool_or_had_been_warned_of(lab: ModuleType) -> None:
    frame = lab.results()
    steady = frame[~frame["collapsed"]]
    off = steady[[f"{n}_off" for n in lab.QUANTITIES]].abs()
    assert (off <= lab.WITHIN).to_numpy().mean() > 0.9
    missed = steady[(off > lab.WITHIN).any(axis=1)]
    assert missed["said"].str.contains("beyond the highest load that was measured").all()
    # A quiet machine: only the pool of two connections, near its saturation.
    last = missed[missed["campaign"] == frame["campaign"].max()]
    assert set(last["scenario"]) <= {"pool tight"}
    assert last["share"].min() > 0.75
    assert set(frame.loc[frame["collapsed"], "scenario"]) <= {"timeouts and retries"}


def test_hit_ratios_are_within_two_points(lab: ModuleType) -> None:
    frame = lab.results()
    last = frame[frame["campaign"] == frame["campaign"].max()]
    off = last["hit_ratio"] - last["hit_ratio_predicted"]
    assert off.abs().max() < 0.02


def test_a_cold_cache_fills_as_predicted(lab: ModuleType) -> None:
    cold = lab.pd.read_csv(lab.COLD)
    noise = (cold["measured"] * (1 - cold["measured"]) / cold["requests"]) ** 0.5
    off = (cold["measured"] - cold["predicted"]).abs()
    assert (off < 2.5 * noise).all()
    assert off.mean() < 0.02
