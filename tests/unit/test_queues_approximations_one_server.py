"""What leaves one server: an index of dispersion that is known, and how a station feels it."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.behind import Behind
from qmodel.queues.approximations.clock import Clock, felt_by_clock
from qmodel.queues.approximations.dispersion import POISSON, mixed
from qmodel.queues.approximations.one_server import OneServer

RATES = np.geomspace(1e-3, 30.0, 9)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9, 0.99])
def test_departures_of_exponential_service_are_poisson(load: float) -> None:
    """Burke's theorem; the transform is read off a grid."""
    index, _ = OneServer(load, qm.Exponential(load))(RATES)
    assert index == pytest.approx(np.zeros(9), abs=5e-4)


@pytest.mark.parametrize(
    "service", [qm.Deterministic(0.7), qm.Gamma(0.7, 0.3), qm.LogNormal(0.7, 4.0)]
)
def test_index_is_that_of_a_simulation(service: qm.Distribution) -> None:
    """Departures of 4e5 requests, counted within exponential times."""
    rng = np.random.default_rng(5)
    count = 400_000
    arrivals = np.cumsum(rng.exponential(size=count))
    draw = {
        "Deterministic": lambda: np.full(count, 0.7),
        "Gamma": lambda: rng.gamma(1 / 0.3, 0.3 * 0.7, size=count),
        "LogNormal": lambda: rng.lognormal(
            np.log(0.7) - np.log(5) / 2, np.sqrt(np.log(5)), count
        ),
    }
    work = np.cumsum(draw[type(service).__name__]())
    left = work + np.maximum.accumulate(arrivals - np.concatenate([[0.0], work[:-1]]))
    at = OneServer(0.7, service)
    for rate in (0.1, 1.0):
        begins = rng.uniform(0, left[-1] * 0.99, 400_000)
        ends = begins + rng.exponential(1 / rate, begins.size)
        seen = np.searchsorted(left, ends) - np.searchsorted(left, begins)
        # Over an exponential time the mean number itself varies.
        index = (seen.var() - seen.mean() ** 2) / seen.mean()
        assert 1 + at(np.array([rate]))[0][0] == pytest.approx(index, rel=0.04)


@pytest.mark.parametrize("service", [qm.Deterministic(0.6), qm.LogNormal(0.6, 9.0)])
def test_a_departure_stream_is_poisson_over_long_times_and_at_once(service: object) -> None:
    index, _ = OneServer(0.6, service)(np.array([1e-7, 1e4]))
    assert index == pytest.approx(np.zeros(2), abs=2e-3)


def test_a_server_without_rest_has_the_index_of_its_services() -> None:
    rates = np.array([0.01, 0.1, 1.0])
    gamma = qm.Gamma(1.0, 0.25)
    index, passed = OneServer(1.0, gamma)(rates)
    transform = gamma.laplace(rates)
    exact = (1 + transform) / (1 - transform) - 2 / rates
    assert 1 + index == pytest.approx(exact, abs=2e-3)
    assert passed == pytest.approx(np.zeros(3))


def test_what_is_passed_on_falls_with_the_rate_and_the_load() -> None:
    loads = np.array([0.2, 0.5, 0.9])
    _, passed = OneServer(loads, qm.Exponential(1.0))(RATES)
    assert passed.shape == (3, 9)
    assert np.all(np.diff(passed, axis=0) <= 0)
    assert np.all(np.diff(passed, axis=1) <= 0)
    assert np.all((passed >= 0) & (passed <= 1))


def test_times_of_a_clock_are_those_of_the_spectrum() -> None:
    """Of three loads side by side, against a thousand nodes."""
    loads = np.array([0.3, 0.7, 0.95])
    clock = Clock.of_station(1.0, loads, 2.0)
    assert clock.mean(np.ones_like(clock.rates)) == pytest.approx(np.ones(3))
    found = clock.mean(1 / (1 + clock.rates))
    psi = (np.arange(1000) + 0.5) * np.pi / 1000
    for load, mean in zip(loads, found, strict=True):
        width = 1 + 2 * np.sqrt(load) * np.cos(psi) + load
        falls, memory = (1 - load) / load, (1 - load) ** 2 / (load * width)
        weights = 2 * np.sin(psi) ** 2 / width / 1000
        assert weights.sum() == pytest.approx(1, rel=1e-4)
        expected = 0.35 / (1 + falls) + 0.65 * (weights / (1 + memory)).sum()
        assert mean == pytest.approx(expected, rel=0.02)


