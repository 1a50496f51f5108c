"""The typical pipeline, and the sources of its figures."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.web.figures import FIGURES


@pytest.fixture(scope="module")
def site():
    return qm.web.typical_pipeline()


def test_every_part_is_there(site):
    parts = (
        "dns resolver, dns authority, tls, network, load balancer, gateway, monolith, cache, "
    )
    assert set((parts + "database").split(", ")) <= set(site.stations)


def test_every_figure_has_a_source():
    for name, figure in FIGURES.items():
        assert figure.value > 0, name
        assert figure.unit in {"s", "1/s", "-"}, name
        assert len(figure.source) >= 10, name


def test_mean_is_the_sum_over_the_stations(site):
    r = site.solve(np.array([1.0, 1000.0, 3000.0]))
    total = sum(r.visits[n] * s.time_here for n, s in r.stations.items())
    np.testing.assert_allclose(r.latency.mean, total, rtol=1e-12)
    assert (r.basis["mean"], r.basis["p99"]) == ("approximate", "approximate")
    free = qm.web.typical_pipeline(workers="free").solve(2000.0)
    assert (free.basis["mean"], free.basis["max_rate"]) == ("exact", "exact")


def test_workers_that_wait_are_missing_elsewhere(site):
    """Held, 64 workers serve what they can in 22 ms, not in the 19 ms of their own work."""
    free = qm.web.typical_pipeline(workers="free")
    assert free.max_rate == pytest.approx(64 / 0.019)
    data = free.solve(1.0).latency.mean - site.solve(1.0).latency.mean
    assert data == pytest.approx(0.0, abs=1e-9)
    held = site.solve(2000.0).stations["monolith"]
    assert site.max_rate == pytest.approx(64 / held.holding_time, rel=5e-3)
    with pytest.raises(qm.DomainError, match="workers must be 'held' or 'free'"):
        qm.web.typical_pipeline(workers="busy")


def test_bottleneck_moves_with_the_hit_ratio():
    site = qm.web.typical_pipeline(hit_ratio=np.array([0.0, 0.5, 0.9]))
    assert site.bottleneck.tolist() == ["database", "database", "monolith"]
    # Database: 10 connections of 9.1 ms, for 14 % writes and the misses of 86 % reads.
    np.testing.assert_allclose(
        site.max_rate[:2], 10 / 9.1e-3 / (0.14 + 0.86 * np.array([1, 0.5])), rtol=1e-3
    )


def test_rate_limit_keeps_the_site_up():
    guarded = qm.web.typical_pipeline(rate_limit=2500.0)
    r = guarded.solve(10_000.0)
    assert r.goodput == pytest.approx(2500.0, rel=1e-3)
    assert np.isfinite(r.latency.quantile(0.99))
    assert not np.isfinite(qm.web.typical_pipeline().solve(10_000.0).latency.quantile(0.99))


def test_services_have_as_many_servers_as_the_monolith():
    site, split = qm.web.typical_monolith(), qm.web.typical_microservices()
    services = ("front", "catalogue", "recommendations")
    working = ("front work", "catalogue", "recommendations")
    assert sum(split.stations[s].servers for s in working) == site.stations["monolith"].servers
    assert split.stations["front"].servers == site.stations["monolith"].servers
    free = qm.web.typical_microservices(workers="free")
    work = sum(free.stations[s].service_time for s in services)
    assert work == pytest.approx(site.stations["monolith work"].service.mean)
    assert work == pytest.approx(FIGURES["application_time"].value)
    # Pooling: split servers saturate no later.
    assert free.max_rate <= qm.web.typical_monolith(workers="free").max_rate


def test_sentence(site):
    assert "monolith saturates first, at 2904/s" in str(site.solve(2000.0))
    assert "overloaded: monolith saturates at 2904/s" in str(site.solve(4000.0))
