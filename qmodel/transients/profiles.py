r"""Loads that change in time: a crowd after an announcement, a ramp, a day.

====================  =====================================================================
`pulse`               so many requests within a while, on top of what comes anyway
`ramp`                from one rate to another
`diurnal`             a day, with its quietest and its busiest hour
`visitors`            people, each with pages, requests and a first connection
`recorded`            what a site really had, in straight lines from row to row
====================  =====================================================================

Profiles are added (``pulse(...) + diurnal(...)``), multiplied by a number, and drawn from data
(`qmodel.Profile`).

References
----------
.. [1] F. M. Bass, "A new product growth model for consumer durables", Management Science 15,
   1969 (how news spreads).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError
from qmodel.loads import Profile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["diurnal", "pulse", "ramp", "recorded", "seconds_of", "visitors"]

Shape = Literal["bell", "burst", "news"]
_POINTS = 241
_GREATEST = 1e100
"""Numbers beyond it would make profiles that are not finite."""


@checked
def pulse(
    requests: float,
    within: float,
    *,
    shape: Shape = "bell",
    at: float | None = None,
    base: float = 0.0,
    until: float | None = None,
) -> Profile:
    """Return a crowd: so many requests, 95 % of them within a while, on top of a base rate.

    Parameters
    ----------
    requests : float
        Requests of the crowd in all, >= 0. [-]
    within : float
        Time in which 95 % of them come, > 0. [s]
    shape : {"bell", "burst", "news"}, default "bell"
        As a normal curve; all at once, and less and less; or as news spreads from one to the
        next (Bass). [-]
    at : float, optional
        When most come; by default so that it begins with nothing, after one more `within`. [s]
    base : float, default 0.0
        What comes anyway. [1/s]
    until : float, optional
        The last time of the profile; by default `at` and five times `within`. [s]

    Returns
    -------
    Profile
        From 0 on. [1/s]

    Raises
    ------
    DomainError
        If a number is outside its domain, or there is no such shape.

    Examples
    --------
    A million within ten minutes, where 200/s come anyway:

    >>> crowd = pulse(1e6, 600.0, base=200.0)
    >>> float(crowd.peak), float(crowd.total - 200.0 * crowd.times[-1])
    (2806.375, 1000000.0)
    """
    total = _check.one("requests", requests, _check.finite)
    width = _check.one("within", within, _time)
    steady = _check.one("base", base, _check.finite)
    shapes = {"bell": _bell, "burst": _burst, "news": _news}
    middle = 1.5 * width if at is None else _check.one("at", at, _check.finite)
    end = middle + 5 * width if until is None else _check.one("until", until, _time)
    near = middle + width * np.linspace(-3, 5, _POINTS)
    # A step is a corner of its own.
    step = middle + 1e-6 * width * np.array([-1.0, 1.0])
    times = np.unique(np.clip(np.concatenate([[0.0], near, step, [end]]), 0.0, end))
    values = shapes[shape]((times - middle) / width)
    area = float(np.trapezoid(values, times))
    if total > 0 and not area > 0:
        raise DomainError(
            f"until must be after the crowd begins: it comes at {middle:g} s, outside 0 to "
            f"{end:g} s"
        )
    if total > 0 and not np.isfinite(total / area * values).all():
        raise DomainError(
            f"requests must come at a finite rate within {width:g} s until {end:g} s, "
            f"got {total:g}"
        )
    return Profile(times, steady + (0.0 * values if total == 0 else total / area * values))


def _below(name: str, x: object, most: float) -> float:
    """Return a number from 0 to `most`."""
    value = _check.finite(name, x)
    if np.any(np.asarray(value) > most):
        raise DomainError(f"{name} must be at most {most:g}, got {x}")
    return float(value) if not np.ndim(value) else value


def _time(name: str, x: object) -> float:
    """Return a time that has a rate."""
    value = float(_check.positive(name, x))
    if not 1 / _GREATEST <= value <= _GREATEST:
        raise DomainError(f"{name} must be a time from 1e-100 to 1e100 s, got {x}")
    return value


def _bell(x: np.ndarray) -> np.ndarray:
    # 95 % of a normal distribution are within 1.96 standard deviations of its middle.
    return np.asarray(np.exp(-((2 * 1.959964 * x) ** 2) / 2))


def _burst(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, 0.0, np.exp(-2.995732 * np.maximum(x, 0.0)))


def _news(x: np.ndarray) -> np.ndarray:
    # The logistic curve of those who have heard; 95 % of it within 2 * 3.66 time constants.
    z = np.exp(-np.abs(7.327 * x))
    return np.asarray(4 * z / (1 + z) ** 2)


@checked
def ramp(low: float, high: float, *, start: float, over: float, until: float) -> Profile:
    """Return a load that goes from one rate to another.

    Parameters
    ----------
    low, high : float
        The rates before and after, >= 0. [1/s]
    start : float
        When it begins, > 0. [s]
    over : float
        How long it takes, > 0. [s]
    until : float
        The last time, after the ramp. [s]

    Returns
    -------
    Profile
        From 0 on. [1/s]

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Examples
    --------
    >>> float(ramp(600.0, 3000.0, start=300.0, over=60.0, until=1200.0).rate(330.0))
    1800.0
    """
    begins = _check.one("start", start, _check.positive)
    ends = begins + _check.one("over", over, _check.positive)
    if not ends > begins:
        raise DomainError(f"over must be more than a rounding of start, {begins:g}, got {over}")
    if not until > ends:
        raise DomainError(f"until must be after the ramp, {ends:g} s, got {until}")
    return Profile([0.0, begins, ends, until], [low, low, high, high])


@checked
def diurnal(
    mean: float, *, swing: float = 0.5, busiest: float = 72_000.0, days: int = 1
) -> Profile:
    """Return days with one quiet and one busy time, as a sine.

    Parameters
    ----------
    mean : float
        Mean rate, >= 0. [1/s]
    swing : float, default 0.5
        How far the busiest rate is above the mean, over the mean, from 0 to 1. [-]
    busiest : float, default 72000
        Time of day of the busiest rate: 20:00. [s]
    days : int, default 1
        Number of days, >= 1. [-]

    Returns
    -------
    Profile
        From midnight on. [1/s]

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Examples
    --------
    >>> day = diurnal(1000.0, swing=0.8)
    >>> float(day.peak), float(day.rate(8 * 3600.0))
    (1800.0, 200.0)
    """
    rate = _check.one("mean", mean, partial(_below, most=_GREATEST))
    share = _check.one("swing", swing, _check.probability)
    many = _check.one_count("days", days, most=36_600)
    times = np.arange(0.0, 86_400.0 * many + 1, 600.0)
    highest = _check.one("busiest", busiest, partial(_below, most=_GREATEST))
    angle = 2 * np.pi * (times - highest) / 86_400.0
    return Profile(times, rate * (1 + share * np.cos(angle)))


@checked
def visitors(
    people: Profile,
    *,
    pages: float = 1.0,
    requests: float = 1.0,
    pause: float = 10.0,
) -> Profile:
    """Return the requests of people who come, and look at some pages each.

    Parameters
    ----------
    people : Profile
        People who come. [1/s]
    pages : float, default 1.0
        Pages of each, > 0, one after the other. [-]
    requests : float, default 1.0
        Requests of each page, > 0. [-]
    pause : float, default 10.0
        Mean time at a page, >= 0: what comes is later, and flatter, by it. [s]

    Returns
    -------
    Profile
        Their requests, until the last of them have left. [1/s]

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Examples
    --------
    >>> people = pulse(1e5, 60.0)
    >>> load = visitors(people, pages=4, requests=3, pause=20.0)
    >>> float(load.total), bool(load.peak < 12 * people.peak)
    (1200000.0, True)
    """
    each = _check.one("pages", pages, partial(_below, most=10_000.0))
    of_page = _check.one("requests", requests, partial(_below, most=_GREATEST))
    gap = _check.one("pause", pause, partial(_below, most=_GREATEST))
    if not (each > 0 and of_page > 0 and gap >= 0):
        given = f"{pages}, {requests}, {pause}"
        raise DomainError(f"pages and requests must be > 0, pause known, got {given}")
    whole = int(np.ceil(each))
    later = np.arange(whole) * gap
    last = people.times[-1] + (0.0 if whole == 1 else later[-1] * 2 + 1e-9)
    corners = [people.times, *(people.times + 1.5 * t for t in later[1:])]
    times = np.unique(np.clip(np.concatenate([*corners, [last]]), people.times[0], last))
    rates = np.zeros(len(times))
    for k, delay in enumerate(later):
        share = min(each - k, 1.0)
        # The k-th page comes after k pauses, exponential ones: here at three times of theirs.
        spread = delay / np.sqrt(max(k, 1))
        for weight, shift in ((0.25, -1.2), (0.5, 0.0), (0.25, 1.2)):
            when = times - np.maximum(delay + shift * spread, 0.0)
            inside = (when >= people.times[0]) & (when <= people.times[-1])
            rates += weight * share * of_page * np.where(inside, people.rate(when), 0.0)
    # Corners of what is shifted are cut: the requests are as many as they are.
    wanted = people.total * each * of_page
    found = float(np.trapezoid(rates, times))
    return Profile(times, rates * (wanted / found if found > 0 else 1.0))


@checked
def recorded(load: pd.DataFrame) -> Profile:
    """Return a recorded load as a profile, in straight lines from row to row.

    Parameters
    ----------
    load : pandas.DataFrame
        As from `qmodel.read_load`: columns ``time``, in any order, and ``arrival_rate``
        [1/s]; rows without a time or a rate are passed over. [-]

    Returns
    -------
    Profile
        From 0, the first time, on. [1/s]

    Raises
    ------
    DomainError
        If a time comes twice, a rate is negative or infinite, or there are not two rows.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.to_datetime(["2026-05-01 12:00", "2026-05-01 12:01", "2026-05-01 12:02"])
    >>> load = recorded(pd.DataFrame({"time": times, "arrival_rate": [100.0, 300.0, 410.0]}))
    >>> float(load.rate(30.0)), float(load.times[-1])
    (200.0, 120.0)
    """
    seconds = seconds_of(load["time"])
    rates = load["arrival_rate"].to_numpy(dtype=float)
    order = np.argsort(seconds, kind="stable")
    order = order[np.isfinite(seconds[order]) & ~np.isnan(rates[order])]
    return Profile(seconds[order] - seconds[order].min(initial=np.inf), rates[order])


def seconds_of(times: Any) -> np.ndarray:
    """Return a column of times as seconds since the first; NaN where there is none."""
    values = times.to_numpy()
    if times.dtype.kind not in "fiu":
        values = (times - times.min()).dt.total_seconds().to_numpy()
    found = values.astype(float)
    return np.asarray(found - np.nanmin(found, initial=np.inf))