M_BEHIND = {
    # Waits at M/M/1 behind, simulated: 4e7 requests, within 0.5 %.
    ("constant", 0.5, 0.8): 3.030,
    ("constant", 0.8, 0.5): 0.2034,
    ("constant", 0.7, 0.3): 0.03186,
    ("gamma", 0.9, 0.6): 0.5021,
    ("lognormal", 0.8, 0.5): 0.8979,
    ("lognormal", 0.5, 0.8): 4.288,
}


@pytest.mark.parametrize("point", M_BEHIND, ids=str)
def test_waits_behind_one_server(point: tuple[str, float, float]) -> None:
    """Within 6 %; as behind a Poisson stream they would be up to four times too long."""
    kind, first, second = point
    service = {
        "constant": qm.Deterministic(first),
        "gamma": qm.Gamma(first, 0.25),
        "lognormal": qm.LogNormal(first, 4.0),
    }[kind]
    path = qm.series(qm.call("a", qm.MG1(service)), qm.call("b", qm.MMc(second)))
    r = qm.Pipeline(path).solve(1.0)
    assert float(r.stations["b"].waiting_time) == pytest.approx(M_BEHIND[point], rel=0.06)


def test_cells_are_what_they_are_alone() -> None:
    """Of one server and of several, at loads of any kind."""
    rates = np.array([[0.0], [0.3], [0.8], [1.0], [1.3], [np.nan]])
    servers = np.array([1, 2, 4])
    service = qm.LogNormal(0.9, 4.0)

    def solved(rate: object, count: object) -> qm.PipelineResult:
        first = qm.MGc(service, count)
        return qm.Pipeline(
            qm.series(qm.call("a", first), qm.call("b", qm.MMc(0.7)), qm.call("c", qm.MDc(0.5)))
        ).solve(rate)

    whole = solved(rates, servers)
    for i, rate in enumerate(rates[:, 0]):
        for j, count in enumerate(servers.tolist()):
            one = solved(float(rate), count)
            for name in ("b", "c"):
                found = np.broadcast_to(whole.stations[name].waiting_time, (6, 3))[i, j]
                expected = float(one.stations[name].waiting_time)
                assert found == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_a_share_feels_as_much_less() -> None:
    left = Behind(POISSON, 1.0, 0.8, 1, qm.Deterministic(0.8), 1.0)
    clock = Clock.of_station(1.0, 0.5, 2.0)
    own, other = left.over(clock)
    half, rest = left.thinned(0.5).over(clock)
    assert half == pytest.approx(0.5 * own)
    assert (other, rest) == (0.0, 0.0)
    both = mixed([(0.5, left), (0.5, POISSON)])
    assert both.over(clock)[0] == pytest.approx(0.5 * own)
    assert float(felt_by_clock(both, 1.0, 0.5, 1.0).index) > float(
        felt_by_clock(left, 1.0, 0.5, 1.0).index
    )


class _Burst:
    """A stream whose index is 2 over times to 1.5, and 1 over longer ones."""

    sources = None

    def over(self, clock: Clock) -> tuple[np.ndarray, float]:
        return np.zeros_like(clock.rates), float(clock.time < 1.5)

    def bursts(self, ordinary: object) -> None:
        return None


@pytest.mark.parametrize(("scv", "share"), [(0.5, 1.0), (2.0, 3 / 4 / 2), (4.0, 3 / 6 / 4)])
def test_a_burst_that_passes_makes_no_longest_waits(scv: float, share: float) -> None:
    """By three times what of the wait comes of the stream, less where service varies."""
    felt = felt_by_clock(_Burst(), 1.0, 0.4, scv)  # type: ignore[arg-type]
    assert float(felt.scv) == pytest.approx(2.0)
    assert float(felt.late) == pytest.approx(2.0 - share)


def test_regular_service_makes_regular_streams_and_varied_service_varied_ones() -> None:
    felt = [
        felt_by_clock(Behind(POISSON, 1.0, 0.8, 1, service, 1.0), 1.0, 0.6, 1.0)
        for service in (qm.Deterministic(0.8), qm.Exponential(0.8), qm.LogNormal(0.8, 4.0))
    ]
    index = [float(x.index) for x in felt]
    assert index[0] < 1 - 0.3
    assert index[1] == pytest.approx(1, abs=1e-3)
    assert index[2] > 1.3
    assert all(float(x.late) <= float(x.scv) for x in felt)


