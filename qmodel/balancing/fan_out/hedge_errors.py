"""Largest errors of hedged requests that simulations show, in percent.

Written by docs/errors_of_hedges.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "many servers": {"mean": 1, "p50": 1, "p95": 1, "p99": 1},
    "many busy servers": {"mean": 2, "p50": 2, "p95": 2, "p99": 2},
    "eight servers": {"mean": 8, "p50": 7, "p95": 7, "p99": 6},
    "fewer servers": {"mean": 21, "p50": 6, "p95": 35, "p99": 52},
}
