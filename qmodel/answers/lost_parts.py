"""What remains when something is lost: a cache, a server, a zone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel import _check
from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import facts_of, goals_of, pipeline_of, sensible_load
from qmodel.answers.words import RATE, SHARE, TEXT, TIME, WORDS, listed, percent, shown
from qmodel.errors import ModelError
from qmodel.loads import Closed, Poisson, Profile, in_words
from qmodel.planning.region import warn_beyond

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

__all__ = ["outages"]


@dataclass(frozen=True, slots=True)
class _Loss:
    """What is lost, what is left, and which share of the requests fails meanwhile."""

    name: str
    model: Pipeline | None
    failing: float = 0.0


_Row = tuple[str, "PipelineResult | ClosedResult | None", float]


@checked
@with_doubts
def outages(
    model: Pipeline | Station,
    arrival_rate: float | Poisson | Closed | Profile | None = None,
    *,
    objectives: Objectives = (),
    zones: int = 3,
    spread: Sequence[str] | None = None,
) -> Answer:
    """Say what remains when a cache, a server of a station, or one of several zones is lost.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float or Closed, optional
        The load; by default 60 % of what the model can sustain. [1/s]
    objectives : str, Objective or sequence of them, optional
        What must hold then too. [-]
    zones : int, default 3
        Number of zones, >= 2. [-]
    spread : sequence of str, optional
        What is spread over them, such as "app.servers"; by default all that there are as many
        of. [-]

    Returns
    -------
    Answer
        A row for each loss; good where the load is sustained and the objectives are met in
        all of them. What has one server only is down as a whole: its row says which share of
        the requests fails. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or a text is no objective.
    ModelError
        If the model has arrays, or lacks what an objective names.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.010, servers=9)), qm.call("db", qm.MMc(0.004))
    >>> site = qm.Pipeline(qm.series(web, qm.cached(0.8, lookup=qm.nothing(), miss=db)))
    >>> print(outages(site, 500.0, objectives="p99 < 80 ms"))
    At 500/s it survives 2 of 4 losses, but not: no hits in cache, db down
    """
    whole, goals = pipeline_of(model), goals_of(objectives)
    load, remark = sensible_load(whole, arrival_rate)
    warn_beyond(whole, load)
    count = int(_check.count("zones", zones, least=2))
    with_nothing: Any = whole.solve(load)
    lost = _losses(whole, float(with_nothing.arrival_rate), count, spread)
    rows: list[_Row] = [("as it is", with_nothing, 0.0)]
    for loss in lost:
        left = None if loss.model is None else loss.model.solve(load)
        rows.append((loss.name, left, loss.failing))
    table = _table(rows, goals)
    # Users wait, and overload nothing.
    rate = 0.0 if isinstance(load, Closed) else load
    bad = [name for name, result, failing in rows[1:] if _fails(result, failing, rate, goals)]
    fine = len(lost) - len(bad)
    where = in_words(load)[:1].upper() + in_words(load)[1:]
    verdict = f"{where} it survives {fine or 'none'} of {len(lost)} losses"
    verdict += f"{', but not' if fine else ''}: {', '.join(bad)}" if bad else ""
    if not lost:
        verdict = f"{where} there is nothing to lose: no cache, no servers that are counted"
    return Answer(
        question="outages",
        verdict=verdict,
        good=not bad and not _fails(with_nothing, 0.0, rate, goals),
        meaning=[f"The load is {remark}."] if remark else [],
        facts=[*facts_of(load), Fact("survived", "", fine)],
        tables=[table],
        notes=[*_notes(whole, count, spread), *_missed(rows, goals)],
        draw=partial(_pictures, tuple(rows), load),
    )


def _losses(
    model: Pipeline, rate: float, zones: int, spread: Sequence[str] | None
) -> list[_Loss]:
    from qmodel._nearest import did_you_mean
    from qmodel.pipeline.steps.cached import Cached
    from qmodel.planning._hit_ratios import with_hit_ratio
    from qmodel.planning._models import counted
    from qmodel.planning.blast_radius import blast_radius

    steps = (step for _, root in model.kinds.values() for step in root.walk())
    caches = dict.fromkeys(step.name for step in steps if isinstance(step, Cached))
    found = [_Loss(f"no hits in {name}", with_hit_ratio(model, name, 0.0)) for name in caches]
    known = model.parameters()
    several = {n: int(known[n]) for n in counted(model) if math.isfinite(known[n])}
    alone = [name.rpartition(".")[0] for name, number in several.items() if number == 1]
    for name, number in several.items():
        owner = name.rpartition(".")[0]
        if number > 1:
            what = name.rpartition(".")[2].removesuffix("s")
            found.append(_Loss(f"one {what} of {owner}", model.replace({name: number - 1})))
    if alone:
        frame = blast_radius(model, arrival_rate=rate)
        failing = dict(zip(frame["station"], frame["failing"], strict=True))
        found += [_Loss(f"{n} down", None, float(failing[n])) for n in alone if n in failing]
    if spread is not None and (unknown := [n for n in spread if n not in several]):
        raise ModelError(
            f"spread: no {unknown[0]!r} to spread{did_you_mean(unknown[0], several)}"
        )
    left = {
        n: k * (zones - 1) // zones
        for n, k in several.items()
        if k >= zones and (spread is None or n in spread)
    }
    if left:
        found.append(_Loss(f"one zone of {zones}", model.replace(left)))
    return found


def _fails(
    result: PipelineResult | ClosedResult | None,
    failing: float,
    rate: float,
    goals: Sequence[Objective],
) -> bool:
    if result is None:
        return failing > 1e-9
    return rate >= float(result.max_rate) or not all(bool(g.met(result)) for g in goals)


def _table(rows: Sequence[_Row], goals: Sequence[Objective]) -> Table:
    def read(take: Any, instead: Any = math.nan) -> list[Any]:
        return [instead if result is None else take(result) for _, result, _ in rows]

    def said(result: PipelineResult) -> str:
        missed = [str(g).partition(" <")[0] for g in goals if not bool(g.met(result))]
        which = f": {', '.join(missed)}" if len(goals) > 1 else ""
        return f"MISSED{which}" if missed else "met"

    columns = [
        Column("loss", "", TEXT, [name for name, _, _ in rows]),
        Column("failing", "fail", SHARE, [failing for _, _, failing in rows]),
        Column("max_rate", "sustains", RATE, read(lambda r: float(r.max_rate))),
        Column("bottleneck", "saturates first", TEXT, read(lambda r: str(r.bottleneck), "–")),
        Column("mean", "mean", TIME, read(lambda r: float(r.latency.mean))),
        Column("p99", "p99", TIME, read(lambda r: float(r.latency.quantile(0.99)))),
    ]
    if goals:
        columns.append(Column("objectives", "objectives", WORDS, read(said, "–")))
    return Table("losses", "What remains when something is lost", columns)


def _value(goal: Objective, result: PipelineResult | ClosedResult) -> str:
    from qmodel.planning.quantities import quantity_of

    return shown(float(goal.value(result)), quantity_of(goal.quantity).unit)


def _missed(rows: Sequence[_Row], goals: Sequence[Objective]) -> list[str]:
    """Return what is missed in each row, with its value."""
    found = []
    for name, result, _ in rows:
        missed = [
            f"{g} ({_value(g, result)})" for g in goals if result and not bool(g.met(result))
        ]
        if missed:
            found.append(
                f"Missed {name if name == 'as it is' else f'with {name}'}: {listed(missed)}."
            )
    return found


def _notes(model: Pipeline, zones: int, spread: Sequence[str] | None) -> list[str]:
    from qmodel.planning._models import counted

    known = model.parameters()
    few = [
        n.rpartition(".")[0]
        for n in counted(model)
        if known[n] < zones and (spread is None or n in spread)
    ]
    notes = ["The load is the same in every row; a row shows the steady state of what is left."]
    if few:
        notes.append(
            f"Of {listed(few)} there are fewer than {zones}: what stands in the zone that is "
            "lost is down as a whole."
        )
    return notes


def _pictures(rows: Sequence[_Row], load: Any) -> list[Picture]:
    from qmodel.answers.pictures import bars, marks

    # What is down as a whole sustains no load without failures; what nothing bounds has no bar.
    most = {
        f"{name}: {percent(failing)} fail" if left is None else name: (
            0.0 if left is None else float(left.max_rate)
        )
        for name, left, failing in rows
    }
    limits = {name: rate for name, rate in most.items() if math.isfinite(rate)}
    if not any(limits.values()):
        return []
    cells = [{"loss": name, "max_rate": rate} for name, rate in limits.items()]
    title = "What the site sustains when something is lost"
    drawn = bars(title, cells, ("max_rate", "requests/s"), "loss")
    return [drawn if isinstance(load, Closed) else marks(drawn, {"load": load}, above=True)]
