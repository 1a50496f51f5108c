"""Largest errors of forks that simulations show, in percent.

Written by docs/errors_of_forks.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "equal": {"mean": 3, "p50": 3, "p95": 6, "p99": 5},
    "unequal": {"mean": 2, "p50": 2, "p95": 2, "p99": 5},
    "rows": {"mean": 4, "p50": 5, "p95": 5, "p99": 6},
    "some": {"mean": 3, "p50": 3, "p95": 6, "p99": 5},
    "first": {"mean": 5, "p50": 2, "p95": 4, "p99": 9},
    "some rows": {"mean": 22, "p50": 16, "p95": 31, "p99": 30},
    "few of two times": {"mean": 5, "p50": 13, "p95": 28, "p99": 25},
    "few": {"mean": 2, "p50": 3, "p95": 14, "p99": 7},
}
