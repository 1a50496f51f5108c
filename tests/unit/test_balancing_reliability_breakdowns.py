"""M/M/c with breakdowns: the exact mean, and what `Failing` makes of it."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.reliability.breakdowns import response_time
from qmodel.balancing.reliability.failures import Failing
from qmodel.errors import DomainError, ModelError


def by_all_states(
    rate: float, servers: int, available: float, repair: float, most: int = 250
) -> float:
    """Return the mean response from the balance of all states, up to `most` requests."""
    fails = (1 - available) / (available * repair)
    size = servers + 1
    flow = np.zeros(((most + 1) * size,) * 2)
    for i in range(most + 1):
        for j in range(size):
            here = i * size + j
            ways = [(here + size, rate * (i < most)), (here - size, float(min(i, j))),
                    (here - 1, j * fails), (here + 1, (servers - j) / repair)]  # fmt: skip
            for there, speed in ways:
                if speed > 0:
                    flow[there, here] += speed
                    flow[here, here] -= speed
    flow[-1] = 1.0
    state = np.linalg.solve(flow, np.eye(flow.shape[0])[-1]).reshape(most + 1, size)
    return float(state.sum(axis=1) @ np.arange(most + 1)) / rate


@pytest.mark.parametrize(
    ("rate", "servers", "available", "repair"),
    [(0.5, 1, 0.7, 2.0), (1.0, 2, 0.9, 1.0), (2.2, 4, 0.8, 0.3)],
)
def test_against_all_states(rate: float, servers: int, available: float, repair: float) -> None:
    expected = by_all_states(rate, servers, available, repair)
    case = {"servers": servers, "available": available, "repair_time": repair}
    assert response_time(rate, 1.0, **case) == pytest.approx(expected, rel=1e-9)
    # Another unit of time changes nothing else.
    case["repair_time"] = repair / 60
    assert response_time(60 * rate, 1 / 60, **case) == pytest.approx(expected / 60, rel=1e-9)


def test_one_server_in_closed_form() -> None:
    """M/M/1 with breakdowns: the mean of Avi-Itzhak and Naor 1963, model A."""
    rate, repair, available = 0.4, 3.0, 0.8
    fails = (1 - available) / (available * repair)
    whole = 1 / available
    load = rate * whole
    # The time that a request holds the server, and who comes first in an idle time.
    second = 2 * whole**2 + 2 * fails * repair**2
    expected = whole + rate * second / 2 / (1 - load) + (1 - available) * repair
    found = response_time(rate, 1.0, servers=1, available=available, repair_time=repair)
    assert found == pytest.approx(expected, rel=1e-10)


def test_limits_and_cells() -> None:
    case = {"servers": 3, "available": 1.0, "repair_time": 5.0}
    assert response_time(2.0, 1.0, **case) == pytest.approx(
        qm.MMc(1.0, 3).solve(2.0).response_time
    )
    cells = response_time(
        [0.0, 1.0, 2.5, 2.8, np.nan], 1.0, servers=3, available=0.9, repair_time=[[1.0], [9.0]]
    )
    assert cells.shape == (2, 5)
    assert np.isinf(cells[:, 3]).all()
    assert np.isnan(cells[:, 4]).all()
    assert (np.diff(cells[:, :3], axis=1) > 0).all()
    assert (cells[1, :3] > cells[0, :3]).all()
    mixed = response_time(1.0, 1.0, servers=[2, 3], available=0.9, repair_time=1.0)
    assert mixed[0] == pytest.approx(1.6456, abs=1e-4)


def test_failing_with_repairs_that_take_a_time() -> None:
    station = qm.MMc(1.0, 5)
    slow, quick = Failing(station, 0.98), Failing(station, 0.98, repair_time=[1.0, 10.0, 100.0])
    r = quick.solve(3.2)
    # Simulations of 1.5 million requests.
    assert r.response_time == pytest.approx([1.1920, 1.2113, 1.2437], rel=0.003)
    assert r.response.quantile(0.99) == pytest.approx([4.980, 5.158, 5.569], rel=0.07)
    assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)
    assert r.waiting_time == pytest.approx(r.response_time - 1.0)
    assert r.overload == pytest.approx(float(slow.solve(3.2).overload))
    assert (r.basis["response_time"], r.basis["p99"]) == ("exact", "approximate")
    over = quick.solve(4.95)
    assert np.isinf(over.response_time).all()
    assert np.isinf(over.response.quantile(0.5)).all()


def test_what_is_refused() -> None:
    with pytest.raises(ModelError, match="station must be MMc where repairs take a time"):
        Failing(qm.MDc(1.0, 5), 0.98, repair_time=1.0)
    with pytest.raises(DomainError, match="repair_time"):
        Failing(qm.MMc(1.0, 5), 0.98, repair_time=0.0)
