r"""What a fit returns, and the fit to counts by maximum likelihood.

A count :math:`n_i` between two bounds says that so many times were there and not where, so the
likelihood of a distribution F is [1]_

.. math::

    \ln L = \sum_i n_i \ln\bigl(F(b_i) - F(b_{i-1})\bigr),

maximal over the parameters of each family. Families are ranked by the Bayesian criterion
:math:`-2 \ln L + k \ln n` with k parameters [2]_; the intervals are those of the best family,
by the curvature of the likelihood at its maximum (95 %, and the delta method on the logarithm
of each quantity). They do not hold the doubt about the family: see `Fit.alternatives`.

References
----------
.. [1] E. L. Lehmann, G. Casella, "Theory of Point Estimation", 2nd ed., Springer, 1998, ch. 6.
.. [2] G. Schwarz, "Estimating the dimension of a model", Annals of Statistics 6, 1978.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from qmodel.distributions.base import Distribution
from qmodel.distributions.from_families import Family
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fit", "fit_counts", "minimum", "quantities"]

QUANTITIES: dict[str, Callable[[Distribution], float]] = {
    "mean": lambda distribution: float(distribution.mean),
    "scv": lambda distribution: float(distribution.scv),
    "p50": lambda distribution: float(distribution.quantile(0.5)),
    "p95": lambda distribution: float(distribution.quantile(0.95)),
    "p99": lambda distribution: float(distribution.quantile(0.99)),
}
_NORMAL = 1.959963984540054  # 97.5 % quantile of the normal distribution
_LEAST = 1e-300
_FAR = 1e12  # Of the criterion: what the data rule out.


def quantities(distribution: Distribution) -> dict[str, float]:
    """Return mean, SCV and three percentiles of a distribution."""
    return {name: of(distribution) for name, of in QUANTITIES.items()}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fit:
    """A distribution that was fitted to measurements, with what else would fit.

    Parameters
    ----------
    distribution : Distribution
        The best one. [-]
    family : str
        Name of its family. [-]
    rms : float
        Root mean square of what is left: for counts, of the difference of the shares below each
        bound; for percentiles, of the logarithm of fitted over given time. [-]
    count : float
        How many times were measured, NaN if that is not known. [-]
    criterion : float
        What the families are ranked by; less is better, a difference above 10 is strong. [-]
    intervals : mapping of str to tuple
        95 % intervals of mean, scv, p50, p95 and p99; from percentiles alone, the span of the
        families that fit as well. [-]
    alternatives : tuple of Fit
        The other families, the best first. [-]
    notes : tuple of str
        What should be known before the fit is used. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> fit = qm.from_histogram([0.1, 0.25, 0.5, 1.0], [700, 210, 65, 20, 5])
    >>> fit.family, float(fit.distribution.quantile(0.95)).__round__(2)
    ('lognormal', 0.35)
    """

    distribution: Distribution
    family: str
    rms: float
    count: float = float("nan")
    criterion: float = float("nan")
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    alternatives: tuple[Fit, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return family, mean, SCV, p99 and what is left in one line."""
        found = quantities(self.distribution)
        mean, p99 = text(found["mean"], "s"), text(found["p99"], "s")
        return (
            f"<Fit, {self.family}: mean {mean}, SCV {found['scv']:.3g}, "
            f"p99 {p99}, rms {text(self.rms, '%')}>"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the families, the best first, with what each says.

        Returns
        -------
        pandas.DataFrame
            Family, rms, criterion, mean, scv and percentiles; ``attrs["units"]`` has the
            units. [-]
        """
        import pandas as pd

        rows = [
            {"family": fit.family, "rms": fit.rms, "criterion": fit.criterion}
            | quantities(fit.distribution)
            for fit in (self, *self.alternatives)
        ]
        frame = pd.DataFrame(rows)
        times = ("mean", "p50", "p95", "p99")
        frame.attrs["units"] = {n: "s" if n in times else "-" for n in frame.columns}
        return frame


def minimum(
    of: Callable[[np.ndarray], float], starts: Sequence[Sequence[float]]
) -> tuple[np.ndarray, float]:
    """Return where a function is least, from several starts, and its value there."""
    from scipy.optimize import minimize

    best, least = np.array(starts[0], dtype=float), np.inf
    for start in starts:
        first = np.array(start, dtype=float)
        if not first.size:
            return first, of(first)
        options = {
            "xatol": 1e-5,
            "fatol": 1e-8,
            "maxfev": 200 * first.size,
            "initial_simplex": np.vstack([first, first + 0.3 * np.eye(first.size)]),
        }
        found = minimize(of, first, method="Nelder-Mead", options=options)
        if found.fun < least:
            best, least = found.x, float(found.fun)
    return best, least


def fit_counts(
    bounds: np.ndarray,
    counts: np.ndarray,
    families: Sequence[Family],
    *,
    mean: float | None,
    start: tuple[float, float],
) -> Fit:
    """Return the best family for counts in (0, b1], (b1, b2], ..., above the last bound."""
    n = float(counts.sum())
    fits = []
    for family in families:
        shapes = family.starts(start[1])

        def made(z: np.ndarray, family: Family = family) -> Distribution:
            return family.distribution(
                z if mean is None else np.concatenate(([np.log(mean)], z))
            )

        def misfit(z: np.ndarray, made: Callable[..., Distribution] = made) -> float:
            return -_log_likelihood(made(z), bounds, counts)

        starts = [s if mean is not None else [np.log(start[0]), *s] for s in shapes]
        z, least = minimum(misfit, starts)
        distribution = made(z)
        observed = np.cumsum(counts)[:-1] / n
        left = np.asarray(distribution.cdf(bounds)) - observed
        fits.append(
            Fit(
                distribution,
                family.name,
                float(np.sqrt(np.mean(left**2))),
                n,
                2 * least + z.size * np.log(n),
                _intervals(
                    family, [*z] if mean is None else [np.log(mean), *z], bounds, counts
                ),
            )
        )
    ranked = sorted(fits, key=lambda fit: fit.criterion)
    return replace(ranked[0], alternatives=tuple(ranked[1:]))


def _log_likelihood(
    distribution: Distribution, bounds: np.ndarray, counts: np.ndarray
) -> float:
    below, above = np.asarray(distribution.cdf(bounds)), np.asarray(distribution.tail(bounds))
    # Differences of the smaller of the two: neither end loses digits.
    first, last = np.diff(below, prepend=0.0), -np.diff(above, prepend=1.0)
    inner = np.where(below < 0.5, first, last)
    shares = np.append(inner, above[-1] if above.size else 1.0)
    some = counts > 0
    value = float(counts[some] @ np.log(np.maximum(shares[some], _LEAST)))
    return value if np.isfinite(value) else -_FAR


def _intervals(
    family: Family, parameters: Sequence[float], bounds: np.ndarray, counts: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals by the curvature of the likelihood and the delta method.

    A given mean is itself that of a sample: it counts as a parameter here.
    """
    z = np.asarray(parameters, dtype=float)
    covariance = _covariance(
        lambda z: -_log_likelihood(family.distribution(z), bounds, counts), z
    )
    steps = 1e-4 * np.eye(z.size)
    near = [
        (quantities(family.distribution(z + e)), quantities(family.distribution(z - e)))
        for e in steps
    ]
    found = {}
    for name, value in quantities(family.distribution(z)).items():
        slope = np.array([np.log(up[name] / down[name]) / 2e-4 for up, down in near])
        half = _NORMAL * np.sqrt(max(float(slope @ covariance @ slope), 0.0))
        found[name] = value * float(np.exp(-half)), value * float(np.exp(min(half, 700)))
    return found


def _covariance(misfit: Callable[[np.ndarray], float], z: np.ndarray) -> np.ndarray:
    """Return the inverse of the second derivatives of a negative log likelihood."""
    h, k = 1e-3, z.size
    steps = h * np.eye(k)
    second = np.zeros((k, k))
    here = misfit(z)
    for i in range(k):
        for j in range(i, k):
            a, b = steps[i], steps[j]
            if i == j:
                value = (misfit(z + a) - 2 * here + misfit(z - a)) / h**2
            else:
                corners = misfit(z + a + b) - misfit(z + a - b) - misfit(z - a + b)
                value = (corners + misfit(z - a - b)) / (4 * h**2)
            second[i, j] = second[j, i] = value
    values, vectors = np.linalg.eigh(second)
    # A direction that the data do not see has no finite error.
    inverse = np.where(
        values > 1e-9 * max(values.max(), 1e-9), 1 / np.maximum(values, 1e-12), 1e6
    )
    result: np.ndarray = (vectors * inverse) @ vectors.T
    return result
