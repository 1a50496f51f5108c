"""Waits of one request at stations in a row, which depend on one another."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.waits_in_a_row import Wait, with_covariances


def wait(rate: float, arriving: float, station: qm.Station) -> Wait:
    result = station.solve(rate)
    assert result.wait is not None
    return Wait(result.wait, result.utilization, arriving, result.station.service.scv)


BUSY = wait(0.8, 1.0, qm.MMc(1.0))
REGULAR = wait(0.8, 1.0, qm.MDc(1.0, 1))
BURSTY = wait(0.8, 1.0, qm.MG1(qm.HyperExponential((0.9, 0.1), (0.5, 5.5))))


def test_behind_exponential_service_they_are_independent() -> None:
    assert BUSY.covariance(BURSTY) == 0
    assert with_covariances([BUSY, BUSY]) == [BUSY.time, BUSY.time]


def test_behind_constant_service_the_correlation_is_the_same_at_all_loads() -> None:
    for rate in (0.3, 0.8):
        before, after = wait(rate, 1.0, qm.MDc(1.0, 1)), wait(rate, 0.5, qm.MMc(1.0))
        both = np.sqrt(before.time.variance * after.time.variance)
        assert before.covariance(after) / both == pytest.approx(np.sqrt(1 / 3) / 3)


def test_bursty_service_in_formulas_of_its_own() -> None:
    """h, phi and the loads by hand: mean 1, E[S^2] = 6.5, E[S^3] = 0.9 .75 + 0.1 998.25."""
    second, third, rate = 6.5, 0.9 * 0.75 + 0.1 * 6 * 5.5**3, 0.8
    mean = rate * second / (2 * 0.2)
    variance = mean**2 + rate * third / (3 * 0.2)
    h, phi, g = (1 - 5.5) / (1 + 5.5), mean**2 / variance, 3.0 / 4.0
    other = wait(0.9, 3.0, qm.MMc(1.0))
    deviations = np.sqrt(variance * float(other.time.variance))
    expected = np.sqrt(g) / 3 * (phi * h - (1 - phi) ** 2 * 1.45 * np.sqrt(g) * h) * (0.1 / 0.2)
    assert BURSTY.covariance(other) == pytest.approx(expected * deviations)
    # And where bunches come, of an index of 3, to exponential service and constant one.
    deviations = float(other.time.variance)
    phi = 0.9 / 1.1
    expected = np.sqrt(g) / 3 * 0.5 * (phi + (1 - phi) * (1 + 1.5 * 2 / 3))
    assert other.covariance(other) == pytest.approx(expected * deviations)


def test_a_row_with_equal_indices_of_dispersion_and_service_is_independent() -> None:
    assert REGULAR._replace(arrival_scv=0.0).covariance(BUSY) == 0
    assert BURSTY._replace(arrival_scv=BURSTY.service_scv).covariance(BUSY) == 0


@pytest.mark.parametrize("first", [REGULAR, BURSTY])
@pytest.mark.parametrize("more", [0, 4], ids=["three stations", "seven stations"])
def test_the_sum_varies_as_the_covariances_say(first: Wait, more: int) -> None:
    row = [first, BUSY, *[REGULAR._replace(arrival_scv=0.1)] * more]
    row.append(REGULAR._replace(arrival_scv=0.6))
    pairs = sum(a.covariance(b) for i, b in enumerate(row) for a in row[:i])
    assert pairs != 0
    alone = sum(w.time.variance for w in row)
    found = qm.Sum(tuple(with_covariances(row)))
    assert found.mean == pytest.approx(sum(w.time.mean for w in row))
    assert found.variance == pytest.approx(alone + 2 * pairs)


def test_without_a_steady_state_nothing_is_changed() -> None:
    lost = wait(1.2, 1.0, qm.MDc(1.0, 1))
    assert lost.covariance(BUSY) == 0
    assert with_covariances([lost, BUSY])[0].mean == np.inf


def test_arrays_are_their_cells() -> None:
    rates = np.array([0.0, 0.3, 0.8, 1.1])
    path = qm.series(qm.call("a", qm.MDc(1.0, 1)), qm.call("b", qm.MMc(0.9)))
    many = qm.Pipeline(path).solve(rates).latency.quantile(0.99)
    for rate, value in zip(rates, many, strict=True):
        one = qm.Pipeline(path).solve(float(rate)).latency.quantile(0.99)
        assert float(one) == pytest.approx(float(value), rel=1e-9)


def test_each_wait_tells_its_variance_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each pair: of a row of 200 there are 19,900."""
    asked = []
    variance = qm.Gamma.variance
    monkeypatch.setattr(
        qm.Gamma, "variance", property(lambda d: asked.append(d) or variance.__get__(d))
    )
    row = [Wait(qm.Gamma(0.01 + 0.001 * k, 2.0), 0.5, 1.0, 2.0) for k in range(12)]
    found = with_covariances(row)
    assert len(found) == 12
    assert len(asked) <= 4 * 12
