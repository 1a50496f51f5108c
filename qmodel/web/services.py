"""The application: one monolith, or a tree of services that call each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Count, Value
from qmodel.balancing.policies import Policy, balanced
from qmodel.distributions import Distribution
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.steps import call, hold, parallel, series
from qmodel.pipeline.steps.base import Step
from qmodel.pipeline.steps.call import Call
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.queues.mgc import MGc
from qmodel.queues.mgc_ps import MGcPS
from qmodel.queues.mmc import MMc

__all__ = ["Service", "microservices", "monolith"]

Discipline = Literal["queue", "share"]


def _service(name: str, x: Any) -> Any:
    """Return a service time or its distribution."""
    return x if isinstance(x, Distribution) else _check.positive(name, x)


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


def _held(
    name: str,
    service: Value | Distribution,
    servers: Count,
    workers: Count,
    discipline: Discipline,
    balancing: Policy,
    cores: Count | None = None,
) -> Callable[[Step], Step]:
    """Return workers that are held while a request does its own work and then other steps."""
    if balancing != "central queue":
        raise ModelError(
            f"the workers of {name!r} are held, and held workers are waited for in front of "
            f"all servers: balancing must be 'central queue', got {balancing!r}"
        )
    servers, workers = _check.count("servers", servers), _check.count("workers", workers)
    if cores is not None:
        station = _station(service, servers * _check.count("cores", cores), discipline)
    elif discipline == "share":
        raise ModelError(f"the workers of {name!r} share cores: say how many, cores")
    else:
        station = Delay(_station(service, 1, discipline).service)
    work = call(f"{name} work", station)
    return lambda calls: hold(name, servers * workers, series(work, calls))


@overload
def monolith(
    service: Value | Distribution,
    servers: Count,
    *,
    workers: Count = ...,
    discipline: Discipline = ...,
    balancing: Policy = ...,
    name: str = ...,
) -> Call: ...
@overload
def monolith(
    service: Value | Distribution,
    servers: Count,
    *,
    workers: Count = ...,
    discipline: Discipline = ...,
    balancing: Policy = ...,
    calls: Step,
    cores: Count | None = ...,
    name: str = ...,
) -> Step: ...
@overload
def monolith(
    service: Value | Distribution,
    servers: Count,
    *,
    workers: Count = ...,
    discipline: Discipline = ...,
    balancing: Policy = ...,
    calls: Mapping[str, Step],
    cores: Count | None = ...,
    name: str = ...,
) -> dict[str, Step]: ...
@checked
def monolith(
    service: Value | Distribution,
    servers: Count,
    *,
    workers: Count = 1,
    discipline: Discipline = "queue",
    balancing: Policy = "central queue",
    calls: Step | Mapping[str, Step] | None = None,
    cores: Count | None = None,
    name: str = "monolith",
) -> Step | dict[str, Step]:
    """Handle a request in one application on several equal servers.

    Parameters
    ----------
    service : number or array or Distribution
        Time of a request on one worker; a number is the mean of an exponential distribution.
        [s]
    servers : int or integer array
        Servers, >= 1. [-]
    workers : int or integer array, default 1
        Workers (threads, processes) of each server, >= 1. [-]
    discipline : {"queue", "share"}, default "queue"
        Whether requests queue for a free worker, or share the CPU. [-]
    balancing : str or class of pools, default "central queue"
        How requests find a server: a name in `qmodel.balancing.POLICIES`, such as "random"
        or "round robin", or a class. By default they wait in front of all servers. [-]
    calls : Step or mapping of str to Step, optional
        What a worker calls and waits for, held meanwhile: a cache, a database; or that for
        each kind of request. By default workers wait for nothing, and what follows on the
        path is asynchronous. [-]
    cores : int or integer array, optional
        With `calls`, cores of each server that its workers do their own work on, >= 1; by
        default each worker has one. [-]
    name : str, default "monolith"
        Name of the station; with `calls` that of the workers, whose own work is the station
        "<name> work". [-]

    Returns
    -------
    Call, Step or dict
        The step, or with kinds that of each; without `calls`, ``step.serving(distribution)`` is
        the same application doing other work, for another kind of request.

    Raises
    ------
    DomainError
        If a parameter is outside its domain, or no policy has the name.
    ModelError
        If workers are held and balanced by a policy, or share cores that are not given.

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

    Workers that wait for a database serve less than those that do something else meanwhile:

    >>> db = qm.call("database", qm.MMc(9 * ms, servers=40))
    >>> held = monolith(19 * ms, servers=8, workers=8, calls=db)
    >>> [float(qm.Pipeline(p).max_rate) for p in (held, qm.series(page, db))]
    [2285.7143, 3368.4211]
    """
    if calls is None:
        if cores is not None:
            raise ModelError("cores is for workers that are held: give calls, too")
        return call(name, _pool(service, servers, workers, discipline, balancing))
    around = _held(name, service, servers, workers, discipline, balancing, cores)
    if isinstance(calls, Mapping):
        return {kind: around(_check.instance("calls", c, Step)) for kind, c in calls.items()}
    return around(_check.instance("calls", calls, Step))


@dataclass(frozen=True, slots=True, eq=False)
class Service(Model):
    """One service of a call tree, with a pool of its own.

    Parameters
    ----------
    name : str
        Name of the station. [-]
    service : number or array or Distribution
        Time of a request on one worker; a number is the mean of an exponential distribution.
        [s]
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
    then : Step or mapping of str to Step, optional
        What it does when its calls are answered; or that for each kind of request. [-]
    workers_held : bool, default False
        Whether its workers are held while its calls are under way (threads that wait), or do
        something else meanwhile (asynchronous). [-]
    cores : int or integer array, optional
        Cores of each server that held workers do their own work on, >= 1; by default each
        worker has one. [-]

    Examples
    --------
    >>> from qmodel.units import ms
    >>> prices = Service("prices", 3 * ms, servers=4)
    >>> shop = Service("shop", 5 * ms, servers=8, calls=[prices])
    >>> shop.calls[0].name
    'prices'
    """

    name: str
    service: Value | Distribution = parameter(
        "service time", unit="s", symbol="S", check=_service
    )
    servers: Count = parameter("servers", symbol="c", check="count")
    calls: Sequence[Service | Step] = ()
    at_once: bool = False
    discipline: Discipline = "queue"
    workers: Count = parameter("workers of each server", check="count", default=1)
    balancing: Policy = "central queue"
    then: Step | Mapping[str, Step] | None = None
    workers_held: bool = False
    cores: Count | None = parameter("cores", check="count", default=None)


@checked
def microservices(
    entry: Service, *, hop: Value = 0.0, gateway: Step | None = None, name: str = "hop"
) -> Step | dict[str, Step]:
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
        The step. A service's worker is free while its calls are under way, unless
        `Service.workers_held`.

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
    pools: dict[str, tuple[Service, Any]] = {}

    def pool(service: Service) -> Any:
        """Return the call of a service, or of one whose workers are held what holds them."""
        if service.name in pools and pools[service.name][0] is not service:
            raise ModelError(
                f"two different services are called {service.name!r}: share one Service "
                "between its callers, or give them two names"
            )
        if service.name not in pools:
            size = service.service, service.servers, service.workers
            kind = service.discipline, service.balancing
            waits = service.workers_held and (service.calls or service.then is not None)
            own = (
                _held(service.name, *size, *kind, service.cores)
                if waits
                else _pool(*size, *kind)
            )
            pools[service.name] = (
                service,
                own if not isinstance(own, Station) else call(service.name, own),
            )
        return pools[service.name][1]

    def visit(service: Service | Step, kind: str | None) -> Step:
        if isinstance(service, Step):
            return service
        own = pool(_check.instance("calls", service, Service))
        inner = [visit(child, kind) for child in service.calls]
        calls = [parallel(*inner)] if service.at_once and len(inner) > 1 else inner
        then: Any = service.then
        then = then[kind] if isinstance(then, Mapping) else then
        calls += [] if then is None else [_check.instance("then", then, Step)]
        into = call(name, crossing)
        return (
            series(into, own, *calls)
            if isinstance(own, Step)
            else series(into, own(series(*calls)))
        )

    trees = {kind: visit(entry, kind) for kind in _kinds(entry)}
    if gateway is not None:
        trees = {kind: series(gateway, tree) for kind, tree in trees.items()}
    return trees[None] if None in trees else {str(k): tree for k, tree in trees.items()}


def _kinds(service: Service | Step) -> tuple[str | None, ...]:
    """Return the kinds of request that services of a tree tell apart."""
    if isinstance(service, Step):
        return (None,)
    _check.instance("calls", service, Service)
    found = {_kinds(child) for child in service.calls}
    if isinstance(service.then, Mapping):
        found.add(tuple(service.then))
    found.discard((None,))
    if len(found) > 1:
        raise ModelError(f"the services of {service.name!r} tell different kinds apart")
    return found.pop() if found else (None,)
