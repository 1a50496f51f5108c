"""Largest errors of a station behind a limit that simulations show, in percent.

Written by docs/errors_of_limits.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV from 1": {"mean": 9, "p50": 12, "p95": 11, "p99": 15},
    "SCV below 1": {"mean": 15, "p50": 15, "p95": 29, "p99": 39},
}
