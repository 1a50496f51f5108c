"""Streams, results and frames, as every station has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.numerics import quadrature
from qmodel.queues.base import StationResult
from qmodel.queues.waits.busy_period import BusyPeriod
from qmodel.testing import laws


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


def test_streams_that_share_a_distribution_keep_the_model() -> None:
    distribution = qm.Exponential(0.1)
    r = qm.MMc(0.2, servers=2).solve(
        [qm.Stream(4.0, distribution), qm.Stream(5.0, distribution)]
    )
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


S, LAMBDA = sp.symbols("S lambda", positive=True)
NO_SYMBOLS = {
    "GM1": lambda: qm.GM1(qm.Exponential(1.0), S).solve(LAMBDA),
    "GM1 shape": lambda: qm.GM1(qm.Exponential(S), 1.0).solve(0.5),
    "GMc shape": lambda: qm.GMc(qm.Exponential(S), 1.0, 2).solve(0.5),
    "MG1K": lambda: qm.MG1K(qm.Exponential(S), 3).solve(LAMBDA),
    "MG1K distribution": lambda: qm.MG1K(qm.Gamma(S, 2.0), 3).solve(1.0),
    "MGc": lambda: qm.MGc(qm.Gamma(S, 2.0), 2).solve(LAMBDA),
    "BirthDeath": lambda: qm.BirthDeath([1.0, 2.0]).solve(LAMBDA),
    "BirthDeath rates": lambda: qm.BirthDeath([1 / S, 2 / S]),
    "distribution of MMcK": lambda: qm.MMcK(S, 2, 5).solve(LAMBDA).response.quantile(0.9),
}


@pytest.mark.parametrize("what", NO_SYMBOLS)
def test_what_has_no_symbolic_form_says_so(what: str) -> None:
    with pytest.raises(qm.ModelError, match=r"symbol|numbers|only the mean"):
        NO_SYMBOLS[what]()


def test_moments_of_busy_periods_and_of_a_finite_queue_on_symbols() -> None:
    period = BusyPeriod(qm.Exponential(S), LAMBDA, qm.Exponential(S))
    same = BusyPeriod(qm.Exponential(0.2), 3.0, qm.Exponential(0.2))
    for moment in ("mean", "variance", "third_cumulant", "defect"):
        value = sp.sympify(getattr(period, moment)).subs({S: 0.2, LAMBDA: 3.0})
        assert float(value) == pytest.approx(float(getattr(same, moment)), rel=1e-12)
    wait = qm.MMcK(S, 2, 5).solve(LAMBDA).wait
    number = float(wait.mean.doit().subs({S: 0.2, LAMBDA: 3.0}))
    assert number == pytest.approx(qm.MMcK(0.2, 2, 5).solve(3.0).wait.mean, rel=1e-9)


UNKNOWN = {
    "MDc": qm.MDc(0.5, 2),
    "MG1": qm.MG1(qm.Deterministic(0.5)),
    "MG1 heavy": qm.MG1(qm.Pareto(0.5, 2.5)),
    "MG1Priority": qm.MG1Priority(qm.Deterministic(0.5)),
    "MG1KPS": qm.MG1KPS(qm.Deterministic(0.5), 3),
    "MXG1": qm.MXG1(qm.Deterministic(0.5), qm.FixedBatch(2)),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_nothing_is_known_before_the_service_at_an_unknown_load(kind: str) -> None:
    distribution = UNKNOWN[kind].solve(np.array([np.nan, 1.0])).response
    for t in (0.0, 0.1, 0.7):
        assert np.isnan(distribution.tail(t)).tolist() == [True, False]
        assert np.isnan(distribution.density(t)).tolist() == [True, False]


@pytest.mark.parametrize("servers", [1, 2])
def test_third_cumulant_of_a_time_known_by_its_tail(servers: int) -> None:
    """One client beside: the wait of M/M/1 with two clients is exponential, if there is one."""
    distribution = qm.FiniteSource(1.0, servers, 2).solve(0.5).wait
    p = 0.0 if servers == 2 else float(distribution.tail(0.0))
    assert float(distribution.third_cumulant) == pytest.approx(
        6 * p - 6 * p**2 + 2 * p**3, abs=1e-9
    )


@pytest.mark.parametrize("capacity", [2, 5])
def test_moments_of_a_bounded_response_are_those_of_its_transform(capacity: int) -> None:
    distribution = qm.MG1KPS(qm.Gamma(1.0, 2.0), capacity).solve(0.8).response
    laws.mean_is_slope_of_transform(distribution, rel=1e-4)
    times = [*distribution.sizes] + [x * capacity for x in distribution.sizes]
    first, second, third = quadrature.moments(distribution.tail, 2.0, times)
    cumulant = third - 3 * first * second + 2 * first**3
    assert distribution.third_cumulant == pytest.approx(cumulant, rel=1e-4)


@dataclass(frozen=True, slots=True, eq=False)
class Choosy(qm.Station):
    """A station of a third party that loses requests and yet saturates: half go elsewhere."""

    service: qm.Distribution
    servers: int = 1
    loses = True

    @property
    def max_rate(self) -> float:
        return 2 * self.servers / self.service.mean

    def serving(self, service: qm.Distribution) -> Choosy:
        return Choosy(service, self.servers)

    def _solve(self, arrival_rate: Any) -> StationResult:
        stay = qm.MMc(self.service.mean, self.servers)._solve(0.5 * arrival_rate)
        here = 0.5 + 0.0 * arrival_rate
        return replace(stay, station=self, arrival_rate=arrival_rate, loss=here, accepted=here)


def test_what_loses_may_saturate() -> None:
    r = Choosy(qm.Exponential(0.1)).solve([0.0, 10.0, 19.0, 25.0, np.inf])
    np.testing.assert_allclose(r.throughput, [0, 5, 9.5, 10, 10])
    np.testing.assert_allclose(r.response_time, [0.1, 0.2, 2, np.inf, np.inf])
    assert qm.capacity(Choosy(qm.Exponential(0.1))) == 20
    capacity = qm.capacity(Choosy(qm.Exponential(0.1)), "mean < 200 ms")
    assert capacity == pytest.approx(10, rel=1e-9)


def test_what_is_accepted_is_what_is_not_lost_unless_it_is_stated() -> None:
    r = qm.MMc(0.1).solve(5.0)
    assert (r.accepted, r.rejected, r.abandoned) == (1, 0, 0)
    lossy = replace(r, loss=0.25, abandonment=0.25, accepted=None)
    assert lossy.accepted == 0.5
    assert lossy.offered_load == 0.5


def test_what_is_known_at_another_load_is_not_taken() -> None:
    station = qm.MGc(qm.LogNormal(0.02, 4.0), 2)
    other, streams = station.solve(30.0), [qm.Stream(60.0)]
    assert (
        station._solve_streams(streams, other).waiting_time == station.solve(60.0).waiting_time
    )
    kept = station._solve_streams([qm.Stream(30.0)], other)
    assert kept.wait is other.wait
