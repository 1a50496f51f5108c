"""Measures the waits of M/G/c against simulations, and writes the table that the labels read.

    python docs/errors_of_many_servers.py [REQUESTS]
    python docs/errors_of_many_servers.py again

simulates each point with as many requests (by default 1,500,000, of two kinds of request and of
Pareto service of other shapes than 1.5 five times as many; some seconds a point) and
writes docs/reference/errors-of-many-servers.csv, a page of the same name and
qmodel/queues/approximations/mgc_errors.py; "again" keeps what is simulated, simulates new
points, and measures the library anew. Service of phase type is exact and is not in the table;
tests/unit/test_mgc_errors.py computes the errors again from the simulated values, and simulates
a point anew.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import qmodel as qm

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "reference" / "errors-of-many-servers.csv"
PAGE = TABLE.with_suffix(".md")
MODULE = ROOT / "qmodel" / "queues" / "approximations" / "mgc_errors.py"
QUANTITIES = ("mean", "probability", "p50", "p95", "p99", "response_p99")
BATCHES = 20

Draw = Callable[[np.random.Generator, int], np.ndarray]


class Family(NamedTuple):
    """A family of service distributions of mean 1, by its SCV."""

    distribution: Callable[[float], qm.Distribution]
    draw: Callable[[float], Draw]


def _bounded(shape: float, most: float) -> Family:
    """Return Pareto distributions of a shape, to so many times their least."""
    least = 1 / float(qm.Pareto(1.0, shape, most).mean)
    end = 1 - most**-shape
    return Family(
        lambda scv: qm.Pareto(least, shape, most * least),
        lambda scv: lambda rng, n: least * (1 - end * rng.random(n)) ** (-1 / shape),
    )


def _draw_lognormal(scv: float) -> Draw:
    sigma = np.sqrt(np.log1p(scv))
    return lambda rng, n: rng.lognormal(-(sigma**2) / 2, sigma, n)


def _two_phases(scv: float) -> tuple[float, float]:
    """Return the shares of two exponential phases with the same work in each."""
    first = (1 + np.sqrt((scv - 1) / (scv + 1))) / 2
    return float(first), float(1 - first)


def _hyperexponential(scv: float) -> qm.Distribution:
    shares = _two_phases(scv)
    return qm.HyperExponential(shares, tuple(1 / (2 * p) for p in shares))


def _draw_hyperexponential(scv: float) -> Draw:
    shares = np.array(_two_phases(scv))
    return lambda rng, n: rng.exponential(1 / (2 * shares)[rng.choice(2, n, p=shares)])


def _one_in_a_hundred() -> qm.Distribution:
    """Return a time that is a hundred times as long for one request in a hundred."""
    return qm.Mixture((0.99, 0.01), (qm.Deterministic(1 / 1.99), qm.Deterministic(100 / 1.99)))


def _draw_one(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.where(rng.random(n) < 0.99, 1.0, 100.0) / 1.99


def _two_lognormals() -> qm.Distribution:
    """Return a time that is thirty times as long for one request in fifty."""
    parts = (qm.LogNormal(1 / 1.58, 0.5), qm.LogNormal(30 / 1.58, 0.3))
    return qm.Mixture((0.98, 0.02), parts)


def _draw_two(rng: np.random.Generator, n: int) -> np.ndarray:
    short, long = (_draw_lognormal(scv)(rng, n) for scv in (0.5, 0.3))
    return np.where(rng.random(n) < 0.98, short, 30 * long) / 1.58


FAMILIES = {
    "lognormal": Family(lambda scv: qm.LogNormal(1.0, scv), _draw_lognormal),
    "gamma": Family(
        lambda scv: qm.Gamma(1.0, scv), lambda scv: lambda rng, n: rng.gamma(1 / scv, scv, n)
    ),
    "bounded Pareto": _bounded(1.5, 1000.0),
    "Pareto 1.4 to 300": _bounded(1.4, 300.0),
    "Pareto 1.8 to 10,000": _bounded(1.8, 10_000.0),
    "Pareto 2.0 to 3,000": _bounded(2.0, 3000.0),
    "Pareto 2.2 to 10,000": _bounded(2.2, 10_000.0),
    "Pareto 2.5 to 1,000": _bounded(2.5, 1000.0),
    "uniform": Family(
        lambda scv: qm.Uniform(0.0, 2.0), lambda scv: lambda rng, n: rng.uniform(0.0, 2.0, n)
    ),
    "two times": Family(
        lambda scv: qm.Mixture((0.9, 0.1), (qm.Deterministic(0.5), qm.Deterministic(5.5))),
        lambda scv: lambda rng, n: np.where(rng.random(n) < 0.9, 0.5, 5.5),
    ),
    "two near times": Family(
        lambda scv: qm.Mixture(
            (0.34, 0.66), (qm.Deterministic(0.85), qm.Deterministic(0.711 / 0.66))
        ),
        lambda scv: lambda rng, n: np.where(rng.random(n) < 0.34, 0.85, 0.711 / 0.66),
    ),
    "one in a hundred": Family(lambda scv: _one_in_a_hundred(), lambda scv: _draw_one),
    "two lognormals": Family(lambda scv: _two_lognormals(), lambda scv: _draw_two),
    "hyperexponential": Family(_hyperexponential, _draw_hyperexponential),
    "shifted": Family(  # exponential from a least time on
        lambda scv: qm.Sum((qm.Deterministic(1 - scv**0.5), qm.Exponential(scv**0.5))),
        lambda scv: lambda rng, n: 1 - scv**0.5 + rng.exponential(scv**0.5, n),
    ),
    "constant": Family(
        lambda scv: qm.Deterministic(1.0), lambda scv: lambda rng, n: np.ones(n)
    ),
}

POINTS = (
    [
        (family, scv, servers, load)
        for family, scvs in {
            "lognormal": (0.1, 0.25, 0.5, 2.0, 4.0, 9.0),
            "gamma": (0.3, 2.0, 4.0),
            "bounded Pareto": (9.9,),
            "uniform": (0.3333,),
            "constant": (0.0,),
            "two times": (2.25,),
            "two lognormals": (8.9,),
            "one in a hundred": (24.5,),
        }.items()
        for scv in scvs
        for servers, load in ((2, 0.3), (2, 0.8), (4, 0.5), (8, 0.8), (16, 0.8), (64, 0.95))
        if family in ("lognormal", "gamma") or servers in (2, 4, 16)
    ]
    + [
        # Where a percentile lies between the waits for the one kind and for the other.
        (family, scv, servers, load)
        for family, scv in (
            ("two times", 2.25),
            ("two lognormals", 8.9),
            ("one in a hundred", 24.5),
        )
        for servers, load in ((2, 0.5), (4, 0.7))
    ]
    + [
        (family, scv, servers, load)
        for family, scv in (
            ("Pareto 1.4 to 300", 6.38),
            ("Pareto 1.8 to 10,000", 8.45),
            ("Pareto 2.0 to 3,000", 3.0),
            ("Pareto 2.2 to 10,000", 1.75),
            ("Pareto 2.5 to 1,000", 0.75),
        )
        # To 10,000 times the least, at loads that the others carry during a longest service:
        # else these are too few requests for a mean.
        for servers, load in (
            (2, 0.6),
            (4, 0.5),
            (4, 0.7 if "10,000" in family else 0.8),
            (8, 0.7),
            (16, 0.8),
        )
    ]
)


def oracle() -> ModuleType:
    """Return the simulator, which is no part of the package."""
    path = ROOT / "tests" / "oracle" / "simulator.py"
    spec = importlib.util.spec_from_file_location("oracle_simulator", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def simulated(
    family: str, scv: float, servers: int, load: float, requests: int, seed: int
) -> list[tuple[float, float]]:
    """Return each quantity and its standard error, by means of batches."""
    sim, rng = oracle(), np.random.default_rng(seed)
    arrivals = sim.poisson(rng, load * servers, requests)
    services = FAMILIES[family].draw(scv)(rng, requests)
    response = sim.settled(sim.several(arrivals, services, servers) - arrivals)
    wait = np.maximum(response - sim.settled(services), 0.0)
    wait[wait < 1e-9] = 0.0
    found = []
    for times, of in (
        (wait, np.mean),
        (wait, lambda x: np.mean(x > 0)),
        *((wait, lambda x, p=p: np.quantile(x, p)) for p in (0.5, 0.95, 0.99)),
        (response, lambda x: np.quantile(x, 0.99)),
    ):
        each = [float(of(part)) for part in np.array_split(times, BATCHES)]
        found.append((float(of(times)), float(np.std(each, ddof=1) / np.sqrt(BATCHES))))
    return found


def computed(family: str, scv: float, servers: int, load: float) -> list[float]:
    """Return each quantity as the library has it."""
    r = qm.MGc(FAMILIES[family].distribution(scv), servers).solve(load * servers)
    assert r.wait is not None
    late = [float(r.wait.quantile(p)) for p in (0.5, 0.95, 0.99)]
    response = float(r.response.quantile(0.99))
    return [float(r.waiting_time), float(r.wait.tail(0.0)), *late, response]


def rows(requests: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table: the simulated value, its error and that of the library."""
    for seed, point in enumerate(POINTS):
        yield from at(point, requests, seed)


