"""The back-test: what a model predicts beside what was measured, and where it may be believed.

At each load that was measured the model is solved, and mean and percentiles stand side by side.
The region of belief is the range of loads up to the first at which a prediction is off by more
than the tolerance; beyond the loads that were measured nothing is known, however good the fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.measurements.calibration import at_loads
from qmodel.measurements.measurements import Measurements
from qmodel.planning.region import Region
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["BackTest", "backtest"]

TOLERANCE = 0.15
"""By default, a prediction agrees within this share of what was measured."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BackTest:
    """Measured beside predicted, with a verdict.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row for each load and quantity: arrival_rate, utilization of the busiest station,
        quantity, measured, predicted, error (predicted over measured, less 1) and verdict. [-]
    tolerance : float
        Greatest error that agrees. [-]
    lowest : float
        Lowest load that was measured. [1/s]
    highest : float
        Highest load that was measured. [1/s]
    believed : float
        Highest load up to which all predictions agree; 0 if not even the lowest does. [1/s]
    notes : tuple of str
        What should be known beside the numbers. [-]

    Examples
    --------
    >>> import pandas as pd
    >>> import qmodel as qm
    >>> rates, means = [237, 556, 754], [0.0627, 0.0626, 0.0739]
    >>> measured = pd.DataFrame({"arrival_rate": rates, "mean": means})
    >>> test = qm.backtest(qm.MMc(0.06236, servers=50), measured)
    >>> test
    <BackTest: agrees within 15 % at 237/s to 754/s (worst: mean -0.54 % at 237/s)>
    >>> test.doubts(900.0)
    ('900/s is beyond the highest load that was measured, 754/s',)
    """

    frame: pd.DataFrame
    tolerance: float
    lowest: float
    highest: float
    believed: float
    notes: tuple[str, ...] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether every prediction is within the tolerance."""
        return bool((self.frame["verdict"] == "agrees").all())

    @property
    def worst(self) -> str:
        """The largest error, in words."""
        row = self.frame.loc[self.frame["error"].abs().idxmax()]
        rate = text(float(row["arrival_rate"]), "1/s")
        if np.isinf(row["error"]):
            return f"{row['quantity']} in overload at {rate}"
        return f"{row['quantity']} {100 * row['error']:+.2g} % at {rate}"

    @property
    def verdict(self) -> str:
        """What the comparison says, in one sentence."""
        within = text(self.tolerance, "%")
        low, high, to = (text(x, "1/s") for x in (self.lowest, self.highest, self.believed))
        if self.agrees:
            return f"agrees within {within} at {low} to {high} (worst: {self.worst})"
        if self.believed:
            return f"agrees within {within} up to {to} only (worst: {self.worst})"
        return f"does not agree within {within} at any load from {low} on (worst: {self.worst})"

    def __repr__(self) -> str:
        """Return the verdict."""
        return f"<BackTest: {self.verdict}>"

    @checked
    def doubts(self, arrival_rate: Value) -> tuple[str, ...]:
        """Return why a prediction at a load should not be believed; nothing if it may be.

        Parameters
        ----------
        arrival_rate : number or array
            The load that a question asks about. [1/s]

        Returns
        -------
        tuple of str
            Each a reason in words: the load is beyond those measured, or where the model
            failed.

        Raises
        ------
        DomainError
            If `arrival_rate` is negative.
        """
        rates = np.ravel(_check.nonnegative("arrival_rate", arrival_rate))
        found = [*Region(lowest=self.lowest, highest=self.highest).of_load(rates)]
        to = text(self.believed, "1/s")
        if not self.agrees and ((rates > self.believed) & (rates <= self.highest)).any():
            found.append(f"beyond {to} the model did not agree with what was measured")
        return tuple(found)


@checked
def backtest(
    model: Station | Pipeline,
    measured: Measurements | pd.DataFrame,
    *,
    tolerance: float = TOLERANCE,
    component: str | None = None,
) -> BackTest:
    """Return what a model predicts beside what was measured.

    Parameters
    ----------
    model : Station or Pipeline
        The model, calibrated or not. [-]
    measured : Measurements or pandas.DataFrame
        As from `qmodel.measurements.read`, or a frame with arrival_rate [1/s] and any of mean
        and percentiles such as p95 [s]. [-]
    tolerance : float, default 0.15
        Greatest error that agrees, as a share of what was measured, > 0. [-]
    component : str, optional
        Which component of the measurements; by default the first. [-]

    Returns
    -------
    BackTest
        A frame with errors and verdicts, and the region in which the model may be believed. [-]

    Raises
    ------
    ModelError
        If nothing that a model predicts was measured.
    DomainError
        If `tolerance` is not > 0.

    Examples
    --------
    >>> import pandas as pd, qmodel as qm
    >>> measured = pd.DataFrame({"arrival_rate": [60.0], "p95": [0.400]})
    >>> test = backtest(qm.MGc(qm.Gamma(0.12, scv=1.5), servers=8), measured)
    >>> test.frame[["quantity", "measured", "verdict"]].to_numpy().tolist()
    [['p95', 0.4, 'too high']]
    """
    import pandas as pd

    within = float(_check.positive("tolerance", tolerance))
    notes: list[str] = []
    if isinstance(measured, Measurements):
        frame = measured
        name = frame.frame["component"].iloc[0] if component is None else component
        frame = frame.of(name)
        if frame.loop == "closed":
            notes.append(
                "measured in a closed loop, whose users wait for their answers; the model has "
                "open arrivals: near saturation it must be worse"
            )
        table = at_loads(frame)
    elif not isinstance(measured, pd.DataFrame):
        raise ModelError(
            f"measured must be Measurements or a DataFrame, got {_check.short(measured)}"
        )
    elif component is not None:
        raise ModelError(f"component must be None, as a DataFrame is of one, got {component!r}")
    else:
        table = measured
    names = [n for n in table.columns if n == "mean" or _share(n) is not None]
    names = [n for n in names if table[n].notna().any()]
    if "arrival_rate" not in table or not names:
        raise ModelError(
            "measured must have arrival_rate and mean or percentiles such as p95, it has "
            f"{', '.join(map(str, table.columns))}"
        )
    table = table[table["arrival_rate"] > 0].sort_values("arrival_rate", kind="stable")
    rates = table["arrival_rate"].to_numpy(dtype=float)
    if not rates.size:
        raise ModelError("measured must have a load above zero")
    result: Any = model.solve(rates)
    latency = result.latency if hasattr(result, "latency") else result.response
    busy = np.broadcast_to(_busiest(result), rates.shape)
    rows = []
    for name in names:
        share = _share(name)
        predicted = latency.mean if share is None else latency.quantile(share)
        predicted = np.broadcast_to(np.asarray(predicted, dtype=float), rates.shape)
        seen = table[name].to_numpy(dtype=float)
        for i in np.flatnonzero(np.isfinite(seen) & (seen > 0)):
            error = float(predicted[i] / seen[i] - 1)
            verdict = (
                "agrees" if abs(error) <= within else "too high" if error > 0 else "too low"
            )
            rows.append((rates[i], busy[i], name, seen[i], predicted[i], error, verdict))
    columns = [
        "arrival_rate",
        "utilization",
        "quantity",
        "measured",
        "predicted",
        "error",
        "verdict",
    ]
    found = pd.DataFrame(rows, columns=columns).sort_values("arrival_rate", kind="stable")
    found = found.reset_index(drop=True)
    found.attrs["units"] = {"arrival_rate": "1/s", "measured": "s", "predicted": "s"}
    failed = found.loc[found["verdict"] != "agrees", "arrival_rate"]
    good = rates if failed.empty else rates[rates < failed.min()]
    top = float(busy.max())
    if top < 0.5:
        notes.append(
            f"the busiest load was {text(top, '%')} of the capacity: how the model queues was "
            "not tested"
        )
    return BackTest(
        found,
        within,
        float(rates.min()),
        float(rates.max()),
        float(good.max()) if good.size else 0.0,
        tuple(notes),
    )


def _share(name: str) -> float | None:
    """Return the share of a column such as "p99.9", None if it is no percentile."""
    digits = str(name)[1:]
    if str(name)[:1] != "p" or not digits.replace(".", "", 1).isdigit():
        return None
    return float(f"{digits}e-2")


def _busiest(result: Any) -> Any:
    if not hasattr(result, "stations"):
        return result.utilization
    busy = [
        np.asarray(s.utilization)
        for s in result.stations.values()
        if np.isfinite(s.station.servers)
    ]
    return np.max(np.broadcast_arrays(*busy), axis=0) if busy else 0.0
