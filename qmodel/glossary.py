"""One table of quantities: name, symbol, unit and meaning; it feeds frames, docs and tests."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["GLOSSARY", "Term", "units_of"]


class Term(NamedTuple):
    """A quantity of a result."""

    symbol: str
    unit: str
    meaning: str


GLOSSARY = {
    "arrival_rate": Term("λ", "1/s", "requests that arrive in a second"),
    "goodput": Term("λ(1 - r)", "1/s", "requests that are served in a second"),
    "rejected": Term("r", "-", "share of the requests that limits and full stations turn away"),
    "abandoned": Term("r_ab", "-", "share of the requests that give up waiting"),
    "accepted": Term("1 - r - r_ab", "-", "share of the requests that get through"),
    "max_rate": Term("λ*", "1/s", "arrival rate at which the first station saturates"),
    "hidden_capacity": Term("", "1/s", "load below which any backlog goes away"),
    "fold": Term("", "1/s", "arrival rate at which the healthy state ends"),
    "fresh_rate": Term("λ_0", "1/s", "requests that come to a retry in a second"),
    "attempt_rate": Term("x", "1/s", "attempts that a retry makes in a second"),
    "amplification": Term("x/λ_0", "-", "attempts that a request makes on average"),
    "success": Term("", "-", "share of the requests that succeed in the end"),
    "wasted": Term("", "-", "share of the attempts that servers work for in vain"),
    "headroom": Term("λ*/λ - 1", "-", "share by which the load can still grow"),
    "users": Term("N", "-", "users who wait for each answer before they ask again"),
    "think_time": Term("Z", "s", "mean time between an answer and the next request of a user"),
    "knee": Term("N*", "-", "users from which on they wait for each other"),
    "throughputs": Term("X_c", "1/s", "requests answered in a second, by class"),
    "response_times": Term("R_c", "s", "mean time from request to answer, by class"),
    "numbers": Term("L_ck", "-", "mean number present at a station, by class"),
    "residence_times": Term("V W", "s", "mean time of all visits to a station, by class"),
    "limits": Term("λ*_k", "1/s", "arrival rate at which each station saturates"),
    "holding_time": Term("H", "s", "mean time for which a request holds its permit"),
    "cold": Term("p", "-", "share of the requests served that start cold"),
    "instances": Term("E", "-", "mean number of instances alive, idle ones included"),
    "holders": Term("", "-", "mean number of permits in use"),
    "working_servers": Term("", "-", "servers that do work, not those that wait for others"),
    "time_here": Term("", "s", "mean time of a visit that counts at no other station"),
    "scale": Term("ρ_P", "-", "factor of the times inside a pool that its limit makes"),
    "best": Term("P*", "-", "permits with the least mean response"),
    "least": Term("", "-", "fewest permits nearly as good as the best"),
    "floor": Term("", "-", "fewest permits that sustain the load"),
    "ceiling": Term("n*", "-", "requests inside with the greatest throughput"),
    "response_by_permits": Term("W(P)", "s", "mean response with 1, 2, ... permits"),
    "servers": Term("c", "-", "servers, workers or connections of a station"),
    "replicas": Term("N", "-", "equal replicas behind a balancer"),
    "service_time": Term("S", "s", "mean time of a request on one server"),
    "visits": Term("V", "-", "mean number of visits of one request to a station"),
    "departure_scv": Term("c_d²", "-", "variability of the times between departures"),
    "offered_load": Term("a", "erlang", "arrival rate times mean service time"),
    "utilization": Term("ρ", "-", "busy share of the servers; above 1, what they would need"),
    "waiting_time": Term("W_q", "s", "mean time in queue, before service"),
    "response_time": Term("W", "s", "mean time in queue and in service"),
    "queue_length": Term("L_q", "-", "mean number of requests in queue"),
    "number_in_system": Term("L", "-", "mean number of requests in queue and in service"),
    "throughput": Term("X", "1/s", "requests served in a second"),
    "loss": Term("P_K", "-", "share of the arrivals that are lost at a full station"),
    "abandonment": Term("P_ab", "-", "share of the arrivals that give up waiting"),
    "number": Term("P(N = n)", "-", "distribution of the number of requests present"),
    "wait": Term("P(T_q > t)", "s", "distribution of the time in queue"),
    "response": Term("P(T > t)", "s", "distribution of the time in queue and in service"),
    "latency": Term(
        "P(T > t)", "s", "distribution of the time of a request through the pipeline"
    ),
    "mean": Term("E[T]", "s", "mean latency"),
    "percentiles": Term("t_p", "s", "latency that a share p of the requests does not exceed"),
    "weights": Term("w", "-", "shares of the requests that go to each part"),
    "imbalance": Term("", "-", "load of the fullest part over the average"),
    "up": Term("", "-", "mean number of replicas that are up"),
    "response_overall": Term(
        "P(T > t)", "s", "distribution of the response with the times of overload"
    ),
    "hit_ratio": Term("h", "-", "share of look-ups that the cache answers"),
    "byte_hit_ratio": Term("", "-", "share of the bytes asked for that the cache answers"),
    "miss_ratio": Term("1 - h", "-", "share of look-ups that the cache does not answer"),
    "request_rate": Term("Lambda", "1/s", "requests for objects of a catalogue"),
    "miss_rate": Term("", "1/s", "requests that a cache does not answer"),
    "characteristic_time": Term("T_C", "s", "time that an object stays that is not asked for"),
    "occupancy": Term("", "-", "mean number of objects in a cache"),
    "eviction_age": Term("", "s", "mean time that an object stays in a cache"),
    "answered": Term("", "-", "share of all requests that a level answers"),
    "delayed_ratio": Term("", "-", "share of look-ups that wait for a fetch under way"),
    "stale_ratio": Term("", "-", "share of look-ups that are answered with an old object"),
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
    "backlog": Term("", "-", "requests that wait, while warming at most"),
    "available": Term("A", "-", "share of the requests that are answered"),
    "unavailable": Term("", "-", "share of the requests that are not answered"),
    "failing": Term("", "-", "share of the requests that fail while a station is down"),
    "saved": Term("", "-", "share of the requests that are answered though a station is down"),
    "gain": Term("", "-", "availability gained if a station never failed"),
    "bottleneck": Term("", "-", "station that saturates first"),
    "basis": Term("", "-", "exact, asymptotic or approximate"),
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
