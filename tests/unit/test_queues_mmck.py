"""M/M/c/K: against the chain, closed forms at 60 digits, and published figures."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy.linalg import expm
from scipy.special import gammaincc

from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import Stream
from qmodel.queues.birth_death import state_probabilities
from qmodel.queues.mmc import MMc
from qmodel.queues.mmck import MMcK, loss_probability, queue_length, waiting_time

# servers, places, load: light, at saturation and beside it, theta = mu, overload.
CASES = [
    (1, 1, 0.5),
    (1, 6, 0.2),
    (1, 40, 1.0),
    (1, 40, 1.6),
    (2, 5, 0.5),
    (3, 3, 2.0),
    (3, 12, 2 / 3),
    (3, 12, 2 / 3 + 1e-9),
    (5, 30, 1 + 1e-10),
    (5, 30, 0.93),
    (20, 60, 1.3),
    (20, 22, 0.945),  # theta near mu, but not at it
]


def chain(servers, capacity, load, mu=1.0):
    a = load * servers * mu
    return state_probabilities(
        np.full(capacity, a), mu * np.minimum(np.arange(1, capacity + 1), servers)
    )


@pytest.mark.parametrize(("c", "k", "load"), CASES)
def test_means_and_states_are_those_of_the_chain(c, k, load):
    p, n = chain(c, k, load), np.arange(k + 1)
    r = MMcK(1.0, c, k).solve(load * c)
    assert r.loss == pytest.approx(p[-1], rel=1e-12, abs=0)
    assert r.number_in_system == pytest.approx(p @ n, rel=1e-12)
    assert r.queue_length == pytest.approx(p @ np.maximum(n - c, 0), rel=1e-12)
    assert r.utilization == pytest.approx(p @ np.minimum(n, c) / c, rel=1e-12)
    np.testing.assert_allclose(r.number.probability(n), p, rtol=1e-11)
    np.testing.assert_allclose(r.number.tail(n[:-1]), p[::-1].cumsum()[-2::-1], rtol=1e-11)
    assert r.number.tail(k) == 0.0
    assert r.number.probability(k + 1) == 0.0
    assert r.number.mean == pytest.approx(p @ n, rel=1e-12)
    assert r.number.variance == pytest.approx(p @ (n - p @ n) ** 2, rel=1e-11)


@pytest.mark.parametrize(("c", "k", "load"), CASES)
def test_distributions_are_those_of_a_tagged_request(c, k, load):
    """Absorption times of the phases ahead of an accepted request, by matrix exponentials."""
    p = chain(c, k, load)
    found = p[:-1] / p[:-1].sum()
    phases = k - c + 1  # 0: in service; j: j departures at rate c before
    q = np.zeros((phases, phases))
    for j in range(1, phases):
        q[j, j], q[j, j - 1] = -c, c
    start = np.concatenate([[found[:c].sum()], found[c:]])
    q_wait = q[1:, 1:]
    q[0, 0] = -1.0
    r = MMcK(1.0, c, k).solve(load * c)
    for t in (0.0, 0.05, 0.7, 3.0, 9.0):
        wait = (start[1:] @ expm(q_wait * t)).sum() if phases > 1 else 0.0
        assert r.wait.tail(t) == pytest.approx(wait, rel=1e-10, abs=1e-14)
        assert r.response.tail(t) == pytest.approx((start @ expm(q * t)).sum(), rel=1e-10)
    inverse = np.linalg.inv(-q)
    mean, square = start @ inverse.sum(axis=1), 2 * start @ (inverse @ inverse).sum(axis=1)
    assert r.response_time == pytest.approx(mean, rel=1e-11)
    assert r.response.mean == pytest.approx(mean, rel=1e-11)
    assert r.response.variance == pytest.approx(square - mean**2, rel=1e-10)
    assert r.wait.mean == pytest.approx(r.waiting_time, rel=1e-12, abs=0)
    third = 6 * start @ np.linalg.matrix_power(inverse, 3).sum(axis=1)
    third += 2 * mean**3 - 3 * mean * square
    assert r.response.third_cumulant == pytest.approx(third, rel=1e-7)


@pytest.mark.parametrize(("c", "k", "load"), CASES)
def test_faces_of_the_distributions_agree(c, k, load):
    r = MMcK(0.1, c, k).solve(load * c / 0.1)
    for distribution in (r.wait, r.response):
        assert distribution.tail(-1.0) == 1.0
        assert distribution.tail(0.0) == pytest.approx(
            1 - distribution.atom, rel=1e-12, abs=1e-15
        )
        assert distribution.laplace(0.0) == pytest.approx(1.0, rel=1e-13)
        t, h = 0.03, 1e-5
        slope = (distribution.tail(t - h) - distribution.tail(t + h)) / (2 * h)
        assert distribution.density(t) == pytest.approx(slope, rel=1e-5, abs=1e-8)
        p = np.array([0.3, 0.9, 0.999])
        beyond = distribution.tail(distribution.quantile(p))
        at_zero = distribution.quantile(p) == 0
        np.testing.assert_allclose(beyond[~at_zero], (1 - p)[~at_zero], rtol=1e-9)
        assert (distribution.atom >= p[at_zero]).all()


def test_golden_values_of_the_theory():
    # theory.md section 13.
    r = MMcK(1.0, 1, 5).solve(1.5)
    assert r.number_in_system == pytest.approx(3.57744360902256, rel=1e-14)
    assert r.loss == pytest.approx(0.365413533834586, rel=1e-14)
    r = MMcK(1.0, 4, 10).solve(5.0)
    assert r.loss == pytest.approx(0.230024325429412, rel=1e-14)
    assert r.queue_length == pytest.approx(3.50623318960147, rel=1e-14)
    assert r.waiting_time == pytest.approx(0.910738690948096, rel=1e-14)


@pytest.mark.parametrize(
    ("rate", "mu", "c", "k", "figures"),
    [
        # GNU Octave queueing 1.2.7, qsmm1k and qsmmmk: R, Q, X, p0, loss.
        (1.0, 1.2, 1, 10, (3.3948851298808704, 3.2892913216308024, 0.9688962058478328,
                           0.192586495126806, 0.031103794152167248)),
        (9.2, 9.37, 1, 12, (0.6704361816326763, 5.743908581192862, 8.567420342984828,
                            0.08565417897707259, 0.06875865837121416)),
        (2.0, 1.0, 1, 3, (2.4285714285714284, 2.2666666666666666, 0.9333333333333333,
                          0.06666666666666667, 0.5333333333333333)),
        (40.0, 30.0, 3, 7, (0.036517007943287424, 1.4549379229391188, 39.84274739044074,
                            0.2550368776757249, 0.003931315238981446)),
        (50.0, 10.0, 4, 6, (0.12326880119136274, 4.354205414341809, 35.32285032595013,
                            0.007214112607788983, 0.2935429934809974)),
        (0.8, 0.85, 3, 5, (1.2110220936514218, 0.9636827636570718, 0.7957598533577673,
                           0.3875514294076409, 0.00530018330279096)),
        # Sixto Rios 10.11 and 10.12 (R package queueing).
        (8.0, 4.0, 5, 12, (0.25493322045303823, 2.039346064826092, 7.999530469987391,
                           0.13433361414193218, 5.8691251576037784e-05)),
        (3.0, 0.25, 15, 15, (4.0, 10.971249006056395, 2.7428122515140987,
                             None, 0.08572924949530047)),
    ],
)  # fmt: skip
def test_published_figures(rate, mu, c, k, figures):
    r = MMcK(1 / mu, c, k).solve(rate)
    response, number, through, empty, loss = figures
    assert r.response_time == pytest.approx(response, rel=1e-12)
    assert r.number_in_system == pytest.approx(number, rel=1e-12)
    assert r.throughput == pytest.approx(through, rel=1e-12)
    assert r.loss == pytest.approx(loss, rel=1e-12, abs=0)
    if empty is not None:
        assert r.number.probability(0) == pytest.approx(empty, rel=1e-12)


@pytest.mark.parametrize("k", [1, 5, 1000, 10**7])
@pytest.mark.parametrize(
    "load", [1e-6, 0.5, 1 - 1e-4, 1 - 1e-9, 1 + 1e-12, 1 + 1e-9, 1.01, 3.0]
)
def test_one_server_at_any_load_to_rounding(k, load):
    """The textbook form has no digits left at |load - 1| = 1e-9; this one has them all."""
    with mp.workdps(80):
        rho = mp.mpf(load)
        power = rho ** (k + 1)
        mean = rho / (1 - rho) - (k + 1) * power / (1 - power)
        loss = (1 - rho) * rho**k / (1 - power)
    r = MMcK(1.0, 1, k).solve(load)
    assert r.number_in_system == pytest.approx(float(mean), rel=1e-13, abs=0)
    assert r.loss == pytest.approx(float(loss), rel=1e-9 if k > 1e6 else 1e-12, abs=1e-300)
    assert 1 - r.number.probability(0) == pytest.approx(float(load * (1 - loss)), rel=1e-12)


def test_ten_thousand_places_in_overload_against_the_sum():
    # 1e4 Erlang distributions, summed from the top, where the closed form works in logs of
    # -4000.
    c, k, load = 2, 10_000, 1.5
    j = np.arange(k - c)  # places from the last
    weights = load**-j / (load**-j).sum()
    r = MMcK(1.0, c, k).solve(load * c)
    t = r.wait.quantile([0.05, 0.5, 0.99])
    direct = [(weights * gammaincc(k - c - j, c * x)).sum() for x in t]
    np.testing.assert_allclose(r.wait.tail(t), direct, rtol=1e-9)
    one = MMcK(1.0, 1, k).solve(load)
    j = np.arange(k)
    weights = load**-j / (load**-j).sum()
    t = one.response.quantile([0.05, 0.5, 0.99])
    direct = [(weights * gammaincc(k - j, x)).sum() for x in t]
    np.testing.assert_allclose(one.response.tail(t), direct, rtol=1e-9)


def test_ten_million_places_cost_no_more():
    r = MMcK(1.0, 10, 10**7).solve(np.array([9.0, 10.0, 15.0]))
    p = np.array([0.5, 0.99])[:, None]
    np.testing.assert_allclose(
        r.response.tail(r.response.quantile(p)), 1 - p + 0 * r.loss, rtol=1e-6
    )
    open_queue = MMc(1.0, 10).solve(9.0)
    assert r.response.quantile(0.99)[0] == pytest.approx(
        open_queue.response.quantile(0.99), rel=1e-9
    )


def test_limits_between_models():
    many, free = MMcK(1.0, 3, 4000).solve(2.4), MMc(1.0, 3).solve(2.4)
    for name in ("waiting_time", "queue_length", "number_in_system"):
        assert getattr(many, name) == pytest.approx(getattr(free, name), rel=1e-12)
    t = np.array([0.1, 1.0, 5.0])
    np.testing.assert_allclose(many.wait.tail(t), free.wait.tail(t), rtol=1e-11)
    np.testing.assert_allclose(many.response.tail(t), free.response.tail(t), rtol=1e-11)
    none = MMcK(1.0, 3, 3).solve(2.4)
    assert none.waiting_time == none.queue_length == 0.0
    assert none.wait.quantile(0.999) == 0.0
    np.testing.assert_allclose(none.response.tail(t), np.exp(-t), rtol=1e-13)


def test_little_flow_balance_and_monotony():
    rate = np.linspace(0.01, 30, 200)
    r = MMcK(0.5, 4, 9).solve(rate)
    np.testing.assert_allclose(r.number_in_system, r.throughput * r.response_time, rtol=1e-12)
    np.testing.assert_allclose(r.queue_length, r.throughput * r.waiting_time, rtol=1e-12)
    np.testing.assert_allclose(r.utilization, r.throughput * 0.5 / 4, rtol=1e-12)
    for name in ("loss", "throughput", "waiting_time", "utilization"):
        assert (np.diff(getattr(r, name)) > 0).all()
    assert (np.diff(loss_probability(3.0, 1.0, servers=2, capacity=np.arange(2, 60))) < 0).all()


def test_time_unit():
    slow, fast = MMcK(0.5, 4, 9).solve(9.0), MMcK(0.5e-3, 4, 9).solve(9.0e3)
    assert fast.loss == pytest.approx(slow.loss, rel=1e-13)
    assert fast.waiting_time * 1000 == pytest.approx(slow.waiting_time, rel=1e-13)
    p = [0.1, 0.5, 0.99]
    np.testing.assert_allclose(fast.response.quantile(p) * 1000, slow.response.quantile(p))


def test_arrays_equal_cell_by_cell_with_zero_load_and_nan():
    rate = np.array([0.0, 0.7, 3.0, 50.0, np.nan])
    c, k = np.array([[1], [2], [3]]), np.array([[4], [2], [9]])
    r = MMcK(1.0, c, k).solve(rate)
    t = 1.3
    for i in range(3):
        for j in range(5):
            one = MMcK(1.0, int(c[i, 0]), int(k[i, 0])).solve(rate[j])
            for got, want in [
                *((getattr(r, n)[i, j], getattr(one, n)) for n in
                  ("loss", "waiting_time", "response_time", "queue_length", "utilization")),
                (r.wait.tail(t)[i, j], one.wait.tail(t)),
                (r.response.tail(t)[i, j], one.response.tail(t)),
                (r.response.quantile(0.9)[i, j], one.response.quantile(0.9)),
                (r.response.variance[i, j], one.response.variance),
                (r.number.tail(1)[i, j], one.number.tail(1)),
                (r.number.variance[i, j], one.number.variance),
            ]:  # fmt: skip
                assert got == pytest.approx(want, rel=1e-12, nan_ok=True)
                assert np.isnan(got) == (j == 4)
    np.testing.assert_array_equal(r.loss[:, 0], 0.0)
    np.testing.assert_array_equal(r.response_time[:, 0], 1.0)
    np.testing.assert_allclose(r.response.tail(t)[:, 0], np.exp(-t))
    assert r.number.probability(0)[0, 0] == 1.0


def test_symbols_give_the_formulas():
    lam, s = sp.symbols("lambda S", positive=True)
    for f in (loss_probability, queue_length, waiting_time):
        for c, k in ((1, 1), (1, 3), (2, 2), (2, 4)):
            value = f(lam, s, servers=c, capacity=k)
            value = sp.N(value.doit().subs({lam: 1.3, s: 0.7})) if value != 0 else 0
            assert float(value) == pytest.approx(f(1.3, 0.7, servers=c, capacity=k), rel=1e-13)


def test_streams_share_the_loss_and_only_exponential_service():
    station = MMcK(1.0, 2, 5)
    r = station.solve([Stream(1.0), Stream(0.5)])
    assert r.loss == station.solve(1.5).loss
    assert r.streams[0].response is r.response
    from qmodel.distributions import Deterministic

    with pytest.raises(ModelError, match="exponential"):
        station.solve([Stream(1.0, Deterministic(1.0))])
    assert station.max_rate == np.inf
    assert str(r.basis) == r.basis["p99"] == r.basis["loss"] == "exact"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 1.0, 1, 2), "arrival_rate must be a number >= 0, got -1"),
        ((1.0, 0.0, 1, 2), "service_time must be a number > 0, got 0"),
        ((1.0, 1.0, 2.5, 3), "servers must be a whole number >= 1, got 2.5"),
        ((1.0, 1.0, 3, 2), "capacity must be at least servers = 3, got 2"),
        ((1.0, 1.0, 1, np.inf), "capacity must be finite, got inf"),
        ((1.0, 1.0, 1, 1.5), "capacity must be a whole number >= 1, got 1.5"),
    ],
)
def test_impossible_values_are_refused_by_name(arguments, message):
    for f in (loss_probability, queue_length, waiting_time):
        with pytest.raises(DomainError, match=message):
            f(*arguments[:2], servers=arguments[2], capacity=arguments[3])
    if "arrival" not in message:
        with pytest.raises(DomainError, match=message):
            MMcK(*arguments[1:])