def at(point: Any, requests: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of one point."""
    ours = computed(*point)
    if (point[0] in KINDS and point[2] <= 4) or "Pareto " in point[0]:
        requests *= 5  # What few requests decide takes many.
    for name, value, (exact, error) in zip(
        QUANTITIES, ours, simulated(*point, requests, seed), strict=True
    ):
        if exact > 1e-3 and error < 0.03 * exact:
            yield {
                "family": point[0], "scv": point[1], "servers": point[2], "load": point[3],
                "quantity": name, "simulated": f"{exact:.6g}",
                "standard_error_percent": f"{100 * error / exact:.2f}",
                "error_percent": f"{100 * (value / exact - 1):+.2f}",
            }  # fmt: skip
    print(*point, flush=True)


def read() -> list[dict[str, str]]:
    """Return the rows of the table."""
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def measured_again(requests: int) -> list[dict[str, str]]:
    """Return the rows with the errors that the library has now; new points are simulated."""
    points: dict[tuple[str, ...], list[float]] = {}
    table = read()
    for row in table:
        family, *numbers = key = tuple(row[k] for k in ("family", "scv", "servers", "load"))
        if key not in points:
            scv, servers, load = float(numbers[0]), int(numbers[1]), float(numbers[2])
            points[key] = computed(family, scv, servers, load)
        value = points[key][QUANTITIES.index(row["quantity"])]
        row["error_percent"] = f"{100 * (value / float(row['simulated']) - 1):+.2f}"
    for seed, point in enumerate(POINTS):
        if tuple(map(str, point)) not in points:
            table += [{k: str(v) for k, v in row.items()} for row in at(point, requests, seed)]
    return table


KINDS = ("two times", "two lognormals", "one in a hundred")
CLASSES = {
    "SCV up to 4": lambda r: r["family"] in ("lognormal", "gamma") and 1 < float(r["scv"]) <= 4,
    "SCV 9": lambda r: r["family"] == "lognormal" and float(r["scv"]) == 9,
    "bounded Pareto": lambda r: "Pareto" in r["family"],
    "two kinds": lambda r: r["family"] in KINDS,
    "SCV below 1": lambda r: float(r["scv"]) < 1 and "Pareto" not in r["family"],
}


def established(table: list[dict[str, str]]) -> dict[str, dict[str, int]]:
    """Return the largest error of each class and quantity, in whole percent, rounded up.

    What a standard error of a simulation explains is no error.
    """
    found: dict[str, dict[str, int]] = {}
    for name, has in CLASSES.items():
        for row in filter(has, table):
            error = abs(float(row["error_percent"]))
            error = max(error - float(row["standard_error_percent"]), 0.0)
            worst = found.setdefault(name, {})
            worst[row["quantity"]] = max(worst.get(row["quantity"], 1), int(np.ceil(error)))
    return found


def written(worst: dict[str, dict[str, int]]) -> str:
    """Return the module that the labels read."""
    lines = [
        '"""Largest errors of M/G/c that simulations show, in percent, by class of service.',
        "",
        "Written by docs/errors_of_many_servers.py from its table of all points.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        '__all__ = ["WORST"]',
        "",
        "WORST: dict[str, dict[str, int]] = {",
    ]
    for name, errors in worst.items():
        lines.append(f'    "{name}": {{')
        lines += [f'        "{quantity}": {error},' for quantity, error in errors.items()]
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


