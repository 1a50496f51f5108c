import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmodel.balancing.hashing.hash_ring import (
    ring_imbalance,
    ring_imbalance_quantile,
    ring_imbalance_tail,
    ring_shares,
    virtual_nodes_needed,
)
from qmodel.errors import DomainError


def rings(servers, points, runs, seed=3):
    """Shares of the servers on rings with points at random places, placed and cut."""
    rng = np.random.default_rng(seed)
    places = rng.random((runs, servers * points))
    order = places.argsort(axis=1)
    places = np.take_along_axis(places, order, axis=1)
    arcs = np.diff(places, axis=1, prepend=places[:, -1:] - 1)
    owner = order % servers + servers * np.arange(runs)[:, None]
    shares = np.bincount(owner.ravel(), arcs.ravel(), runs * servers)
    return shares.reshape(runs, servers)


@pytest.mark.parametrize(("servers", "points"), [(10, 1), (10, 20), (3, 5)])
def test_against_rings_that_are_built(servers, points):
    shares = np.sort(rings(servers, points, 20_000), axis=1)[:, ::-1]
    fullest = servers * shares[:, 0]
    error = 4 * fullest.std() / np.sqrt(fullest.size)
    assert abs(ring_imbalance(servers=servers, virtual_nodes=points) - fullest.mean()) < error
    mean = shares.mean(axis=0)
    np.testing.assert_allclose(ring_shares(servers, points), mean, rtol=0.04)
    capped = np.minimum(fullest, 1.25)
    got = ring_imbalance(servers=servers, virtual_nodes=points, bound=1.25)
    assert got == pytest.approx(capped.mean(), abs=4 * capped.std() / 140 + 1e-6)
    p = ring_imbalance_tail(1.5, servers=servers, virtual_nodes=points)
    assert p == pytest.approx((fullest > 1.5).mean(), abs=0.016)


def test_published_values():
    # E[max share] c for c = 100: simulation of random points, to three digits.
    got = ring_imbalance(servers=100, virtual_nodes=[1, 10, 100, 1000])
    np.testing.assert_allclose(got, [5.187, 1.97, 1.27, 1.08], rtol=5e-3)


def test_ten_endpoints_with_a_point_each():
    # zalando/skipper#1796: 94,086 of 100,000 requests at one of ten endpoints.
    assert ring_imbalance_tail(9.4086, servers=10, virtual_nodes=1) == pytest.approx(
        10 * 0.05914**9, rel=1e-9
    )
    assert ring_imbalance_quantile(0.99, servers=10, virtual_nodes=100) < 1.32


@given(st.integers(2, 100), st.integers(1, 10_000), st.floats(0.01, 0.99))
def test_more_points_are_more_even(servers, points, p):
    assert ring_imbalance(servers=servers, virtual_nodes=2 * points) < ring_imbalance(
        servers=servers, virtual_nodes=points
    )
    few = ring_imbalance_quantile(p, servers=servers, virtual_nodes=points)
    assert ring_imbalance_quantile(p, servers=servers, virtual_nodes=2 * points) < few * (
        1 + 1e-9
    )
    assert (
        1
        <= ring_imbalance_quantile(p, servers=servers, virtual_nodes=points, bound=1.25)
        <= min(few, 1.25)
    )


@given(st.integers(1, 60), st.integers(1, 10_000))
def test_shares_sum_to_one(servers, points):
    shares = ring_shares(servers, points)
    assert shares.sum() == pytest.approx(1, rel=1e-10)
    assert (np.diff(shares) <= 0).all()
    assert servers * shares[0] == pytest.approx(
        ring_imbalance(servers=servers, virtual_nodes=points), rel=1e-10
    )


@pytest.mark.thorough
@given(st.floats(1.02, 5), st.integers(2, 100), st.floats(0.1, 0.99))
def test_points_needed_are_the_least(imbalance, servers, p):
    v = virtual_nodes_needed(imbalance, servers=servers, p=p)
    assert ring_imbalance_quantile(p, servers=servers, virtual_nodes=v) <= imbalance * (
        1 + 1e-9
    )
    if v > 1:
        assert ring_imbalance_quantile(p, servers=servers, virtual_nodes=v - 1) > imbalance * (
            1 - 1e-9
        )


def test_one_server_is_even():
    assert ring_imbalance(servers=1, virtual_nodes=7) == pytest.approx(1)
    assert ring_imbalance_quantile(0.5, servers=1, virtual_nodes=7) == 1
    assert ring_shares(1) == pytest.approx([1])
    assert virtual_nodes_needed(1.1, servers=1) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ring_imbalance(servers=0), "servers must be a whole number >= 1, got 0"),
        (lambda: ring_imbalance(servers=3, virtual_nodes=0.5), "virtual_nodes must be"),
        (lambda: ring_imbalance(servers=3, bound=1), "bound must be a number > 1, got 1"),
        (lambda: ring_imbalance_quantile(1.5, servers=3), "p must be a probability"),
        (lambda: ring_imbalance_quantile(0.5, servers=3, bound=0.9), "bound must be"),
        (lambda: ring_imbalance_tail(-1, servers=3), "imbalance must be"),
        (lambda: ring_shares([3, 4]), "servers must be one number"),
        (
            lambda: virtual_nodes_needed(1.0, servers=3),
            "imbalance must be a number > 1, got 1.0",
        ),
        (lambda: virtual_nodes_needed(1.1, servers=3, p=1), "p must be below 1"),
    ],
)
def test_refused(call, words):
    with pytest.raises(DomainError, match=words):
        call()


def test_bounds_and_rings_of_any_shape():
    servers, points, bounds = np.array([[4], [10]]), np.array([1, 20]), np.array([1.1, 1.5])
    found = ring_imbalance(servers=servers, virtual_nodes=points, bound=bounds)
    alone = [
        [ring_imbalance(servers=c, virtual_nodes=v, bound=b) for v, b in ((1, 1.1), (20, 1.5))]
        for c in servers.ravel()
    ]
    assert found == pytest.approx(np.array(alone, dtype=float), rel=1e-12)
    assert (found <= bounds).all()
    # Of rings that are built, with no more than the bound on a server counted.
    shares = rings(4, 1, 20_000).max(axis=1) * 4
    assert found[0, 0] == pytest.approx(np.minimum(shares, 1.1).mean(), rel=2e-3)


def test_a_server_is_one_point_on_the_ring_unless_it_is_told() -> None:
    one = ring_imbalance_quantile(0.5, servers=10, virtual_nodes=1)
    assert ring_imbalance_quantile(0.5, servers=10) == one
