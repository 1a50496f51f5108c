"""The application: one monolith, or a tree of services that call each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.balancing.policies import Policy, balanced
from qmodel.distributions import Distribution
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.steps import call, parallel, series
from qmodel.pipeline.steps.base import Step
from qmodel.pipeline.steps.call import Call
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.queues.mgc import MGc
from qmodel.queues.mgc_ps import MGcPS
from qmodel.queues.mmc import MMc

__all__ = ["Service", "microservices", "monolith"]

Discipline = Literal["queue", "share"]


def _station(service: Value | Distribution, servers: Count, discipline: Discipline) -> Station:
    if discipline not in ("queue", "share"):
        raise DomainError(f"discipline must be 'queue' or 'share', got {discipline!r}")
    if not isinstance(service, Distribution):
        if discipline == "queue":
            return MMc(service, servers)
        service = MMc(service, servers).service
    return MGc(service, servers) if discipline == "queue" else MGcPS(service, servers)


def _pool(
    service: Value | Distribution,
    servers: Count,
    workers: Count,
    discipline: Discipline,
    balancing: Policy,
) -> Station:
    servers, workers = _check.count("servers", servers), _check.count("workers", workers)
    if balancing == "central queue":  # one station, whose parameters are those of a station
        return _station(service, servers * workers, discipline)
    return balanced(balancing, _station(service, workers, discipline), servers)


@checked
def monolith(
    service: Value | Distribution,
    servers: Count,
    *,
    workers: Count = 1,
    discipline: Discipline = "queue",
    balancing: Policy = "central queue",
    name: str = "monolith",
) -> Call:
    """Handle a request in one application on several equal servers.

    Parameters
    ----------
    service : number or array or Distribution
        Time of a request on one worker; a number is the mean of an exponential law. [s]
    servers : int or integer array
        Servers, >= 1. [-]
    workers : int or integer array, default 1
        Workers (threads, processes) of each server, >= 1. [-]
    discipline : {"queue", "share"}, default "queue"
        Whether requests queue for a free worker, or share the CPU. [-]
    balancing : str or class of pools, default "central queue"
        How requests find a server: a name in `qmodel.balancing.POLICIES`, such as "random"
        or "round robin", or a class. By default they wait in front of all servers. [-]
    name : str, default "monolith"
        Name of the station. [-]

    Returns
    -------
    Call
        The step; ``step.serving(law)`` is the same application doing other work, for
        another kind of request.

    Raises
    ------
    DomainError
        If a parameter is outside its domain, or no policy has the name.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import ms
    >>> page = monolith(19 * ms, servers=8, workers=8)
    >>> upload = page.serving(qm.Exponential(60 * ms))
    >>> site = qm.Pipeline({"page": (0.9, page), "upload": (0.1, upload)})
    >>> float(page.station.max_rate), float(site.max_rate)
    (3368.4211, 2770.5628)

    What a balancer costs that knows nothing of the servers, at 90 % load:

    >>> in_turn = monolith(19 * ms, servers=8, workers=8, balancing="round robin")
    >>> [float(qm.Pipeline(p).solve(3031.0).latency.mean) for p in (page, in_turn)]
    [0.0199, 0.0270]
    """
    return call(name, _pool(service, servers, workers, discipline, balancing))


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One service of a call tree, with a pool of its own.

    Parameters
    ----------
    name : str
        Name of the station. [-]
    service : number or array or Distribution
        Time of a request on one worker; a number is the mean of an exponential law. [s]
    servers : int or integer array
        Servers of the pool, >= 1. [-]
    calls : sequence of Service or Step, default ()
        What it calls before it answers. [-]
    at_once : bool, default False
        Whether it makes its calls all at once, or one after the other. [-]
    discipline : {"queue", "share"}, default "queue"
        Whether requests queue for a free worker, or share the CPU. [-]
    workers : int or integer array, default 1
        Workers of each server, >= 1. [-]
    balancing : str or class of pools, default "central queue"
        How requests find a server: a name in `qmodel.balancing.POLICIES`, or a class. [-]

    Examples
    --------
    >>> from qmodel.units import ms
    >>> prices = Service("prices", 3 * ms, servers=4)
    >>> shop = Service("shop", 5 * ms, servers=8, calls=[prices])
    >>> shop.calls[0].name
    'prices'
    """

    name: str
    service: Value | Distribution
    servers: Count
    calls: Sequence[Service | Step] = ()
    at_once: bool = False
    discipline: Discipline = "queue"
    workers: Count = 1
    balancing: Policy = "central queue"


@checked
def microservices(
    entry: Service, *, hop: Value = 0.0, gateway: Step | None = None, name: str = "hop"
) -> Step:
    """Handle a request in a tree of services that call each other.

    Parameters
    ----------
    entry : Service
        The service that is called first; a service may be called from several others. [-]
    hop : number or array, default 0
        Constant network round trip of every call to a service, >= 0. [s]
    gateway : Step, optional
        What stands in front, such as `gateway`. [-]
    name : str, default "hop"
        Name of the station of the hops. [-]

    Returns
    -------
    Step
        The step. A service's worker is free while its calls are under way.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.
    ModelError
        If something in the tree is neither a service nor a step, or two services of one
        name differ.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import ms
    >>> prices = Service("prices", 3 * ms, servers=4)
    >>> stock = Service("stock", 4 * ms, servers=4)
    >>> shop = Service("shop", 5 * ms, servers=8, calls=[prices, stock], at_once=True)
    >>> tree = microservices(shop, hop=0.5 * ms)
    >>> r = qm.Pipeline(tree).solve(400.0)
    >>> float(r.latency.mean), r.bottleneck, float(r.visits["hop"])
    (0.0115, 'stock', 3.0)
    """
    _check.instance("entry", entry, Service)
    crossing = Delay(_check.nonnegative("hop", hop))
    pools: dict[str, tuple[Service, Call]] = {}

    def visit(service: Service | Step) -> Step:
        if isinstance(service, Step):
            return service
        _check.instance("calls", service, Service)
        if service.name not in pools:
            pool = _pool(
                service.service,
                service.servers,
                service.workers,
                service.discipline,
                service.balancing,
            )
            pools[service.name] = (service, call(service.name, pool))
        known, own = pools[service.name]
        if known is not service:
            raise ModelError(
                f"two different services are called {service.name!r}: share one Service "
                "between its callers, or give them two names"
            )
        inner = [visit(child) for child in service.calls]
        calls = [parallel(*inner)] if service.at_once and len(inner) > 1 else inner
        return series(call(name, crossing), own, *calls)

    tree = visit(entry)
    return tree if gateway is None else series(gateway, tree)
