"""Published and independently computed figures against the library, to the stated precision.

Each CSV file of this folder is a family of models; each row one figure of a case, with its
source. An adapter below, or in `adapters.py`, computes the figures of a model from its
parameters, with nothing but the library (traffic equations of networks aside). A figure
passes if it is within ``max(rel_tol * |value|, abs_tol)``; a case, if all its figures do.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.networks import routed
from qmodel.numerics.poisson import log_odds
from qmodel.numerics.roots import increasing_root
from qmodel.queues.counts.token_bucket import accepted

HERE = Path(__file__).parent
Figures = dict[str, Any]
Parameters = dict[str, Any]


def load(name: str) -> Any:
    """Return the module of this folder with this name."""
    spec = importlib.util.spec_from_file_location(f"reference_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


others, networks = load("adapters"), load("network_adapters")
service_of, of_station, moments = others.service_of, others.of_station, others.moments


def read() -> dict[str, list[dict[str, str]]]:
    """Return the rows of each case, by family and id."""
    found: dict[str, list[dict[str, str]]] = {}
    for path in sorted(HERE.glob("*.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(f"{path.stem}:{row['id']}", []).append(row)
    return found


CASES = read()


def dispatch(p: Parameters) -> Figures:
    """Each server by itself: at random as M/M/1, in turn with Erlang interarrival times."""
    turns, rate, time = p.get("servers", 1), p["arrival_rate_per_server"], p["service_mean"]
    one = {"arrival_rate": rate, "service_mean": time, "arrival_phases": turns}
    in_turn = others.gmc(one)
    at_random = qm.MMc(time).solve(rate).response_time
    return {
        "mean_response": at_random,  # of the cases that only know this policy
        "mean_response_random": at_random,
        "mean_response_round_robin": in_turn["mean_response"],
        "sigma": in_turn["sigma"],
    }


def mmc(p: Parameters) -> Figures:
    servers = p["servers"] if "offered_load" in p else p.get("servers", 1)
    if "arrival_rate_per_server" in p:
        return dispatch(p)
    time = p.get("service_time", p.get("service_mean"))
    time = (1 / p["service_rate"] if "service_rate" in p else 1.0) if time is None else time
    rate = float(p["offered_load"]) / time if "offered_load" in p else float(p["arrival_rate"])
    figures = of_station(qm.MMc(time, servers).solve(rate), p)
    # The probability itself, and not 1 - (1 - it), where it is small.
    figures["prob_wait"] = qm.erlang_c(servers=servers, offered_load=rate * time)
    # C = B / (1 - load (1 - B)), where B is below the smallest float.
    figures["log_prob_wait"] = (
        np.log(figures["prob_wait"])
        if figures["prob_wait"]
        else log_blocking(rate * time, servers) - np.log1p(-rate * time / servers)
    )
    return figures


def delay(p: Parameters) -> Figures:
    return of_station(qm.Delay(service_of(p)).solve(p["arrival_rate"]), p)


def erlang(p: Parameters) -> Figures:
    load, servers = p["offered_load"], p["servers"]
    return {
        "erlang_b": qm.erlang_b(servers=servers, offered_load=load),
        "erlang_c": qm.erlang_c(servers=servers, offered_load=load),
    }


def log_blocking(load: float, servers: int) -> float:
    """Return the logarithm of Erlang's B."""
    return float(-np.logaddexp(0.0, log_odds(servers, load)))


def erlang_b(p: Parameters) -> Figures:
    time = 1 / p.get("service_rate", 1.0)
    load = p["offered_load"] if "offered_load" in p else p["arrival_rate"] * time
    blocked = qm.erlang_b(servers=p["servers"], offered_load=load)
    r = qm.MGcc(qm.Exponential(time), p["servers"]).solve(load / time)
    return others.states(r.number) | {
        "blocking_probability": blocked,
        "log_blocking_probability": (
            np.log(blocked) if blocked else log_blocking(load, p["servers"])
        ),
        "mean_number_in_system": load * (1 - blocked),
        "throughput": load / time * (1 - blocked),
    }


