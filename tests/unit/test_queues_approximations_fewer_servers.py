"""Several servers behind bunches: as if there were fewer."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.fewer_servers import fewer_servers, waits_power


def test_the_power_is_that_of_one_server_and_grows() -> None:
    assert waits_power(1) == 1.0
    assert np.all(np.diff(waits_power(np.arange(1, 9))) > 0)


def test_one_server_and_arrivals_that_are_no_more_variable_are_as_they_were() -> None:
    assert fewer_servers(9.0, 0.5, 1.0, 1) == 1.0
    assert fewer_servers(0.5, 0.5, 1.0, 8) == 1.0
    assert fewer_servers(9.0, 0.5, 1.0, 8, 4) == 1.0 < fewer_servers(9.0, 0.5, 1.0, 8, 16)
    assert fewer_servers(np.array([1.0, 9.0]), 0.5, np.inf, 8) == pytest.approx([1.0, 1.0])


def test_cells_without_load_and_without_a_number() -> None:
    loads = np.array([0.0, 0.5, 1.0, 3.0, np.nan])
    found = fewer_servers(5.0, loads, 1.0, 4)
    assert found[[0, 2, 3]] == pytest.approx([1.0, 1.0, 1.0])
    assert found[1] == pytest.approx(
        0.5 ** (waits_power(4 / 3) - waits_power(4) + 1 - 0.6330), 1e-3
    )
    assert np.isnan(found[4])


@pytest.mark.parametrize(("first", "simulated"), [(0.5, 11.03), (0.8, 3.91)])
def test_long_bunches_add_as_much_at_four_servers_as_at_one(
    first: float, simulated: float
) -> None:
    """Behind one in a hundred a hundred times as long; simulated with 12,000,000 requests."""
    rare = qm.Mixture((0.99, 0.01), (qm.Deterministic(1 / 1.99), qm.Deterministic(100 / 1.99)))
    load = 1.3 - first

    def added(servers: int) -> float:
        after = qm.MMc(load * servers, servers)
        path = qm.series(qm.call("a", qm.MG1(qm.Scaled(rare, first))), qm.call("b", after))
        found = qm.Pipeline(path).solve(1.0).stations["b"].waiting_time
        if servers == 4:
            assert float(found) == pytest.approx(simulated, rel=0.4)
        return float(found - after.solve(1.0).waiting_time)

    assert added(4) == pytest.approx(added(1), rel=0.35)


def test_a_long_service_on_one_of_four_servers_stops_little() -> None:
    """Simulated with 12,000,000 requests; as on one server the wait was 61 % long."""
    rare = qm.Mixture((0.99, 0.01), (qm.Deterministic(1 / 1.99), qm.Deterministic(100 / 1.99)))
    first = qm.call("a", qm.MGc(qm.Scaled(rare, 2.0), 4))
    r = qm.Pipeline(qm.series(first, qm.call("b", qm.MMc(0.8)))).solve(1.0)
    assert float(r.stations["b"].waiting_time) == pytest.approx(4.48, rel=0.2)
