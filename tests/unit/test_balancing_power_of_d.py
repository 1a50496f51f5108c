"""The power of d choices: what it becomes at its ends, its order, and what it refuses."""

from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.balancing.join_idle import JoinIdleQueue
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.mean_field import response_time
from qmodel.balancing.power_of_d import PowerOfChoices
from qmodel.balancing.random_split import RandomSplit
from qmodel.errors import DomainError, ModelError


def mean(pool, load):
    return pool.solve(load * np.asarray(pool.servers)).response_time


def test_one_choice_is_a_random_one_exactly():
    for replica in (qm.MMc(1.0, 2), qm.MG1PS(qm.Gamma(1.0, scv=3.0))):
        random, one = (
            RandomSplit(replica, 5).solve(4.0),
            PowerOfChoices(replica, 5, 1).solve(4.0),
        )
        assert one.response_time == random.response_time
        assert one.response.quantile(0.99) == random.response.quantile(0.99)
        assert one.basis == random.basis
        works = qm.Deterministic(0.5)
        assert PowerOfChoices(replica, 5, 1).distribution_of_response(
            one, works
        ).mean == pytest.approx(
            RandomSplit(replica, 5).distribution_of_response(random, works).mean
        )
    assert PowerOfChoices(qm.MMc(1.0), 5, 1).solve(4.0).basis == "exact"


def test_all_choices_are_least_connections():
    rates = np.array([2.0, 4.5, 5.0])
    least = LeastConnections(qm.MMc(1.0), 5).solve(rates)
    every = PowerOfChoices(qm.MMc(1.0), 5, 5).solve(rates)
    assert every.response_time.tolist() == least.response_time.tolist()
    assert every.basis == least.basis
    # Also as one cell of many, beside a random choice and a single replica.
    mixed = PowerOfChoices(qm.MMc(1.0), [5, 5, 1, 5], [5, 1, 1, 2]).solve([4.5, 4.5, 0.9, 4.5])
    random = qm.MMc(1.0).solve(0.9)
    assert mixed.response_time[:3] == pytest.approx(
        [least.response_time[1], random.response_time, random.response_time], rel=1e-12
    )
    quantiles = mixed.response.quantile(0.99)
    assert quantiles[0] == pytest.approx(least.response.quantile(0.99)[1], rel=1e-8)
    assert quantiles[1:3] == pytest.approx([random.response.quantile(0.99)] * 2, rel=1e-8)
    assert quantiles[0] < quantiles[3] < quantiles[1]


def test_many_replicas_are_the_mean_field():
    loads = np.array([0.3, 0.7, 0.95, 0.99])
    for d in (2, 3, 5):
        pool = PowerOfChoices(qm.MMc(1.0), 10**8, d)
        assert mean(pool, loads) == pytest.approx(response_time(loads, d), rel=1e-5)


# Mitzenmacher's thesis, 100 servers, two different choices: simulated means.
THESIS = {0.5: 1.2673, 0.7: 1.6202, 0.8: 1.9585, 0.95: 3.461, 0.99: 5.9275}


def test_a_hundred_servers():
    loads = np.array(list(THESIS))
    pool = PowerOfChoices(qm.MMc(1.0), 100, 2)
    assert mean(pool, loads) == pytest.approx(list(THESIS.values()), rel=0.006)


