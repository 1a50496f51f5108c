"""A model agrees with what was measured: an assertion for the tests of your own models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmodel.measurements import backtest

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.measurements import Measurements
    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["agrees_with"]


def agrees_with(
    model: Station | Pipeline,
    measured: Measurements | pd.DataFrame,
    *,
    tolerance: float = 0.15,
    up_to: float | None = None,
    component: str | None = None,
) -> None:
    """Assert that a model predicts what was measured.

    Parameters
    ----------
    model : Station or Pipeline
        The model. [-]
    measured : Measurements or pandas.DataFrame
        As `qmodel.backtest` takes it. [-]
    tolerance : float, default 0.15
        Greatest error that agrees, as a share of what was measured. [-]
    up_to : float, optional
        Highest load that must agree; by default all that were measured. [1/s]
    component : str, optional
        Which component of the measurements. [-]

    Raises
    ------
    AssertionError
        If a prediction is off; the message has the rows that are.

    Examples
    --------
    >>> import pandas as pd, qmodel as qm
    >>> rates, means = [237, 556, 754], [0.0627, 0.0626, 0.0739]
    >>> measured = pd.DataFrame({"arrival_rate": rates, "mean": means})
    >>> agrees_with(qm.MMc(0.06236, servers=50), measured, tolerance=0.05)
    """
    test = backtest(model, measured, tolerance=tolerance, component=component)
    rows = test.frame
    if up_to is not None:
        rows = rows[rows["arrival_rate"] <= up_to]
        if not len(rows):
            raise AssertionError(f"nothing was measured up to {up_to:g}/s")
    off = rows[rows["verdict"] != "agrees"]
    if not off.empty:
        raise AssertionError(f"{test.verdict}\n{off.to_string(index=False)}")
