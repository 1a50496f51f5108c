"""What the published figures of production caches predict, and what they do not.

Of each cluster are known its request rate, Zipf exponent, times to live, sizes, and the
working set without them: enough for a prediction of miss ratio and working set, if the
catalogue stood still. The figures below stand in docs/explanation, and change with the model.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import qmodel as qm
from qmodel.units import day, hour, minute

# J. Yang, Y. Yue, K. V. Rashmi, "A large scale analysis of hundreds of in-memory cache
# clusters at Twitter", OSDI 2020; cache-trace, stat/2020Mar.md.
CLUSTERS = Path(__file__).parents[3] / "shared/data/twitter_cache_clusters_2020.csv"
SECONDS = {"s": 1.0, "m": minute, "h": hour, "d": day}


def predicted(row: dict[str, str]) -> tuple[float, float] | None:
    """Return miss ratio and working set in MB, where the published fields allow it."""
    given = {k: float(v) for k, v in row.items() if re.fullmatch(r"[\d.]+", v)}
    lives = re.findall(r"([\d.]+)([smhd]):([\d.]+)", row["common_ttls"])
    gets = re.search(r"\bget:([\d.]+)", row["operations"])
    # Objects that are mostly written do not come in by misses.
    if not lives or gets is None or float(gets[1]) < 0.9:
        return None
    if not given.get("zipf_alpha") or not given.get("wss_mb_no_ttl") or not given["wss_mb"]:
        return None
    size = given["key_bytes"] + given["value_bytes"]
    objects = int(given["wss_mb_no_ttl"] * 1e6 / size)
    rate = 1000 * given["request_rate_kqps"] * float(gets[1])
    ttl, weights = np.array([(float(n) * SECONDS[unit], float(w)) for n, unit, w in lives]).T
    r = qm.caches.TTL(ttl).solve(qm.caches.Zipf(objects, given["zipf_alpha"]), rate)
    weights = weights / weights.sum()
    return float(weights @ r.miss_ratio), float(weights @ r.occupancy) * size / 1e6


@pytest.mark.skipif(not CLUSTERS.exists(), reason="the published clusters are not here")
def test_a_catalogue_that_stands_still_predicts_too_few_misses() -> None:
    with CLUSTERS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [(p, row) for row in rows if (p := predicted(row)) is not None]
    missed, held = np.array([p for p, _ in found]).T
    measured = np.array([float(row["production_miss_ratio"]) for _, row in found])
    first = np.array([float(row["compulsory_miss_percent"]) / 100 for _, row in found])
    working = np.array([float(row["wss_mb"]) for _, row in found])
    assert len(found) == 20

    def factor(prediction: np.ndarray, truth: np.ndarray) -> float:
        return float(np.exp(np.median(np.abs(np.log(prediction / truth)))))

    def ranks(values: np.ndarray) -> np.ndarray:
        return values.argsort().argsort()

    assert (missed < measured).all()
    assert factor(missed, measured) == pytest.approx(5.3, abs=0.05)
    assert np.corrcoef(ranks(missed), ranks(measured))[0, 1] == pytest.approx(0.49, abs=0.005)
    assert factor(missed + first, measured) == pytest.approx(3.8, abs=0.05)
    assert factor(held, working) == pytest.approx(4.9, abs=0.05)
