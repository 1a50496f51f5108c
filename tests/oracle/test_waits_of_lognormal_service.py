"""M/G/c and three stations in a row against figures of another program, as it printed them.

Simulations of 6 or 8 times 450,000 requests and more, by a program that shares no code with
the oracles here; service of mean 1, times in service times, with standard errors.
"""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.mgc_errors import WORST

# SCV, servers, load; p99 of the wait and its standard error, p99 of the response and its own.
LOGNORMAL = [
    (2, 2, 0.5, 5.720, 0.034, 8.794, 0.029),
    (2, 2, 0.8, 18.18, 0.13, 19.71, 0.12),
    (2, 4, 0.5, 1.861, 0.011, 6.816, 0.011),
    (2, 4, 0.8, 8.248, 0.066, 10.667, 0.070),
    (2, 16, 0.8, 1.447, 0.015, 6.763, 0.007),
    (2, 64, 0.95, 1.799, 0.045, 6.899, 0.007),
    (4, 2, 0.5, 9.701, 0.123, 13.332, 0.123),
    (4, 2, 0.8, 33.74, 0.43, 35.40, 0.42),
    (4, 4, 0.5, 2.785, 0.024, 8.935, 0.021),
    (4, 4, 0.8, 14.29, 0.19, 16.95, 0.18),
    (4, 4, 0.95, 63.2, 2.9, 64.5, 2.9),
    (4, 16, 0.8, 2.209, 0.022, 8.796, 0.011),
    (4, 16, 0.95, 14.45, 0.66, 17.06, 0.67),
    (4, 64, 0.95, 2.998, 0.152, 9.045, 0.028),
    (9, 2, 0.8, 77.7, 2.7, 79.4, 2.7),
    (9, 4, 0.5, 4.715, 0.069, 11.946, 0.050),
    (9, 4, 0.8, 30.96, 1.5, 33.92, 1.5),
    (9, 16, 0.8, 3.774, 0.078, 11.243, 0.037),
    (0.25, 4, 0.5, 0.8895, 0.0025, 2.8196, 0.0025),
    (0.25, 4, 0.8, 3.132, 0.015, 4.404, 0.015),
    (0.25, 4, 0.95, 13.57, 0.25, 14.62, 0.25),
    (0.25, 2, 0.5, 2.0855, 0.0034, 3.510, 0.0034),
    (0.25, 2, 0.8, 6.539, 0.037, 7.646, 0.037),
]


@pytest.mark.parametrize("scv", sorted({row[0] for row in LOGNORMAL}))
def test_waits(scv: float) -> None:
    """Within what labels say of such service, and two standard errors of the figures."""
    worst = WORST["SCV below 1" if scv < 1 else "SCV up to 4" if scv <= 4 else "SCV 9"]
    for _, servers, load, wait, its, response, own in (r for r in LOGNORMAL if r[0] == scv):
        r = qm.MGc(qm.LogNormal(1.0, scv), servers).solve(load * servers)
        assert r.wait is not None
        for name, found, expected, error in (
            ("p99", r.wait.quantile(0.99), wait, its),
            ("response_p99", r.response.quantile(0.99), response, own),
        ):
            within = worst[name] / 100 * expected + 2 * error
            assert abs(float(found) - expected) < within, (servers, load)


# SCV, servers, load; means of the three waits; p99 of the whole time and its standard error.
ROWS = [
    (4, 4, 0.7, (0.736, 0.825, 0.862), 21.61, 0.14),
    (4, 4, 0.85, (2.685, 3.226, 3.380), 42.2, 1.0),
    (4, 16, 0.85, (0.364, 0.391, 0.406), 17.64, 0.03),
    (4, 1, 0.7, (5.875, 7.335, 8.010), 102.6, 1.9),
    (2, 4, 0.8, (1.057, 1.151, 1.183), 19.58, 0.12),
    (0.25, 4, 0.85, (0.735, 0.463, 0.416), 10.04, 0.03),
]


@pytest.mark.parametrize(("scv", "servers", "load", "waits", "late", "error"), ROWS)
def test_three_stations_in_a_row(
    scv: float,
    servers: int,
    load: float,
    waits: tuple[float, float, float],
    late: float,
    error: float,
) -> None:
    """The mean within 5 %, p99 within 8 %, and what two standard errors explain."""
    station = qm.MGc(qm.LogNormal(1.0, scv), servers)
    path = qm.series(*(qm.call(name, station) for name in "abc"))
    latency = qm.Pipeline(path).solve(load * servers).latency
    assert float(latency.mean) == pytest.approx(3 + np.sum(waits), rel=0.05)
    assert abs(float(latency.quantile(0.99)) - late) < 0.08 * late + 2 * error
