"""The algebra of levels: a published stack, its inverse, symbols, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches.hierarchy.levels import answered_shares, hit_ratios


def test_all_that_is_left_is_a_ratio_of_one() -> None:
    ratios = [0.8125, 0.368694831282771, 1.0]
    assert max(hit_ratios(answered_shares(ratios)[:-1])) <= 1.0


def test_facebooks_photo_stack() -> None:
    # Huang et al. 2013: browser, edge, origin and backend.
    published = [0.655, 0.200, 0.046, 0.099]
    ratios = hit_ratios(published[:3])
    np.testing.assert_allclose(ratios, [0.655, 0.580, 0.317], atol=5e-4)
    np.testing.assert_allclose(answered_shares(ratios), published, atol=1e-12)


@given(st.lists(st.floats(0.0, 1.0), max_size=5))
def test_there_and_back(ratios: list[float]) -> None:
    shares = answered_shares(ratios)
    assert sum(shares) == pytest.approx(1.0)
    again = answered_shares(hit_ratios(shares[:-1]))
    np.testing.assert_allclose(again, shares, atol=1e-12)


def test_where_nothing_is_left() -> None:
    np.testing.assert_array_equal(hit_ratios([1.0, np.array([0.0, 0.0])])[1], [0.0, 0.0])
    assert answered_shares([]) == (1,)


def test_symbols() -> None:
    a, b = sp.symbols("a b", positive=True)
    shares = answered_shares([a, b])
    assert sp.simplify(sum(shares) - 1) == 0
    assert sp.simplify(hit_ratios(shares[:2])[1] - b) == 0


def test_refusals() -> None:
    with pytest.raises(qm.DomainError, match=r"answered must be at most 1, got 1\.2"):
        hit_ratios([0.6, 0.6])
    with pytest.raises(qm.DomainError, match="hit_ratios"):
        answered_shares([1.5])
