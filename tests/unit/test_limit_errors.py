"""The table of errors behind a limit: what the labels say is what the table has, and true."""

from __future__ import annotations

from pathlib import Path

import qmodel as qm
from qmodel.queues.approximations.limit_errors import WORST

ROOT = Path(__file__).parents[2]


def test_labels_are_those_of_the_table() -> None:
    path = qm.series(qm.limit("quota", 1.0, burst=5), qm.call("api", qm.MMc(0.5)))
    basis = qm.Pipeline(path).solve(0.5).basis
    statement = next(a.statement for a in basis.assumptions("mean") if a.startswith("vari"))
    varied, regular = WORST["SCV from 1"], WORST["SCV below 1"]
    assert "mean within {mean} % and p99 within {p99} %".format(**varied) in statement
    assert "{mean} % and {p99} % where it is more regular".format(**regular) in statement
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    assert "mean {mean} %, p50 {p50} %, p99 {p99} %; more".format(**varied) in exact
    assert "service mean {mean} %, p50 {p50} %, p99 {p99} %".format(**regular) in exact