def erlang_b_servers(p: Parameters) -> Figures:
    servers = np.arange(1, 2000)
    enough = (
        qm.erlang_b(servers=servers, offered_load=p["offered_load"]) <= p["target_blocking"]
    )
    return {"min_servers": servers[enough][0]}


def erlang_b_load(p: Parameters) -> Figures:
    servers = p["servers"]

    def load(blocked: float) -> float:
        return float(
            increasing_root(
                lambda a: qm.erlang_b(servers=servers, offered_load=a) - blocked,
                0.0,
                2.0 * servers,
            )
        )

    if "blocking_probability" in p:
        return {"offered_load": load(p["blocking_probability"])}
    return {f"offered_load_at_B_{b}": load(b) for b in (0.001, 0.01, 0.02, 0.05)}


def feedback(p: Parameters) -> Figures:
    rate = p.get("external_arrival_rate", p.get("arrival_rate"))
    time = p.get("service_time", p.get("service_mean"))
    step = qm.call("server", qm.MMc(time))
    # The share of the requests that come a 61st time is below 1e-31.
    path = qm.retry(step, failure=p["feedback_probability"], attempts=60)
    r = qm.Pipeline(path).solve(rate)
    station, visits = r.stations["server"], r.visits["server"]
    return {
        "visits": visits,
        "station_throughput": station.arrival_rate,
        "total_throughput": station.arrival_rate,
        "utilization": station.utilization,
        "number": station.number_in_system,
        "mean_number_in_system": station.number_in_system,
        "network_response": r.latency.mean,
        "mean_response_total": visits * station.response_time,
        "mean_waiting_total": visits * station.waiting_time,
        "total_waiting": visits * station.waiting_time,
    }


def mg1(p: Parameters) -> Figures:
    service = service_of(p)
    r = qm.MG1(service).solve(p["arrival_rate"])
    assert r.wait is not None
    wait, response = moments(r.wait), moments(r.response)
    figures = of_station(r, p) | {
        "wait_moments": wait,
        "wait_second_moment": wait[1],
        "wait_third_moment": wait[2],
        "response_moments": response,
    }
    if isinstance(service, qm.Deterministic):
        # Of M/G/1 the library has no states, of M/D/c it has.
        number = qm.MDc(service.mean).solve(p["arrival_rate"]).number
        figures |= others.states(number)
    return figures


def mdc(p: Parameters) -> Figures:
    time = p["service_time"] if "service_time" in p else 1 / p["service_rate"]
    r = qm.MGc(qm.Deterministic(time), p["servers"]).solve(p["arrival_rate"])
    return of_station(r, p)


def mgc(p: Parameters) -> Figures:
    mean, servers = p["service_mean"], p["servers"]
    station = qm.MGc(qm.from_mean_scv(mean, p["service_scv"]), servers)
    return {
        f"Lq_rho{load}": station.solve(load * servers / mean).queue_length
        for load in p["utilizations"]
    }


def mg1ps(p: Parameters) -> Figures:
    distribution = qm.MG1PS(qm.Exponential(p["service_mean"])).solve(p["arrival_rate"]).response
    return {f"p{100 * q:g}": distribution.quantile(q) for q in (0.5, 0.9, 0.99, 0.999)}


def split_join(p: Parameters) -> Figures:
    task = qm.Exponential(1 / p["service_rate"])
    return of_station(qm.MG1(qm.Maximum([task] * p["tasks"])).solve(p["arrival_rate"]), p)


def token_bucket(p: Parameters) -> Figures:
    return {"rejected": 1 - accepted(p["arrival_rate"], limit=p["limit"], burst=p["burst"])}


def erlang_law(p: Parameters) -> Figures:
    distribution = qm.Erlang(p["mean"], p["k"])
    _, second, third = moments(distribution)
    cdf = distribution.cdf(np.array(p["cdf_at"], dtype=float))
    return {"cdf": cdf, "second_moment": second, "third_moment": third}