# N, c, d, load, mean response, p99 of it, probability of a wait: 1e7 to 4e7 requests each,
# whose standard error of the mean is below 0.4 %; points that were not fitted.
SIMULATED = [
    (2, 3, 0, 0.93, 2.9853, 12.157, 0.8016), (2, 6, 0, 0.75, 1.0955, 4.748, 0.2499),
    (4, 6, 0, 0.75, 1.0258, 4.639, 0.1052), (4, 6, 0, 0.93, 1.4047, 5.363, 0.6033),
    (7, 1, 0, 0.6, 1.1268, 5.127, 0.1226), (40, 1, 0, 0.75, 1.0221, 4.704, 0.0221),
    (40, 3, 0, 0.93, 1.059, 4.692, 0.1674), (4, 1, 2, 0.75, 2.0177, 8.254, 0.5895),
    (4, 3, 2, 0.6, 1.0481, 4.683, 0.1171), (7, 3, 2, 0.6, 1.0341, 4.658, 0.0911),
    (15, 1, 2, 0.93, 3.3734, 11.111, 0.8672), (15, 6, 2, 0.85, 1.0627, 4.683, 0.2687),
    (150, 3, 2, 0.93, 1.4637, 5.283, 0.7173), (150, 6, 2, 0.93, 1.1498, 4.786, 0.5497),
    (4, 1, 3, 0.75, 1.782, 7.572, 0.5055), (4, 1, 3, 0.85, 2.5006, 10.414, 0.6811),
    (4, 3, 3, 0.85, 1.3354, 5.3, 0.4695), (4, 6, 3, 0.93, 1.4118, 5.38, 0.6147),
    (7, 3, 3, 0.75, 1.0745, 4.722, 0.1837), (40, 3, 3, 0.75, 1.0347, 4.656, 0.1022),
    (700, 1, 3, 0.6, 1.219, 5.395, 0.2167), (7, 1, 4, 0.93, 3.1505, 12.612, 0.7968),
    (15, 1, 4, 0.85, 1.7189, 6.819, 0.5606), (15, 6, 4, 0.93, 1.1069, 4.741, 0.3976),
    (40, 1, 4, 0.93, 2.1305, 7.618, 0.7577), (150, 3, 4, 0.75, 1.0108, 4.621, 0.0325),
    (150, 3, 4, 0.85, 1.0573, 4.688, 0.1706), (700, 3, 4, 0.93, 1.1661, 4.835, 0.4607),
    (15, 1, 5, 0.93, 2.2933, 8.638, 0.7384), (15, 6, 5, 0.85, 1.0163, 4.625, 0.0867),
    (40, 1, 5, 0.85, 1.5035, 6.115, 0.4683), (40, 6, 5, 0.93, 1.0451, 4.659, 0.2401),
    (150, 1, 5, 0.6, 1.0812, 4.943, 0.0812), (150, 1, 5, 0.93, 1.8524, 6.841, 0.7022),
    (150, 3, 5, 0.93, 1.1351, 4.793, 0.3873),
]  # fmt: skip


@pytest.mark.thorough
def test_simulations_of_points_that_were_not_fitted():
    for n, c, d, load, response, p99, probability in SIMULATED:
        replica = qm.MMc(1.0, c)
        pool = PowerOfChoices(replica, n, d) if d else LeastConnections(replica, n)
        r = pool.solve(n * c * load)
        # What the assumptions state, and the standard error of the simulation.
        assert r.response_time == pytest.approx(response, rel=0.016 if d else 0.012)
        assert r.response.quantile(0.99) == pytest.approx(p99, rel=0.03)
        assert r.wait.tail(0.0) == pytest.approx(probability, abs=0.03 if d else 0.02)


@pytest.mark.parametrize(
    ("n", "load", "mean", "p50", "p95", "p99"),
    [
        (1000, 0.95, 3.3969, 3.0065, 7.6952, 10.2525),
        (300, 0.9, 2.6212, 2.2080, 6.4219, 8.8181),
        (200, 0.8, 1.9560, 1.5398, 5.2015, 7.4036),
    ],
)
def test_the_response_of_very_many_replicas(n, load, mean, p50, p95, p99):
    """Simulated here, 12e6 requests: errors up to 0.4 %.

    With levels taken as geometric, the last being too small to tell, it was 16 to 44 % short.
    """
    r = PowerOfChoices(qm.MMc(1.0), n).solve(load * n)
    assert r.response.mean == pytest.approx(float(r.response_time), rel=1e-9)
    assert r.response_time == pytest.approx(mean, rel=0.005)
    found = r.response.quantile(np.array([0.5, 0.95, 0.99]))
    assert found == pytest.approx([p50, p95, p99], rel=0.006)


# N, d, load: mean response of draws that may repeat, from the simulations that Gast published.
REPEATED = {
    (10, 2, 0.7): 1.7418537,
    (10, 2, 0.9): 3.1114432,
    (10, 4, 0.9): 2.3544041,
    (20, 3, 0.95): 3.0969811,
    (100, 3, 0.95): 2.6345948,
}


def test_draws_that_repeat():
    for (n, d, load), response in REPEATED.items():
        pool = PowerOfChoices(qm.MMc(1.0), n, d, distinct=False)
        # Within 3.4 % as it states, and on these points within 1.2 %.
        assert mean(pool, load) == pytest.approx(response, rel=0.012)


loads = st.floats(0.02, 0.9999)


