"""Streams, results and frames, as every station has them."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm


def test_streams_of_fcfs_wait_alike() -> None:
    station = qm.MMc(0.010, servers=4)
    r = station.solve([qm.Stream(90.0), qm.Stream(10.0, qm.Exponential(0.030))])
    assert r.arrival_rate == 100.0
    assert r.utilization == pytest.approx((0.9 + 0.3) / 4)
    reads, writes = r.streams
    assert reads.waiting_time == writes.waiting_time == r.waiting_time
    assert writes.response_time - reads.response_time == pytest.approx(0.020)
    assert writes.response.mean == pytest.approx(writes.response_time, rel=1e-9)
    mixed = 0.9 * reads.response_time + 0.1 * writes.response_time
    assert r.response_time == pytest.approx(mixed, rel=1e-12)


def test_one_stream_is_the_plain_rate() -> None:
    station = qm.MMc(0.2, servers=2)
    plain, stream = station.solve(9.0), station.solve(qm.Stream(9.0))
    assert plain.response_time == stream.response_time
    assert len(plain.streams) == 1
    assert plain.streams[0].response_time == plain.response_time


def test_streams_that_share_a_law_keep_the_model() -> None:
    law = qm.Exponential(0.1)
    r = qm.MMc(0.2, servers=2).solve([qm.Stream(4.0, law), qm.Stream(5.0, law)])
    assert r.response_time == pytest.approx(qm.MMc(0.1, 2).solve(9.0).response_time)
    assert str(r.basis) == "exact"


def test_streams_without_load() -> None:
    r = qm.MMc(0.2).solve([qm.Stream(0.0), qm.Stream(0.0, qm.Exponential(0.4))])
    assert np.isfinite(r.response_time)
    assert r.waiting_time == 0


def test_a_load_is_a_rate_or_streams() -> None:
    with pytest.raises(qm.ModelError, match="mix of both"):
        qm.MMc(0.2).solve([qm.Stream(1.0), 2.0])
    with pytest.raises(qm.DomainError, match=r"arrival_rate .* got -1"):
        qm.Stream(-1.0)


def test_results_are_frozen() -> None:
    r = qm.MMc(0.2).solve(1.0)
    with pytest.raises(AttributeError):
        r.utilization = 2.0
    with pytest.raises(AttributeError):
        qm.MMc(0.2).servers = 3


def test_frame() -> None:
    r = qm.MMc(0.2, servers=2).solve(np.array([1.0, 9.0]))
    frame = r.to_frame()
    assert len(frame) == 2
    assert frame["response_time"].tolist() == r.response_time.tolist()
    assert frame["p99"].tolist() == pytest.approx(r.response.quantile(0.99).tolist())
    assert frame["basis"].tolist() == ["exact", "exact"]
    assert frame.attrs["units"]["response_time"] == "s"
    grid = qm.MMc(0.2, servers=np.array([[1], [2]])).solve([1.0, 2.0, 3.0]).to_frame()
    assert len(grid) == 6


def test_assumptions_carry_their_source() -> None:
    r = qm.MMc(0.2).solve(1.0)
    assert "poisson-arrivals" in r.assumptions
    assert all(a.source and a.statement for a in r.assumptions)


def test_a_station_needs_its_parts() -> None:
    class Half(qm.Station):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Half()
