"""Every station: an array of loads and of parameters is its cells, times and states too."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel import queues
from qmodel.distributions.fit import balanced_hyperexponential

LOADS = np.array([0.0, 0.6, 1.7, np.nan])
"""None, stable, overload (where there is such a thing), unknown; in shares of saturation."""

Make = Callable[..., qm.Station]


def h2(mean: Any) -> qm.Distribution:
    return balanced_hyperexponential(mean, 4.0)


CASES: dict[str, tuple[Make, tuple[Any, ...], tuple[Any, ...]]] = {
    # What makes the station, and two values of each of its parameters.
    "BirthDeath": (
        lambda s, f, c: qm.BirthDeath([1 / s, 1.5 / s, 2 / s], [1, f, 0.5, 0.2], servers=c),
        (0.5, 0.9, 1),
        (2.0, 0.4, 2),
    ),
    "Delay": (lambda d: qm.Delay(d), (0.5,), (2.0,)),
    "Delay exponential": (lambda d: qm.Delay(qm.Exponential(d)), (0.5,), (2.0,)),
    "Engset": (qm.Engset, (0.5, 3, 10), (2.0, 5, 4)),
    "ErlangA": (qm.ErlangA, (0.5, 3, 2.0), (2.0, 5, 0.7)),
    "ErlangA finite": (qm.ErlangA, (0.5, 3, 2.0, 6), (2.0, 5, 0.7, 5)),
    "FiniteSource": (qm.FiniteSource, (0.5, 3, 10), (2.0, 1, 4)),
    "FiniteSource idle": (qm.FiniteSource, (0.5, 3, 2), (2.0, 4, 9)),
    "GGc": (
        lambda a, s, c: qm.GGc(qm.Gamma(1.0, a), qm.Gamma(s, 2.0), c),
        (0.5, 0.5, 1),
        (1.7, 2.0, 3),
    ),
    "GGc of all kinds": (
        lambda a, v, c: qm.GGc(qm.from_mean_scv(1.0, a), qm.from_mean_scv(0.5, v), c),
        (1.0, 4.0, 1),
        (0.5, 1.0, 3),
    ),
    "GM1": (lambda a, s: qm.GM1(qm.Gamma(1.0, a), s), (0.5, 0.5), (1.7, 2.0)),
    "GMc": (lambda a, s, c: qm.GMc(qm.Gamma(1.0, a), s, c), (0.5, 0.5, 1), (1.7, 2.0, 3)),
    "MDc": (qm.MDc, (0.5, 1), (2.0, 3)),
    "MG1": (lambda s, v: qm.MG1(qm.Gamma(s, v)), (0.5, 0.7), (2.0, 2.0)),
    "MG1 of all kinds": (lambda v: qm.MG1(qm.from_mean_scv(0.5, v)), (0.0,), (0.5,)),
    "MG1 exponential or not": (lambda v: qm.MG1(qm.from_mean_scv(0.5, v)), (1.0,), (4.0,)),
    "MG1 constant": (lambda s: qm.MG1(qm.Deterministic(s)), (0.5,), (2.0,)),
    "MG1K": (lambda s: qm.MG1K(qm.Exponential(s), 4), (0.5,), (2.0,)),
    "MG1K general": (lambda s: qm.MG1K(h2(s), 3), (0.5,), (2.0,)),
    "MG1K one place": (lambda s: qm.MG1K(h2(s), 1), (0.5,), (2.0,)),
    "MG1K one place constant": (lambda s: qm.MG1K(qm.Deterministic(s), 1), (0.5,), (2.0,)),
    "MG1KPS": (lambda s: qm.MG1KPS(qm.Exponential(s), 4), (0.5,), (2.0,)),
    "MG1KPS general": (lambda s: qm.MG1KPS(h2(s), 3), (0.5,), (2.0,)),
    "MG1KPS one place": (lambda s: qm.MG1KPS(h2(s), 1), (0.5,), (2.0,)),
    "LoadDependent": (lambda s: qm.LoadDependent(qm.Exponential(s), (1, 1.6)), (0.5,), (2.0,)),
    "LoadDependent general": (lambda s: qm.LoadDependent(h2(s), (1, 1.6)), (0.5,), (2.0,)),
    "MG1LCFS": (lambda s: qm.MG1LCFS(qm.Exponential(s)), (0.5,), (2.0,)),
    "MG1LCFS constant": (lambda s: qm.MG1LCFS(qm.Deterministic(s)), (0.5,), (2.0,)),
    "MG1LCFS finished": (lambda s: qm.MG1LCFS(h2(s), preemptive=False), (0.5,), (2.0,)),
    "MG1PS": (lambda s: qm.MG1PS(qm.Exponential(s)), (0.5,), (2.0,)),
    "MG1PS general": (lambda s, v: qm.MG1PS(qm.Gamma(s, v)), (0.5, 0.7), (2.0, 2.0)),
    "MG1Priority": (lambda s: qm.MG1Priority(h2(s)), (0.5,), (2.0,)),
    "MG1Setup": (
        lambda s, d: qm.MG1Setup(qm.Exponential(s), qm.Exponential(d)),
        (0.5, 0.3),
        (2.0, 4.0),
    ),
    "MG1Setup constant": (
        lambda s, d: qm.MG1Setup(qm.Exponential(s), qm.Deterministic(d)),
        (0.5, 0.3),
        (2.0, 4.0),
    ),
    "MG1SizeBased": (lambda s: qm.MG1SizeBased(qm.Exponential(s)), (0.5,), (2.0,)),
    "MG1Threshold": (lambda s: qm.MG1Threshold(qm.Exponential(s), 3), (0.5,), (2.0,)),
    "MG1Vacations": (
        lambda s, v: qm.MG1Vacations(qm.Exponential(s), h2(v)),
        (0.5, 0.3),
        (2.0, 4.0),
    ),
    "MG1Vacations one": (
        lambda s, v: qm.MG1Vacations(h2(s), qm.Exponential(v), repeated=False),
        (0.5, 0.3),
        (2.0, 4.0),
    ),
    "MGc": (lambda s, c: qm.MGc(qm.Gamma(s, 2.0), c), (0.5, 1), (2.0, 3)),
    "MGc of all kinds": (
        lambda v, c: qm.MGc(qm.from_mean_scv(0.5, v), c),
        (0.0, 1),
        (0.5, 3),
    ),
    "MGc exponential or not": (
        lambda v, c: qm.MGc(qm.from_mean_scv(0.5, v), c),
        (4.0, 1),
        (1.0, 3),
    ),
    "MGc constant": (lambda s, c: qm.MGc(qm.Deterministic(s), c), (0.5, 1), (2.0, 3)),
    "MGc exponential": (lambda s, c: qm.MGc(qm.Exponential(s), c), (0.5, 1), (2.0, 3)),
    "MGc regular": (lambda s, c: qm.MGc(qm.Erlang(s, 3), c), (0.5, 1), (2.0, 3)),
    "MGcK": (lambda s: qm.MGcK(h2(s), 3, 7), (0.5,), (2.0,)),
    "MGcK imitated": (lambda s: qm.MGcK(qm.LogNormal(s, 2.0), 3, 7), (0.5,), (2.0,)),
    "MGcPS": (lambda s, c: qm.MGcPS(qm.Exponential(s), c), (0.5, 1), (2.0, 3)),
    "MGcc": (lambda s, c: qm.MGcc(qm.Gamma(s, 2.0), c), (0.5, 1), (2.0, 3)),
    "MMc": (qm.MMc, (0.5, 1), (2.0, 3)),
    "MMcD": (qm.MMcD, (0.5, 1, 1.0), (2.0, 3, 4.0)),
    "MMcK": (qm.MMcK, (0.5, 1, 4), (2.0, 3, 9)),
    "MMcLCFS": (qm.MMcLCFS, (0.5, 1), (2.0, 3)),
    "MMcPriority": (qm.MMcPriority, (0.5, 1), (2.0, 3)),
    "MXG1": (
        lambda s, m: qm.MXG1(qm.Exponential(s), qm.GeometricBatch(m)),
        (0.5, 2.5),
        (2.0, 1.0),
    ),
    "MXG1 fixed": (lambda s: qm.MXG1(h2(s), qm.FixedBatch(3)), (0.5,), (2.0,)),
    "Serverless": (
        lambda s, t: qm.Serverless(h2(s), qm.Exponential(s), keep_alive=t),
        (0.5, 3.0),
        (2.0, 5.0),
    ),
    "UnequalServers fastest": (
        lambda *times: qm.UnequalServers(times, "fastest"),
        (0.5, 1.5, 1.5),
        (2.0, 0.7, 1.5),
    ),
    "UnequalServers": (
        lambda *times: qm.UnequalServers(times),
        (0.5, 1.5, 1.5),
        (2.0, 0.7, 1.5),
    ),
}
# These, and states, may lack the axes of what they do not depend on; distributions have them
# all.
MEANS = (
    "arrival_rate",
    "utilization",
    "waiting_time",
    "response_time",
    "queue_length",
    "number_in_system",
    "throughput",
    "loss",
    "abandonment",
)


def scale(station: qm.Station) -> Any:
    """Return a rate that loads the station fully, or that would if nothing were lost."""
    some = np.all(np.isfinite(station.servers))
    return station.servers / station.service.mean if some else 1.0


def same(found: Any, cell: Any, *, rel: float = 1e-11) -> bool:
    return bool(found == pytest.approx(cell, rel=rel, abs=1e-13, nan_ok=True))


def compare(
    table: Any,
    cells: list[list[Any]],
    shape: tuple[int, ...],
    distributions: tuple[str, ...] = ("wait", "response"),
) -> list[str]:
    """Return what differs between the solved table and its cells solved one by one."""
    wrong: list[str] = []

    def check(name: str, of: Callable[[Any], Any], rel: float = 1e-11, *, nan: bool = True):
        found = np.asarray(of(table))
        if name in MEANS or name.startswith("number"):
            found = np.broadcast_to(found, shape)
        wanted = np.array([[of(cell) for cell in row] for row in cells])
        if found.shape != shape:
            wrong.append(f"{name}: shape {found.shape}")
        elif any(np.ndim(of(cell)) for row in cells for cell in row):
            wrong.append(f"{name}: a cell is no scalar")
        elif not same(found.ravel().tolist(), wanted.ravel().tolist(), rel=rel):
            wrong.append(f"{name}: {found.tolist()} for {wanted.tolist()}")
        elif nan and not np.isnan(found[..., -1]).all():
            wrong.append(f"{name}: NaN is {found[..., -1].tolist()}")

    for name in MEANS:
        at = getattr(table, name, None)
        if at is not None and not (name in ("loss", "abandonment") and np.ndim(at) == 0):
            check(name, lambda r, name=name: getattr(r, name))
    for distribution in distributions:
        of = getattr(table, distribution, None)
        if of is None or type(of).__name__ == "MeanOnly":
            continue
        check(
            f"{distribution}.mean",
            lambda r, distribution=distribution: getattr(r, distribution).mean,
            1e-8,
        )
        check(
            f"{distribution}.tail",
            lambda r, distribution=distribution: getattr(r, distribution).tail(2.5),
            1e-8,
        )
        check(
            f"{distribution} p95",
            lambda r, distribution=distribution: getattr(r, distribution).quantile(0.95),
            1e-6,
        )
    if getattr(table, "number", None) is not None:
        check("number.mean", lambda r: r.number.mean)
        check("number.variance", lambda r: r.number.variance, 1e-9)
        check("number.tail", lambda r: r.number.tail(2))
        check("number.probability", lambda r: r.number.probability(1))
    return wrong


def test_every_public_station_is_here() -> None:
    classes = {
        name
        for name in queues.__all__
        if inspect.isclass(kind := getattr(queues, name))
        and issubclass(kind, qm.Station)
        and not inspect.isabstract(kind)
    }
    assert classes == {name.split()[0] for name in CASES}


@pytest.mark.parametrize("kind", CASES)
def test_an_array_is_its_cells(kind: str) -> None:
    make, one, two = CASES[kind]
    pairs = list(zip(one, two, strict=True))
    columns = [np.array(pair)[:, None] for pair in pairs]
    rates = LOADS * scale(make(*one))
    table = make(*columns).solve(rates)
    cells = [[make(*values).solve(float(rate)) for rate in rates] for values in (one, two)]
    assert not (wrong := compare(table, cells, (2, 4))), "\n".join(wrong)


@pytest.mark.parametrize("kind", CASES)
def test_each_parameter_alone_may_be_an_array(kind: str) -> None:
    """It has the shape of all parameters, also where one does not change the load."""
    make, one, two = CASES[kind]
    if len(one) == 1:
        return
    rates = LOADS[[1, 3]] * scale(make(*one))
    for i in range(len(one)):
        rows = [one, (*one[:i], two[i], *one[i + 1 :])]
        column = np.array([row[i] for row in rows])[:, None]
        table = make(*one[:i], column, *one[i + 1 :]).solve(rates)
        cells = [[make(*values).solve(float(rate)) for rate in rates] for values in rows]
        wrong = compare(table, cells, (2, 2), ("response",))
        assert not wrong, f"parameter {i}: " + "\n".join(wrong)


@pytest.mark.parametrize("kind", CASES)
def test_one_load_for_many_stations_and_many_loads_for_one(kind: str) -> None:
    make, one, two = CASES[kind]
    columns = [np.array(pair)[:, None] for pair in zip(one, two, strict=True)]
    rate = 0.4 * scale(make(*one))
    table = make(*columns).solve(rate)
    cells = [[make(*values).solve(rate)] for values in (one, two)]
    found = np.asarray(table.response_time)
    assert found.shape == (2, 1)
    assert same(found.ravel().tolist(), [row[0].response_time for row in cells])
    rates = LOADS * scale(make(*one))
    table = make(*one).solve(rates)
    assert np.shape(table.response_time) == (4,)
    assert same(table.response_time[1], make(*one).solve(rates[1]).response_time)
    if type(table.response).__name__ != "MeanOnly":
        assert np.shape(table.response.quantile(0.9)) == (4,)


def of_streams(table: Any, cells: list[Any], shape: tuple[int, ...]) -> list[str]:
    wrong = []
    for k, stream in enumerate(table.streams):
        ones = [[cell.streams[k] for cell in cells]]
        wrong += [f"stream {k}, {w}" for w in compare(stream, ones, shape)]
    return wrong


@pytest.mark.parametrize("preemptive", [False, True])
@pytest.mark.parametrize("kind", ["MG1Priority", "MMcPriority", "MG1 mixed"])
def test_streams_are_their_cells(kind: str, preemptive: bool) -> None:
    make = {
        "MG1Priority": lambda: qm.MG1Priority(h2(0.5), preemptive),
        "MMcPriority": lambda: qm.MMcPriority(0.5, 2, preemptive),
        "MG1 mixed": lambda: qm.MG1(h2(0.5)) if preemptive else qm.Delay(h2(0.5)),
    }[kind]
    rates = LOADS[None] * scale(make())
    own = qm.Exponential(0.3) if kind != "MMcPriority" else None

    def load(rate: Any) -> list[qm.Stream]:
        return [qm.Stream(0.4 * rate), qm.Stream(0.6 * rate, own)]

    table = make().solve(load(rates))
    cells = [make().solve(load(float(rate))) for rate in rates[0]]
    wrong = compare(table, [cells], (1, 4)) + of_streams(table, cells, (1, 4))
    assert not wrong, "\n".join(wrong)
