"""M/G/inf: nobody waits."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm


def test_number_present() -> None:
    """Any law: arrival rate times mean (3/s times 2 s)."""
    for service in (qm.Deterministic(2.0), qm.Exponential(2.0), qm.Gamma(2.0, 3.0)):
        r = qm.Delay(service).solve(3.0)
        assert r.number_in_system == 6.0
        assert r.waiting_time == r.queue_length == r.utilization == 0.0
        assert r.response is service
        assert str(r.basis) == "exact"


def test_a_number_is_a_constant_delay() -> None:
    station = qm.Delay(0.045)
    assert isinstance(station.service, qm.Deterministic)
    assert station.solve(1e9).response.quantile(0.999) == 0.045
    assert np.isposinf(station.max_rate)
    assert np.isposinf(station.servers)


def test_streams_with_their_own_delay() -> None:
    r = qm.Delay(1.0).solve([qm.Stream(1.0), qm.Stream(3.0, qm.Deterministic(2.0))])
    assert r.response_time == pytest.approx(1.75)
    assert [s.response_time for s in r.streams] == [1.0, 2.0]


def test_impossible_values() -> None:
    with pytest.raises(qm.DomainError, match=r"service .* got -1"):
        qm.Delay(-1.0)
    with pytest.raises(qm.DomainError, match="arrival_rate"):
        qm.Delay(1.0).solve(-1.0)
