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
PROBABILITIES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
QUANTITIES = ("mean", "probability", *PROBABILITIES, "response_p99")
BATCHES = 20

Draw = Callable[[np.random.Generator, int], np.ndarray]


class Family(NamedTuple):
    """A family of service distributions of mean 1, by its SCV."""

    distribution: Callable[[float], qm.Distribution]
    draw: Callable[[float], Draw]


def bounded(shape: float, most: float) -> Family:
    """Return Pareto distributions of a shape, to so many times their least."""
    least = 1 / float(qm.Pareto(1.0, shape, most).mean)
    end = 1 - most**-shape
    return Family(
        lambda scv: qm.Pareto(least, shape, most * least),
        lambda scv: lambda rng, n: least * (1 - end * rng.random(n)) ** (-1 / shape),
    )


def one_of(share: float, ratio: float) -> Family:
    """Return one of two times: of so large a share of the requests it is longer by a ratio."""
    short = 1 / (1 - share + share * ratio)
    times = qm.Deterministic(short), qm.Deterministic(ratio * short)
    return Family(
        lambda scv: qm.Mixture((1 - share, share), times),
        lambda scv: lambda rng, n: np.where(rng.random(n) < share, ratio, 1.0) * short,
    )


def tailed(scv: float, share: float, start: float, shape: float, most: float) -> Family:
    """Return lognormal times, and a share of Pareto ones from `start` times their mean on."""
    pareto = qm.Pareto(start, shape, start * most)
    unit = 1 / (1 - share + share * float(pareto.mean))
    end = 1 - most**-shape

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        long = start * (1 - end * rng.random(n)) ** (-1 / shape)
        return np.where(rng.random(n) < share, long, _draw_lognormal(scv)(rng, n)) * unit

    parts = qm.LogNormal(unit, scv), qm.Pareto(unit * start, shape, unit * start * most)
    return Family(lambda _: qm.Mixture((1 - share, share), parts), lambda _: draw)


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


def _half(scv: float) -> float:
    """Return half the width of a uniform time of mean 1."""
    return float(min(np.sqrt(3 * scv), 1.0))


