"""Measures paths of three stations against simulations, and writes the table that labels read.

    python docs/errors_of_tandems.py [REQUESTS]
    python docs/errors_of_tandems.py again

simulates each point with as many requests (by default 2,000,000, and five times as many where
all stations have one server; four minutes in all) and writes
docs/reference/errors-of-tandems.csv, a page of the same name and
qmodel/queues/dispersion_errors.py; "again" keeps what is simulated and measures only the
library anew. tests/unit/test_dispersion_errors.py computes the errors again from what is
simulated.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from errors_of_many_servers import BATCHES, FAMILIES, ROOT, oracle

import qmodel as qm

TABLE = ROOT / "docs" / "reference" / "errors-of-tandems.csv"
PAGE = TABLE.with_suffix(".md")
MODULE = ROOT / "qmodel" / "queues" / "dispersion_errors.py"
QUANTITIES = ("mean", "p50", "p95", "p99")

Place = tuple[str, float, int, float]
"""Family and SCV of the service, servers, load of a station."""

LOGNORMAL4, LOGNORMAL2, GAMMA = ("lognormal", 4.0), ("lognormal", 2.0), ("gamma", 0.25)
ONE, CONSTANT, UNIFORM = ("gamma", 1.0), ("constant", 0.0), ("uniform", 0.3333)


def _equal(first: Any, second: Any, third: Any, servers: int, load: float) -> tuple[Place, ...]:
    return tuple((*service, servers, load) for service in (first, second, third))


POINTS: list[tuple[Place, ...]] = [
    *(_equal(LOGNORMAL4, ONE, ONE, 1, load) for load in (0.5, 0.8, 0.95)),
    *(_equal(LOGNORMAL4, LOGNORMAL4, LOGNORMAL4, 1, load) for load in (0.5, 0.7, 0.9)),
    *(_equal(LOGNORMAL2, LOGNORMAL2, LOGNORMAL2, 4, load) for load in (0.5, 0.8, 0.9)),
    *(_equal(LOGNORMAL4, LOGNORMAL4, LOGNORMAL4, c, 0.85) for c in (4, 16)),
    *(_equal(CONSTANT, ONE, ONE, 1, load) for load in (0.5, 0.8, 0.95)),
    *(_equal(CONSTANT, ONE, ONE, 4, load) for load in (0.5, 0.8, 0.9)),
    *(_equal(GAMMA, GAMMA, GAMMA, c, 0.85) for c in (1, 4, 16)),
    *(_equal(CONSTANT, CONSTANT, ONE, 2, load) for load in (0.6, 0.85)),
    _equal(ONE, CONSTANT, ONE, 1, 0.8),
    _equal(ONE, LOGNORMAL4, CONSTANT, 2, 0.8),
    _equal(UNIFORM, LOGNORMAL2, UNIFORM, 2, 0.8),
    ((*LOGNORMAL4, 4, 0.9), (*ONE, 8, 0.5), (*LOGNORMAL2, 2, 0.8)),
    ((*LOGNORMAL4, 8, 0.6), (*LOGNORMAL2, 2, 0.9), (*ONE, 1, 0.7)),
    ((*CONSTANT, 1, 0.9), (*GAMMA, 2, 0.6), (*ONE, 1, 0.9)),
    ((*GAMMA, 4, 0.9), (*ONE, 1, 0.9), (*LOGNORMAL4, 4, 0.7)),
]


def simulated(places: tuple[Place, ...], requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the whole path and its standard error, by means of batches."""
    sim, rng = oracle(), np.random.default_rng(seed)
    # One server is quick to simulate, and long correlated at high load.
    requests *= 5 if all(servers == 1 for _, _, servers, _ in places) else 1
    arrivals = times = sim.poisson(rng, 1.0, requests)
    for family, scv, servers, load in places:
        services = servers * load * FAMILIES[family].draw(scv)(rng, requests)
        times = sim.fcfs(times, services, servers)
    response = sim.settled(times - arrivals)
    found = []
    for of in (np.mean, *(lambda x, p=p: np.quantile(x, p) for p in (0.5, 0.95, 0.99))):
        each = [float(of(part)) for part in np.array_split(response, BATCHES)]
        found.append((float(of(response)), float(np.std(each, ddof=1) / np.sqrt(BATCHES))))
    return found


