"""DNS: resolvers with caches of limited life, and what a miss costs."""

from __future__ import annotations

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.caches.base import Cache
from qmodel.caches.policies import ttl as ttl_cache
from qmodel.caches.popularity.base import Popularity
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import ModelError
from qmodel.pipeline.steps import branch, cached, call, nothing
from qmodel.pipeline.steps.base import Step
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay

__all__ = ["dns"]


@checked
def dns(
    hit_time: Value | Distribution,
    miss_time: Value | Distribution,
    *,
    hit_ratio: Value | Cache | None = None,
    resolvers: Popularity | None = None,
    lookup_rate: Value | None = None,
    ttl: Value | None = None,
    lookups: Value = 1,
    authority: Station | None = None,
    name: str = "dns",
) -> Step:
    """Resolve a name: from the resolver's cache, or by asking the authority.

    Parameters
    ----------
    hit_time : number, array or Distribution
        Time of an answer from the resolver's cache, >= 0, constant or its distribution. [s or
        -]
    miss_time : number, array or Distribution
        Mean further time of a miss, exponential, > 0; or its distribution. [s or -]
    hit_ratio : number, array or Cache, optional
        Share of the look-ups that the resolver's cache answers; or what gives it, such as
        `qmodel.caches.resolvers.Resolvers`; or give `lookup_rate` and `ttl`. [-]
    resolvers : Popularity, optional
        With a cache: which share of the look-ups comes through each resolver. [-]
    lookup_rate : number or array, optional
        Look-ups of the name at *this* resolver, from all its clients. [1/s]
    ttl : number or array, optional
        Time to live of the record. [s]
    lookups : number or array, default 1
        Look-ups a request; less than 1 where the client keeps names or connections. [-]
    authority : Station, optional
        The authoritative servers, as a station that misses load; by default never busy. [-]
    name : str, default "dns"
        Prefix of the stations' names, and name of the hit ratio. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.
    ModelError
        If neither `hit_ratio` nor both `lookup_rate` and `ttl` are given, or all are; if a
        cache comes without resolvers or resolvers without a cache.

    Notes
    -----
    With `lookup_rate` and `ttl` the hit ratio is that of a cache whose hits do not renew
    its entries, exactly, for Poisson look-ups (`qmodel.caches.policies.ttl`). With a cache the
    rate is that of the pipeline: the busier the site, the more of its look-ups are hits.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import hour, minute, ms
    >>> step = dns(13 * ms, 130 * ms, lookup_rate=1 / minute, ttl=5 * minute)
    >>> float(qm.Pipeline(step).solve(10.0).latency.mean)
    0.0347

    Clients behind 100,000 resolvers, for three times to live:

    >>> from qmodel.caches.resolvers import Resolvers
    >>> clients = qm.caches.Zipf(10**5, exponent=1.0)
    >>> caches = Resolvers([minute, hour, 24 * hour])
    >>> site = qm.Pipeline(dns(13 * ms, 130 * ms, hit_ratio=caches, resolvers=clients))
    >>> r = site.solve(100.0)
    >>> r.latency.mean.round(4), r.caches["dns"].miss_rate.round(1)
    (array([0.0701, 0.0288, 0.0144]), array([43.9, 12.2,  1.1]))
    """
    by_life = lookup_rate is not None and ttl is not None
    if (hit_ratio is None) != by_life or (lookup_rate is None) != (ttl is None):
        raise ModelError("dns needs either hit_ratio, or lookup_rate and ttl")
    if hit_ratio is None:
        hit_ratio = ttl_cache.hit_ratio(lookup_rate, ttl)
    if not isinstance(miss_time, Distribution):
        miss_time = Exponential(miss_time)
    resolve = cached(
        hit_ratio,
        lookup=call(f"{name} resolver", Delay(hit_time)),
        miss=call(f"{name} authority", authority or Delay(miss_time)),
        popularity=resolvers,
        name=name,
    )
    share = _check.share("lookups", lookups)
    return branch((share, resolve), (1 - share, nothing()), name=f"{name} lookups")
