"""Writes the CSV files of this folder from collections of published figures (JSON lines).

Run on purpose, never by the tests:

    python tests/reference/convert.py FOLDER_OF_JSONL
    python tests/reference/convert.py FOLDER_OF_JSONL --left-out

The second writes nothing, and lists the cases and the figures that have no test.
A case is taken if its model is in `FAMILIES`; a figure of it, if `test_reference.py` can
compute it (`left_out` names the others, with the reason). Values are the recomputed ones
where there are any; tolerances are those of the source.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

FAMILIES = {
    "markovian": {
        "M/M/1": "mmc", "M/M/c": "mmc", "M/M/inf": "delay", "M/M/c (Erlang C)": "mmc",
        "M/M/1-FCFS": "mmc", "M/M/4": "mmc",
        "M/M/1 with Bernoulli feedback (retransmission)": "feedback",
        "M/M/1 with feedback 0.3": "feedback",
        "load balancing mean field: random": "mmc",
        "random and round-robin dispatch to N exponential servers": "mmc",
    },
    "erlang_b": {
        "M/G/c/c (Erlang B)": "erlang_b", "M/M/c/c": "erlang_b",
        "M/G/c/c (Erlang B dimensioning)": "erlang_b_servers",
        "M/G/c/c (Erlang B inverse)": "erlang_b_load",
        "M/G/c/c (Erlang B inverse table)": "erlang_b_load",
    },
    "general_service": {
        "M/G/1": "mg1", "M/D/1": "mg1", "M/G/inf": "delay", "M/D/c": "mdc", "M/D/4": "mdc",
        "M/D/2": "mdc", "M/E2/1": "mg1_states",
        "split-join, exponential (M/G/1 with maximum of n)": "split_join",
        "M/M/1 busy period distribution": "busy_time",
        "M/M/1 multiple vacations": "vacations", "M/M/1 N-policy": "threshold",
        "M^X/M/1": "batches", "M/G/1 busy period": "busy_period",
        "M/G/1-LCFS-PR (response = busy period)": "busy_period",
        "M/M/1-SJF": "sjf", "M/M/1-PSJF": "psjf", "M/M/1-SRPT": "srpt",
        "M/M/1 size-based policies, mean response": "by_every_size",
    },
    "transient": {
        "M/M/1 transient": "number_after", "M/M/infinity transient from empty": "number_after",
        "M/M/c/K transient from empty": "number_after",
    },
    "networks": {
        "open Jackson network": "network", "open network": "network",
        "open network with multi-server and delay stations": "network",
        "open tandem of M/M/1": "network", "tandem M/M/1 x3": "network",
        "open Jackson network with M/M/c stations": "network",
        "open network M/M/1, M/M/3, M/M/7": "network",
        "open Jackson network, M/M/c stations": "network",
        "open Jackson network with feedback": "network",
        "multiclass open network": "shared", "multiclass open network (BCMP)": "shared",
        "multiclass open network with class switching": "shared",
        "two-class open network, M/M/c stations": "two_kinds",
        "open: hyperexponential delay then M/M/1": "delay_then_queue",
        "M/M/1 two classes": "shared_rates",
    },
    "closed_networks": dict.fromkeys([
        "closed network", "closed network with think time", "balanced closed network",
        "closed network multi-server + IS", "closed network multi-server (convolution)",
        "closed network with IS and 2-server stations", "central-server closed network",
        "closed network: 8-server station + think time", "closed Jackson network",
        "closed network, large population / near ties", "closed: 16-server + single + think",
        "central-server, 2-server CPU, IS disk 2",
        "closed cyclic network (capacity never binds)",
    ], "closed_network") | {
        "asymptotic bounds": "of_bounds",
        "asymptotic and balanced-system bounds": "of_bounds",
        "closed network, 165 stations, 300 jobs": "many_stations",
        "closed network with memory constraint (FESC)": "memory_limit",
        "closed: delay + 2-server": "delay_and_servers",
        "closed cyclic network, finite capacity, repetitive-service (RS) blocking":
            "served_again",
        "closed cyclic network, blocking after service": "blocked",
        "closed network, blocking after service": "blocked",
    },
    "multiclass": dict.fromkeys([
        "closed multiclass network", "closed multiclass, terminals as IS", "closed multiclass",
        "closed multiclass population mix", "closed multiclass multi-server",
        "closed multiclass 40+4", "closed multiclass, symmetric",
        "closed multiclass: 2 terminal classes + batch", "closed multiclass, exact rationals",
        "closed two identical classes, delay + 2 FCFS", "closed two-class PS",
    ], "several") | {
        "closed with class switching": "switching",
        "closed, class switching, delay + 2-server PS": "switching",
        "mixed network": "mixed", "mixed, multi-server PS stations": "mixed",
        "mixed network, saturating closed class": "mixed",
        "closed two-class, delay + 2-server PS (LD)": "delays_and_queue",
        "closed two-class, delay + two 3-server PS (LD)": "delays_and_queue",
        "closed multiclass bounds (throughput lower, upper)": "bounds_of_classes",
        "closed: delay + PS + DPS (weights 1,5)": "weighted",
        "closed two-class, delay + 3-server FCFS with class-dependent rates": "delay_and_fcfs",
        "closed: LCFS (non-preemptive) + LCFS-PR": "newest_first",
        "BCMP closed: delay + PS": "insensitive", "BCMP closed: delay + LCFS-PR": "insensitive",
    },
    "fan_out": {
        "fork-join approximations and H_K/(mu-lambda) bound": "fork",
        "2-way fork-join, exponential": "last_of_queues",
        "3-way fork-join, exponential": "last_of_queues",
        "fork-join, exponential": "last_of_queues",
        "fork-join, Nelson-Tantawi": "nelson_tantawi",
        "fork-join, Varma-Makowski": "varma_makowski",
        "2-way fork-join, rates 1 and 2": "last_of_two",
        "2-way fork-join, different rates": "last_of_two",
        "(n,k) fork-join, non-purging": "some_of_queues",
    },
    "finite": {
        "M/M/1/K": "mmck", "M/M/c/K": "mmck", "M/D/1/K": "mg1k", "M/E_k/1/K": "mg1k",
        "M/G/1/K (exponential)": "arrivals_in_a_service",
        "Engset M/M/m/m//n": "engset", "M/M/1//K (machine repair)": "repair",
        "M/M/1//N (machine repair)": "repair", "M/M/c//N (multibus)": "repair",
        "machine repair, 4 machines, 4 repairmen": "repair",
        "machine repair with warm spares": "repair_with_spares",
        "M/M/inf//K": "repair_of_all", "machine repair / time-sharing": "terminals",
        "terminals + one server": "terminals",
        "machine repair: delay with self-loop 0.7 + queue": "terminals",
        "M/M/c/K//m (finite source and capacity)": "finite_source_and_room",
        "M(n)/M/K/K with lambda_n=(n+1)*lambda": "growing_arrivals",
        "M/M/1 discouraged arrivals lambda/(n+1) (Poisson law)": "discouraged",
    },
    "impatience": {
        "M/M/28/80+M (Erlang-A)": "erlang_a", "M/M/25/80+M abandonment": "erlang_a",
        "M/M/n/K+M service level": "erlang_a", "M/M/n+M (Erlang-A)": "erlang_a",
        "M/M/1+M": "erlang_a", "Erlang-A staffing": "erlang_a_servers",
        "M/M/5+M with abandonment rate = service rate (Poisson law)": "erlang_a",
        "M/M/1+D, deterministic patience (wait limit)": "constant_patience",
        "M/M/c with server breakdowns, unlimited repair": "servers_that_fail",
    },
    "priority": {
        "M/G/1 non-preemptive (HOL) priority": "priority",
        "M/M/1 non-preemptive, 2 classes": "priority",
        "M/G/1 preemptive-resume priority": "preemptive",
        "M/M/c non-preemptive priority, equal rates": "mmc_priority",
        "M/M/c preemptive-resume priority, equal rates": "mmc_preemptive",
        "M/M/c preemptive-resume priority": "mmc_preemptive",
        "M/G/1 accumulating (delay-dependent) priority": "accumulating",
        "closed 2-station network with preemptive-resume priority station": "interrupting",
    },
    "multiserver": {
        "GI/M/1": "gmc", "D/M/4": "gmc", "D/M/8": "gmc", "D/M/20": "gmc", "E2/M/3": "gmc",
        "E4/M/2": "gmc", "E4/M/4": "gmc", "E4/M/8": "gmc", "E4/M/20": "gmc",
        "H2/M/4 (balanced means)": "gmc", "M/PH/c": "servers_of_any_law",
        "M/H2/3": "servers_of_any_law", "M/H2/4 (balanced means)": "servers_of_any_law",
        "D/H2/4 (balanced means)": "servers_of_any_law", "E2/D/2": "servers_of_any_law",
        "E2/H2/4 (balanced means)": "servers_of_any_law",
        "H2/H2/4 (balanced means)": "servers_of_any_law",
        "E2/H2/3 (balanced means)": "servers_of_any_law",
        "M/M_i/m heterogeneous servers, random routing to idle server": "unequal_servers",
    },
    "balancing": {
        "power-of-d choices, mean-field limit (N to infinity)": "supermarket",
        "power-of-2 choices, mean-field tail": "supermarket",
        "power-of-2 choices, n=100 simulation, two DISTINCT servers sampled": "choices",
        "JSQ(d), N exponential servers, choices sampled with replacement": "repeated_choices",
        "JSQ with N=2 exponential servers (join the shortest queue)": "least_connections",
        "JSQ with N=3 exponential servers (join the shortest queue)": "least_connections",
        "JSQ(2) with N=3 exponential servers, choices without replacement": "choices",
        "JSQ(2), N=10, choices with replacement": "repeated_choices",
    },
    "laws": {
        "Erlang-k, mean 1": "erlang_law", "lognormal, mean 1": "lognormal",
        "phase-type moments": "phases", "phase-type cdf/pdf": "phases",
        "CTMC stationary distribution": "chain",
    },
    "caches": {
        "cache RAND(m)/LRU(m), uniform popularity": "uniform_cache",
        "cache FIFO and LRU, uniform": "uniform_cache",
        "cache RANDOM, characteristic-time approximation": "fifo",
        "cache RANDOM, asymptotic product-form approximation": "exact_fifo",
        "cache h-LRU first list characteristic time": "first_list",
        "LRU, Che approximation": "lru", "LRU cache, Che approximation": "lru",
        "FIFO/RANDOM cache, Che approximation": "fifo", "LRU cache, IRM": "exact_lru",
        "q-LRU cache, Che approximation": "q_lru", "q-LRU cache, IRM": "exact_q_lru",
        "FIFO = RANDOM cache, IRM": "exact_fifo",
        "LRU hit ratio Zipf 0.8": "exact_lru", "static optimal cache": "lfu",
        "TTL cache, Poisson requests": "ttl",
    },
}  # fmt: skip

APPROXIMATIONS = {
    "approximation:Kimura": ("general_service", "mgc"),
    "approximation:Schweitzer/Bard": ("multiclass", "schweitzer"),
    "approximation:bounds": ("multiclass", "bounds_of_classes"),
    "approximation:Schweitzer/Bard on shadow-CPU model": ("multiclass", "schweitzer"),
    "approximation:LINE default AMVA": ("multiclass", "several"),
    "approximation:bounds (GB)": ("closed_networks", "geometric"),
    "approximation:bounds (PB)": ("closed_networks", "proportional"),
    "approximation:mean field": ("balancing", "supermarket"),
    "approximation:Cosmetatos": ("multiserver", "cosmetatos"),
    "approximation:Bjorklund-Elldin": ("multiserver", "cosmetatos"),
    "approximation:Allen-Cunneen": ("multiserver", "allen_cunneen"),
    "approximation:Kraemer-Langenbach-Belz": ("multiserver", "kraemer_langenbach_belz"),
    "approximation:Kingman-upper-bound": ("multiserver", "kingman_bound"),
    "approximation:Whitt-1993-GI/G/m": ("multiserver", "whitt"),
    "approximation:RDR-A": ("priority", "mmc_preemptive"),
    "approximation:RDR-A (recursive dimensionality reduction)": ("priority", "mmc_preemptive"),
    "approximation:source formula": ("impatience", "erlang_a"),
    "approximation:linear combination of (n,n) values": ("fan_out", "some_of_queues"),
    "approximation:LINE default MVA (egflin)": ("multiclass", "delay_and_shared"),
    "approximation:Whitt-1993-GI/G/m-prob-wait": ("multiserver", "whitt"),
}
"""Cases that test one approximation, of any model: the file and the adapter."""

SKIPPED = {
    "e2d2_mq": "states of E2/D/2; only its wait is exact",
    "apq_4_2_1": "no accumulating priority; only its limits",
    "mq_mf_jsq_2_0.9": "the limit of many replicas, in which nobody waits",
}
"""Cases that are left out though their model is there."""

REASONS = {
    "approximation:MVABLO": "3 to 10 % off the chain, which the library solves",
    "approximation:priority MVA (CL)": "4 % off the chain, which the library solves",
    "approximation:priority MVA (SCA)": "up to 138 % off the chain, which the library solves",
    "approximation:QED (Garnett)": "a limit of Erlang A, which the library has exactly",
    "closed network, demand of station 2 reset to 0.015/X(N-1) at each N":
        "a recursion that changes its network at each step has no steady state of its own",
    "M/M/1 retrial queue": "no queue at all: who finds the servers busy tries for ever",
    "M/G/1 retrial queue": "no queue at all: who finds the servers busy tries for ever",
    "M/M/c retrial queue": "no queue at all: who finds the servers busy tries for ever",
    "M/M/1 retrial with server breakdowns": "no queue, and a server that fails",
    "M/M/1 with working breakdowns": "a server that is slow at times, by a chain of its own",
    "M/M/1 with disasters and repair, arrivals queue during repair":
        "failures that destroy all requests",
    "closed delay + PS-with-preemptive-priority queue":
        "priorities in a closed network are solved with exponential service",
}  # fmt: skip
"""Why there is no test, by the kind of a case or its model."""

CORRECTED = {
    "whitt93_pwait_exact_DH24_9": 0.738159097,
    "gigm_pwait_precise_DH24_9": 0.738159097,
}
"""Values that a second computation corrects: D/H2/4 as the limit of Erlang arrivals of 8 to 64
phases (Richardson); a chain that was cut off gave 0.738147."""

STATED = {
    "least_connections": 0.02, "choices": 0.03, "repeated_choices": 0.034,
    "last_of_queues": 0.041, "last_of_two": 0.08, "some_of_queues": 0.08,
}  # fmt: skip
"""The errors that approximations state, where they exceed the tolerance of the source."""


def chosen(case: dict[str, Any]) -> tuple[str, str] | None:
    """Return the file and the adapter of a case."""
    model, kind = case["model"], case["kind"]
    if kind in APPROXIMATIONS:
        return APPROXIMATIONS[kind]
    ours = model.startswith("fork-join") or model in FAMILIES["caches"]
    if kind.startswith("approximation") and not ours:
        return None
    files = [name for name, family in FAMILIES.items() if model in family]
    return (files[0], FAMILIES[files[0]][model]) if files else None


def figures(expected: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield name and value of every number, ``name[i][j]`` in lists and dictionaries."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            yield from figures(value, f"{name}[{key}]" if name else key)
    elif isinstance(expected, list):
        for i, value in enumerate(expected):
            yield from figures(value, f"{name}[{i}]")
    else:
        yield name, float(expected)


def left_out(adapter: str, inputs: dict[str, Any], name: str) -> bool:
    if name.startswith("varma_makowski") and inputs["queues"] > 16:
        return True  # the sum loses its digits
    if name.startswith("number_waiting_at_join"):
        return True  # the library gives times of forks
    if adapter == "servers_of_any_law" and name == "p0":
        return True  # the state of E2/D/2, of which only the wait is exact
    if adapter == "supermarket" and name.startswith("tail"):
        return True  # the library gives what a request finds
    if adapter == "choices" and name == "prob_all_busy":
        return True  # a request waits where all its choices are busy
    if adapter == "lognormal" and name in ("mu", "sigma"):
        return True  # parameters of another parameterisation
    if name == "normalizing_constant":
        return True  # of other units
    # An infinite server is not utilized here; the source counts its load.
    station = re.fullmatch(r"utilization\[(\d+)\]", name)
    servers = inputs.get("servers")
    return bool(station and isinstance(servers, list) and servers[int(station[1])] == -1)


def stated(adapter: str, inputs: dict[str, Any]) -> float:
    """Return the error that the library states for a figure of a case."""
    exact = (adapter == "last_of_queues" and inputs["queues"] == 2) or (
        adapter == "least_connections" and inputs["servers"] == 2
    )
    return 0.0 if exact else STATED.get(adapter, 0.0)


def rows(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the file and the row of each figure."""
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            case = json.loads(text)
            found = chosen(case)
            if found is None or case["id"] in SKIPPED:
                continue
            file, adapter = found
            inputs = case["inputs"]
            # A tool that recomputed the bounds of a paper fed them with another bound.
            printed = adapter in ("geometric", "proportional")
            better = None if printed else case.get("recomputed")
            for name, value in figures(better or case["expected"]):
                if not left_out(adapter, inputs, name):
                    yield file, [
                        case["id"], adapter, json.dumps(inputs), name,
                        repr(CORRECTED.get(case["id"], value)),
                        repr(max(case.get("rel_tol") or 0.0, stated(adapter, inputs))),
                        repr(case.get("abs_tol") or 0.0),
                        case["source"],
                    ]  # fmt: skip


