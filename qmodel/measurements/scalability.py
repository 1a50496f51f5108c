r"""The universal scalability law: throughput by number of users, processors or nodes.

.. math::

    X(N) = \frac{\gamma N}{1 + \alpha (N - 1) + \beta N (N - 1)}

with contention :math:`\alpha`, coherency :math:`\beta` and the throughput of one,
:math:`\gamma` [1]_. It peaks at :math:`\sqrt{(1 - \alpha) / \beta}`; without coherency it tends
to :math:`\gamma / \alpha`. The fit is by least squares on X, as the package ``usl`` of R [2]_
does by default; least squares on relative errors weigh the small loads more and may halve
:math:`\alpha`, so the form is said. Intervals are by bootstrap of the residuals.

It is an empirical distribution: with :math:`\beta = 0` it is the throughput of a machine
repairman whose users all wait for each other, below that of independent users.

References
----------
.. [1] N. J. Gunther, "Guerrilla Capacity Planning", Springer, 2007, ch. 4 to 6.
.. [2] N. J. Gunther, S. Möding, "usl: Analyze system scalability with the universal scalability
   distribution", package of R.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError
from qmodel.measurements.estimates import Calibration, Estimate

__all__ = ["usl"]

_REPEATS = 200
_SEED = 20_071
_NONE = 1e-8  # Of the coherency: it would not show below ten thousand users.


def _throughput(n: Any, alpha: Any, beta: Any, gamma: Any) -> Any:
    return gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1))


@checked
def usl(
    load: Any, throughput: Any, *, form: Literal["throughput", "relative"] = "throughput"
) -> Calibration:
    """Return the universal scalability law of measured throughputs.

    Parameters
    ----------
    load : sequence of numbers
        Users, processors or nodes, >= 1, at least four different ones. [-]
    throughput : sequence of numbers
        Throughput at each, > 0. [1/s]
    form : {"throughput", "relative"}, default "throughput"
        Least squares on the throughput, as R's ``usl``, or on its relative error. [-]

    Returns
    -------
    Calibration
        Contention, coherency, throughput of one, load and throughput of the peak, limit. [-]

    Raises
    ------
    DomainError
        If there are fewer than four different loads, or a number is outside its domain.

    Examples
    --------
    >>> users = [1, 18, 36, 72, 108, 144, 216]
    >>> rates = [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2]
    >>> found = usl(users, rates)
    >>> [float(f"{found.estimates[name].value:.4g}") for name in ("contention", "coherency")]
    [0.02773, 0.0001044]
    >>> round(found.estimates["peak_load"].value, 2)
    96.52
    """
    n = np.ravel(_check.positive("load", load)).astype(float)
    x = np.ravel(_check.positive("throughput", throughput)).astype(float)
    if n.size != x.size:
        raise DomainError(f"throughput must be as many as {n.size}, got {x.size}")
    if (n < 1).any():
        raise DomainError(f"load must be >= 1, got {n.min():g}")
    if np.unique(n).size < 4:
        raise DomainError(f"load must have four different values or more, got {n.tolist()}")
    if form not in ("throughput", "relative"):
        raise DomainError(f"form must be 'throughput' or 'relative', got {form!r}")
    z = _fitted(n, x, form)
    fitted = _throughput(n, *z)
    left = x - fitted if form == "throughput" else np.log(x / fitted)
    rng = np.random.default_rng(_SEED)
    # Residuals of a fit are smaller than the noise: by the parameters that they paid for.
    wide = left * np.sqrt(n.size / max(n.size - 3, 1))
    some = []
    for _ in range(_REPEATS):
        again = rng.choice(wide, n.size)
        made = fitted + again if form == "throughput" else fitted * np.exp(again)
        some.append(_described(_fitted(n, np.maximum(made, 1e-9 * x.max()), form, z)))
    found = _described(z)
    units = {"single": "1/s", "peak_throughput": "1/s", "limit": "1/s"}
    estimates = {}
    for name, value in found.items():
        low, high = np.quantile([s[name] for s in some], [0.025, 0.975], method="nearest")
        estimates[name] = Estimate(value, float(low), float(high), units.get(name, "-"))
    notes = [
        f"least squares on the {'throughput, as usl of R' if form == 'throughput' else form}"
    ]
    if found["coherency"] == 0:
        notes.append("no coherency: throughput only levels off, up to the limit")
    if n.max() < found["peak_load"] < np.inf:
        notes.append(f"the peak is beyond the loads that were measured, up to {n.max():g}")
    return Calibration(
        "the universal scalability law",
        estimates,
        None,
        n,
        np.log(x / fitted),
        float(np.sqrt(np.mean(np.log(x / fitted) ** 2))),
        notes=tuple(notes),
    )


def _described(z: np.ndarray) -> dict[str, float]:
    alpha, beta, gamma = (float(v) for v in z)
    peak = float(np.sqrt(max(1 - alpha, 0.0) / beta)) if beta > 0 else np.inf
    limit = gamma / alpha if alpha > 0 else np.inf
    top = float(_throughput(peak, *z)) if np.isfinite(peak) else limit
    return {
        "contention": alpha,
        "coherency": beta,
        "single": gamma,
        "peak_load": peak,
        "peak_throughput": top,
        "limit": limit,
    }


def _fitted(n: np.ndarray, x: np.ndarray, form: str, start: Any = None) -> np.ndarray:
    from scipy.optimize import least_squares, nnls

    if start is None:
        # Linear in 1/gamma, alpha/gamma, beta/gamma, on relative errors.
        weights = x / n
        columns = np.column_stack([np.ones_like(n), n - 1, n * (n - 1)]) * weights[:, None]
        b, _ = nnls(columns, np.ones_like(n))
        start = b[1] / b[0], b[2] / b[0], 1 / b[0]
        if form == "relative":
            return np.array(start)

    # Squares and an exponential keep the parameters from becoming negative.
    scale = x.max()

    def parameters(z: np.ndarray) -> tuple[float, float, float]:
        return z[0] ** 2, z[1] ** 2, scale * np.exp(z[2])

    def left(z: np.ndarray) -> np.ndarray:
        model = _throughput(n, *parameters(z))
        found: np.ndarray = (model - x) / scale if form == "throughput" else np.log(model / x)
        return found

    def slopes(z: np.ndarray) -> np.ndarray:
        alpha, beta, gamma = parameters(z)
        below = 1 + alpha * (n - 1) + beta * n * (n - 1)
        logs = np.column_stack(
            [-2 * z[0] * (n - 1) / below, -2 * z[1] * n * (n - 1) / below, np.ones(n.size)]
        )
        if form == "throughput":
            logs = logs * (_throughput(n, alpha, beta, gamma) / scale)[:, None]
        return logs

    a, b, g = np.maximum(start, [1e-6, 1e-8, 1e-9 * scale])
    first = np.array([np.sqrt(a), np.sqrt(b), np.log(g / scale)])
    found = least_squares(left, first, jac=slopes, method="lm", max_nfev=100).x
    none = found**2 < [1e-7, _NONE, 0.0]
    if none.any():
        # Squares near nought hardly move: it is nought, where it stays, and the others follow.
        found = least_squares(
            left, np.where(none, 0.0, found), jac=slopes, method="lm", max_nfev=100
        ).x
    return np.array(parameters(found), dtype=float)