@pytest.mark.parametrize("spare", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("service", [qm.Deterministic(1.0), qm.LogNormal(1.0, 4.0)])
def test_near_saturation_digits_are_kept(spare: float, service: qm.Distribution) -> None:
    """Both queues are in heavy traffic: the index is between those of what comes and goes."""
    left = Behind(POISSON, 1.0, 1 - spare, 1, qm.Scaled(service, 1 - spare), 1.0)
    felt = felt_by_clock(left, 1.0, 1 - spare, 1.0)
    low, high = sorted((1.0, float(service.scv)))
    assert low <= float(felt.index) <= high
    assert low - 1e-3 <= float(felt.late) <= high + 1e-3
    # The same at any load that near, in its own time.
    other = Behind(POISSON, 1.0, 1 - 1e-3, 1, qm.Scaled(service, 1 - 1e-3), 1.0)
    index = float(felt_by_clock(other, 1.0, 1 - 1e-3, 1.0).index)
    assert float(felt.index) == pytest.approx(index, rel=0.2)


def test_cells_of_service_are_what_they_are_alone() -> None:
    means, scvs = np.array([0.2, 0.5, 0.9]), np.array([[1.0], [4.0]])

    def solved(mean: object, scv: object) -> qm.PipelineResult:
        path = qm.series(
            qm.call("a", qm.MG1(qm.LogNormal(mean, scv))), qm.call("b", qm.MMc(0.5))
        )
        return qm.Pipeline(path).solve(1.0)

    found = solved(means, scvs).stations["b"].waiting_time
    assert found.shape == (2, 3)
    for i, scv in enumerate(scvs[:, 0].tolist()):
        for j, mean in enumerate(means.tolist()):
            one = float(solved(mean, scv).stations["b"].waiting_time)
            assert found[i, j] == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize("shape", [1.8, 0.9])
def test_service_without_a_variance_has_an_answer_behind_it(shape: float) -> None:
    """Where the mean is infinite too, it is not known."""
    path = qm.series(qm.call("a", qm.MG1(qm.Pareto(0.1, shape))), qm.call("b", qm.MMc(0.5)))
    r = qm.Pipeline(path).solve(1.0)
    wait, p99 = float(r.stations["b"].waiting_time), float(r.latency.quantile(0.99))
    assert np.isfinite([wait, p99]).all() == (shape > 1)


@pytest.mark.parametrize("unit", [1e-80, 1e80])
def test_any_unit_of_time_will_do(unit: float) -> None:
    def solved(unit: float) -> list[float]:
        first, second = qm.MG1(qm.LogNormal(0.5 * unit, 4.0)), qm.MMc(0.8 * unit)
        path = qm.series(qm.call("a", first), qm.call("b", second))
        r = qm.Pipeline(path).solve(1 / unit)
        return [float(r.latency.quantile(p)) / unit for p in (0.5, 0.99)]

    assert solved(unit) == pytest.approx(solved(1.0), rel=1e-6)


def test_what_hardly_any_requests_do_changes_hardly_anything() -> None:
    """Of a mix of what leaves one server and what leaves four, at shares near 0 and 1."""
    share = np.array([0.0, 1e-6, 0.5, 1 - 1e-6, 1.0])
    one, four = qm.MG1(qm.Deterministic(0.8)), qm.MDc(3.2, 4)
    before = qm.branch((share, qm.call("one", one)), (1 - share, qm.call("four", four)))
    r = qm.Pipeline(qm.series(before, qm.call("b", qm.MMc(0.6)))).solve(1.0)
    found = [r.stations["b"].waiting_time, r.stations["b"].wait.tail(0.0)]
    for of in found:
        assert of[0] == pytest.approx(of[1], rel=1e-4)
        assert of[4] == pytest.approx(of[3], rel=1e-4)


@pytest.mark.parametrize(
    ("service", "load"), [(qm.Deterministic(1.0), 0.7), (qm.Gamma(1.0, 0.25), 0.9)]
)
def test_within_a_thousandth_of_a_service_hardly_two_leave(
    service: qm.Distribution, load: float
) -> None:
    """The index less 1 is twice the number of the others, which come at their rate."""
    rates = np.geomspace(3e3, 9e3, 12)
    index, _ = OneServer(load, service)(rates)
    assert index == pytest.approx(-2 * load / rates, abs=1e-4)
