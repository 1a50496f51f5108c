r"""Over which times a station feels how variable a stream is, and services over a time.

A stream counts over the time in which the station fills (`filling`), times the sum of the SCVs
of arrivals and service. Whether a request waits at all is decided before: over two services of
the station, :math:`2 E[S] / c`, or over the time in which it fills if that is less (ours, from
simulations). Where the index I of the stream falls in time, as behind a limit, it is felt where
the most work comes ahead of the service, and counts as the largest of
:math:`2 \sqrt{y (I(t_0 y) + c_s^2)} - y - c_s^2` for any y, with
:math:`t_0 = \rho^2 / (2 \lambda (1 - \rho)^2)` (the robust queue [2]_).

The index of dispersion of services one after the other, as a busy server has them, tends to
the SCV of the service time, and feels rare long ones only over times as long as they. By the
transform F of the service time S, over an exponential time of mean 1 / u instead of t it is
exactly

.. math:: I_s = \frac{1 + F(u)}{1 - F(u)} - \frac{2}{u E[S]}

(the transform of the variance of a renewal process [1]_); we take :math:`u = 0.31 / t`, from
simulations.

References
----------
.. [1] D. R. Cox, P. A. W. Lewis, "The Statistical Analysis of Series of Events", Methuen, 1966,
   ch. 4.
.. [2] W. Whitt and W. You, "A robust queueing network analyzer based on indices of dispersion",
   Naval Research Logistics 69, 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._xp import namespace
from qmodel.distributions import Distribution, Exponential
from qmodel.queues.waits.bounded import UNFELT

if TYPE_CHECKING:
    from qmodel.queues.approximations.dispersion import Dispersion

__all__ = ["early_index", "early_scv", "filling", "late_scv", "scv_at", "service_index"]

_LATE = 4.0
"""How many mean waits a long one is."""
_PARTS = 2.0 ** -np.arange(7)
"""Parts of the longest time in which a station fills, at which a stream is looked at."""
_PACE = 0.31
"""What the mean of an exponential time is, over a time of which it takes the place."""
_EARLY = 2.0
"""Services of a station within which a stream decides on how many wait."""


def filling(rate: Any, utilization: Any) -> Any:
    """Return the time in which a station fills, over the SCVs there [s]."""
    xp, load = namespace(), np.minimum(utilization, 1.0)
    return xp.guard(xp.over(load**2, 2 * rate * (1 - load) ** 2, np.inf), rate == 0, 0.0)


def scv_at(stream: Dispersion, rate: Any, utilization: Any, service_scv: Any) -> Any:
    """Return the SCV of a stream at a station: its index at the time in which that fills.

    Of a stream whose index falls in time, as behind a limit, it is that of the most work that
    comes ahead of its service.
    """
    scale = filling(rate, utilization)
    scv: Any = 1.0
    found = []
    with np.errstate(invalid="ignore"):
        for _ in range(3):
            time = scale * np.maximum(scv + service_scv, 1e-9)
            scv = np.maximum(1 + stream.felt(time, service_scv), 0.0)
            found.append(scv)
        if np.any(found[0] < found[1] - 1e-9):
            longest = np.maximum(found[1] + service_scv, 1e-9)

            def ahead(y: Any, larger: Any = np.maximum) -> Any:
                total = larger(1 + stream.felt(scale * y, service_scv), 0.0) + service_scv
                return 2 * (y * total) ** 0.5 - y - service_scv

            if isinstance(longest, float) and isinstance(scale, float):
                scale, longest = float(scale), float(longest)  # NumPy's numbers are slower.
                most = max(ahead(part * longest, max) for part in _PARTS.tolist())
            else:
                y = _PARTS.reshape(-1, *[1] * np.ndim(longest)) * longest
                most = np.fmax.reduce(ahead(y))
            scv = np.fmax(scv, most)[()]
    return scv


def late_scv(
    stream: Dispersion, rate: Any, utilization: Any, scv: Any, service_scv: Any
) -> Any:
    """Return the SCV of a stream, `scv` where the station fills, over long waits.

    None where service varies more than exponential times, or the stream no less then: that is
    not felt.
    """
    varied = service_scv > 1
    if varied is True or np.all(varied):
        return None
    if isinstance(service_scv, (int, float)) and service_scv == 1:
        least = 1 + stream.felt(np.inf, service_scv)
        if np.all(least + 1 >= UNFELT * (scv + 1)):
            return None
    time, late = _LATE * filling(rate, utilization), scv
    for _ in range(2):
        late = np.maximum(1 + stream.felt(time * (late + service_scv), service_scv), 0.0)
        late = np.minimum(late, scv)
    return np.where(varied, scv, late)[()]


def service_index(service: Distribution, time: Any) -> Any:
    """Return the index of dispersion of services one after the other, over a time [s].

    Examples
    --------
    >>> import qmodel as qm
    >>> service_index(qm.Pareto(1.0, 1.5, 1000.0), np.array([1.0, 100.0, 1e6])).round(1)
    array([1.2, 7.6, 9.9])
    """
    if isinstance(service, Exponential):
        return 1.0 + 0.0 * (service.mean + np.minimum(time, 0.0))
    mean = np.asarray(service.mean, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = np.clip(_PACE * mean / np.asarray(time, dtype=float), 1e-9, 1e4)
        gap = service.remaining_gap(x / np.where(mean > 0, mean, 1.0))
        found = 2 * gap / (x * (1 - gap)) - 1
    # At no time, and of service that is not known.
    return np.where(mean > 0, np.maximum(found, 0.0), 1.0)[()]


def early_scv(
    stream: Dispersion,
    rate: Any,
    utilization: Any,
    scv: Any,
    service: Distribution,
    servers: Any,
) -> Any:
    """Return the SCV of a stream over two services, or as the station fills (`scv`) before."""
    services, fast, _ = _early(rate, utilization, scv, service, servers)
    if fast is True or np.all(fast):
        return scv
    return namespace().where(fast, scv, np.maximum(1 + stream.felt(services, service.scv), 0.0))


def early_index(
    rate: Any, utilization: Any, scv: Any, service: Distribution, servers: Any
) -> Any:
    """Return the index of services over the time over which `early_scv` is."""
    if isinstance(service, Exponential):
        return 1.0
    services, fast, time = _early(rate, utilization, scv, service, servers)
    return service_index(service, np.where(fast, time, services))


def _early(rate: Any, utilization: Any, scv: Any, service: Distribution, servers: Any) -> Any:
    """Return the time of two services, whether the station fills as fast, and when it does."""
    with np.errstate(invalid="ignore"):  # Of an endless time, where nobody comes.
        time = filling(rate, utilization) * (scv + service.scv)
    services = _EARLY * service.mean / servers
    if isinstance(time, float) and isinstance(services, float):
        return services, 0 < float(time) <= float(services), time
    return services, (time > 0) & (time <= services), time
