"""Largest errors of paths of two to five stations that simulations show, in percent.

Written by docs/errors_of_tandems.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV to 4": {"mean": 5, "p50": 7, "p95": 6, "p99": 7},
    "SCV above 4": {"mean": 12, "p50": 53, "p95": 22, "p99": 24},
}
