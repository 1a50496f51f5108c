r"""What a calibration returns: estimates with intervals, residuals, alternatives, and doubts.

Parameters are fitted by least squares on the logarithm of what was measured, as a model is
wrong by a share and not by a number of seconds. Intervals are 95 %, from the derivatives at the
optimum and Student's t with the degrees of freedom that are left [1]_. Models with more
parameters are compared by the corrected criterion of Akaike [2]_,

.. math::

    n \ln(\mathrm{rss} / n) + 2 k + \frac{2 k (k + 1)}{n - k - 1}.

References
----------
.. [1] G. A. F. Seber, C. J. Wild, "Nonlinear Regression", Wiley, 1989, ch. 2 and 5.
.. [2] C. M. Hurvich, C.-L. Tsai, "Regression and time series model selection in small samples",
   Biometrika 76, 1989.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.queues import Station

__all__ = ["Calibration", "Estimate", "LeastSquares", "least_squares"]


class Estimate(NamedTuple):
    """A number with its 95 % interval and unit."""

    value: float
    low: float
    high: float
    unit: str = "-"

    def __str__(self) -> str:
        """Return the number and its interval."""
        parts = (text(x, self.unit) for x in (self.value, self.low, self.high))
        return "{} ({} to {})".format(*parts)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Calibration:
    """Estimates from measurements, with what is left and what else would fit.

    Parameters
    ----------
    model : str
        What was fitted, in words. [-]
    estimates : mapping of str to Estimate
        Each number with its 95 % interval. [-]
    station : Station or None
        The calibrated station, where there is one. [-]
    loads : array
        The loads that were measured: arrival rates [1/s], or users. [-]
    residuals : array
        Logarithm of measured over fitted, at each load. [-]
    rms : float
        Their root mean square. [-]
    criterion : float
        What the alternatives are ranked by; less is better, a difference below 2 is none. [-]
    alternatives : tuple of Calibration
        Other models, the best first. [-]
    notes : tuple of str
        What can be told from these measurements and what cannot. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> rates, means = [20.0, 40.0, 60.0, 75.0], [0.101, 0.107, 0.133, 0.236]
    >>> found = qm.measurements.service_time(rates, means, servers=8)
    >>> print(found.estimates["service_time"])
    99.4 ms (97 ms to 102 ms)
    """

    model: str
    estimates: Mapping[str, Estimate]
    station: Station | None = None
    loads: np.ndarray = field(default_factory=lambda: np.zeros(0))
    residuals: np.ndarray = field(default_factory=lambda: np.zeros(0))
    rms: float = float("nan")
    criterion: float = float("nan")
    alternatives: tuple[Calibration, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the model and its estimates in one line."""
        found = ", ".join(f"{name} {e}" for name, e in self.estimates.items())
        left = f"; rms {text(self.rms, '%')}" if self.rms == self.rms else ""
        return f"<Calibration of {self.model}: {found}{left}>"

    def to_frame(self) -> pd.DataFrame:
        """Return the estimates of this model and of the alternatives.

        Returns
        -------
        pandas.DataFrame
            Model, name, value, low and high, unit, rms and criterion; the best first. [-]
        """
        import pandas as pd

        rows = [
            {"model": one.model, "name": name, **e._asdict(), "rms": one.rms,
             "criterion": one.criterion}
            for one in (self, *self.alternatives)
            for name, e in one.estimates.items()
        ]  # fmt: skip
        return pd.DataFrame(rows)


class LeastSquares(NamedTuple):
    """A fit by least squares: parameters, their 95 % half widths, and what is left."""

    z: np.ndarray
    half: np.ndarray
    errors: np.ndarray
    residuals: np.ndarray
    rms: float
    criterion: float
    condition: float


def least_squares(
    residuals: Callable[[np.ndarray], np.ndarray], start: Sequence[float], **more: Any
) -> LeastSquares:
    """Return the parameters that make the sum of the squared residuals least."""
    from scipy.optimize import least_squares as minimized
    from scipy.stats import t as student

    # Overload is infinite: a large residual leads back from it.
    def left(z: np.ndarray) -> np.ndarray:
        finite: np.ndarray = np.clip(np.nan_to_num(residuals(z), nan=9.0), -9.0, 9.0)
        return finite

    first = np.asarray(start, dtype=float)
    # MINPACK is several times faster, but takes no bounds and no fewer numbers than parameters.
    method = "lm" if left(first).size >= first.size else "trf"
    found = minimized(left, first, method=method, xtol=1e-12, ftol=1e-14, **more)
    n, k, rss = found.fun.size, found.x.size, float(2 * found.cost)
    free = max(n - k, 0)
    # An exact fit leaves rounding only.
    least = max(rss, n * 1e-24)
    curved = found.jac.T @ found.jac
    scale = np.sqrt(np.maximum(np.diag(curved), 1e-300))
    condition = float(np.linalg.cond(curved / np.outer(scale, scale)))
    # With as many numbers as parameters nothing is left to tell an error by.
    errors = half = np.full(k, np.inf)
    if free:
        spread = np.diag(np.linalg.pinv(curved)) * least / free
        errors = np.sqrt(np.maximum(spread, 0.0))
        half = errors * float(student.ppf(0.975, free))
    penalty = 2 * k + (2 * k * (k + 1) / (n - k - 1) if n - k > 1 else np.inf)
    criterion = n * float(np.log(least / n)) + penalty
    return LeastSquares(
        found.x, half, errors, -found.fun, float(np.sqrt(rss / n)), criterion, condition
    )
