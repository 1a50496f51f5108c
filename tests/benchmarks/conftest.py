"""Timings that mean something on a busy machine: interleaved ratios of CPU time."""

import os
import statistics
import time
from typing import NamedTuple

import pytest


class Ratio(NamedTuple):
    """Time of the subject over time of the reference: median and range of the rounds."""

    median: float
    low: float
    high: float

    def __str__(self):
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(subject, reference, rounds=9):
    """Time `subject` and `reference` in turn and return the ratio a round, as a Ratio."""

    def seconds(f):
        # Of this process and of those it has waited for: what others do is not in it.
        start = time.process_time() + sum(os.times()[2:4])
        f()
        return time.process_time() + sum(os.times()[2:4]) - start

    seconds(subject), seconds(reference)
    ratios = [seconds(subject) / seconds(reference) for _ in range(rounds)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


@pytest.fixture(scope="session")
def interleaved():
    """Return the function ``ratio(subject, reference, rounds=9)``."""
    return ratio
