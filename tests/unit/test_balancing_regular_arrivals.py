"""A station whose requests come at gamma times."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.regular_arrivals import with_regular_arrivals


@pytest.mark.parametrize(
    "station",
    [
        qm.MMc(0.1, 2),
        qm.MGc(qm.Gamma(0.1, 2.0), 2),
        qm.MG1(qm.Gamma(0.1, 0.5)),
        qm.MG1PS(qm.Exponential(0.1)),
        qm.MGcPS(qm.Gamma(0.1, 4.0), 3),
    ],
    ids=lambda s: type(s).__name__,
)
def test_poisson_arrivals_are_the_station_itself(station: qm.Station):
    rate = 0.8 * station.max_rate
    found, own = with_regular_arrivals(station, 1.0, rate), station.solve(rate)
    assert found.response_time == pytest.approx(own.response_time, rel=1e-9)
    assert found.response.quantile(0.9) == pytest.approx(own.response.quantile(0.9), rel=1e-6)


def test_sharing_in_heavy_traffic_depends_on_both_scvs():
    # W is S / (1 - rho) times (ca2 + cs2) / (1 + cs2), as for the wait of a queue.
    for ca2, cs2 in ((0.2, 4.0), (0.5, 0.25), (0.05, 1.0)):
        distribution = qm.Exponential(1.0) if cs2 == 1 else qm.Gamma(1.0, cs2)
        r = with_regular_arrivals(qm.MG1PS(distribution), ca2, 1 - 1e-5)
        expected = 1e5 * (ca2 + cs2) / (1 + cs2)
        assert r.response_time == pytest.approx(expected, rel=1e-3)


def test_sharing_constant_service_waits_less_and_heavy_tails_wait_longest():
    distributions = [
        qm.Deterministic(1.0),
        qm.Gamma(1.0, 0.5),
        qm.Exponential(1.0),
        qm.Gamma(1.0, 9.0),
    ]
    distributions.append(qm.LogNormal(1.0, 1e6))
    times = [
        with_regular_arrivals(qm.MG1PS(distribution), 0.2, 0.8).response_time
        for distribution in distributions
    ]
    assert (np.diff(times) > 0).all()
    assert times[-1] < 5.0  # of Poisson arrivals


def test_the_distribution_under_sharing_has_the_mean():
    for distribution in (qm.Exponential(1.0), qm.Gamma(1.0, 0.3), qm.Gamma(1.0, 6.0)):
        r = with_regular_arrivals(qm.MGcPS(distribution, 3), [0.1, 0.5], np.array([1.5, 2.7]))
        assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)


def test_sharing_without_load_and_in_overload():
    r = with_regular_arrivals(
        qm.MGcPS(qm.Gamma(1.0, 2.0), 2), 0.2, np.array([0.0, 1e-9, 2.0, 9.0, np.nan])
    )
    assert r.response_time[:2] == pytest.approx([1.0, 1.0])
    assert np.isposinf(r.response_time[2:4]).all()
    assert np.isnan(r.response_time[4])
    assert r.number_in_system[0] == 0