def computed(places: tuple[Place, ...]) -> list[float]:
    """Return each quantity as the library has it."""
    calls = []
    for i, (family, scv, servers, load) in enumerate(places):
        law = FAMILIES[family].law(scv)
        station = qm.MGc(qm.Scaled(law, servers * load), servers)
        if (family, scv) == ONE:
            station = qm.MMc(servers * load, servers)
        elif (family, scv) == CONSTANT:
            station = qm.MDc(servers * load, servers)
        calls.append(qm.call(f"s{i}", station))
    latency = qm.Pipeline(qm.series(*calls)).solve(1.0).latency
    return [float(latency.mean), *(float(latency.quantile(p)) for p in (0.5, 0.95, 0.99))]


def named(places: tuple[Place, ...]) -> str:
    """Return the stations in words: family and SCV, servers, load."""
    return "; ".join(f"{f} {scv:g}, {c}, {load:g}" for f, scv, c, load in places)


def rows(requests: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table: the simulated value, its error and that of the library."""
    for seed, places in enumerate(POINTS):
        values = zip(
            QUANTITIES, computed(places), simulated(places, requests, seed), strict=True
        )
        for name, value, (exact, error) in values:
            row = {
                "stations": named(places), "quantity": name, "simulated": f"{exact:.6g}",
                "standard_error_percent": f"{100 * error / exact:.2f}",
                "error_percent": f"{100 * (value / exact - 1):+.2f}",
            }  # fmt: skip
            yield row
            print(*row.values(), flush=True)


def read() -> list[dict[str, str]]:
    """Return the rows of the table."""
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def measured_again() -> list[dict[str, str]]:
    """Return the rows of the table with the errors that the library has now."""
    ours = {named(places): computed(places) for places in POINTS}
    table = read()
    for row in table:
        value = ours[row["stations"]][QUANTITIES.index(row["quantity"])]
        row["error_percent"] = f"{100 * (value / float(row['simulated']) - 1):+.2f}"
    return table


def established(table: list[dict[str, str]]) -> dict[str, int]:
    """Return the largest error of each quantity, in whole percent, rounded up.

    What a standard error of a simulation explains is no error.
    """
    worst = dict.fromkeys(QUANTITIES, 1)
    for row in table:
        error = abs(float(row["error_percent"])) - float(row["standard_error_percent"])
        worst[row["quantity"]] = max(worst[row["quantity"]], int(np.ceil(error)))
    return worst


HEAD = """# Errors of paths

What leaves M/G/c with general service is no Poisson stream. The library follows how variable it
is from station to station (`qmodel.queues.dispersion`); times at the stations are taken as
independent. Here is the error of the time through three stations, in percent, against
simulations ([with their standard errors](errors-of-tandems.csv)). A station is its service with
its SCV, its servers, its load. The labels of results read the largest of these.

Written by `python docs/errors_of_tandems.py`.

"""


def page(table: list[dict[str, str]]) -> str:
    """Return the page of all errors."""
    lines = ["| stations | " + " | ".join(QUANTITIES) + " |", "|---" * 5 + "|"]
    for stations in dict.fromkeys(row["stations"] for row in table):
        errors = [row["error_percent"] for row in table if row["stations"] == stations]
        lines.append(f"| {stations} | " + " | ".join(f"{float(e):+.1f}" for e in errors) + " |")
    return HEAD + "\n".join([*lines, ""])


def written(worst: dict[str, int]) -> str:
    """Return the module that the labels read."""
    numbers = "\n".join(f'    "{quantity}": {error},' for quantity, error in worst.items())
    return (
        '"""Largest errors of paths of three stations that simulations show, in percent.\n\n'
        "Written by docs/errors_of_tandems.py from its table of all points.\n"
        '"""\n\nfrom __future__ import annotations\n\n__all__ = ["WORST"]\n\n'
        f"WORST: dict[str, int] = {{\n{numbers}\n}}\n"
    )


def main() -> None:
    """Write the table, the page and the module."""
    what = sys.argv[1] if len(sys.argv) > 1 else "2000000"
    found = measured_again() if what == "again" else list(rows(int(what)))
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    PAGE.write_text(page(found))
    MODULE.write_text(written(established(found)))


if __name__ == "__main__":
    main()
