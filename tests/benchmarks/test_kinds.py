"""Kinds of stations against M/M/c of as many loads, each with its p99: ratios of CPU time."""

from itertools import count

import numpy as np
import pytest

import qmodel as qm

pytestmark = pytest.mark.benchmark

LOADS = np.linspace(0.05, 0.95, 64)
EXP, LOGNORMAL = qm.Exponential(1.0), qm.LogNormal(1.0, 4.0)
PARETO = qm.Pareto(0.4, 1.8, 4000.0)
H2 = qm.HyperExponential((0.05, 0.95), (6.4, 0.68 / 0.95))

# A station, the servers that its loads are of, and how many times M/M/4 it may cost.
KINDS = {
    "MG1PS": (qm.MG1PS(EXP), 1, 50),
    "MDc": (qm.MDc(1.0, 4), 4, 60),
    "MG1 lognormal": (qm.MG1(LOGNORMAL), 1, 350),
    "MGc lognormal": (qm.MGc(LOGNORMAL, 4), 4, 80),
    "MGc Pareto": (qm.MGc(PARETO, 16), 16, 150),
    "MGcK": (qm.MGcK(H2, 4, 12), 4, 400),
    "LoadDependent": (qm.LoadDependent(EXP, (1.0, 1.8, 2.4, 2.6)), 2.6, 500),
    "Serverless": (qm.Serverless(EXP, qm.Exponential(0.5), 30.0), 4, 25),
    "MMcPriority": (qm.MMcPriority(1.0, 4), 4, 4),
    "two of least connections": (
        qm.balancing.LeastConnections(qm.MMc(1.0, 2), 2), 4, 8,
    ),
}  # fmt: skip


def p99(station, rates):
    """Return mean response and its p99."""
    r = station.solve(rates)
    return r.response_time, r.response.quantile(0.99)


@pytest.mark.parametrize("kind", KINDS)
def test_kind(interleaved, kind):
    station, servers, limit = KINDS[kind]
    r = interleaved(
        lambda: p99(station, LOADS * servers), lambda: p99(qm.MMc(1.0, 4), LOADS * 4), rounds=5
    )
    print(f"\n{kind}, 64 loads, mean and p99: {r} M/M/4, limit {limit}")
    assert r.median <= limit


def in_a_row(phases, first):
    """Return phases of rate 1, but the first, one behind the other."""
    rates = np.eye(phases, k=1) - np.eye(phases)
    rates[0] *= first
    return qm.PhaseType(np.eye(phases)[0], rates)


# Of service that is new each time: with its fit, solved at the nodes of 200 loads, or alone.
SWEEP = np.linspace(0.3, 0.95, 200)
BOUNDED = qm.Pareto, (0.4, 1.8, 4000.0)
NEW = {
    "bounded Pareto, 2 servers, 200 loads": (*BOUNDED, 2, SWEEP, 75),
    "bounded Pareto, 16 servers, 200 loads": (*BOUNDED, 16, SWEEP, 400),
    "bounded Pareto, 16 servers, one load": (*BOUNDED, 16, 0.7, 45),
    "lognormal of SCV 4, 2 servers, 200 loads": (qm.LogNormal, (1.0, 4.0), 2, SWEEP, 60),
    "lognormal of SCV 4, 16 servers, 200 loads": (qm.LogNormal, (1.0, 4.0), 16, SWEEP, 90),
    "lognormal of SCV 9, 16 servers, 200 loads": (qm.LogNormal, (1.0, 9.0), 16, SWEEP, 420),
    "lognormal of SCV 1, 16 servers, 200 loads": (qm.LogNormal, (1.0, 0.99), 16, SWEEP, 350),
    "Pareto of shape 1.5, 16 servers, 200 loads": (
        qm.Pareto,
        (0.36, 1.5, 360.0),
        16,
        SWEEP,
        240,
    ),
    "4 phases in a row, 8 servers, 200 loads": (in_a_row, (4, 1.1), 8, SWEEP, 220),
    "4 phases in a row, 16 servers, 200 loads": (in_a_row, (4, 1.1), 16, SWEEP, 300),
    "2 phases in a row, 64 servers, 200 loads": (in_a_row, (2, 1.1), 64, SWEEP, 380),
}


@pytest.mark.parametrize("what", NEW)
def test_new_service(interleaved, what):
    make, (first, second, *rest), servers, loads, limit = NEW[what]
    draws = count(1)

    def solve():
        service = make(first, second * (1 + 1e-4 * next(draws)), *rest)
        return qm.MGc(service, servers).solve(loads * servers / service.mean).waiting_time

    r = interleaved(solve, lambda: p99(qm.MMc(1.0, 4), LOADS * 4), rounds=5)
    print(f"\nM/G/c of new service, {what}, mean: {r} M/M/4, limit {limit}")
    assert r.median <= limit


# The p99 of the response of 200 loads that are solved.
RESPONSES = {
    "Pareto of shape 1.5": (qm.Pareto(0.36, 1.5, 360.0), 200),
    "lognormal of SCV 1": (qm.LogNormal(1.0, 1.0), 95),
    "hyperexponential": (H2, 190),
    "200 measured times": (qm.Empirical(LOGNORMAL.quantile((np.arange(200) + 0.5) / 200)), 30),
}


@pytest.mark.parametrize("what", RESPONSES)
def test_response(interleaved, what):
    service, limit = RESPONSES[what]
    station, rates = qm.MGc(service, 16), SWEEP * 16 / service.mean

    def found():
        # Solved anew, as a result keeps what it has found.
        return station.solve(rates).response.quantile(0.99)

    r = interleaved(found, lambda: p99(qm.MMc(1.0, 4), LOADS * 4), rounds=5)
    print(f"\nresponse of {what} on 16 servers, 200 loads, p99: {r} M/M/4, limit {limit}")
    assert r.median <= limit


def test_a_path_that_repeats(interleaved):
    db, away = qm.call("db", qm.MMc(1.0, 4)), qm.call("away", qm.Delay(EXP))
    loop, once = (qm.Pipeline(s) for s in (qm.repeat(4, qm.series(db, away)), db))
    r = interleaved(
        lambda: loop.solve(LOADS).latency.quantile(0.99),
        lambda: once.solve(LOADS * 4).latency.quantile(0.99),
        rounds=5,
    )
    print(f"\nfour visits with pauses, 64 loads, p99: {r} one visit, limit 12")
    assert r.median <= 12
