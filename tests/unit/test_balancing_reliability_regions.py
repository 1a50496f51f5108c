import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from qmodel.balancing.reliability.regions import (
    detour_after_loss,
    shares_after_loss,
    surviving_rate,
)
from qmodel.errors import DomainError, ModelError

NEAR = [[0.005, 0.08, 0.15], [0.08, 0.005, 0.09], [0.15, 0.09, 0.005]]


@st.composite
def weights(draw):
    w = np.array(draw(st.lists(st.floats(0.01, 1), min_size=2, max_size=8)))
    return w / w.sum()


@given(weights(), st.booleans(), st.integers(0, 2**32 - 1))
def test_all_users_are_served_by_the_others(w, nearest, seed):
    trips = np.random.default_rng(seed).random((w.size, w.size)) if nearest else None
    shares = shares_after_loss(w, round_trips=trips)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (np.diag(shares) == 0).all()
    others = ~np.eye(w.size, dtype=bool)
    assert (shares - w)[others].min() >= -1e-12


@given(weights(), st.floats(0.5, 0.999999))
def test_up_to_the_surviving_rate_no_region_overloads(w, part):
    rates = 100.0 + 900 * np.random.default_rng(w.size).random(w.size)
    shares = shares_after_loss(w)
    most = surviving_rate(rates, weights=w)
    assert (shares * most <= rates * (1 + 1e-12)).all()
    assert (shares * most / part > rates).any()


@pytest.mark.parametrize("n", [2, 3, 10])
def test_equal_regions(n):
    assert surviving_rate([100.0] * n, weights=[1 / n] * n) == pytest.approx(100 * (n - 1))
    ring = [[abs(i - j) for j in range(n)] for i in range(n)]
    assert surviving_rate([100.0] * n, weights=[1 / n] * n, round_trips=ring) == pytest.approx(
        50 * n
    )


def test_nearest():
    np.testing.assert_allclose(
        shares_after_loss([0.5, 0.3, 0.2], round_trips=NEAR),
        [[0, 0.8, 0.2], [0.8, 0, 0.2], [0.5, 0.5, 0]],
    )
    near, spread = (detour_after_loss([0.5, 0.3, 0.2], NEAR, nearest=x) for x in (True, False))
    np.testing.assert_allclose(near, [0.075, 0.075, 0.085])
    np.testing.assert_allclose(spread[0], (0.3 * 0.08 + 0.2 * 0.15) / 0.5 - 0.005)
    assert (near <= spread).all()


def test_weights_of_cells():
    first = np.array([0.2, 0.5])
    w = [first, 0.3, 0.7 - first]
    shares = shares_after_loss(w)
    assert shares.shape == (3, 3, 2)
    np.testing.assert_allclose(shares[..., 1], shares_after_loss([0.5, 0.3, 0.2]))
    rate = surviving_rate([10.0, 20.0, 30.0], weights=w, round_trips=NEAR)
    alone = surviving_rate([10.0, 20.0, 30.0], weights=[0.5, 0.3, 0.2], round_trips=NEAR)
    assert rate[1] == pytest.approx(alone)


def test_a_region_without_users_takes_nothing():
    assert surviving_rate([10.0, 10.0, 0.0], weights=[0.5, 0.5, 0.0]) == pytest.approx(10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shares_after_loss([0.5, 0.4]), "weights must be 1, got 0.9"),
        (lambda: shares_after_loss([1.0]), "at least two"),
        (lambda: shares_after_loss([1.0, 0.0]), "weights must be below 1"),
        (lambda: shares_after_loss([0.5, 0.5], round_trips=[[0, 1]]), "2 rows of 2"),
        (lambda: detour_after_loss([0.5, 0.5], [[0, -1], [1, 0]]), "round_trips must be"),
        (
            lambda: surviving_rate([1.0], weights=[0.5, 0.5]),
            "max_rates must be as many as weights, 2",
        ),
        (
            lambda: surviving_rate([1.0, -1.0], weights=[0.5, 0.5]),
            "max_rates must be a number >= 0",
        ),
    ],
)
def test_refused(call, words):
    with pytest.raises(DomainError, match=words):
        call()


def test_unknown_round_trips_leave_it_open_who_takes_over():
    trips = [[1, np.nan, 2], [1, 1, 2], [1, 2, 1]]
    shares = shares_after_loss([0.5, 0.3, 0.2], round_trips=trips)
    assert np.isnan(shares[0]).all()
    np.testing.assert_allclose(shares[1:], [[0.8, 0, 0.2], [0.7, 0.3, 0]])


def test_what_is_no_sequence_or_no_number():
    x = sp.Symbol("x", positive=True)
    with pytest.raises(DomainError, match="round_trips must be a sequence"):
        detour_after_loss([0.5, 0.5], None)
    for wrong in (
        lambda: shares_after_loss([x, 1 - x]),
        lambda: surviving_rate([1.0, x], weights=[0.5, 0.5]),
    ):
        with pytest.raises(ModelError, match="the loss of a region has no symbolic form"):
            wrong()
