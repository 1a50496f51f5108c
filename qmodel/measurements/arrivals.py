r"""How variable arrivals are, at several scales of time.

The **index of dispersion** of the counts N(t) in windows of length t is
:math:`I(t) = \mathrm{Var} N(t) / E N(t)`: 1 for Poisson arrivals at every scale, the SCV of the
interarrival times for renewal arrivals at long scales, and growing where a burst follows a
burst [1]_. What a queue feels is I at the scale of its busy periods. A trend of the rate also
makes it grow; the **Allan factor** :math:`E(N_{i+1} - N_i)^2 / 2 E N` is blind to slow trends
[2]_, and the two together tell bursts from a trend.

References
----------
.. [1] D. R. Cox, P. A. W. Lewis, "The Statistical Analysis of Series of Events", Methuen, 1966.
.. [2] S. B. Lowen, M. C. Teich, "Fractal-Based Point Processes", Wiley, 2005, ch. 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["arrival_variability"]

_WINDOWS = 20  # Fewest windows that an index rests on.
_POISSON = 1.5
_TREND = 0.2  # Of the index: a smaller Allan factor means that the rate changes slowly.


@checked
def arrival_variability(
    counts: Any, interval: float, *, scales: Sequence[float] | None = None
) -> pd.DataFrame:
    """Return the variability of arrivals by scale of time.

    Parameters
    ----------
    counts : sequence of numbers
        Requests in intervals of equal length, one after the other, >= 0. [-]
    interval : float
        Length of an interval, > 0. [s]
    scales : sequence of float, optional
        Lengths of the windows; by default from the interval upwards, doubled until 20 windows
        are left. [s]

    Returns
    -------
    pandas.DataFrame
        A row for each scale: the index of dispersion with its 95 % interval for independent
        windows, the Allan factor, and the number of windows; ``attrs["verdict"]`` says in words
        what they mean. [-]

    Raises
    ------
    DomainError
        If there are fewer than 20 intervals, none has a request, or a number is out of its
        domain.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.random.default_rng(1).poisson(5.0, 4000)
    >>> frame = arrival_variability(counts, 0.1, scales=[0.1, 1.0])
    >>> frame["index"].round(1).tolist(), frame.attrs["verdict"]
    ([1.0, 1.1], 'like Poisson arrivals at all scales measured')
    """
    import pandas as pd
    from scipy.stats import chi2

    n = np.ravel(_check.nonnegative("counts", counts)).astype(float)
    step = _check.one("interval", interval, _check.positive)
    if not np.isfinite(step):
        raise DomainError(f"interval must be a finite number > 0, got {step}")
    if n.size < _WINDOWS or not n.sum() > 0:
        raise DomainError(
            f"counts must be at least {_WINDOWS} intervals with a request in some, got {n.size}"
        )
    if scales is None:
        widths = [2**i for i in range(64) if n.size // 2**i >= _WINDOWS]
    else:
        widths = [
            # Beyond all counts there is no window.
            max(1, round(min(_check.one("scales", s, _check.positive) / step, n.size + 1)))
            for s in _check.several("scales", scales)
        ]
    rows = []
    for width in widths:
        windows = n.size // width
        if windows < 2:
            continue
        sums = n[: windows * width].reshape(windows, width).sum(axis=1)
        mean = sums.mean()
        index = float(sums.var(ddof=1) / mean)
        low, high = ((windows - 1) / chi2.ppf(p, windows - 1) for p in (0.975, 0.025))
        allan = float(np.mean(np.diff(sums) ** 2) / (2 * mean))
        rows.append((width * step, index, index * low, index * high, allan, windows))
    if not rows:
        raise DomainError(
            f"scales must have one that fits twice in {n.size * step:g} s, got {scales}"
        )
    frame = pd.DataFrame(rows, columns=["scale", "index", "low", "high", "allan", "windows"])
    frame.attrs["units"] = dict.fromkeys(frame.columns, "-") | {"scale": "s"}
    frame.attrs["verdict"] = _verdict(frame)
    return frame


def _verdict(frame: pd.DataFrame) -> str:
    index, allan = frame["index"].to_numpy(), frame["allan"].to_numpy()
    if (frame["low"] > _POISSON).any():
        first = frame.loc[frame["low"] > _POISSON, "scale"].iloc[0]
        if allan[-1] < _TREND * index[-1]:
            return f"like Poisson arrivals around a rate that changes, from {first:g} s on"
        return (
            f"bursty: at {frame['scale'].iloc[-1]:g} s the counts vary {index[-1]:.3g} times "
            "as much as Poisson arrivals"
        )
    if (frame["high"] < 1 / _POISSON).any():
        return f"more regular than Poisson arrivals: index {index.min():.2g}"
    return "like Poisson arrivals at all scales measured"
