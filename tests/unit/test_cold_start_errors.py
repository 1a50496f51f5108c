"""The table of errors of cold starts: labels say what it has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.cold_start_errors import WORST
from qmodel.queues.approximations.measured import of_response
from qmodel.queues.serverless import Serverless

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_cold_starts")


def test_labels_are_those_of_the_table() -> None:
    function = Serverless(qm.Exponential(1.0), qm.Deterministic(1.0), 10.0)
    basis = function.solve(3.0).basis
    said = next(str(a.statement) for a in basis.assumptions("p99") if a == "kept-alive")
    for worst in WORST.values():
        shares = "the share of cold starts {cold} %, the instances {instances} %"
        assert shares.format(**worst) in said
        assert f"the response {of_response(worst)}" in said
    assert "the share that is rejected {rejected} %".format(**WORST["limited"]) in said
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    for kind in ("cold starts to 0.3", "cold starts to 5", "limited"):
        assert "cold share {cold} %, mean {mean} %, p99 {p99} %".format(**WORST[kind]) in exact


@pytest.mark.parametrize("place", [0, 3, 4, 6, 12, 20, 30, 40, 50, -1])
def test_the_library_still_has_these_errors(script: ModuleType, place: int) -> None:
    point = script.POINTS[place]
    found = dict(zip(script.quantities_of(point), script.computed(point), strict=True))
    rows = [row for row in script.TABLE.read() if row["stations"] == point]
    assert rows
    for row in rows:
        error = 100 * (found[row["quantity"]] / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


@pytest.mark.parametrize("place", [1, 2, 7])
def test_simulated_values_are_found_again(script: ModuleType, place: int) -> None:
    """With a fiftieth of the requests: within four standard errors."""
    point = script.POINTS[place]
    seen = script.simulated(point, 120_000, 99)
    found = dict(zip(script.quantities_of(point), seen, strict=True))
    for row in script.TABLE.read():
        if row["stations"] == point:
            value, error = found[row["quantity"]]
            stored = float(row["simulated"])
            theirs = stored * float(row["standard_error_percent"]) / 100
            assert abs(value - stored) <= 4 * np.hypot(error, theirs)
