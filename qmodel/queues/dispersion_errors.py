"""Largest errors of paths of three stations that simulations show, in percent.

Written by docs/errors_of_tandems.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, int] = {
    "mean": 10,
    "p50": 17,
    "p95": 7,
    "p99": 10,
}
