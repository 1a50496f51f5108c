"""Several visits to one queue: simulated percentiles, and the limits of the correlation."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.waits.repeated_visits import alike, mean_of_visits

# Servers, load, visits, mean pause, what the variance of all visits is above that of their
# services over that of as many equal waits, from simulations of 8 million visits and more, and
# the p99 of all visits and pauses, of 400,000; each request comes as often; services take 1.
SIMULATED = [
    (1, 0.5, 2, 0.0, 0.827, 16.39),
    (1, 0.5, 8, 0.0, 0.626, 55.66),
    (1, 0.5, 4, 1.0, 0.623, 32.71),
    (1, 0.5, 4, 10.0, 0.428, 92.80),
    (1, 0.8, 2, 0.0, 0.934, 42.79),
    (1, 0.8, 8, 0.0, 0.818, 166.08),
    (1, 0.8, 4, 1.0, 0.826, 83.39),
    (1, 0.8, 4, 10.0, 0.705, 120.19),
    (1, 0.9, 4, 1.0, 0.880, 173.99),
    (1, 0.9, 4, 10.0, 0.869, 203.19),
    (4, 0.5, 2, 0.0, 0.875, 7.02),
    (4, 0.5, 8, 0.0, 0.621, 18.88),
    (4, 0.5, 4, 1.0, 0.552, 15.21),
    (4, 0.8, 2, 0.0, 0.893, 12.10),
    (4, 0.8, 8, 0.0, 0.831, 45.00),
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
    assert found.variance / r.wait.variance == pytest.approx(share, abs=0.1)


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


def exact(s: np.ndarray, visits: int, load: float) -> np.ndarray:
    """Return the transform of all visits of a request to M/M/1, a service taking 1.

    Who is ahead is served once in each visit, and whoever comes meanwhile is ahead in the next
    (van den Berg and Boxma 1991): a branching process, from the last visit backwards.
    """
    one, over = np.ones_like(s), []
    for _ in range(visits):
        over.append(1 / one)
        one = one / (1 + s + load / visits * (1 - one))
    ahead = one * sum(over) / visits
    return one * (1 - load) / (1 - load * ahead)


@pytest.mark.parametrize("load", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("visits", [2, 10, 200, 1000])
def test_one_server_exactly(visits: int, load: float) -> None:
    """The variance by Cauchy's formula, and the chance of twice and of five times the mean."""
    r = qm.MMc(1.0).solve(load)
    assert r.wait is not None
    turn = np.exp(2j * np.pi * np.arange(32) / 32)
    small = 1e-3 * (1 - load) ** 2 / visits
    values = exact(small * turn, visits, load)
    first, second = ((values * turn**-k).mean().real / small**k for k in (1, 2))
    assert -first == pytest.approx(visits / (1 - load), rel=1e-6)
    share = (2 * second - first**2 - visits) / (visits**2 * r.wait.variance)
    found = mean_of_visits(r, r.wait, visits)
    assert found.mean == pytest.approx(r.waiting_time)
    assert found.variance / r.wait.variance == pytest.approx(share, rel=0.02)
    latency = qm.Pipeline(qm.repeat(visits, qm.call("db", qm.MMc(1.0)))).solve(load / visits)
    for times in (1.0, 2.0, 4.0):
        t = times * visits / (1 - load)
        # Euler's sum of Abate and Whitt.
        k = np.arange(60)
        at = (18.4 + 2j * np.pi * k) / (2 * t)
        terms = ((1 - exact(at, visits, load)) / at).real * (-1.0) ** k * np.exp(9.2) / t
        terms[0] /= 2
        sums = np.cumsum(terms)[40:56]
        tail = (sums * [comb(15, j) for j in range(16)]).sum() / 2**15
        assert latency.latency.tail(t) == pytest.approx(tail, abs=0.012, rel=0.1)


def test_limits_of_the_correlation() -> None:
    assert alike(5, 0.0) == pytest.approx(1.0)
    assert alike(5, 1e6) == pytest.approx(0.0, abs=1e-6)
    few, many = (alike(n, 10.0 / n) for n in (256, 257))
    assert many == pytest.approx(few, rel=0.03)  # Midpoints of a falling correlation.
    steps = np.linspace(0.0, 5.0, 40)
    assert (np.diff(alike(3, steps)) <= 0).all()
    # At saturation and beyond a request finds the queue as it left it.
    r = qm.MMc(1.0).solve(np.array([0.0, 1.0, 2.0, np.nan]))
    assert r.wait is not None
    distribution = mean_of_visits(r, r.wait, 3)
    np.testing.assert_array_equal(distribution.mean, r.waiting_time)
