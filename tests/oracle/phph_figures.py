"""Writes phph.csv: waits of PH/PH/c by the package phph, which shares no code with this one.

phph runs with NumPy below 2 only, so it has an environment of its own:

    python -m venv .oracle
    .oracle/bin/python -m pip install --group oracle
    .oracle/bin/python tests/oracle/phph_figures.py

`test_phph.py` reads the file.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "phph.csv"

Phases = tuple[list[float], list[list[float]]]


def erlang(n: int) -> Phases:
    """Return n phases in a row, of mean 1."""
    rates = n * (np.eye(n, k=1) - np.eye(n))
    return np.eye(n)[0].tolist(), rates.tolist()


DISTRIBUTIONS: dict[str, Phases] = {
    "M": erlang(1),
    "E2": erlang(2),
    "E4": erlang(4),
    "H2": ([0.05, 0.95], [[-1 / 6.4, 0.0], [0.0, -0.95 / 0.68]]),
    "H3": ([0.9, 0.09, 0.01], np.diag([-1 / 0.65, -1 / 3.9, -1 / 6.4]).tolist()),
    # A short phase, and with some probability a long one after it.
    "C2": ([1.0, 0.0], [[-2.0, 0.5], [0.0, -0.5]]),
}

GRID = [
    (arrivals, service, servers, load)
    for arrivals in ("M", "E2", "E4", "H2")
    for service in ("M", "E2", "H2", "H3", "C2")
    for servers in (1, 2, 4)
    for load in (0.5, 0.8)
    if (arrivals, service) != ("M", "M")
] + [("M", "H2", 16, 0.8), ("M", "H3", 8, 0.8), ("M", "E4", 6, 0.9)]


def figures(arrivals: Phases, service: Phases, servers: int, load: float) -> dict[str, float]:
    """Return what phph says of a queue."""
    import phph

    rate = load * servers
    queue: Any = phph.model(
        np.array(arrivals[0]), rate * np.array(arrivals[1]),
        np.array(service[0]), np.array(service[1]), servers, 1e-13,
    )  # fmt: skip
    mean = float(queue.meanWaitingTime())
    times = (mean, 4 * mean)
    return {
        "prob_wait": float(queue.probWait()),
        "mean_wait": mean,
        **{f"tail_{i}": float(queue.waitDist(t)) for i, t in enumerate(times)},
    }


def main() -> None:
    with FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "arrivals",
                "service",
                "servers",
                "load",
                "prob_wait",
                "mean_wait",
                "tail_0",
                "tail_1",
            ]
        )
        for arrivals, service, servers, load in GRID:
            found = figures(DISTRIBUTIONS[arrivals], DISTRIBUTIONS[service], servers, load)
            writer.writerow([arrivals, service, servers, load, *map(repr, found.values())])
            file.flush()


if __name__ == "__main__":
    main()
