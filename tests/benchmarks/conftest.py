"""Timings that mean something on a busy machine: interleaved ratios of CPU time."""

import ctypes
import os
import shutil
import statistics
import subprocess
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
def in_c(tmp_path_factory):
    """Return the function ``in_c(name, source, *flags)``, which compiles a function of C."""

    def compiled(name, source, *flags):
        cc = shutil.which("cc")
        assert cc, "this benchmark compiles its reference: install a C compiler"
        folder = tmp_path_factory.mktemp(name)
        (folder / f"{name}.c").write_text(source)
        command = [cc, "-O2", "-shared", "-fPIC", *flags, "-o", str(folder / f"{name}.so")]
        subprocess.run([*command, str(folder / f"{name}.c"), "-lm"], check=True)
        function = getattr(ctypes.CDLL(str(folder / f"{name}.so")), name)

        def call(*arguments):
            # An array goes in as a pointer to its numbers.
            function(*(getattr(x, "ctypes", x) for x in arguments))

        return call

    return compiled


@pytest.fixture(scope="session")
def interleaved():
    """Return the function ``ratio(subject, reference, rounds=9)``."""
    return ratio
