"""The distributions of the kit on every public station, each built of drawn parts.

What a distribution does not say of a station is left out here by name, with the reason.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.testing import laws
from qmodel.testing.kinds import STATIONS, Parts
from qmodel.testing.strategies import loads, parts, rate_of, service_times

FEW = settings(max_examples=max(4, settings.default.max_examples // 8))
"""For each station; the nightly profile draws 250."""

SMOOTH = ("exponential", "erlang", "gamma")
"""Times whose tails are inverted to all digits; uniform and lognormal ones have kinks."""

RISING = {
    # Who gives up sooner is gone sooner.
    "ErlangA": ("waiting_time", "number_in_system"),
    "MMcD": ("waiting_time", "number_in_system"),
    # The first request bears the whole set-up, or waits for the others.
    "MG1Setup": (),
    "MG1Threshold": (),
    "MG1Vacations": (),
    # The busier, the fewer start cold.
    "Serverless": ("number_in_system",),
    # More load leaves more to the fast servers, so that a service is shorter on average.
    "UnequalServers": ("waiting_time", "number_in_system"),
}
"""What rises with the load, where it is not every mean."""

OWN_SERVERS = (
    "BirthDeath",
    "GGc",
    "LoadDependent",
    "PowerOfChoices",
    "TiedRequests",
    "UnequalServers",
)
"""Another server is another station, faster or not, or another approximation."""

SLOW = (
    "ErlangA", "GGc", "LoadDependent", "MG1K", "MG1KPS", "MG1LCFS", "MG1PS", "MG1SizeBased",
    "MGcK", "MGcPS", "WeightedRoundRobin",
)  # fmt: skip
"""Percentiles of these take a tenth of a second and more."""

SYMBOLIC = (
    "Delay", "MG1", "MG1LCFS", "MG1PS", "MG1Priority", "MG1Setup", "MG1Vacations", "MGcPS",
    "MGcc", "MMc", "MMcK", "MMcPriority", "MXG1",
)  # fmt: skip
"""Stations with closed forms of their means."""

MILLIONS = ("Delay", "ErlangA", "MGcPS", "MGcc", "MMc", "MMcD", "MMcK", "MMcPriority")
"""Stations whose formulas cost the same with a million servers."""


def kinds_with_percentiles() -> list[object]:
    """Return the kinds, the slow ones marked."""
    return [pytest.param(k, marks=pytest.mark.slow) if k in SLOW else k for k in STATIONS]


@pytest.mark.parametrize("kind", STATIONS)
@FEW
@given(drawn=parts(), load=loads())
def test_one_result(kind: str, drawn: Parts, load: float) -> None:
    station = STATIONS[kind](drawn)
    result = station.solve(rate_of(station, load))
    assert 0 <= result.waiting_time < np.inf
    laws.littles_law(result)
    laws.flow_balance(result)
    laws.pasta(result)


@pytest.mark.parametrize("kind", STATIONS)
@FEW
@given(drawn=parts(), load=loads(least=1e-3, most=0.999))
def test_monotone(kind: str, drawn: Parts, load: float) -> None:
    build = STATIONS[kind]
    station = build(drawn)
    rate = rate_of(station, load)
    if named := RISING.get(kind, ("waiting_time", "response_time", "number_in_system")):
        laws.monotone_in_load(station, [0.5 * rate, rate], named)
    if kind not in OWN_SERVERS:
        # The wait only: with more servers fewer give up, and those who stay are served.
        more, falls = [drawn.servers, drawn.servers + 1], ["waiting_time"]
        laws.monotone_in(
            lambda c: build(replace(drawn, servers=c)), more, rate, up=False, quantities=falls
        )


@pytest.mark.parametrize("kind", STATIONS)
@FEW
@given(drawn=parts(SMOOTH), load=loads(least=1e-3, most=0.9))
def test_slower_service(kind: str, drawn: Parts, load: float) -> None:
    build, mean, scv = (
        STATIONS[kind],
        drawn.distribution.mean,
        max(float(drawn.distribution.scv), 0.01),
    )
    rate = rate_of(build(drawn), load)
    laws.monotone_in(
        lambda s: build(replace(drawn, distribution=qm.Gamma(s, scv))),
        [mean, 1.05 * mean], rate,
        up=True, quantities=["response_time"],
    )  # fmt: skip


@pytest.mark.parametrize("kind", kinds_with_percentiles())
@FEW
@given(drawn=parts(SMOOTH, most_servers=8), load=loads(least=0.01, most=0.95))
def test_unit_and_cells(kind: str, drawn: Parts, load: float) -> None:
    assume(drawn.distribution.scv >= 0.1)
    station = STATIONS[kind](drawn)
    rate = rate_of(station, load)
    laws.change_of_time_unit(station, rate)
    laws.array_equals_cells(station, [0.5 * rate, rate])


@pytest.mark.parametrize("kind", kinds_with_percentiles())
@FEW
@given(drawn=parts(SMOOTH, most_servers=8), load=loads(least=0.05, most=0.95))
def test_times(kind: str, drawn: Parts, load: float) -> None:
    assume(0.1 <= drawn.distribution.scv <= 10)
    station = STATIONS[kind](drawn)
    result = station.solve(rate_of(station, load))
    if "percentiles" not in result.basis.grounds:
        return
    for distribution in (result.wait, result.response):
        if distribution is not None:
            laws.quantile_inverts_tail(distribution, (0.1, 0.9, 0.99))
            # Where the distribution is approximate, its transform is a quadrature across kinks.
            near = 1e-5 if result.basis["percentiles"] == "exact" else 1e-2
            laws.mean_is_slope_of_transform(distribution, rel=near)
            # Panels of the integral do not know the kinks of a shared or constant service. A
            # wait of 1e-15 services is what rounding leaves of a probability of none.
            floor = 1e-14 * float(result.response_time)
            laws.mean_is_integral_of_tail(distribution, rel=1e-3, floor=floor)


@pytest.mark.parametrize("kind", SYMBOLIC)
@FEW
@given(drawn=parts(("exponential", "gamma"), most_servers=6), load=loads(least=0.01, most=0.95))
def test_float_equals_symbolic(kind: str, drawn: Parts, load: float) -> None:
    station = STATIONS[kind](drawn)
    laws.float_equals_symbolic(station, rate_of(station, load), rel=1e-9)


@pytest.mark.parametrize("kind", MILLIONS)
@pytest.mark.parametrize("load", [1e-6, 0.9, 1 - 1e-6])
def test_a_million_servers(kind: str, load: float) -> None:
    station = STATIONS[kind](Parts(qm.Exponential(0.1), 1_000_000, 8))
    result = station.solve(rate_of(station, load))
    assert 0 <= result.waiting_time < np.inf
    laws.littles_law(result)
    laws.flow_balance(result)
    laws.pasta(result)


# The order of service.

TIMES = st.floats(0.2, 2.0)


@given(
    st.lists(st.tuples(st.floats(0.05, 1.0), TIMES), min_size=2, max_size=4),
    st.floats(0.05, 0.99), st.sampled_from([0.0, 0.5, 4.0]),
)  # fmt: skip
def test_conservation_distribution(
    some: list[tuple[float, float]], load: float, scv: float
) -> None:
    """Kleinrock's law: one server that ignores sizes only moves waits between streams."""
    work = sum(rate * mean for rate, mean in some)
    streams = [qm.Stream(r * load / work, qm.from_mean_scv(s, scv)) for r, s in some]
    first_come = qm.MG1(qm.Exponential(1.0)).solve(streams)
    laws.conservation_law(qm.MG1Priority(qm.Exponential(1.0)).solve(streams), first_come)
    # In the other order too.
    laws.conservation_law(qm.MG1Priority(qm.Exponential(1.0)).solve(streams[::-1]), first_come)


