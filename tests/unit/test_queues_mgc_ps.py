"""M/G/c-PS: the means of M/M/c for any service distribution."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues import mgc_ps
from qmodel.queues.waits.shared_response import shared_response

H2 = balanced_hyperexponential(1.0, 4.0)


def test_mean_of_three_cores() -> None:
    """Three servers at 85 %: 2.623 for any distribution (theory, section 2.6)."""
    for service in (qm.Deterministic(1.0), H2, qm.Exponential(1.0)):
        r = qm.MGcPS(service, 3).solve(2.55)
        assert r.response_time == pytest.approx(2.623, abs=5e-4)
        assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)
    assert mgc_ps.response_time(2.55, 1.0, servers=3) == pytest.approx(2.623, abs=5e-4)


def test_wait_keeps_its_digits() -> None:
    """Not the difference of response and service, which would cancel at low load."""
    wait = qm.MGcPS(H2, 19).solve(0.25 * 19).waiting_time
    assert wait == qm.MMc(1.0, 19).solve(0.25 * 19).waiting_time


def test_larger_requests_take_longer_in_proportion() -> None:
    station = qm.MGcPS(qm.Exponential(1.0), 2)
    small, large = station.solve(
        [qm.Stream(0.8, qm.Deterministic(0.5)), qm.Stream(0.4, qm.Deterministic(2.0))]
    ).streams
    assert large.response_time == pytest.approx(4 * small.response_time, rel=1e-12)
    assert large.response.mean == pytest.approx(large.response_time, rel=1e-9)


def test_variance_of_one_server() -> None:
    """Exact for exponential service (Yashkov 1983), but for the cells of sizes: 0.5 %."""
    distribution = shared_response(0.8, qm.Exponential(1.0), 1, qm.Exponential(1.0))
    assert distribution.variance == pytest.approx(2.8 / 1.2 * 25, rel=5e-3)


def test_no_time_below_the_size() -> None:
    distribution = qm.MGcPS(qm.Deterministic(1.0), 2).solve(1.0).response
    assert distribution.tail(0.999) == pytest.approx(1.0)
    assert distribution.tail(1.001) < 1


def test_nan_stays_nan() -> None:
    distribution = qm.MGcPS(qm.Deterministic(1.0), 2).solve(np.array([1.0, np.nan])).response
    assert np.isnan(distribution.tail(0.5)[1])
    assert np.isnan(distribution.quantile(0.5)[1])


def test_a_hair_below_saturation() -> None:
    """Where the load rounds to 1 and the spare capacity does not to 0."""
    with np.errstate(all="raise"):
        r = qm.MGcPS(qm.Deterministic(1.5), 1).solve(np.array([0.3, 1 / 1.5]))
    assert np.isfinite(r.response_time).all()


def test_impossible_values() -> None:
    with pytest.raises(qm.DomainError, match=r"servers .* got 2.5"):
        qm.MGcPS(H2, 2.5)
    with pytest.raises(qm.ModelError, match="service"):
        qm.MGcPS(1.0, 2)


def test_sharing_that_never_happens_leaves_the_service() -> None:
    distribution = qm.MGcPS(qm.Deterministic(1.0), servers=np.array([[112], [136]])).solve(
        np.array([56.0, 3.5])
    )
    p90 = distribution.response.quantile(0.9)
    assert np.isfinite(p90).all()
    assert p90 == pytest.approx(1.0, rel=1e-6)


def test_an_infinite_second_moment_still_has_percentiles() -> None:
    r = qm.MGcPS(qm.Pareto(1.0, 1.8), servers=1).solve(0.5 / qm.Pareto(1.0, 1.8).mean)
    assert float(r.response_time) == pytest.approx(2.0 * qm.Pareto(1.0, 1.8).mean)
    assert 0 < float(r.response.quantile(0.5)) < float(r.response.quantile(0.99)) < np.inf


@pytest.mark.parametrize("servers", [2, 8, 32])
def test_percentiles_of_several_servers_are_near_the_exact_ones(servers: int) -> None:
    """Of exponential service, whose distribution the load-dependent station has exactly."""
    for load in (0.6, 0.85, 0.95):
        rate = load * servers
        found = qm.MGcPS(qm.Exponential(1.0), servers).solve(rate).response
        speeds = tuple(float(n) for n in range(1, servers + 1))
        exact = qm.LoadDependent(qm.Exponential(1.0), speeds).solve(rate).response
        p = [0.5, 0.95, 0.99, 0.999]
        assert found.quantile(p) == pytest.approx(exact.quantile(p), rel=0.03)


@pytest.mark.parametrize(
    ("service", "servers", "load", "percentiles"),
    [
        (qm.Deterministic(1.0), 2, 0.6, (1.236, 3.212, 4.661, 6.873)),
        (qm.Uniform(0.2, 1.8), 8, 0.6, (1.035, 1.785, 2.130, 2.866)),
        (qm.Uniform(0.2, 1.8), 8, 0.85, (1.302, 3.404, 5.115, 7.624)),
        (qm.Gamma(1.0, 0.25), 8, 0.85, (1.211, 3.408, 5.268, 8.194)),
    ],
)
def test_several_servers_remember_their_stretch(
    service: qm.Distribution, servers: int, load: float, percentiles: tuple[float, ...]
) -> None:
    """Simulated here: p50, p95, p99 and p99.9 of 400,000 requests, seed 11, within 0.2 to 3 %.

    With the memory of one server as fast, p99 was up to 17 % low and p99.9 22 %.
    """
    time = qm.MGcPS(service, servers).solve(load * servers).response
    assert time.quantile([0.5, 0.95, 0.99]) == pytest.approx(percentiles[:3], rel=0.04)
    assert float(time.quantile(0.999)) == pytest.approx(percentiles[3], rel=0.08)


def test_the_wait_of_a_stream_is_what_sharing_adds() -> None:
    short, long = qm.Exponential(0.010), qm.Deterministic(0.050)
    streams = [qm.Stream(60.0, short), qm.Stream(15.0, long)]
    r = qm.MGcPS(qm.Exponential(1.0), servers=2).solve(streams)
    stretch = r.response_time / (1.35 / 75.0)
    for stream, service in zip(r.streams, (short, long), strict=True):
        assert stream.response_time == pytest.approx(stretch * service.mean)
        assert stream.waiting_time == pytest.approx((stretch - 1) * service.mean)


@pytest.mark.parametrize("service", [qm.Gamma(1.0, 2.0), qm.Deterministic(1.0)])
def test_the_density_is_minus_the_slope_of_the_tail(service: qm.Distribution) -> None:
    response = qm.MG1PS(service).solve(0.7).response
    t, step = np.array([0.7, 1.3, 2.9, 8.0]), 1e-5
    slope = (response.tail(t - step) - response.tail(t + step)) / (2 * step)
    assert response.density(t) == pytest.approx(slope, rel=1e-5, abs=1e-9)
