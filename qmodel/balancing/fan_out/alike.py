"""How like queues are that the same requests load: stations, and several in a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.balancing.fan_out.joined_queues import JoinedQueues
from qmodel.balancing.fan_out.likeness import Likeness, correlation_of_waits, likeness
from qmodel.distributions import Deterministic, Distribution, Exponential, Sum
from qmodel.numerics.roots import increasing_root
from qmodel.queues import mmc
from qmodel.queues.base import Station, StationResult
from qmodel.queues.delay import Delay
from qmodel.queues.mdc import MDc
from qmodel.queues.mg1 import MG1
from qmodel.queues.mgc import MGc

__all__ = [
    "alike",
    "alike_in_a_row",
    "correlation",
    "does_the_same",
    "is_exponential",
    "is_mm1",
]


def alike(leaf: StationResult, *, common: Value = 1.0) -> Value | Likeness:
    """How like the times at two stations are that the same requests load.

    Parameters
    ----------
    leaf : StationResult
        One of them, solved. [-]
    common : number or array, default 1.0
        Share of their arrivals that come to both. [-]

    Returns
    -------
    number, array or Likeness
        The correlation of normal scores: one number for exponential and constant service;
        for other service the scores given what waits have in common. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> regular = alike(qm.MG1(qm.Gamma(1.0, 0.25)).solve(0.5))
    >>> float(regular.largest.round(2)), alike(qm.MDc(1.0, 4).solve(2.0))
    (0.65, 1.0)
    """
    station, wait = leaf.station, leaf.wait
    one = correlation(leaf) * common
    if wait is None or isinstance(station, (Delay, mmc.MMc)) or does_the_same(station):
        return one
    shared = correlation_of_waits(station.service, wait) * common
    # Nobody is like anybody where nobody waits, or all wait for ever.
    if not np.any(one > 0):
        return one
    shared = np.where(one > 0, shared, 0.0)
    arrivals = (leaf.arrival_rate, station.servers) if np.all(np.equal(common, 1)) else None
    return likeness(wait, station.service, leaf.response, shared, arrivals)


def alike_in_a_row(
    leaves: Sequence[StationResult], others: Sequence[Distribution], time: Distribution
) -> Likeness | None:
    """How like the times through several stations in a row are to those through others.

    Parameters
    ----------
    leaves : sequence of StationResult
        The queues of a row, solved, of which the waits are known. [-]
    others : sequence of Distribution
        The times that are spent elsewhere in the row. [-]
    time : Distribution
        The time through all. [-]

    Returns
    -------
    Likeness or None
        The scores given what the waits have in common; None where one number will do, as all
        service is exponential or constant. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> row = [qm.MG1(qm.Gamma(1.0, 0.25)).solve(0.5), qm.MMc(1.0).solve(0.5)]
    >>> time = qm.Pipeline(qm.series(*(qm.call(n, r.station) for n, r in zip("ab", row))))
    >>> like = alike_in_a_row(row, [], time.solve(0.5).latency)
    >>> float(like.largest.round(2))
    0.4
    """
    if all(does_the_same(leaf.station) or isinstance(leaf.station, mmc.MMc) for leaf in leaves):
        return None
    waits = [leaf.wait for leaf in leaves if leaf.wait is not None]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = [np.asarray(wait.variance) for wait in waits]
        common = [
            1.0
            if does_the_same(leaf.station)
            else correlation_of_waits(leaf.station.service, wait)
            for leaf, wait in zip(leaves, waits, strict=True)
        ]
        parts = zip(common, spread, strict=True)
        shared = sum(np.where(v > 0, k * v, 0.0) for k, v in parts) / sum(spread)
    shared = np.where(np.isfinite(shared), shared, 0.0)
    services = [leaf.station.service for leaf in leaves]
    return likeness(Sum(tuple(waits)), Sum((*services, *others)), time, shared)


def correlation(leaf: StationResult) -> Value:
    """Correlation of the responses of two stations that the same requests load.

    Parameters
    ----------
    leaf : StationResult
        One of them, solved. [-]

    Returns
    -------
    number or array
        The correlation, of normal scores; 0 where nobody waits, or where no distribution of
        the wait is known. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> correlation(qm.MMc(1.0).solve([0.1, 0.5, 0.9])).round(3)
    array([0.051, 0.241, 0.409])
    >>> round(float(correlation(qm.MG1(qm.from_mean_scv(1.0, 4.0)).solve(0.5))), 3)
    0.064
    """
    station, wait = leaf.station, leaf.wait
    if wait is None or isinstance(station, Delay):
        return 0.0
    service = station.service
    if does_the_same(station):
        return 1.0
    mm1 = is_mm1(station)
    exact: Any = 0.0
    if np.any(mm1):
        load = np.asarray(leaf.arrival_rate * service.mean, dtype=float)
        found = np.maximum(_of_two_mm1()(np.minimum(load, 1.0)), 0.0)
        exact = np.where(load < 1, found, 0.0)[()]
        if np.all(mm1):
            return exact
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.asarray(wait.variance)
        found = correlation_of_waits(service, wait) * variance / (variance + service.variance)
    found = np.where(np.isfinite(found), np.clip(found, 0.0, 1.0), 0.0)
    return np.where(mm1, exact, found)[()]


def does_the_same(station: Station) -> bool:
    """Return whether copies of a station do the same at the same times."""
    return isinstance(station.service, Deterministic) and isinstance(
        station, (mmc.MMc, MDc, MG1, MGc)
    )


@lru_cache(maxsize=1)
def _of_two_mm1() -> Any:
    """Return the correlation that gives two M/M/1 queues their mean, by the load."""
    nodes = (1 - np.cos(np.pi * (np.arange(24) + 0.5) / 24)) / 2
    target = (12 - nodes) / 8

    def missed(r: Any) -> Any:
        return target - JoinedQueues(Exponential(1.0), 2, 2, r).mean

    found = increasing_root(missed, np.zeros(24), 0.9)
    return np.polynomial.Chebyshev.fit(nodes, found, 14, domain=[0.0, 1.0])


def is_exponential(station: Station) -> bool:
    """Return whether a station is M/M/c, whatever it is called."""
    return isinstance(station, (mmc.MMc, MG1, MGc)) and isinstance(station.service, Exponential)


def is_mm1(station: Station) -> Any:
    """Return in which cells a station is M/M/1."""
    return np.equal(station.servers, 1) if isinstance(station, mmc.MMc) else np.False_
