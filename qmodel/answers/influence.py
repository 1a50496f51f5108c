"""Which numbers of a model decide its latency and its capacity."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import facts_of, goals_of, pipeline_of, sensible_load
from qmodel.answers.words import COUNT, RATE, TEXT, WORDS, shown
from qmodel.loads import Closed, Poisson, Profile, in_words
from qmodel.planning.region import warn_beyond

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline
    from qmodel.planning.sensitivity import Sensitivity
    from qmodel.planning.slo import Objectives
    from qmodel.queues import Station

__all__ = ["sensitivity"]

_SHOWN = 12  # parameters of the table and of the picture
_LITTLE = 5e-4


@checked
@with_doubts
def sensitivity(
    model: Pipeline | Station,
    arrival_rate: float | Poisson | Closed | Profile | None = None,
    *,
    objectives: Objectives = (),
    quantities: Sequence[str] = ("mean", "p99"),
) -> Answer:
    """Say which parameters decide latency and capacity, and what saturates after the first.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float or Closed, optional
        The load: users, or a rate below saturation; by default 60 % of what the model can
        sustain. [1/s]
    objectives : str, Objective or sequence of them, optional
        What the capacity must meet. [-]
    quantities : sequence of str, default ("mean", "p99")
        What objectives can be about; the rows are sorted by the last. [-]

    Returns
    -------
    Answer
        For one percent more of each parameter, how many percent each quantity grows. [-]

    Raises
    ------
    DomainError
        If the load is not above 0, or a text is no quantity or objective.
    ModelError
        If the model is overloaded or has arrays.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.010, servers=4)), qm.call("db", qm.MMc(0.020, 9))
    >>> print(sensitivity(qm.Pipeline(qm.series(web, db)), 320.0))
    p99 is 122 ms at 320/s; for 1 % more: web.service_time +1.2 %, arrival_rate +1.1 %,
    db.service_time +0.86 %; web saturates at 400/s, then db at 450/s
    """
    from qmodel.planning.sensitivity import sensitivity as elasticities

    whole, goals = pipeline_of(model), goals_of(objectives)
    load, remark = sensible_load(whole, arrival_rate)
    warn_beyond(whole, load)
    found = elasticities(whole, load, *goals, quantities=quantities)
    tables = [_elasticities(found)]
    if found.saturations:
        names = list(found.saturations)
        rates = list(found.saturations.values())
        columns = [
            Column("station", "", TEXT, names), Column("max_rate", "saturates at", RATE, rates),
        ]  # fmt: skip
        tables.append(Table("saturations", "What saturates first, and then", columns))
    return Answer(
        question="sensitivity",
        verdict=str(found),
        good=True,
        meaning=[f"The load is {remark}."] if remark else [],
        facts=facts_of(load),
        tables=tables,
        notes=_notes(found, goals),
        details={"elasticities": {q: dict(v) for q, v in found.elasticities.items()}},
        frame=found.to_frame,
        draw=partial(_pictures, found),
    )


def _elasticities(found: Sensitivity) -> Table:
    first = list(found.elasticities)[-2]
    names = list(found.elasticities[first])[:_SHOWN]
    values = [shown(found.parameters[name], found.units[name]) for name in names]
    columns = [
        Column("parameter", "", TEXT, names),
        Column("value", "value", WORDS, values),
    ]
    for quantity, by in found.elasticities.items():
        cells = [f"{by[n]:+.2g} %" if abs(by[n]) > _LITTLE else "0 %" for n in names]
        columns.append(Column(quantity, quantity, WORDS, cells))
    return Table("elasticities", "One percent more of each parameter makes of", columns)


def _notes(found: Sensitivity, goals: Sequence[object]) -> list[str]:
    rest = len(found.parameters) - _SHOWN
    notes = [f"{rest} parameters that decide less are not shown."] if rest > 0 else []
    of_users = isinstance(found.arrival_rate, Closed)
    capacity = shown(found.values["capacity"], COUNT if of_users else RATE)
    held = f"up to which {' and '.join(map(str, goals))} holds" if goals else "of saturation"
    what = "number of users" if of_users else "load"
    notes.append(f"Capacity is the {what} {held}: {capacity}.")
    worst = max(found.errors.values())
    how = "Derivatives are differences of sixth order of the same formulas"
    notes.append(f"{how}; the error of an elasticity is at most {worst:.0e}.")
    notes.append("Whole numbers, such as servers, go up by one; the figure is for one percent.")
    return notes


def _pictures(found: Sensitivity) -> list[Picture]:
    from qmodel.answers.pictures import tornado

    drawn = []
    for quantity in list(found.elasticities)[-2:]:
        by = sorted(found.elasticities[quantity].items(), key=lambda item: -abs(item[1]))
        most = {name: e for name, e in by[:_SHOWN] if abs(e) > _LITTLE}
        if most:
            at = f" {in_words(found.arrival_rate)}" if quantity != "capacity" else ""
            title = f"What decides the {quantity}{at}"
            drawn.append(tornado(title, most, f"percent of {quantity} for one percent"))
    return drawn
