r"""Service time, variability and number of servers from latencies at several loads.

The mean response of c servers with Poisson arrivals is :math:`R = S + W(\lambda, S, c)` with
the wait of M/M/c. Three departures from it are tried and ranked, as measurements show which one
they follow only where loads are low *and* high:

* **variability** :math:`R = S + k W`: arrivals or service more or less variable than
exponential,
  :math:`k \approx (c_a^2 + c_s^2) / 2` (Allen and Cunneen);
* **load-dependent demand** :math:`S(\rho) = S_0 (1 + d \rho)`: garbage collection, contention,
  cache misses that grow with the load;
* **hidden latency** :math:`R = D + S + W`: a constant time that holds no server, as a network.

**Number of servers.** c is told by where the wait begins. Below 60 % load there is hardly any
wait, and 7 servers fit as well as 29: then the number is refused, and must be given.

References
----------
.. [1] A. O. Allen, "Probability, Statistics, and Queueing Theory", 2nd ed., Academic Press,
1990. .. [2] R. Cooper, "Introduction to Queueing Theory", 2nd ed., North Holland, 1981, ch. 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.distributions import Gamma, from_mean_scv
from qmodel.errors import DomainError, InfeasibleError
from qmodel.measurements.estimates import Calibration, Estimate, least_squares
from qmodel.queues import MGc, MGcPS, MMc, Station, mmc

__all__ = ["number_of_servers", "service_scv", "service_time"]

ENOUGH = 0.6
"""Highest load that must have been measured for the number of servers to be told."""

_MOST = 512
_NEWTON = 60
_SAME = 2.0  # Of the criterion: no difference.
_CHI_SQUARE = 3.84  # 95 % quantile with one degree of freedom


class _Shape(NamedTuple):
    """A model of the mean response with one more parameter, or none."""

    name: str
    extra: str
    start: float
    unit: str
    mean: Callable[[Any, Any, Any, Any], Any]


_SHAPES = (
    _Shape("M/M/c", "", 0.0, "", lambda r, s, c, _: s + mmc.waiting_time(r, s, servers=c)),
    _Shape(
        "a wait of other variability",
        "wait_factor",
        0.0,
        "-",
        lambda r, s, c, z: s + np.exp(z) * mmc.waiting_time(r, s, servers=c),
    ),
    _Shape(
        "a demand that depends on the load",
        "demand_slope",
        0.0,
        "-",
        lambda r, s, c, z: _loaded(r, s * np.maximum(1 + z * r * s / c, 1e-3), c),
    ),
    _Shape(
        "hidden latency",
        "hidden_latency",
        0.01,
        "s",
        lambda r, s, c, z: s * (1 + z) + mmc.waiting_time(r, s, servers=c),
    ),
)


def _loaded(rate: Any, service: Any, servers: Any) -> Any:
    return service + mmc.waiting_time(rate, service, servers=servers)


@checked
def service_time(arrival_rate: Any, response_time: Any, *, servers: int) -> Calibration:
    """Return the service time that mean response times at several loads tell.

    Parameters
    ----------
    arrival_rate : sequence of numbers
        Loads, at least two, > 0; that of requests that were answered. [1/s]
    response_time : sequence of numbers
        Mean response time at each load, > 0. [s]
    servers : int
        Number of servers: threads, connections, cores; see `number_of_servers`. [-]

    Returns
    -------
    Calibration
        The best of M/M/c and its three departures, with the others ranked; its station has the
        service time, and an SCV where the wait has another variability. [-]

    Raises
    ------
    DomainError
        If there are fewer than two loads, or one is not > 0.

    Examples
    --------
    A tier of 50 threads, measured at six loads:

    >>> rates = [237, 397, 556, 634, 675, 754]
    >>> means = [0.0627, 0.0622, 0.0626, 0.0634, 0.0642, 0.0739]
    >>> found = service_time(rates, means, servers=50)
    >>> found.model, found.estimates["service_time"].value, found.rms
    ('M/M/c', 0.06236, 0.0062)
    """
    rates, means = _pairs(arrival_rate, response_time)
    c = int(_check.count("servers", servers))
    fits = [_fitted(shape, rates, means, c) for shape in _SHAPES]
    fits = [f for f in fits if f.estimates and np.isfinite(f.criterion)] or fits[:1]
    ranked = sorted(fits, key=lambda f: f.criterion)
    # The simplest where nothing speaks for more.
    simple = next(f for f in ranked if f.model == "M/M/c") if len(fits) > 1 else fits[0]
    best = simple if simple.criterion - ranked[0].criterion < _SAME else ranked[0]
    others = tuple(f for f in ranked if f is not best)
    return replace(best, alternatives=others, notes=_notes(best, others, rates, c))


def _pairs(arrival_rate: Any, response_time: Any) -> tuple[np.ndarray, np.ndarray]:
    rates = np.ravel(_check.positive("arrival_rate", arrival_rate)).astype(float)
    means = np.ravel(_check.positive("response_time", response_time)).astype(float)
    if rates.size != means.size:
        raise DomainError(f"response_time must be as many as {rates.size}, got {means.size}")
    known = np.isfinite(rates) & np.isfinite(means)
    rates, means = rates[known], means[known]
    if np.unique(rates).size < 2:
        raise DomainError(f"arrival_rate must have two different loads or more, got {rates}")
    return rates, means


def _fitted(shape: _Shape, rates: np.ndarray, means: np.ndarray, c: int) -> Calibration:
    # The busiest load was answered, so it is below saturation.
    start = min(float(means[np.argmin(rates)]), 0.98 * c / float(rates.max()))

    def left(z: np.ndarray) -> np.ndarray:
        extra = z[1] if shape.extra else 0.0
        with np.errstate(all="ignore"):
            model = np.asarray(shape.mean(rates, np.exp(z[0]), c, extra), dtype=float)
            found: np.ndarray = np.log(np.maximum(model, 1e-300) / means)
        return found

    if shape.extra and rates.size < 3:
        return Calibration(shape.name, {})
    first = [np.log(start)] + ([shape.start] if shape.extra else [])
    fit = least_squares(left, first)
    s, half = float(np.exp(fit.z[0])), _factor(fit.half[0])
    estimates = {"service_time": Estimate(s, s / half, s * half, "s")}
    scv = 1.0
    if shape.extra:
        value, low, high = (float(fit.z[1] + x) for x in (0.0, -fit.half[1], fit.half[1]))
        if shape.extra == "wait_factor":
            value, low, high = (
                float(np.exp(np.clip(x, -700, 700))) for x in (value, low, high)
            )
            scv = max(2 * value - 1, 0.0)
        elif shape.extra == "hidden_latency":
            value, low, high = (x * s for x in (value, low, high))
        estimates[shape.extra] = Estimate(value, low, high, shape.unit)
    station: Station = MMc(s, c) if scv == 1.0 else MGc(from_mean_scv(s, scv), c)
    return Calibration(
        shape.name,
        estimates,
        station,
        rates,
        fit.residuals,
        fit.rms,
        fit.criterion,
    )


def _notes(
    best: Calibration, others: tuple[Calibration, ...], rates: np.ndarray, c: int
) -> tuple[str, ...]:
    notes = []
    s = best.estimates["service_time"].value
    top = float(rates.max()) * s / c
    notes.append(
        f"measured from {rates.min() * s / c:.0%} to {top:.0%} load: predictions hold there"
    )
    alike = [o.model for o in others if o.criterion - best.criterion < _SAME]
    if alike:
        notes.append(
            f"{', '.join([best.model, *alike])} fit alike: these loads do not tell which"
        )
    if best.model == "a wait of other variability":
        factor = best.estimates["wait_factor"].value
        notes.append(
            f"the wait is {factor:.2f} of that of M/M/c: with Poisson arrivals the service has "
            f"an SCV of {max(2 * factor - 1, 0):.2f}; bursty arrivals would do the same"
        )
    if best.model == "a demand that depends on the load":
        slope = best.estimates["demand_slope"].value
        notes.append(
            f"the service time grows by {slope:.1%} from no load to full load; the station has "
            "the one of no load, and saturates earlier than it says"
        )
    if best.model == "hidden latency":
        notes.append("part of the time holds no server: add a Delay beside the station")
    if best.residuals.size > 3 and top > ENOUGH:
        runs = np.sign(best.residuals[np.argsort(rates)])
        if (np.diff(runs) != 0).sum() <= 1 and best.rms > 0.01:
            notes.append("the residuals follow the load: the model has the wrong shape")
    return tuple(notes)


@checked
def number_of_servers(arrival_rate: Any, response_time: Any) -> Calibration:
    """Return the number of servers that mean response times tell, if they do.

    Parameters
    ----------
    arrival_rate : sequence of numbers
        Loads, at least three, > 0. [1/s]
    response_time : sequence of numbers
        Mean response time at each load, > 0. [s]

    Returns
    -------
    Calibration
        Of M/M/c with the best number of servers; the interval has all that fit alike. [-]

    Raises
    ------
    DomainError
        If there are fewer than three loads, or one is not > 0.
    InfeasibleError
        If the loads do not tell the number: below 60 % load hardly anyone waits.

    Examples
    --------
    >>> import qmodel as qm
    >>> rates = [10.0, 30.0, 50.0, 60.0, 70.0]
    >>> means = qm.MMc(0.1, servers=8).solve(rates).response_time
    >>> number_of_servers(rates, means).estimates["servers"].value
    8.0
    """
    rates, means = _pairs(arrival_rate, response_time)
    if np.unique(rates).size < 3:
        raise DomainError(f"arrival_rate must have three different loads or more, got {rates}")
    least = max(1, int(np.floor(float(rates.max() * means.min()))))
    coarse = np.unique(np.geomspace(least, least + _MOST, 60).astype(int))
    rss = dict(zip(coarse.tolist(), _rss(coarse, rates, means), strict=True))
    best = min(rss, key=lambda c: rss[c])
    near = np.arange(max(1, best - best // 8 - 2), best + best // 8 + 3)
    rss |= dict(zip(near.tolist(), _rss(near, rates, means), strict=True))
    best = min(rss, key=lambda c: rss[c])
    fit = _fitted(_SHAPES[0], rates, means, best)
    noise = max(rss[best], 1e-18) / max(rates.size - 2, 1)
    alike = sorted(c for c in rss if (rss[c] - rss[best]) / noise < _CHI_SQUARE)
    s = fit.estimates["service_time"].value
    top = float(rates.max()) * s / best
    many = f"{alike[0]} to {'any number' if alike[-1] >= max(rss) else alike[-1]}"
    if top < ENOUGH or alike[-1] >= max(rss):
        raise InfeasibleError(
            f"the number of servers cannot be told from these loads: {many} servers fit alike, "
            f"as the busiest load is only {top:.0%} of what {best} servers can do; measure up "
            "to 80 % load, or give servers= (--servers NAME=NUMBER)"
        )
    found = Estimate(float(best), float(alike[0]), float(alike[-1]), "-")
    note = f"{many} servers fit alike" if len(alike) > 1 else "no other number fits"
    return replace(
        fit,
        estimates={"servers": found, **fit.estimates},
        notes=(note, f"measured up to {top:.0%} load"),
    )


def _rss(servers: np.ndarray, rates: np.ndarray, means: np.ndarray) -> list[float]:
    """Return the squares that are left with the best service time, for each number of servers.

    Gauss-Newton steps on the logarithm of the service time, for all numbers at once.
    """
    c = servers[:, None]

    def left(z: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            model = _loaded(rates, np.exp(z)[:, None], c)
        found: np.ndarray = np.clip(np.log(model / means), -9.0, 9.0)
        return found

    z = np.log(np.minimum(means.min(), 0.98 * servers / rates.max()))
    for _ in range(_NEWTON):
        here, step = left(z), 1e-6
        slope = (left(z + step) - here) / step
        move = (slope * here).sum(axis=1) / np.maximum((slope**2).sum(axis=1), 1e-12)
        # Never past the middle of the way to saturation.
        room = np.log(0.999999 * servers / rates.max()) - z
        move = np.clip(-move, -0.5, np.minimum(0.5, room / 2))
        z = z + move
        if np.abs(move).max() < 1e-10:
            break
    return [float(squares) for squares in (left(z) ** 2).sum(axis=1)]


@checked
def service_scv(
    arrival_rate: Any,
    percentiles: Mapping[float, Any],
    *,
    service_time: float,
    servers: int,
) -> Calibration:
    """Return the variability of the service that percentiles of the response tell.

    First come first served and shared processors are both tried, with gamma service below an
    SCV of 1 and hyperexponential above.

    Parameters
    ----------
    arrival_rate : sequence of numbers
        Loads, > 0. [1/s]
    percentiles : mapping of float to sequence of numbers
        Response times by their share, such as ``{0.95: [0.4]}``, one for each load. [s]
    service_time : float
        Mean service time, > 0, as measured without load. [s]
    servers : int
        Number of servers. [-]

    Returns
    -------
    Calibration
        The best of the two, the other as alternative. [-]

    Raises
    ------
    DomainError
        If a number is not > 0, or a share not between 0 and 1.

    Examples
    --------
    A server of 8 cores with jobs of 120 ms, of which 95 % take less than 400 ms at 60/s:

    >>> found = service_scv([60.0], {0.95: [0.4]}, service_time=0.12, servers=8)
    >>> found.model, round(found.estimates["service_scv"].value, 1)
    ('M/G/c, first come first served', 0.3)
    """
    rates = np.ravel(_check.positive("arrival_rate", arrival_rate)).astype(float)
    s = float(_check.positive("service_time", service_time))
    c = int(_check.count("servers", servers))
    shares = np.array([float(_check.probability("percentiles", p)) for p in percentiles])
    times = np.array(
        [np.broadcast_to(np.ravel(_check.positive("percentiles", t)), rates.shape)
         for t in percentiles.values()]
    )  # fmt: skip
    if not (shares.size and ((shares > 0) & (shares < 1)).all()):
        raise DomainError(
            f"percentiles must have shares between 0 and 1, got {shares.tolist()}"
        )
    if not ((times > 1e-9 * s) & (times < 1e9 * s)).all():
        raise DomainError(f"service_time must be of the size of the percentiles, got {s}")

    fits = [
        _of_scv(name, make, rates, shares, times)
        for name, make in (
            ("M/G/c, first come first served", lambda scv: MGc(_gamma(s, scv), c)),
            ("M/G/c, shared processors", lambda scv: MGcPS(_gamma(s, scv), c)),
        )
    ]
    best, other = sorted(fits, key=lambda f: f.rms)
    notes = [f"measured at {float(rates.max()) * s / c:.0%} load at most"]
    if times.size < 2:
        notes.append("one number fixes the one parameter: nothing is left to check it by")
    if other.rms < max(2 * best.rms, 0.01):
        notes.append("both orders of service fit alike: they are not told apart")
    else:
        notes.append(f"{other.model} does not fit with any SCV: rms {other.rms:.0%}")
    return replace(best, alternatives=(other,), notes=tuple(notes))


def _factor(half: float) -> float:
    """Return the factor of an interval on a logarithm, inf where nothing bounds it."""
    return float(np.exp(half)) if half < 700 else np.inf


def _gamma(mean: float, scv: float) -> Any:
    return Gamma(mean, scv) if scv < 1 else from_mean_scv(mean, scv)


def _of_scv(
    name: str,
    make: Callable[[float], Station],
    rates: np.ndarray,
    shares: np.ndarray,
    times: np.ndarray,
) -> Calibration:
    def left(z: np.ndarray) -> np.ndarray:
        station = make(float(np.exp(np.clip(z[0], -5, 3))))
        found = np.asarray(station.solve(rates).response.quantile(shares[:, None]))
        left: np.ndarray = np.log(found / times).ravel()
        return left

    fit = least_squares(left, [np.log(0.5)], diff_step=1e-3)
    scv = float(np.exp(np.clip(fit.z[0], -5, 3)))
    half = _factor(fit.half[0])
    return Calibration(
        name,
        {"service_scv": Estimate(scv, scv / half, scv * half)},
        make(scv),
        rates,
        fit.residuals,
        fit.rms,
        fit.criterion,
    )
