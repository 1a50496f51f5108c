"""Largest errors of branches that share a station that simulations show, in percent.

Written by docs/errors_of_shared_stations.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "stations": {"mean": 8, "p50": 12, "p95": 11, "p99": 14},
    "delays": {"mean": 21, "p50": 21, "p95": 19, "p99": 14},
}
