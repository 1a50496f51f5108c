"""The table of errors of GI/G/c: what the labels say is what the table has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.renewal_errors import WORST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_renewal_arrivals")


def rows_of(script: ModuleType, point: str) -> list[dict[str, str]]:
    rows = [row for row in script.TABLE.read() if row["stations"] == point]
    assert rows
    return rows


def statement(queue: qm.GGc, name: str) -> str:
    assumptions = queue.solve(0.7 * queue.servers).basis.assumptions("p99")
    return next(str(a.statement) for a in assumptions if a == name)


def test_labels_are_those_of_the_table() -> None:
    fitted = qm.GGc(qm.Erlang(1.0, 2), qm.LogNormal(1.0, 4.0), 4)
    corrected = qm.GGc(qm.Erlang(1.0, 2), qm.Uniform(0.9, 1.1), 4)
    two = "mean wait {mean} %, its probability {probability} %"
    said = statement(fitted, "renewal-phases")
    pareto = WORST["fitted phases, Pareto"]
    assert two.format(**WORST["fitted phases"]) in said
    assert f"of service with a tail of Pareto: {two.format(**pareto)}" in said
    assert f"its p99 {pareto['p99']} %" in said
    most = max(e for q, e in WORST["fitted phases, median"].items() if q != "response_p99")
    assert f"in the median at most {most} %; of service" in said
    said = statement(corrected, "corrected-renewal-wait")
    largest, median, pareto, of_pareto = (
        WORST[f"corrected GI/M/c{kind}"]
        for kind in ("", ", median", ", Pareto", ", Pareto, median")
    )
    assert "mean wait {mean} %, in the median at most".format(**largest) in said
    assert "at most {mean} %; of service with a tail".format(**median) in said
    assert "Pareto: mean wait {mean} %, in the median".format(**pareto) in said
    assert said.endswith("in the median at most {mean} %".format(**of_pareto))
    said = statement(corrected, "two-exponential-renewal-wait")
    assert "its probability {probability} %, its p50 {p50} %".format(**largest) in said


def test_the_page_of_what_is_exact_has_the_same() -> None:
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    fitted, of_pareto = WORST["fitted phases"], WORST["fitted phases, Pareto"]
    assert (
        "by fitted phases mean {mean} %, p95 {p95} % and p99 {p99} %".format(**fitted) in exact
    )
    assert "tail of Pareto {mean} %, {p95} % and {p99} %; else".format(**of_pareto) in exact
    for kind in ("", ", Pareto"):
        largest, median = (WORST[f"corrected GI/M/c{kind}{of}"] for of in ("", ", median"))
        said = "{mean} % and p99 {p99} %" if not kind else "{mean} % and {p99} %"
        in_the_median = "in the median {mean} % and {p99} %".format(**median)
        assert f"{said.format(**largest)}, {in_the_median}" in exact


@pytest.mark.thorough
@pytest.mark.parametrize(
    "point",
    [
        "constant, lognormal 3.61, 3 at 0.61",
        "lognormal 0.71, lognormal+Pareto 0.93 0.047 2.2 2.77 300, 3 at 0.42",
        "constant, Pareto 4 1000, 12 at 0.93",
        "gamma 0.24, two-times 0.06 28.2, 64 at 0.89",
        "constant, Weibull 0.59, 4 at 0.49",
        "hyperexponential 3, inverse-Gaussian 4.1, 5 at 0.91",
    ],
)
def test_the_library_still_has_these_errors(script: ModuleType, point: str) -> None:
    found = dict(zip(script.QUANTITIES, script.computed(point), strict=True))
    for row in rows_of(script, point):
        error = 100 * (found[row["quantity"]] / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)
        assert script.group(point) == row["group"]


@pytest.mark.parametrize(
    ("point", "requests"),
    [
        ("gamma 0.63, Weibull 2.25, 48 at 0.83", 200_000),
        ("gamma 0.64, inverse-Gaussian 1.88, 4 at 0.47", 200_000),
    ],
)
def test_simulated_values_are_found_again(
    script: ModuleType, point: str, requests: int
) -> None:
    """With a hundredth of the requests: within four standard errors."""
    seen = script.simulated(point, requests, 99)
    found = dict(zip(script.QUANTITIES, seen, strict=True))
    for row in rows_of(script, point):
        value, error = found[row["quantity"]]
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)
