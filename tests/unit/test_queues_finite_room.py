"""Stations with a finite capacity behind streams that are not Poisson."""

from __future__ import annotations

from math import comb, prod

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues import MG1K, MGcc, MGcK
from qmodel.queues.approximations.dispersion import POISSON
from qmodel.queues.approximations.losses_behind import BehindRoom
from qmodel.queues.phases.gaps import gaps_of


def takacs(transform: object, servers: int, service_time: float) -> float:
    """GI/M/c/c: 1 / sum over k of C(c, k) times the product of (1 - A(j mu)) / A(j mu)."""
    gap = [transform(j / service_time) for j in range(1, servers + 1)]  # type: ignore[operator]
    odds = [(1 - a) / a for a in gap]
    return float(1 / sum(comb(servers, k) * prod(odds[:k]) for k in range(servers + 1)))


@pytest.mark.parametrize("servers", [1, 3, 8])
def test_without_a_queue_as_takacs(servers: int) -> None:
    """Renewal arrivals of an SCV of 1/4 (Erlang) and of 4 (balanced hyperexponential)."""
    often = (1 + np.sqrt(3 / 5)) / 2
    mixed = qm.HyperExponential([often, 1 - often], [1 / (2 * often), 1 / (2 * (1 - often))])
    for scv, gaps in ((0.25, qm.Erlang(1.0, 4)), (4.0, mixed)):
        mean = 0.8 * servers
        known = takacs(gaps.laplace, servers, mean)
        for station in (MGcc(qm.Exponential(mean), servers), qm.MMcK(mean, servers, servers)):
            r = station.solve(qm.Stream(1.0, scv=scv))
            assert float(r.loss) == pytest.approx(known, rel=1e-9)
            assert float(r.accepted) == pytest.approx(1 - known, rel=1e-9)
            assert r.basis["loss"] == "approximate"


def test_a_long_room_is_gi_m_c() -> None:
    """The wait of E2/M/2 without a limit."""
    room = qm.MMcK(1.0, 2, 400).solve(qm.Stream(1.6, scv=0.5))
    free = qm.GMc(qm.Erlang(1.0, 2), 1.0, 2).solve(1.6)
    assert float(room.loss) < 1e-12
    assert float(room.waiting_time) == pytest.approx(float(free.waiting_time), rel=1e-9)
    assert float(room.wait.tail(3.0)) == pytest.approx(float(free.wait.tail(3.0)), rel=1e-9)


def test_an_scv_of_one_is_poisson_whatever_the_shape() -> None:
    sizes = {"servers": np.array([1, 2, 2]), "capacity": np.array([3, 5, 2])}
    plain = qm.MMcK(1.0, **sizes).solve(np.array([[0.9], [2.5]]))
    again = qm.MMcK(1.0, **sizes).solve(qm.Stream(np.array([[0.9], [2.5]]), scv=1.0))
    for name in ("loss", "accepted", "utilization", "waiting_time", "queue_length"):
        assert getattr(again, name) == pytest.approx(getattr(plain, name), rel=1e-9, abs=1e-15)
    assert again.number.probability(2) == pytest.approx(plain.number.probability(2), rel=1e-9)


def test_flows_balance_and_losses_grow_with_the_scv() -> None:
    scv = np.array([0.05, 0.3, 1.0, 2.0, 9.0])
    for station in (
        MGcK(qm.Erlang(1.0, 2), 3, 7),
        MG1K(qm.Gamma(0.3, 2.0), 4),
        qm.MMcK(1.0, 3, 9),
        MGcc(qm.LogNormal(1.0, 2.0), 3),
    ):
        r = station.solve(qm.Stream(2.7, scv=scv))
        assert np.all(np.diff(r.loss) > 0)
        served = r.utilization * r.station.servers / r.station.service.mean
        assert served == pytest.approx(2.7 * r.accepted, rel=1e-6)
        assert r.queue_length == pytest.approx(2.7 * r.accepted * r.waiting_time, rel=1e-6)


