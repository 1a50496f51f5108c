"""Hedged requests against a simulated pool in which both copies queue."""

from __future__ import annotations

import heapq
import random

import numpy as np
import pytest

import qmodel as qm


def simulated(
    rate: float, servers: int, delay: float, requests: int
) -> tuple[np.ndarray, float]:
    """Return the times of requests with service time 1, and the share that was copied."""
    draw = random.Random(5).expovariate
    free = [0.0] * servers
    late: list[tuple[float, int, float, float]] = []
    times = np.empty(requests)

    def done(start: float) -> float:
        end = max(heapq.heappop(free), start) + draw(1.0)
        heapq.heappush(free, end)
        return end

    following, copies, i = draw(rate), 0, 0
    while i < requests or late:
        if late and (i >= requests or late[0][0] <= following):
            now, which, arrived, first = heapq.heappop(late)
            copies += 1
            times[which] = min(first, done(now)) - arrived
        else:
            end = done(following)
            times[i] = end - following
            if times[i] > delay:
                heapq.heappush(late, (following + delay, i, following, end))
            i += 1
            following += draw(rate)
    return times[requests // 10 :], copies / requests


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "load"), [(8, 0.3), (8, 0.45), (64, 0.45)])
def test_a_pool_that_survives_copies_of_all(servers: int, load: float) -> None:
    times, copied = simulated(load * servers, servers, delay=3.0, requests=1_000_000)
    call = qm.call("pool", qm.MMc(1.0, servers=servers))
    r = qm.Pipeline(qm.hedge("hedge", call, delay=3.0)).solve(load * servers)
    assert float(r.latency.mean) == pytest.approx(times.mean(), rel=0.01)
    assert float(r.latency.quantile(0.99)) == pytest.approx(np.quantile(times, 0.99), rel=0.015)
    assert float(r.visits["pool"]) - 1 == pytest.approx(copied, rel=0.03)


@pytest.mark.slow
def test_a_pool_that_does_not_is_lost() -> None:
    times, copied = simulated(0.7 * 8, 8, delay=3.0, requests=300_000)
    assert copied > 0.9
    assert times[-1000:].mean() > 1000
    call = qm.call("pool", qm.MMc(1.0, servers=8))
    r = qm.Pipeline(qm.hedge("hedge", call, 3.0)).solve(0.7 * 8)
    assert np.isinf(r.equilibria["collapsed"].latency.mean)
    assert float(r.hidden_capacity) < 0.7 * 8
