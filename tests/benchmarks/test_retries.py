"""All steady states of clients who try again, in solutions of the same path without retries."""

import numpy as np
import pytest

import qmodel as qm

pytestmark = pytest.mark.benchmark

PATH = qm.series(
    qm.call("gateway", qm.MMc(0.0025, servers=4)),
    qm.call("app", qm.MMc(0.010, servers=16)),
    qm.call("database", qm.MMc(0.005, servers=6)),
)
LOADS = np.linspace(100.0, 1000.0, 200)


def states():
    """Find all states at 200 loads, with nothing known beforehand."""
    site = qm.Pipeline(qm.retry(qm.timeout(0.060, PATH), attempts=3, pause=0.05))
    found = site.solve(LOADS)
    return [state.visits for state in found.equilibria.values()]


def test_all_states_at_200_loads(interleaved):
    plain = qm.Pipeline(PATH)

    def alone():
        return [plain.solve(rate).latency.tail(0.060) for rate in np.resize(LOADS, 250)]

    def bulk():
        return qm.Pipeline(PATH).solve(np.resize(LOADS, 250)).latency.tail(0.060)

    r = interleaved(states, alone, rounds=3)
    print(f"\nall states at 200 loads: {r} times 250 plain solutions one by one, limit 0.1")
    assert r.median <= 0.1
    r = interleaved(states, bulk, rounds=5)
    print(f"all states at 200 loads: {r} times 250 plain cells in bulk, limit 3.5")
    assert r.median <= 3.5


def test_a_retry_around_what_cannot_fail(interleaved):
    """It costs what the path does without it, one by one and in bulk."""
    plain, guarded = qm.Pipeline(PATH), qm.Pipeline(qm.retry(PATH, attempts=3, pause=0.05))
    bulk = np.resize(LOADS, 2_000)
    for loads, rounds in ((200.0, 25), (bulk, 9)):

        def several(site, loads=loads):
            for _ in range(10):
                site.solve(loads).latency.quantile(0.99)

        r = interleaved(lambda: several(guarded), lambda: several(plain), rounds=rounds)
        print(f"\nretry that nothing needs, {np.size(loads)} loads: {r} times, limit 1.1")
        assert r.median <= 1.1
