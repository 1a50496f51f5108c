"""Files of measurements of one thing, as a load test writes one for each load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qmodel._checked import checked
from qmodel.errors import ModelError
from qmodel.measurements.measurements import Measurements

__all__ = ["joined"]


@checked
def joined(measured: Sequence[Measurements]) -> Measurements:
    r"""Return several files of measurements as one.

    Parameters
    ----------
    measured : sequence of Measurements
        As from `qmodel.measurements.read`, one for each load, or day. [-]

    Returns
    -------
    Measurements
        All their rows, with the notes and the number of bad lines of all. [-]

    Raises
    ------
    ModelError
        If there is none.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import qmodel as qm
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for rate, time in ((10, 20), (40, 25)):
    ...     _ = (folder / f"{rate}.csv").write_text(f"rps,mean (ms)\n{rate},{time}\n")
    >>> joined([qm.measurements.read(p) for p in sorted(folder.iterdir())])
    <Measurements of 10.csv and 40.csv, CSV: 2 rows, 10/s to 40/s>
    """
    import pandas as pd

    if not measured:
        raise ModelError("measured must have one file at least, got none")
    if len(measured) == 1:
        return measured[0]
    first, last = measured[0], measured[-1]
    several = len(measured) > 2
    source = f"{len(measured)} files" if several else f"{first.source} and {last.source}"
    frames = [m.frame.dropna(axis=1, how="all") for m in measured]
    columns = list(dict.fromkeys(name for m in measured for name in m.frame.columns))
    frame = pd.concat(frames, ignore_index=True).reindex(columns=columns)
    for name in ("component", "kind"):
        frame[name] = frame[name].fillna("")
    frame["histogram"] = frame["histogram"].astype(object)
    for name in set(columns) - {"time", "component", "kind", "histogram"}:
        frame[name] = frame[name].astype(float)
    frame.attrs["units"] = {k: v for m in measured for k, v in _units(m).items()}
    loops = {m.loop for m in measured}
    return replace(
        first,
        frame=frame,
        source=source,
        format=", ".join(dict.fromkeys(m.format for m in measured)),
        notes=tuple(dict.fromkeys(note for m in measured for note in m.notes)),
        bad_lines=sum(m.bad_lines for m in measured),
        first_bad=next((f"{m.source}, {m.first_bad}" for m in measured if m.first_bad), ""),
        loop=loops.pop() if len(loops) == 1 else "unknown",
        arrivals=None,
    )


def _units(measured: Measurements) -> dict[str, str]:
    found: Any = measured.frame.attrs.get("units", {})
    return dict(found)
