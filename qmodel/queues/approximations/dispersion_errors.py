"""Largest errors of paths of three stations that simulations show, in percent.

Written by docs/errors_of_tandems.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "three stations": {"mean": 4, "p50": 6, "p95": 6, "p99": 4},
    "rare long services": {"mean": 8, "p50": 11, "p95": 11, "p99": 8},
}
