"""Levels: exact where they are next to each other, of the means of the walk elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.transients.evolution import Neighbours, evolve
from qmodel.transients.levels import Levels, levels_for, rates_of


def test_single_numbers_keep_their_rates() -> None:
    levels = Levels(np.arange(5.0))
    up, down = levels.rates(np.full(5, 2.0), np.arange(5.0))
    assert up.tolist() == [2.0, 2.0, 2.0, 2.0, 0.0]
    assert down.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(("births", "deaths"), [(3.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 0.0)])
def test_wide_levels_have_the_drift_and_the_balance_of_the_walk(births, deaths) -> None:
    levels = Levels(np.array([0.0, 4.0, 10.0, 11.0]))
    up, down = levels.rates(np.full(4, births), np.full(4, deaths))
    assert up[1] * 6 - down[1] * 4 == pytest.approx(births - deaths)
    # The spread of the walk, or the least with which levels so far apart tell it.
    least = max(births + deaths, abs(births - deaths) * 10 / 8)
    assert up[1] * 36 + down[1] * 16 == pytest.approx(least)
    up, down = levels.rates(np.full(4, births), np.full(4, deaths), moving=False)
    assert up[1] * 6 - down[1] * 4 == pytest.approx(births - deaths)
    if births != deaths and deaths:
        # Gambler's ruin from 4 between 0 and 10.
        r = deaths / births
        assert up[1] / (up[1] + down[1]) == pytest.approx((1 - r**4) / (1 - r**10))
    assert (up >= 0).all()
    assert (down >= 0).all()
    assert up[-1] == down[0] == 0


def test_they_are_closest_where_servers_are_full() -> None:
    numbers = levels_for(10_000, 5e6).numbers
    gaps = np.diff(numbers)
    assert numbers[0] == 0
    assert numbers[-1] >= 5e6
    assert len(numbers) < 8000
    near = np.argmin(np.abs(numbers - 10_000))
    assert gaps[near] == gaps.min()
    assert (gaps[near:] <= np.maximum(gaps.min(), (numbers[near:-1] - 10_000) / 299)).all()
    assert levels_for(4, 100).numbers.tolist() == list(range(101))
    assert levels_for(4, 100, 7).numbers[-1] == 7


def test_mass_is_kept_and_a_constant_load_settles() -> None:
    levels = levels_for(3, 60)
    n = len(levels.numbers)
    rates = Neighbours(*levels.rates(np.full(n, 2.0), np.minimum(levels.numbers, 3.0)))
    p = np.zeros(n)
    p[20] = 1.0
    time = 0.0
    steps = evolve(lambda *t: [rates] * len(t), p, 0.0, 400.0, tolerance=1e-6, step=0.1)
    for time, p, _ in steps:  # noqa: B007
        assert p.sum() == pytest.approx(1.0, abs=1e-12)
    assert time == 400.0
    ratio = rates[0][:-1] / rates[1][1:]
    steady = np.concatenate([[1.0], np.cumprod(ratio)])
    assert p == pytest.approx(steady / steady.sum(), abs=1e-6)


def test_several_walks_are_as_one_by_one() -> None:
    levels = levels_for(8, 40_000)
    deaths = np.minimum(levels.numbers, 8.0)
    runs = levels.runs(deaths)
    births = np.array([[0.0], [7.9], [8.0], [8.1], [11.0]]) + 0 * runs.first
    assert len(runs.first) < len(deaths) / 3
    rise, fall = rates_of(runs, np.stack([births, deaths[runs.first] + 0 * births]))
    for i, rate in enumerate(births[:, 0]):
        up, down = levels.rates(np.full(len(deaths), rate), deaths)
        np.testing.assert_array_equal(rise[i], up)
        np.testing.assert_array_equal(fall[i], down)
        assert up[-1] == down[0] == 0
        # Level by level, as no run would have it.
        one = levels.runs(deaths, np.arange(len(deaths)))
        assert len(one.first) == len(deaths)
        alone = np.stack([np.full(len(deaths), rate), deaths])[:, None, one.first]
        np.testing.assert_allclose(rates_of(one, alone)[:, 0], [up, down], rtol=1e-13)


def test_nothing_leaves_the_first_level_of_a_part() -> None:
    part = Levels(np.array([500.0, 501.0, 502.0, 504.0]))
    up, down = part.rates(np.full(4, 3.0), np.full(4, 2.0))
    assert up[-1] == down[0] == 0
    assert (up[:-1] > 0).all()
    assert (down[1:] > 0).all()
