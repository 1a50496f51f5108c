"""Largest errors of general service over time that simulations show, in percent.

Written by docs/errors_over_time.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "an SCV from 1": {"number": 16, "mean": 15, "p50": 23, "p95": 10, "p99": 15},
    "an SCV below 1": {"number": 5, "mean": 3, "p50": 3, "p95": 3, "p99": 6},
    "Pareto service": {"number": 10, "mean": 7, "p50": 27, "p95": 12, "p99": 38},
    "constant service": {"number": 9, "mean": 7, "p50": 15, "p95": 10, "p99": 7},
    "exponential service": {"number": 1, "mean": 1, "p50": 1, "p95": 1, "p99": 1},
}
