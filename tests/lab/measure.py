"""Measure the site of the lab: calibrate from a light run, predict, and only then measure.

    python tests/lab/measure.py light FOLDER
    python tests/lab/measure.py predict FOLDER
    python tests/lab/measure.py run FOLDER --repeat 2 --lane 0
    python tests/lab/measure.py table FOLDER... docs/explanation/lab-results.csv

`predict` writes predictions.csv, which `run` needs and never changes. Runs of one lane follow
each other; several lanes measure at a time, each with servers of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scenarios import CACHED, EXPONENT, KEYS, LIGHT, SCENARIOS, SERVERS, Scenario, predicted
from servers import Site

from qmodel.measurements import calibrate_site, read

WARM = 6.0  # [s] of load before what counts
SECONDS = 60.0
LIGHT_RATE, LIGHT_SECONDS = 50.0, 240.0
QUANTITIES = ("mean", "p50", "p95", "p99")
LANES, PORTS = 2, 40


def light(
    folder: Path, *, rate: float = LIGHT_RATE, seconds: float = LIGHT_SECONDS, port: int = 8200
) -> None:
    """Run the site under a light load, and keep what it leaves: spans, counters, latencies."""
    folder.mkdir(parents=True, exist_ok=True)
    with Site(**LIGHT, cached=CACHED, port=port) as site:
        site.fill(KEYS, EXPONENT)
        asked = {"keys": KEYS, "exponent": EXPONENT, "rate": rate}
        site.drive(folder / "warm.json", seconds=WARM, seed=9, **asked)
        site.redis("CONFIG", "RESETSTAT")
        site.spans.write_text("")
        site.drive(folder / "clients.json", seconds=seconds, **asked)
        (folder / "redis.txt").write_text(site.redis("INFO"))
        shutil.copy(site.spans, folder / "spans.json")


def predict(folder: Path) -> None:
    """Write down what the model says, before anything of it is measured."""
    spans, clients, info = (
        read(folder / name) for name in ("spans.json", "clients.json", "redis.txt")
    )
    found = calibrate_site([spans, clients, info], servers=SERVERS)
    lines = (folder / "clients.json").read_text().splitlines()
    asked = [json.loads(line)["url"] for line in lines]
    counts = pd.Series(asked).value_counts().to_numpy()
    rows = [row for s in SCENARIOS for row in predicted(s, found, info, counts)]
    pd.DataFrame(rows).to_csv(folder / "predictions.csv", index=False)
    found.to_frame().to_csv(folder / "calibration.csv", index=False)


def measured(
    scenario: Scenario,
    rate: float,
    seed: int,
    folder: Path,
    port: int,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Return what a run of a scenario at one load gives."""
    before = os.getloadavg()[0]
    with Site(**scenario.site, cached=CACHED, port=port) as site:
        if not scenario.asked.get("keys"):
            site.fill(KEYS, EXPONENT)
        if scenario.lost:
            site.lose_server()
        asked = {"keys": KEYS, "exponent": EXPONENT, "rate": rate} | scenario.asked
        site.drive(folder / f"warm-{port}.json", seconds=WARM, seed=1000 + seed, **asked)
        site.redis("CONFIG", "RESETSTAT")
        path = site.drive(folder / f"run-{port}.json", seconds=seconds, seed=seed, **asked)
        info = dict(
            line.split(":", 1) for line in site.redis("INFO").splitlines() if ":" in line
        )
    rows = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    good = rows["code"] == 200
    times = rows.loc[good, "latency"].to_numpy() * 1e-9
    hits, misses = (int(info[f"keyspace_{n}"]) for n in ("hits", "misses"))
    # Batches in time: their spread has the correlation of requests that wait together.
    batches = [quantities(x) for x in np.array_split(times, 8)]
    errors = np.std([list(b.values()) for b in batches], axis=0, ddof=1) / 8**0.5
    return {
        "scenario": scenario.name,
        "arrival_rate": rate,
        "count": len(rows),
        "failed": int((~good).sum()),
        "attempts": float(rows["attempts"].mean()),
        "hit_ratio": hits / max(hits + misses, 1),
        "keys": int(info["db0"].partition("=")[2].partition(",")[0]),
        "cache_connections": int(info["connected_clients"]) - 1,
        "load_average": round(max(before, os.getloadavg()[0]), 1),
        **quantities(times),
        **{f"{n}_error": e for n, e in zip(QUANTITIES, errors, strict=True)},
    }


def quantities(times: np.ndarray) -> dict[str, float]:
    """Return mean and percentiles of latencies."""
    return dict(
        zip(QUANTITIES, [times.mean(), *np.quantile(times, [0.5, 0.95, 0.99])], strict=True)
    )


def run(folder: Path, repeat: int, lane: int) -> None:
    """Measure each load of each scenario of a lane, and add a line each to a file.

    What the file has already is not measured again.
    """
    plan = pd.read_csv(folder / "predictions.csv")
    by_name = {s.name: s for s in SCENARIOS}
    out = folder / f"runs-{lane}.jsonl"
    done = len(out.read_text().splitlines()) if out.exists() else 0
    mine = [(turn, i) for turn in range(repeat) for i in range(lane, len(plan), LANES)]
    for turn, i in mine[done:]:
        row, port = plan.iloc[i], 8100 + PORTS * lane
        seed = 100 * turn + i + 2
        found = measured(by_name[row["scenario"]], row["arrival_rate"], seed, folder, port)
        with out.open("a") as file:
            file.write(json.dumps(found) + "\n")


def table(folders: list[Path], path: Path) -> None:
    """Write predictions beside what was measured, of one campaign or several."""
    found = pd.concat([campaign(f).assign(campaign=i + 1) for i, f in enumerate(folders)])
    found.to_csv(path, index=False, float_format="%.5g")


def campaign(folder: Path) -> pd.DataFrame:
    """Return the predictions of one light run beside their runs, averaged."""
    runs = pd.concat([pd.read_json(f, lines=True) for f in sorted(folder.glob("runs-*.jsonl"))])
    keys, rows = ["scenario", "arrival_rate"], []
    for key, some in runs.groupby(keys, sort=False):
        n = len(some)
        row = dict(zip(keys, key, strict=True)) | {
            "runs": n,
            "count": int(some["count"].sum()),
            "failed": int(some["failed"].sum()),
            "attempts": some["attempts"].mean(),
            "hit_ratio": some["hit_ratio"].mean(),
            "keys": some["keys"].mean(),
            "load_average": some["load_average"].median(),
        }
        for name in QUANTITIES:
            row[name] = some[name].mean()
            within = float(np.sqrt((some[f"{name}_error"] ** 2).sum())) / n
            between = some[name].std(ddof=1) / n**0.5 if n > 1 else 0.0
            row[f"{name}_error"] = max(within, between)
        rows.append(row)
    return pd.read_csv(folder / "predictions.csv").merge(pd.DataFrame(rows), on=keys)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["light", "predict", "run", "table"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("more", type=Path, nargs="*")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--lane", type=int, default=0)
    given = parser.parse_args()
    if given.what == "light":
        light(given.folder)
    elif given.what == "predict":
        predict(given.folder)
    elif given.what == "run":
        run(given.folder, given.repeat, given.lane)
    else:
        *others, target = given.more
        table([given.folder, *others], target)


if __name__ == "__main__":
    main()
