"""Largest errors of a station behind a limit that simulations show, in percent.

Written by docs/errors_of_limits.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV from 1": {"mean": 6, "p50": 9, "p95": 9, "p99": 10},
    "SCV below 1": {"mean": 11, "p50": 13, "p95": 24, "p99": 23},
}
