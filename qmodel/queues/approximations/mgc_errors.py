"""Largest errors of M/G/c that simulations show, in percent, by class of service.

Written by docs/errors_of_many_servers.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "SCV up to 4": {
        "mean": 3,
        "probability": 2,
        "p95": 3,
        "p99": 2,
        "response_p99": 1,
        "p50": 1,
        "p999": 1,
    },
    "SCV 9": {
        "mean": 2,
        "probability": 1,
        "p95": 1,
        "p99": 3,
        "response_p99": 6,
        "p999": 1,
    },
    "bounded Pareto": {
        "probability": 2,
        "p95": 6,
        "response_p99": 3,
        "mean": 4,
        "p99": 6,
        "p50": 3,
        "p999": 7,
    },
    "SCV below 1": {
        "mean": 3,
        "probability": 2,
        "p95": 3,
        "p99": 2,
        "response_p99": 2,
        "p50": 1,
        "p999": 2,
    },
    "two kinds": {
        "mean": 4,
        "probability": 2,
        "p95": 5,
        "p99": 4,
        "response_p99": 1,
        "p50": 1,
        "p999": 9,
    },
    "beside constant": {
        "mean": 1,
        "probability": 1,
        "p95": 2,
        "p99": 2,
        "response_p99": 2,
        "p50": 1,
        "p999": 4,
    },
    "one of two times": {
        "mean": 6,
        "probability": 1,
        "p50": 3,
        "p95": 8,
        "p99": 6,
        "p999": 3,
        "response_p99": 1,
    },
}