HEAD = """# Errors of M/G/c

`MGc` is exact where service is of phase type (exponential, Erlang, hyperexponential, sums and
mixtures of them), where it is constant, and with one server. Elsewhere it was measured against
simulations of lognormal, gamma, bounded Pareto (of shapes from 1.4 to 2.5, to 300 to 10,000
times its least) and uniform service, and of service of two kinds (of one of two times, 0.5 or,
of a tenth of the requests, 5.5; a hundred times as long for one request in a hundred; lognormal
times of which one in fifty is thirty times as long), on 2 to 64
servers at loads from 0.3 to 0.95: [all points](errors-of-many-servers.csv), with the simulated
values and their standard errors; figures with one above 3 % are left out. Here is the largest
error of each kind in percent, less the standard error of its simulation, rounded up. The labels
of results read the same numbers.

Written by `python docs/errors_of_many_servers.py`.

"""


def page(worst: dict[str, dict[str, int]]) -> str:
    """Return the page of the largest errors."""
    names = {q: q.replace("probability", "P(wait)").replace("_p99", " p99") for q in QUANTITIES}
    lines = [
        "| service | " + " | ".join(names.values()) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for name, errors in worst.items():
        cells = [str(errors[q]) if q in errors else "-" for q in QUANTITIES]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return HEAD + "\n".join([*lines, ""])


def main() -> None:
    """Write the table, the page and the module."""
    what = sys.argv[1] if len(sys.argv) > 1 else "1500000"
    found = measured_again(1_500_000) if what == "again" else list(rows(int(what)))
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    worst = established(found)
    PAGE.write_text(page(worst))
    MODULE.write_text(written(worst))


if __name__ == "__main__":
    main()
