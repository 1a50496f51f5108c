"""Largest errors of paths of two to five stations that simulations show, in percent.

Written by docs/errors_of_tandems.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV to 4": {"mean": 5, "p50": 7, "p95": 10, "p99": 10},
    "SCV above 4": {"mean": 11, "p50": 50, "p95": 16, "p99": 28},
}
