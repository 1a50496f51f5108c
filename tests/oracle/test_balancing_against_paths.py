"""Policies of balancing against simulated chains of states, and those against exact values.

The simulator knows the state only; see `balancing_simulator`. An interval is one of 99.98 %,
and an approximation may be off by what its assumption states beside it.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

import qmodel as qm
from qmodel.balancing.join_idle import JoinIdleQueue
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.power_of_d import PowerOfChoices


@pytest.fixture(scope="module")
def sim():
    path = Path(__file__).parent / "balancing_simulator.py"
    spec = importlib.util.spec_from_file_location("oracle_balancing", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.thorough
@pytest.mark.parametrize(("replicas", "workers"), [(1, 1), (4, 3)])
def test_the_simulator_of_random_choice_is_mmc(sim, replicas, workers):
    found = sim.simulate(
        sim.shortest(1), replicas, workers, 0.7, requests=4e5, seed=1, chains=1000
    )
    exact = qm.MMc(1.0, workers).solve(0.7 * workers)
    mean, half = found.wait()
    assert abs(exact.waiting_time - mean) <= half < 0.1 * mean
    mean, half = found.probability()
    assert abs(exact.wait.tail(0.0) - mean) <= half
    value, half = found.quantile(0.99)
    assert abs(exact.response.quantile(0.99) - value) <= half + 1e-3 * value


@pytest.mark.thorough
def test_the_simulator_of_two_shortest_is_exact(sim):
    # The means of two servers, from the chain of states: 1.42632 - 1 at half load.
    found = sim.simulate(sim.least, 2, 1, 0.5, requests=4e5, seed=2, chains=1000)
    mean, half = found.wait()
    assert abs(0.42632 - mean) <= half < 0.03
    # All of the replicas are drawn, so it is the same.
    same = sim.simulate(sim.shortest(2), 2, 1, 0.5, requests=4e5, seed=2, chains=1000)
    assert same.wait() == found.wait()


# Policy of the simulator, pool; and what the assumptions state for mean, probability and p99.
CASES = {
    "least connections": ("least", LeastConnections, 5, 2, (0.01, 0.02, 0.03)),
    "two choices": ("two", PowerOfChoices, 10, 1, (0.016, 0.03, 0.03)),
    "idle": ("idle", JoinIdleQueue, 5, 1, (0.021, 0.03, 0.03)),
}


def agrees(sim, case, load, requests, chains):
    name, kind, replicas, workers, (of_mean, of_probability, of_p99) = case
    policy = {"least": sim.least, "two": sim.shortest(2), "idle": sim.idle}[name]
    found = sim.simulate(
        policy, replicas, workers, load, requests=requests, seed=3, chains=chains
    )
    r = kind(qm.MMc(1.0, workers), replicas).solve(load * replicas * workers)
    mean, half = found.wait()
    assert r.response_time == pytest.approx(1 + mean, abs=half + of_mean * (1 + mean))
    mean, half = found.probability()
    assert r.wait.tail(0.0) == pytest.approx(mean, abs=half + of_probability)
    mean, half = found.quantile(0.99)
    assert r.response.quantile(0.99) == pytest.approx(mean, abs=half + of_p99 * mean)


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_policy(sim, case):
    agrees(sim, case, 0.8, 8e5, 500)


@pytest.mark.slow
@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_policy_at_length(sim, case, load):
    agrees(sim, case, load, 1e7, 1000)
