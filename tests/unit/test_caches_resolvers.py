"""Names of a site in the caches of many resolvers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import TTL, Zipf
from qmodel.caches.resolvers import Resolvers

CLIENTS = Zipf(500, 1.0)


def replayed(
    shares: np.ndarray, site: Resolvers, rate: float, names: int, seconds: float
) -> float:
    """Return the hit ratio of look-ups that are drawn one by one."""
    rng = np.random.default_rng(11)
    hits = total = 0
    for share in shares:
        number = rng.poisson(share * rate * seconds)
        times = np.sort(rng.uniform(0.0, seconds, number))
        negative = rng.random(number) < site.negative_share
        which = np.where(negative, rng.integers(1, names + 1, number), 0)
        expires = np.full(names + 1, -1.0)
        life = np.full(names + 1, site.negative_ttl)
        life[0] = site.ttl
        for t, name in zip(times, which, strict=True):
            if t < expires[name]:
                hits += 1
            else:
                expires[name] = t + life[name]
        total += number
    return hits / total


def test_against_look_ups_one_by_one() -> None:
    clients = Zipf(20, 1.0)
    site = Resolvers(30.0, negative_share=0.3, negative_ttl=10.0, negative_names=3)
    simulated = replayed(clients.shares(), site, 5.0, 3, 40_000.0)
    assert site.solve(clients, 5.0).hit_ratio == pytest.approx(simulated, abs=0.004)  # 4 sigma


@given(
    ttl=st.floats(0.001, 1e5),
    rate=st.floats(1e-3, 1e5),
    exponent=st.floats(0.0, 2.0),
    objects=st.integers(1, 10**6),
)
def test_without_negative_answers_it_is_one_cache_of_many_entries(
    ttl: float, rate: float, exponent: float, objects: int
) -> None:
    clients = Zipf(objects, exponent)
    r, same = Resolvers(ttl).solve(clients, rate), TTL(ttl).solve(clients, rate)
    for name in ("hit_ratio", "byte_hit_ratio", "miss_ratio", "occupancy"):
        assert getattr(r, name) == pytest.approx(getattr(same, name), rel=1e-12, abs=1e-15)
    assert r.basis["hit_ratio"] == "exact"


@given(
    share=st.floats(0.0, 1.0),
    names=st.integers(1, 1000),
    lives=st.tuples(st.floats(1e-6, 1e4), st.floats(0.0, 1e4)),
    rate=st.floats(0.01, 1e4),
)
def test_distributions_of_negative_answers(
    share: float, names: int, lives: tuple[float, float], rate: float
) -> None:
    site = Resolvers(lives[0], share, lives[1], names)
    r = site.solve(CLIENTS, rate)
    assert 0 <= r.hit_ratio <= 1
    assert r.hit_ratio + r.miss_ratio == pytest.approx(1.0)
    # Little's law for the entries: as many come in as misses, and stay for their age.
    assert r.occupancy == pytest.approx(r.miss_rate * r.eviction_age, rel=1e-9)
    of_each = (CLIENTS.shares() * r.hit_ratio_of(np.arange(1, 501))).sum()
    assert of_each == pytest.approx(r.hit_ratio, rel=1e-9, abs=1e-12)
    assert Resolvers(lives[0], share, lives[1], names + 1).solve(CLIENTS, rate).hit_ratio <= (
        r.hit_ratio + 1e-12
    )


def test_one_name_with_two_types_halves_the_rate_of_each() -> None:
    # Half of the look-ups are for a type that is not there, kept as long as the other.
    both = Resolvers(60.0, 0.5, 60.0).solve(CLIENTS, 20.0)
    assert both.hit_ratio == pytest.approx(TTL(60.0).solve(CLIENTS, 10.0).hit_ratio)


def test_made_up_names_are_never_kept() -> None:
    r = Resolvers(60.0, 0.4, 900.0, np.inf).solve(CLIENTS, 20.0)
    assert r.hit_ratio == pytest.approx(0.6 * TTL(60.0).solve(CLIENTS, 12.0).hit_ratio)
    many = Resolvers(60.0, 0.4, 900.0, 1e12).solve(CLIENTS, 20.0)
    assert r.occupancy == pytest.approx(many.occupancy, rel=1e-6)


def test_scenarios_broadcast_and_nan_stays() -> None:
    site = Resolvers(np.array([[30.0], [300.0]]), np.array([0.0, 0.2, np.nan]), 60.0)
    r = site.solve(CLIENTS, 20.0)
    assert r.hit_ratio.shape == (2, 3)
    assert r.hit_ratio[1, 1] == pytest.approx(
        Resolvers(300.0, 0.2, 60.0).solve(CLIENTS, 20.0).hit_ratio, rel=1e-14
    )
    assert np.isnan(r.hit_ratio[:, 2]).all()
    ends = Resolvers([1e-300, np.inf]).solve(CLIENTS, 1.0).hit_ratio
    assert ends == pytest.approx([0.0, 1.0])


def test_an_outage_against_simulated_ages() -> None:
    # One resolver, many times: cycles of a life and a gap until the outage begins.
    rng, rate, ttl, stale = np.random.default_rng(5), 0.05, 30.0, 40.0
    runs, begins = 200_000, 1000.0
    fetched = rng.exponential(1 / rate, runs)
    on = np.ones(runs, dtype=bool)
    while on.any():
        following = fetched + ttl + rng.exponential(1 / rate, runs)
        on &= following <= begins
        fetched = np.where(on, following, fetched)
    for time in (0.0, 10.0, 29.0, 45.0, 69.0, 75.0):
        for beyond in (0.0, stale):
            there = np.mean((fetched <= begins) & (begins + time - fetched < ttl + beyond))
            found = Resolvers(ttl).answered(Zipf(1), rate, time, stale=beyond)
            assert found == pytest.approx(there, abs=0.0045)  # 4 sigma


def test_an_outage_at_its_ends() -> None:
    site = Resolvers(300.0, 0.2, 60.0)
    hit = site.solve(CLIENTS, 5.0).hit_ratio
    assert site.answered(CLIENTS, 5.0, 0.0) == pytest.approx(hit, rel=1e-12)
    only = Resolvers(300.0)
    share = only.answered(CLIENTS, 5.0, [75.0, 300.0, 301.0])
    # Without stale answers it falls along a straight line to nothing.
    assert share[:1] == pytest.approx([0.75 * only.solve(CLIENTS, 5.0).hit_ratio])
    assert share[1:] == pytest.approx([0.0, 0.0], abs=1e-12)
    late = only.answered(CLIENTS, 5.0, np.linspace(0, 4000, 50), stale=3600.0)
    assert (np.diff(late) <= 0).all()
    assert late[-1] == 0
    assert np.isnan(only.answered(CLIENTS, 5.0, np.nan))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ttl": -1.0}, "ttl must be .* got -1"),
        ({"ttl": 1.0, "negative_ttl": -2.0}, "negative_ttl must be .* got -2"),
        ({"ttl": 1.0, "negative_share": 1.5}, "negative_share must be a probability"),
        ({"ttl": 1.0, "negative_names": 0.5}, "negative_names must be a number >= 1"),
    ],
)
def test_what_cannot_be(given: dict[str, float], message: str) -> None:
    with pytest.raises(qm.DomainError, match=message):
        Resolvers(**given)
