"""Timeouts and retries against a simulated pool that finishes what was given up."""

from __future__ import annotations

import heapq
import random

import numpy as np
import pytest

import qmodel as qm

SERVERS, AFTER, ATTEMPTS = 8, 5.0, 3


def simulated(
    rate: float,
    requests: int,
    *,
    pause: float,
    backlog: int = 0,
    seed: int = 1,
    servers: int = SERVERS,
) -> tuple[np.ndarray, float]:
    """Return the times of requests that succeed, and the attempts of a request.

    Service time 1; the times are seen by the client, with earlier attempts and pauses in them.
    """
    draw = random.Random(seed).expovariate
    free = [0.0] * servers
    for _ in range(backlog):
        heapq.heapreplace(free, free[0] + draw(1.0))
    ahead: list[tuple[float, float, int]] = []  # when, since when, which attempt
    times, tried, following, i = [], 0, draw(rate), 0
    while i < requests:
        if ahead and ahead[0][0] <= following:
            now, since, attempt = heapq.heappop(ahead)
        else:
            now, since, attempt = following, following, 1
            i += 1
            following += draw(rate)
        tried += 1
        end = max(free[0], now) + draw(1.0)
        heapq.heapreplace(free, end)
        if end - now <= AFTER:
            times.append(end - since)
        elif attempt < ATTEMPTS:
            heapq.heappush(ahead, (now + AFTER + draw(1 / pause), since, attempt + 1))
    return np.array(times[len(times) // 10 :]), tried / requests


def solved(rate: float, pause: float, servers: int = SERVERS) -> qm.PipelineResult:
    pool = qm.call("pool", qm.MMc(1.0, servers=servers))
    path = qm.retry(qm.timeout(AFTER, pool), attempts=ATTEMPTS, pause=pause)
    return qm.Pipeline(path).solve(rate)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.7, 0.8])
def test_the_healthy_state(share: float) -> None:
    """Up to 80 % of the fold; nearer to it the noise tips a pool of eight within minutes."""
    rate, pause = share * 6.859954, 100.0
    times, attempts = simulated(rate, 1_000_000, pause=pause)
    r = solved(rate, pause)
    assert float(r.visits["pool"]) == pytest.approx(attempts, rel=0.003)
    assert float(r.latency.mean) == pytest.approx(times.mean(), rel=0.01)
    assert float(r.latency.quantile(0.99)) == pytest.approx(np.quantile(times, 0.99), rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.95])
def test_the_healthy_state_of_fifty_servers(share: float) -> None:
    """Noise tips them at 95 % of the fold after six million requests, so it is seen there."""
    rate, pause = share * 47.722424660, 100.0
    times, attempts = simulated(rate, 1_000_000, pause=pause, servers=50)
    r = solved(rate, pause, servers=50)
    assert float(r.visits["pool"]) == pytest.approx(attempts, rel=0.003)
    assert float(r.latency.mean) == pytest.approx(times.mean(), rel=0.03)
    assert float(r.latency.quantile(0.99)) == pytest.approx(np.quantile(times, 0.99), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "stays"), [(2.4, False), (2.9, True), (6.0, True)])
def test_from_which_load_on_a_backlog_stays(rate: float, stays: bool) -> None:
    """The hidden capacity is 8/3: below it a backlog goes away, above it does not."""
    _, attempts = simulated(rate, 200_000, pause=5.0, backlog=400)
    r = solved(rate, 5.0)
    assert (float(r.hidden_capacity) < rate) == stays
    if stays:
        assert attempts > 2.9
        assert float(r.equilibria["collapsed"].visits["pool"]) == pytest.approx(
            attempts, rel=0.02
        )
    else:
        assert attempts < 1.1


@pytest.mark.slow
def test_how_long_the_healthy_state_lasts() -> None:
    """The chain is low by a factor of 1.4 to 2; the noise of 16 runs is a quarter."""
    lasted = [time_until_collapse(6.4, pause=1.0, seed=seed) for seed in range(16)]
    chain = float(qm.time_to_collapse(6.4, 1.0, servers=8, timeout=AFTER, attempts=ATTEMPTS))
    assert 1.0 < np.mean(lasted) / chain < 2.6


def time_until_collapse(rate: float, *, pause: float, seed: int) -> float:
    """Return when the backlog first is twice what a timeout forgives."""
    draw = random.Random(seed).expovariate
    free = [0.0] * SERVERS
    ahead: list[tuple[float, int]] = []
    following = draw(rate)
    while True:
        if ahead and ahead[0][0] <= following:
            now, attempt = heapq.heappop(ahead)
        else:
            now, attempt = following, 1
            following += draw(rate)
        if free[0] - now > 2 * AFTER:
            return now
        end = max(free[0], now) + draw(1.0)
        heapq.heapreplace(free, end)
        if end - now > AFTER and attempt < ATTEMPTS:
            heapq.heappush(ahead, (now + AFTER + draw(1 / pause), attempt + 1))