def lognormal(p: Parameters) -> Figures:
    distribution = qm.LogNormal(p["mean"], p["scv"])
    return {
        "third_moment": moments(distribution)[2],
        "median": distribution.quantile(0.5),
        "cdf_at_2": distribution.cdf(2.0),
    }


def visiting(calls: list[tuple[str, qm.Station, float]]) -> qm.Step:
    """Return a path with these mean visits: whole ones, and one more with the fraction."""
    steps = []
    for name, station, visits in calls:
        step, whole = qm.call(name, station), math.floor(visits)
        more = visits - whole
        steps += [qm.repeat(whole, step), qm.branch((more, step), (1 - more, qm.nothing()))]
    return qm.series(*steps)


def stations_of(p: Parameters) -> list[qm.Station]:
    means = p.get("service_means") or p.get("demands") or [1 / m for m in p["service_rates"]]
    servers = p.get("servers") or [1] * len(means)
    return [
        qm.Delay(qm.Exponential(s)) if c == -1 else qm.MMc(s, c)
        for s, c in zip(means, servers, strict=True)
    ]


def network(p: Parameters) -> Figures:
    stations = stations_of(p)
    total = p.get("arrival_rate", None) or sum(p["external_arrival_rates"])
    names = [str(i) for i in range(len(stations))]
    r: Any
    if "routing" in p:
        external = p.get("external_arrival_rates") or [total] + [0] * (len(stations) - 1)
        site = dict(zip(names, stations, strict=True))
        r = routed(site, p["routing"]).solve([float(rate) for rate in external])
    else:
        visits = p.get("visits") or [1] * len(stations)
        r = qm.Pipeline(visiting(list(zip(names, stations, visits, strict=True)))).solve(total)
    solved = [r.stations[n] for n in names]
    figures = {
        "visits": [r.visits[n] for n in names],
        "throughput": [s.arrival_rate for s in solved],
        "utilization": [s.utilization for s in solved],
        "response": [s.response_time for s in solved],
        "waiting": [s.waiting_time for s in solved],
        "residence": [
            r.visits[n] * s.response_time for n, s in zip(names, solved, strict=True)
        ],
        "number": [s.number_in_system for s in solved],
        "mean_number_in_network": sum(s.number_in_system for s in solved),
        "network_response": r.latency.mean,
        "prob_empty": math.prod(s.wait.atom for s in solved if s.wait is not None),
    }
    return figures | {
        f"{name}_1": figures[name][0] for name in ("throughput", "utilization", "number")
    }


def traffic(p: Parameters) -> np.ndarray:
    """Return the flow of each class through each station, by the traffic equations."""
    external = np.array(p["external_arrivals"], dtype=float)
    classes, stations = external.shape
    routing = np.zeros((classes * stations, classes * stations))
    for hop in p["routing"]:
        start = (hop["from_class"] - 1) * stations + hop["from_station"] - 1
        end = (hop["to_class"] - 1) * stations + hop["to_station"] - 1
        routing[start, end] += hop["prob"]
    flow = np.linalg.solve(np.eye(len(routing)) - routing.T, external.ravel())
    return flow.reshape(external.shape)


def shared(p: Parameters) -> Figures:
    """Product form with a service of each class: processor sharing, one stream each."""
    means = np.array(p["service_means"])
    if "routing" in p:
        rates = traffic(p)
        visits = rates
    else:
        visits = np.array(p["visits"])
        rates = np.array(p["arrival_rates"])[:, None] * visits
    station = qm.MG1PS(qm.Exponential(1.0))
    response = np.zeros(means.shape)
    for j in range(means.shape[1]):
        streams = [
            qm.Stream(rates[i, j], qm.Exponential(means[i, j])) for i in range(len(means))
        ]
        response[:, j] = [s.response_time for s in station.solve(streams).streams]
    number = rates * response
    return {
        "throughput": rates,
        "utilization": rates * means,
        "response": response,
        "number": number,
        "number_per_class": number.sum(axis=1),
        "response_per_class": (visits * response).sum(axis=1),
        "throughput_11": rates[0, 0],
        "utilization_11": (rates * means)[0, 0],
        "residence_11": (visits * response)[0, 0],
        "number_11": number[0, 0],
    }


