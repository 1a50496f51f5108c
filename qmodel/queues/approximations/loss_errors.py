"""Largest errors of losses of streams that are not Poisson that simulations show, in percent.

Written by docs/errors_of_losses.py from its table of all points.
"""

from __future__ import annotations

__all__ = ["WORST"]

WORST: dict[str, dict[str, int]] = {
    "Poisson arrivals": {"lost": 2, "mean": 1, "p99": 1, "next": 18},
    "room behind SCV from 1": {"lost": 12, "mean": 5, "p99": 12, "next": 27},
    "room behind SCV below 1": {"lost": 29, "mean": 3, "p99": 5, "next": 24},
    "limit behind SCV from 1": {"lost": 14, "mean": 1, "p99": 1, "next": 14},
    "limit behind SCV below 1": {"lost": 12, "mean": 1, "p99": 1, "next": 10},
}
