"""Service that few phases miss: simulated waits of Pareto service, and what is added."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.phases.refined import refined


def bounded(shape: float, most: float) -> qm.Distribution:
    """Return a Pareto distribution of mean 1, to so many times its least."""
    least = 1 / float(qm.Pareto(1.0, shape, most).mean)
    return qm.Pareto(least, shape, most * least)


# Shape, most over least, servers, load; P(wait), mean wait, its p95 and p99, and p99 of the
# response: 10 to 120 million simulated requests, with standard errors up to 2 %.
SIMULATED = [
    (1.5, 10, 8, 0.7, 0.26477, 0.085401, 0.52295, 1.0281, 4.0549),
    (1.5, 1e4, 16, 0.7, 0.13556, 0.03961, 0.2198, 0.8158, 7.337),
    (1.8, 1e4, 4, 0.7, 0.43408, 0.60404, 2.6869, 8.1361, 11.286),
    (1.8, 1e4, 8, 0.7, 0.27344, 0.13152, 0.71522, 1.8979, 6.2193),
    (1.9, 100, 2, 0.9, 0.85304, 5.3967, 20.381, 33.659, 34.952),
    (1.9, 100, 16, 0.7, 0.12806, 0.023097, 0.16746, 0.44507, 5.4183),
    (2.2, 1e4, 4, 0.5, 0.17151, 0.070180, 0.47016, 1.1346, 4.5875),
    (2.2, 1e4, 16, 0.9, 0.58714, 0.34239, 1.4862, 2.8288, 5.4125),
    (2.5, 100, 8, 0.7, 0.26286, 0.081726, 0.49164, 0.99028, 3.9142),
    (2.5, 1e4, 2, 0.5, 0.33032, 0.25794, 1.3251, 2.9541, 5.1274),
    (2.5, 1e4, 8, 0.9, 0.69447, 0.70731, 2.7405, 4.9609, 6.6981),
    (3.0, 1e3, 4, 0.7, 0.41809, 0.23447, 1.1281, 2.0535, 3.8412),
]


@pytest.mark.thorough
@pytest.mark.parametrize("case", SIMULATED, ids=lambda case: " ".join(map(str, case[:4])))
def test_simulated_waits(case: tuple[float, ...]) -> None:
    """Percentiles within 6 %, the mean 7 %, P(wait) 2 % and p99 of the response 3 %."""
    shape, most, servers, load, waits, wait, p95, p99, response = case
    r = qm.MGc(bounded(shape, most), servers).solve(load * servers)
    assert r.wait is not None
    assert r.wait.tail(0.0) == pytest.approx(waits, rel=0.02)
    assert r.waiting_time == pytest.approx(wait, rel=0.07)
    found = [r.wait.quantile(0.95), r.wait.quantile(0.99)]
    assert found == pytest.approx([p95, p99], rel=0.06)
    assert r.response.quantile(0.99) == pytest.approx(response, rel=0.03)
    assert "fitted-phases" in r.basis.assumptions("p99")
    assert ("from-fewer-servers" in r.basis.assumptions("p99")) == (servers > 8)


def test_a_tail_falls_and_the_number_is_a_distribution() -> None:
    times = np.geomspace(1e-3, 1e5, 400)[:, None, None]
    servers, loads = np.array([[2], [3], [5], [8]]), np.array([0.3, 0.6, 0.9])
    r = qm.MGc(bounded(1.8, 1e4), servers).solve(loads * servers)
    assert r.wait is not None
    tail = np.asarray(r.wait.tail(times))
    assert ((tail >= 0) & (tail <= 1)).all()
    assert (np.diff(tail, axis=0) <= 1e-4).all()
    below = sum(np.where(n < servers, r.number.probability(n), 0.0) for n in range(8))
    assert below + r.wait.tail(0.0) == pytest.approx(np.ones((4, 3)), abs=1e-9)
    assert (np.diff(np.asarray(r.waiting_time), axis=1) > 0).all()


def test_on_two_servers_nothing_is_added() -> None:
    fits = refined(bounded(1.8, 1e4))
    assert fits is not None
    load = np.array([0.5, 0.9])
    assert [fits.queue(c).service.initial.size for c in (2, 3, 4, 5, 8, 64)] == [
        10, 6, 6, 4, 4, 4,
    ]  # fmt: skip
    blend = fits.waits(fits.queue(2), 2, load)
    assert fits.added(blend, 2, load) is blend
    more = fits.waits(fits.queue(4), 4, load)
    assert (fits.added(more, 4, load).tails.means < more.tails.means).all()


def test_what_more_phases_change_is_that_at_the_load_as_near_saturation() -> None:
    """Of two servers instead of four, as many standard deviations below all busy."""
    fits = refined(bounded(1.8, 1e4))
    assert fits is not None
    load = np.array([0.5, 0.9])
    like = 1 - (1 - load) * np.sqrt(4 / 2)
    four = fits.waits(fits.queue(4), 4, load)
    fine, coarse = (fits.waits(fits.queue(c), 2, like) for c in (2, 4))
    added = fits.added(four, 4, load)
    assert added.ratio - four.ratio == pytest.approx(fine.ratio - coarse.ratio, rel=1e-9)
    mean = added.ratio * added.tails.means
    parts = [x.ratio * x.tails.means for x in (four, fine, coarse)]
    assert mean == pytest.approx(parts[0] + parts[1] - parts[2], rel=1e-9)


def test_fits_are_in_mean_services() -> None:
    one, small = (refined(qm.Pareto(least, 1.8, 1e4 * least)) for least in (0.5, 5e-4))
    assert one is not None
    assert small is not None
    for fit, same in zip(one.services, small.services, strict=True):
        assert (fit.mean, same.mean) == pytest.approx((1.0, 1.0))
        assert same.scv == pytest.approx(fit.scv, rel=1e-3)


def test_service_that_such_phases_miss_is_left_alone() -> None:
    two = qm.Mixture((0.9, 0.1), (qm.Deterministic(0.5), qm.Deterministic(5.5)))
    for service in (qm.Uniform(0.0, 2.0), qm.LogNormal(1.0, 0.1), two):
        assert refined(service) is None


@pytest.mark.parametrize("servers", [4, 6, pytest.param(16, marks=pytest.mark.slow)])
def test_many_loads_are_as_each_by_itself(servers: int) -> None:
    station = qm.MGc(bounded(1.5, 1e3), servers)
    loads = np.linspace(0.3, 0.97, 40) * servers
    many, few = station.solve(loads), station.solve(loads[::13])
    assert many.wait is not None
    assert few.wait is not None
    assert many.waiting_time[::13] == pytest.approx(few.waiting_time, rel=1e-3)
    for p in (0.9, 0.99, 0.999):
        found, each = many.wait.quantile(p), few.wait.quantile(p)
        assert found[::13] == pytest.approx(each, rel=2e-3)
