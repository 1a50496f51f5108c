"""Attempts that come back to a room that may still be full, or full again."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

SEEN = [
    # Servers, places, attempts, fresh requests over the capacity, mean pause, its shares that
    # are drawn, attempts of a request: simulations of 500,000 requests.
    (8, 24, 3, 1.125, 2.5, 1.0, 1.647),
    (8, 24, 3, 1.125, 0.5, 1.0, 1.531),
    (8, 24, 3, 1.125, 0.05, 1.0, 1.343),
    (1, 24, 5, 1.4, 0.3, 1.0, 2.623),
    (4, 8, 3, 1.1, 0.2, 1.0, 1.526),
    (1, 50, 2, 1.1, 8.0, 0.0, 1.207),
    (8, 9, 5, 1.4, 0.02, 0.0, 2.735),
    (8, 16, 5, 1.4, 0.3, 1.0, 3.095),
    (2, 5, 3, 3.0, 0.02, 1.0, 2.403),
]


def site(c: int, k: int, attempts: int, pause: object, jitter: float = 0.0) -> qm.Pipeline:
    room = qm.call("room", qm.MMcK(1.0, c, k))
    return qm.Pipeline(qm.retry(room, attempts=attempts, pause=pause, jitter=jitter))


@pytest.mark.parametrize(("c", "k", "n", "over", "pause", "jitter", "attempts"), SEEN)
def test_attempts_in_overload(
    c: int, k: int, n: int, over: float, pause: float, jitter: float, attempts: float
) -> None:
    """Within 4 %, five attempts 8 %; as if they were independent up to 50 % too many."""
    r = site(c, k, n, pause / (1 - jitter / 2), jitter).solve(over * c)
    assert float(r.visits["room"]) == pytest.approx(attempts, rel=0.08 if n > 3 else 0.04)
    assert float(r.retries["retry"].amplification) == float(r.visits["room"])
    assert float(r.accepted + r.rejected) == pytest.approx(1.0, abs=1e-12)
    # What comes out is what goes in.
    served = float(r.stations["room"].utilization) * c
    assert float(r.goodput) == pytest.approx(served, rel=1e-9)


def test_the_longer_the_pause_the_more_attempts_are_worth_it() -> None:
    pauses = np.array([0.0, 1e-3, 0.1, 1.0, 10.0, 1e12])
    r = site(8, 24, 3, pauses).solve(9.0)
    assert (np.diff(r.accepted) > -1e-12).all()
    assert (np.diff(r.visits["room"]) > 0).all()
    alone = float(qm.Pipeline(qm.call("room", qm.MMcK(1.0, 8, 24))).solve(9.0).rejected)
    assert float(r.accepted[0]) == pytest.approx(1 - alone, rel=1e-12)
    loss = float(r.stations["room"].loss[-1])
    assert float(r.accepted[-1]) == pytest.approx(1 - loss**3, rel=1e-9)


def test_cells_are_as_alone() -> None:
    loads = np.array([0.0, 1e-9, 6.0, 9.0, 1e6, np.nan])
    together = site(8, 24, 6, 1.0).solve(loads)
    for i, load in enumerate(loads):
        one = site(8, 24, 6, 1.0).solve(load)
        for name in ("accepted", "rejected", "goodput"):
            assert getattr(together, name)[i] == pytest.approx(
                float(getattr(one, name)), rel=1e-9, nan_ok=True
            )
        assert together.visits["room"][i] == pytest.approx(
            float(one.visits["room"]), rel=1e-9, nan_ok=True
        )
    sizes = qm.call("room", qm.MMcK(1.0, 4, np.array([5, 50])))
    both = qm.Pipeline(qm.retry(sizes, attempts=3, pause=1.0)).solve(5.0)
    for i, k in enumerate((5, 50)):
        assert both.accepted[i] == pytest.approx(
            float(site(4, k, 3, 1.0).solve(5.0).accepted), rel=1e-9
        )


def test_a_timeout_around_the_room() -> None:
    """A simulation of 2,000,000 requests: 1.771 attempts, goodput 0.8439, mean 4.174."""
    late = qm.timeout(5.0, qm.call("room", qm.MMcK(1.0, 8, 24)))
    r = qm.Pipeline(qm.retry(late, attempts=3, pause=5.0, jitter=1.0)).solve(9.0)
    assert float(r.visits["room"]) == pytest.approx(1.771, rel=0.02)
    assert float(r.accepted) == pytest.approx(0.8439, rel=0.005)
    assert float(r.latency.mean) == pytest.approx(4.174, rel=0.03)
