"""The laws of one result: of Little, of flows, of what arrivals see, of priorities."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.basis import POISSON_ARRIVALS, union
from qmodel.pipeline import PipelineResult
from qmodel.queues.base import Station, StationResult
from qmodel.queues.engset import Engset
from qmodel.queues.finite_source import FiniteSource
from qmodel.queues.mg1_lcfs import LAST_FIRST_PREEMPTIVE
from qmodel.testing.compare import (
    Result,
    equal,
    parts,
    within,
)

__all__ = [
    "conservation_law",
    "flow_balance",
    "littles_law",
    "pasta",
]


def littles_law(result: Result, *, rel: float = 1e-9) -> None:
    """Assert Little's law: numbers are rates times times, on every part.

    Parameters
    ----------
    result : StationResult or PipelineResult
        The result; of a pipeline, every station. [-]
    rel : float, default 1e-9
        Relative tolerance. [-]

    Raises
    ------
    AssertionError
        If a number present is not the rate of those let in times their mean time.

    Examples
    --------
    >>> import qmodel as qm
    >>> littles_law(qm.web.typical_pipeline().solve(2000.0))
    """
    for where, r in parts(result):
        rate = np.asarray(r.arrival_rate * (1 - np.asarray(r.loss)))
        for number, time in (
            ("queue_length", "waiting_time"),
            ("number_in_system", "response_time"),
        ):
            with np.errstate(invalid="ignore"):
                expected = np.where(rate == 0, 0.0, rate * getattr(r, time))
            equal(f"Little's law{where}", number, getattr(r, number), expected, rel)


def flow_balance(result: Result, *, rel: float = 1e-9) -> None:
    """Assert that what comes in is what the streams bring, and goes out or is lost.

    Parameters
    ----------
    result : StationResult or PipelineResult
        The result; of a pipeline, every station. [-]
    rel : float, default 1e-9
        Relative tolerance. [-]

    Raises
    ------
    AssertionError
        If flows do not add up.

    Examples
    --------
    >>> import qmodel as qm
    >>> flow_balance(qm.web.typical_pipeline().solve(2000.0))
    """
    for where, r in parts(result):
        law = f"flow balance{where}"
        if r.streams:
            brought = sum(s.arrival_rate for s in r.streams)
            population = _sources(r.station)
            if population is not None:  # who is here does not ask
                brought = brought * (population - r.number_in_system)
            equal(law, "arrival_rate", r.arrival_rate, brought, rel)
        lost = np.asarray(r.loss) + np.asarray(r.abandonment)
        for name in ("loss", "abandonment", "accepted"):
            within(law, name, getattr(r, name), 0.0, 1.0)
        # What is accepted has its digits in overload, where 1 - loss has none.
        equal(law, "accepted", r.accepted, 1 - lost, rel, floor=1e-12)
        stable = np.less(r.arrival_rate, r.station.max_rate)
        through = np.where(stable, r.arrival_rate * r.accepted, r.throughput)
        equal(law, "throughput", r.throughput, through, rel)
        busy = np.where(stable & (lost > 0), r.utilization, 0.0)
        within(law, "utilization", busy, 0.0, 1.0)
        if np.all(lost == 0) and np.all(np.isfinite(r.station.servers)):
            busy = r.offered_load / r.station.servers
            equal(law, "utilization", r.utilization, busy, rel)
    if isinstance(result, PipelineResult):
        for name, station in result.stations.items():
            expected = result.arrival_rate * result.visits[name]
            law = f"flow balance at {name}"
            equal(law, "arrival_rate", station.arrival_rate, expected, rel)
        served = np.minimum(result.arrival_rate, result.max_rate) * result.accepted
        equal("flow balance", "goodput", result.goodput, served, rel)


def _sources(station: Station) -> Any:
    """Return how many ask, where they are few: the rate of a stream is then that of each."""
    if isinstance(station, FiniteSource):
        return station.population
    return station.population if isinstance(station, Engset) else None


def pasta(result: StationResult, *, rel: float = 1e-9) -> None:
    """Assert that Poisson arrivals see time averages: they wait when all servers are busy.

    Parameters
    ----------
    result : StationResult
        The result of a queue with a law of the number present; without one there is
        nothing to assert, nor for arrivals that are no Poisson stream, nor where the wait
        is that of an interrupted service. Waits are of those that are let in. [-]
    rel : float, default 1e-9
        Relative tolerance. [-]

    Raises
    ------
    AssertionError
        If the share that waits is not the probability that no server is free.

    Examples
    --------
    >>> import qmodel as qm
    >>> pasta(qm.MMc(0.2, servers=4).solve(9.0))
    """
    if result.number is None or result.wait is None:
        return
    grounds = union(*(result.basis.grounds.get(name, ()) for name in ("number", "wait")))
    if POISSON_ARRIVALS not in grounds or LAST_FIRST_PREEMPTIVE in grounds:
        return
    if "markov-states" in grounds:  # the states below the servers are not those of the wait
        return
    servers = result.station.servers
    if not np.all(np.isfinite(servers)):
        return
    waits = np.asarray(result.wait.tail(0.0))
    busy, loss = result.number.tail(np.asarray(servers) - 1), np.asarray(result.loss)
    with np.errstate(invalid="ignore"):  # nobody waits where all are lost
        expected = np.where(loss == 1, 0.0, (busy - loss) / (1 - loss))
    # Probabilities are differences from 1, and known to its last bits.
    equal("PASTA", "P(wait > 0)", waits, expected, rel, floor=1e-14)


def conservation_law(
    result: StationResult, reference: StationResult, *, rel: float = 1e-9
) -> None:
    """Assert Kleinrock's law: the order of service only moves waits between streams.

    Parameters
    ----------
    result : StationResult
        One server with streams, in any order that ignores sizes and does not interrupt. [-]
    reference : StationResult
        The same streams first come, first served. [-]
    rel : float, default 1e-9
        Relative tolerance. [-]

    Raises
    ------
    AssertionError
        If the waits, weighted by the work that the streams bring, do not add up.

    References
    ----------
    .. [1] L. Kleinrock, "A conservation law for a wide class of queueing disciplines", Naval
       Research Logistics Quarterly 12, 1965.

    Examples
    --------
    >>> import qmodel as qm
    >>> r = qm.MG1(qm.Exponential(0.1)).solve([qm.Stream(3.0), qm.Stream(5.0)])
    >>> conservation_law(r, r)
    """
    law, what = "the conservation law", "the sum of work times wait"
    equal(law, what, _weighted(result), _weighted(reference), rel)


def _weighted(r: StationResult) -> Value:
    work = [s.arrival_rate * (s.response_time - s.waiting_time) for s in r.streams]
    return sum(w * s.waiting_time for w, s in zip(work, r.streams, strict=True))
