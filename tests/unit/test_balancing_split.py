"""The best split over unequal sites, against its conditions and a general optimiser."""

import time
from functools import cache

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize

import qmodel as qm
from qmodel.balancing import (
    WeightedSplit,
    best_split,
    equal_time_split,
    price_of_anarchy,
    square_root_split,
)
from qmodel.errors import DomainError, ModelError

SPEEDS = (10.0, 6.0, 3.0, 1.0)
TIMES = [1 / mu for mu in SPEEDS]
SITES = [qm.MMc(s) for s in TIMES]
MIXED = [qm.MMc(0.05, 4), qm.MGc(qm.Gamma(0.05, 4.0), 2), qm.MG1(qm.Gamma(0.02, 0.5))]
TRIPS = (0.01, 0.05, 0.03)
RATES = (15.0, 90.0, 160.0)


def mean(shares, rate, sites=SITES, trips=None):
    trips = (0.0,) * len(sites) if trips is None else trips
    return sum(
        w * (site.solve(w * rate).response_time + d)
        for w, site, d in zip(shares, sites, trips, strict=True)
        if w > 0
    )


def mean_at(shares, rate, sites, trips):
    """Return the mean with each row of shares > 0."""
    return sum(
        w * (site.solve(w * rate).response_time + d)
        for w, site, d in zip(shares.T, sites, trips, strict=True)
    )


@cache
def best_at_rates():
    return np.array(best_split(np.array(RATES), MIXED, TRIPS))


def best_of_mixed(rate):
    return best_at_rates()[:, RATES.index(rate)]


def optimum(rate, sites, trips, start):
    """Return the least mean that a general optimiser finds from `start`."""
    total = sum(s.max_rate for s in sites)
    begin = 0.9 * np.asarray(start) + 0.1 * np.array([s.max_rate / total for s in sites])
    # The mean at the shares, and with a little more of each: one solution of all of them.
    step = 1.5e-8 * np.vstack([np.zeros(len(sites)), np.eye(len(sites))])

    def mean_and_slopes(w):
        values = mean_at(w + step, rate, sites, trips)
        return values[0], (values[1:] - values[0]) / 1.5e-8

    return minimize(
        mean_and_slopes,
        begin,
        jac=True,
        bounds=[(0.0, 0.9999 * s.max_rate / rate) for s in sites],
        constraints={"type": "eq", "fun": lambda w: sum(w) - 1},
        options={"ftol": 1e-14, "maxiter": 300},
    ).fun


def test_square_root_rule_of_the_literature():
    shares = square_root_split(9.0, TIMES)
    assert [9 * w for w in shares] == pytest.approx([5.694, 2.665, 0.641, 0.0], abs=5e-4)
    assert mean(shares, 9.0) == pytest.approx(0.26591, abs=5e-6)
    proportional = [mu / 20 for mu in SPEEDS]
    assert mean(proportional, 9.0) == pytest.approx(0.3636, abs=5e-5)


@pytest.mark.parametrize("rate", [1e-3, 2.0, 9.0, 11.66, 13.0, 19.0, 19.999])
def test_square_root_is_the_general_solution(rate: float):
    assert best_split(rate, SITES) == pytest.approx(square_root_split(rate, TIMES), abs=1e-12)


def test_slow_sites_are_used_from_their_threshold_on():
    for k, slow in enumerate(SPEEDS):
        faster = SPEEDS[:k]
        threshold = sum(np.sqrt(mu) * (np.sqrt(mu) - np.sqrt(slow)) for mu in faster)
        shares = square_root_split(
            np.array([threshold * 0.999, threshold * 1.001 + 1e-9]), TIMES
        )
        if k:
            assert shares[k][0] == 0
        assert shares[k][1] > 0


def test_equal_sites_share_equally_to_the_last_bit():
    assert square_root_split(1e-9, [0.1] * 4) == (0.25,) * 4
    shares = best_split(np.array([0.0, 1e-6, 7.0, 39.0, 50.0]), [qm.MMc(0.1)] * 4)
    assert np.array(shares) == pytest.approx(0.25, rel=1e-12)


def test_symbols():
    mu, lam = sp.symbols("mu lambda", positive=True)
    fast, slow = square_root_split(lam, [1 / (4 * mu), 1 / mu])
    assert sp.simplify(fast + slow) == 1
    at = {mu: 1, lam: sp.Rational(7, 2)}
    numeric = square_root_split(3.5, [0.25, 1.0])
    assert [float(x.subs(at)) for x in (fast, slow)] == pytest.approx(numeric, rel=1e-14)
    with pytest.raises(ModelError, match="best_split has no closed form for symbols"):
        best_split(lam, SITES)


