"""M/M/c, last come first served: its busy periods, moments, and overload."""

from __future__ import annotations

import heapq
import random

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

import qmodel as qm


def test_one_server_is_that_of_general_service() -> None:
    for load in (0.3, 0.9, 1.5):
        own = qm.MMcLCFS(1.0).solve(load)
        general = qm.MG1LCFS(qm.Exponential(1.0), preemptive=False).solve(load)
        t = np.array([0.5, 2.0, 10.0])
        assert own.wait.tail(t) == pytest.approx(general.wait.tail(t), rel=1e-9)
        assert own.waiting_time == general.waiting_time


@pytest.mark.parametrize("load", [2.0, 3.6, 6.0])
def test_the_wait_is_a_busy_period(load: float) -> None:
    """Its density is exp(-(l + m) t) I_1(2 t sqrt(l m)) / (t sqrt(l / m)), m = c mu."""
    c, result = 4, qm.MMcLCFS(1.0, servers=4).solve(load)
    root = np.sqrt(load * c)

    def density(t: float) -> float:
        return (
            ive(1, 2 * t * root) * np.exp(2 * t * root - (load + c) * t) / t * np.sqrt(c / load)
        )

    met = float(qm.erlang_c(servers=c, offered_load=load))
    for t in (0.2, 1.0, 3.0):
        begun = quad(density, 0, t)[0]
        assert float(1 - result.wait.tail(t)) == pytest.approx(1 - met + met * begun, rel=1e-7)


def test_means_are_those_of_the_order_of_arrival() -> None:
    loads = np.array([0.5, 3.0, 3.9, 4.0, np.nan])
    newest, oldest = qm.MMcLCFS(1.0, 4).solve(loads), qm.MMc(1.0, 4).solve(loads)
    for name in ("waiting_time", "response_time", "number_in_system", "utilization"):
        assert np.array_equal(getattr(newest, name), getattr(oldest, name), equal_nan=True)
    assert (newest.wait.variance[1:3] > oldest.wait.variance[1:3]).all()
    assert newest.number.tail(6)[1] == oldest.number.tail(6)[1]


def test_in_overload_the_newest_are_served() -> None:
    result = qm.MMcLCFS(1.0, 4).solve(8.0)
    assert result.response_time == np.inf
    assert float(result.wait.defect) == pytest.approx(0.5)
    draw = random.Random(2).expovariate
    now, busy, stack, ends, waits = 0.0, 0, [], [], []
    following = draw(8.0)
    while len(waits) < 40_000:
        if ends and ends[0] < following:
            now, busy = heapq.heappop(ends), busy - 1
        else:
            now, following = following, following + draw(8.0)
            stack.append(now)
        if busy < 4 and stack:
            waits.append(now - stack.pop())
            busy += 1
            heapq.heappush(ends, now + draw(1.0))
    # Of all that came, served or not.
    for t in (0.1, 1.0):
        met = np.count_nonzero(np.array(waits) <= t) / (len(waits) / 0.5)
        assert float(1 - result.wait.tail(t)) == pytest.approx(met, rel=0.03)


def test_on_symbols() -> None:
    from qmodel import symbolic

    result = qm.MMcLCFS(symbolic.service_time, 3).solve(symbolic.arrival_rate)
    numbers = {symbolic.service_time: 0.5, symbolic.arrival_rate: 4.0}
    value = result.waiting_time.subs(numbers).evalf()
    assert float(value) == pytest.approx(
        float(qm.MMc(0.5, 3).solve(4.0).waiting_time), rel=1e-12
    )


def test_other_service_is_refused() -> None:
    with pytest.raises(qm.ModelError, match="M/M/c LCFS has exponential service"):
        qm.MMcLCFS(1.0, 4).serving(qm.Deterministic(1.0))
    with pytest.raises(qm.DomainError, match="service_time must be a number > 0"):
        qm.MMcLCFS(0.0, 4)
