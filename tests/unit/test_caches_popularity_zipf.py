"""Zipf's law on nodes, against the sums over all objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import Zipf
from qmodel.numerics.panels import integers
from qmodel.numerics.power_sums import power_sum

EXPONENTS = (0.0, 0.6, 0.9, 1.0, 1.1, 1.4, 2.5)


def direct(objects: int, exponent: float, shift: float = 0.0) -> Any:
    shares = (np.arange(1.0, objects + 1) + shift) ** -exponent
    return shares / shares.sum()


@pytest.mark.parametrize("objects", [1, 2, 64, 65, 130, 1000, 10**5, 10**6])
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_sums_over_the_catalogue(objects: int, exponent: float) -> None:
    shares, popularity = direct(objects, exponent), Zipf(objects, exponent)
    grid = popularity.grid
    assert grid.count.sum() == pytest.approx(objects, rel=1e-13)
    assert grid.over_requests(1.0 + 0 * grid.share) == pytest.approx(1.0, rel=1e-12)
    for time in (0.1 * objects, objects, 30.0 * objects):
        for g in (lambda x: -np.expm1(-x), lambda x: x / (1 + x), lambda x: x * np.exp(-x)):
            objects_in = g(shares * time).sum()
            assert grid.over_objects(g(grid.share * time)) == pytest.approx(
                objects_in, rel=1e-12
            )
            asked = (shares * g(shares * time)).sum()
            assert grid.over_requests(g(grid.share * time)) == pytest.approx(asked, rel=1e-12)


def test_mandelbrot_shift() -> None:
    shares, popularity = direct(10**4, 1.2, 7.5), Zipf(10**4, 1.2, shift=7.5)
    assert popularity.share_of(np.arange(1, 6)) == pytest.approx(shares[:5], rel=1e-13)
    assert popularity.most_popular(100).requests == pytest.approx(shares[:100].sum(), rel=1e-13)
    grid = popularity.grid
    assert grid.over_objects(np.exp(-grid.share * 1e3)) == pytest.approx(
        np.exp(-shares * 1e3).sum(), rel=1e-12
    )


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0])
def test_power_sums(exponent: float) -> None:
    import mpmath as mp

    for last in (1, 31, 33, 1000):
        exact = float(mp.nsum(lambda i: mp.mpf(i) ** -exponent, [1, last]))
        assert power_sum(exponent, 0.0, last) == pytest.approx(exact, rel=1e-14)
    assert power_sum(1.0, 0.0, 1e9) == pytest.approx(float(mp.harmonic(10**9)), rel=1e-14)


@pytest.mark.parametrize("last", [1, 64, 80, 81, 1000, 10**9])
def test_panels_sum_polynomials(last: int) -> None:
    nodes, weights = integers(last)
    assert (weights > 0).all()
    assert nodes.min() >= 1 - 1e-9
    assert nodes.max() <= last * (1 + 1e-9)
    n = float(last)
    assert weights @ nodes**3 == pytest.approx((n * (n + 1) / 2) ** 2, rel=1e-12)


@given(
    st.integers(1, 3000),
    st.floats(0.0, 2.5),
    st.floats(0.0, 1.0),
)
def test_the_most_popular(objects: int, exponent: float, part: float) -> None:
    shares, popularity = direct(objects, exponent), Zipf(objects, exponent, size=2.0)
    head = popularity.most_popular(part * objects * 2.0)
    whole = int(part * objects)
    rest = (part * objects - whole) * shares[min(whole, objects - 1)]
    assert head.requests == pytest.approx(shares[:whole].sum() + rest, rel=1e-12, abs=1e-15)
    assert head.objects == pytest.approx(part * objects, rel=1e-14)
    assert head.volume == pytest.approx(part * objects * 2.0, rel=1e-14)
    # The general method of all popularities finds the same.
    general = qm.caches.Popularity.most_popular(popularity, part * objects * 2.0)
    assert general.requests == pytest.approx(head.requests, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.3])
def test_above_is_the_inverse_of_share_of(exponent: float) -> None:
    popularity = Zipf(10**6, exponent)
    ranks = np.array([1.0, 2.0, 17.0, 1e3, 123456.0, 1e6])
    found = popularity.above(popularity.share_of(ranks)).objects
    assert found == pytest.approx(np.full(6, 1e6) if exponent == 0 else ranks)
    assert popularity.above(1.0).objects == 0


def test_shares_one_by_one() -> None:
    assert Zipf(50, 0.8).shares() == pytest.approx(direct(50, 0.8), rel=1e-14)
    several = Zipf([2, 3], [[0.5], [1.0]]).shares()
    assert several.shape == (2, 2, 3)
    assert several[1, 0] == pytest.approx([2 / 3, 1 / 3, 0.0])
    assert several.sum(axis=-1) == pytest.approx(np.ones((2, 2)))


def test_arrays_of_catalogues() -> None:
    several = Zipf([100, 10**6], [[0.6], [1.0]])
    assert several.volume == pytest.approx([100, 1e6])
    load = qm.caches.LRU(np.array([5.0, 50.0])[:, None, None]).solve(several)
    assert load.hit_ratio.shape == (2, 2, 2)
    for i, capacity in enumerate((5.0, 50.0)):
        for j, exponent in enumerate((0.6, 1.0)):
            for k, objects in enumerate((100, 10**6)):
                one = qm.caches.LRU(capacity).solve(Zipf(objects, exponent))
                assert load.hit_ratio[i, j, k] == pytest.approx(one.hit_ratio, rel=1e-12)


def test_nan_in_nan_out() -> None:
    load = qm.caches.LRU([10.0, np.nan]).solve(Zipf(100, [[0.8], [np.nan]]))
    assert (np.isnan(load.hit_ratio) == [[False, True], [True, True]]).all()
    head = Zipf(100, [0.8, np.nan]).most_popular([10.0, 10.0])
    assert (np.isnan(head.requests) == [False, True]).all()
    assert np.isnan(Zipf(100, 0.8).above(np.nan).objects)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (lambda: Zipf(0), "objects"), (lambda: Zipf(2.5), "objects"),
        (lambda: Zipf(10, -0.1), "exponent"), (lambda: Zipf(10, 1, shift=-1), "shift"),
        (lambda: Zipf(10, 1, size=0), "size"), (lambda: Zipf(10).share_of(0), "rank"),
        (lambda: Zipf(10).above(0.0), "share"), (lambda: Zipf(10).most_popular(-1), "volume"),
    ],
)  # fmt: skip
def test_impossible_parameters(bad: Any, named: str) -> None:
    with pytest.raises(qm.DomainError, match=named):
        bad()


@pytest.mark.parametrize("name", ["objects", "exponent", "shift", "size"])
def test_nothing_is_endless(name: str) -> None:
    with pytest.raises(qm.DomainError, match=f"{name} must be .*, got inf"):
        Zipf(**({"objects": 5} | {name: np.inf}))  # type: ignore[arg-type]


def test_there_is_no_such_rank() -> None:
    for rank in (0.5, 4, [1, 2, 7]):
        with pytest.raises(qm.DomainError, match="rank must be from 1 to 3, got"):
            Zipf(3).share_of(rank)
