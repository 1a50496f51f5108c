"""What is labelled exact agrees with a million simulated jobs, for every station."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.base import DISTRIBUTIONS, MEANS
from qmodel.testing.kinds import STATIONS, Parts
from qmodel.testing.strategies import rate_of

HERE = Path(__file__).parent
SEEN = {*MEANS[1:], *DISTRIBUTIONS, "loss", "abandonment", "number"}
"""Quantities that the simulations show."""


def registry() -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle_exact", HERE / "exact_stations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


exact = registry()
sim = exact.sim
CASES = [(name, i) for name, checks in exact.CHECKS.items() for i in range(len(checks))]


def figures(r: Any, sample: Any, is_exact: Any) -> Iterator[tuple[str, float, Any, Any]]:
    """Yield name, claimed figure, samples of it and which of them count."""
    if is_exact("waiting_time"):
        yield "waiting_time", float(r.waiting_time), sample.wait, None
    if is_exact("response_time"):
        yield "response_time", float(r.response_time), sample.response, None
    for name, times in (("wait", sample.wait), ("response", sample.response)):
        distribution = getattr(r, name, None)
        if distribution is None or not is_exact(name):
            continue
        known = ~np.isnan(times)
        for p in (0.0, 0.5, 0.9, 0.99):
            # A hair after the time: a distribution may jump there.
            t = float(distribution.quantile(p)) * (1 + 1e-6) + 1e-9
            yield f"P({name} > {t:.4g})", float(distribution.tail(t)), times > t, known


def misses(check: Any, rng: np.random.Generator) -> tuple[list[str], int]:
    """Return the exact figures that lie outside their interval, and how many there are."""
    r, sample = check.station.solve(check.load), check.simulate(rng)

    def is_exact(name: str) -> bool:
        compared = check.distributions or name not in DISTRIBUTIONS
        return compared and name in r.basis.grounds and r.basis[name] == "exact"

    found = list(figures(r, sample, is_exact))
    everyone = np.ones(sample.wait.shape, dtype=bool)
    lost = np.zeros_like(everyone) if sample.lost is None else sample.lost
    for name, number, time in (
        ("queue_length", r.queue_length, sample.wait),
        ("number_in_system", r.number_in_system, sample.response),
    ):
        if is_exact(name):
            let_in = r.arrival_rate * (1 - lost.mean())
            found.append((name, float(number) / let_in, time, None))
    if is_exact("loss"):
        found.append(("loss", float(r.loss), lost, everyone))
    if is_exact("abandonment"):
        found.append(("abandonment", float(r.abandonment), sample.left, ~lost))
    kind = type(check.station).__name__
    if is_exact("number") and (kind, "number") not in exact.OTHERWISE:
        for n in range(5):
            weight = everyone if sample.weight is None else sample.weight
            found.append((f"P(N > {n})", float(r.number.tail(n)), sample.seen > n, weight))
    if len(r.streams) > 1:
        for k, stream in enumerate(r.streams):
            of_stream = figures(stream, sample.of(k), is_exact)
            found += [(f"stream {k}: {name}", *rest) for name, *rest in of_stream]
    outside = []
    for name, claimed, values, counted in found:
        value, half = sim.interval(values, counted)
        # An interval of width zero is certain, to the rounding of the simulated clock.
        if not abs(claimed - value) <= half + 1e-9:
            outside.append(f"{name} is {claimed:.6g}, simulated {value:.6g} +- {half:.2g}")
    assert np.isfinite(sample.response).sum() + lost.sum() >= 999_000
    return outside, len(found)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "i"), CASES)
def test_exact_quantities(name: str, i: int) -> None:
    outside, compared = misses(exact.CHECKS[name][i], np.random.default_rng(20_000 + i))
    assert not outside, "; ".join(outside)
    assert compared > 0


def test_a_wrong_station_is_seen() -> None:
    """A service 1 % longer than simulated lies outside many intervals."""
    check = exact.CHECKS["MMc"][0]
    wrong = exact.Check(qm.MMc(1.01, 3), check.load, check.simulate)
    outside, compared = misses(wrong, np.random.default_rng(1))
    assert len(outside) > compared / 2


DISTRIBUTIONS_OF_SERVICE = (qm.Exponential(1.0), qm.Deterministic(1.0), qm.Gamma(1.0, 2.0))


@pytest.mark.parametrize("kind", STATIONS)
def test_every_exact_quantity_has_its_check(kind: str) -> None:
    claimed = set()
    for distribution in DISTRIBUTIONS_OF_SERVICE:
        station = STATIONS[kind](Parts(distribution, 2, 3, flag=False))
        basis = station.solve(rate_of(station, 0.5)).basis
        claimed |= {name for name in basis.grounds if basis[name] == "exact"}
    shown: set[str] = set()
    for check in exact.CHECKS.get(kind, []):
        basis = check.station.solve(check.load).basis
        shown |= (SEEN if check.distributions else SEEN - {*DISTRIBUTIONS}) & {
            name for name in basis.grounds if basis[name] == "exact"
        }
    # That is the offered load by definition; what else a policy claims must be shown.
    missing = claimed - shown - {"utilization"}
    assert not missing, f"an entry for {kind} in tests/oracle/exact_stations.py: {missing}"


def test_tests_named_instead_exist() -> None:
    for (kind, _), where in exact.OTHERWISE.items():
        file, _, name = where.partition("::")
        source = (HERE.parent / "unit" / file).read_text()
        assert kind in STATIONS
        assert f"def {name}(" in source, where
