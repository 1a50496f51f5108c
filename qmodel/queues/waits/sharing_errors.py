"""Largest errors of responses of shared servers that simulations show, in percent.

Written by docs/errors_of_sharing.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV below 0.3": {"mean": 1, "p50": 5, "p95": 4, "p99": 3},
    "SCV from 0.3": {"mean": 1, "p50": 4, "p95": 2, "p99": 3},
}
