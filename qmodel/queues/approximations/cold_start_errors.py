"""Largest errors of cold starts that simulations show, in percent.

Written by docs/errors_of_cold_starts.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "cold starts to 5": {
        "mean": 8,
        "p50": 12,
        "p95": 12,
        "p99": 4,
        "cold": 34,
        "instances": 5,
        "rejected": 1,
    },
    "limited": {
        "mean": 1,
        "p50": 4,
        "p95": 1,
        "p99": 2,
        "cold": 33,
        "instances": 3,
        "rejected": 6,
    },
    "cold starts to 2": {
        "mean": 2,
        "p50": 2,
        "p95": 1,
        "p99": 1,
        "cold": 29,
        "instances": 3,
        "rejected": 1,
    },
    "cold starts to 0.3": {
        "mean": 1,
        "p50": 2,
        "p95": 1,
        "p99": 1,
        "cold": 15,
        "instances": 4,
        "rejected": 1,
    },
}
