"""Largest errors of informed pools of general service that simulations show, in percent.

Written by docs/errors_of_informed_pools.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "constant": {"mean": 2, "p50": 4, "p95": 6, "p99": 25, "probability": 22},
    "SCV below 1": {"mean": 2, "p50": 2, "p95": 4, "p99": 8, "probability": 13},
    "hyperexponential, SCV 4": {"mean": 2, "p50": 14, "p95": 7, "p99": 8, "probability": 13},
    "hyperexponential, SCV 9": {"mean": 8, "p50": 32, "p95": 10, "p99": 9, "probability": 19},
    "other, SCV 4": {"mean": 3, "p50": 11, "p95": 5, "p99": 16, "probability": 13},
    "other, SCV 9": {"mean": 5, "p50": 15, "p95": 8, "p99": 15, "probability": 16},
    "bounded Pareto": {"mean": 14, "p50": 7, "p95": 13, "p99": 43, "probability": 18},
}
