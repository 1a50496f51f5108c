"""The table of errors of shared servers: what the labels say is what it has, and true."""

from __future__ import annotations

from pathlib import Path

import qmodel as qm
from qmodel.queues.waits.sharing_errors import WORST

ROOT = Path(__file__).parents[2]


def test_labels_are_those_of_the_table() -> None:
    varied, even = (
        max(WORST[f"SCV {kind} 0.3"][p] for p in ("p50", "p95", "p99"))
        for kind in ("from", "below")
    )
    basis = qm.MGcPS(qm.Gamma(1.0, 0.5), 2).solve(1.0).basis
    statement = next(a.statement for a in basis.assumptions("p99") if a == "gamma-excess")
    assert (
        f"to p99 were found within {varied} %, of an SCV below 0.3 within {even} %" in statement
    )
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    assert f"p50 to p99 within {varied} %, of an SCV below 0.3 within {even} %" in exact
