"""Where a number comes from, as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Formula, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import pipeline_of, sensible_load
from qmodel.answers.words import TEXT
from qmodel.loads import Closed, Poisson, columns_of, in_words
from qmodel.planning.region import warn_beyond

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["explain"]


@checked
@with_doubts
def explain(
    model: Pipeline | Station,
    quantity: str = "mean",
    arrival_rate: float | Poisson | Closed | None = None,
) -> Answer:
    r"""Say where a number comes from: formula, numbers put in, assumptions, literature.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    quantity : str, default "mean"
        "mean", "p99", "max_rate", "goodput", ..., or of a station "database.waiting_time". [-]
    arrival_rate : float or Closed, optional
        The load; by default 60 % of what the model can sustain. [1/s]

    Returns
    -------
    Answer
        The value with its formulas, and what they rest on. [-]

    Raises
    ------
    ModelError
        If the model has no such quantity; the message has the nearest one.

    Examples
    --------
    >>> import qmodel as qm
    >>> found = explain(qm.MMc(0.2, servers=4), "waiting_time", 9.0)
    >>> print(found)
    waiting_time = 11.7 ms (exact)
    mean time in queue, before service
    >>> print(found.formulas[0].latex)
    W_{q} = \frac{S C\left(c, S \lambda\right)}{- S \lambda + c}
    """
    from qmodel.explanation import explain as explained
    from qmodel.explanation.text import headline, meaning, one_line, put_in
    from qmodel.planning._models import StationModel, asked

    what = asked(model)
    whole = pipeline_of(model)
    load, remark = sensible_load(whole, arrival_rate)
    warn_beyond(whole, load)
    users = isinstance(load, Closed)
    solved = what.station if isinstance(what, StationModel) and not users else whole
    why = explained(solved.solve(load), quantity)
    tables = []
    if why.numbers:
        rows = [(one_line(symbol, True), *said) for symbol, *said in put_in(why)]
        heads = zip(("symbol", "value", "meaning"), zip(*rows, strict=True), strict=True)
        columns = [Column(name, name, TEXT, list(cells)) for name, cells in heads]
        tables.append(Table("numbers", "What was put in", columns))
    if why.rows:
        head, *body = why.rows
        cells = list(zip(*body, strict=True))
        columns = [
            Column(name, name, TEXT if i == 0 else "words", list(cells[i]))
            for i, name in enumerate(head)
        ]
        tables.append(Table("stations", "The stations", columns))
    at = in_words(load)
    at = f"{at[0].upper()}{at[1:]}{f' ({remark})' if remark else ''}."
    assumed = [f"{a} ({a.label}): {a.statement}. {a.source}" for a in why.assumptions]
    return Answer(
        question="explain",
        verdict=headline(why),
        good=True,
        meaning=[meaning(quantity), *([why.how] if why.how else [])],
        tables=tables,
        notes=[at, "It assumes", *assumed, *why.sources],
        formulas=_formulas(why),
        details={
            "quantity": quantity,
            "value": why.value,
            "label": why.label,
            **columns_of(load),
            "formulas": [f.ascii for f in _formulas(why)],
        },
    )


def _formulas(why: Any) -> list[Formula]:
    from qmodel import symbolic
    from qmodel.explanation.text import drawn

    found = [] if why.formula is None else [("", why.formula)]
    return [
        Formula(name, drawn(f, True), drawn(f, False), symbolic.latex(f))
        for name, f in [*found, *why.parts]
    ]