def test_edges() -> None:
    station = qm.MMcK(1.0, 2, 4)
    r = station.solve(qm.Stream(np.array([0.0, np.inf, np.nan]), scv=3.0))
    assert r.loss[:2].tolist() == [0.0, 1.0]
    assert np.isnan(r.loss[2])
    assert r.utilization[:2].tolist() == pytest.approx([0.0, 1.0])
    with pytest.raises(qm.ModelError, match="MGcK takes each request once and alone"):
        MGcK(qm.Erlang(1.0, 2), 2, 4).solve(qm.Stream(1.0, visits=2))


def test_the_times_between_arrivals_have_their_moments() -> None:
    scv = np.array([0.07, 0.5, 0.6, 1.0, 1.7, 30.0, np.nan])
    seen = []
    for cells, (initial, rates) in gaps_of(scv):
        seen += cells.tolist()
        for cell, start, generator in zip(cells, initial, rates, strict=True):
            times = np.linalg.inv(-generator)
            mean, square = start @ times.sum(axis=1), 2 * start @ (times @ times).sum(axis=1)
            assert mean == pytest.approx(1.0, rel=1e-9)
            assert square - 1 == pytest.approx(np.nan_to_num(scv[cell], nan=1.0), rel=1e-6)
    assert sorted(seen) == list(range(len(scv)))


def test_what_leaves_a_full_room_is_as_variable_as_its_service() -> None:
    for accepted, index in ((0.25, 0.25), (1 - 1e-9, 1.0)):
        rate = 4.0 if accepted < 1 / 2 else 0.5
        left = BehindRoom(POISSON, rate, accepted, qm.Gamma(1.0, 0.25), 1, 50, 1.0)
        assert 1 + float(left.extra(1e9, {})) == pytest.approx(index, rel=1e-3)


def test_losses_on_a_path_follow_the_stream() -> None:
    """Simulated with 6e5 requests: 9.9 % behind lognormal, 3.1 % behind constant service."""
    for first, lost, off in (
        (qm.MG1(qm.LogNormal(0.85, 4.0)), 0.0995, 0.02),
        (qm.MDc(0.85, 1), 0.0308, 0.06),
        (qm.MMc(0.85), 0.0508, 0.005),
    ):
        path = qm.series(qm.call("first", first), qm.call("room", qm.MMcK(0.9, 1, 10)))
        assert float(qm.Pipeline(path).solve(1.0).rejected) == pytest.approx(lost, rel=off)


def test_one_after_the_other_and_none_where_nobody_is_late() -> None:
    room = qm.call("room", MG1K(qm.Deterministic(0.9), 5))
    regular = qm.series(qm.call("first", qm.MDc(0.9, 1)), room, qm.limit("quota", 1.0, burst=2))
    r = qm.Pipeline(regular).solve(np.array([0.5, 1.0]))
    assert np.all(r.stations["room"].loss < 1e-4)
    assert r.rejected.shape == (2,)


def test_what_comes_back_is_taken_as_poisson() -> None:
    door = qm.call("door", MG1K(qm.Gamma(0.1, 2.0), 4))
    back = qm.Pipeline(qm.series(door, qm.call("db", qm.MG1(qm.Gamma(0.05, 3.0))), door))
    r = back.solve(5.0)
    assert "poisson-losses" in r.basis.assumptions("visits")
    plain = MG1K(qm.Gamma(0.1, 2.0), 4).solve(r.stations["door"].arrival_rate)
    assert float(r.stations["door"].loss) == pytest.approx(float(plain.loss), rel=1e-9)


def test_very_large_rooms_are_taken_as_behind_poisson_arrivals() -> None:
    large = qm.MMcK(0.9 * 3000, 3000, 3100)
    with pytest.raises(qm.ModelError, match="up to 2000 servers"):
        large.solve(qm.Stream(1.0, scv=2.0))
    first = qm.call("first", qm.MG1(qm.Gamma(0.8, 4.0)))
    r = qm.Pipeline(qm.series(first, qm.call("room", large))).solve(1.0)
    assert float(r.stations["room"].loss) == float(large.solve(1.0).loss)
    assert "poisson-losses" in r.basis.assumptions("visits")