def untested(folder: Path) -> Iterator[str]:
    """Yield a line for each case that has no test, or of which only some figures have one."""
    tested: dict[str, set[str]] = {}
    for path in HERE.glob("*.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                tested.setdefault(row["id"], set()).add(row["quantity"])
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            case = json.loads(text)
            wanted = {name for name, _ in figures(case["expected"])}
            lacking = sorted(wanted - tested.get(case["id"], set()))
            if lacking:
                which = ", ".join(lacking) if case["id"] in tested else "all"
                why = REASONS.get(case["kind"], REASONS.get(case["model"], ""))
                why = f" ({why})" if why else ""
                what = f"{case['model']} ({case['kind']}): {which}{why}"
                yield f"{path.stem}: {case['id']}: {what}"


def main(folder: Path) -> None:
    every = list(rows(folder))
    for name in FAMILIES:
        found = [row for file, row in every if file == name]
        with (HERE / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(
                [
                    "id",
                    "model",
                    "parameters",
                    "quantity",
                    "value",
                    "rel_tol",
                    "abs_tol",
                    "source",
                ]
            )
            writer.writerows(found)
        print(f"{name}: {len({r[0] for r in found})} cases, {len(found)} figures")


if __name__ == "__main__":
    if "--left-out" in sys.argv:
        print(*untested(Path(sys.argv[1])), sep="\n")
    else:
        main(Path(sys.argv[1]))
