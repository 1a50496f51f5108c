"""The queue at a replica with arrivals by its number, against solutions of its own chain."""

import numpy as np
import pytest

from qmodel.balancing import replica_queue
from qmodel.balancing.replica_queue import Phases, Policy, solved

TWO = np.array([0.9, 0.1]), np.diag([-1 / 0.5, -1 / 5.5])
ERLANG = np.array([1.0, 0.0, 0.0]), 3.0 * (np.eye(3, k=1) - np.eye(3))


def of_mean_one(initial, generator):
    mean = initial @ np.linalg.solve(-generator, np.ones(initial.size))
    one = np.ones(initial.size)
    return Phases(initial, initial, generator * mean, one)


def policy_of(load, levels, ratio, choices=1.0, weight=0.0):
    none = np.zeros(load.shape)
    return Policy.of_levels(
        load, load, levels, ratio + none, choices=choices + none, weight=weight + none
    )


def shorter_of_two(load, most=9):
    """Return what infinitely many replicas of exponential service are found to have."""
    return np.stack([load ** (2.0 ** (j + 1) * 2 - 2) for j in range(most)])


@pytest.mark.parametrize("shape", [TWO, ERLANG])
def test_a_blind_balancer_makes_a_queue_of_poisson_arrivals(shape):
    load = np.array([0.3, 0.8, 0.99])
    phases = of_mean_one(*shape)
    found = solved(phases, load, policy_of(load, load[None], load))
    left = np.linalg.solve(-phases.generator, phases.weights)
    second = 2 * phases.initial @ np.linalg.solve(-phases.generator, left)
    assert found.waiting == pytest.approx(load**2 * second / (2 * (1 - load)), rel=1e-10)
    assert found.joined == pytest.approx(load**2)


def test_exponential_service_has_the_levels_that_the_policy_is_made_of():
    """With two phases of one rate; the next level is the load times what is found."""
    load = np.array([0.5, 0.9])
    levels = shorter_of_two(load)
    half = np.array([0.4, 0.6])
    phases = Phases(half, half, -np.eye(2), np.ones(2))
    found = solved(phases, load, policy_of(load, levels, 0.0))
    shares = np.concatenate([[load], load * levels])
    for k in range(4):
        states = found.states[k].sum(axis=1)
        assert states == pytest.approx(shares[k] - shares[k + 1], rel=1e-7)
    assert found.waiting == pytest.approx(shares[1:].sum(axis=0), rel=1e-6)


@pytest.mark.parametrize("shape", [TWO, ERLANG])
def test_its_states_are_those_of_the_chain_with_its_rates(shape):
    load = np.array([0.7])
    phases = of_mean_one(*shape)
    found = solved(phases, load, policy_of(load, shorter_of_two(load), 0.0))
    rates = [float(r) for r in found.rates[:, 0]] + [float(found.rate[0])] * 120
    size, levels = phases.initial.size, len(rates)
    n = 1 + size * levels
    chain, ends = np.zeros((n, n)), -phases.generator.sum(axis=1)
    rate_of_idle = load[0] * (1 - load[0] ** 2) / (1 - load[0])
    chain[0, 1 : 1 + size] = rate_of_idle * phases.initial
    for k, rate in enumerate(rates):
        here = slice(1 + k * size, 1 + (k + 1) * size)
        chain[here, here] += phases.generator
        if k:
            below = slice(1 + (k - 1) * size, 1 + k * size)
            chain[here, below] += np.outer(ends, phases.initial)
        else:
            chain[here, 0] += ends
        if k + 1 < levels:
            chain[here, 1 + (k + 1) * size : 1 + (k + 2) * size] += rate * np.eye(size)
    np.fill_diagonal(chain, 0.0 * chain.diagonal() + chain.diagonal() * (chain.diagonal() > 0))
    chain -= np.diag(chain.sum(axis=1))
    system = np.vstack([chain.T, np.ones(n)])
    state = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]
    assert state[0] == pytest.approx(1 - load[0], rel=1e-8)
    for k in range(len(found.states)):
        mine = state[1 + k * size : 1 + (k + 1) * size]
        assert found.states[k, 0] == pytest.approx(mine, rel=1e-6, abs=1e-12)
    number = state[1:].reshape(levels, size).sum(axis=1)
    assert found.waiting[0] == pytest.approx(number @ np.arange(levels), rel=1e-6)


def test_the_rates_are_those_of_the_policy():
    load = np.array([0.9])
    policy = policy_of(load, shorter_of_two(load), 0.0)
    found = solved(of_mean_one(*TWO), load, policy)
    share = load
    for states, rate in zip(found.states, found.rates, strict=True):
        less = share - states.sum(axis=1)
        assert rate * (share - less) == pytest.approx(load * (share**2 - less**2), rel=1e-8)
        share = less


@pytest.mark.parametrize("shape", [TWO, ERLANG])
def test_seven_secants_find_a_rate(shape, monkeypatch):
    """Brackets, which take several times as long, are not needed."""
    load = np.array([0.1, 0.5, 0.9, 0.99])
    monkeypatch.setattr(replica_queue, "_SECANTS", 7)
    monkeypatch.setattr(replica_queue, "increasing_root", None)
    found = solved(of_mean_one(*shape), load, policy_of(load, shorter_of_two(load), 0.0))
    assert (found.waiting > 0).all()


def test_cells_are_solved_as_each_alone():
    load = np.array([0.4, 0.95])
    levels = shorter_of_two(load)
    both = solved(of_mean_one(*TWO), load, policy_of(load, levels, 0.0))
    for i in (0, 1):
        here = load[i : i + 1]
        one = solved(of_mean_one(*TWO), here, policy_of(here, levels[:, i : i + 1], 0.0))
        assert both.waiting[i] == pytest.approx(one.waiting[0], rel=1e-9)


def test_independent_replicas_have_the_slope_of_the_choices():
    load = np.array([0.8])
    levels = np.array([[0.6], [0.3]])
    policy = policy_of(load, levels, 0.5, choices=3.0, weight=1.0)
    share = np.array([0.5])
    assert policy.at(share) == pytest.approx(0.6 * (0.5 / 0.8) ** 3)
    together = policy_of(load, levels, 0.5, choices=3.0)
    assert together.at(load * 0.6) == pytest.approx(0.3)
    assert together.at(np.zeros(1)) == 0.0


@pytest.mark.parametrize("first", [1e-2, 1e-8])
def test_levels_that_fall_by_more_than_digits_keep_theirs(first):
    """As nearly nobody waits behind another: what a level has left is lost in rounding."""
    load = np.array([0.2])
    levels = np.array([[first], [first * 1e-8], [first * 1e-20]])
    one = np.ones(1)
    found = solved(Phases(one, one, -np.eye(1), one), load, policy_of(load, levels, 0.0))
    assert found.waiting == pytest.approx(load * levels.sum(axis=0), rel=1e-5)
