"""Largest errors of GI/G/c that simulations show, in percent.

Written by docs/errors_of_renewal_arrivals.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "fitted phases, Pareto": {
        "mean": 15,
        "probability": 11,
        "p50": 10,
        "p95": 24,
        "p99": 9,
        "p999": 6,
        "response_p99": 1,
    },
    "fitted phases": {
        "mean": 10,
        "probability": 7,
        "p50": 3,
        "p95": 9,
        "p99": 6,
        "p999": 2,
        "response_p99": 2,
    },
    "corrected GI/M/c": {
        "mean": 72,
        "probability": 50,
        "p50": 18,
        "p95": 46,
        "p99": 64,
        "p999": 80,
        "response_p99": 18,
    },
    "corrected GI/M/c, Pareto": {
        "mean": 145,
        "probability": 343,
        "p50": 15,
        "p95": 156,
        "p99": 161,
        "p999": 324,
        "response_p99": 14,
    },
    "fitted phases, Pareto, median": {
        "mean": 2,
        "probability": 1,
        "p50": 1,
        "p95": 3,
        "p99": 1,
        "p999": 1,
        "response_p99": 1,
    },
    "fitted phases, median": {
        "mean": 1,
        "probability": 1,
        "p50": 1,
        "p95": 1,
        "p99": 1,
        "p999": 1,
        "response_p99": 1,
    },
    "corrected GI/M/c, median": {
        "mean": 11,
        "probability": 8,
        "p50": 6,
        "p95": 11,
        "p99": 14,
        "p999": 17,
        "response_p99": 1,
    },
    "corrected GI/M/c, Pareto, median": {
        "mean": 18,
        "probability": 11,
        "p50": 15,
        "p95": 20,
        "p99": 20,
        "p999": 30,
        "response_p99": 1,
    },
}
