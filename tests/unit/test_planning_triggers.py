"""Triggers of clients who try again: published lengths, the fluid step by step, limits."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm


def site(servers: int = 50, after: float = 4.0, **options) -> qm.Pipeline:
    app = qm.timeout(after, qm.call("app", qm.MMc(1.0, servers=servers)))
    return qm.Pipeline(qm.retry(app, attempts=3, **{"pause": 0.5} | options))


@pytest.mark.parametrize(
    ("rate", "spike", "length", "backlog"),
    [(20.0, 100.0, 4.27, 1.07), (30.0, 100.0, 3.68, 0.92), (40.0, 80.0, 4.38, 0.66)],
)
def test_spikes_of_fifty_servers(rate, spike, length, backlog) -> None:
    """Lengths and backlogs of an independent computation of the same fluid."""
    found = qm.trigger(site(), rate, spike=spike)
    assert found.longest == pytest.approx(length, rel=6e-3)
    assert found.backlog / (50 * 4.0) == pytest.approx(backlog, abs=0.015)
    assert found.comes_back_below == pytest.approx(50 / 3)


def stepped(length: float, rate: float, speed: float, steps: int = 800) -> float:
    """Follow the backlog of an outage one step at a time; return what is left in the end."""
    tau, pause, capacity = 4.0, 0.5, 50.0
    step = tau / steps
    delay = round((tau + pause) / step)
    begun = np.exp(-tau)
    came: list[list[float]] = [[], [], []]
    backlog = 0.0
    for i in range(int(120 / step)):
        fails = np.exp(-max(tau - backlog / capacity, 0.0))
        streams = [rate]
        for k in (0, 1):
            before = came[k][i - delay] if i >= delay else rate * begun ** (k + 1)
            streams.append(before)
        for k in range(3):
            came[k].append(streams[k] * fails)
        served = capacity * (speed if i * step < length else 1.0)
        backlog = max(backlog + (sum(streams) - served) * step, 0.0)
    return backlog


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "speed"), [(30.0, 0.0), (30.0, 0.4)])
def test_outages_step_by_step(rate: float, speed: float) -> None:
    longest = qm.trigger(site(), rate, speed=speed).longest
    assert stepped(0.98 * longest, rate, speed) == 0.0
    assert stepped(1.02 * longest, rate, speed) > 1000.0


def test_what_is_always_survived_and_what_never() -> None:
    assert qm.trigger(site(), 16.0).longest == np.inf  # below a third of the capacity
    assert qm.trigger(site(), 30.0, spike=49.0).longest == np.inf  # no overload
    assert qm.trigger(site(), 48.0).longest == 0.0  # beyond the fold
    assert qm.trigger(site(budget=0.2), 40.0).longest == np.inf  # 48 attempts at most
    text = str(qm.trigger(site(), 16.0))
    assert text == "at 16/s an outage of any length is survived"
    assert "there is no healthy state" in str(qm.trigger(site(), 48.0))


def test_more_servers_and_half_the_speed_help() -> None:
    plain = qm.trigger(site(), 42.0).longest
    assert plain < qm.trigger(site(servers=60), 42.0).longest
    assert plain < qm.trigger(site(), 42.0, speed=0.5).longest


def test_a_path_before_and_after_the_timeout() -> None:
    """Attempts a second count behind the timeout, requests a second before it."""
    late = qm.timeout(
        4.0, qm.series(qm.call("a", qm.MMc(1.0, 50)), qm.call("b", qm.MMc(0.1, 50)))
    )
    tried = qm.retry(late, attempts=3, pause=0.5)
    half = qm.Pipeline(
        qm.series(qm.call("net", qm.Delay(0.1)), qm.branch((0.5, tried), (0.5, qm.nothing())))
    )
    found = qm.trigger(half, 60.0)
    assert found.comes_back_below == pytest.approx(2 * 50 / 3)
    assert found.longest == pytest.approx(qm.trigger(site(), 30.0).longest, rel=0.1)


def test_the_way_back() -> None:
    found = qm.trigger(site(), 30.0)
    assert found.time_to_recover(500.0, 10.0) == pytest.approx(500 / 20)
    assert found.time_to_recover(500.0, 20.0) == np.inf
    assert found.time_to_recover(500.0, 20.0, retries=False) == pytest.approx(500 / 30)
    assert found.time_to_recover(0.0, 20.0) == 0.0


def test_what_a_trigger_does_not_know() -> None:
    app = qm.call("app", qm.MMc(1.0, servers=8))
    for step, says in (
        (app, "one timeout that is tried again"),
        (qm.timeout(5.0, app), "one timeout that is tried again"),
        (qm.retry(qm.timeout(5.0, app), active=0.1), "a budget of retries a request"),
        (
            qm.retry(qm.timeout(5.0, qm.call("app", qm.MMcK(1.0, 8, 20)))),
            "the oldest first, and all",
        ),
    ):
        with pytest.raises(qm.ModelError, match=says):
            qm.trigger(qm.Pipeline(step), 1.0)
    for options, says in (
        ({"spike": -1.0}, "spike must be a finite number >= 0"),
        ({"speed": 1.5}, "speed must be a probability"),
    ):
        with pytest.raises(qm.DomainError, match=says):
            qm.trigger(site(), 30.0, **options)
