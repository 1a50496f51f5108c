"""What a token bucket refuses behind a station."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.bucket_behind import accepted_behind
from qmodel.queues.counts.token_bucket import accepted

LOGNORMAL = qm.LogNormal(1.0, 4.0)
# Service of mean 1, servers, load, tokens for each arrival, burst, and the share refused: by
# simulations of four million requests, to half a percent.
SIMULATED = [
    (qm.Deterministic(1.0), 1, 0.86, 1.135, 3.0, 0.0028),
    (qm.Deterministic(1.0), 1, 0.8, 1.019, 10.0, 0.0296),
    (qm.Deterministic(1.0), 2, 0.86, 1.048, 8.0, 0.0175),
    (qm.Deterministic(1.0), 4, 0.61, 1.257, 4.0, 0.0294),
    (qm.Gamma(1.0, 0.5), 1, 0.93, 1.263, 6.0, 0.0030),
    (qm.Gamma(1.0, 0.1), 2, 0.94, 1.233, 2.0, 0.0326),
    (LOGNORMAL, 1, 0.82, 1.011, 4.0, 0.2205),
    (LOGNORMAL, 2, 0.58, 1.079, 6.0, 0.0783),
    (LOGNORMAL, 8, 0.87, 0.915, 4.0, 0.1878),
]


@pytest.mark.parametrize(("service", "servers", "load", "limit", "burst", "lost"), SIMULATED)
def test_simulated_shares(
    service: qm.Distribution, servers: int, load: float, limit: float, burst: float, lost: float
) -> None:
    work = qm.Scaled(service, load * servers)
    found = 1 - accepted_behind(load, servers, work, limit=limit, burst=burst)
    assert float(found) == pytest.approx(lost, rel=0.12)


@pytest.mark.parametrize("servers", [1, 2, 4])
def test_exponential_service_passes_poisson_arrivals_on(servers: int) -> None:
    """What leaves M/M/c is Poisson (Burke), and the bucket behind such arrivals is exact."""
    load = np.array([0.2, 0.5, 0.8, 0.95])[:, None]
    limit, burst = np.array([0.9, 1.05, 1.2, 1.3, 1.1]), np.array([3.0, 5.0, 10.0, 2.0, 1.0])
    work = qm.Exponential(load * servers)
    found = 1 - accepted_behind(load, servers, work, limit=limit, burst=burst)
    exact = 1 - accepted(1.0, limit=limit, burst=burst)
    assert found == pytest.approx(np.broadcast_to(exact, (4, 5)), rel=0.105)


def test_cells_are_as_alone() -> None:
    load, burst = np.array([0.5, 0.9, 1.2, 0.0, np.nan]), np.array([[2.0], [7.5]])
    work = qm.Gamma(0.5, 0.25)
    found = accepted_behind(load, 1, work, limit=2.1 * load, burst=burst)
    assert found.shape == (2, 5)
    assert np.isnan(found[:, 3:]).all()
    for j in range(2):
        for k in range(3):
            one = accepted_behind(
                float(load[k]), 1, work, limit=2.1 * float(load[k]), burst=burst[j, 0]
            )
            assert found[j, k] == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize(
    ("service", "limit", "burst"),
    [
        (qm.Gamma(0.5, 0.5), 1.1, 60.0),
        (qm.Gamma(0.5, 2.0), 1.1, 20.0),
        (qm.Gamma(0.5, 0.5), np.inf, 5.0),
        (qm.Pareto(0.5, 1.5), 1.1, 5.0),
    ],
)
def test_what_is_left_to_how_variable_the_stream_is(
    service: qm.Distribution, limit: float, burst: float
) -> None:
    assert np.isnan(accepted_behind(0.5, 1, service, limit=limit, burst=burst))


def site(load: float, servers: int, limit: object) -> qm.Pipeline:
    first = qm.call("first", qm.queues.MDc(load * servers, servers))
    return qm.Pipeline(qm.series(first, qm.limit("quota", limit, burst=5)))


def test_in_a_pipeline() -> None:
    limits = np.array([1.05, 1.2, 1e9])
    found = site(0.9, 1, limits).solve(1.0)
    # Tokens that come as fast as constant work leaves: none is refused.
    assert found.rejected == pytest.approx([0.0153, 0.0, 0.0], abs=0.001)
    grounds = found.basis.assumptions("utilization")
    assert any(ground == "losses-behind-a-stream" for ground in grounds)
    assert np.isnan(site(0.9, 1, np.nan).solve(1.0).rejected)
    assert site(0.9, 1, 1.05).solve(0.0).rejected == 0.0
    assert site(0.9, 1, 0.5).solve(np.array([0.5, 2.0])).rejected[1] > 0.5


def test_equal_stations_of_constant_work_in_a_fork_are_done_together() -> None:
    first = qm.call("first", qm.queues.MDc(1.6, 2))
    quota = qm.limit("quota", 1.05, burst=2)
    alone = qm.Pipeline(qm.series(first, quota)).solve(1.0).rejected
    fork = qm.fan_out("fork", 2, first)
    assert qm.Pipeline(qm.series(fork, quota)).solve(1.0).rejected == pytest.approx(alone)
