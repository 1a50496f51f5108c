"""The table of errors of several visits: labels say what it has, and it is true."""

from __future__ import annotations

from pathlib import Path

import qmodel as qm
from qmodel.queues.approximations.visit_errors import WORST

ROOT = Path(__file__).parents[2]


def test_labels_are_those_of_the_table() -> None:
    again = qm.repeat(3, qm.call("a", qm.MG1(qm.LogNormal(1.0, 2.0))))
    basis = qm.Pipeline(again).solve(0.1).basis
    statements = {a: a.statement for a in basis.assumptions("p99")}
    assert f"all visits was found within {WORST['other']['mean']} %" in statements["returns"]
    assert f"p99 within {WORST['exponential']['p99']} %" in statements["snapshot"]
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    assert "p50 {p50} %, p99 {p99} %".format(**WORST["exponential"]) in exact
    assert "mean {mean} %, p50 {p50} % and p99 {p99} %".format(**WORST["other"]) in exact
