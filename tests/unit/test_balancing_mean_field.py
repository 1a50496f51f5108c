"""The mean field: its fixed point, its limit of many replicas, and its heavy traffic."""

import numpy as np
import pytest

from qmodel.balancing import mean_field
from qmodel.balancing.mean_field import levels_found, response_time, table
from qmodel.errors import DomainError

# Mitzenmacher's limits for two choices, from the series with mpmath.
LIMITS = {0.5: 1.265686036, 0.8: 1.947363386, 0.99: 5.431996579}


@pytest.mark.parametrize(("load", "mean"), LIMITS.items())
def test_many_replicas(load, mean):
    assert response_time(load, 2) == pytest.approx(mean, rel=1e-9)
    levels = levels_found(
        np.array([load]), replicas=np.array([1e9]), servers=1, choices=2, sampling=0.77
    )
    assert 1 + levels.sum() == pytest.approx(mean, rel=2e-6)


def test_one_choice_overload_and_unknown():
    with np.errstate(all="raise"):
        found = response_time([0.0, 0.5, 1.0, 2.0, np.nan], choices=[[1], [3]])
    assert found[0, :4].tolist() == [1.0, 2.0, np.inf, np.inf]
    assert found[1, 0] == 1
    assert np.isinf(found[1, 2])
    assert np.isnan(found[:, 4]).all()
    with pytest.raises(DomainError, match="load must be"):
        response_time(-0.1)
    with pytest.raises(DomainError, match="choices must be"):
        response_time(0.5, choices=1.5)


@pytest.mark.parametrize(("c", "d"), [(1, 2), (3, 2), (8, 5), (32, 3)])
def test_the_states_of_the_table_balance(c, d):
    """What joins level k is what leaves it, from the equation as it is written."""
    known = table(c, d)
    for i in (len(known.x) // 3, len(known.x) // 2):
        load, full = np.exp(known.log_load[i]), 1 / (1 + np.exp(-known.full[i]))
        shares = np.full(c + 1, full)
        # The shares below, from the top: minimal code, the other way round.
        for k in range(c, 0, -1):
            rest = shares[k + 1 : c + 1].sum()
            shares[k - 1] = ((k * shares[k] + rest) / (c * load)) ** (1 / d)
        assert shares[0] == pytest.approx(1, abs=1e-9)
        assert shares[1:].sum() == pytest.approx(c * load, rel=1e-9)
        for k in range(1, c):
            joins = c * load * (shares[k - 1] ** d - shares[k] ** d)
            assert k * (shares[k] - shares[k + 1]) == pytest.approx(joins, abs=1e-9)


def test_a_large_table_is_quick_enough_to_exist():
    assert table(300, 2).x[0] < 300 < table(300, 2).x[-1]


def test_few_replicas_in_heavy_traffic_are_one_queue():
    load = np.array([1 - 1e-4, 1 - 1e-6])
    for n in (2, 3, 10):
        levels = levels_found(
            load, replicas=np.full(2, float(n)), servers=1, choices=2, sampling=0.77
        )
        mean = levels[:-1].sum(axis=0) + levels[-1] / (1 - load**n)
        assert mean * n * (1 - load) == pytest.approx([1, 1], rel=0.01)


def test_levels_fall_and_cells_do_not_matter_to_each_other():
    load, n = np.linspace(0.05, 0.99, 1100), np.geomspace(2, 1e4, 1100).round()
    levels = levels_found(load, replicas=n, servers=2, choices=2, sampling=0.77)
    assert (np.diff(levels, axis=0) <= 1e-15).all()
    assert ((levels >= 0) & (levels <= 1)).all()
    i = 700
    alone = levels_found(
        load[i : i + 1], replicas=n[i : i + 1], servers=2, choices=2, sampling=0.77
    )
    assert levels[: len(alone), i] == pytest.approx(alone[:, 0], rel=1e-12)


def test_more_nodes_change_nothing(monkeypatch):
    load, n = np.array([0.5, 0.9, 0.99]), np.array([3.0, 10.0, 200.0])
    before = levels_found(load, replicas=n, servers=1, choices=2, sampling=0.77)
    monkeypatch.setattr(mean_field, "_NODES", 1000)
    # With three replicas the product has a kink, where a count is below the choices: 0.0045.
    found = levels_found(load, replicas=n, servers=1, choices=2, sampling=0.77)
    assert found[:, 0] == pytest.approx(before[:, 0], abs=5e-3)
    assert found[:, 1:] == pytest.approx(before[:, 1:], abs=3e-4)
