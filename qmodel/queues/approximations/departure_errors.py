"""Largest errors of waits behind pools that simulations show, in percent.

Written by docs/errors_of_departures.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "other service": {"mean": 18, "p50": 20, "p95": 17, "p99": 13},
    "constant after constant service": {"mean": 19, "p50": 44, "p95": 23, "p99": 21},
    "pool": {"mean": 11, "p50": 15, "p95": 6, "p99": 8},
}