@given(
    st.lists(st.floats(0.05, 1.0), min_size=2, max_size=4), st.floats(0.05, 0.99),
    st.integers(1, 40), st.booleans(), service_times(),
)  # fmt: skip
def test_conservation_distribution_of_several_servers(
    some: list[float], load: float, servers: int, preemptive: bool, mean: float
) -> None:
    """Exponential services are alike, begun or not: it holds also where they interrupt."""
    rate = load * servers / mean / sum(some)
    streams = [qm.Stream(share * rate) for share in some]
    first_come = qm.MMc(mean, servers).solve(streams)
    assume(first_come.waiting_time > 1e-200)
    laws.conservation_law(qm.MMcPriority(mean, servers, preemptive).solve(streams), first_come)
    if servers == 1:
        of_one = qm.MG1Priority(qm.Exponential(mean), preemptive).solve(streams)
        laws.conservation_law(of_one, first_come)


# Limits between models.

ONE = qm.Exponential(1.0)
NEVER = 1e12
SAME: dict[str, tuple[qm.Station, qm.Station, tuple[str, ...]]] = {
    "M/M/c/K of much room": (qm.MMcK(1.0, 3, 3000), qm.MMc(1.0, 3), ("p99",)),
    "M/M/c/c": (qm.MMcK(1.0, 3, 3), qm.MGcc(ONE, 3), ("loss", "p99")),
    "Erlang A of great patience": (qm.ErlangA(1.0, 3, NEVER), qm.MMc(1.0, 3), ()),
    "M/G/1/K exponential": (qm.MG1K(ONE, 5), qm.MMcK(1.0, 1, 5), ("loss", "p99")),
    "G/M/1 of Poisson arrivals": (qm.GM1(ONE, 1.0), qm.MMc(1.0), ("p99",)),
    "GI/M/c of Poisson arrivals": (qm.GMc(ONE, 1.0, 3), qm.MMc(1.0, 3), ("p99",)),
    "GI/G/c of both": (qm.GGc(ONE, ONE, 3), qm.MMc(1.0, 3), ("p99",)),
    "M/D/1": (qm.MDc(1.0), qm.MG1(qm.Deterministic(1.0)), ("p99",)),
    "batches of one": (qm.MXG1(ONE, qm.FixedBatch(1)), qm.MG1(ONE), ("p99",)),
    "threshold of one": (qm.MG1Threshold(ONE, 1), qm.MG1(ONE), ("p99",)),
    "one priority": (qm.MG1Priority(ONE, True), qm.MG1(ONE), ("p99",)),
    "one priority, many servers": (qm.MMcPriority(1.0, 3), qm.MMc(1.0, 3), ("p99",)),
    "equal servers": (qm.UnequalServers([1.0] * 3), qm.MMc(1.0, 3), ("p99",)),
    "LCFS is a shared server": (qm.MG1LCFS(ONE), qm.MG1PS(ONE), ()),
    "LCFS without interruption": (qm.MG1LCFS(ONE, False), qm.MG1(ONE), ()),
    "a chain of M/M/3/9": (
        qm.BirthDeath([1.0, 2.0] + 7 * [3.0], servers=3), qm.MMcK(1.0, 3, 9), ("loss",),
    ),
    "M/G/1/K-PS of much room": (qm.MG1KPS(ONE, 300), qm.MG1PS(ONE), ("p99",)),
    "as many servers as clients": (
        qm.FiniteSource(1.0, 5, 5), qm.Engset(1.0, 5, 5), ("p99", "number_in_system"),
    ),
    "least attained, exponential": (qm.MG1SizeBased(ONE, "fb"), qm.MG1PS(ONE), ()),
}  # fmt: skip


