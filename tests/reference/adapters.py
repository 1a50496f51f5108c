"""Single stations: the figures of a case under the names of the sources.

`test_reference.py` loads this file.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import comb, factorial
from typing import Any

import numpy as np

import qmodel as qm
from qmodel.balancing import mean_field
from qmodel.balancing.fan_out import fork_join
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.power_of_d import PowerOfChoices
from qmodel.balancing.reliability import breakdowns
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues.approximations import wait_probabilities as ggc_wait_probabilities
from qmodel.queues.approximations.interpolated_waits import cosmetatos
from qmodel.queues.approximations.kingman import kingman_bound
from qmodel.queues.approximations.scaled_waits import (
    allen_cunneen,
    kraemer_langenbach_belz,
    whitt,
)
from qmodel.queues.counts.arrivals import arrivals_in

Figures = dict[str, Any]
Parameters = dict[str, Any]
Adapter = Callable[[Parameters], Figures]


def time_of(p: Parameters) -> float:
    """Return the mean service time, under whatever name."""
    mean = p.get("service_mean", p.get("service_time", p.get("service_minutes")))
    rate = p.get("service_rate", p.get("repair_rate"))
    return float(1 / rate if mean is None else mean)


def service_of(p: Parameters) -> qm.Distribution:
    """Return the distribution of service that a case describes."""
    mean = time_of(p)
    distribution = p.get("service")
    if distribution == "Erlang-2":
        return qm.Erlang(mean, 2)
    if "phases" in p:
        return qm.Erlang(mean, p["phases"])
    if distribution == "exponential":
        return qm.Exponential(mean)
    if distribution == "H2 balanced means":
        return balanced_hyperexponential(mean, p["service_scv"])
    if "service_second_moment" in p:
        return qm.from_mean_scv(mean, p["service_second_moment"] / mean**2 - 1)
    return qm.Deterministic(mean) if "service_time" in p else qm.Exponential(mean)


def moments(distribution: qm.Distribution) -> list[float]:
    first = distribution.mean
    second = distribution.variance + first**2
    third = distribution.third_cumulant + 3 * first * second - 2 * first**3
    return [first, second, third]


def states(number: qm.States) -> Figures:
    probabilities = np.array([number.probability(n) for n in range(40)])
    return {
        "p0": probabilities[0],
        "p30": probabilities[30],
        "prob_6": probabilities[6],
        "prob_full_complement": probabilities[0],
        "state_probabilities": probabilities,
    }


def of_station(r: qm.StationResult, p: Parameters) -> Figures:
    """Return what a solved station says, under the names of the sources."""
    wait, response = r.wait, r.response
    figures = {
        "utilization": r.utilization,
        "throughput": r.throughput,
        "mean_arrival_rate": r.arrival_rate,
        "blocking_probability": r.loss,
        "abandonment_probability": r.abandonment,
        "mean_wait": r.waiting_time,
        "mean_response": r.response_time,
        "mean_response_random": r.response_time,
        "mean_number_in_queue": r.queue_length,
        "mean_number_in_system": r.number_in_system,
        "mean_number": r.number_in_system,
        "mean_failed": r.number_in_system,
        "mean_idle_servers": r.station.servers * (1 - r.utilization),
        "mean_wait_all": r.queue_length / r.arrival_rate,
        "mean_sojourn_all": r.number_in_system / r.arrival_rate,
    }
    if r.number is not None:
        figures |= states(r.number)
    if wait is None:
        return figures
    figures |= {
        "prob_wait": wait.tail(0.0),
        "prob_no_wait": wait.atom,
        "immediate_answer": wait.atom,
        "wait_variance": wait.variance,
        "prob_wait_gt_twice_mean": wait.tail(2 * r.waiting_time),
    }
    if "t" in p:
        figures["prob_wait_gt_t"] = wait.tail(p["t"])
        figures["prob_response_gt_t"] = response.tail(p["t"])
    if "target_time" in p:
        figures["service_level"] = wait.cdf(p["target_time"])
    if "times" in p:
        figures["wait_cdf"] = wait.cdf(np.array(p["times"], dtype=float))
    if "probability" in p:
        figures["wait_percentile"] = wait.quantile(p["probability"])
        figures["response_percentile"] = response.quantile(p["probability"])
    return figures


# Finite rooms and finite populations.


def mmck(p: Parameters) -> Figures:
    station = qm.MMcK(time_of(p), p.get("servers", 1), p["capacity"])
    return of_station(station.solve(p["arrival_rate"]), p)


def mg1k(p: Parameters) -> Figures:
    station = qm.MG1K(service_of(p), p["capacity"])
    return of_station(station.solve(p["arrival_rate"]), p)


def arrivals_in_a_service(p: Parameters) -> Figures:
    none, more, _ = arrivals_in(service_of(p), p["arrival_rate"], p["capacity"])
    return {"departure_arrivals_pmf": [none, *(more[:-1] - more[1:])]}


def engset(p: Parameters) -> Figures:
    r = qm.Engset(1.0, p["servers"], p["sources"]).solve(p["load_per_idle_source"])
    return {"call_congestion": r.loss}


def repair(p: Parameters) -> Figures:
    """Finite source: machines that fail, or clients that think; without `servers`, one."""
    population = p["population"] if "population" in p else p["machines"]
    servers = p.get("servers", p.get("repairmen", 1))
    rate = p["failure_rate"] if "failure_rate" in p else 1 / p["think_time"]
    return of_station(qm.FiniteSource(time_of(p), servers, population).solve(rate), p)


def repair_of_all(p: Parameters) -> Figures:
    return repair({**p, "servers": p["population"]})


def terminals(p: Parameters) -> Figures:
    """A delay, whose place the idle sources take, and one server."""
    time = p["demands"][0] if "demands" in p else p["service_mean"]
    # A passage of the delay, then with some probability another one.
    passage = p["think_time"] if "think_time" in p else p["delay_mean"]
    passages = 1 / (1 - p.get("delay_self_loop", 0.0))
    r = qm.FiniteSource(time, 1, p["population"]).solve(1 / passage / passages)
    numbers = [p["population"] - r.number_in_system, r.number_in_system]
    return {
        "system_throughput": r.throughput,
        "system_response": r.response_time,
        "utilization": r.utilization,
        "utilization_queue": r.utilization,
        "number": numbers[1] if "demands" in p else numbers,
        "response": [passage, r.response_time],
        "throughput": [numbers[0] / passage, r.throughput],
    }


def repair_with_spares(p: Parameters) -> Figures:
    machines, spares, repairmen = p["machines"], p["spares"], p["repairmen"]
    capacity = machines + spares
    cold = [max(spares - n, 0) * p["spare_failure_rate"] for n in range(capacity)]
    fail = [min(machines, capacity - n) * p["failure_rate"] for n in range(capacity)]
    rates = [p["repair_rate"] * min(n, repairmen) for n in range(1, capacity + 1)]
    factors = [*(a + b for a, b in zip(cold, fail, strict=True)), 0.0]
    figures = of_station(qm.BirthDeath(rates, factors, repairmen).solve(1.0), p)
    complete = figures["state_probabilities"][: spares + 1].sum()
    return figures | {"prob_full_complement": complete}


def finite_source_and_room(p: Parameters) -> Figures:
    population, servers, capacity = p["population"], p["servers"], p["capacity"]
    rates = [p["service_rate"] * min(n, servers) for n in range(1, capacity + 1)]
    factors = [population - n for n in range(capacity + 1)]
    return of_station(qm.BirthDeath(rates, factors, servers).solve(p["failure_rate"]), p)


def growing_arrivals(p: Parameters) -> Figures:
    servers = p["servers"]
    rates = [p["service_rate"] * n for n in range(1, servers + 1)]
    station = qm.BirthDeath(rates, range(1, servers + 2), servers)
    return of_station(station.solve(p["base_arrival_rate"]), p)


def discouraged(p: Parameters) -> Figures:
    # The probability of more than 80 present is below 1e-100.
    station = qm.BirthDeath([p["service_rate"]] * 80, [1 / (n + 1) for n in range(81)])
    return of_station(station.solve(p["arrival_rate"]), p)


# Impatience.


def erlang_a(p: Parameters) -> Figures:
    patience = p["patience_mean"] if "patience_mean" in p else 1 / float(p["abandonment_rate"])
    station = qm.ErlangA(time_of(p), p["servers"], patience, p.get("capacity", np.inf))
    r: Any = station.solve(p["arrival_rate"])
    figures = of_station(r, p)
    if "threshold" in p:
        figures["prob_virtual_wait_le"] = r.offered_within(p["threshold"])
        figures["prob_served_within"] = r.served_within(p["threshold"])
        figures["prob_real_wait_le"] = r.waited_within(p["threshold"])
    return figures


def erlang_a_servers(p: Parameters) -> Figures:
    servers = np.arange(1, 100)
    station = qm.ErlangA(time_of(p), servers, 1 / p["abandonment_rate"])
    enough = station.solve(p["arrival_rate"]).abandonment <= p["target_abandonment"]
    return {"min_servers": servers[enough][0]}


def constant_patience(p: Parameters) -> Figures:
    r = qm.MMcD(time_of(p), p.get("servers", 1), p["patience"]).solve(float(p["arrival_rate"]))
    return {"p_idle": 1 - r.utilization, "prob_abandon": r.abandonment}


def servers_that_fail(p: Parameters) -> Figures:
    up, repair = p["repair_rate"] / (p["failure_rate"] + p["repair_rate"]), 1 / p["repair_rate"]
    mean = breakdowns.response_time(
        p["arrival_rate"], time_of(p), servers=p["servers"], available=up, repair_time=repair
    )
    return {"mean_sojourn": mean, "availability": up}


# Streams in order of importance.


def of_streams(r: qm.StationResult) -> Figures:
    assert r.wait is not None
    return {
        "mean_wait": [s.waiting_time for s in r.streams],
        "mean_response": [s.response_time for s in r.streams],
        "prob_wait": r.wait.tail(0.0),
    }


def streams_of(p: Parameters) -> list[qm.Stream]:
    means = p.get("service_means") or [1 / m for m in p["service_rates"]]
    seconds = p.get("service_second_moments") or [2 * m**2 for m in means]
    # Rounded, as what is 0 must be 0 and not -1e-16.
    distributions = [
        qm.from_mean_scv(m, abs(round(s / m**2 - 1, 14)))
        for m, s in zip(means, seconds, strict=True)
    ]
    return [
        qm.Stream(r, distribution)
        for r, distribution in zip(p["arrival_rates"], distributions, strict=True)
    ]


def one_server(preemptive: bool) -> Adapter:
    station = qm.MG1Priority(qm.Exponential(1.0), preemptive)
    return lambda p: of_streams(station.solve(streams_of(p)))


def servers_alike(preemptive: bool) -> Adapter:
    def figures(p: Parameters) -> Figures:
        first, *others = p["service_rates"] if "service_rates" in p else [p["service_rate"]]
        station = qm.MMcPriority(1 / first, p["servers"], preemptive)
        alike = set(others) <= {first}
        distributions = [None if alike else qm.Exponential(1 / m) for m in (first, *others)]
        distributions = distributions if others else distributions * len(p["arrival_rates"])
        r = station.solve(
            [
                qm.Stream(x, distribution)
                for x, distribution in zip(p["arrival_rates"], distributions, strict=True)
            ]
        )
        return of_streams(r)

    return figures


def accumulating(p: Parameters) -> Figures:
    """The two limits of this discipline: equal rates are FCFS, far apart ones a priority."""
    rates = p["accumulation_rates"]
    if len(set(rates)) == 1:
        return of_streams(qm.MG1(qm.Exponential(1.0)).solve(streams_of(p)))
    assert all(b <= 1e-9 * a for a, b in pairwise(rates))
    return one_server(False)(p)


# One server with general service.


class Moments(qm.Distribution):
    """A distribution of which two or three moments are known."""

    def __init__(self, first: float, second: float, third: float = np.nan) -> None:
        self._cumulants = (
            first,
            second - first**2,
            third - 3 * first * second + 2 * first**3,
        )

    @property
    def mean(self) -> float:
        return self._cumulants[0]

    @property
    def variance(self) -> float:
        return self._cumulants[1]

    @property
    def third_cumulant(self) -> float:
        return self._cumulants[2]

    def laplace(self, s: Any) -> Any:
        raise NotImplementedError


def busy_period(p: Parameters) -> Figures:
    r = qm.MG1LCFS(Moments(*p["service_moments"])).solve(p["arrival_rate"])
    found = moments(r.response)
    return {
        "response_moments": found,
        "mean_busy_period": found[0],
        "busy_period_second_moment": found[1],
    }


def busy_time(p: Parameters) -> Figures:
    distribution = qm.MG1LCFS(service_of(p)).solve(p["arrival_rate"]).response
    return {
        "cdf": distribution.cdf(np.array(p["times"], dtype=float)),
        "mean": distribution.mean,
    }


def of_policy(policy: str, p: Parameters) -> float:
    distribution = qm.Exponential(p["service_mean"])
    return float(qm.MG1SizeBased(distribution, policy).solve(p["arrival_rate"]).response_time)


def by_size(policy: str) -> Adapter:
    return lambda p: {"mean_response": of_policy(policy, p)}


def by_every_size(p: Parameters) -> Figures:
    return {name: of_policy(name.lower(), p) for name in ("SRPT", "PSJF", "SJF", "FB")}


def vacations(p: Parameters) -> Figures:
    distributions = {"exponential": qm.Exponential, "deterministic": qm.Deterministic}
    away = distributions[p["vacation"]](p["vacation_mean"])
    r = qm.MG1Vacations(service_of(p), away).solve(p["arrival_rate"])
    assert r.wait is not None
    return {"wait_moments": moments(r.wait)}


def threshold(p: Parameters) -> Figures:
    station = qm.MG1Threshold(service_of(p), p["threshold"])
    return of_station(station.solve(p["arrival_rate"]), p)


def batches(p: Parameters) -> Figures:
    sizes = qm.RandomBatch(p["batch_size_probs"])
    station = qm.MXG1(qm.Exponential(1 / p["service_rate"]), sizes)
    r = station.solve(p["batch_arrival_rate"] * sizes.mean)
    return {"mean_response": r.response_time}


def mg1_states(p: Parameters) -> Figures:
    """The states of M/G/1 below K are those of M/G/1/K but for a factor."""
    r = qm.MG1K(service_of(p), 10).solve(p["arrival_rate"])
    assert r.number is not None
    probabilities = np.array([r.number.probability(n) for n in range(10)])
    idle = 1 - p["arrival_rate"] * time_of(p)
    return {"state_probabilities": idle * probabilities / probabilities[0]}


# Arrivals that are not Poisson, and formulas with two moments.


def interarrival_of(p: Parameters) -> qm.Distribution:
    if "arrival_phases" in p:
        return qm.Erlang(1.0, p["arrival_phases"])
    if "interarrival" in p:
        shapes = {"Erlang-2": qm.Erlang(1.0, 2), "uniform(0,2.5)": qm.Uniform(0.0, 2.5)}
        return shapes[p["interarrival"]]
    scv = p["arrival_scv"]
    if scv > 1:
        return balanced_hyperexponential(1.0, scv)
    return qm.Erlang(1.0, round(1 / scv)) if scv else qm.Deterministic(1.0)


def gmc(p: Parameters) -> Figures:
    rate = p["arrival_rate"] if "arrival_rate" in p else 1 / p["interarrival_mean"]
    time, servers = time_of(p), p.get("servers", 1)
    station = (
        qm.GMc(interarrival_of(p), time, servers)
        if "servers" in p
        else qm.GM1(interarrival_of(p), time)
    )
    figures = of_station(station.solve(rate), p)
    # Who waits, waits for a time of rate servers (1 - sigma) / time.
    waiting = figures["mean_wait"] / figures["prob_wait"]
    return figures | {"sigma": 1 - time / servers / waiting}


def servers_of_any_law(p: Parameters) -> Figures:
    """Several servers, neither arrivals nor service exponential, or one of them."""
    if "service_p1" in p:
        first = p["service_p1"]
        times = 1 / p["service_rate1"], 1 / p["service_rate2"]
        service: qm.Distribution = qm.HyperExponential((first, 1 - first), times)
    elif p.get("service_scv", 0) > 1:
        service = balanced_hyperexponential(time_of(p), p["service_scv"])
    else:
        service = service_of(p)
    poisson = p.get("arrival_scv", 0 if "arrival_phases" in p else 1) == 1
    station: qm.Station = (
        qm.MGc(service, p["servers"])
        if poisson
        else qm.GGc(interarrival_of(p), service, p["servers"])
    )
    if "utilizations" not in p:
        return of_station(station.solve(p["arrival_rate"]), p)
    loads = np.array(p["utilizations"])
    queues = station.solve(loads * p["servers"] / service.mean).queue_length
    return {f"Lq_rho{load}": queue for load, queue in zip(loads, queues, strict=True)}


def unequal_servers(p: Parameters) -> Figures:
    station = qm.UnequalServers([1 / m for m in p["service_rates"]])
    return of_station(station.solve(p["arrival_rate"]), p)


def two_moments(wait: Any, probability: Any = None) -> Adapter:
    """Return an adapter of a formula for the mean wait, and of one for its probability."""

    def figures(p: Parameters) -> Figures:
        time, servers = time_of(p), p.get("servers", 1)
        case: dict[str, Any] = {"servers": servers}
        case |= {
            "arrival_scv": p.get("arrival_scv", 1.0),
            "service_scv": p.get("service_scv", 0.0),
        }
        if "utilizations" in p:
            rates = {x: x * servers / time for x in p["utilizations"]}
            return {f"Lq_rho{x}": r * wait(r, time, **case) for x, r in rates.items()}
        mean = wait(p["arrival_rate"], time, **case)
        found = {
            "mean_wait": mean,
            "mean_wait_upper_bound": mean,
            "mean_number_in_queue": p["arrival_rate"] * mean,
        }
        if probability is not None:
            found["prob_wait"] = probability(p["arrival_rate"], time, **case)
        return found

    return figures


def of_cache(make: Callable[[Parameters], qm.caches.Cache]) -> Adapter:
    """Return the adapter of a cache: its figures, of the whole and of single objects."""

    def figures(p: Parameters) -> Figures:
        if isinstance(p.get("popularity"), list):
            pages: qm.caches.Popularity = qm.caches.Measured(p["popularity"], complete=True)
        else:
            pages = qm.caches.Zipf(p["items"], p.get("zipf", 0.0))
        r = make(p).solve(pages, p.get("request_rate", 1.0))
        last = float(pages.objects)
        return {
            "hit_ratio": r.hit_ratio,
            "hit_rate": r.request_rate * r.hit_ratio,
            "miss_rate": r.miss_rate,
            "characteristic_time": r.characteristic_time,
            "item_hit": r.hit_ratio_of(np.arange(1, last + 1)) if last < 100 else [],
            "item_hit_1": r.hit_ratio_of(1),
            "item_hit_last": r.hit_ratio_of(last),
            "item_hit_1_2_3_last": r.hit_ratio_of([1, 2, 3, last]) if last > 5 else [],
        }

    return figures


def by_time(make: Callable[[Any], qm.caches.Cache], presence: Callable[[Any], Any]) -> Adapter:
    """Return the adapter of the plain formula, also for places that are solved without it."""

    def figures(p: Parameters) -> Figures:
        pages, rate = qm.caches.Zipf(p["items"], p["zipf"]), p["request_rate"]
        time = make(p["capacity"]).solve(pages, rate).characteristic_time
        shares = pages.shares()
        hits = presence(shares * time * rate)[0]
        return {
            "hit_ratio": shares @ hits,
            "hit_rate": rate * (shares @ hits),
            "miss_rate": rate * (shares @ (1 - hits)),
            "characteristic_time": time,
            "item_hit_1": hits[0],
            "item_hit_last": hits[-1],
        }

    return figures


def uniform_cache(p: Parameters) -> Figures:
    """Return the figures of a cache where all objects are alike, whatever the policy."""
    capacity = {"capacity": sum(p.get("list_capacities", [0])) or p["capacity"]}
    lru, fifo = (CACHES[name](p | capacity) for name in ("exact_lru", "exact_fifo"))
    ratios = {"fifo_hit_ratio": fifo["hit_ratio"], "lru_hit_ratio": lru["hit_ratio"]}
    return lru | ratios


def first_list(p: Parameters) -> Figures:
    objects, rate = p["items"], p["request_rate_per_item"]
    r = qm.caches.LRU(p["capacity_list1"]).solve(qm.caches.Zipf(objects, 0.0), objects * rate)
    return {"characteristic_time_1": r.characteristic_time}


def ttl(p: Parameters) -> Figures:
    found = [
        qm.caches.TTL(p["ttl"], renewing).solve(qm.caches.Zipf(1), p["request_rate"]).hit_ratio
        for renewing in (True, False)
    ]
    return dict(zip(("hit_reset", "hit_no_reset"), found, strict=True))


CACHES: dict[str, Adapter] = {
    "lru": by_time(qm.caches.LRU, qm.caches.policies.lru.presence),
    "fifo": by_time(qm.caches.FIFO, qm.caches.policies.fifo.presence),
    "q_lru": of_cache(lambda p: qm.caches.QLRU(p["capacity"], p["q"])),
    "exact_q_lru": of_cache(lambda p: qm.caches.QLRU(p["capacity"], p["q"])),
    "lfu": of_cache(lambda p: qm.caches.LFU(p["capacity"])),
    "exact_lru": of_cache(lambda p: qm.caches.ExactLRU(p["capacity"])),
    "exact_fifo": of_cache(lambda p: qm.caches.ExactFIFO(p["capacity"])),
}


# Replicas behind a balancer that looks at them.


def supermarket(p: Parameters) -> Figures:
    """The limit of many replicas, for some numbers of choices or one."""
    load = float(p["arrival_rate_per_server"]) * p.get("service_mean", 1)
    several = isinstance(p["d"], list)
    found = {d: mean_field.response_time(load, d) for d in (p["d"] if several else [p["d"]])}
    figures = {f"mean_response_d{d}": t for d, t in found.items()}
    if not several:
        figures |= {"mean_response": found[p["d"]], "mean_number": load * found[p["d"]]}
    return figures


def of_pool(pool: Any, p: Parameters) -> Figures:
    per_server = float(p["arrival_rate_per_server"])
    r = pool.solve(per_server * p["servers"])
    return {
        "mean_response": r.response_time,
        "mean_number_per_server": per_server * r.response_time,
        "prob_all_busy": r.wait.tail(0.0),
    }


def least_connections(p: Parameters) -> Figures:
    return of_pool(LeastConnections(qm.MMc(1.0), p["servers"]), p)


def choices(p: Parameters, distinct: bool = True) -> Figures:
    figures = of_pool(PowerOfChoices(qm.MMc(1.0), p["servers"], p["d"], distinct), p)
    # Those that wait are those whose choices are all busy, not all replicas.
    del figures["prob_all_busy"]
    return figures


def repeated_choices(p: Parameters) -> Figures:
    return choices(p, distinct=False)


# Requests that ask several queues at once.


def for_all(times: list[float], rate: float) -> float:
    """Return the mean time until all queues are done, taken as independent."""
    return float(qm.Maximum([qm.MMc(time).solve(rate).response for time in times]).mean)


def fork(p: Parameters) -> Figures:
    queues, time, rates = p["queues"], 1 / p["service_rate"], p["arrival_rates"]
    figures: Figures = {
        "upper_bound": {str(x): for_all([time] * queues, x) for x in rates},
        "nelson_tantawi": {
            str(x): fork_join.response_time(x, time, queues=queues) for x in rates
        },
    }
    if queues <= 16:
        interpolated = fork_join.interpolated_response_time
        figures["varma_makowski"] = {
            str(x): interpolated(x, time, queues=queues) for x in rates
        }
    return figures


def last_of_queues(p: Parameters) -> Figures:
    leaf = qm.call("leaf", qm.MMc(1 / p["service_rate"]))
    site = qm.Pipeline(qm.fan_out("all", p["queues"], leaf))
    return {"mean_response": site.solve(float(p["arrival_rate"])).latency.mean}


def by_formula(formula: Any) -> Adapter:
    """Return the adapter of a formula for the mean time of the last of n queues."""

    def figures(p: Parameters) -> Figures:
        rate, time = float(p["arrival_rate"]), 1 / p["service_rate"]
        return {"mean_response": formula(rate, time, queues=p["queues"])}

    return figures


def last_of_two(p: Parameters) -> Figures:
    times = [1 / m for m in p["service_rates"]]
    rate = p["arrival_rate"]
    return {
        "mean_response": for_all(times, rate),
        "number": [qm.MMc(time).solve(rate).number_in_system for time in times],
    }


def some_of_queues(p: Parameters) -> Figures:
    n, k, rate, time = (
        p["queues"], p["required"], float(p["arrival_rate"]), 1 / p["service_rate"],
    )  # fmt: skip
    figures: Figures = {}
    for name, last in (
        ("varma", fork_join.interpolated_response_time),
        ("nelson", fork_join.response_time),
    ):
        figures[f"mean_response_{name}"] = sum(
            (-1) ** (j - k) * comb(j - 1, k - 1) * comb(n, j) * last(rate, time, queues=j)
            for j in range(k, n + 1)
        )
    return figures | {"mean_response": some_of_leaves(p)}


def some_of_leaves(p: Parameters) -> Any:
    leaf = qm.call("leaf", qm.MMc(1 / p["service_rate"]))
    some = qm.fan_out("some", p["queues"], leaf, need=p["required"])
    return qm.Pipeline(some).solve(p["arrival_rate"]).latency.mean


# Distributions.


def phases(p: Parameters) -> Figures:
    distribution = qm.PhaseType(p["alpha"], p["A"])
    return {
        "moments": [factorial(k) * distribution._moment(k) for k in range(1, 6)],
        "cdf": distribution.cdf(np.array(p.get("cdf_at", []), dtype=float)),
        "pdf": distribution.density(np.array(p.get("pdf_at", []), dtype=float)),
    }


def chain(p: Parameters) -> Figures:
    """A birth-death chain by its generator."""
    rates = np.array(p["generator"], dtype=float)
    distribution = qm.queues.birth_death.state_probabilities(
        rates.diagonal(1), rates.diagonal(-1)
    )
    return {"probabilities": distribution}


def number_after(p: Parameters) -> Figures:
    """Return the number present after a while, from a number at the start."""
    rate, mean = float(p["arrival_rate"]), 1 / float(p["service_rate"])
    if "capacity" in p:
        station: qm.Station = qm.MMcK(mean, p["servers"], p["capacity"])
    elif "initial" in p:
        station = qm.MMc(mean)
    else:
        station = qm.Delay(qm.Exponential(mean))
    found = qm.transients.number_after(
        station, rate, float(p["time"]), start=p.get("initial", 0)
    )
    return {
        "probabilities": found,
        "mean_number": float(found @ np.arange(len(found))),
        "prob_full": found[-1],
    }


ADAPTERS: dict[str, Adapter] = {
    f.__name__: f
    for f in (
        number_after,
        mmck, mg1k, arrivals_in_a_service, engset, repair, repair_of_all, repair_with_spares,
        finite_source_and_room, growing_arrivals, discouraged, erlang_a, erlang_a_servers,
        constant_patience, servers_that_fail, phases, chain,
        accumulating, busy_period, busy_time, terminals, by_every_size, vacations, threshold,
        batches, mg1_states, gmc, servers_of_any_law,
        unequal_servers, supermarket, least_connections, choices,
        repeated_choices, fork, last_of_queues, last_of_two, some_of_queues,
    )
} | {
    "nelson_tantawi": by_formula(fork_join.response_time),
    "varma_makowski": by_formula(fork_join.interpolated_response_time),
    "priority": one_server(False),
    "preemptive": one_server(True),
    "mmc_priority": servers_alike(False),
    "mmc_preemptive": servers_alike(True),
    "sjf": by_size("sjf"),
    "psjf": by_size("psjf"),
    "srpt": by_size("srpt"),
    "cosmetatos": two_moments(cosmetatos),
    "allen_cunneen": two_moments(allen_cunneen),
    "kraemer_langenbach_belz": two_moments(kraemer_langenbach_belz),
    "kingman_bound": two_moments(kingman_bound),
    "whitt": two_moments(whitt, ggc_wait_probabilities.interpolated),
    "uniform_cache": uniform_cache,
    "first_list": first_list,
    "ttl": ttl,
} | CACHES  # fmt: skip
