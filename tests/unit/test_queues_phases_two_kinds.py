"""Service of two kinds of request: simulated waits, and what the kinds are."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.phases.two_kinds import _line, two_kinds


def uniform_kinds(mean: float = 1.0) -> qm.Distribution:
    """Return a time that is twenty times as long for one request in twenty."""
    short = mean / (0.95 + 0.05 * 20)
    parts = (qm.Uniform(short / 2, 1.5 * short), qm.Uniform(10 * short, 30 * short))
    return qm.Mixture((0.95, 0.05), parts)


# Servers, load, mean wait, P(wait), p95 and p99 of the wait: 6 million simulated requests, with
# standard errors up to 1.2 %; p95 of 8 servers at half load 3 %.
SIMULATED = [
    (2, 0.5, 0.8725, 0.3423, 6.167, 11.075),
    (2, 0.8, 5.065, 0.7209, 20.16, 32.22),
    (4, 0.5, 0.1915, 0.1825, 1.035, 4.432),
    (4, 0.8, 2.033, 0.6129, 9.269, 15.37),
    (8, 0.8, 0.7345, 0.4774, 4.029, 7.144),
    (16, 0.8, 0.2221, 0.3230, 1.407, 3.109),
    (24, 0.9, 0.5699, 0.5406, 2.818, 4.949),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("servers", "load", "mean", "waits", "p95", "p99"), SIMULATED)
def test_simulated_waits(
    servers: int, load: float, mean: float, waits: float, p95: float, p99: float
) -> None:
    r = qm.MGc(uniform_kinds(), servers).solve(load * servers)
    assert r.wait is not None
    assert r.waiting_time == pytest.approx(mean, rel=0.05)
    assert r.wait.tail(0.0) == pytest.approx(waits, rel=0.012)
    assert r.wait.quantile(0.95) == pytest.approx(p95, rel=0.075)
    assert r.wait.quantile(0.99) == pytest.approx(p99, rel=0.06)
    assert "two-kinds-of-request" in r.basis.assumptions("p99")
    assert ("from-fewer-servers" in r.basis.assumptions("p99")) == (servers > 16)
    assert r.basis["p99"] == "approximate"


def test_a_tail_falls_and_has_the_mean_for_its_area() -> None:
    times = np.geomspace(1e-3, 2000.0, 600)[:, None, None]
    servers, loads = np.array([[2], [5], [9]]), np.array([0.2, 0.5, 0.9])
    one = qm.Mixture((0.99, 0.01), (qm.Deterministic(1 / 1.99), qm.Deterministic(100 / 1.99)))
    for service in (uniform_kinds(), one):
        r = qm.MGc(service, servers).solve(loads * servers)
        assert r.wait is not None
        tail = np.asarray(r.wait.tail(times))
        assert ((tail >= 0) & (tail <= 1)).all()
        assert (np.diff(tail, axis=0) <= 1e-4).all()
        area = np.trapezoid(tail, times, axis=0) + 1e-3 * tail[0]
        assert area == pytest.approx(r.wait.mean, rel=0.02, abs=2e-3)


def test_kinds_are_found_in_mixtures_and_in_samples() -> None:
    found = two_kinds(uniform_kinds(0.3))
    assert found is not None
    assert found.share == pytest.approx(0.05, rel=1e-3)
    assert found.means == pytest.approx((1 / 1.95, 20 / 1.95), rel=1e-3)
    assert found.scvs == pytest.approx((1 / 12, 1 / 12), rel=1e-3)
    rng = np.random.default_rng(5)
    long = rng.random(4000) < 0.05
    samples = np.where(long, 20.0, 1.0) * rng.uniform(0.5, 1.5, 4000)
    seen = two_kinds(qm.Empirical(samples))
    assert seen is not None
    assert seen.share == pytest.approx(long.mean(), rel=1e-3)
    assert sum(seen.scvs) == pytest.approx(1 / 6, abs=0.02)
    # Both moments are those of the whole.
    p, means, scvs = seen
    shares = np.array([1 - p, p])
    assert shares @ means == pytest.approx(1.0, rel=1e-3)
    second = shares @ (np.square(means) * (1 + np.array(scvs)))
    expected = 1 + float(qm.Empirical(samples).scv)
    assert second == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    "service",
    [
        qm.LogNormal(1.0, 2.0),
        qm.LogNormal(1.0, 4.0),
        qm.LogNormal(1.0, 9.0),
        qm.Gamma(1.0, 4.0),
        qm.distributions.Pareto(1.0, 1.5, 1000.0),
    ],
    ids=repr,
)
def test_a_long_tail_is_no_kind(service: qm.Distribution) -> None:
    scaled = qm.distributions.Scaled(service, 1 / service.mean)
    r = qm.MGc(scaled, 4).solve(2.0)
    assert "fitted-phases" in r.basis.assumptions("p99")


def test_one_length_is_one_kind() -> None:
    for service in (qm.Deterministic(1.0), qm.Uniform(0.5, 1.5)):
        assert two_kinds(service) is None


def test_lines_go_through_their_points() -> None:
    for scv in (0.0, 0.1, 1 / 3, 1 / 2, 0.8):
        first, last = _line((2, 4), scv)
        assert first + last == pytest.approx(1.0)
        assert first / 2 + last / 4 == pytest.approx(scv)
