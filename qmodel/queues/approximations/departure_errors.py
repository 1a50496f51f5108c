"""Largest errors of waits behind pools that simulations show, in percent.

Written by docs/errors_of_departures.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "other service": {"mean": 18, "p50": 20, "p95": 17, "p99": 13},
    "constant after constant service": {"mean": 6, "p50": 22, "p95": 19, "p99": 21},
    "split at random": {"mean": 10, "p50": 92, "p95": 9, "p99": 23},
    "constant work split at random": {"mean": 24, "p50": 100, "p95": 50, "p99": 135},
    "pool": {"mean": 12, "p50": 16, "p95": 8, "p99": 8},
}
