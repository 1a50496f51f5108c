"""Largest errors of the policies of balancing that simulations show, in percent.

Written by docs/errors_of_balancing.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "least connections": {"mean": 1, "p50": 2, "p95": 2, "p99": 3, "probability": 9},
    "choices": {"mean": 2, "p50": 2, "p95": 3, "p99": 3, "probability": 14},
    "idle queue": {"mean": 1, "p50": 7, "p95": 6, "p99": 12, "probability": 9},
    "choices that may repeat": {"mean": 5, "p50": 6, "p95": 6, "p99": 6, "probability": 12},
    "idle queue, several dispatchers": {
        "mean": 7,
        "p50": 7,
        "p95": 9,
        "p99": 14,
        "probability": 9,
    },
}
