"""Turns by weight: gamma times between the arrivals of a site; see also the oracle."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import WeightedRoundRobin, WeightedSplit

NEW, OLD = qm.MMc(0.02, servers=4), qm.MMc(0.05, servers=2)


def test_each_site_sees_gamma_times_of_its_share():
    r = WeightedRoundRobin([NEW, OLD], [0.8, 0.2]).solve(150.0)
    new = qm.GMc(qm.Gamma(1.0, 0.8), 0.02, 4).solve(120.0)
    old = qm.GMc(qm.Gamma(1.0, 0.2), 0.05, 2).solve(30.0)
    expected = 0.8 * new.response_time + 0.2 * old.response_time
    assert r.response_time == pytest.approx(expected, rel=1e-12)
    tail = 0.8 * new.response.tail(0.1) + 0.2 * old.response.tail(0.1)
    assert r.response.tail(0.1) == pytest.approx(tail, rel=1e-12)


def test_turns_are_shorter_than_random():
    weights, rates = [0.8, 0.2], np.array([10.0, 150.0, 190.0])
    random, turns = (
        kind([NEW, OLD], weights).solve(rates).response_time
        for kind in (WeightedSplit, WeightedRoundRobin)
    )
    assert (turns < random).all()


def test_labels():
    basis = WeightedRoundRobin([NEW, OLD], [0.8, 0.2]).solve(150.0).basis
    assert basis["response_time"] == basis["p99"] == "approximate"
    assert basis["utilization"] == "exact"
    assert "smooth-weighted-round-robin" in basis.assumptions("response_time")
