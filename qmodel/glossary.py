"""One table of quantities: name, symbol, unit and meaning; it feeds frames, docs and tests."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["GLOSSARY", "Term", "units_of"]


class Term(NamedTuple):
    """A quantity of a result; `known_as` are other words for it, of books and of dashboards."""

    symbol: str
    unit: str
    meaning: str
    known_as: str = ""


GLOSSARY = {
    "arrival_rate": Term(
        "λ", "1/s", "requests that arrive in a second", "offered traffic, RPS, QPS"
    ),
    "goodput": Term(
        "λ(1 - r)",
        "1/s",
        "requests that are served in a second",
        "successful requests per second",
    ),
    "rejected": Term(
        "r",
        "-",
        "share of the requests that limits and full stations turn away",
        "429 or 503 rate, drop rate",
    ),
    "abandoned": Term(
        "r_ab",
        "-",
        "share of the requests that give up waiting",
        "reneging, client disconnects",
    ),
    "accepted": Term("1 - r - r_ab", "-", "share of the requests that get through"),
    "max_rate": Term(
        "λ*", "1/s", "arrival rate at which the first station saturates", "stability limit"
    ),
    "hidden_capacity": Term(
        "",
        "1/s",
        "load below which any backlog goes away",
        "load that a metastable site must fall to",
    ),
    "fold": Term("", "1/s", "arrival rate at which the healthy state ends", "tipping point"),
    "fresh_rate": Term("λ_0", "1/s", "requests that come to a retry in a second"),
    "attempt_rate": Term(
        "x", "1/s", "attempts that a retry makes in a second", "offered load with retries"
    ),
    "amplification": Term(
        "x/λ_0",
        "-",
        "attempts that a request makes on average",
        "retry factor, work amplification",
    ),
    "success": Term("", "-", "share of the requests that succeed in the end"),
    "wasted": Term("", "-", "share of the attempts that servers work for in vain"),
    "headroom": Term(
        "λ*/λ - 1", "-", "share by which the load can still grow", "spare capacity"
    ),
    "users": Term(
        "N",
        "-",
        "users who wait for each answer before they ask again",
        "population, virtual users, multiprogramming level",
    ),
    "think_time": Term(
        "Z",
        "s",
        "mean time between an answer and the next request of a user",
        "pacing, sleep between requests",
    ),
    "knee": Term("N*", "-", "users from which on they wait for each other", "saturation point"),
    "throughputs": Term("X_c", "1/s", "requests answered in a second, by class"),
    "response_times": Term("R_c", "s", "mean time from request to answer, by class"),
    "numbers": Term("L_ck", "-", "mean number present at a station, by class"),
    "residence_times": Term("V W", "s", "mean time of all visits to a station, by class"),
    "limits": Term(
        "λ*_k", "1/s", "arrival rate at which each station saturates", "capacity by resource"
    ),
    "holding_time": Term("H", "s", "mean time for which a request holds its permit"),
    "cold": Term("p", "-", "share of the requests served that start cold", "cold start rate"),
    "instances": Term(
        "E",
        "-",
        "mean number of instances alive, idle ones included",
        "warm and busy instances",
    ),
    "holders": Term("", "-", "mean number of permits in use", "connections or threads in use"),
    "working_servers": Term("", "-", "servers that do work, not those that wait for others"),
    "time_here": Term("", "s", "mean time of a visit that counts at no other station"),
    "scale": Term("ρ_P", "-", "factor of the times inside a pool that its limit makes"),
    "best": Term("P*", "-", "permits with the least mean response"),
    "least": Term("", "-", "fewest permits nearly as good as the best"),
    "floor": Term("", "-", "fewest permits that sustain the load"),
    "ceiling": Term("n*", "-", "requests inside with the greatest throughput"),
    "response_by_permits": Term("W(P)", "s", "mean response with 1, 2, ... permits"),
    "servers": Term(
        "c",
        "-",
        "servers, workers or connections of a station",
        "workers, threads, cores, c of Kendall",
    ),
    "replicas": Term(
        "N", "-", "equal replicas behind a balancer", "instances, pods, upstreams"
    ),
    "service_time": Term(
        "S", "s", "mean time of a request on one server", "service demand per visit, 1/μ"
    ),
    "visits": Term(
        "V",
        "-",
        "mean number of visits of one request to a station",
        "visit ratio, calls per request",
    ),
    "departure_scv": Term("c_d²", "-", "variability of the times between departures"),
    "offered_load": Term(
        "a", "erlang", "arrival rate times mean service time", "traffic intensity, erlangs"
    ),
    "utilization": Term(
        "ρ",
        "-",
        "busy share of the servers; above 1, what they would need",
        "busy fraction, U of USE, traffic intensity per server",
    ),
    "waiting_time": Term(
        "W_q", "s", "mean time in queue, before service", "queueing delay, queue time"
    ),
    "response_time": Term(
        "W",
        "s",
        "mean time in queue and in service",
        "sojourn time, residence time per visit, duration of RED",
    ),
    "queue_length": Term(
        "L_q", "-", "mean number of requests in queue", "queue depth, backlog, L_q"
    ),
    "number_in_system": Term(
        "L",
        "-",
        "mean number of requests in queue and in service",
        "concurrency, in-flight requests",
    ),
    "throughput": Term(
        "X", "1/s", "requests served in a second", "completed requests per second"
    ),
    "loss": Term(
        "P_K",
        "-",
        "share of the arrivals that are lost at a full station",
        "blocking probability, Erlang B",
    ),
    "abandonment": Term(
        "P_ab", "-", "share of the arrivals that give up waiting", "reneging probability"
    ),
    "number": Term("P(N = n)", "-", "distribution of the number of requests present"),
    "wait": Term(
        "P(T_q > t)", "s", "distribution of the time in queue", "queueing delay distribution"
    ),
    "response": Term(
        "P(T > t)",
        "s",
        "distribution of the time in queue and in service",
        "sojourn time distribution",
    ),
    "latency": Term(
        "P(T > t)",
        "s",
        "distribution of the time of a request through the pipeline",
        "end-to-end latency, service level indicator",
    ),
    "mean": Term("E[T]", "s", "mean latency"),
    "percentiles": Term(
        "t_p",
        "s",
        "latency that a share p of the requests does not exceed",
        "p50, p95, p99, quantiles",
    ),
    "weights": Term("w", "-", "shares of the requests that go to each part"),
    "imbalance": Term(
        "", "-", "load of the fullest part over the average", "skew, peak over average"
    ),
    "up": Term("", "-", "mean number of replicas that are up"),
    "response_overall": Term(
        "P(T > t)", "s", "distribution of the response with the times of overload"
    ),
    "hit_ratio": Term("h", "-", "share of look-ups that the cache answers", "hit rate"),
    "byte_hit_ratio": Term(
        "", "-", "share of the bytes asked for that the cache answers", "byte hit rate, offload"
    ),
    "miss_ratio": Term(
        "1 - h", "-", "share of look-ups that the cache does not answer", "miss rate"
    ),
    "request_rate": Term("Lambda", "1/s", "requests for objects of a catalogue"),
    "miss_rate": Term("", "1/s", "requests that a cache does not answer"),
    "characteristic_time": Term(
        "T_C",
        "s",
        "time that an object stays that is not asked for",
        "Che's time, cache lifetime",
    ),
    "occupancy": Term("", "-", "mean number of objects in a cache"),
    "eviction_age": Term(
        "", "s", "mean time that an object stays in a cache", "age at eviction"
    ),
    "answered": Term("", "-", "share of all requests that a level answers"),
    "delayed_ratio": Term(
        "", "-", "share of look-ups that wait for a fetch under way", "coalesced requests"
    ),
    "stale_ratio": Term(
        "",
        "-",
        "share of look-ups that are answered with an old object",
        "stale-while-revalidate answers",
    ),
    "fetch_rate": Term("", "1/s", "fetches from what is behind a cache"),
    "added_latency": Term("", "s", "mean time that a look-up waits for a fetch"),
    "added": Term("P(T > t)", "-", "distribution of the time that a look-up waits for a fetch"),
    "healthy": Term("", "1/s", "load of the fetches in the state without backlog"),
    "threshold": Term("", "1/s", "load of the fetches beyond which a backlog feeds itself"),
    "collapsed": Term("", "1/s", "load of the fetches in the state with a backlog"),
    "margin": Term("", "-", "share by which a load is below another"),
    "overload": Term("", "-", "share by which, or of the time in which, too much comes"),
    "throttled_duration": Term("", "s", "time that requests are turned away while warming"),
    "turned_away": Term("", "-", "requests turned away while warming"),
    "queued_duration": Term("", "s", "time until a backlog is gone while warming"),
    "backlog": Term(
        "", "-", "requests that wait, while warming at most", "queued requests, lag"
    ),
    "available": Term(
        "A", "-", "share of the requests that are answered", "availability, uptime by requests"
    ),
    "unavailable": Term("", "-", "share of the requests that are not answered"),
    "failing": Term("", "-", "share of the requests that fail while a station is down"),
    "saved": Term("", "-", "share of the requests that are answered though a station is down"),
    "gain": Term("", "-", "availability gained if a station never failed"),
    "bottleneck": Term(
        "", "-", "station that saturates first", "constraint, saturated resource"
    ),
    "basis": Term("", "-", "exact, asymptotic or approximate", "label of exactness"),
}
"""The quantities that results and frames name, with their units."""


def units_of(names: list[str]) -> dict[str, str]:
    """Return the unit of each name that is a quantity; any percentile is in seconds."""
    units = {}
    for name in names:
        last = name.rsplit(".", 1)[-1]
        if last in GLOSSARY:
            units[name] = GLOSSARY[last].unit
        elif re.search(r"(^|\.)p\d+(\.\d+)?$", name):
            units[name] = "s"
    return units
