"""The typical web pipeline, whole: what `qmodel solve` answers for when told nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.distributions import Exponential, Sum
from qmodel.errors import DomainError
from qmodel.pipeline import Pipeline
from qmodel.pipeline.steps import series
from qmodel.pipeline.steps.base import Step
from qmodel.web.cache import cache
from qmodel.web.connection import network, secure_connection
from qmodel.web.database import database
from qmodel.web.dns import dns
from qmodel.web.figures import FIGURES
from qmodel.web.gateway import gateway
from qmodel.web.load_balancer import load_balancer
from qmodel.web.services import Service, microservices, monolith

__all__ = ["typical_microservices", "typical_monolith", "typical_pipeline"]


Workers = Literal["held", "free"]

_PARTS = ("front", "catalogue", "advice")


def _figures(*given: Value | None) -> Callable[[str], Value]:
    """Return what looks a figure up: a rational number beside symbols."""
    exact = namespace(*given).exact
    return lambda name: exact(FIGURES[name].value)


def _site(
    application: Callable[[dict[str, Step]], dict[str, Step]],
    hit_ratio: Value | None,
    rate_limit: Value | None,
) -> Pipeline:
    """Return the typical site around an application that ends in steps for its data."""
    figure = _figures(hit_ratio, rate_limit)
    hop, round_trip = figure("data_centre_hop"), figure("round_trip_time")
    cores = int(figure("edge_cores"))
    resolve = dns(
        figure("dns_hit_time"),
        figure("dns_miss_time"),
        lookup_rate=figure("dns_lookup_rate"),
        ttl=figure("dns_ttl"),
        lookups=figure("dns_lookups"),
    )
    connect = secure_connection(
        round_trip,
        figure("full_handshake"),
        requests_per_connection=figure("requests_per_connection"),
        resumed=figure("resumed"),
        resumed_handshake=figure("resumed_handshake"),
        cores=cores,
        before=resolve,
    )
    edge = series(
        connect,
        network(round_trip),
        load_balancer(figure("load_balancer_time"), workers=cores),
        gateway(
            figure("gateway_time"),
            authentication_time=figure("authentication_time"),
            workers=cores,
            rate_limit=rate_limit,
            burst=figure("burst"),
        ),
    )
    data = database(figure("database_time"), int(figure("database_connections")), hop=hop)
    look_up = cache(
        figure("hit_ratio") if hit_ratio is None else hit_ratio,
        figure("cache_time"),
        data.read,
        hop=hop,
    )
    shares = {"read": figure("read_share"), "write": 1 - figure("read_share")}
    paths = application({"read": look_up, "write": data.write})
    return Pipeline({k: (share, series(edge, paths[k])) for k, share in shares.items()})


def _held(workers: Workers) -> bool:
    if workers not in ("held", "free"):
        raise DomainError(f"workers must be 'held' or 'free', got {workers!r}")
    return workers == "held"


def _monolith(work: Any, servers: int, each: int, workers: Workers) -> Any:
    """Return what puts the monolith around, or before, the steps for its data."""
    if _held(workers):
        return lambda data: monolith(work, servers, workers=each, calls=data)
    application = monolith(work, servers, workers=each)
    return lambda data: {kind: series(application, step) for kind, step in data.items()}


@checked
def typical_pipeline(
    *,
    hit_ratio: Value | None = None,
    rate_limit: Value | None = None,
    workers: Workers = "held",
) -> Pipeline:
    """Return the typical web pipeline, with a monolith as its application.

    A client resolves the name and opens a TLS 1.3 connection (once for several requests),
    crosses the network, passes load balancer and gateway, and a worker of the monolith
    handles the request: reads look into the cache and on a miss into the database, writes
    go to the database. Every default is in `qmodel.web.figures.FIGURES` with its source.

    Parameters
    ----------
    hit_ratio : number or array, optional
        Hit ratio of the cache; by default the published 86 %. [-]
    rate_limit : number or array, optional
        Requests a second that the gateway lets through, in bursts of up to 100; by
        default all. [1/s]
    workers : {"held", "free"}, default "held"
        Whether a worker is held while cache and database work for it, as in most frameworks,
        or free meanwhile, as in asynchronous ones. [-]

    Returns
    -------
    Pipeline
        The pipeline; change any part of it with `Pipeline.replace`.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    >>> site = typical_pipeline()
    >>> print(site.solve(2000.0))
    at 2000/s: mean 85.3 ms, p99 237 ms (approximate); monolith saturates first, at 2904/s
    >>> without_cache = typical_pipeline(hit_ratio=0.0)
    >>> float(without_cache.max_rate), without_cache.bottleneck
    (1098.9011, 'database')

    Workers that do something else while data is fetched for one request:

    >>> print(typical_pipeline(workers="free").solve(2000.0))
    at 2000/s: mean 85.3 ms, p99 237 ms (approximate); monolith saturates first, at 3368/s

    Symbols give formulas for those, with the figures as exact numbers:

    >>> import sympy as sp
    >>> h = sp.Symbol("h", positive=True)
    >>> typical_pipeline(hit_ratio=h, workers="free").max_rate
    Min(64000/19, 1/(91/100000 - 3913*h/5000000))
    """
    figure = _figures(hit_ratio, rate_limit)
    servers, each = int(figure("application_servers")), int(figure("application_workers"))
    application = _monolith(figure("application_time"), servers, each, workers)
    return _site(application, hit_ratio, rate_limit)


@checked
def typical_monolith(
    *,
    hit_ratio: Value | None = None,
    rate_limit: Value | None = None,
    workers: Workers = "held",
) -> Pipeline:
    """Return the typical pipeline with the work of `typical_microservices` in one application.

    A worker of the monolith does the work of the three services, one after the other. This
    is what to compare a split with: `typical_pipeline` takes the whole work as one
    exponential time, which has a longer tail.

    Parameters
    ----------
    hit_ratio : number or array, optional
        Hit ratio of the cache; by default the published 86 %. [-]
    rate_limit : number or array, optional
        Requests a second that the gateway lets through, in bursts of up to 100; by
        default all. [1/s]
    workers : {"held", "free"}, default "held"
        Whether a worker is held while cache and database work for it, as in most frameworks,
        or free meanwhile, as in asynchronous ones. [-]

    Returns
    -------
    Pipeline
        The pipeline.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    >>> site = typical_monolith()
    >>> float(site.max_rate), float(site.solve(2000.0).latency.quantile(0.99))
    (2903.5887, 0.2203)
    """
    figure = _figures(hit_ratio, rate_limit)
    work = Sum(tuple(Exponential(figure(f"{part}_time")) for part in _PARTS))
    servers, each = int(figure("application_servers")), int(figure("application_workers"))
    return _site(_monolith(work, servers, each, workers), hit_ratio, rate_limit)


@checked
def typical_microservices(
    *,
    hit_ratio: Value | None = None,
    rate_limit: Value | None = None,
    workers: Workers = "held",
) -> Pipeline:
    """Return the typical web pipeline with its monolith split into three services.

    The same work on as many workers as in `typical_monolith`: a front service that asks a
    catalogue and a recommendation service at once, each call one hop, then the data.

    Parameters
    ----------
    hit_ratio : number or array, optional
        Hit ratio of the cache; by default the published 86 %. [-]
    rate_limit : number or array, optional
        Requests a second that the gateway lets through, in bursts of up to 100; by
        default all. [1/s]
    workers : {"held", "free"}, default "held"
        Whether a worker is held while cache and database work for it, as in most frameworks,
        or free meanwhile, as in asynchronous ones. [-]

    Returns
    -------
    Pipeline
        The pipeline.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    >>> [float(typical_microservices(workers=w).max_rate) for w in ("held", "free")]
    [2981.8858, 3333.3333]
    """
    figure = _figures(hit_ratio, rate_limit)

    def part(name: str, figures: str, **calls: Any) -> Service:
        return Service(
            name, figure(f"{figures}_time"), int(figure(f"{figures}_workers")), **calls
        )

    asked = [part("catalogue", "catalogue"), part("recommendations", "advice")]
    hop = figure("data_centre_hop")
    threads: dict[str, Any] = {}
    if _held(workers):  # As many threads as the monolith has, on the cores of the front.
        each = int(figure("application_servers") * figure("application_workers"))
        cores = int(figure("front_workers"))
        threads = {"servers": 1, "workers": each, "cores": cores, "workers_held": True}

    def application(data: dict[str, Step]) -> dict[str, Step]:
        front = part("front", "front", calls=asked, at_once=True, then=data)
        front = replace(front, **threads)
        found = microservices(front, hop=hop)
        assert isinstance(found, dict)  # a tree for each kind of request
        return found

    return _site(application, hit_ratio, rate_limit)
