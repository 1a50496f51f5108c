"""M/M/c: sourced numbers, its distribution at the removable singularity, refusals."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import qmodel as qm
from qmodel.queues import mmc


def test_books() -> None:
    """Gross and Harris, 2nd ed., examples 2.1 and 2.2; Sixto, example 10.9."""
    assert qm.MMc(1 / 6).solve(5.0).queue_length == pytest.approx(25 / 6)
    three = qm.MMc(1 / 3, servers=3).solve(6.0)
    assert three.waiting_time == pytest.approx(4 / 27)
    assert three.response_time == pytest.approx(13 / 27)
    assert three.queue_length == pytest.approx(8 / 9)
    assert three.wait.atom == pytest.approx(5 / 9)
    assert qm.MMc(0.1, servers=2).solve(5.0).waiting_time == pytest.approx(1 / 150)


def test_tail_where_service_and_drain_are_equally_fast() -> None:
    """M/M/2 at 50 %: mu = theta, where the usual formula is 0/0 (mpmath)."""
    assert qm.MMc(1.0, 2).solve(1.0).response.tail(2.0) == pytest.approx(
        0.225558805394354, rel=1e-13
    )
    near = qm.MMc(1.0, 2).solve(1.0 + 1e-9).response.tail(2.0)
    assert near == pytest.approx(0.225558805394354, rel=1e-8)


def test_percentiles_of_m_m_3() -> None:
    """80 % load, from mpmath."""
    r = qm.MMc(1.0, 3).solve(2.4)
    assert r.response.quantile(0.99) == pytest.approx(8.45547736542294, rel=1e-10)
    assert r.wait.quantile(0.99) == pytest.approx(6.950093973263, rel=1e-10)
    assert r.response.tail(3.0) == pytest.approx(0.236682597119954, rel=1e-12)


def test_digits_near_saturation() -> None:
    """The wait of M/M/1 is rho S / (1 - rho); forming 1 - rho from the product loses it."""
    from fractions import Fraction

    for rate, time in ((3.0, 0.333333333333), (999.9999999, 0.001), (0.7, 1.42857142857)):
        rho = Fraction(rate) * Fraction(time)
        exact = float(rho * Fraction(time) / (1 - rho))
        assert mmc.waiting_time(rate, time) == pytest.approx(exact, rel=1e-13)


def test_waiting_tail() -> None:
    assert mmc.waiting_tail(9.0, 0.2, servers=2, t=0.0) == pytest.approx(
        qm.erlang_c(servers=2, offered_load=1.8)
    )
    assert mmc.waiting_tail(5.0, 1 / 6, t=1.0) == pytest.approx(5 / 6 * np.exp(-1))
    np.testing.assert_array_equal(mmc.waiting_tail(11.0, 0.2, servers=2, t=[0.0, 3.0]), [1, 1])


def test_moments_of_the_distributions() -> None:
    r = qm.MMc(1.0).solve(0.8)
    assert r.response.variance == pytest.approx(25.0)
    assert r.response.third_cumulant == pytest.approx(250.0)
    assert r.wait.variance == pytest.approx(24.0)
    assert r.wait.third_cumulant == pytest.approx(250.0 - 2.0)


def test_density_is_the_slope_of_the_tail() -> None:
    distribution = qm.MMc(1.0, 3).solve(2.4).response
    t, h = np.array([0.1, 1.0, 5.0]), 1e-5
    np.testing.assert_allclose(
        distribution.density(t),
        (distribution.tail(t - h) - distribution.tail(t + h)) / (2 * h),
        rtol=1e-7,
    )
    assert distribution.density(-1.0) == 0


def test_serving_another_distribution() -> None:
    assert isinstance(qm.MMc(0.1, 3).serving(qm.Exponential(0.2)), qm.MMc)
    general = qm.MMc(0.1, 3).serving(qm.Gamma(0.2, 0.5))
    assert isinstance(general, qm.MGc)
    assert general.servers == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 0.2, 2), r"arrival_rate must be a number >= 0, got -1"),
        (([1.0, -3.0], 0.2, 2), r"arrival_rate .* got -3"),
        ((1.0, 0.0, 2), r"service_time must be a number > 0, got 0"),
        ((1.0, 0.2, -2.5), r"servers must be a number > 0, got -2.5"),
        ((1.0, 0.2, 0), r"servers .* got 0"),
        ((1.0, "fast", 2), r"service_time .* got 'fast'"),
    ],
)
def test_impossible_values(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(qm.DomainError, match=message):
        mmc.waiting_time(*arguments[:2], servers=arguments[2])


@pytest.mark.parametrize("servers", [0.3, 1.0, 2.5, 7.75, 63.9, 64.1, 400.6])
@pytest.mark.parametrize("load", [0.05, 0.6, 0.97])
def test_a_size_between_whole_numbers(servers: float, load: float) -> None:
    """Jagerman's integral 1 / C = a int t (1 + t)^(c - 1) exp(-a t) dt, in 30 digits."""
    with mp.workdps(30):
        c = mp.mpf(servers)
        a = mp.mpf(load * servers)
        peak = max(servers / float(a) - 1, 1.0)
        odds = a * mp.quad(
            lambda t: t * mp.exp((c - 1) * mp.log1p(t) - a * t),
            [0, peak / 4, peak / 2, peak, 2 * peak, 4 * peak, 16 * peak, mp.inf],
        )
        probability, spare = 1 / odds, c - a
        wait, tail = probability * 2 / spare, probability * mp.exp(-spare / 2)
    rate = load * servers / 2.0
    if probability > 1e-280:
        assert mmc.waiting_time(rate, 2.0, servers=servers) == pytest.approx(
            float(wait), rel=1e-11
        )
        here = mmc.waiting_tail(rate, 2.0, servers=servers, t=1.0)
        assert here == pytest.approx(float(tail), rel=1e-11)
    whole = mmc.waiting_time(rate, 2.0, servers=np.array([servers, servers]))
    np.testing.assert_allclose(whole, mmc.waiting_time(rate, 2.0, servers=servers), rtol=1e-13)


