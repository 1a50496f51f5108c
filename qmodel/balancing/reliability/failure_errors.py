"""Largest errors of replicas whose repairs are slow that the exact chain shows, in percent.

Written by docs/errors_of_failures.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "below 1e-5": {"mean": 1, "p50": 1, "p95": 1, "p99": 2},
    "below 1e-4": {"mean": 4, "p50": 1, "p95": 2, "p99": 9},
    "below 1e-3": {"mean": 320, "p50": 1, "p95": 10, "p99": 86},
    "1e-3 or more": {"mean": 81, "p50": 16, "p95": 78, "p99": 95},
}
