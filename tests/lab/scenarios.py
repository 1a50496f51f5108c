"""What the lab measures: one light run to calibrate from, and scenarios that it predicts.

Each scenario is the calibrated model with other numbers: threads, connections, a cache without
hits, servers behind a balancer, clients that try again. Nothing is fitted to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import qmodel as qm
from qmodel.measurements import Measurements, SiteCalibration

LIGHT = {"threads": 16, "pool": 4}
"""The site of the light run."""

CACHED = 8
"""Connections of each application server to the cache."""

SERVERS = {"app": 16, "postgresql": 4}
"""What is said to the calibration: the same, by the names of the spans."""

LOADS = (0.4, 0.6, 0.7, 0.8)
"""Loads of each scenario, as shares of what the calibrated model sustains."""

KEYS, EXPONENT = 5000, 0.9
HIT_RATIO = "redis cache.hit_ratio"
TIMEOUT, ATTEMPTS = 0.5, 3


@dataclass(frozen=True)
class Scenario:
    """A site that is otherwise than in the light run."""

    name: str
    site: dict[str, Any]
    model: Callable[[SiteCalibration], Any]
    asked: dict[str, Any] = field(default_factory=dict)
    lost: bool = False
    """Whether one of the application servers is stopped before the load comes."""

    @property
    def connections(self) -> int:
        """Connections to the cache, of the servers that are there. [-]."""
        return CACHED * (self.site.get("servers", 1) - self.lost)


def changed(threads: int, pool: int) -> Callable[[SiteCalibration], qm.Pipeline]:
    """Return the model with other pools."""

    def model(found: SiteCalibration) -> qm.Pipeline:
        new = {"app.permits": threads, "postgresql.servers": pool}
        return found.model.replace(new)

    return model


def one_server(found: SiteCalibration, threads: int) -> tuple[qm.Step, qm.Station]:
    """Return the network, and a server of some threads, each with a connection of its own.

    No request then waits for a connection, and the time that a thread is held is the service.
    """
    wide = found.model.replace({"app.permits": 500, "postgresql.servers": 500})
    held = wide.solve(1.0).latency
    network = found.model.parameters().get("network.service.mean", 0.0)
    mean = float(held.mean) - network
    service = qm.from_mean_scv(mean, float(held.variance) / mean**2)
    return qm.web.network(network), qm.MGc(service, threads)


def balanced(policy: str) -> Callable[[SiteCalibration], qm.Pipeline]:
    """Return two servers of six threads behind a balancer."""

    def model(found: SiteCalibration) -> qm.Pipeline:
        network, server = one_server(found, 6)
        pool = qm.balancing.balanced(policy, server, 2)
        return qm.Pipeline(qm.series(network, qm.call("app", pool)))

    return model


def alone(found: SiteCalibration) -> qm.Pipeline:
    """Return the server that is left of two."""
    network, server = one_server(found, 6)
    return qm.Pipeline(qm.series(network, qm.call("app", server)))


def retried(found: SiteCalibration) -> qm.Pipeline:
    """Return eight threads, and clients that wait half a second, three times."""
    network, server = one_server(found, 8)
    whole = qm.series(network, qm.call("app", server))
    return qm.Pipeline(qm.retry(qm.timeout(TIMEOUT, whole), attempts=ATTEMPTS))


TWO = {"threads": 6, "pool": 6, "servers": 2}
COLD = {"keys": 1_000_000, "exponent": 0.0}
SCENARIOS = (
    Scenario("threads tight", {"threads": 8, "pool": 8}, changed(8, 8)),
    Scenario("pool tight", {"threads": 64, "pool": 2}, changed(64, 2)),
    Scenario("both tight", {"threads": 10, "pool": 3}, changed(10, 3)),
    Scenario("cache lost", {"threads": 8, "pool": 8}, changed(8, 8), COLD),
    Scenario("two servers, round robin", TWO, balanced("round robin")),
    Scenario(
        "two servers, least connections",
        TWO | {"policy": "least_conn"},
        balanced("least connections"),
    ),
    Scenario("one server of two lost", TWO | {"policy": "least_conn"}, alone, lost=True),
    Scenario(
        "timeouts and retries",
        {"threads": 8, "pool": 8},
        retried,
        {"timeout": TIMEOUT, "attempts": ATTEMPTS},
    ),
)


def hit_ratio(
    scenario: Scenario, found: SiteCalibration, info: Measurements, counts: np.ndarray
) -> float:
    """Return the hit ratio: what was measured, and what room for fewer objects takes of it."""
    if scenario.asked.get("keys"):
        return 0.0
    there = np.array([CACHED, scenario.connections])
    rooms = qm.caches.LRU(qm.measurements.objects_that_fit(info, there))
    before, after = rooms.solve(qm.caches.Measured(counts)).hit_ratio
    return float(found.model.parameters()[HIT_RATIO] + after - before)


def predicted(
    scenario: Scenario, found: SiteCalibration, info: Measurements, counts: np.ndarray
) -> list[dict[str, Any]]:
    """Return what the model says at each load of a scenario.

    `info` is INFO of Redis, and `counts` the requests for each key, both of the light run.
    """
    hits = hit_ratio(scenario, found, info, counts)
    model = scenario.model(replace(found, model=found.model.replace({HIT_RATIO: hits})))
    limit = float(model.max_rate)
    rates = np.round(limit * np.array(LOADS), 1)
    result = model.solve(rates)
    quantiles = {p: result.latency.quantile(float(f"0.{p[1:]}")) for p in ("p50", "p95", "p99")}
    times = {"mean": result.latency.mean} | quantiles
    assert found.region is not None
    return [
        {
            "scenario": scenario.name,
            "share": share,
            "arrival_rate": float(rate),
            "saturates_at": round(limit, 1),
            "said": "; ".join(found.region.doubts(model, float(rate))),
            "hit_ratio_predicted": hits,
            **{f"{n}_predicted": float(t[i]) for n, t in times.items()},
        }
        for i, (share, rate) in enumerate(zip(LOADS, rates, strict=True))
    ]
