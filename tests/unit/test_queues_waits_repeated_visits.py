"""Several visits to one queue: simulated percentiles, and the limits of the correlation."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.waits.repeated_visits import mean_of_visits, share_of_variance

# Servers, load, visits, mean pause, share of the variance, p99 of all visits and pauses, from
# simulations of 400,000 visits where every request comes as often; service times of 1.
SIMULATED = [
    (1, 0.5, 2, 0.0, 0.792, 16.39),
    (1, 0.5, 8, 0.0, 0.618, 55.66),
    (1, 0.5, 4, 1.0, 0.600, 32.71),
    (1, 0.5, 4, 10.0, 0.397, 92.80),
    (1, 0.8, 2, 0.0, 0.905, 42.79),
    (1, 0.8, 8, 0.0, 0.800, 166.08),
    (1, 0.8, 4, 1.0, 0.808, 83.39),
    (1, 0.8, 4, 10.0, 0.684, 120.19),
    (1, 0.9, 4, 1.0, 0.907, 173.99),
    (1, 0.9, 4, 10.0, 0.861, 203.19),
    (4, 0.5, 2, 0.0, 0.756, 7.02),
    (4, 0.5, 8, 0.0, 0.600, 18.88),
    (4, 0.5, 4, 1.0, 0.506, 15.21),
    (4, 0.8, 2, 0.0, 0.898, 12.10),
    (4, 0.8, 8, 0.0, 0.797, 45.00),
]


@pytest.mark.parametrize(("servers", "load", "visits", "pause", "share", "p99"), SIMULATED)
def test_simulations(
    servers: int, load: float, visits: int, pause: float, share: float, p99: float
) -> None:
    db = qm.call("db", qm.MMc(1.0, servers))
    away = qm.call("away", qm.Delay(qm.Exponential(pause or 1.0)))
    steps = [db] * (2 * visits - 1)
    steps[1::2] = [away if pause else qm.nothing()] * (visits - 1)
    latency = qm.Pipeline(qm.series(*steps)).solve(load * servers / visits).latency
    assert latency.quantile(0.99) == pytest.approx(p99, rel=0.07)
    r = qm.MMc(1.0, servers).solve(load * servers)
    assert r.wait is not None
    found = mean_of_visits(r, r.wait, visits, pause)
    assert found.mean == pytest.approx(r.waiting_time)
    assert found.variance / r.wait.variance == pytest.approx(share, abs=0.15)


def test_repeats_are_calls_in_a_row() -> None:
    db, cpu = qm.call("db", qm.MMc(1.0, 4)), qm.call("cpu", qm.MMc(0.5, 2))
    for row, again in (
        (qm.series(db, db, db), qm.repeat(3, db)),
        (qm.repeat(2, qm.repeat(3, db)), qm.repeat(6, db)),
    ):
        one, other = (qm.Pipeline(step).solve(0.5).latency for step in (row, again))
        assert one.quantile(0.99) == pytest.approx(other.quantile(0.99), rel=1e-9)
    # In a loop with another station a request is away for the time of that.
    loop = qm.Pipeline(qm.repeat(3, qm.series(db, cpu))).solve(1.0)
    row = qm.Pipeline(qm.series(db, cpu, db, cpu, db, cpu)).solve(1.0)
    assert loop.latency.quantile(0.99) == pytest.approx(row.latency.quantile(0.99), rel=1e-9)


def test_limits_of_the_share() -> None:
    assert share_of_variance(5, 0.0, 1.0) == pytest.approx(1.0)
    assert share_of_variance(5, 1e6, 0.9) == pytest.approx(0.2)
    assert share_of_variance(1, 0.5, 0.5) == 1.0
    few, many = (share_of_variance(n, 10.0 / n, 0.8) for n in (256, 257))
    assert many == pytest.approx(few, rel=0.03)  # Midpoints of a falling correlation.
    steps = np.linspace(0.0, 5.0, 40)
    assert (np.diff(share_of_variance(3, steps, 0.7)) <= 0).all()
    # At saturation and beyond a request finds the queue as it left it.
    r = qm.MMc(1.0).solve(np.array([0.0, 1.0, 2.0, np.nan]))
    assert r.wait is not None
    distribution = mean_of_visits(r, r.wait, 3)
    np.testing.assert_array_equal(distribution.mean, r.waiting_time)
