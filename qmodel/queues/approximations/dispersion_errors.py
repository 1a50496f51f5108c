"""Largest errors of paths of two to five stations that simulations show, in percent.

Written by docs/errors_of_tandems.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV to 4": {"mean": 4, "p50": 6, "p95": 6, "p99": 5},
    "SCV above 4": {"mean": 12, "p50": 52, "p95": 25, "p99": 25},
}
