"""Largest errors of several visits to one queue that simulations show, in percent.

Written by docs/errors_of_visits.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "exponential": {"mean": 1, "p50": 2, "p95": 3, "p99": 6},
    "other": {"mean": 2, "p50": 4, "p95": 4, "p99": 7},
}
