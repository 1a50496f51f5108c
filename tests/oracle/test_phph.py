"""M/PH/c and PH/PH/c against figures of phph, a package that shares no code with this one.

`phph_figures.py` writes them, and says how.
"""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qmodel as qm

HERE = Path(__file__).parent


def figures() -> Any:
    """Return the module that wrote the figures."""
    spec = importlib.util.spec_from_file_location("phph_figures", HERE / "phph_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WRITER = figures()


def rows() -> list[dict[str, str]]:
    with WRITER.FILE.open(newline="") as file:
        return list(csv.DictReader(file))


ROWS = rows()


def distribution(name: str) -> qm.Distribution:
    return qm.PhaseType(*WRITER.DISTRIBUTIONS[name])


def test_all_points_are_there() -> None:
    found = [(r["arrivals"], r["service"], int(r["servers"]), float(r["load"])) for r in ROWS]
    assert found == WRITER.GRID


@pytest.mark.parametrize("service", ["M", "E2", "E4", "H2", "H3", "C2"])
def test_waits_agree(service: str) -> None:
    for row in ROWS:
        if row["service"] != service:
            continue
        servers, load = int(row["servers"]), float(row["load"])
        r = qm.GGc(distribution(row["arrivals"]), distribution(service), servers).solve(
            load * servers
        )
        assert r.wait is not None
        mean = float(row["mean_wait"])
        got = [r.wait.tail(0.0), r.waiting_time, *r.wait.tail(np.array([mean, 4 * mean]))]
        names = ("prob_wait", "mean_wait", "tail_0", "tail_1")
        wanted = [float(row[name]) for name in names]
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-10, err_msg=str(row))
        assert str(r.basis) == "exact"
