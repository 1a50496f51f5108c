"""Birth-death chains: against linear algebra, closed forms and published figures."""

from math import comb

import numpy as np
import pytest

from qmodel.errors import DomainError, ModelError
from qmodel.queues.birth_death import BirthDeath, state_probabilities


def stationary(birth, death):
    """Solve the balance equations of the chain as a linear system."""
    n = len(birth) + 1
    q = np.diag(np.asarray(birth, float), 1) + np.diag(np.asarray(death, float), -1)
    q -= np.diag(q.sum(axis=1))
    a = np.vstack([q.T, np.ones(n)])
    return np.linalg.lstsq(a, np.eye(n + 1)[n], rcond=None)[0]


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_any_rates_solve_the_balance_equations(rng):
    for states in (2, 3, 12, 40):
        birth, death = rng.uniform(0.2, 3.0, (2, states - 1))
        distribution = state_probabilities(birth, death)
        np.testing.assert_allclose(
            distribution, stationary(birth, death), rtol=1e-9, atol=1e-13
        )
        np.testing.assert_allclose(
            birth * distribution[:-1], death * distribution[1:], rtol=1e-12
        )
        assert distribution.sum() == pytest.approx(1.0, rel=1e-14)


def test_a_chain_of_a_hundred_thousand_states_does_not_overflow():
    distribution = state_probabilities(np.full(100_000, 3.0), np.ones(100_000))
    assert distribution[-1] == pytest.approx(2 / 3, rel=1e-9)
    assert distribution[0] == 0.0
    back = state_probabilities(np.ones(100_000), np.full(100_000, 3.0))
    np.testing.assert_allclose(back, distribution[::-1], rtol=1e-9)


def test_cells_are_solved_each_by_itself(rng):
    birth, death = rng.uniform(0.2, 3.0, (5, 2, 1)), rng.uniform(0.2, 3.0, (5, 3))
    distribution = state_probabilities(birth, death)
    assert distribution.shape == (6, 2, 3)
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(
                distribution[:, i, j], state_probabilities(birth[:, i, 0], death[:, j])
            )


def test_a_rate_of_zero_closes_the_way():
    distribution = state_probabilities([1.0, 0.0, 5.0], [2.0, 1.0, 1.0])
    np.testing.assert_allclose(distribution, [2 / 3, 1 / 3, 0, 0])
    distribution = state_probabilities([[1.0, np.nan], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]])
    np.testing.assert_allclose(distribution[:, 0], [0.5, 0.5, 0])
    assert np.isnan(distribution[:, 1]).all()


def test_published_loss_system_with_growing_arrivals():
    # Hossfeld, M(n)/M/K/K with rates (n + 1) lambda: p0 0.0159, mean arrival rate 5.0952,
    # blocked 0.5981, all to four digits.
    station = BirthDeath([0.5 * n for n in range(1, 6)], range(1, 7), servers=5)
    r = station.solve(1.0)
    assert float(r.number.probability(0)) == pytest.approx(0.0159, abs=5e-5)
    assert float(r.arrival_rate) == pytest.approx(5.0952, abs=5e-5)
    assert float(r.loss) == pytest.approx(0.5981, abs=5e-5)
    assert float(r.waiting_time) == 0.0
    assert float(r.response_time) == pytest.approx(2.0, rel=1e-14)


def test_published_warm_spares():
    # most-queue 20275c7, machine repair with warm spares: 5 machines, 2 spares, 2 repairmen.
    fail = [5 * 0.25 + max(2 - n, 0) * 0.05 if n < 2 else (7 - n) * 0.25 for n in range(7)]
    distribution = state_probabilities(fail, [1.0, *[2.0] * 6])
    golden = [
        0.23912519643104477, 0.3228190151819104, 0.20983235986824178, 0.13114522491765113,
        0.06557261245882556, 0.024589729672059586, 0.0061474324180148966, 0.0007684290522518621,
    ]  # fmt: skip
    np.testing.assert_allclose(distribution, golden, rtol=1e-13)


