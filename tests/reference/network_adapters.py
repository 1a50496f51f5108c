"""Closed and mixed networks: the figures of a case under the names of the sources.

`test_reference.py` loads this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import qmodel as qm
from qmodel.networks import HeldPool, bounds, classes, closed, routed
from qmodel.networks.traffic import stationary
from qmodel.queues.birth_death import state_probabilities

Figures = dict[str, Any]
Parameters = dict[str, Any]
UNIT = qm.Exponential(1.0)


def station(time: float, servers: int) -> qm.Station:
    """Return a station of the sources, for which -1 servers are a delay."""
    return qm.Delay(qm.Exponential(time)) if servers == -1 else qm.MMc(time, servers)


def of_closed(r: closed.ClosedResult, think_time: float = 0.0) -> Figures:
    """Return what a closed network says, under the names of the sources."""
    found = list(r.stations.values())
    return {
        "system_throughput": r.throughput,
        "exact_throughput": r.throughput,
        "system_response": r.response_time,
        "system_response_ms": r.response_time * 1e3,
        "mean_concurrency": r.number_in_system,
        "response": [s.response_time for s in found],
        "number": [s.number_in_system for s in found],
        "number_each": found[0].number_in_system,
        "utilization": [s.utilization for s in found],
        "throughput": [s.arrival_rate for s in found],
    }


def closed_network(p: Parameters) -> Figures:
    if "stations" in p:  # a number of equal ones
        p = p | {"demands": [p["demand_each"]] * p["stations"]}
    times = p.get("service_means", p.get("demands"))
    times = [p["service_mean"]] if "service_mean" in p else times
    times = [1 / m for m in p["service_rates"]] if times is None else times
    servers = p.get("servers", 1)
    servers = servers if isinstance(servers, list) else [servers] * len(times)
    site = {f"s{k}": station(t, c) for k, (t, c) in enumerate(zip(times, servers, strict=True))}
    think, users = p.get("think_time", 0), p.get("population", p.get("populations"))
    if "routing" in p:
        r = routed(site, p["routing"]).solve(qm.Closed(users))
    else:
        visits = p.get("visits") or [1] * len(times)
        r = closed.solve(site, dict(zip(site, visits, strict=True)), users, float(think))
    figures = of_closed(r)
    if np.ndim(users) == 0 and users < 10:
        figures["G"] = np.exp(r.network.log_constant(np.arange(users + 1.0)))
    return figures


def many_stations(p: Parameters) -> Figures:
    """Three groups of equal stations, as one string of the source says."""
    assert p["demands"] == "15 x 0.1/15, 50 x 0.6/50, 100 x 1.2/100"
    demands = [0.1 / 15] * 15 + [0.6 / 50] * 50 + [1.2 / 100] * 100
    figures = closed_network(p | {"demands": demands})
    return figures | {
        "number_ifp": figures["number"][0],
        "utilization_ifp": figures["utilization"][0],
    }


def memory_limit(p: Parameters) -> Figures:
    """Terminals over a subsystem with a limit, by flow equivalence."""
    inside = {f"s{k}": qm.MMc(float(d)) for k, d in enumerate(p["subsystem_demands"])}
    rates = HeldPool(p["multiprogramming_limit"], inside).throughputs
    users, think = p["terminals"], p["think_time"]
    site = {"inside": qm.BirthDeath(tuple(rates))}
    r = closed.solve(site, {"inside": 1}, users, think)
    up = (users - np.arange(users)) / think
    down = [rates[min(n, len(rates) - 1)] for n in range(users)]
    return of_closed(r) | {
        "number": r.number_in_system,
        "queue_length_distribution": state_probabilities(up, np.array(down)),
    }


def delay_and_servers(p: Parameters) -> Figures:
    site = {"delay": qm.Delay(p["delay_mean"]), "x": qm.MMc(p["service_mean"], p["servers"])}
    r = closed.solve(site, {"delay": 1, "x": 1}, p["population"])
    return of_closed(r) | {
        "throughput": r.throughput,
        "utilization": r.stations["x"].utilization,
    }


def of_bounds(p: Parameters) -> Figures:
    demands, users, think = p["demands"], p["population"], float(p["think_time"])
    aba, bjb = bounds.asymptotic(demands, users, think), bounds.balanced(demands, users, think)
    exact = closed_network(p)["exact_throughput"]
    return {
        "aba_throughput": aba,
        "aba_response": [users / aba.upper - think, users / aba.lower - think],
        "bsb_throughput": bjb,
        "exact_throughput": exact,
        "throughput_upper": aba.upper,
        "response_lower": users / aba.upper - think,
    }


def bounded(kind: Callable[..., bounds.Bounds]) -> Callable[[Parameters], Figures]:
    def figures(p: Parameters) -> Figures:
        lower, upper = kind(p["demands"], p["population"], float(p["think_time"]))
        exact = closed_network(p)["exact_throughput"]
        return {"throughput_lower": lower, "throughput_upper": upper, "exact_throughput": exact}

    return figures


def schweitzer(p: Parameters) -> Figures:
    """Bard's and Schweitzer's method, of one class or several."""
    if np.ndim(p["population"]):
        return several(p, "schweitzer")
    times = p["service_means"]
    visits = [1] * len(times)
    if "routing" in p:
        visits = stationary(p["routing"], 0)
    demands = [t * v for t, v in zip(times, visits, strict=True)]
    figures = several(
        {"demands": [demands], "population": [p["population"]],
         "think_times": [p.get("think_time", 0)]},
        "schweitzer",
    )  # fmt: skip
    return {name: value[0] for name, value in figures.items() if name in (
        "number", "system_throughput", "system_response"
    )}  # fmt: skip


def mix(
    demands: Any, users: Sequence[int], think: Sequence[float] | None = None
) -> dict[str, classes.ClosedClass]:
    """Return closed classes from their demands by class and station."""
    think = think or [0.0] * len(users)
    return {
        f"c{i}": classes.ClosedClass(
            visits={f"s{k}": d for k, d in enumerate(row)}, users=n, think_time=float(z)
        )
        for i, (row, n, z) in enumerate(zip(demands, users, think, strict=True))
    }


def sites(servers: Sequence[int]) -> dict[str, qm.Station]:
    """Return shared servers of mean service 1 s, whose visits are demands."""
    return {
        f"s{k}": qm.Delay(UNIT) if c == -1 else qm.MGcPS(UNIT, c) for k, c in enumerate(servers)
    }


def several(p: Parameters, method: str = "auto") -> Figures:
    visits = np.array(p["visits"]) if "visits" in p else 1.0
    demands = np.array(p["demands"] if "demands" in p else p["service_means"]) * visits
    servers = p.get("servers") or [1] * demands.shape[1]
    found = classes.solve(
        sites(servers), mix(demands, p["population"], p.get("think_times")), method=method
    )
    x = np.array(list(found.throughputs.values()))
    numbers = np.array([list(s.numbers.values()) for s in found.stations.values()]).T
    times = np.array([list(s.residence_times.values()) for s in found.stations.values()]).T
    share = np.where(np.array(servers) > 0, servers, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        response = np.where(np.asarray(visits) + 0 * times > 0, times / visits, 0.0)
    return {
        "system_throughput": x,
        "system_response": list(found.response_times.values()),
        "number": numbers,
        "residence": times,
        "response": response,
        "throughput": x[:, None] * visits,
        "utilization": x[:, None] * demands / share,
        "number_shadow": numbers[-1, 1],
        "total": numbers.sum(axis=0),
    }


def switching(p: Parameters) -> Figures:
    """Classes that change into each other are one chain, by the traffic equations."""
    means, population = np.array(p["service_means"]), p["population"]
    size, k = means.shape
    rows = np.zeros((size * k, size * k))
    for hop in p["routing"]:
        start = (hop["from_class"] - 1) * k + hop["from_station"] - 1
        rows[start, (hop["to_class"] - 1) * k + hop["to_station"] - 1] += hop["prob"]
    chains = [([0, 1], population[0])]
    if isinstance(population, str):
        assert population == "2 jobs in chain {1,2}, 1 job in class 3 (cyclic)"
        rows[2 * k, 2 * k + 1] = rows[2 * k + 1, 2 * k] = 1.0
        chains = [([0, 1], 2), ([2], 1)]
    visits = np.zeros((size, k))
    demands = []
    for members, _ in chains:
        stops = [c * k + i for c in members for i in range(k)]
        inside = [[rows[i][j] for j in stops] for i in stops]
        found = np.array(stationary(inside, 0)).reshape(len(members), k)
        visits[members] = found
        demands.append((found * means[members]).sum(axis=0))
    servers = p.get("servers") or [1] * k
    r = classes.solve(sites(servers), mix(demands, [n for _, n in chains]))
    rates, numbers = np.zeros((size, k)), np.zeros((size, k))
    for i, (members, _) in enumerate(chains):
        for j, s in enumerate(r.stations.values()):
            part = visits[members, j] * means[members, j] / demands[i][j]
            numbers[members, j] = part * s.numbers[f"c{i}"]
        rates[members] = r.throughputs[f"c{i}"] * visits[members]
    return {
        "number": numbers,
        "throughput": rates,
        "utilization": rates * means,
        "response": np.divide(numbers, rates, out=np.zeros_like(rates), where=rates > 0),
    }


def mixed(p: Parameters) -> Figures:
    """Open and closed classes at shared servers."""

    def listed(x: Any) -> Any:
        return x if np.ndim(x) > 1 else [x]

    service = p.get("closed_service", p.get("closed_means"))
    inside = np.array(listed(service)) * np.array(p.get("closed_visits", 1.0))
    outside = np.array(listed(p.get("open_service", p.get("open_means"))))
    outside = outside * np.array(p.get("open_visits", 1.0))
    users = np.atleast_1d(p["closed_population"])
    rates = np.atleast_1d(p.get("open_arrival_rates", p.get("open_arrival_rate")))
    both: dict[str, Any] = dict(mix(inside, [int(n) for n in users]))
    for i, (row, rate) in enumerate(zip(outside, rates, strict=True)):
        visits = {f"s{k}": d for k, d in enumerate(row)}
        both[f"o{i}"] = classes.OpenClass(visits=visits, arrival_rate=rate)
    r = classes.solve(sites(p.get("servers") or [1] * inside.shape[1]), both)
    figures: Figures = {}
    for kind, letter, single in (
        ("closed", "c", "closed_service"),
        ("open", "o", "open_service"),
    ):
        found = [
            [s.numbers[name] for s in r.stations.values()] for name in both if name[0] == letter
        ]
        figures[f"number_{kind}"] = found if single in p else found[0]
    x = [r.throughputs[name] for name in both if name[0] == "c"]
    return figures | {"throughput_closed": x if "closed_service" in p else x[0]}


def delay_and_shared(p: Parameters) -> Figures:
    """A closed and an open class at a delay and a queue."""

    def demands(kind: str) -> list[list[float]]:
        return [[p["delay_means"][kind], p["queue_means"][kind]]]

    return mixed(
        {
            "closed_means": demands("closed"),
            "open_means": demands("open"),
            "closed_population": p["closed_population"],
            "open_arrival_rates": [p["open_arrival_rate"]],
            "servers": [-1, 1],
        }
    )


def delays_and_queue(p: Parameters) -> Figures:
    """Two classes with their own delay at one or two stations of several servers."""
    means = np.array(p["service_means"], dtype=float).reshape(2, -1)
    demands = np.concatenate([np.array(p["delay_means"], dtype=float)[:, None], means], axis=1)
    servers = [-1, *np.atleast_1d(p["servers"])]
    figures = several({"demands": demands, "population": p["population"], "servers": servers})
    number = figures["number"]
    return {
        "number_delay": number[:, 0],
        "number_queue": number[:, 1],
        "number_queue1": number[:, 1],
        "number_queue2": number[:, -1],
        "throughput": figures["system_throughput"],
    }


def insensitive(p: Parameters) -> Figures:
    """Delays that are not exponential, and a shared or preempted server."""
    assert "mean 2/3" in p["delay"]
    x = qm.MG1PS(UNIT) if p["scheduling"] == "PS" else qm.MG1LCFS(UNIT)
    first = qm.Erlang(2 / 3, 2)
    second = qm.HyperExponential([0.5, 0.5], [1 / 3, 1 / 10])
    both = {
        f"c{i}": classes.ClosedClass(
            visits={"d": 1, "x": 1}, users=n, services={"d": distribution}
        )
        for i, (n, distribution) in enumerate(
            zip(p["population"], (first, second), strict=True)
        )
    }
    r = classes.solve({"d": qm.Delay(UNIT), "x": x}, both)
    numbers = [[s.numbers[name] for s in r.stations.values()] for name in both]
    return {"number": numbers, "system_throughput": list(r.throughputs.values())}


# Networks without a product form, by their Markov chain.


def of_users(r: classes.ClassesResult, visits: Any) -> Figures:
    """Return what kinds of users see; visits by class and station."""
    x = np.array(list(r.throughputs.values()))
    rates = x[:, None] * np.array(visits, dtype=float)
    numbers = np.array([list(s.numbers.values()) for s in r.stations.values()]).T
    response = numbers / rates
    return {
        "throughput": x,
        "number": numbers,
        "response": response,
        "number_station1": numbers[:, 0],
        "response_station1": response[:, 0],
        "response_station2": response[:, -1],
        "response_queue": response[:, -1],
    }


def blocking(how: str) -> Callable[[Parameters], Figures]:
    """Stations with few places, in a cycle unless the routing says more."""

    def figures(p: Parameters) -> Figures:
        means, places = p["service_means"], p["capacities"]
        cycle = np.roll(np.eye(len(means)), 1, axis=1).tolist()
        rows = p.get("routing", cycle)
        both = zip(means, places, strict=True)
        site = {f"s{k}": qm.MMcK(m, 1, c) for k, (m, c) in enumerate(both)}
        r = routed(site, rows).solve({"u": qm.Closed(p["population"])}, blocking=how)
        visits = np.array(stationary(rows, 0))
        found = of_users(r, visits[None])
        rates = found["throughput"] * visits
        return {"number": found["number"][0], "response": found["response"][0],
                "throughput": rates}  # fmt: skip

    return figures


LOOP = {"s0": {"s1": 1.0}, "s1": {"s0": 1.0}}


def two_in_a_loop(site: dict[str, qm.Station], means: Any, users: Any) -> Figures:
    """Two classes at two stations in turn; means by class and station."""
    names = [f"c{i}" for i in range(len(means))]
    services = {
        c: {s: qm.Exponential(m) for s, m in zip(site, row, strict=True)}
        for c, row in zip(names, means, strict=True)
    }
    network = routed(site, dict.fromkeys(names, LOOP), services)
    r = network.solve({c: qm.Closed(n) for c, n in zip(names, users, strict=True)})
    assert "chain-of-states" in r.assumptions
    return of_users(r, np.ones((len(means), 2)))


def interrupting(p: Parameters) -> Figures:
    site = {"s0": qm.MMcPriority(1.0, 1, preemptive=True), "s1": qm.MMc(1.0)}
    means = np.transpose([p["service_means_station1"], p["service_means_station2"]])
    return two_in_a_loop(site, means, p["population"])


def newest_first(p: Parameters) -> Figures:
    site = {"s0": qm.MG1LCFS(UNIT, preemptive=False), "s1": qm.MG1LCFS(UNIT)}
    return two_in_a_loop(site, np.array(p["service_means"]), p["population"])


def delay_and_fcfs(p: Parameters) -> Figures:
    site = {"s0": qm.Delay(UNIT), "s1": qm.MMc(1.0, p["servers"])}
    means = 1 / np.transpose([p["delay_rates"], p["service_rates"]])
    return two_in_a_loop(site, means, p["population"])


def weighted(p: Parameters) -> Figures:
    """A delay, from which requests go to a shared server or to one with weights."""
    names = ("d", "p", "q")
    site = {"d": qm.Delay(UNIT), "p": qm.MG1PS(UNIT), "q": qm.MG1PS(UNIT)}
    both = [f"c{i}" for i in range(2)]
    rows = zip(both, p["routing_from_delay"], strict=True)
    routing = {
        c: {"d": dict(zip("pq", row, strict=True)), "p": {"d": 1}, "q": {"d": 1}}
        for c, row in rows
    }
    services = {
        c: {n: qm.Exponential(1 / rate) for n, rate in zip(names, row, strict=True)}
        for c, row in zip(both, p["rates"], strict=True)
    }
    weights = {c: {"q": w} for c, w in zip(both, p["dps_weights"], strict=True)}
    network = routed(site, routing, services, weights)
    r = network.solve({c: qm.Closed(n) for c, n in zip(both, p["population"], strict=True)})
    return {"number": [[s.numbers[c] for s in r.stations.values()] for c in both]}


def bounds_of_classes(p: Parameters) -> Figures:
    work = {f"c{i}": row for i, row in enumerate(p["demands"])}
    users = dict(zip(work, p["population"], strict=True))
    names = {"aba": "asymptotic", "bsb": "balanced", "composite": "composite"}
    found = {k: bounds.of_classes(work, users, kind=name) for k, name in names.items()}
    return {
        k: [[b.lower for b in f.values()], [b.upper for b in f.values()]]
        for k, f in found.items()
    }


ADAPTERS: dict[str, Callable[[Parameters], Figures]] = {
    f.__name__: f
    for f in (
        closed_network, many_stations, memory_limit, delay_and_servers, of_bounds, schweitzer,
        several, switching, mixed, delay_and_shared, delays_and_queue, insensitive,
        interrupting, newest_first, delay_and_fcfs, weighted, bounds_of_classes,
    )
} | {
    "blocked": blocking("after service"), "served_again": blocking("repeated service"),
    "geometric": bounded(bounds.geometric), "proportional": bounded(bounds.proportional)
}  # fmt: skip
