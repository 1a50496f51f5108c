"""The replicas behind a load balancer: of numbers, or those of a station of a pipeline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from qmodel import _check
from qmodel._checked import checked
from qmodel.answers.load import pipeline_of, sensible_load
from qmodel.errors import DomainError, ModelError

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["Replicas", "replica_of", "replicas_in"]


class Replicas(NamedTuple):
    """Equal replicas, and the load of all of them."""

    station: str
    """The station that they are."""
    replica: Station
    """One of them."""
    number: int
    """How many there are."""
    arrival_rate: float | None
    """The load of all, where it is known [1/s]."""


@checked
def replica_of(
    service_time: float, workers: int = 1, *, scv: float = 1.0, shared: bool = False
) -> Station:
    """Return the station of a replica with some workers.

    Parameters
    ----------
    service_time : float
        Mean service time, > 0. [s]
    workers : int, default 1
        Workers of the replica. [-]
    scv : float, default 1
        Squared coefficient of variation of the service time. [-]
    shared : bool, default False
        Whether all requests share the workers, as threads share processors; else they queue
        for them. [-]

    Returns
    -------
    Station
        The station. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Examples
    --------
    >>> replica_of(0.010, 4)
    MMc(service_time=0.01, servers=4)
    """
    from qmodel.distributions import from_mean_scv
    from qmodel.queues import MG1, MG1PS, MGc, MGcPS, MMc

    scv = _check.one("scv", scv, _check.scv)
    if not math.isfinite(scv):
        raise DomainError(f"scv must be a finite number >= 0, got {scv}")
    service = from_mean_scv(service_time, scv)
    if shared:
        return MGcPS(service, workers) if workers > 1 else MG1PS(service)
    if scv == 1:
        return MMc(service_time, workers)
    return MGc(service, workers) if workers > 1 else MG1(service)


@checked
def replicas_in(
    model: Pipeline,
    arrival_rate: float | None = None,
    *,
    station: str = "",
    replicas: int | None = None,
    workers: int | None = None,
) -> Replicas:
    """Return the replicas that a station of a pipeline is, when its servers are spread evenly.

    A worker that is held while others work for it serves for as long as it is held at the load.

    Parameters
    ----------
    model : Pipeline
        The pipeline. [-]
    arrival_rate : float, optional
        The load of the pipeline; by default 60 % of what it can sustain. [1/s]
    station : str, default ""
        Name of the station; by default the one that saturates first. [-]
    replicas : int, optional
        How many there are. [-]
    workers : int, optional
        Workers of each; one of the two is enough. [-]

    Returns
    -------
    Replicas
        One replica, their number, and the load that comes to them. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain.
    ModelError
        If there is no such station, it neither queues nor shares, or its servers are not
        spread evenly.

    Examples
    --------
    >>> import qmodel as qm
    >>> site = qm.Pipeline(qm.call("app", qm.MMc(0.045, servers=24)))
    >>> replicas_in(site, 400.0, workers=4)[:3]
    ('app', MMc(service_time=0.045, servers=4), 6)
    """
    from qmodel._nearest import did_you_mean
    from qmodel.networks import HeldPool
    from qmodel.queues import MG1, MG1PS, MDc, MGc, MGcPS, MMc

    whole = pipeline_of(model)
    load, _ = sensible_load(whole, arrival_rate)
    name = station or str(whole.bottleneck)
    if name not in whole.stations:
        raise ModelError(
            f"no station {name!r} in the model{did_you_mean(name, whole.stations)}"
        )
    kind: Any = whole.stations[name]
    if not isinstance(kind, (MG1, MG1PS, MDc, MGc, MGcPS, MMc, HeldPool)):
        raise ModelError(
            f"replicas queue or share their workers; {name} is {type(kind).__name__}"
        )
    there = whole.solve(load).stations[name]
    here: Any = there.station  # a pool knows only there what its holders do
    rate, servers = float(there.arrival_rate), int(kind.servers)
    if rate >= float(here.max_rate):
        raise ModelError(f"{name} is overloaded at this load: replicas have no steady state")
    each = None if workers is None else int(_check.count("workers", workers))
    number = None if replicas is None else int(_check.count("replicas", replicas))
    if each is None and number is None:
        raise ModelError(
            f"{name} has {servers} workers in all: say how many replicas, or workers of each"
        )
    number = number or servers // (each or 1)
    each = each or servers // number
    if number * each != servers:
        raise ModelError(
            f"{name} has {servers} workers in all, not {number} replicas of {each}"
        )
    # Below, the utilization has lost its digits.
    loaded = rate > 1e-290
    busy = float(there.utilization) * servers / rate if loaded else float(here.service.mean)
    shared = isinstance(kind, (MG1PS, MGcPS))
    one = replica_of(busy, each, scv=float(here.service.scv), shared=shared)
    return Replicas(name, one, number, rate)
