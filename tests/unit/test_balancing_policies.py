"""Policies by name."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import POLICIES, CentralQueue, RandomSplit, RoundRobin, balanced
from qmodel.errors import DomainError, ModelError


@pytest.mark.parametrize("name", POLICIES)
def test_every_name_makes_a_pool(name: str):
    pool = balanced(name, qm.MMc(0.1, 2), 4)
    assert (pool.replica.servers, pool.replicas) == (2, 4)
    assert pool.solve(40.0).response_time >= CentralQueue(qm.MMc(0.1, 2), 4).solve(
        40.0
    ).response_time * (1 - 1e-12)


@pytest.mark.parametrize("name", POLICIES)
def test_every_name_takes_one_replica(name: str):
    found = balanced(name, qm.MMc(0.1, 2), 1).solve(10.0).response_time
    assert found == pytest.approx(qm.MMc(0.1, 2).solve(10.0).response_time, rel=1e-12)


def test_two_choices_of_one_replica():
    # Of arrays each cell chooses among what it has; replaced later, one becomes two choices.
    pool = balanced("power of two", qm.MMc(0.1), np.array([1, 2, 8]))
    assert pool.choices.tolist() == [1, 2, 2]
    alone = [
        balanced("power of two", qm.MMc(0.1), n).solve(8.0).response_time for n in (1, 2, 8)
    ]
    assert pool.solve(8.0).response_time.tolist() == pytest.approx(alone, rel=1e-9)
    p = qm.Pipeline(qm.call("web", balanced("power of two", qm.MMc(0.1), 1)))
    more = p.replace({"web.replicas": 8}).solve(64.0).latency.mean
    assert more < RandomSplit(qm.MMc(0.1), 8).solve(64.0).response_time / 2


def test_spelling_and_classes():
    for name in ("round robin", "Round-Robin", "round_robin", RoundRobin):
        assert type(balanced(name, qm.MMc(0.1), 4)) is RoundRobin
    own = balanced(lambda replica, n: RandomSplit(replica, n), qm.MMc(0.1), 4)
    assert isinstance(own, RandomSplit)


def test_unknown_names_get_a_hint():
    with pytest.raises(
        DomainError, match=r"no policy 'roundrobn' .* did you mean 'round robin'"
    ):
        balanced("roundrobn", qm.MMc(0.1), 4)
    with pytest.raises(DomainError, match="no policy 'xyz' for a balancer; there are random, "):
        balanced("xyz", qm.MMc(0.1), 4)
    with pytest.raises(
        ModelError, match="policy must be a text or a function of 2 arguments, got 3"
    ):
        balanced(3, qm.MMc(0.1), 4)
    with pytest.raises(ModelError, match="replica must be a Station"):
        balanced(lambda station, replicas: station, qm.Exponential(0.1), 4)
    with pytest.raises(DomainError, match="replicas must be a whole number >= 1, got 0"):
        balanced("random", qm.MMc(0.1), 0)
