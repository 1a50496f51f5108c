"""Names are resolved from a cache with a life, or by asking."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.caches.policies import ttl
from qmodel.caches.resolvers import Resolvers
from qmodel.units import minute, ms
from qmodel.web import dns


def latency(step, rate=10.0):
    return qm.Pipeline(step).solve(rate).latency


def test_mean_by_hand():
    distribution = latency(dns(10 * ms, 100 * ms, hit_ratio=0.8, lookups=0.5))
    assert distribution.mean == pytest.approx(0.5 * (0.010 + 0.2 * 0.100))
    assert distribution.tail(0.0) == pytest.approx(0.5)
    assert distribution.quantile(0.6) == pytest.approx(0.010, rel=1e-12)


def test_hit_ratio_from_life_and_rate_is_one_miss_a_cycle():
    step = dns(0.0, 100 * ms, lookup_rate=1 / minute, ttl=5 * minute)
    assert latency(step).mean == pytest.approx(0.100 / 6)


def test_longer_life_never_hurts():
    lives = np.array([0.0, 1.0, 60.0, 3600.0, 86400.0])
    means = latency(dns(1 * ms, 50 * ms, lookup_rate=0.1, ttl=lives)).mean
    assert (np.diff(means) < 0).all()


def test_misses_load_the_authority():
    authority = qm.MMc(2 * ms)
    r = qm.Pipeline(dns(1 * ms, 9 * ms, hit_ratio=0.9, authority=authority)).solve(1000.0)
    assert r.stations["dns authority"].utilization == pytest.approx(0.2)
    assert r.max_rate == pytest.approx(5000.0)


def test_many_resolvers_take_their_rate_from_the_pipeline():
    clients = qm.caches.Zipf(1000, 1.0)
    step = dns(10 * ms, 100 * ms, hit_ratio=Resolvers(60.0), resolvers=clients, lookups=0.5)
    site = qm.Pipeline(step).replace({"dns.ttl": np.array([30.0, 60.0, 600.0])})
    r = site.solve(20.0)
    alone = Resolvers([30.0, 60.0, 600.0]).solve(clients, 10.0)
    assert r.caches["dns"].miss_rate == pytest.approx(alone.miss_rate, rel=1e-12)
    assert r.latency.mean == pytest.approx(0.5 * (0.01 + 0.1 * alone.miss_ratio))
    # The busier the site, the more look-ups are hits.
    busier = site.solve(200.0).caches["dns"]
    assert (busier.hit_ratio > alone.hit_ratio).all()
    assert (busier.miss_rate > alone.miss_rate).all()
    assert (busier.miss_rate < 10 * alone.miss_rate).all()


def test_an_authority_that_few_resolvers_cannot_overload():
    # A thousand resolvers ask once in a time to live at most, whatever the load.
    clients, authority = qm.caches.Zipf(1000, 0.0), qm.MMc(10 * ms)
    step = dns(
        1 * ms, 9 * ms, hit_ratio=Resolvers(60.0), resolvers=clients, authority=authority
    )
    r = qm.Pipeline(step).solve(1e6)
    assert r.stations["dns authority"].utilization == pytest.approx(1000 / 60 * 0.01, rel=1e-3)
    # Where hits round to all look-ups, digits are lost, not capacity.
    assert qm.Pipeline(step).max_rate > 1e12


def test_times_may_be_distributions():
    hit, miss = qm.Exponential(10 * ms), qm.Gamma(100 * ms, scv=2.0)
    distribution = latency(dns(hit, miss, hit_ratio=0.8))
    assert distribution.mean == pytest.approx(0.010 + 0.2 * 0.100)
    assert distribution.tail(0.3) == pytest.approx(
        0.8 * hit.tail(0.3) + 0.2 * qm.Sum((hit, miss)).tail(0.3), rel=1e-8
    )


def test_resolvers_come_with_their_caches():
    with pytest.raises(qm.ModelError, match="popularity must be a Popularity"):
        dns(1 * ms, 9 * ms, hit_ratio=Resolvers(60.0))
    with pytest.raises(qm.ModelError, match="popularity needs a cache"):
        dns(1 * ms, 9 * ms, hit_ratio=0.5, resolvers=qm.caches.Zipf(10))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"lookup_rate": 1.0},
        {"ttl": 1.0},
        {"hit_ratio": 0.5, "lookup_rate": 1.0, "ttl": 1.0},
    ],
)
def test_hit_ratio_is_said_once(given):
    with pytest.raises(qm.ModelError, match="either hit_ratio, or lookup_rate and ttl"):
        dns(1 * ms, 9 * ms, **given)


@pytest.mark.parametrize(
    ("rate", "life", "expected"), [(0.0, 9.0, 0.0), (1.0, 1.0, 0.5), (3.0, 3.0, 0.9)]
)
def test_ttl_hit_ratio(rate, life, expected):
    # Jung, Berger, Balakrishnan 2003: rate * T / (1 + rate * T).
    assert ttl.hit_ratio(rate, life) == pytest.approx(expected)


def test_ttl_against_a_simulated_entry():
    rng = np.random.default_rng(7)
    times = np.cumsum(rng.exponential(1 / 2.0, 200_000))
    expires, hits = -1.0, 0
    for t in times:
        if t < expires:
            hits += 1
        else:
            expires = t + 1.5
    assert hits / times.size == pytest.approx(ttl.hit_ratio(2.0, 1.5), abs=0.004)  # 4 sigma


def test_ttl_refuses_negative():
    with pytest.raises(qm.DomainError, match=r"ttl must be .* got -1"):
        ttl.hit_ratio(1.0, -1.0)
