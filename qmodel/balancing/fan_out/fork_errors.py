"""Largest errors of forks that simulations show, in percent.

Written by docs/errors_of_forks.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "equal": {"mean": 4, "p50": 5, "p95": 4, "p99": 5},
    "unequal": {"mean": 4, "p50": 5, "p95": 2, "p99": 5},
    "rows": {"mean": 4, "p50": 5, "p95": 6, "p99": 7},
    "some": {"mean": 4, "p50": 5, "p95": 5, "p99": 4},
    "few": {"mean": 27, "p50": 16, "p95": 35, "p99": 35},
}
