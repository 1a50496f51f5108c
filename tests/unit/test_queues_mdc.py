"""M/D/c against the embedded chain, Spitzer's sums, simulation and published values."""

import numpy as np
import pytest
import sympy as sp
from scipy.stats import poisson

import qmodel as qm
from qmodel.numerics import crommelin, spitzer
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.mdc import MDc, waiting_tail, waiting_time

LOADS = [(1, 0.8), (2, 0.5), (5, 0.3), (5, 0.8), (20, 0.9), (50, 0.7), (3, 0.95)]


def chain(servers, load):
    """State probabilities, from the chain seen at multiples of D (Crommelin 1932)."""
    size = int(4 * servers + 60 / (1 - load)) + 60
    p = np.zeros((size, size))
    for i in range(size):
        left = max(i - servers, 0)
        p[i, left:] = poisson.pmf(np.arange(size - left), servers * load)
    p[:, -1] += 1 - p.sum(axis=1)
    balance = p.T - np.eye(size)
    balance[-1] = 1.0
    return np.linalg.solve(balance, np.eye(size)[-1])


@pytest.mark.parametrize(("servers", "load"), LOADS)
def test_the_number_is_that_of_the_embedded_chain(servers, load):
    p = chain(servers, load)
    n = np.arange(len(p) // 2)
    number = MDc(2.0, servers).solve(servers * load / 2).number
    np.testing.assert_allclose(number.probability(n), p[n], atol=1e-12)
    np.testing.assert_allclose(number.tail(n), 1 - p.cumsum()[n], atol=5e-12)
    k = np.arange(len(p))
    assert number.mean == pytest.approx((k * p).sum(), rel=1e-9)
    assert number.variance == pytest.approx(((k - number.mean) ** 2 * p).sum(), rel=1e-8)


@pytest.mark.parametrize(("servers", "load"), LOADS)
def test_the_wait_is_franx_formula_on_the_chain(servers, load):
    queue = chain(servers, load).cumsum()[servers:]  # P(N <= c + j)
    for t in (0.0, 0.3, 0.999, 1.0, 2.5, 4.0):
        k = int(t) + 1
        m = np.arange(k * servers)
        below = (queue[k * servers - 1 - m] * poisson.pmf(m, servers * load * (k - t))).sum()
        assert waiting_tail(servers * load, 1.0, servers=servers, t=t) == pytest.approx(
            1 - below, abs=5e-12
        )


# theory.md 13 (50-digit mpmath); then Crommelin's chain solved with NumPy at points of Kimura
# 1991 (JORS 42, p. 601): rate, time, servers, mean wait, probability of a wait.
PUBLISHED = [
    (4.0, 1.0, 5, 0.289060007262668, 1 - 0.466384937034375),
    (1.0, 1.0, 2, 0.176741057112837, 1 - 0.676741057112837),
    (1.8, 1.0, 2, 2.146923214663672, 0.8471076427022518),
    (0.2, 1.0, 2, 0.0062082836435754405, 0.017765017888487833),
    (2.8, 1.0, 4, 0.1897076853514981, 0.4099477731049277),
    (0.175, 100.0, 25, 0.5356554315493349, 0.057199789500458786),
    (0.15, 100.0, 25, 0.08796524895580404, 0.011368511772619216),
    (0.45, 100.0, 50, 3.952588717437592, 0.33554264513961796),
    (0.3, 100.0, 50, 0.002223719769233915, 0.0005194988426286962),
    (9.5, 1.0, 10, 0.8370829918518058, 0.8116405027547853),
    (95.0, 1.0, 100, 0.053446039123329465, 0.47511485201096115),
]


@pytest.mark.parametrize(("rate", "time", "servers", "wait", "probability"), PUBLISHED)
def test_published_values(rate, time, servers, wait, probability):
    r = MDc(time, servers).solve(rate)
    assert r.waiting_time == pytest.approx(wait, rel=1e-7)
    assert r.wait.tail(0.0) == pytest.approx(probability, rel=1e-7)
    assert waiting_time(rate, time, servers=servers) == r.waiting_time


def test_golden_variance():
    assert MDc(1.0, 5).solve(4.0).wait.variance == pytest.approx(0.19462518156, rel=1e-10)


@pytest.mark.parametrize("servers", [1, 2, 5, 20, 100, 1000, 10_000])
def test_the_factorisation_agrees_with_spitzer_at_every_load(servers):
    load = np.array([0.1, 0.5, 0.8, 0.95, 0.999, 1 - 1e-8])
    c = np.full(load.shape, float(servers))
    spare = np.asarray(spare_servers(c * load, 1.0, c))
    probability = crommelin.tail(c * load, spare, c, c - 1, c * load)[0]
    exact = spitzer.waiting(c * load, c)
    seen = exact.probability > 1e-250
    np.testing.assert_allclose(probability[seen], exact.probability[seen], rtol=1e-12)


def test_distributions_agree_with_their_moments_and_transform():
    wait = MDc(1.0, 5).solve(4.0).wait

    nodes, weights = np.polynomial.legendre.leggauss(20)

    def moment(f):
        # Between the kinks at multiples of the service time the tail is smooth.
        return (f(np.arange(40)[:, None] + (nodes + 1) / 2) @ weights).sum() / 2

    first = moment(wait.tail)
    second = moment(lambda t: 2 * t * wait.tail(t))
    third = moment(lambda t: 3 * t**2 * wait.tail(t))
    assert wait.mean == pytest.approx(first, rel=1e-10)
    assert wait.variance == pytest.approx(second - first**2, rel=1e-10)
    cumulant = third - 3 * first * second + 2 * first**3
    assert wait.third_cumulant == pytest.approx(cumulant, rel=1e-9)
    for s in (0.0, 0.1, 4.0, 10.0):
        integral = moment(lambda t, s=s: wait.tail(t) * np.exp(-s * t))
        assert wait.laplace(s) == pytest.approx(1 - s * integral, abs=1e-11)
    step = 1e-5
    slope = (wait.tail(0.7 - step) - wait.tail(0.7 + step)) / (2 * step)
    assert wait.density(0.7) == pytest.approx(slope, rel=1e-7)
    assert wait.atom + moment(wait.density) == pytest.approx(1.0, abs=1e-10)


def test_transform_of_the_queue_is_that_of_the_wait():
    # Distributional Little: those that wait came during a wait, E[z^Q] = W*(rate (1 - z)).
    r = MDc(1.0, 5).solve(4.0)
    n = np.arange(600)
    present = r.number.probability(n)
    waiting = np.append(present[:6].sum(), present[6:])
    for z in (0.3, 0.9, -0.5, 0.6 + 0.7j):
        sum_ = (waiting * z ** np.arange(len(waiting))).sum()
        assert r.wait.laplace(4.0 * (1 - z)) == pytest.approx(sum_, abs=1e-12)


def test_one_server_is_m_d_1_where_erlangs_sum_is_good():
    t = np.array([0.0, 0.4, 1.0, 2.5, 6.3])
    for load in (0.2, 0.8, 0.97):
        several, single = (
            MDc(0.1).solve(10 * load),
            qm.MG1(qm.Deterministic(0.1)).solve(10 * load),
        )
        np.testing.assert_allclose(
            several.wait.tail(t / 10), single.wait.tail(t / 10), atol=1e-11
        )
        assert several.waiting_time == pytest.approx(single.waiting_time, rel=1e-12)


def test_quantiles_invert_tails_across_the_kinks():
    wait = MDc(1.0, 5).solve(4.0).wait
    p = np.array([0.5, 0.7, wait.cdf(1.0), 0.99, 1 - 1e-9])
    np.testing.assert_allclose(wait.cdf(wait.quantile(p)), p, rtol=1e-12)
    assert wait.quantile(0.4) == 0.0
    r = MDc(1.0, 5).solve(4.0)
    assert r.response.quantile(0.99) == pytest.approx(1 + r.wait.quantile(0.99), rel=1e-12)


def test_tail_stays_positive_and_falls_far_out():
    t = np.linspace(0.0, 60.0, 601)
    for servers, load in LOADS:
        tail = waiting_tail(servers * load, 1.0, servers=servers, t=t)
        tail = tail[tail > 1e-250]
        assert len(tail) > 60
        assert np.all(np.diff(tail) < 0)


def test_heavy_traffic_far_tail_is_exponential():
    near = MDc(1.0, 5).solve(5 * (1 - 1e-9))
    assert near.wait.quantile(0.99) == pytest.approx(near.waiting_time * np.log(100), rel=1e-6)


def test_little_and_the_unit_of_time():
    fast, slow = MDc(1.0, 3).solve(2.1), MDc(1000.0, 3).solve(0.0021)
    assert slow.waiting_time == pytest.approx(1000 * fast.waiting_time, rel=1e-12)
    assert slow.wait.tail(1500.0) == pytest.approx(fast.wait.tail(1.5), rel=1e-12)
    assert fast.queue_length == pytest.approx(2.1 * fast.waiting_time)
    assert fast.number_in_system == pytest.approx(2.1 * fast.response_time)
    assert fast.number.mean == fast.number_in_system


def test_arrays_equal_their_cells_and_bad_cells_stay_alone():
    rate = np.array([[0.0, 0.5, np.nan], [4.0, 4.999, 7.0]])
    servers = np.array([1, 5, 20])
    r = MDc(1.0, servers).solve(rate)
    t = np.array(0.8)
    for i, j in np.ndindex(rate.shape):
        one = MDc(1.0, int(servers[j])).solve(rate[i, j])
        for whole, cell in (
            (r.waiting_time, one.waiting_time),
            (r.wait.tail(t), one.wait.tail(t)),
            (r.wait.third_cumulant, one.wait.third_cumulant),
            (r.response.quantile(0.99), one.response.quantile(0.99)),
            (r.number.probability(2), one.number.probability(2)),
            (r.wait.laplace(1.0), one.wait.laplace(1.0)),
        ):
            np.testing.assert_allclose(
                np.broadcast_to(whole, rate.shape)[i, j], cell, rtol=1e-9
            )
    assert np.isnan(r.wait.quantile(0.5)[0, 2])
    idle, full = MDc(1.0, 2).solve(0.0), MDc(1.0, 2).solve(2.0)
    assert idle.wait.quantile(0.99) == idle.waiting_time == idle.wait.tail(0.0) == 0.0
    assert full.waiting_time == full.wait.quantile(0.5) == full.number_in_system == np.inf
    assert full.wait.tail(9.0) == full.wait.defect == 1.0
    assert full.wait.laplace(0.5) == 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MDc(0.0), "service_time must be a number > 0, got 0"),
        (lambda: MDc(1.0, 2.5), "servers must be a whole number >= 1, got 2.5"),
        (lambda: MDc(1.0).solve(-1.0), "arrival_rate must be a number >= 0, got -1"),
        (lambda: waiting_tail(1.0, 0.5, t=-1.0), "t must be a number >= 0, got -1"),
    ],
)
def test_impossible_parameters_are_named(make, message):
    with pytest.raises(qm.DomainError, match=message):
        make()


def test_symbols_are_refused_and_services_change_the_model():
    with pytest.raises(qm.errors.ModelError, match="no closed form"):
        waiting_time(sp.Symbol("lambda", positive=True), 1.0, servers=2)
    assert isinstance(MDc(1.0, 2).serving(qm.Deterministic(2.0)), MDc)
    assert isinstance(MDc(1.0, 2).serving(qm.Exponential(2.0)), qm.MGc)
    for station in (MDc(1.0, 5), qm.MGc(qm.Deterministic(1.0), 5)):
        r = station.solve(4.0)
        assert r.basis == "exact"
        assert r.basis["number"] == "exact"
        assert r.wait.quantile(0.99) == pytest.approx(1.9374388305, rel=1e-9)


def test_one_server_unless_said() -> None:
    assert waiting_tail(0.6, 1.0, t=0.0) == pytest.approx(0.6)
    # Erlang (1909): within one service, P(W <= t) is (1 - rho) e^(rate t).
    assert waiting_tail(0.6, 1.0, t=0.5) == pytest.approx(1 - 0.4 * np.exp(0.3))
    assert waiting_time(0.6, 1.0) == pytest.approx(0.6 / (2 * 0.4))
