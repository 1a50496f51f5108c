"""Every parameter of a model: its value, its unit, and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Table
from qmodel.answers.words import COUNT, TEXT
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["parameters"]


@checked
def parameters(model: Pipeline | Station) -> Answer:
    """List the parameters of a model: what can be changed, swept and sized, by name.

    Parameters
    ----------
    model : Pipeline or Station
        The model. [-]

    Returns
    -------
    Answer
        A row for each parameter: name, value, unit and meaning. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> found = parameters(qm.MMc(0.0045, servers=8))
    >>> print(found)
    2 parameters
    >>> found.to_frame()[["parameter", "value", "meaning"]].values.tolist()
    [['service_time', '4.5 ms', 'mean service time'], ['servers', '8', 'servers']]
    """
    from qmodel.files.site import meanings_of
    from qmodel.planning._models import asked

    what = asked(model)
    known, said = what.parameters(), meanings_of(what)
    units = [said[name].unit for name in known]
    values = [_shown(value, said[name].unit) for name, value in known.items()]
    count = len(known)
    return Answer(
        question="parameters",
        verdict=f"{count} parameter{'' if count == 1 else 's'}",
        good=True,
        facts=[Fact("count", "parameters", count, COUNT)],
        tables=[
            Table(
                "parameters",
                "Parameters, as --set, --over and prices name them",
                [
                    Column("parameter", "parameter", TEXT, list(known)),
                    Column("value", "value", TEXT, values),
                    Column("unit", "unit", TEXT, units),
                    Column("meaning", "meaning", TEXT, [said[n].meaning for n in known]),
                ],
            )
        ],
    )


def _shown(value: Any, unit: str) -> str:
    """Return a value, or the ends of an array, as people write it."""
    cells = np.asarray(value)
    if cells.dtype == object:
        return str(value)
    if not cells.ndim:
        return text(float(cells), unit, digits=6)
    return f"{text(float(cells.min()), unit)} to {text(float(cells.max()), unit)}"
