"""Largest errors of paths of two to five stations that simulations show, in percent.

Written by docs/errors_of_tandems.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV to 4": {"mean": 4, "p50": 7, "p95": 7, "p99": 8},
    "SCV above 4": {"mean": 12, "p50": 46, "p95": 23, "p99": 24},
}