@pytest.mark.parametrize("pair", SAME)
def test_limits_between_models(pair: str) -> None:
    one, other, further = SAME[pair]
    means = ("waiting_time", "response_time", "queue_length", "number_in_system")
    rate = 0.8 * float(np.minimum(one.max_rate, 3.0))
    # The sizes of shared service are integrated in panels.
    near = 1e-6 if pair.startswith(("least", "M/G/1/K-PS")) else 1e-9
    laws.agree(one, other, rate, rel=near, quantities=means)
    if further:
        laws.agree(one, other, rate, rel=1e-6, quantities=further)


@pytest.mark.parametrize("kind", ["Delay", "MG1LCFS", "MG1PS", "MG1KPS", "MGcPS", "MGcc"])
def test_insensitive(kind: str) -> None:
    some = [qm.Exponential(0.1), qm.Deterministic(0.1), qm.Gamma(0.1, 4.0)]
    build = STATIONS[kind]
    station = build(Parts(some[0], 3, 5, flag=True))
    rates = rate_of(station, np.array([0.1, 0.95]))
    laws.insensitive(
        lambda distribution: build(Parts(distribution, 3, 5, flag=True)), some, rates
    )


@pytest.mark.parametrize("service", [qm.Exponential(0.1), qm.Gamma(0.1, 0.5)], ids=str)
@pytest.mark.parametrize("kind", STATIONS)
def test_a_stream_that_is_not_poisson_is_felt_or_refused(
    kind: str, service: qm.Distribution
) -> None:
    """An SCV of 1 is that of a Poisson stream; a larger one makes more wait, or be lost."""
    station = STATIONS[kind](Parts(service, servers=2, few=3))
    rate = rate_of(station, 0.6)
    scv = np.array([0.0, 0.3, 1.0, 4.0, np.nan])
    pool = getattr(station, "shared_queue", None) is not None
    if not (station.variable_arrivals or station.losses_follow or pool):
        with pytest.raises(qm.ModelError, match=f"{kind} takes Poisson arrivals"):
            station.solve(qm.Stream(rate, scv=scv))
        return
    r = station.solve(qm.Stream(rate, scv=scv))
    plain = station.solve(rate)
    names = ["waiting_time", "response_time", "number_in_system", *["loss"] * station.loses]
    for name in (*names, "utilization"):
        values = np.broadcast_to(getattr(r, name), scv.shape)
        assert values[2] == pytest.approx(float(getattr(plain, name)), rel=1e-9)
        assert np.isnan(values[4]) or name == "utilization"
    waits, lost = (np.broadcast_to(x, scv.shape)[:4] for x in (r.waiting_time, r.loss))
    assert (np.diff(waits) >= 0).all()
    assert (np.diff(lost) >= 0).all()
    assert waits[3] + lost[3] > waits[2] + lost[2]
    assert r.basis["waiting_time"] == "approximate"
    assert np.isnan(r.response.quantile(0.9)[4])
    calm = station.solve(qm.Stream(0.0, scv=4.0))
    assert calm.waiting_time == 0
    with_two = station.solve([qm.Stream(rate / 2, scv=4.0), qm.Stream(rate / 2, scv=4.0)])
    assert with_two.response_time == pytest.approx(float(r.response_time[3]), rel=1e-9)
