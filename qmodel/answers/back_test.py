"""What a model predicts beside what was measured, and up to which load it may be believed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.words import BAR, RATE, SHARE, TEXT, TIME, percent
from qmodel.measurements import BackTest, Measurements, comparison
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["backtest"]


@checked
@with_doubts
def backtest(
    model: Pipeline | Station,
    measured: Measurements | pd.DataFrame,
    *,
    tolerance: float = comparison.TOLERANCE,
    component: str | None = None,
) -> Answer:
    """Set what a model predicts beside what was measured, at each load that was.

    Parameters
    ----------
    model : Pipeline or Station
        The model. [-]
    measured : Measurements or pandas.DataFrame
        As `qmodel.backtest` takes them: loads with mean latency or percentiles. [-]
    tolerance : float, default 0.15
        Greatest error that agrees, > 0. [-]
    component : str, optional
        Which component of the measurements; by default the first. [-]

    Returns
    -------
    Answer
        Good if every prediction agrees; a row for each load and quantity. [-]

    Raises
    ------
    DomainError
        If `tolerance` is not > 0.
    ModelError
        If nothing that a model predicts was measured.

    Examples
    --------
    >>> import pandas as pd
    >>> import qmodel as qm
    >>> rates, means = [237, 556, 754], [0.0627, 0.0626, 0.09]
    >>> measured = pd.DataFrame({"arrival_rate": rates, "mean": means})
    >>> print(backtest(qm.MMc(0.06236, servers=50), measured).verdict)
    Agrees within 15 % up to 556/s only (worst: mean -17 % at 754/s)
    """
    found = comparison.backtest(model, measured, tolerance=tolerance, component=component)
    frame = found.frame
    columns = [
        Column("arrival_rate", "load", RATE, frame["arrival_rate"].tolist()),
        Column("utilization", "busiest", BAR, frame["utilization"].tolist()),
        Column("quantity", "", TEXT, frame["quantity"].tolist()),
        Column("measured", "measured", TIME, frame["measured"].tolist()),
        Column("predicted", "predicted", TIME, frame["predicted"].tolist()),
        Column("error", "error", SHARE, frame["error"].tolist()),
        Column("verdict", "verdict", TEXT, frame["verdict"].tolist()),
    ]
    worst = int(frame["error"].abs().to_numpy().argmax())
    verdict = found.verdict
    return Answer(
        question="backtest",
        verdict=verdict[0].upper() + verdict[1:],
        good=found.agrees,
        meaning=_meaning(found),
        facts=[
            Fact("tolerance", "agrees within", found.tolerance, SHARE),
            Fact("lowest", "measured from", found.lowest, RATE),
            Fact("highest", "to", found.highest, RATE),
            Fact("believed", "believed up to", found.believed, RATE),
            Fact("worst", "largest error", found.worst),
        ],
        tables=[Table("loads", "Measured and predicted", columns, worst, "largest error")],
        notes=[f"{note[0].upper()}{note[1:]}." for note in found.notes],
        draw=partial(_pictures, frame),
    )


def _meaning(found: BackTest) -> list[str]:
    agrees = (found.frame["verdict"] == "agrees").mean()
    share = "All" if agrees == 1 else percent(float(agrees))
    lines = [
        f"{share} of {len(found.frame)} predictions agree within {text(found.tolerance, '%')}."
    ]
    if not found.agrees:
        off = found.frame[found.frame["verdict"] != "agrees"]
        way = off["verdict"].unique().tolist()
        if len(way) == 1:
            lines.append(f"All that do not are {way[0]}: the model is wrong in one way.")
    high = text(found.highest, "1/s")
    lines.append(f"Nothing is known of loads beyond {high}, the highest that was measured.")
    return lines


def _pictures(frame: pd.DataFrame) -> list[Picture]:
    from qmodel.answers.pictures import lines, rows_of

    rows: list[dict[str, Any]] = []
    for kind in ("measured", "predicted"):
        for name, some in frame.groupby("quantity", sort=False):
            if len(some) > 1:
                rows += rows_of(
                    {
                        "load": some["arrival_rate"].tolist(),
                        "time": some[kind].tolist(),
                        "of": [f"{name} {kind}"] * len(some),
                    }
                )
    if not rows:
        return []
    title = "Latency, measured and predicted"
    return [lines(title, rows, ("load", "requests/s"), ("time", "latency [s]"), by="of")]
