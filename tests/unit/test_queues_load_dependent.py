"""Stations whose speed depends on the number present: known values, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

import qmodel as qm
from qmodel.queues.waits.tagged_request import exponentials_of, log_states

USL = [n / (1 + 0.05 * (n - 1) + 0.002 * n * (n - 1)) for n in range(1, 23)]


def test_a_database_of_known_scalability() -> None:
    """The means by a birth-death scan of another program."""
    r = qm.LoadDependent(qm.Exponential(0.05), USL).solve([80.0, 120.0, 140.0])
    np.testing.assert_allclose(r.response_time, [0.067847, 0.096498, 0.190415], atol=1e-6)
    np.testing.assert_allclose(r.response.mean, r.response_time, rtol=1e-6)
    chain = qm.BirthDeath([20 * v for v in USL] + [20 * USL[-1]] * 400).solve(120.0)
    assert r.number.mean[1] == pytest.approx(chain.number.mean, rel=1e-12)
    assert r.number.tail(3)[1] == pytest.approx(chain.number.tail(3), rel=1e-12)
    assert str(r.basis) == "exact"


@pytest.mark.parametrize("load", [0.6, 1.5, 1.7])
def test_the_distribution_is_that_of_the_chain(load: float) -> None:
    speeds = np.array([1.0, 1.6, 1.9, 1.8])
    probability = np.exp(log_states(load, speeds))
    n = np.arange(1, min(probability.size, 400))
    speed = speeds[np.minimum(n - 1, 3)]
    chain = np.diag(np.full(n.size - 1, load), 1) + np.diag((speed * (n - 1) / n)[1:], -1)
    chain -= np.diag(np.append(np.full(n.size - 1, load), 0.0) + speed)
    start = probability[: n.size] / probability[: n.size].sum()
    weights, means = exponentials_of(load, speeds)
    assert weights.sum() == pytest.approx(1.0)
    for t in (0.1, 1.0, 5.0, 20.0):
        known = (start @ expm(chain * t)).sum()
        assert weights @ np.exp(-t / means) == pytest.approx(known, abs=3e-9)


def test_its_limits() -> None:
    rates = np.array([2.0, 8.0, 9.9])
    one, shared = (
        s.solve(rates)
        for s in (
            qm.LoadDependent(qm.Exponential(0.1), (1,)),
            qm.MG1PS(qm.Exponential(0.1)),
        )
    )
    np.testing.assert_allclose(
        one.response.quantile(0.99), shared.response.quantile(0.99), rtol=1e-6
    )
    # What an arrival meets is forgotten as in M/G/1 that is shared, of which it is known.
    for distribution in (qm.Deterministic(0.1), qm.Gamma(0.1, 0.25), qm.LogNormal(0.1, 4.0)):
        one, shared = (
            s.solve(rates).response
            for s in (qm.LoadDependent(distribution, (1,)), qm.MG1PS(distribution))
        )
        np.testing.assert_allclose(one.quantile(0.9), shared.quantile(0.9), rtol=1e-6)
    for distribution in (qm.Gamma(0.1, 0.25), qm.LogNormal(0.1, 4.0)):
        four, cores = (
            s.solve(rates * 4)
            for s in (qm.LoadDependent(distribution, (1, 2, 3, 4)), qm.MGcPS(distribution, 4))
        )
        np.testing.assert_allclose(four.response_time, cores.response_time, rtol=1e-12)
        np.testing.assert_allclose(four.number.tail(5), cores.number.tail(5), rtol=1e-9)
        np.testing.assert_allclose(four.response.mean, cores.response.mean, rtol=1e-6)
    # Twice as fast in every state is half of the time.
    fast, slow = (
        qm.LoadDependent(qm.Gamma(s, 2.0), v).solve(9.0)
        for s, v in ((0.1, (2.0, 3.2)), (0.05, (1.0, 1.6)))
    )
    assert fast.response.quantile(0.9) == pytest.approx(slow.response.quantile(0.9), rel=1e-9)


def test_idle_overload_and_unknown() -> None:
    for distribution in (qm.Exponential(0.1), qm.Gamma(0.1, 0.5)):
        r = qm.LoadDependent(distribution, (0.5, 1.8)).solve([0.0, 17.9, 18.0, np.nan, np.inf])
        np.testing.assert_allclose(
            r.response_time, [0.2, r.response.mean[1], np.inf, np.nan, np.inf], rtol=1e-6
        )
        np.testing.assert_array_equal(
            np.isinf(r.response.quantile(0.9)), [False, False, True, False, True]
        )
        assert np.isnan(r.response.quantile(0.9)[3])
        # Sizes are taken as uniform within cells.
        assert r.response.quantile(0.5)[0] == pytest.approx(
            distribution.quantile(0.5) * 2, rel=2e-2
        )
    with pytest.raises(qm.DomainError, match="speeds"):
        qm.LoadDependent(qm.Exponential(0.1), ())


def test_streams_and_paths() -> None:
    db = qm.LoadDependent(qm.Exponential(0.1), (1, 1.8))
    r = db.solve([qm.Stream(3.0), qm.Stream(4.0, qm.Deterministic(0.05))])
    for stream in r.streams:
        assert stream.response.mean == pytest.approx(stream.response_time, rel=1e-6)
    assert r.streams[1].response_time == pytest.approx(r.streams[0].response_time / 2)
    path = qm.Pipeline(qm.series(qm.call("a", qm.MMc(0.01)), qm.call("db", db)))
    solved = path.solve(7.0)
    assert path.max_rate == pytest.approx(18.0)
    assert solved.latency.mean == pytest.approx(0.01 / 0.93 + db.solve(7.0).response_time)


@pytest.mark.parametrize("load", [1e-12, 1e-6, 1e-3])
def test_waits_keep_their_digits_where_hardly_anybody_comes(load: float) -> None:
    one = qm.queues.LoadDependent(qm.Exponential(1.0), (1.0,)).solve(load)
    assert one.waiting_time == pytest.approx(load / (1 - load), rel=1e-12)
    assert one.queue_length == pytest.approx(load**2 / (1 - load), rel=1e-12)
    # At speeds of 1 and 2 these are two servers.
    two = qm.queues.LoadDependent(qm.Exponential(1.0), (1.0, 2.0)).solve(load)
    assert two.waiting_time == pytest.approx(qm.MMc(1.0, 2).solve(load).waiting_time, rel=1e-12)
