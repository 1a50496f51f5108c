"""What a report rests on: the flows, the assumptions, and the numbers of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._fields import described
from qmodel.answers.answer import Answer, Column, Fact, Table
from qmodel.answers.words import COUNT, NUMBER, SHARE, TEXT, WORDS, counted, shown
from qmodel.pipeline.parameters import parameters
from qmodel.units import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qmodel.pipeline import Pipeline, PipelineResult

__all__ = ["assumptions", "flows", "headroom", "numbers"]

_OTHERS = {"probability": "share of the requests that take this path"}
"""Numbers that no field describes."""

_LABELS = {"capacity": "max_rate", "mean": "mean", "percentiles": "p99"}


def flows(result: PipelineResult) -> Answer:
    """Return what the map of a pipeline shows."""
    rate = text(float(result.arrival_rate), "1/s")
    several = counted(len(result.stations), "station")
    verdict = f"At {rate}, {several}; arrows are as wide as their flow"
    return Answer(question="flows", verdict=verdict, good=True)


def assumptions(result: PipelineResult) -> Answer:
    """Return how far each number is to be trusted, and what it is derived from."""
    basis = result.basis
    labels = {name: basis[key] for name, key in _LABELS.items()}
    used: dict[str, list[str]] = {}
    for name, key in _LABELS.items():
        for assumption in basis.assumptions(key):
            used.setdefault(assumption, []).append(name)
    rows = [a for a in result.assumptions if a in used]
    columns = [
        Column("assumption", "", TEXT, list(map(str, rows))),
        Column("label", "is", TEXT, [a.label for a in rows]),
        Column("used", "for", TEXT, [", ".join(used[a]) for a in rows]),
        Column("statement", "it says", TEXT, [a.statement for a in rows]),
        Column("source", "source", TEXT, [a.source for a in rows]),
    ]
    weak = [name for name, label in labels.items() if label != "exact"]
    verdict = ", ".join(f"{name} {label}" for name, label in labels.items())
    note = "Exact means equal to the model, up to rounding; whether the site behaves like the "
    note += "model, only a measurement tells."
    return Answer(
        question="basis",
        verdict=verdict[:1].upper() + verdict[1:],
        good=not weak,
        facts=[Fact(name, "", label) for name, label in labels.items()],
        tables=[Table("assumptions", "Assumptions", columns)],
        notes=[note],
    )


def headroom(shares: Sequence[float], sized: Sequence[Answer]) -> list[Table]:
    """Return a table of what it costs to be ready for a share more of load."""
    good = [(share, answer) for share, answer in zip(shares, sized, strict=True) if answer.good]
    names = list(good[0][1].details["numbers"])
    columns = [
        Column("headroom", "load that is more", SHARE, [share for share, _ in good]),
        *(
            Column(name, name, COUNT, [answer.details["numbers"][name] for _, answer in good])
            for name in names
        ),
        Column("cost", "cost", NUMBER, [answer.fact("cost") for _, answer in good]),
    ]
    return [Table("headroom", "What headroom costs", columns)]


def numbers(model: Pipeline) -> Answer:
    """Return every number of a model with its unit and meaning."""
    rows = list(_numbers(model))
    names, values, meanings = ([row[i] for row in rows] for i in range(3))
    columns = [
        Column("parameter", "", TEXT, names),
        Column("value", "value", WORDS, values),
        Column("meaning", "meaning", TEXT, meanings),
    ]
    several = counted(len(model.stations), "station")
    kinds = ", ".join(model.kinds) if len(model.kinds) > 1 else ""
    of = f" for the kinds of request {kinds}" if kinds else ""
    return Answer(
        question="model",
        verdict=f"{counted(len(rows), 'number')} for {several}{of}",
        good=True,
        tables=[Table("parameters", "Parameters", columns)],
    )


def _numbers(model: Pipeline) -> Iterator[tuple[str, str, str]]:
    known = dict(model.parameters())
    for owner, things in model.plan.owners.items():
        for thing in things:
            for name in parameters(thing):
                full = f"{owner}.{name}"
                if full in known:
                    yield full, *_said(thing, name, known.pop(full))
    for name, value in known.items():
        yield name, text(float(value), "-"), "share of the requests"


def _said(thing: Any, name: str, value: Any) -> tuple[str, str]:
    """Return a value with its unit, and its meaning."""
    *path, last = name.split(".")
    for part in path:
        thing = getattr(thing, part, thing)
    said = described(thing).get(last) if hasattr(thing, "__dataclass_fields__") else None
    meaning = said.meaning if said else _OTHERS.get(last, "")
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "fiu":
        return str(value), meaning
    return shown(float(number), said.unit if said else NUMBER), meaning