FAMILIES = {
    "lognormal": Family(lambda scv: qm.LogNormal(1.0, scv), _draw_lognormal),
    "gamma": Family(
        lambda scv: qm.Gamma(1.0, scv), lambda scv: lambda rng, n: rng.gamma(1 / scv, scv, n)
    ),
    "bounded Pareto": bounded(1.5, 1000.0),
    "Pareto 1.4 to 300": bounded(1.4, 300.0),
    "Pareto 1.8 to 10,000": bounded(1.8, 10_000.0),
    "Pareto 2.0 to 3,000": bounded(2.0, 3000.0),
    "Pareto 2.2 to 10,000": bounded(2.2, 10_000.0),
    "Pareto 2.5 to 1,000": bounded(2.5, 1000.0),
    "Pareto 4.0 to 1,000": bounded(4.0, 1000.0),
    "Pareto 3.0 to 100": bounded(3.0, 100.0),
    "Pareto 2.0 to 10": bounded(2.0, 10.0),
    **{
        f"Pareto {shape:g} to {most:,}": bounded(shape, most)
        for shape, most in (
            (2.14, 1750),
            (1.71, 122),
            (1.86, 868),
            (2.15, 239),
            (1.78, 469),
            (1.32, 328),
        )
    },
    **{
        f"lognormal and Pareto {shape:g} to {most:,}": tailed(scv, share, start, shape, most)
        for scv, share, start, shape, most in (
            (0.2, 0.02, 2.0, 3.5, 100),
            (0.85, 0.025, 4.7, 2.26, 653),
            (0.22, 0.071, 5.6, 1.62, 70),
            (0.83, 0.012, 5.7, 2.52, 167),
            (0.7, 0.092, 5.3, 1.74, 31),
            (0.8, 0.03, 5.0, 2.46, 152),
            (0.53, 0.054, 5.7, 2.03, 159),
            (0.72, 0.01, 4.6, 2.33, 326),
            (0.23, 0.016, 3.0, 1.62, 151),
            (0.29, 0.042, 5.5, 2.77, 762),
            (0.91, 0.045, 4.8, 1.82, 32),
            (0.2, 0.051, 2.5, 2.48, 99),
            (0.97, 0.019, 2.1, 2.51, 48),
        )
    },
    **{
        f"{share:.0%} of {ratio:g} times": one_of(share, ratio)
        for share, ratio in (
            (0.12, 3.6),
            (0.21, 4.0),
            (0.26, 4.4),
            (0.22, 4.4),
            (0.04, 10.6),
            (0.05, 13.1),
            (0.06, 29.9),
            (0.05, 9.2),
            (0.06, 20.7),
            (0.03, 26.1),
        )
    },
    "uniform": Family(
        lambda scv: qm.Uniform(*(1 + np.array([-1, 1]) * _half(scv))),
        lambda scv: lambda rng, n: rng.uniform(1 - _half(scv), 1 + _half(scv), n),
    ),
    "triangular": Family(  # the sum of two uniform times
        lambda scv: qm.Sum((qm.Uniform(*(0.5 + np.array([-0.5, 0.5]) * _half(2 * scv))),) * 2),
        lambda scv: lambda rng, n: 1 + _half(2 * scv) * (rng.random((2, n)).sum(axis=0) - 1),
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
    "even times": Family(  # one of two, as often
        lambda scv: qm.Mixture(
            (0.5, 0.5), (qm.Deterministic(1 - scv**0.5), qm.Deterministic(1 + scv**0.5))
        ),
        lambda scv: lambda rng, n: 1 + scv**0.5 * np.where(rng.random(n) < 0.5, -1.0, 1.0),
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

# Drawn at random, of families that had not been looked at when the formulas were made.
DRAWN = (
    ("lognormal", 0.11, 8, 0.54),
    ("gamma", 0.68, 24, 0.79),
    ("uniform", 0.208, 2, 0.62),
    ("shifted", 0.69, 2, 0.46),
    ("12% of 3.6 times", 0.4147, 5, 0.89),
    ("Pareto 4.0 to 1,000", 0.125, 3, 0.36),
    ("Pareto 3.0 to 100", 0.3203, 8, 0.9),
    ("Pareto 2.0 to 10", 0.4071, 12, 0.79),
    ("triangular", 0.1067, 4, 0.82),
    ("lognormal and Pareto 3.5 to 100", 0.2694, 3, 0.92),
    ("lognormal", 0.07, 6, 0.63),
    ("gamma", 0.25, 16, 0.65),
    ("uniform", 0.1633, 6, 0.64),
    ("shifted", 0.22, 16, 0.63),
    ("21% of 4 times", 0.562, 64, 0.9),
    ("Pareto 4.0 to 1,000", 0.125, 3, 0.88),
    ("Pareto 3.0 to 100", 0.3203, 2, 0.41),
    ("Pareto 2.0 to 10", 0.4071, 24, 0.91),
    ("triangular", 0.1633, 6, 0.62),
    ("lognormal and Pareto 3.5 to 100", 0.2694, 6, 0.84),
    ("lognormal", 0.07, 12, 0.7),
    ("gamma", 0.11, 4, 0.35),
    ("uniform", 0.1323, 2, 0.61),
    ("shifted", 0.2, 48, 0.74),
    ("26% of 4.4 times", 0.6266, 64, 0.84),
    ("Pareto 4.0 to 1,000", 0.125, 48, 0.85),
    ("Pareto 3.0 to 100", 0.3203, 3, 0.46),
    ("Pareto 2.0 to 10", 0.4071, 5, 0.78),
    ("triangular", 0.0523, 4, 0.35),
    ("lognormal and Pareto 3.5 to 100", 0.2694, 24, 0.91),
    ("lognormal", 0.37, 6, 0.54),
    ("gamma", 0.42, 10, 0.85),
    ("uniform", 0.0456, 6, 0.66),
    ("shifted", 0.51, 3, 0.6),
    ("22% of 4.4 times", 0.6492, 64, 0.95),
    ("Pareto 4.0 to 1,000", 0.125, 48, 0.82),
    ("Pareto 3.0 to 100", 0.3203, 24, 0.78),
    ("Pareto 2.0 to 10", 0.4071, 4, 0.88),
    ("triangular", 0.0308, 2, 0.72),
    ("lognormal and Pareto 3.5 to 100", 0.2694, 48, 0.73),
    ("lognormal", 1.91, 12, 0.53),
    ("gamma", 2.33, 64, 0.9),
    ("lognormal and Pareto 2.26 to 653", 3.0644, 16, 0.9),
    ("lognormal and Pareto 1.62 to 70", 9.974, 10, 0.73),
    ("Pareto 2.14 to 1,750", 1.814, 5, 0.83),
    ("4% of 10.6 times", 1.8476, 48, 0.86),
    ("lognormal", 1.34, 2, 0.47),
    ("gamma", 3.7, 2, 0.78),
    ("lognormal and Pareto 2.52 to 167", 1.9394, 6, 0.62),
    ("lognormal and Pareto 1.74 to 31", 5.8621, 6, 0.56),
    ("Pareto 1.71 to 122", 2.2905, 10, 0.55),
    ("5% of 13.1 times", 2.6997, 3, 0.37),
    ("lognormal", 4.09, 12, 0.59),
    ("gamma", 3.18, 3, 0.81),
    ("lognormal and Pareto 2.46 to 152", 2.5855, 48, 0.9),
    ("lognormal and Pareto 2.03 to 159", 6.5796, 10, 0.87),
    ("Pareto 1.86 to 868", 3.5105, 64, 0.87),
    ("6% of 29.9 times", 6.302, 12, 0.55),
    ("lognormal", 4.84, 6, 0.54),
    ("gamma", 4.21, 32, 0.76),
    ("lognormal and Pareto 2.33 to 326", 1.5963, 16, 0.86),
    ("lognormal and Pareto 1.62 to 151", 2.8809, 64, 0.9),
    ("Pareto 2.15 to 239", 1.3058, 4, 0.82),
    ("5% of 9.2 times", 1.6065, 48, 0.8),
    ("lognormal", 2.18, 4, 0.58),
    ("gamma", 1.54, 3, 0.46),
    ("lognormal and Pareto 2.77 to 762", 2.319, 2, 0.53),
    ("lognormal and Pareto 1.82 to 32", 4.5138, 2, 0.53),
    ("Pareto 1.78 to 469", 3.5326, 5, 0.81),
    ("6% of 20.7 times", 4.5973, 24, 0.89),
    ("lognormal", 2.6, 3, 0.5),
    ("gamma", 4.46, 8, 0.53),
    ("lognormal and Pareto 2.48 to 99", 0.9273, 4, 0.55),
    ("lognormal and Pareto 2.51 to 48", 1.0864, 3, 0.79),
    ("Pareto 1.32 to 328", 7.077, 4, 0.8),
    ("3% of 26.1 times", 5.9659, 6, 0.8),
)
POINTS.extend(DRAWN)


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
    rng = np.random.default_rng(seed)
    arrivals = oracle().poisson(rng, load * servers, requests)
    return seen(arrivals, FAMILIES[family].draw(scv)(rng, requests), servers)


def seen(arrivals: np.ndarray, services: np.ndarray, servers: int) -> list[tuple[float, float]]:
    """Return each quantity of requests served first come, first served, and its error."""
    sim = oracle()
    response = sim.settled(sim.several(arrivals, services, servers) - arrivals)
    wait = np.maximum(response - sim.settled(services), 0.0)
    wait[wait < 1e-9] = 0.0
    found = []
    for times, of in (
        (wait, np.mean),
        (wait, lambda x: np.mean(x > 0)),
        *((wait, lambda x, p=p: np.quantile(x, p)) for p in PROBABILITIES.values()),
        (response, lambda x: np.quantile(x, 0.99)),
    ):
        each = [float(of(part)) for part in np.array_split(times, BATCHES)]
        found.append((float(of(times)), float(np.std(each, ddof=1) / np.sqrt(BATCHES))))
    return found


def solved(family: str, scv: float, servers: int, load: float) -> qm.StationResult:
    """Return the steady state of a point."""
    return qm.MGc(FAMILIES[family].distribution(scv), servers).solve(load * servers)


def ground(family: str, scv: float, servers: int, load: float) -> str:
    """Return the assumption that the wait rests on beside the model; none where it is exact."""
    assumptions = solved(family, scv, servers, load).basis.assumptions("wait")
    return next((a for a in GROUNDS if a in assumptions), "")


def computed(family: str, scv: float, servers: int, load: float) -> list[float]:
    """Return each quantity as the library has it."""
    return figures(solved(family, scv, servers, load))


def figures(r: qm.StationResult) -> list[float]:
    """Return each quantity of a steady state."""
    assert r.wait is not None
    late = [float(r.wait.quantile(p)) for p in PROBABILITIES.values()]
    response = float(r.response.quantile(0.99))
    return [float(r.waiting_time), float(r.wait.tail(0.0)), *late, response]


def rows(requests: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table: the simulated value, its error and that of the library."""
    for seed, point in enumerate(POINTS):
        yield from at(point, requests, seed)


def at(point: Any, requests: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of one point."""
    ours, basis = computed(*point), ground(*point)
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
                "error_percent": f"{100 * (value / exact - 1):+.2f}", "ground": basis,
            }  # fmt: skip
    print(*point, flush=True)


def read() -> list[dict[str, str]]:
    """Return the rows of the table."""
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def measured_again(requests: int) -> list[dict[str, str]]:
    """Return the rows with the errors that the library has now; new points are simulated."""
    points: dict[tuple[str, ...], tuple[list[float], str]] = {}
    table = read()
    for row in table:
        family, *numbers = key = tuple(row[k] for k in ("family", "scv", "servers", "load"))
        if key not in points:
            scv, servers, load = float(numbers[0]), int(numbers[1]), float(numbers[2])
            point = family, scv, servers, load
            points[key] = computed(*point), ground(*point)
        value = points[key][0][QUANTITIES.index(row["quantity"])]
        row["ground"] = points[key][1]
        row["error_percent"] = f"{100 * (value / float(row['simulated']) - 1):+.2f}"
    for seed, point in enumerate(POINTS):
        if tuple(map(str, point)) not in points:
            table += [{k: str(v) for k, v in row.items()} for row in at(point, requests, seed)]
    return table


KINDS = ("two times", "two lognormals", "one in a hundred")
GROUNDS = ("fitted-phases", "two-kinds-of-request", "beside-constant-service", "kimura")
TIMES = " times"
HARDLY_MORE = 1.25
SMOOTH = ("lognormal", "gamma")
FITTED = {
    "SCV up to 4": lambda f, scv: f in SMOOTH and 1 < scv <= 4,
    "SCV 9": lambda f, scv: f in SMOOTH and 4 < scv <= 9,
    "bounded Pareto": lambda f, scv: "Pareto" in f,
    "SCV below 1": lambda f, scv: scv < 1 and "Pareto" not in f,
}


def class_of(row: dict[str, str]) -> str:
    """Return the class of a row, by what its wait rests on and its service."""
    family, scv = row["family"], float(row["scv"])
    if row["ground"] == "fitted-phases":
        return next((name for name, has in FITTED.items() if has(family, scv)), "")
    return {
        "two-kinds-of-request": "two kinds",
        "beside-constant-service": "one of two times" if TIMES in family else "beside constant",
        "kimura": "two moments",
    }.get(row["ground"], "")


def few_wait(table: list[dict[str, str]]) -> set[tuple[str, ...]]:
    """Return the percentiles that hardly more requests exceed than wait at all."""
    found = set()
    for row in table:
        if row["quantity"] == "probability":
            point = tuple(row.values())[:4]
            for name, p in PROBABILITIES.items():
                if float(row["simulated"]) < HARDLY_MORE * (1 - p):
                    found.add((*point, name))
    return found


def established(table: list[dict[str, str]]) -> dict[str, dict[str, int]]:
    """Return the largest error of each class and quantity, in whole percent, rounded up.

    What a standard error of a simulation explains is no error. A percentile that hardly more
    requests exceed than wait at all says more of the probability, and is left out.
    """
    classes = (*FITTED, "two kinds", "beside constant", "one of two times", "two moments")
    left_out = few_wait(table)
    found: dict[str, dict[str, int]] = {name: {} for name in classes}
    for row in table:
        name = class_of(row)
        if name and tuple(row.values())[:5] not in left_out:
            error = abs(float(row["error_percent"])) - float(row["standard_error_percent"])
            worst = found[name].get(row["quantity"], 1)
            found[name][row["quantity"]] = max(worst, int(np.ceil(error)))
    return {name: errors for name, errors in found.items() if errors}


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
simulations, on 2 to 64 servers at loads from 0.3 to 0.95: of lognormal, gamma, uniform,
triangular and shifted exponential service; of bounded Pareto service (shapes from 1.3 to 4) and
of lognormal service of which a share is Pareto; of one of two times, and of two lognormal
kinds. Half of the points were drawn at random, of families that had not been looked at before:
[all points](errors-of-many-servers.csv), with the simulated values and their standard errors;
figures with one above 3 % are left out. Here is the largest error of each kind in percent, less
the standard error of its simulation, rounded up; percentiles that hardly more requests exceed
(up to 1.25 times as many) than wait at all are left out. The labels of results read the same
numbers.

"SCV" is service that phases imitate, lognormal and gamma above an SCV of 1 and all but Pareto
below; "bounded Pareto" includes shares of lognormal service; "two kinds" have one rare and
long; "beside constant" is service that varies little or has a least value, "one of two times"
such that takes two of them.

Written by `python docs/errors_of_many_servers.py`.

"""


def page(worst: dict[str, dict[str, int]]) -> str:
    """Return the page of the largest errors."""
    names = {
        q: q.replace("probability", "P(wait)").replace("_p99", " p99").replace("p999", "p99.9")
        for q in QUANTITIES
    }
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
