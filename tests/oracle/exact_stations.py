"""Every station with an exact quantity, and the simulation of a million jobs it must meet.

A new station needs an entry in `CHECKS`; `OTHERWISE` names the tests that hold what a
simulation from the view of arrivals cannot see.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import qmodel as qm
from qmodel import balancing


def beside(name: str) -> ModuleType:
    """Return the module of this folder with this name."""
    path = Path(__file__).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"oracle_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sim = beside("replicas")
ONE = qm.Exponential(1.0)
G2 = qm.Gamma(1.0, 2.0)
E = sim.exponential
EXP, GAM, CONST = E(1.0), sim.gamma(1.0, 2.0), lambda rng, shape: np.ones(shape)


@dataclass(frozen=True)
class Check:
    """A station, its load, and the same station simulated."""

    station: qm.Station
    load: Any
    simulate: Callable[[np.random.Generator], Any]
    distributions: bool = True
    """Whether its times are compared as distributions; not for another service."""


def jobs(station: qm.Station, rate: float, service: Any, **how: Any) -> Check:
    """Check a queue in order of arrival."""
    gaps = how.pop("gaps", E(1 / rate))
    return Check(station, rate, lambda rng: sim.one_by_one(rng, gaps, service, **how))


def events(station: qm.Station, load: Any, service: Any, rates: Any, **how: Any) -> Check:
    """Check a station that shares, interrupts or chooses."""
    if isinstance(load, list):
        each = [s.arrival_rate for s in load]
        rate, how["shares"] = sum(each), tuple(r / sum(each) for r in each)
    else:
        rate = load
    return Check(station, load, lambda rng: sim.in_rates(rng, rate, service, rates, **how))


def by_kind(s: dict[str, np.ndarray]) -> np.ndarray:
    return s["kind"] * 1e9 + s["came"]


def came(s: dict[str, np.ndarray]) -> np.ndarray:
    return s["came"]


def newest(s: dict[str, np.ndarray]) -> np.ndarray:
    return -s["came"]


TWO_KINDS = qm.HyperExponential([0.8, 0.2], [0.5, 3.0])


def two_kinds(rng: np.random.Generator, shape: Any) -> np.ndarray:
    """Return times of two branches, as `TWO_KINDS` has them."""
    return rng.exponential(np.where(rng.random(shape) < 0.8, 0.5, 3.0))


STREAMS = [qm.Stream(0.2), qm.Stream(0.15), qm.Stream(0.2)]
MIXED = [qm.Stream(0.2, G2), qm.Stream(0.2, qm.Exponential(1.5))]
MIXED_NEEDS = [GAM, E(1.5)]
TRIPLE = [qm.Stream(3 * s.arrival_rate) for s in STREAMS]
GAMMA_GAPS = qm.Gamma(1.0, 0.5)
TIMES = (0.4, 1.0, 3.0)
RATES = (1.0, 1.8, 1.5, 1.4)
SPEEDS = (1.0, 1.7, 1.5)

CHECKS: dict[str, list[Check]] = {
    "BirthDeath": [
        events(
            qm.BirthDeath(RATES, servers=2), 1.2, EXP, sim.chain(RATES, 2), capacity=4
        )
    ],
    "Delay": [jobs(qm.Delay(G2), 2.5, GAM, servers=30)],
    "Engset": [
        events(qm.Engset(1.0, 3, 7), 0.4, EXP, sim.sharing(3), capacity=3, population=7),
        replace(
            events(qm.Engset(1.0, 3, 7), 0.4, GAM, sim.sharing(3), capacity=3, population=7),
            distributions=False,
        ),
    ],
    "ErlangA": [jobs(qm.ErlangA(1.0, 3, 2.0), 3.3, EXP, servers=3, patience=E(2.0))],
    "FiniteSource": [
        events(
            qm.FiniteSource(1.0, 2, 8), 0.3, EXP, sim.first_by(came, servers=2), population=8
        )
    ],
    "GGc": [
        jobs(
            qm.GGc(GAMMA_GAPS, ONE, 2), 1.5, EXP, servers=2, gaps=sim.gamma(1 / 1.5, 0.5)
        )
    ],
    "GM1": [jobs(qm.GM1(GAMMA_GAPS, 1.0), 0.75, EXP, gaps=sim.gamma(1 / 0.75, 0.5))],
    "GMc": [
        jobs(qm.GMc(GAMMA_GAPS, 1.0, 3), 2.4, EXP, servers=3, gaps=sim.gamma(1 / 2.4, 0.5))
    ],
    "LoadDependent": [
        events(
            qm.LoadDependent(ONE, SPEEDS), 1.1, EXP,
            sim.chain((*SPEEDS, *[SPEEDS[-1]] * 60), 64), interrupted=True,
        )
    ],
    "MDc": [jobs(qm.MDc(1.0, 3), 2.4, CONST, servers=3)],
    "MG1": [
        jobs(qm.MG1(G2), 0.65, GAM),
        jobs(qm.MG1(qm.Deterministic(1.0)), 0.8, CONST),
        jobs(qm.MG1(qm.Erlang(1.0, 3)), 0.7, sim.gamma(1.0, 1 / 3)),
        jobs(qm.MG1(TWO_KINDS), 0.65, two_kinds),
    ],
    "MG1K": [
        jobs(qm.MG1K(G2, 4), 0.9, GAM, capacity=4),
        jobs(qm.MG1K(ONE, 5), 1.1, EXP, capacity=5),
    ],
    "MG1KPS": [
        events(qm.MG1KPS(G2, 4), 0.9, GAM, sim.sharing(), capacity=4, interrupted=True),
        events(qm.MG1KPS(ONE, 4), 0.9, EXP, sim.sharing(), capacity=4, interrupted=True),
    ],
    "MG1LCFS": [
        events(qm.MG1LCFS(G2), 0.5, GAM, sim.first_by(newest), interrupted=True),
        events(qm.MG1LCFS(G2, False), 0.5, GAM, sim.first_by(newest, sticky=True)),
    ],
    "MG1PS": [
        events(qm.MG1PS(ONE), 0.6, EXP, sim.sharing(), interrupted=True),
        events(qm.MG1PS(G2), 0.6, GAM, sim.sharing(), interrupted=True),
    ],
    "MG1Priority": [
        events(qm.MG1Priority(ONE), MIXED, MIXED_NEEDS, sim.first_by(by_kind, sticky=True)),
        events(
            qm.MG1Priority(ONE, True), MIXED, MIXED_NEEDS, sim.first_by(by_kind),
            interrupted=True,
        ),
    ],
    "MG1Setup": [
        jobs(qm.MG1Setup(G2, ONE), 0.6, GAM, away="setup", absence=EXP),
    ],
    "MG1SizeBased": [
        events(
            qm.MG1SizeBased(G2, "srpt"), 0.6, GAM, sim.first_by(lambda s: s["left"]),
            interrupted=True,
        ),
        events(
            qm.MG1SizeBased(G2, "psjf"), 0.6, GAM, sim.first_by(lambda s: s["need"]),
            interrupted=True,
        ),
        events(
            qm.MG1SizeBased(G2, "sjf"), 0.6, GAM,
            sim.first_by(lambda s: s["need"], sticky=True),
        ),
    ],
    "MG1Threshold": [jobs(qm.MG1Threshold(G2, 3), 0.6, GAM, threshold=3)],
    "MG1Vacations": [
        jobs(qm.MG1Vacations(G2, ONE), 0.6, GAM, away="vacations", absence=EXP),
        jobs(qm.MG1Vacations(G2, ONE, False), 0.6, GAM, away="vacation", absence=EXP),
    ],
    "MGc": [
        jobs(qm.MGc(ONE, 3), 2.4, EXP, servers=3),
        jobs(qm.MGc(qm.Deterministic(1.0), 2), 1.6, CONST, servers=2),
    ],
    "MGcK": [
        jobs(qm.MGcK(TWO_KINDS, 2, 5), 1.5, two_kinds, servers=2, capacity=5),
        jobs(qm.MGcK(ONE, 2, 5), 1.5, EXP, servers=2, capacity=5),
    ],
    "MGcPS": [events(qm.MGcPS(G2, 3), 2.0, GAM, sim.sharing(3), interrupted=True)],
    "MGcc": [jobs(qm.MGcc(G2, 4), 3.0, GAM, servers=4, capacity=4)],
    "MMc": [jobs(qm.MMc(1.0, 3), 2.4, EXP, servers=3)],
    "MMcD": [
        jobs(
            qm.MMcD(1.0, 3, 1.5), load, EXP, servers=3,
            patience=lambda rng, shape: np.full(shape, 1.5),
        )
        for load in (2.4, 3.6)
    ],
    "MMcK": [jobs(qm.MMcK(1.0, 3, 7), 3.1, EXP, servers=3, capacity=7)],
    "MMcLCFS": [
        events(qm.MMcLCFS(1.0, 3), 2.4, EXP, sim.first_by(newest, servers=3, sticky=True))
    ],
    "MMcPriority": [
        events(
            qm.MMcPriority(1.0, 3), TRIPLE, EXP,
            sim.first_by(by_kind, servers=3, sticky=True),
        ),
        events(
            qm.MMcPriority(1.0, 3, True), TRIPLE, EXP, sim.first_by(by_kind, servers=3),
            interrupted=True,
        ),
    ],
    "MXG1": [
        jobs(
            qm.MXG1(G2, qm.GeometricBatch(2.0)), 0.6, GAM, gaps=E(2.0 / 0.6),
            batch=lambda rng, n: rng.geometric(0.5, n),
        )
    ],
    "CentralQueue": [jobs(balancing.CentralQueue(qm.MMc(1.0), 3), 2.4, EXP, servers=3)],
    "LeastConnections": [
        jobs(
            balancing.LeastConnections(qm.MMc(1.0), 2), 1.4, EXP, servers=2, fewest=True
        )
    ],
    "RandomSplit": [
        jobs(
            balancing.RandomSplit(qm.MG1(G2), 3), 1.8, GAM, servers=3,
            blind=lambda rng, j, n: rng.integers(0, 3, n),
        )
    ],
    "RoundRobin": [
        jobs(
            balancing.RoundRobin(qm.MMc(1.0), 3), 2.1, EXP, servers=3,
            blind=lambda rng, j, n: np.full(n, j % 3),
        )
    ],
    "Sharded": [
        jobs(
            balancing.Sharded(qm.MG1(G2), (0.5, 0.3, 0.2)), 1.2, GAM, servers=3,
            blind=lambda rng, j, n: np.searchsorted([0.5, 0.8], rng.random(n)),
        )
    ],
    "WeightedSplit": [
        jobs(
            balancing.WeightedSplit((qm.MMc(1.0), qm.MMc(1.5)), (0.6, 0.4)), 1.0, EXP,
            servers=2, speeds=(1.0, 1.5),
            blind=lambda rng, j, n: (rng.random(n) > 0.6).astype(int),
        )
    ],
    "UnequalServers": [jobs(qm.UnequalServers(TIMES), 2.6, EXP, servers=3, speeds=TIMES)],
}  # fmt: skip

OTHERWISE = {
    # Who asks sees the others only, and not the time average.
    (
        "Engset",
        "number",
    ): "test_queues_engset.py::test_means_and_both_congestions_are_those_of_the_chain",
    (
        "FiniteSource",
        "number",
    ): "test_queues_finite_source.py::test_means_and_states_are_those_of_the_chain",
}
"""What the simulation does not show, and the test in tests/unit that compares it."""
