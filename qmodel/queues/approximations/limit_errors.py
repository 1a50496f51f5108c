"""Largest errors of a station behind a limit that simulations show, in percent.

Written by docs/errors_of_limits.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV from 1": {"mean": 12, "p50": 15, "p95": 13, "p99": 18},
    "SCV below 1": {"mean": 20, "p50": 21, "p95": 25, "p99": 63},
}
