"""Largest errors of calls at once to one station that simulations show, in percent.

Written by docs/errors_of_calls_at_once.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "other service": {"mean": 3, "p50": 7, "p95": 9, "p99": 8, "wait": 1},
    "constant service": {"mean": 13, "p50": 25, "p95": 13, "p99": 6, "wait": 1},
    "behind service of an SCV from 1": {"mean": 12, "p50": 8, "p95": 20, "p99": 18, "wait": 32},
    "behind regular service": {"mean": 26, "p50": 32, "p95": 28, "p99": 28, "wait": 48},
}
