"""Writes the CSV files of this folder from collections of published figures (JSON lines).

Run on purpose, never by the tests:

    python tests/reference/convert.py FOLDER_OF_JSONL

A case is taken if its model is in `FAMILIES`; a figure of it, if `test_reference.py` can
compute it (`OMITTED` names the others, with the reason). Values are the recomputed ones
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
        "M/D/2": "mdc", "M/G/c": "mgc",
        "split-join, exponential (M/G/1 with maximum of n)": "split_join",
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
        "fork-join approximations and H_K/(mu-lambda) bound": "fork",
    },
    "laws": {"Erlang-k, mean 1": "erlang_law", "lognormal, mean 1": "lognormal"},
}  # fmt: skip

KINDS = {"M/G/c": ("approximation:Kimura",)}
"""Of these models only the cases that test the approximation that the library uses."""

OMITTED = {
    r"p0|prob_6|state_probabilities|prob_\d+": "no state probabilities in the library yet",
    r"mu|sigma": "parameters of another parameterisation",
    r"mean_response_round_robin|nelson_tantawi|varma_makowski": "no such model yet",
    r"log_(prob_wait|blocking_probability)=-\d{3,}": "below the smallest float",
}
"""Figures that are left out, as patterns of their names."""

EMPTY = {"M/D/4", "M/D/2", "M/D/c"}
"""Of these the approximations of others (Cosmetatos, Whitt) are left out."""


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


def left_out(model: str, adapter: str, inputs: dict[str, Any], name: str, value: float) -> bool:
    if any(re.fullmatch(p, name.split("[")[0]) for p in OMITTED):
        return True
    if name.startswith("log_") and value < -690:
        return True
    # An infinite server is not utilized here; the source counts its load.
    station = re.fullmatch(r"utilization\[(\d+)\]", name)
    servers = inputs.get("servers")
    return bool(station and isinstance(servers, list) and servers[int(station[1])] == -1)


def rows(folder: Path, family: dict[str, str]) -> Iterator[list[str]]:
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            case = json.loads(text)
            model, kind = case["model"], case["kind"]
            approximate = kind.startswith("approximation")
            allowed = KINDS.get(model, ("exact",) if model in EMPTY else (kind,))
            if model not in family or kind not in allowed:
                continue
            if approximate and model not in KINDS and not model.startswith("fork-join"):
                continue
            inputs = case["inputs"]
            for name, value in figures(case.get("recomputed") or case["expected"]):
                if not left_out(model, family[model], inputs, name, value):
                    yield [
                        case["id"], family[model], json.dumps(inputs), name, repr(value),
                        repr(case.get("rel_tol") or 0.0), repr(case.get("abs_tol") or 0.0),
                        case["source"],
                    ]  # fmt: skip


def main(folder: Path) -> None:
    for name, family in FAMILIES.items():
        found = list(rows(folder, family))
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
    main(Path(sys.argv[1]))
