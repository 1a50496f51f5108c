"""Largest errors of informed pools of general service that simulations show, in percent.

Written by docs/errors_of_informed_pools.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "constant": {"mean": 4, "p50": 5, "p95": 17, "p99": 34, "probability": 22},
    "SCV below 1": {"mean": 3, "p50": 4, "p95": 8, "p99": 13, "probability": 13},
    "hyperexponential, SCV 4": {"mean": 9, "p50": 18, "p95": 17, "p99": 9, "probability": 13},
    "hyperexponential, SCV 9": {"mean": 10, "p50": 59, "p95": 25, "p99": 17, "probability": 19},
    "other, SCV 4": {"mean": 17, "p50": 13, "p95": 22, "p99": 49, "probability": 13},
    "other, SCV 9": {"mean": 22, "p50": 16, "p95": 42, "p99": 101, "probability": 16},
}
