"""Measures paths of stations against simulations, and writes the table that labels read.

    python docs/errors_of_tandems.py [REQUESTS]
    python docs/errors_of_tandems.py again

simulates each point with as many requests (by default 2,000,000, and five times as many where
all stations have one server, or one has service of an SCV above 4, four times more at nearly
full load, and where the mean is not known well then; half an hour in all) and writes
docs/reference/errors-of-tandems.csv, a page of the same name and
qmodel/queues/approximations/dispersion_errors.py; "again" keeps what is simulated and measures
only the library anew. tests/unit/test_dispersion_errors.py computes the
errors again from what is simulated.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import FAMILIES, ROOT, oracle

import qmodel as qm
from qmodel.distributions.residual import residual

Place = tuple[str, float, int, float]
"""Family and SCV of the service, servers, load of a station."""

LOGNORMAL4, LOGNORMAL2, GAMMA = ("lognormal", 4.0), ("lognormal", 2.0), ("gamma", 0.25)
ONE, CONSTANT, UNIFORM = ("gamma", 1.0), ("constant", 0.0), ("uniform", 0.3333)
PHASES, SHIFTED = ("hyperexponential", 4.0), ("shifted", 0.16)
PARETO, TWO, RARE = ("bounded Pareto", 9.9), ("two lognormals", 8.9), ("one in a hundred", 24.5)
HEAVY = [
    ("Pareto 1.4 to 300", 6.0), ("Pareto 1.8 to 10,000", 8.5), ("Pareto 2.0 to 3,000", 3.0),
    ("Pareto 2.2 to 10,000", 1.8), ("Pareto 2.5 to 1,000", 0.7), ("Pareto 4.0 to 1,000", 0.1),
    ("Pareto 3.0 to 100", 0.3), ("Pareto 2.0 to 10", 0.4), ("Pareto 2.14 to 1,750", 1.8),
    ("Pareto 1.71 to 122", 2.3), ("Pareto 1.86 to 868", 3.5), ("Pareto 2.15 to 239", 1.3),
    ("Pareto 1.78 to 469", 3.5), ("Pareto 1.32 to 328", 7.1),
]  # fmt: skip
LONG = "lognormal", 9.0
VARIED, LEFT, FULL = 4.0, 6.0, 0.9
"""SCV of service, and of what is left of one, above which few requests bring most of the work
that varies; a high load."""
NOISY = 0.025
"""Standard error of a mean from which on four times as many requests are simulated."""


def _equal(first: Any, second: Any, third: Any, servers: int, load: float) -> tuple[Place, ...]:
    return tuple((*service, servers, load) for service in (first, second, third))


SIZES = 1, 1, 1, 2, 2, 3, 4, 4, 6, 8, 12, 16


def _drawn(
    rows: int, seed: int, heavy: list[Any], sizes: tuple[int, ...] = SIZES
) -> list[tuple[Place, ...]]:
    """Return rows of two to five stations drawn at random.

    A third of them have no rare long services, a third a few, a third many.
    """
    rng = np.random.default_rng(seed)
    usual = [CONSTANT, UNIFORM, ONE, ONE, PHASES, SHIFTED, ("gamma", 0.5), GAMMA]
    usual += [("lognormal", scv) for scv in (0.25, 1.0, 2.0, 4.0)]
    rare = [PARETO, TWO, RARE, *heavy, ("lognormal", 9.0), ("hyperexponential", 9.0)]
    found = []
    for row in range(rows):
        often = (0.0, 0.35, 0.6)[row % 3]
        places = []
        for _ in range(rng.choice((2, 3, 3, 4, 5))):
            of = rare if rng.random() < often else usual
            family, scv = of[rng.integers(len(of))]
            servers = int(rng.choice(sizes))
            places.append((family, scv, servers, round(float(rng.uniform(0.3, 0.95)), 2)))
        found.append(tuple(places))
    return found


DRAWN = dict.fromkeys([*_drawn(48, 2027, HEAVY), *_drawn(48, 2027, HEAVY[:5])])
FEW = _drawn(36, 2030, [*HEAVY, PARETO, ("lognormal", 9.0)], (1, 1, 1, 2, 4))
LAWS = [
    LOGNORMAL2, LOGNORMAL4, LONG, PARETO, GAMMA, ("gamma", 0.5), ("gamma", 2.0), ("gamma", 4.0),
    PHASES, ("hyperexponential", 9.0), CONSTANT, ONE,
]  # fmt: skip


def _of_three(rows: int, seed: int) -> list[tuple[Place, ...]]:
    """Return rows of three stations, which nothing was chosen by."""
    rng = np.random.default_rng(seed)

    def place() -> Place:
        law = LAWS[rng.integers(len(LAWS))]
        servers = int(rng.choice((1, 1, 1, 2, 4, 8, 16)))
        return *law, servers, round(float(rng.uniform(0.3, 0.95)), 2)

    return [(place(), place(), place()) for _ in range(rows)]


LAST = [*_drawn(39, 2028, HEAVY), *FEW]
"""Drawn last: no number was chosen by the first 39; the form of bursts was changed once after
the others had been seen."""
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
    # Phases, which were in the design as well; shifted service, which nothing was chosen by.
    *(_equal(PHASES, PHASES, PHASES, 1, load) for load in (0.6, 0.9)),
    *(_equal(SHIFTED, SHIFTED, SHIFTED, c, 0.8) for c in (1, 2)),
    ((*SHIFTED, 1, 0.9), (*PHASES, 1, 0.6), (*ONE, 1, 0.8)),
    ((*PHASES, 2, 0.8), (*SHIFTED, 1, 0.9), (*SHIFTED, 4, 0.8)),
    # Rare long services; two lognormals were chosen by nothing.
    *(_equal(PARETO, PARETO, PARETO, 1, load) for load in (0.3, 0.5, 0.7, 0.9)),
    *(_equal(PARETO, PARETO, PARETO, c, 0.8) for c in (4, 16)),
    *(_equal(PARETO, ONE, ONE, c, load) for c, load in ((1, 0.5), (1, 0.8), (2, 0.7))),
    *(_equal(TWO, TWO, TWO, c, load) for c, load in ((1, 0.5), (1, 0.8), (4, 0.8))),
    _equal(TWO, ONE, ONE, 2, 0.8),
    *(_equal(RARE, RARE, RARE, c, load) for c, load in ((1, 0.5), (1, 0.8), (4, 0.7))),
    ((*ONE, 1, 0.7), (*PARETO, 1, 0.7), (*ONE, 1, 0.7)),
    # What was found to be off where nothing was chosen, and rows drawn at random.
    ((*TWO, 4, 0.8), ("gamma", 0.5, 1, 0.7), (*LOGNORMAL4, 2, 0.6)),
    *(_equal(*[("Pareto 1.8 to 10,000", 8.5)] * 3, 1, load) for load in (0.5, 0.8)),
    _equal(PARETO, PARETO, PARETO, 1, 0.95),
    *(((*first, 1, 0.5), (*ONE, c, 0.8)) for first in (PARETO, RARE) for c in (1, 4)),
    *(((*RARE, c, 0.5), (*ONE, 1, load)) for c, load in ((4, 0.8), (1, 0.5))),
    ((*TWO, 1, 0.7), ("lognormal", 9.0, 3, 0.4), ("lognormal", 0.25, 12, 0.93)),
    ((*RARE, 1, 0.7), (*TWO, 1, 0.55), ("Pareto 2.5 to 1,000", 0.7, 4, 0.9)),
    ((*RARE, 2, 0.5), ("gamma", 0.5, 2, 0.5), (*CONSTANT, 12, 0.92)),
    *(((*LONG, 1, first), (*ONE, 1, then)) for first, then in ((0.5, 0.9), (0.3, 0.8))),
    *(((*PARETO, 1, first), (*ONE, 1, then)) for first, then in ((0.5, 0.9), (0.3, 0.8))),
    (("hyperexponential", 9.0, 1, 0.5), (*ONE, 1, 0.9)),
    *DRAWN,
    *LAST,
    *_of_three(40, 4242),
    *_of_three(40, 6161),
]


def _group(capacity: tuple[Place, ...]) -> str:
    varied = any(scv > VARIED or _left(family, scv) > LEFT for family, scv, _, _ in capacity)
    return "SCV above 4" if varied else "SCV to 4"


def _left(family: str, scv: float) -> float:
    """Return the SCV of what is left of a service."""
    return float(residual(FAMILIES[family].distribution(scv)).scv)


def simulated(
    capacity: tuple[Place, ...], requests: int, seed: int
) -> list[tuple[float, float]]:
    """Return each quantity of the whole path and its standard error."""
    # One server is quick to simulate, and long correlated at high load.
    single = all(servers == 1 for _, _, servers, _ in capacity)
    requests *= 5 if single or _group(capacity) == "SCV above 4" else 1
    # Rare long services at nearly full load have hardly been seen so often.
    rare = any(scv > 2 * VARIED and load >= FULL for _, scv, _, load in capacity)
    requests *= 4 if rare else 1
    found = _simulated(capacity, requests, seed)
    mean, error = found[0]
    return found if error < NOISY * mean else _simulated(capacity, 4 * requests, seed)


def _simulated(
    capacity: tuple[Place, ...], requests: int, seed: int
) -> list[tuple[float, float]]:
    sim, rng = oracle(), np.random.default_rng(seed)
    arrivals = times = sim.poisson(rng, 1.0, requests)
    for place in capacity:
        times = sim.fcfs(times, services(place, rng, requests), place[2])
    return by_batches(sim.settled(times - arrivals))


def services(place: Place, rng: np.random.Generator, requests: int) -> np.ndarray:
    """Return service times at a station that a request a second loads."""
    family, scv, servers, load = place
    return servers * load * FAMILIES[family].draw(scv)(rng, requests)


def station(place: Place) -> qm.Station:
    """Return the station of the library."""
    family, scv, servers, load = place
    if (family, scv) == ONE:
        return qm.MMc(servers * load, servers)
    if (family, scv) == CONSTANT:
        return qm.MDc(servers * load, servers)
    return qm.MGc(qm.Scaled(FAMILIES[family].distribution(scv), servers * load), servers)


def computed(capacity: tuple[Place, ...]) -> list[float]:
    """Return each quantity as the library has it."""
    calls = (qm.call(f"s{i}", station(place)) for i, place in enumerate(capacity))
    return of_distribution(qm.Pipeline(qm.series(*calls)).solve(1.0).latency)


def named(capacity: tuple[Place, ...]) -> str:
    """Return the stations in words: family and SCV, servers, load."""
    return "; ".join(f"{f} {scv:g}, {c}, {load:g}" for f, scv, c, load in capacity)


HEAD = """# Errors of paths

What leaves M/G/c with general service is no Poisson stream. The library follows how variable it
is from station to station (`qmodel.queues.approximations.dispersion`), and takes one number for
how the waits of two stations depend on one another
(`qmodel.queues.approximations.waits_in_a_row`). Here is the error of the time through two to
five stations, in percent, against simulations
([with their standard errors](errors-of-tandems.csv)). A station is its service with its SCV,
its servers, its load. The labels of results read the largest of these, and those of rows with
rare long services apart, of an SCV above 4, or above 6 of what is left of a service: of Pareto
distributions, of two lognormal ones, of one request in a hundred that takes a hundred times as
long. More than half of the rows were drawn at random. No number of the library was chosen by
the 39 before the last 116; what is felt of bursts was changed once after 36 of these had been
seen, what leaves several servers after the next 40, of three stations each, and nothing after
the last 40.

Written by `python docs/errors_of_tandems.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-tandems.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "dispersion_errors.py",
    "paths of two to five stations", HEAD, POINTS, named, computed, simulated,
    group=_group,
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(2_000_000)
