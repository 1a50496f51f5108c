r"""The index of dispersion of what leaves one server behind a Poisson stream.

The variance of the number of departures within a time follows from the mean number within that
time of a departure [1]_. Of M/G/1 with the rate :math:`\lambda`, the utilization :math:`\rho`
and the transform G of the service time, over an exponential time of the rate u, it is exactly

.. math::

    I_d(u) = 1 + \frac{2 G(u)}{1 - G(u)} \left(1 - \frac{u \, \pi(\theta)}{\sigma}\right)
    - \frac{2 \lambda}{u}, \qquad
    \sigma = u + \lambda (1 - \theta), \quad \theta = G(\sigma),

with the transform :math:`\theta(u)` of a busy period and the generating function of the number
that a departure leaves behind, :math:`\pi(z) = (1 - \rho) (1 - z) g / (g - z)` with
:math:`g = G(\lambda (1 - z))` [2]_. It is 1 for exponential service, whatever u is [3]_, and
at any load as u tends to 0 or to infinity.

Of a disturbance of the arrivals a server passes on the share :math:`T(u)^2`, of one that makes
bunches :math:`T^{1.5}`, with
:math:`T = (1 - \rho) \sigma / (u (1 + \sigma E[S] \min(c_s, c_s^{1/3})))`: the transform of a
wait, and of how much two services differ, about (ours; exact is the transform of a response
with exponential service).

The equation for :math:`\theta` is solved on a grid of :math:`\sigma`, of which u is a function,
and read off between its points.

References
----------
.. [1] D. R. Cox, P. A. W. Lewis, "The Statistical Analysis of Series of Events", Methuen, 1966,
   ch. 4.
.. [2] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley 1975, ch. 5.
.. [3] P. J. Burke, "The output of a queuing system", Operations Research 4, 1956.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import shape_of
from qmodel.distributions.last_seen import Last
from qmodel.numerics.cubics import cubic

__all__ = ["POINTS", "OneServer", "how_far_apart"]

_STEP, _FIRST, _COUNT = np.log(10) / 6, np.log(1e-9), 80
POINTS = _FIRST + _STEP * np.arange(_COUNT)
"""Logarithms of the grid, per service time."""
_GAPS = Last(32)
"""Of services that were seen last."""


def how_far_apart(scv: Any) -> Any:
    """Return about by how much two services differ, over their mean.

    Examples
    --------
    >>> how_far_apart(np.array([0.0, 0.25, 1.0, 9.0])).round(3)
    array([0.   , 0.5  , 1.   , 1.442])
    """
    deviation = np.sqrt(np.asarray(scv))
    return np.minimum(deviation, np.cbrt(deviation))


class OneServer:
    """The index of what leaves a server, less 1, and what it passes on.

    Parameters
    ----------
    utilization : number or array
        Busy share of the server. [-]
    service : Distribution
        Distribution of the service time. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> at = OneServer(0.8, qm.Deterministic(0.8))
    >>> index, passed = at(np.array([0.01, 1.0, 10.0]))
    >>> (1 + index).round(3), passed.round(3)
    (array([0.922, 0.377, 0.801]), array([0.868, 0.123, 0.048]))
    """

    part: Any = 1.0
    bunches = 0.75
    """Power of what is passed on, of what makes bunches."""

    def __init__(self, utilization: Any, service: Distribution) -> None:
        load = np.minimum(np.asarray(utilization, dtype=float), 1.0)[..., None]
        self._gaps = gaps = _GAPS.of(id(service), service, lambda: _log_gaps(service))
        sigma, spread = np.exp(POINTS), how_far_apart(service.scv)[..., None]
        with np.errstate(all="ignore"):
            idle, gap = 1 - load, np.exp(gaps)
            kept = idle + load * gap  # u / sigma.
            rates, ends = sigma * kept, sigma * (1 - gap)  # u, and 1 - theta.
            own, met = self._gap(rates), self._gap(load * ends)
            # What is 1 at no rate is taken off before it is lost in rounding.
            first = own / (1 - own) - rates
            left = (met + idle * ends * (1 - met)) / (idle + load * met)
            index = 2 * load * (first * (1 - gap) - gap + (1 + first) * kept * left) / rates
            passed = idle / (kept * (1 + sigma * spread))
            self._rates = np.log(rates)
            self._index = np.where(np.isfinite(index), index, 0.0)
            self._passed = np.minimum(np.nan_to_num(passed), 1.0) ** 2
        self._mean = np.asarray(service.mean)[..., None]

    def _gap(self, rates: Any) -> Any:
        """Return the remaining gap of the service at rates per service time."""
        return np.exp(_between(self._gaps, (np.log(rates) - _FIRST) / _STEP))

    def __call__(self, rates: Any) -> tuple[Any, Any]:
        """Return the index less 1 over exponential times, and the share that is passed on.

        Parameters
        ----------
        rates : array
            Rates of the times, along the last axis. [1/s]
        """
        with np.errstate(all="ignore"):
            at = np.log(rates * self._mean)
        at = np.clip(at, self._rates[..., 1:2], self._rates[..., -2:-1])
        if self._rates.ndim == 1:
            last = np.searchsorted(self._rates, at)
        else:
            points = np.moveaxis(self._rates[..., None], -2, 0)
            last = sum(np.less(point, at).astype(int) for point in points)
        first = np.clip(last - 1, 1, _COUNT - 4)  # The last point rests on no other.
        near = [_take(self._rates, first + k) for k in (-1, 0, 1, 2)]
        place = (at - near[1]) / (near[2] - near[1])
        for _ in range(2):
            there = cubic(lambda k: near[k + 1], place)
            place = place - (there - at) / (near[2] - near[1])
        return (
            cubic(lambda k: _take(self._index, first + k), place),
            cubic(lambda k: _take(self._passed, first + k), place),
        )


def _log_gaps(service: Distribution) -> Any:
    mean = np.broadcast_to(np.asarray(service.mean, dtype=float), shape_of(service))
    with np.errstate(all="ignore"):
        at = np.exp(POINTS).reshape(-1, *[1] * mean.ndim) / mean
        return np.moveaxis(np.log(service.remaining_gap(at)), 0, -1)


def _between(values: Any, place: Any) -> Any:
    """Return logarithms between those on the grid; before it they are on a straight line."""
    inside = np.clip(np.nan_to_num(place, nan=1.0), 1.0, _COUNT - 2.0)
    first = np.minimum(inside.astype(int), _COUNT - 3)
    slope = values[..., 1:2] - values[..., :1]
    before = np.minimum(place - 1.0, 0.0)
    return cubic(lambda k: _take(values, first + k), inside - first) + before * slope


def _take(values: Any, at: Any) -> Any:
    if values.ndim == 1:
        return values[at]
    cells = np.broadcast_shapes(values.shape[:-1], at.shape[:-1])
    values = np.broadcast_to(values, (*cells, _COUNT))
    return np.take_along_axis(values, np.broadcast_to(at, (*cells, at.shape[-1])), axis=-1)
