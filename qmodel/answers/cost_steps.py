"""Cost against latency: the cheapest choice for each limit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import facts_of, pipeline_of, sensible_load
from qmodel.answers.words import COUNT, NUMBER, SHARE, TEXT, TIME, shown
from qmodel.loads import Closed, Poisson, Profile, in_words

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["frontier"]


@checked
@with_doubts
def frontier(
    model: Pipeline | Station,
    arrival_rate: float | Poisson | Closed | Profile | None = None,
    *,
    quantity: str = "p99",
    points: int = 8,
    prices: Mapping[str, float] | None = None,
    scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    headroom: float = 0.0,
    spares: int | Mapping[str, int] = 0,
) -> Answer:
    """Say what each step towards a better percentile costs at least.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float or Closed, optional
        The load; by default 60 % of what the model can sustain. [1/s]
    quantity : str, default "p99"
        What improves with cost, as objectives name it. [-]
    points : int, default 8
        Most rows, >= 2. [-]
    prices : mapping of str to number, optional
        Price of one of each parameter that is sized, as in `qmodel.size`. [-]
    scenarios : mapping of str to (mapping of str to number), optional
        What must hold all at once, as in `qmodel.size`. [-]
    headroom : number, default 0
        Share by which all loads may exceed what is stated. [-]
    spares : int or mapping of str to int, default 0
        How many more of each to have. [-]

    Returns
    -------
    Answer
        A row for each step, the cheapest first. [-]

    Raises
    ------
    DomainError
        If more of the quantity is better, or a number is outside its domain.
    ModelError
        As of `qmodel.size`.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.045)), qm.call("db", qm.MMc(0.020))
    >>> print(frontier(qm.Pipeline(qm.series(web, db)), 200.0, points=4).verdict)
    From cost 15 with p99 321 ms to cost 21 with p99 236 ms, in 4 steps
    """
    from qmodel.planning.frontier import cost_frontier
    from qmodel.planning.quantities import quantity_of

    load, remark = sensible_load(pipeline_of(model), arrival_rate)
    frame = cost_frontier(
        model,
        load,
        quantity,
        points=points,
        prices=prices,
        scenarios=scenarios,
        headroom=headroom,
        spares=spares,
    )
    what = quantity_of(quantity)
    unit = {"s": TIME, "%": SHARE}[what.unit]
    name = str(what)
    numbers = [n for n in frame if n not in ("cost", name, "binding")]
    table = Table(
        "steps",
        f"The cheapest for each {name} {in_words(load)}",
        [
            Column("cost", "cost", NUMBER, frame["cost"].tolist()),
            Column(name, name, unit, frame[name].tolist()),
            *(Column(n, n, COUNT, frame[n].tolist()) for n in numbers),
            Column("binding", "binds", TEXT, frame["binding"].tolist()),
        ],
    )
    first, last = frame.iloc[0], frame.iloc[-1]

    def end(row: Any) -> str:
        return f"cost {row['cost']:.6g} with {name} {shown(row[name], unit)}"

    steps = f"From {end(first)} to {end(last)}, in {len(frame)} steps"
    return Answer(
        question="frontier",
        verdict=steps if len(frame) > 1 else f"Nothing to gain: {end(first)}",
        good=True,
        facts=facts_of(load),
        tables=[table],
        notes=[f"The load is {remark}."] if remark else [],
        frame=lambda: frame,
        draw=partial(_pictures, table, name),
    )


def _pictures(table: Table, name: str) -> list[Picture]:
    from qmodel.answers.pictures import bars, rows_of

    columns: dict[str, Any] = {c.key: list(c.values) for c in table.columns}
    rows = rows_of({"cost": [f"{x:.6g}" for x in columns["cost"]], "value": columns[name]})
    return [bars(f"{name} by cost", rows, ("value", name), "cost")]