def test_finite_source_and_finite_capacity_of_a_published_case():
    # rqueueing, M/M/2/4//8: failure rate 0.25, service rate 4.
    factors = [8 - n for n in range(5)]
    r = BirthDeath([4.0, 8.0, 8.0, 8.0], factors, servers=2).solve(0.25)
    assert r.number.probability(0) == pytest.approx(0.6123371890942387, rel=1e-13)
    assert r.number_in_system == pytest.approx(0.4856390036066003, rel=1e-13)
    assert r.queue_length == pytest.approx(0.016481976342197224, rel=1e-12)
    assert r.throughput == pytest.approx(1.8766281090576122, rel=1e-13)
    assert r.response_time == pytest.approx(0.25878276109296583, rel=1e-13)
    assert r.waiting_time == pytest.approx(0.008782761092965824, rel=1e-12)
    assert r.utilization == pytest.approx(0.23457851363220153, rel=1e-13)
    assert r.loss == pytest.approx(0.001044474728685255, rel=1e-12, abs=0)


def test_binomial_distribution_of_machines_each_with_a_repairman():
    distribution = state_probabilities(
        [0.3 * (4 - n) for n in range(4)], [0.7 * n for n in range(1, 5)]
    )
    np.testing.assert_allclose(
        distribution, [comb(4, n) * 0.3**n * 0.7 ** (4 - n) for n in range(5)]
    )


def test_little_and_the_time_unit():
    rates, factors = [2.0, 3.0, 5.0, 5.0], [1.0, 0.9, 0.5, 0.4, 0.4]
    r = BirthDeath(rates, factors, servers=2).solve(4.0)
    assert r.number_in_system == pytest.approx(r.throughput * r.response_time, rel=1e-14)
    assert r.queue_length == pytest.approx(r.throughput * r.waiting_time, rel=1e-14)
    fast = BirthDeath([1000 * x for x in rates], factors, servers=2).solve(4000.0)
    for name in ("loss", "utilization", "number_in_system", "queue_length"):
        assert getattr(fast, name) == pytest.approx(getattr(r, name), rel=1e-13)
    assert fast.response_time * 1000 == pytest.approx(r.response_time, rel=1e-13)
    assert str(r.basis) == r.basis["loss"] == "exact"


def test_arrays_equal_cell_by_cell_and_light_and_heavy_load():
    rate = np.array([0.0, 0.5, 3.0, 1e6, np.nan])
    speed = np.array([[1.0], [2.0]])
    many = BirthDeath([speed, 2 * speed, 3.0], servers=2).solve(rate)
    assert many.loss.shape == (2, 5)
    for i in range(2):
        for j in range(5):
            one = BirthDeath([speed[i, 0], 2 * speed[i, 0], 3.0], servers=2).solve(rate[j])
            for name in ("loss", "response_time", "waiting_time", "number_in_system"):
                got, want = getattr(many, name)[i, j], getattr(one, name)
                assert got == pytest.approx(want, rel=1e-14, nan_ok=True)
    np.testing.assert_array_equal(many.loss[:, 0], 0.0)
    np.testing.assert_array_equal(many.response_time[:, 0], [1.0, 0.5])
    np.testing.assert_allclose(many.throughput[:, 3], 3.0, rtol=1e-5)
    assert np.isnan(many.loss[:, 4]).all()


def test_only_the_mean_of_its_times_is_known():
    r = BirthDeath([1.0, 1.0]).solve(0.5)
    assert r.response.mean == r.response_time
    with pytest.raises(ModelError, match="only the mean"):
        r.response.quantile(0.99)
    with pytest.raises(ModelError, match="rates of service"):
        BirthDeath([1.0]).serving(r.station.service)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (
            lambda: state_probabilities([-1.0], [1.0]),
            "birth_rates must be a number >= 0, got -1",
        ),
        (lambda: state_probabilities([1.0], [0.0]), "death_rates must be a number > 0, got 0"),
        (lambda: state_probabilities([1.0, 1.0], [1.0]), "death_rates must be as many"),
        (lambda: state_probabilities(1.0, 1.0), "death_rates must be as many"),
        (lambda: BirthDeath([]), "service_rates must not be empty"),
        (lambda: BirthDeath([1.0, 0.0]), "service_rates must be a number > 0, got 0"),
        (lambda: BirthDeath([1.0], [1.0]), "arrival_factors must be one more .* 2, got 1"),
        (lambda: BirthDeath([1.0], [1.0, -0.5]), "arrival_factors must be a number >= 0"),
        (lambda: BirthDeath([1.0], servers=0), "servers must be a whole number >= 1, got 0"),
        (lambda: BirthDeath([1.0]).solve(-2.0), "arrival_rate must be a number >= 0, got -2"),
    ],
)
def test_impossible_values_are_refused_by_name(make, name):
    with pytest.raises(DomainError, match=name):
        make()
