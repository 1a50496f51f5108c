import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.balancing.random_split import RandomSplit
from qmodel.balancing.sharded import Sharded, shares_of_imbalance, usable_capacity
from qmodel.errors import DomainError, ModelError


def test_is_the_mixture_over_the_shards():
    shares, rate = np.array([0.5, 0.3, 0.2]), 150.0
    r = Sharded(qm.MMc(0.01), shares).solve(rate)
    gap = 100 - rate * shares  # each shard is an M/M/1 queue of its own
    t = np.array([0.0, 0.02, 0.2])
    assert r.response_time == pytest.approx((shares / gap).sum())
    np.testing.assert_allclose(r.response.tail(t), (shares * np.exp(-np.outer(t, gap))).sum(1))
    assert r.number_in_system == pytest.approx((rate * shares / gap).sum())
    assert r.utilization == pytest.approx(0.75)
    assert r.basis == "exact"


def test_even_shares_are_a_random_split():
    replica = qm.MGc(qm.from_mean_scv(0.01, 4.0), 2)
    even = Sharded(replica, [0.25] * 4).solve(500.0)
    split = RandomSplit(replica, 4).solve(500.0)
    assert even.response_time == pytest.approx(split.response_time)
    assert even.response.quantile(0.99) == pytest.approx(split.response.quantile(0.99))


def test_the_fullest_decides():
    shards = Sharded(qm.MMc(0.01), [0.4, 0.2, 0.2, 0.2])
    assert shards.max_rate == pytest.approx(250)
    assert shards.max_rate == pytest.approx(400 * usable_capacity(shards.shares))
    r = shards.solve([249.0, 250.0, np.nan])
    assert np.isfinite(r.response_time[0])
    assert np.isinf(r.response_time[1])
    assert np.isfinite(r.response.quantile(0.5)[1])  # of those who go elsewhere
    assert np.isnan(r.response_time[2])


def test_in_a_pipeline_and_with_streams():
    shards = Sharded(qm.MMc(0.01), [0.6, 0.4])
    p = qm.Pipeline(qm.call("db", shards))
    assert p.solve(100.0).latency.mean == pytest.approx(shards.solve(100.0).response_time)
    streams = [qm.Stream(60.0), qm.Stream(20.0, qm.Exponential(0.02))]
    one = shards.solve(streams)
    parts = [qm.MMc(0.01).solve([qm.Stream(60 * w), qm.Stream(20 * w, qm.Exponential(0.02))])
             for w in (0.6, 0.4)]  # fmt: skip
    mean = 0.6 * parts[0].waiting_time + 0.4 * parts[1].waiting_time
    assert one.waiting_time == pytest.approx(mean)
    assert one.streams[1].response_time == pytest.approx(mean + 0.02)


def test_symbols():
    rate, s = sp.symbols("lambda S", positive=True)
    w = sp.Rational(2, 3)
    r = Sharded(qm.MMc(s), [w, 1 - w]).solve(rate)
    wanted = w * s / (1 - w * rate * s) + (1 - w) * s / (1 - (1 - w) * rate * s)
    assert sp.simplify(r.response_time.doit() - wanted) == 0


@given(st.integers(1, 40), st.floats(0, 1))
def test_shares_of_imbalance(shards, part):
    x = 1 + part * (shards - 1)
    shares = shares_of_imbalance(x, shards)
    assert sum(shares) == pytest.approx(1)
    assert shards * usable_capacity(shares) * max(shares) == pytest.approx(1)
    assert usable_capacity(shares) == pytest.approx(1 / x)


@given(st.floats(0.3, 0.95), st.floats(0, 0.9))
def test_uneven_shares_are_never_faster(load, part):
    even, uneven = (Sharded(qm.MMc(0.01), shares_of_imbalance(x, 4)) for x in (1, 1 + part))
    assert uneven.max_rate <= even.max_rate * (1 + 1e-12)
    rate = load * uneven.max_rate
    assert uneven.solve(rate).response_time >= even.solve(rate).response_time * (1 - 1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Sharded(qm.MMc(1.0), [0.5, 0.4]), DomainError, "shares must be 1, got 0.9"),
        (lambda: Sharded(qm.MMc(1.0), []), DomainError, "shares must not be empty"),
        (lambda: Sharded(qm.MMc(1.0), [1.5, -0.5]), DomainError, "shares must be a prob"),
        (lambda: Sharded(0.5, [1.0]), ModelError, "must be a Station"),
        (lambda: usable_capacity([0.2, 0.2]), DomainError, "shares must be 1, got 0.4"),
        (lambda: shares_of_imbalance(0.9, 4), DomainError, "from 1 to the 4 shards, got 0.9"),
        (lambda: shares_of_imbalance(5, 4), DomainError, "from 1 to the 4 shards, got 5"),
        (lambda: shares_of_imbalance(2, [4, 5]), DomainError, "shards must be one number"),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
