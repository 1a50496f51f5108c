"""The table of errors of shared servers: what the labels say is what it has, and true."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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


def test_sizes_that_jump_are_sizes() -> None:
    """Nobody is done before a size, and where sharing is rare there are few times between."""
    work = (0.89, 0.11), (qm.Deterministic(0.36), qm.Deterministic(6.18))
    response = qm.MGcPS(qm.Mixture(*work), 16).solve(16 * 0.69).response
    assert response.tail(0.3599) == 1
    assert abs(response.quantile(0.5) / 0.36 - 1) < 1e-3  # simulated: 0.36
    assert abs(response.quantile(0.95) / 6.205 - 1) < 0.005  # simulated: 6.205
    assert abs(response.tail(6.1) - 0.11) < 0.003


def test_sizes_that_jump_are_found_in_every_cell() -> None:
    often = np.array([0.8, 0.3])
    both = qm.Mixture((often, 1 - often), (qm.Deterministic(1.0), qm.Deterministic(30.0)))
    response = qm.MGcPS(both, 4).solve(0.1).response
    alone = [
        qm.Mixture((p, 1 - p), (qm.Deterministic(1.0), qm.Deterministic(30.0))) for p in often
    ]
    each = [float(qm.MGcPS(d, 4).solve(0.1).response.quantile(0.9)) for d in alone]
    assert np.allclose(response.quantile(0.9), each, rtol=1e-6)