def shared_rates(p: Parameters) -> Figures:
    means = [[1 / m] for m in p["service_rates"]]
    return shared(
        {"service_means": means, "visits": [[1], [1]], "arrival_rates": p["arrival_rates"]}
    )


def two_kinds(p: Parameters) -> Figures:
    times, servers = p["service_minutes"], p["servers"]
    one, two, three = (
        qm.call(str(i), qm.MMc(s, c))
        for i, (s, c) in enumerate(zip(times, servers, strict=True))
    )
    nothing, share = qm.nothing(), p["class_split"]
    kinds = {
        "type1": (share[0], qm.series(one, two, qm.branch((0.02, three), (0.98, nothing)))),
        "type2": (share[1], qm.series(one, three, qm.branch((0.01, two), (0.99, nothing)))),
    }
    rate = p["arrival_rate_per_hour"] / 60
    r = qm.Pipeline(kinds).solve(rate)
    visits = {"type1": (1, 1, 0.02), "type2": (1, 0.01, 1)}
    figures: Figures = {"number": [s.number_in_system for s in r.stations.values()]}
    for (kind, counts), part in zip(visits.items(), share, strict=True):
        figures[f"number_{kind}"] = [
            rate * part * v * r.stations[str(i)].response_time for i, v in enumerate(counts)
        ]
    return figures


def delay_then_queue(p: Parameters) -> Figures:
    assert p["delay"] == "hyperexponential p=0.5 rates 3, 10"
    think = qm.Delay(qm.HyperExponential([0.5, 0.5], [1 / 3, 1 / 10]))
    path = qm.series(qm.call("think", think), qm.call("queue", qm.MMc(1 / p["service_rate"])))
    solved = qm.Pipeline(path).solve(p["arrival_rate"]).stations.values()
    return {
        "number": [s.number_in_system for s in solved],
        "response": [s.response_time for s in solved],
    }


ADAPTERS: dict[str, Callable[[Parameters], Figures]] = {
    f.__name__: f
    for f in (
        mmc, delay, erlang, erlang_b, erlang_b_servers, erlang_b_load, feedback, mg1, mdc, mgc,
        mg1ps, split_join, token_bucket, erlang_law, lognormal, network, shared, shared_rates,
        two_kinds, delay_then_queue,
    )
} | others.ADAPTERS | networks.ADAPTERS  # fmt: skip


def flat(figures: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number under the name that the files give it."""
    if isinstance(figures, dict):
        for key, value in figures.items():
            yield from flat(value, f"{name}[{key}]" if name else key)
    elif np.ndim(figures):
        for i, value in enumerate(figures):
            yield from flat(value, f"{name}[{i}]")
    else:
        yield name, float(figures)


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    rows = CASES[case]
    got = dict(flat(ADAPTERS[rows[0]["model"]](json.loads(rows[0]["parameters"]))))
    for row in rows:
        value = float(row["value"])
        room = max(float(row["rel_tol"]) * abs(value), float(row["abs_tol"]))
        error = abs(got[row["quantity"]] - value)
        assert error <= room, f"{row['quantity']}: {got[row['quantity']]!r} for {value!r}"


def test_every_row_has_a_source_and_a_tolerance() -> None:
    rows = [row for rows in CASES.values() for row in rows]
    assert len(rows) > 500
    assert all(row["source"] and row["model"] in ADAPTERS for row in rows)
    exact = {"min_servers"}
    assert all(
        float(row["rel_tol"]) + float(row["abs_tol"]) > 0
        for row in rows
        if row["quantity"] not in exact
    )
