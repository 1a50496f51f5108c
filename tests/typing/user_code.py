"""What users write, as type checkers see it: part of `make lint`, with `mypy --strict`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

import numpy as np
import pandas as pd

import qmodel as qm
from qmodel.planning import Dask, Local, Sobol, SweepParts


def shop(servers: int) -> qm.Pipeline:
    web = qm.call("web", qm.MMc(0.010, servers=servers))
    db = qm.call("db", qm.MG1(qm.Gamma(0.005, scv=2.0)))
    pause = qm.call("pause", qm.Delay(0.050))
    data = qm.cached(0.9, lookup=qm.nothing(), miss=db, name="cache")
    return qm.Pipeline(qm.series(web, qm.retry(data, failure=0.01, attempts=3), pause))


def answers(site: qm.Pipeline) -> None:
    result = site.solve(90.0)
    assert_type(result, qm.PipelineResult)
    assert_type(result.latency, qm.Distribution)
    station = qm.MMc(0.010).solve(np.array([10.0, 20.0]))
    assert_type(station, qm.StationResult)
    frame = qm.sweep(site, {"arrival_rate": [10.0, 20.0]})
    assert_type(frame, pd.DataFrame)
    parts = qm.sweep(site, Sobol({"arrival_rate": (1.0, 9.0)}, count=8), into="folder")
    assert_type(parts, SweepParts)
    for engine in (Local(workers=2), Dask("tcp://127.0.0.1:8786"), "local", None):
        qm.sweep(site, {"arrival_rate": [10.0]}, engine=engine)
    found: float = qm.capacity(site, "p99 < 300 ms")
    print(found, qm.size, qm.testing, qm.web.typical_pipeline())


@dataclass(frozen=True, slots=True, eq=False)
class Lossy(qm.Distribution):
    """A distribution of one's own."""

    base: qm.Distribution
    factor: float = qm.parameter("by how much", check="positive", default=2.0)

    def laplace(self, s: float) -> float:
        return float(self.base.laplace(s * self.factor))


@dataclass(frozen=True, slots=True, eq=False)
class Waves(qm.Load):
    """A load of one's own."""

    height: float = qm.parameter("height", unit="1/s")
    length: float = qm.parameter("length", unit="s", default=60.0)


def wrong(site: qm.Pipeline) -> None:
    """Each line is an error, and says so: an ignore that is not needed fails the check."""
    qm.Pipeline(5)  # type: ignore[arg-type]
    qm.MG1("fast")  # type: ignore[arg-type]
    qm.sweep(site, {"arrival_rate": [1.0]}, chunk="many")  # type: ignore[call-overload]
    qm.MMx  # type: ignore[attr-defined]  # noqa: B018
    Waves(1.0, 2.0, 3.0)  # type: ignore[call-arg]