@pytest.mark.thorough
@pytest.mark.parametrize("rate", RATES)
def test_no_optimiser_finds_better(rate: float):
    shares = best_of_mixed(rate)
    assert sum(shares) == pytest.approx(1, rel=1e-14)
    found = mean(shares, rate, MIXED, TRIPS)
    for start in (shares, (0.3, 0.5, 0.2)):
        assert found <= optimum(rate, MIXED, TRIPS, start) * (1 + 1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("rate", RATES)
def test_times_are_equal_where_selfish_requests_go(rate: float):
    shares = equal_time_split(rate, MIXED, TRIPS)
    times = [
        site.solve(w * rate).response_time + d
        for site, w, d in zip(MIXED, shares, TRIPS, strict=True)
    ]
    used = [t for t, w in zip(times, shares, strict=True) if w > 0]
    assert used == pytest.approx([used[0]] * len(used), rel=1e-9)
    assert min(times) >= used[0] * (1 - 1e-9)
    assert mean(shares, rate, MIXED, TRIPS) >= mean(best_of_mixed(rate), rate, MIXED, TRIPS)


def test_price_of_anarchy_on_two_servers_in_closed_form():
    # mu = 4 and 1 at rate 3.5: selfish requests leave the same room, 0.75, at both.
    selfish = (3.25 + 0.25) / 3.5 / 0.75
    shares = equal_time_split(3.5, [qm.MMc(0.25), qm.MMc(1.0)])
    assert [3.5 * w for w in shares] == pytest.approx([3.25, 0.25], rel=1e-10)
    best = mean(square_root_split(3.5, [0.25, 1.0]), 3.5, [qm.MMc(0.25), qm.MMc(1.0)])
    found = price_of_anarchy(3.5, [qm.MMc(0.25), qm.MMc(1.0)])
    assert found == pytest.approx(selfish / best, rel=1e-10)
    assert price_of_anarchy(np.array([3.5, 9.0]), [qm.MMc(0.25)] * 2)[0] == pytest.approx(1.0)
    assert np.isnan(price_of_anarchy(np.array([3.5, 9.0]), [qm.MMc(0.25)] * 2)[1])


def test_a_delay_takes_what_is_too_dear_elsewhere():
    # Marginal cost 0.1 / (1 - rho)^2 reaches 0.3 at 4.2265 requests a second, time at 20/3.
    sites = [qm.MMc(0.1), qm.Delay(0.3)]
    best = best_split(np.array([1.0, 5.0, 50.0]), sites)
    edge = 10 * (1 - np.sqrt(1 / 3))
    assert best[0] == pytest.approx([1.0, edge / 5, edge / 50], rel=1e-9)
    selfish = equal_time_split(np.array([1.0, 50.0]), sites)
    assert selfish[0] == pytest.approx([1.0, 20 / 3 / 50], rel=1e-9)


@pytest.mark.thorough
def test_large_sites_without_waiting():
    # Flat costs: the split jumps at one price, and is filled up there.
    big = [qm.MMc(0.1, 1000), qm.MMc(0.1, 1000), qm.MMc(0.2, 1000)]
    shares = np.array(best_split(np.array([100.0, 15000.0, 23000.0]), big))
    assert shares.sum(axis=0) == pytest.approx(1.0, rel=1e-14)
    assert shares[:, 0] == pytest.approx([0.5, 0.5, 0.0], abs=1e-9)
    assert shares[2, 2] > 0.1
    flat = [qm.MMc(0.1, 1000), qm.Delay(0.1 + 1e-12)]
    assert sum(best_split(np.array([100.0, 12000.0]), flat)) == pytest.approx(1.0, rel=1e-12)


def test_no_load_overload_and_nan():
    shares = np.array(best_split(np.array([0.0, 5.0, 20.0, 25.0, np.nan]), SITES))
    assert shares[:, 0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert shares[:, 2] == pytest.approx([0.5, 0.3, 0.15, 0.05])
    assert shares[:, 3] == pytest.approx([0.5, 0.3, 0.15, 0.05])
    assert np.isnan(shares[:, 4]).all()
    roots = np.array(square_root_split(np.array([0.0, 25.0, np.nan]), TIMES))
    assert roots[:, 0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert roots[:, 1] == pytest.approx([0.5, 0.3, 0.15, 0.05])
    assert np.isnan(roots[:, 2]).all()
    unknown = best_split(5.0, [qm.MMc(np.array([0.1, np.nan])), qm.MMc(0.2)])
    assert np.isnan(unknown[0][1])
    assert np.isfinite(unknown[0][0])


def test_arrays_of_everything_are_their_cells():
    times, trips, rates = (
        np.array([0.05, 0.1])[:, None],
        np.array([0.0, 0.02, 0.3]),
        np.array([3.0, 12.0, 25.0]),
    )
    sites = [qm.MMc(times, 2), qm.MMc(0.1)]
    together = best_split(rates, sites, [trips, 0.01])
    for i, s in enumerate((0.05, 0.1)):
        for j in range(3):
            cell = best_split(rates[j], [qm.MMc(s, 2), qm.MMc(0.1)], [trips[j], 0.01])
            assert [w[i, j] for w in together] == pytest.approx(cell, abs=1e-10)


@pytest.mark.thorough
def test_best_weights_make_the_best_station():
    rate = np.array([15.0, 90.0])
    best = WeightedSplit(MIXED, best_at_rates()[:, :2], TRIPS).solve(rate).response_time
    for shares in (equal_time_split(rate, MIXED, TRIPS), (0.3, 0.4, 0.3)):
        assert (WeightedSplit(MIXED, shares, TRIPS).solve(rate).response_time >= best).all()


def test_a_thousand_loads_at_once():
    started = time.process_time()
    best_split(np.linspace(0.1, 19.9, 1000), SITES)
    assert time.process_time() - started < 5.0  # 0.3 s; a loop over the cells takes 18 s


def test_bad_arguments():
    with pytest.raises(DomainError, match="service_times must not be empty"):
        square_root_split(1.0, [])
    with pytest.raises(DomainError, match=r"service_times must be a number > 0, got 0\.0"):
        square_root_split(1.0, [0.1, 0.0])
    for split in (best_split, equal_time_split, price_of_anarchy):
        with pytest.raises(DomainError, match=r"arrival_rate must be a number >= 0, got -1\.0"):
            split(-1.0, SITES)
        with pytest.raises(DomainError, match="stations must not be empty"):
            split(1.0, [])
        with pytest.raises(DomainError, match="delays must be as many as stations, 4, got 1"):
            split(1.0, SITES, [0.1])
        with pytest.raises(ModelError, match="MMcK loses requests"):
            split(1.0, [qm.MMcK(0.1, 2, 2)])
