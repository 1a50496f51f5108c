"""The figures of the typical pipeline, each with its public source.

They are figures of somebody's site on somebody's machines: a place to start from, and to
replace by measurements of one's own.

Examples
--------
>>> from qmodel.web.figures import FIGURES
>>> FIGURES["round_trip_time"].value, FIGURES["round_trip_time"].unit
(0.045, 's')
"""

from __future__ import annotations

from typing import NamedTuple

from qmodel.units import minute, ms, us

__all__ = ["FIGURES", "Figure"]


class Figure(NamedTuple):
    """A number, its unit, what it is, and who published it."""

    value: float
    unit: str
    meaning: str
    source: str


_CRAVER = (
    'N. Craver, "Stack Overflow: The Architecture - 2016 Edition", 17 February 2016, '
    "figures of one day"
)
_YANG = (
    'J. Yang, Y. Yue, K. V. Rashmi, "A large scale analysis of hundreds of in-memory cache '
    'clusters at Twitter", OSDI 2020, cluster statistics of March 2020'
)

FIGURES = {
    "round_trip_time": Figure(
        45 * ms,
        "s",
        "client to site and back: 70 % mobile at 55 ms, the rest at 21 ms",
        'M. Daoudi, "Network latency and 4G", Web Performance Calendar, 2013 (the medians); '
        "treo.sh/rtt, 2024 (the share of mobile)",
    ),
    "data_centre_hop": Figure(
        0.5 * ms,
        "s",
        "round trip inside a data centre",
        'J. Dean, "Designs, lessons and advice from building large distributed systems", '
        "LADIS 2009, as noted by J. Hamilton",
    ),
    "dns_hit_time": Figure(
        13 * ms,
        "s",
        "answer from a public resolver's cache",
        "dnslab.dev, resolver benchmarks, 2025",
    ),
    "dns_miss_time": Figure(
        130 * ms,
        "s",
        "further time when the resolver must ask",
        "Google Public DNS, Performance Benefits",
    ),
    "dns_ttl": Figure(
        5 * minute,
        "s",
        "time to live of a record",
        "Cloudflare DNS documentation, TTL reference",
    ),
    "dns_lookup_rate": Figure(
        1 / minute, "1/s", "look-ups of the site at one resolver", "our choice; hit ratio 83 %"
    ),
    "dns_lookups": Figure(
        0.5,
        "-",
        "share of new connections that need a look-up: at most half",
        'M. Allman, "Putting DNS in Context", IMC 2020, abstract',
    ),
    "requests_per_connection": Figure(
        6.0,
        "-",
        "requests that share a connection: 70 requests over 12 connections a page",
        "HTTP Archive, Web Almanac 2022 (HTTP) and 2024 (Page Weight)",
    ),
    "full_handshake": Figure(
        2.34 * ms,
        "s",
        "CPU of a full TLS handshake, RSA-2048",
        'NGINX, "Testing the Performance of NGINX and NGINX Plus Web Servers", 2017: 428 new '
        "connections a second and core",
    ),
    "resumed_handshake": Figure(
        0.206 * ms,
        "s",
        "CPU of a resumed TLS 1.3 handshake (measured at the client)",
        'J. Birr-Pixton, "Rustls vs. OpenSSL resumption performance", 2019: 4,861 a second',
    ),
    "resumed": Figure(
        0.4,
        "-",
        "share of the handshakes that resume a session",
        'N. Sullivan, "Introducing Zero Round Trip Time Resumption (0-RTT)", Cloudflare, 2017',
    ),
    "edge_cores": Figure(
        4.0, "-", "cores each of TLS, load balancer and gateway", "our choice"
    ),
    "load_balancer_time": Figure(
        25 * us,
        "s",
        "CPU of an HTTPS request of 1 KB on a kept connection",
        'NGINX, "Testing the Performance of NGINX and NGINX Plus Web Servers", 2017: 40,207 '
        "requests a second and core",
    ),
    "gateway_time": Figure(
        0.126 * ms,
        "s",
        "CPU of a proxied HTTPS request: 127,257 requests a second on 16 cores",
        "Kong Gateway 3.10, performance benchmarks",
    ),
    "authentication_time": Figure(
        0.022 * ms,
        "s",
        "CPU of checking a key: from 112,026 to 97,208 requests a second on 16 cores",
        "Kong Gateway 3.10, performance benchmarks",
    ),
    "application_time": Figure(19 * ms, "s", "application time of a page", _CRAVER),
    "application_workers": Figure(
        8.0,
        "-",
        "workers of a server: one for each of its cores",
        'A. Gandhi et al., "AutoScale", ACM TOCS 30, 2012 (servers of 8 cores)',
    ),
    "application_servers": Figure(8.0, "-", "application servers", "our choice"),
    "front_time": Figure(8 * ms, "s", "work of the front service of a split", "our choice"),
    "catalogue_time": Figure(6 * ms, "s", "work of the catalogue service", "our choice"),
    "advice_time": Figure(5 * ms, "s", "work of the recommendation service", "our choice"),
    "front_workers": Figure(27.0, "-", "workers of the front service: its share", "our choice"),
    "catalogue_workers": Figure(20.0, "-", "workers of the catalogue service", "our choice"),
    "advice_workers": Figure(17.0, "-", "workers of the recommendation service", "our choice"),
    "burst": Figure(
        100.0, "-", "requests at once that a rate limit lets through", "our choice"
    ),
    "cache_time": Figure(
        13.5 * us,
        "s",
        "CPU of an operation: 74,239 SET a second on one thread",
        "Redis documentation, Redis benchmark",
    ),
    "hit_ratio": Figure(0.86, "-", "hit ratio, weighted by the rate of requests", _YANG),
    "read_share": Figure(0.86, "-", "share of reads among the operations, median", _YANG),
    "database_time": Figure(
        9.1 * ms, "s", "SQL time of a page: 7.6 queries of 1.2 ms", _CRAVER
    ),
    "database_connections": Figure(
        10.0, "-", "connections of a pool", "HikariCP documentation, default maximumPoolSize"
    ),
}
"""The figures, by name."""
