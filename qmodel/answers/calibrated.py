"""A calibrated model: what was measured of it, how well that is known, and what is open."""

from __future__ import annotations

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Table
from qmodel.answers.words import RATE, SHARE, TEXT
from qmodel.measurements import SiteCalibration
from qmodel.units import text

__all__ = ["calibration"]


@checked
def calibration(found: SiteCalibration) -> Answer:
    r"""Say which numbers of a model were measured, how well they are known, and what is open.

    Parameters
    ----------
    found : SiteCalibration
        As from `qmodel.calibrate_site`. [-]

    Returns
    -------
    Answer
        The capacity, and a row for each parameter with its 95 % interval. [-]

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import qmodel as qm
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "steps.csv"
    >>> rows = "237,62.7 397,62.2 556,62.6 634,63.4 754,73.9".replace(" ", "\n")
    >>> _ = path.write_text(f"rps,mean (ms)\n{rows}\n")
    >>> site = qm.calibrate_site([qm.measurements.read(path)], servers={"site": 50})
    >>> print(calibration(site).verdict)
    Saturates at 802/s, first the site; measured up to 754/s
    """
    model, rows = found.model, list(found.estimates.items())
    limit = float(model.max_rate)
    end = "Never saturates"
    if limit < float("inf"):
        end = f"Saturates at {text(limit, '1/s')}, first the {model.bottleneck}"
    seen = "" if found.load != found.load else f"; measured up to {text(found.load, '1/s')}"

    def column(at: int) -> list[str]:
        return [text(float(e[at]), e.unit) for _, e in rows]

    columns = [
        Column("parameter", "parameter", TEXT, [name for name, _ in rows]),
        Column("value", "value", TEXT, column(0)),
        Column("low", "from", TEXT, column(1)),
        Column("high", "to (95 %)", TEXT, column(2)),
    ]
    region = found.region
    facts = [
        Fact("max_rate", "saturates at", limit, RATE),
        Fact("bottleneck", "saturates first", str(model.bottleneck)),
        Fact("measured", "highest load measured", found.load, RATE),
    ]
    if region is not None:
        facts.append(Fact("utilization", "busiest then", float(region.utilization), SHARE))
    return Answer(
        question="calibration",
        verdict=end + seen,
        good=True,
        meaning=["Predictions beyond the loads that were measured are extrapolations."],
        facts=facts,
        tables=[Table("estimates", "Measured parameters", columns)],
        notes=[f"{note[0].upper()}{note[1:]}." for note in found.notes],
        frame=found.to_frame,
    )
