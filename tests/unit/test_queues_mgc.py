"""M/G/c: Kimura's mean, exact at both ends, and its stated error in between."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues import mgc

E2, H2 = qm.Erlang(1.0, 2), balanced_hyperexponential(1.0, 4.0)

# Servers, law, mean wait, P(wait), P(wait > twice its mean): 80 % load, solved as QBDs.
QBD = [
    (2, E2, 1.34239130435, 0.708695652174, 0.1700715045),
    (5, E2, 0.423226072542, 0.548410429714, 0.1845508711),
    (20, E2, 0.0502880399489, 0.249659203314, 0.1568653991),
    (2, H2, 4.28537766319, 0.718382735397, 0.1760100503),
    (5, H2, 1.25415140466, 0.56955461742, 0.1731437541),
    (20, H2, 0.123064431405, 0.271948392568, 0.1367608603),
]


@pytest.mark.parametrize(("servers", "service", "wait", "waits", "twice"), QBD)
def test_stated_errors(
    servers: int, service: qm.Distribution, wait: float, waits: float, twice: float
) -> None:
    """5 % in the mean to SCV 2, 8 % at 4; 12 % in P(wait)."""
    r = qm.MGc(service, servers).solve(0.8 * servers)
    assert r.waiting_time == pytest.approx(wait, rel=0.05 if service.scv <= 2 else 0.08)
    assert 1 - r.wait.atom == pytest.approx(waits, rel=0.12)
    assert r.wait.tail(2 * wait) == pytest.approx(twice, rel=0.13)
    assert r.basis["waiting_time"] == r.basis["p99"] == "approximate"
    assert r.basis["utilization"] == "exact"
    assert "kimura" in r.basis.assumptions("waiting_time")


def test_kimura() -> None:
    """Kimura 1994, table 1: c = 5, SCV 1.5, number in queue at four loads."""
    loads = np.array([0.9, 0.7, 0.5, 0.3])
    got = mgc.waiting_time(5 * loads, 1.0, 1.5, 5) * 5 * loads
    np.testing.assert_allclose(got, [8.50, 1.06, 0.15, 0.01], atol=0.005)


def test_constant_service_is_exact() -> None:
    """M/D/5 at 80 %, by Spitzer's identity in mpmath."""
    r = qm.MGc(qm.Deterministic(1.0), 5).solve(4.0)
    assert r.waiting_time == pytest.approx(0.289060007262668, rel=1e-11)
    assert r.wait.atom == pytest.approx(0.466384937034375, rel=1e-11)
    assert r.wait.variance == pytest.approx(0.19462518156, rel=1e-9)
    assert r.basis["waiting_time"] == "exact"
    assert r.basis["p99"] == "exact"


def test_overload_and_idleness_raise_no_warning() -> None:
    with np.errstate(all="raise"):
        r = qm.MGc(E2, 2).solve(np.array([0.0, 1.0, 2.0, 5.0, np.nan]))
        assert r.waiting_time[0] == 0
        assert np.isposinf(r.waiting_time[2:4]).all()
        assert np.isnan(r.waiting_time[4])


def test_wait_that_is_never() -> None:
    r = qm.MGc(E2, 400).solve(4.0)
    assert r.waiting_time == pytest.approx(0.0, abs=1e-200)
    assert r.response.quantile(0.99) == pytest.approx(E2.quantile(0.99), rel=1e-9)


def test_impossible_values() -> None:
    with pytest.raises(qm.DomainError, match=r"servers .* got 2.5"):
        qm.MGc(E2, 2.5)
    with pytest.raises(qm.ModelError, match="service"):
        qm.MGc("E2", 2)
    with pytest.raises(qm.DomainError, match="scv"):
        mgc.waiting_time(1.0, 1.0, -0.1, 2)


def test_waits_too_small_for_a_float_are_zero() -> None:
    assert float(mgc.waiting_time(0.02734375 * 272, 1.0, 3.0, 272)) == 0.0
