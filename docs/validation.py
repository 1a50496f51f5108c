"""Holds predictions against published measurements, and writes the page that shows them.

    python docs/validation.py

writes docs/explanation/held-against-measurements.md. Each case is calibrated, if at all, from
light loads of its source and predicts the others; its bound is what the prediction is held to,
and where it fails the reason stands beside it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import qmodel as qm
from qmodel.measurements import service_scv, usl
from qmodel.networks import closed
from qmodel.units import text

PAGE = Path(__file__).parent / "explanation" / "held-against-measurements.md"


class Case(NamedTuple):
    """One number that was measured, and what the model says of it."""

    group: str
    what: str
    measured: float
    predicted: float
    unit: str
    within: float
    """Greatest relative error that is held to."""
    why: str = ""
    """Why it fails, if it does."""

    @property
    def error(self) -> float:
        """Predicted over measured, less 1."""
        return self.predicted / self.measured - 1

    @property
    def holds(self) -> bool:
        """Whether the error is within the bound."""
        return abs(self.error) <= self.within


SOURCES = {
    "A tier of 50 threads": (
        "open benchmark `HuyBQ2004/modeling`, HTTP variant: Spring Boot, 50 permits around "
        "50 ms, open arrivals, 20 runs a point. M/M/50 for means, M/D/50 for percentiles; the "
        "service time is the mean of the three lightest loads."
    ),
    "A pool of 50 connections": (
        "the same benchmark, 50 connections of HikariCP to a database. M/M/50 with the "
        "service time of the three lightest loads (30, 50 and 60 % of the design)."
    ),
    "A cluster of PHP servers": (
        "A. Gandhi and others, AutoScale, ACM TOCS 2012: 8 cores, jobs of 120 ms, p95 of "
        "400 ms at 60 requests/s a server, 800 requests/s to serve."
    ),
    "A server of 300 threads": (
        "N. Gunther and M. Chawla, arXiv 1811.12341: Tomcat in the cloud, service time "
        "measured as 444 ms, 400 requests under way."
    ),
    "Three tiers, closed": (
        "Buch and Pentkovski's data in N. Gunther, Analyzing Computer System Performance "
        "with Perl::PDQ, ch. 12: demands of 9.8, 2.5 and 0.72 ms on web, application and "
        "database. Exact product form."
    ),
    "Shedding beyond 128 requests": (
        "open benchmark of a gateway: two replicas of 64 places, 2.004 s each, k6 at a "
        "constant rate. M/G/64/64 at half the rate."
    ),
    "TLS handshakes by cores": (
        "NGINX, Testing the Performance of NGINX and NGINX Plus Web Servers, 2017. The "
        "demand of one core, 2.34 ms a handshake, by the number of cores."
    ),
    "TLS requests on kept connections by cores": (
        "the same tests, requests of an empty file over connections that stay open: 14 us a "
        "request and core."
    ),
    "A multiprocessor": (
        "SPEC SDM91 as in the package usl of R. The universal scalability law from the "
        "loads up to 72."
    ),
    "Fan-out": ("J. Dean and L. Barroso, The Tail at Scale, CACM 2013."),
    "Fan-out from percentiles": (
        "the same, table 1: one random leaf takes 1, 5 and 10 ms (p50, p95, p99); measured are "
        "all of 100 leaves, and 95 % of them. `from_percentiles` and order statistics."
    ),
    "A chain of caches": (
        "Q. Huang and others, An analysis of Facebook photo caching, SOSP 2013: hit ratios "
        "of browser 65.5 %, edge 58 %, origin 31.7 %."
    ),
    "Production caches by lifetime": (
        "J. Yang and others, A large scale analysis of hundreds of in-memory cache clusters at "
        "Twitter, OSDI 2020 (`cache-trace`, CC BY 4.0): clusters with one or two lifetimes. "
        "Miss ratio of a TTL cache from rate, Zipf exponent, lifetimes and working set."
    ),
    "A retry storm": (
        "N. Bronson and others, Metastable Failures in Distributed Systems, HotOS 2021, an "
        "example that its authors work out, and no measurement: a database of "
        "300/s, 280/s of requests, one retry after a second, an outage of ten seconds. M/M/10 "
        "behind a timeout, two attempts."
    ),
    "A flash crowd": (
        "M. Arlitt and T. Jin, 1998 World Cup Web Site Access Logs, 1998, by minute: the two "
        "hours around the busiest minute (229,426 requests). Allan factor of Poisson arrivals."
    ),
}
"""Where the measurements of each group are from, and which model predicts them."""

INTRODUCTION = (
    "Of {all} published numbers, {measured} of them measured and {worked} worked out by the "
    "authors of an example, the models of this library "
    "predict {good} within the bound that stands beside them, and miss the others, with the "
    "reason. Where a model is calibrated, it is from lighter loads of the same source, "
    "which are not in the table, unless a row says otherwise.",
    "What to take from it: means and throughputs hold to a few percent up to 95 % load "
    "while the demand of a request does not depend on the load. Where it does, light loads "
    "cannot show it, and a prediction beyond the loads that were measured may be wrong by a "
    "factor of thirty. Percentiles need the shape of the service time. `qm.backtest` says "
    "the same of your own measurements; see [how "
    "to](../how-to/from-measurements-to-a-model.md).",
    "Written by `python docs/validation.py`; the tests hold each number to its bound, and "
    "the misses to their miss.",
)

THREADS = (237, 397, 556, 634, 675, 754)
TIER = {
    "virtual": (62.7, 62.2, 62.6, 63.4, 64.2, 73.9),
    "platform": (60.8, 60.9, 61.6, 62.8, 64.7, 81.2),
}
TIER_P99 = (68.3, 71.9, 78.4, 83.5, 88.0, 127.7)
SHARES = (0.30, 0.50, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.95)
KNEES = {"SQL Server": 0.8, "PostgreSQL": 0.75}
"""Share of the design from which on the demand of a query has visibly grown."""

POOLS = {
    "SQL Server": (0.06629, (56.4, 58.0, 60.3, 60.4, 61.0, 62.5, 66.2, 82.2, 161.0)),
    "PostgreSQL": (0.0545, (55.0, 56.4, 57.3, 57.6, 60.1, 69.4, 166.9, 760.0, 3192.0)),
}


def service(times: Sequence[float]) -> float:
    """Return the geometric mean of times in milliseconds, in seconds."""
    return float(np.exp(np.mean(np.log(times)))) * 1e-3


def tier() -> Iterator[Case]:
    """Yield the tier of threads, at the loads that the calibration did not see."""
    group = "A tier of 50 threads"
    for kind, means in TIER.items():
        s = service(means[:3])
        found = qm.MMc(s, 50).solve(np.array(THREADS)).response_time
        for i in (3, 4, 5):
            grows = (
                "the demand of platform threads grows with the load; fitted, it agrees to 1 %"
            )
            why = grows if kind == "platform" and i == 5 else ""
            what = f"mean, {kind} threads, {THREADS[i]}/s"
            yield Case(group, what, means[i] * 1e-3, float(found[i]), "s", 0.05, why)
    s, busy = service(TIER["virtual"][:3]), np.array(THREADS)
    constant = qm.MDc(s, 50).solve(busy).response.quantile(0.99)
    for i in (3, 4, 5):
        what = f"p99, virtual threads, {THREADS[i]}/s"
        yield Case(group, what, TIER_P99[i] * 1e-3, float(constant[i]), "s", 0.2)
    exponential = float(qm.MMc(s, 50).solve(754.0).response.quantile(0.99))
    why = "the service is nearly constant: its shape decides the p99, not the wait"
    what = "p99, virtual threads, 754/s, by M/M/50"
    yield Case(group, what, TIER_P99[5] * 1e-3, exponential, "s", 0.2, why)


def pools() -> Iterator[Case]:
    """Yield the pools of connections."""
    group = "A pool of 50 connections"
    why = "the query itself gets slower with the load (locks, garbage collection), which "
    why += "light loads do not show; a measured load beyond 75 % is needed"
    for name, (design, means) in POOLS.items():
        rates = np.array(SHARES) * 50 / design
        found = qm.MMc(service(means[:3]), 50).solve(rates).response_time
        for i in range(3, 9):
            what = f"mean, {name}, {100 * SHARES[i]:g} % of the design"
            late = why if SHARES[i] >= KNEES[name] else ""
            yield Case(group, what, means[i] * 1e-3, float(found[i]), "s", 0.1, late)


def cluster() -> Iterator[Case]:
    """Yield the servers of the AutoScale experiment."""
    group = "A cluster of PHP servers"
    exponential = float(qm.MMc(0.12, 8).solve(60.0).response.quantile(0.95))
    why = "the jobs vary less than exponential ones; with an SCV of 0.26 to 0.28 it agrees"
    yield Case(group, "p95 at 60/s, exponential jobs", 0.4, exponential, "s", 0.1, why)
    fit = service_scv([60.0], {0.95: [0.4]}, service_time=0.12, servers=8)
    shared = float(fit.alternatives[0].station.solve(60.0).response.quantile(0.95))
    why = "no variability makes shared processors as quick: the jobs are served in turn"
    yield Case(group, "p95 at 60/s, shared processors, best SCV", 0.4, shared, "s", 0.1, why)
    rate = qm.capacity(fit.station, "p95 <= 401 ms")
    servers = float(np.ceil(800 / float(getattr(rate, "rate", rate))))
    yield Case(group, "servers for 800/s, calibrated at 60/s", 14, servers, "-", 0.0)


def threads() -> Iterator[Case]:
    """Yield the saturated server of threads."""
    group = "A server of 300 threads"
    found = closed.solve({"tomcat": qm.MMc(0.444, servers=300)}, {"tomcat": 1.0}, 400)
    yield Case(group, "throughput", 675.68, float(found.throughput), "1/s", 0.01)
    yield Case(group, "mean response", 0.592, float(found.response_time), "s", 0.01)


def three_tiers() -> Iterator[Case]:
    """Yield the e-business system, without and with the latency that its demands hide."""
    group = "Three tiers, closed"
    demands = {"web": 0.0098, "application": 0.0025, "database": 0.00072}
    stations = {name: qm.MMc(s) for name, s in demands.items()}
    visits = dict.fromkeys(stations, 1.0)
    users = (1, 2, 4, 7, 10, 20)
    rates, times = (24, 48, 85, 100, 99, 94), (39, 39, 44, 67, 99, 210)
    plain = closed.solve(stations, visits, np.array(users))
    why = "two thirds of the latency of one request hold none of the three servers"
    yield Case(
        group, "mean response, 1 user", 0.039, float(plain.response_time[0]), "s", 0.15, why
    )
    hidden = 0.039 - sum(demands.values())
    found = closed.solve(stations, visits, np.array(users), think_time=hidden)
    for i in range(1, 6):
        what = f"throughput, {users[i]} users, hidden latency from 1 user"
        yield Case(group, what, rates[i], float(found.throughput[i]), "1/s", 0.1)
        response = float(found.response_time[i]) + hidden
        what = f"mean response, {users[i]} users"
        yield Case(group, what, times[i] * 1e-3, response, "s", 0.15)


def shedding() -> Iterator[Case]:
    """Yield the shares that a limit of concurrency turns away."""
    group = "Shedding beyond 128 requests"
    for rate, shed in ((80.0, 0.202), (160.0, 0.591), (320.0, 0.796)):
        result = qm.MGcc(qm.Deterministic(2.004), 64).solve(rate / 2)
        why = "the arrivals were regular, not Poisson: near the limit regular ones lose less"
        late = why if rate == 80 else ""
        yield Case(
            group, f"share shed at {rate:g}/s", shed, float(result.loss), "%", 0.05, late
        )


def handshakes() -> Iterator[Case]:
    """Yield new TLS connections a second by cores."""
    for cores, rate in ((2, 869), (4, 1735), (8, 3399), (16, 6676), (24, 10274), (36, 10067)):
        found = float(qm.MMc(1 / 428, servers=cores).max_rate)
        why = "beyond 24 cores something else saturates; nothing measured below shows it"
        late = why if cores == 36 else ""
        what = f"{cores} cores"
        yield Case("TLS handshakes by cores", what, rate, found, "1/s", 0.05, late)


def kept_connections() -> Iterator[Case]:
    """Yield requests a second over connections that stay open, by cores."""
    group = "TLS requests on kept connections by cores"
    found = {2: 151325, 4: 324654, 8: 647213, 16: 1262999, 32: 2197336, 36: 2175945}
    for cores, rate in found.items():
        why = "beyond 32 cores the network saturates: the page of the tests says 40 Gbit/s"
        predicted = float(qm.MMc(1 / 71561, servers=cores).max_rate)
        late = why if cores == 36 else ""
        yield Case(group, f"{cores} cores", rate, predicted, "1/s", 0.15, late)


def multiprocessor() -> Iterator[Case]:
    """Yield throughputs beyond the loads that the distribution was fitted on."""
    users, rates = (
        (1, 18, 36, 72, 108, 144, 216),
        (64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775, 1702.2),
    )
    e = usl(users[:4], rates[:4]).estimates
    a, b, g = (e[n].value for n in ("contention", "coherency", "single"))
    for n, rate in zip(users[4:], rates[4:], strict=True):
        found = g * n / (1 + a * (n - 1) + b * n * (n - 1))
        why = "four loads do not tell contention from coherency: beyond them it is a guess"
        yield Case("A multiprocessor", f"throughput at {n}", rate, found, "1/s", 0.1, why)


def fan_out() -> Iterator[Case]:
    """Yield shares of slow answers behind a fan-out."""
    for p, n, share in ((0.01, 100, 0.63), (0.0001, 2000, 0.18)):
        slow = qm.Mixture((1 - p, p), (qm.Deterministic(0.01), qm.Deterministic(2.0)))
        found = float(qm.OrderStatistic(slow, n, n).tail(1.0))
        yield Case(
            "Fan-out", f"slow answers, {n} {100 * p:g} % of which are", share, found, "%", 0.02
        )


def leaves() -> Iterator[Case]:
    """Yield times of fan-outs from the percentiles of one leaf."""
    leaf = qm.from_percentiles({0.5: 0.001, 0.95: 0.005, 0.99: 0.010}).distribution
    why = "the tail of a leaf beyond its p99 decides, and three percentiles do not show it"
    for need, times in ((95, (0.012, 0.032, 0.070)), (100, (0.040, 0.087, 0.140))):
        distribution = qm.OrderStatistic(leaf, need, 100)
        for p, time in zip((0.5, 0.95, 0.99), times, strict=True):
            what = f"p{100 * p:g}, {need} of 100 leaves"
            found = float(distribution.quantile(p))
            yield Case("Fan-out from percentiles", what, time, found, "s", 0.3, why)


def clusters() -> Iterator[Case]:
    """Yield miss ratios of caches whose objects live for a given time."""
    day, hour = 86400.0, 3600.0
    published = (
        (11, 0.0047, 1.4891, 9_783_505, 3993.6, ((5 * day, 0.97), (20.0, 0.03))),
        (16, 0.0728, 1.7862, 8_157_894, 16284.3, ((hour, 1.0),)),
        (20, 0.0079, 1.3699, 26_555_555, 5404.8, ((5 * day, 1.0),)),
        (25, 0.0002, 0.9929, 4_415_584, 18021.5, ((30 * day, 1.0),)),
        (28, 0.0027, 1.503, 21_915_384, 8235.5, ((3 * hour, 0.57), (1.2 * day, 0.43))),
        (36, 0.0375, 1.2169, 26_693_069, 8444.4, ((30 * day, 1.0),)),
        (44, 0.0083, 1.4084, 11_404_255, 9221.8, ((30 * day, 1.0),)),
    )
    why = "objects that are new miss, too: a catalogue that stands still has too few misses"
    for number, missed, exponent, objects, rate, lives in published:
        ttl, weights = np.array(lives).T
        r = qm.caches.TTL(ttl).solve(qm.caches.Zipf(objects, exponent), rate)
        found = float(weights @ r.miss_ratio)
        late = "" if number == 28 else why
        what = f"miss ratio of cluster {number}, exponent {exponent:.2f}"
        yield Case("Production caches by lifetime", what, missed, found, "%", 0.3, late)


def crowd() -> Iterator[Case]:
    """Yield how much arrivals of a flash crowd vary from minute to minute."""
    why = "the rate itself changes within minutes: replay the recorded load instead"
    what = "Allan factor of the counts by minute"
    yield Case("A flash crowd", what, 102.7, 1.0, "-", 0.5, why)


def storm() -> Iterator[Case]:
    """Yield the states of a site whose clients try again."""
    database = qm.timeout(1.0, qm.call("database", qm.MMc(10 / 300, servers=10)))
    model = qm.Pipeline(qm.retry(database, attempts=2))
    collapsed = model.solve(280.0).equilibria["collapsed"].stations["database"]
    for what, measured, found in (
        ("comes back by itself below", 150.0, model.hidden_capacity),
        ("queries that come after the outage", 560.0, collapsed.arrival_rate),
    ):
        yield Case("A retry storm", what, measured, float(found), "1/s", 0.01)


def caches() -> Iterator[Case]:
    """Yield what is left for the backend behind three caches."""
    path = qm.call("backend", qm.Delay(0.01))
    for name, hit in (("origin", 0.317), ("edge", 0.58), ("browser", 0.655)):
        path = qm.cached(hit, lookup=qm.call(name, qm.Delay(0.001)), miss=path)
    found = qm.Pipeline(path).solve(1.0).stations["backend"].arrival_rate
    yield Case("A chain of caches", "share of the backend", 0.099, float(found), "%", 0.01)


def cases() -> list[Case]:
    """Return all cases."""
    parts = (tier, pools, cluster, threads, three_tiers, shedding, handshakes,
             kept_connections, multiprocessor, fan_out, leaves, caches, clusters,
             storm, crowd)  # fmt: skip
    return [case for part in parts for case in part()]


def page(found: Sequence[Case]) -> str:
    """Return the page."""
    good = sum(case.holds for case in found)
    worked = sum("no measurement" in SOURCES[case.group] for case in found)
    measured = len(found) - worked
    lines = ["# Held against published measurements"]
    for paragraph in INTRODUCTION:
        words = paragraph.format(all=len(found), good=good, measured=measured, worked=worked)
        lines += ["", textwrap.fill(words, 98, break_on_hyphens=False)]
    for group, source in SOURCES.items():
        lines += ["", f"## {group}", "", f"{source[0].upper()}{source[1:]}", ""]
        lines += ["| what | measured | predicted | error | bound | verdict |", "|" + "---|" * 6]
        for case in found:
            if case.group == group:
                verdict = "holds" if case.holds else f"misses: {case.why}"
                bound = text(case.within, "%") if case.within else "exact"
                # An error of zero has no sign, which rounding would decide.
                error = round(100 * case.error, 1) + 0.0
                lines.append(
                    f"| {case.what} | {shown(case.measured, case.unit)} | "
                    f"{shown(case.predicted, case.unit)} | {error:+.1f} % | "
                    f"{bound} | {verdict} |"
                )
    return "\n".join(lines) + "\n"


def shown(value: float, unit: str) -> str:
    """Return a number with its unit and three digits."""
    return f"{value:g}" if unit == "-" else text(float(f"{value:.3g}"), unit)


if __name__ == "__main__":
    PAGE.write_text(page(cases()))