@pytest.mark.thorough
@given(loads, st.integers(1, 2000), st.sampled_from([1, 2, 3, 8, 32]))
def test_the_order_of_the_policies(load, n, c):
    """Central, least connections, five, three, two choices, random; idle before random."""
    replica = qm.MMc(1.0, c)
    five, three, two = (PowerOfChoices(replica, n, min(d, n)) for d in (5, 3, 2))
    central, random = qm.MMc(1.0, n * c), RandomSplit(replica, n)
    least, idle = LeastConnections(replica, n), JoinIdleQueue(replica, n)
    means = [
        float(p.solve(load * n * c).response_time)
        for p in (central, least, five, three, two, random)
    ]
    # Equal policies differ by the rounding of different sums.
    assert all(a <= b * (1 + 1e-9) for a, b in pairwise(means)), means
    assert means[1] * (1 - 1e-9) <= mean(idle, load) <= means[-1] * (1 + 1e-9)


@pytest.mark.thorough
@given(st.floats(0.2, 0.999), st.integers(2, 1000), st.integers(2, 5), st.integers(1, 16))
def test_more_replicas_at_the_same_load_are_no_slower(load, n, d, c):
    replica = qm.MMc(1.0, c)
    n = max(n, d)
    for pools in (
        PowerOfChoices(replica, [n, n + 1, 2 * n], d),
        PowerOfChoices(replica, [n, n + 1, 2 * n], d, distinct=False),
        LeastConnections(replica, [n, n + 1, 2 * n]),
        JoinIdleQueue(replica, [n, n + 1, 2 * n]),
    ):
        a, b, c2 = mean(pools, load)
        # The integral over the states leaves 3e-6.
        assert b <= a * (1 + 1e-5)
        assert c2 <= b * (1 + 1e-5)


@given(loads, st.integers(2, 500), st.integers(2, 5), st.integers(1, 8))
def test_draws_that_repeat_are_worse(load, n, d, c):
    replica = qm.MMc(1.0, c)
    different = mean(PowerOfChoices(replica, n, min(d, n)), load)
    repeated = mean(PowerOfChoices(replica, n, d, distinct=False), load)
    # Near d = n the former is better known.
    assert repeated >= different * (1 - 0.01)


def test_a_cell_is_the_same_alone_and_among_others():
    n = np.array([3, 10, 40])[:, None, None]
    d = np.array([1, 2, 3])[:, None]
    c = np.array([1, 4])
    pool = PowerOfChoices(qm.MMc(1.0, c), n, d)
    found = pool.solve(0.85 * n * c)
    assert found.response_time.shape == (3, 3, 2)
    one = PowerOfChoices(qm.MMc(1.0, 4), 10, 3).solve(34.0)
    assert found.response_time[1, 2, 1] == pytest.approx(float(one.response_time), rel=1e-12)
    quantile = found.response.quantile(0.99)[1, 2, 1]
    assert quantile == pytest.approx(float(one.response.quantile(0.99)), rel=1e-8)


def test_time_units_do_not_matter():
    slow = PowerOfChoices(qm.MMc(10.0, 2), 6, 2).solve(1.0)
    fast = PowerOfChoices(qm.MMc(0.01, 2), 6, 2).solve(1000.0)
    assert slow.response_time == pytest.approx(1000 * fast.response_time, rel=1e-12)
    ratio = slow.response.quantile(0.99) / fast.response.quantile(0.99)
    assert ratio == pytest.approx(1000, rel=1e-9)


def test_what_is_refused():
    with pytest.raises(DomainError, match="choices 4 of replicas 3"):
        PowerOfChoices(qm.MMc(1.0), 3, 4)
    with pytest.raises(DomainError, match="choices 3 of replicas 2"):
        PowerOfChoices(qm.MMc(1.0), [5, 2], 3)
    with pytest.raises(DomainError, match="choices must be a whole number"):
        PowerOfChoices(qm.MMc(1.0), 3, 0)
    assert PowerOfChoices(qm.MMc(1.0), 3, 4, distinct=False).choices == 4


@pytest.mark.parametrize("kind", [PowerOfChoices, LeastConnections, JoinIdleQueue])
def test_infinite_loads_saturate_and_unknown_ones_stay_so(kind):
    got = kind(qm.MMc(1.0), 4).solve([np.inf, np.nan, 2.0]).response_time
    assert got[0] == np.inf
    assert np.isnan(got[1])
    assert 1 < got[2] < 2


def test_symbols_are_refused_by_name():
    x = sp.Symbol("x", positive=True)
    for wrong in (
        lambda: PowerOfChoices(qm.MMc(1.0), x),
        lambda: PowerOfChoices(qm.MMc(1.0), 5, x),
        lambda: qm.balancing.balanced("power of two", qm.MMc(1.0), x),
    ):
        with pytest.raises(ModelError, match="PowerOfChoices has no symbolic form"):
            wrong()
    with pytest.raises(ModelError, match="JoinIdleQueue has no symbolic form"):
        JoinIdleQueue(qm.MMc(1.0), 5, x)
