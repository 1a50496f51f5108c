"""M/M/c with breakdowns: the exact mean, and what `Failing` makes of it."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.reliability.breakdowns import response, response_time
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


def tail_by_all_states(t: float, rate: float, servers: int, up: float, repair: float) -> float:
    """Return P(T > t) of the request that comes last, from the chain of all states."""
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import expm_multiply

    fails, size, most = (1 - up) / (up * repair), servers + 1, 150
    flow = lil_matrix(((most + 1) * size,) * 2)
    left = lil_matrix(flow.shape)
    for i in range(most + 1):
        for j in range(size):
            here = i * size + j
            ways = [(here - 1, j * fails), (here + 1, (servers - j) / repair),
                    (here - size, float(min(i, j)))]  # fmt: skip
            for matrix, more in (flow, rate * (i < most)), (left, 0.0):
                for there, speed in [*ways, (here + size, more)]:
                    if speed > 0:
                        matrix[there, here] += speed
                        matrix[here, here] -= speed
            left[here, here] -= 1.0 * (i < j)
    flow[-1] = 1.0
    state = np.linalg.solve(flow.toarray(), np.eye(flow.shape[0])[-1])
    return float(expm_multiply(left.tocsc() * t, state).sum())


@pytest.mark.parametrize(
    ("rate", "servers", "available", "repair"),
    [(0.4, 1, 0.7, 2.0), (1.0, 2, 0.9, 8.0), (1.7, 4, 0.8, 0.3)],
)
def test_distribution_against_all_states(
    rate: float, servers: int, available: float, repair: float
) -> None:
    case = {"servers": servers, "available": available, "repair_time": repair}
    time = response(rate, 1.0, **case)
    for t in (0.3, 2.0, 12.0):
        expected = tail_by_all_states(t, rate, servers, available, repair)
        assert time.tail(t) == pytest.approx(expected, rel=1e-7)
    # Another unit of time changes nothing else.
    case["repair_time"] = repair / 60
    assert response(60 * rate, 1 / 60, **case).quantile(0.95) * 60 == pytest.approx(
        float(time.quantile(0.95)), rel=1e-9
    )


# Simulations of 1e6 requests after 1e5, seed 7, where any server breaks down and its request is
# the next to be served: rate, servers, available, repair, then p50, p95, p99 and three standard
# deviations of each, in percent.
BROKEN = [
    (0.5, 1, 0.9, 1, 1.839, 8.363, 13.05, 0.9, 1.5, 2.4),
    (0.5, 1, 0.9, 100, 1.948, 157.1, 337.6, 3.9, 13.5, 16.5),
    (1.2, 2, 0.9, 0.01, 1.432, 5.598, 8.359, 0.9, 1.8, 3.6),
    (1.2, 2, 0.9, 10, 1.622, 10.28, 19.48, 1.8, 5.7, 7.8),
    (6, 8, 0.9, 0.1, 1.14, 4.037, 5.906, 1.2, 2.4, 3.3),
    (2, 4, 0.8, 0.5, 1.034, 3.978, 5.905, 0.9, 1.2, 1.5),
    (0.8, 2, 0.6, 10, 3.433, 26.74, 42.49, 3.3, 3.6, 5.1),
]


@pytest.mark.parametrize("row", BROKEN)
def test_distribution_against_simulation(row: tuple[float, ...]) -> None:
    """Long repairs once gave a median of 17.3 for 1.95, and a p99 of 115 for 338."""
    rate, servers, available, repair, *figures = row
    pool = Failing(qm.MMc(1.0, int(servers)), available, repair_time=repair)
    time = pool.solve(rate).response
    # What the assumption states of the order of service, on top; one server has no order.
    stated = (0.03, 0.03, 0.06) if servers > 1 else (0.0, 0.0, 0.0)
    noise = np.array(figures[3:]) / 100
    for p, figure, error in zip((0.5, 0.95, 0.99), figures[:3], noise + stated, strict=True):
        assert time.quantile(p) == pytest.approx(figure, rel=error)


def test_distribution_keeps_its_moments_with_many_servers() -> None:
    """Eigenvectors of the levels' ratio were all wrong here."""
    case = {"servers": [2, 30, 50], "available": 0.99, "repair_time": 1.0}
    rate = 0.95 * 0.99 * np.array([2, 30, 50])
    time = response(rate, 1.0, **case)
    assert time.mean == pytest.approx(response_time(rate, 1.0, **case), rel=1e-10)
    assert time.laplace(0.0) == pytest.approx(1.0, rel=1e-10)
    step = 1e-4
    second = (time.laplace(step) - 2 + time.laplace(-step)) / step**2
    assert time.variance == pytest.approx(second - time.mean**2, rel=1e-3)


def test_cells_of_the_distribution() -> None:
    """Overload has no end, what is not known stays so, and cells are those of scalars."""
    case = {"servers": 2, "available": 0.9, "repair_time": [[1.0], [20.0]]}
    time = response([1.0, 1.9, np.nan], 1.0, **case)
    found = time.quantile(0.9)
    assert found.shape == (2, 3)
    assert np.isinf(found[:, 1]).all()
    assert np.isnan(found[:, 2]).all()
    alone = response(1.0, 1.0, servers=2, available=0.9, repair_time=20.0).quantile(0.9)
    assert found[1, 0] == pytest.approx(float(alone), rel=1e-9)
    assert np.isinf(response(1.9, 1.0, servers=2, available=0.9, repair_time=1.0).quantile(0.1))


def test_failing_with_repairs_that_take_a_time() -> None:
    station = qm.MMc(1.0, 5)
    slow, quick = Failing(station, 0.98), Failing(station, 0.98, repair_time=[1.0, 10.0, 100.0])
    r = quick.solve(3.2)
    # Simulations of 1.5 million requests.
    assert r.response_time == pytest.approx([1.1920, 1.2113, 1.2437], rel=0.003)
    assert r.response.quantile(0.99) == pytest.approx([4.980, 5.158, 5.569], rel=0.015)
    assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)
    assert r.waiting_time == pytest.approx(r.response_time - 1.0)
    assert r.overload == pytest.approx(float(slow.solve(3.2).overload))
    assert (r.basis["response_time"], r.basis["p99"]) == ("exact", "approximate")
    one = Failing(qm.MMc(1.0), 0.98, repair_time=1.0).solve(0.5)
    assert one.basis["p99"] == "exact"
    over = quick.solve(4.95)
    assert np.isinf(over.response_time).all()
    assert np.isinf(over.response.quantile(0.5)).all()


def test_what_is_refused() -> None:
    with pytest.raises(ModelError, match="station must be MMc where repairs take a time"):
        Failing(qm.MDc(1.0, 5), 0.98, repair_time=1.0)
    with pytest.raises(DomainError, match="repair_time"):
        Failing(qm.MMc(1.0, 5), 0.98, repair_time=0.0)
