r"""Service demands by the utilisation law, and over kinds of request by regression.

The utilisation law :math:`U = X D / c` holds for any measured interval without an assumption on
distributions [1]_: the demand of a request at a station is the busy time of its servers over
the requests completed. Over several kinds, :math:`c U_t = D_0 + \sum_k X_{t,k} D_k` in
intervals t, with a background :math:`D_0`; demands are not negative, so the least squares are
[2]_.

References
----------
.. [1] P. J. Denning, J. P. Buzen, "The operational analysis of queueing network models",
   Computing Surveys 10, 1978.
.. [2] C. L. Lawson, R. J. Hanson, "Solving Least Squares Problems", Prentice-Hall, 1974, ch.
23.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError
from qmodel.measurements.estimates import Calibration, Estimate

__all__ = ["hit_ratio", "service_demands"]

_COLLINEAR = 30.0  # Condition number beyond which kinds are not told apart.
_NORMAL = 1.959963984540054


@checked
def service_demands(
    throughput: Mapping[str, Any], utilization: Any, *, servers: int = 1
) -> Calibration:
    """Return the busy time of a station that one request of each kind costs.

    Parameters
    ----------
    throughput : mapping of str to sequence of numbers
        Requests completed a second in each interval, by kind, >= 0. [1/s]
    utilization : sequence of numbers
        Busy share of the servers in each interval, from 0 to 1. [-]
    servers : int, default 1
        Number of servers, such as cores, that the utilisation is a share of. [-]

    Returns
    -------
    Calibration
        A demand for each kind, and the background load, as shares of one server. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or there are no more intervals than kinds.

    Examples
    --------
    >>> reads, writes = [100, 200, 300, 100, 250], [10, 5, 20, 40, 30]
    >>> busy = [0.05 + 0.001 * r + 0.004 * w for r, w in zip(reads, writes)]
    >>> found = service_demands({"read": reads, "write": writes}, busy)
    >>> {name: round(e.value, 4) for name, e in found.estimates.items()}
    {'background': 0.05, 'read': 0.001, 'write': 0.004}
    """
    from scipy.optimize import nnls
    from scipy.stats import t as student

    if not throughput:
        raise DomainError("throughput must have at least one kind of request")
    c = int(_check.count("servers", servers))
    busy = np.ravel(_check.probability("utilization", utilization)).astype(float) * c
    rates = np.array(
        [np.ravel(_check.nonnegative("throughput", x)) for x in throughput.values()],
        dtype=float,
    ).T
    if rates.shape[0] != busy.size:
        raise DomainError(f"utilization must be as many as {rates.shape[0]}, got {busy.size}")
    known = np.isfinite(busy) & np.isfinite(rates).all(axis=1)
    busy, rates = busy[known], rates[known]
    n, k = rates.shape[0], rates.shape[1] + 1
    if n < k:
        raise DomainError(f"utilization must have at least {k} intervals, got {n}")
    columns = np.column_stack([np.ones(n), rates])
    scale = np.sqrt((columns**2).mean(axis=0))
    scale[scale == 0] = 1.0
    found, _ = nnls(columns / scale, busy)
    demands = found / scale
    left = busy - columns @ demands
    rms = float(np.sqrt(np.mean(left**2)))
    active = demands > 0
    half = np.full(k, np.inf)
    free = n - int(active.sum())
    curved = np.linalg.pinv(
        (columns[:, active] / scale[active]).T @ (columns[:, active] / scale[active])
    )
    if free > 0:
        spread = np.sqrt(np.diag(curved) * float(left @ left) / free) / scale[active]
        half[active] = spread * float(student.ppf(0.975, free))
        # At the bound: as far as the curvature with all columns lets it go.
        full = np.linalg.pinv((columns / scale).T @ (columns / scale))
        wide = np.sqrt(np.diag(full) * float(left @ left) / free) / scale
        half[~active] = wide[~active] * float(student.ppf(0.975, free))
    names = ["background", *throughput]
    units = ["-", *["s"] * len(throughput)]
    estimates = {
        name: Estimate(float(d), float(max(d - h, 0.0)), float(d + h), unit)
        for name, d, h, unit in zip(names, demands, half, units, strict=True)
    }
    return Calibration(
        "service demands by the utilisation law",
        estimates,
        None,
        rates.sum(axis=1),
        np.log(np.maximum(busy, 1e-12) / np.maximum(columns @ demands, 1e-12)),
        rms / max(float(busy.mean()), 1e-300),
        notes=_notes(rates, list(throughput), busy / c, estimates),
    )


def _notes(
    rates: np.ndarray, kinds: list[str], busy: np.ndarray, estimates: Mapping[str, Estimate]
) -> tuple[str, ...]:
    notes = [f"measured from {busy.min():.0%} to {busy.max():.0%} utilisation"]
    spread = rates.std(axis=0) / np.maximum(rates.mean(axis=0), 1e-300)
    steady = [k for k, s in zip(kinds, spread, strict=True) if s < 0.05]
    if steady:
        notes.append(
            f"the rate of {', '.join(steady)} hardly changes: its demand is not told from the "
            "background"
        )
    if len(kinds) > 1:
        scaled = rates / np.maximum(np.sqrt((rates**2).mean(axis=0)), 1e-300)
        if np.linalg.cond(scaled) > _COLLINEAR:
            notes.append(
                "the kinds rise and fall together: their sum is known, their single demands "
                "are not; measure with another mix"
            )
    zero = [k for k in kinds if estimates[k].value == 0]
    if zero:
        notes.append(f"{', '.join(zero)} costs nothing here that can be told from zero")
    return tuple(notes)


@checked
def hit_ratio(hits: float, lookups: float) -> Estimate:
    """Return a hit ratio with its interval, by Wilson's formula.

    Parameters
    ----------
    hits : float
        Look-ups that the cache answered, >= 0. [-]
    lookups : float
        All look-ups, > 0 and at least the hits. [-]

    Returns
    -------
    Estimate
        The hit ratio; of independent look-ups, so that correlated ones are less sure. [-]

    Raises
    ------
    DomainError
        If there are more hits than look-ups, or one is out of its domain.

    Examples
    --------
    >>> print(hit_ratio(950, 1000))
    0.95 (0.935 to 0.962)
    """
    n, k = float(_check.positive("lookups", lookups)), float(_check.nonnegative("hits", hits))
    if k > n:
        raise DomainError(f"hits must be at most the lookups, {n:g}, got {k:g}")
    share, square = k / n, _NORMAL**2 / n
    middle = (share + square / 2) / (1 + square)
    half = _NORMAL * np.sqrt(share * (1 - share) / n + square / (4 * n)) / (1 + square)
    return Estimate(share, float(max(middle - half, 0.0)), float(min(middle + half, 1.0)))
