"""How sure an answer is, where the numbers of the model are known only so far."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import facts_of, goals_of, pipeline_of, sensible_load
from qmodel.answers.words import COUNT, RATE, SHARE, TEXT, WORDS, percent, shown
from qmodel.loads import Closed, Poisson, Profile, columns_of
from qmodel.planning.region import warn_beyond

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.planning.uncertainty import Uncertainty
    from qmodel.queues import Station

__all__ = ["uncertainty"]

_POINTS = 60  # of a curve
_WIDE = 8
"""Times of the median that a curve has room for."""

_CALM = 0.01
"""An overload that is less probable than this is no bad news."""


@checked
@with_doubts
def uncertainty(
    model: Pipeline | Station,
    arrival_rate: float | Poisson | Closed | Profile | None = None,
    *,
    spreads: Mapping[str, float] | float = 0.1,
    objectives: Objectives = (),
    probability: float = 0.9,
    draws: int = 512,
    seed: int = 0,
) -> Answer:
    """Say how probable an overload is, and between which ends the latency lies.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float or Closed, optional
        The load; by default 60 % of what the model can sustain. [1/s]
    spreads : number or mapping of str to number, default 0.1
        Relative standard deviation of each uncertain parameter, "arrival_rate" or "users" and
        "think_time" among them; one number is that of the load and of all service times. [-]
    objectives : str, Objective or sequence of them, optional
        Objectives whose probability is asked for, each by itself. [-]
    probability : number, default 0.9
        What the intervals hold. [-]
    draws : int, default 512
        Number of draws, >= 100; best a power of 2. [-]
    seed : int, default 0
        The same seed gives the same draws. [-]

    Returns
    -------
    Answer
        Good where an overload is less probable than 1 % and each objective is met with the
        probability of the intervals. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or a text is no objective.
    ModelError
        If there is no such parameter, it is a whole number, or the model has arrays.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.010, servers=4)), qm.call("db", qm.MMc(0.020, 8))
    >>> found = uncertainty(qm.Pipeline(qm.series(web, db)), 320.0, spreads=0.1)
    >>> found.good, round(found.fact("overload"), 3)
    (False, 0.096)
    """
    from qmodel.planning.uncertainty import uncertainty as drawn

    whole, goals = pipeline_of(model), goals_of(objectives)
    load, remark = sensible_load(whole, arrival_rate)
    warn_beyond(whole, load)
    spread = dict(spreads) if isinstance(spreads, Mapping) else _all(whole, load, spreads)
    found = drawn(whole, load, spread, *goals, probability=probability, draws=draws, seed=seed)
    met = all(p >= probability for p in found.met.values())
    return Answer(
        question="uncertainty",
        verdict=str(found),
        good=found.overload < _CALM and met,
        meaning=[f"The load is {remark}."] if remark else [],
        facts=[
            *facts_of(load),
            Fact("overload", "probability of overload", found.overload, SHARE),
            Fact("draws", "draws", found.draws, COUNT),
        ],
        tables=[_intervals(found), *_met(found), *_bottlenecks(found), _shares(found, spread)],
        notes=["Parameters are taken as independent of each other."],
        details={"met": dict(found.met), "bottlenecks": dict(found.bottlenecks)},
        frame=found.to_frame,
        draw=partial(_pictures, found, tuple(goals)),
    )


def _all(model: Pipeline, load: Any, spread: float) -> dict[str, float]:
    from qmodel.queues.delay import Delay

    waits = {name for name, station in model.stations.items() if not isinstance(station, Delay)}
    known = {
        name
        for name, value in model.parameters().items()
        if name.rpartition(".")[2] in ("service_time", "mean")
        and name.partition(".")[0] in waits
        and value > 0
    }
    own = {n: spread for n, value in columns_of(load).items() if value > 0}
    return own | {n: spread for n in model.parameters() if n in known}


def _intervals(found: Uncertainty) -> Table:
    from qmodel.planning.quantities import quantity_of

    rows: list[list[Any]] = []
    for name, ends in found.intervals.items():
        unit = RATE if name == "max_rate" else quantity_of(name).unit
        rows.append([name, *(shown(x, unit) for x in ends)])
    cells = list(zip(*rows, strict=True))
    columns = [Column("quantity", "", TEXT, cells[0])]
    for key, header, values in zip(
        ("low", "median", "high"), ("low", "median", "high"), cells[1:], strict=True
    ):
        columns.append(Column(key, header, WORDS, values))
    return Table("intervals", f"Within these ends with {percent(found.probability)}", columns)


def _met(found: Uncertainty) -> list[Table]:
    if not found.met:
        return []
    goals, probabilities = list(found.met), list(found.met.values())
    columns = [
        Column("objective", "", TEXT, goals),
        Column("met", "is met", SHARE, probabilities),
    ]
    return [Table("probabilities", "How probable it is that an objective is met", columns)]


def _bottlenecks(found: Uncertainty) -> list[Table]:
    named = {name: p for name, p in found.bottlenecks.items() if name}
    if not named:
        return []
    columns = [
        Column("station", "", TEXT, list(named)),
        Column("probability", "probability", SHARE, list(named.values())),
    ]
    return [Table("first", "What saturates first", columns)]


def _shares(found: Uncertainty, spreads: Mapping[str, float]) -> Table:
    names = list(found.shares)
    columns = [
        Column("parameter", "", TEXT, names),
        Column("spread", "known to", SHARE, [float(spreads[name]) for name in names]),
        Column("share", "of the variance", SHARE, list(found.shares.values())),
    ]
    last = list(found.intervals)[-1]
    return Table("shares", f"Which parameter decides the variance of the {last}", columns)


def _pictures(found: Uncertainty, goals: tuple[Objective, ...]) -> list[Picture]:
    import numpy as np

    from qmodel.answers.pictures import lines, marks, rows_of
    from qmodel.planning.quantities import quantity_of

    name = list(found.intervals)[-1]
    if quantity_of(name).unit != "s":
        return []
    probabilities = np.linspace(0.005, 0.995, _POINTS)
    values = np.quantile(found.samples[name], probabilities, method="inverted_cdf")
    # A few draws next to saturation would take all the width.
    values = np.where(values > _WIDE * found.intervals[name][1], np.inf, values)
    columns = {
        "value": values.tolist(),
        "below": probabilities.tolist(),
        "of": [name] * _POINTS,
    }
    rows = rows_of(columns)
    if not rows:
        return []
    title = f"How probable a {name} below each value is"
    picture = lines(title, rows, ("value", f"{name} [s]"), ("below", "probability"), by="of")
    limits = {str(g): g.limit for g in goals if g.quantity == name and g.subject is None}
    return [marks(picture, limits)]