def test_a_station_refuses_at_construction() -> None:
    for servers in (2.5, True, [1, 2.5]):
        with pytest.raises(qm.DomainError, match=r"servers .* got (2.5|True)"):
            qm.MMc(0.2, servers=servers)
    with pytest.raises(qm.DomainError, match="service_time"):
        qm.MMc(-0.2)
    with pytest.raises(qm.DomainError, match="arrival_rate"):
        qm.MMc(0.2).solve(-1.0)
    with pytest.raises(TypeError):
        qm.MMc()


def test_nan_is_no_error() -> None:
    assert np.isnan(qm.MMc(np.nan).solve(1.0).waiting_time)
    assert np.isnan(qm.MMc(0.2).solve(np.nan).response.quantile(0.5))


@pytest.mark.parametrize(
    ("servers", "load"), [(1, 0.7), (3, 0.9), (10, 0.8), (40, 0.95), (9, 0.01)]
)
def test_states_are_those_of_the_truncated_chain(servers: int, load: float) -> None:
    from qmodel.queues.birth_death import state_probabilities

    n = np.arange(3000)
    p = state_probabilities(
        np.full(2999, load * servers), np.minimum(np.arange(1.0, 3000), servers)
    )
    stations = (
        qm.MMc(0.1, servers),
        qm.MGcPS(qm.Gamma(0.1, 3.0), servers),
        *((qm.MG1PS(qm.Gamma(0.1, 3.0)),) if servers == 1 else ()),
    )
    for station in stations:
        number = station.solve(load * servers / 0.1).number
        np.testing.assert_allclose(number.probability(n[:200]), p[:200], rtol=1e-11)
        tails = p[::-1].cumsum()[::-1] - p
        np.testing.assert_allclose(number.tail(n[:200]), tails[:200], rtol=1e-10, atol=1e-15)
        assert number.mean == pytest.approx(p @ n, rel=1e-12)
        assert number.variance == pytest.approx(p @ (n - p @ n) ** 2, rel=1e-11)


def test_states_at_the_edges() -> None:
    r = qm.MMc(1.0, 3).solve(np.array([0.0, 2.4, 3.0, 5.0, np.nan]))
    np.testing.assert_array_equal(r.number.mean[[0, 2, 3]], [0, np.inf, np.inf])
    np.testing.assert_array_equal(r.number.variance[[0, 2, 3]], [0, np.inf, np.inf])
    np.testing.assert_array_equal(r.number.probability(0)[[0, 2, 3]], [1, 0, 0])
    np.testing.assert_array_equal(r.number.tail(4)[[0, 2, 3]], [0, 1, 1])
    np.testing.assert_array_equal(r.number.tail(-1)[:4], 1)
    for distribution in (r.number.probability(1), r.number.tail(1), r.number.variance):
        assert np.isnan(distribution[4])
    assert r.number.mean[1] == pytest.approx(r.number_in_system[1], rel=1e-14)
    assert r.number.probability(0)[1] == pytest.approx(0.0561797752808989, rel=1e-13)
    one = qm.MMc(1.0, 3).solve(2.4).number
    n = np.arange(8)
    column = r.number.probability(n[:, None])[:, 1]
    np.testing.assert_array_equal(column, one.probability(n))
    # Neither a million servers nor the last 1e-9 of load cost digits.
    big = qm.MMc(1.0, 10**6).solve(1e6 - 1e-3).number
    assert big.tail(10**6 - 1) == pytest.approx(
        qm.erlang_c(servers=10**6, offered_load=1e6 - 1e-3), rel=1e-12
    )
    assert big.mean == pytest.approx(1e6 + 1e9, rel=1e-2)
    assert r.basis["number"] == "exact"


def test_states_of_a_delay_are_poisson() -> None:
    number = qm.Delay(0.5).solve(4.0).number
    assert (number.mean, number.variance) == (2.0, 2.0)
    assert number.probability(0) == pytest.approx(np.exp(-2.0))


def test_one_server_unless_more_are_said() -> None:
    assert mmc.waiting_time(50.0, 0.010) == pytest.approx(0.010)
    assert mmc.waiting_tail(50.0, 0.010, t=0.020) == pytest.approx(0.5 * np.exp(-1))
    assert qm.MMc(0.010).servers == 1
