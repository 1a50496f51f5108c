"""Measures what each station costs, in evaluations of one bare incomplete gamma function.

    python docs/costs_of_stations.py

writes docs/reference/costs.csv, from which docs/generate.py takes the column of the page of
the stations. Each station is solved at a thousand loads at once, and a hundred percentiles
of its response are found; both are timed in turn with `scipy.special.gammaincc` at as many
points, and the ratio a point is rounded to one digit, so that another run writes much the
same.
"""

from __future__ import annotations

import csv
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import gammaincc

DOCS = Path(__file__).parent
SOLVED, FOUND, ROUNDS = 1000, 100, 3


def generator() -> Any:
    """Return docs/generate.py, which has an example of every station."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ratio(subject: Callable[[], object], points: int) -> float:
    """Return the time of `subject` a point, over that of the bare function."""
    a = np.random.default_rng(1).uniform(1.0, 64.0, 100_000)

    def seconds(f: Callable[[], object]) -> float:
        start = time.perf_counter()
        f()
        return time.perf_counter() - start

    subject()
    found = [
        seconds(subject) / points / (seconds(lambda: gammaincc(a + 1, 0.9 * a)) / len(a))
        for _ in range(ROUNDS)
    ]
    return statistics.median(found)


def rounded(x: float) -> str:
    """Return a number with one digit: what is left is the same on another machine."""
    return f"{float(f'{x:.0e}'):g}"


def main() -> None:
    """Write the table."""
    rows = []
    for station in generator().stations():
        for distribution, example in generator().variants(station).items():
            limit = float(np.minimum(example.max_rate, 100.0))
            rates = limit * np.linspace(0.05, 0.95, SOLVED)
            means = ratio(lambda e=example, r=rates: e.solve(r).waiting_time, SOLVED)
            response = example.solve(rates[:: SOLVED // FOUND]).response
            known = "percentiles" in example.solve(rates[0]).basis.grounds
            late = rounded(ratio(lambda r=response: r.quantile(0.99), FOUND)) if known else ""
            rows.append([station.__name__, distribution, rounded(means), late])
            print(*rows[-1], sep=", ")
    with (DOCS / "reference" / "costs.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["station", "service distribution", "means", "p99"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
