"""D/D/c, against the motion of its requests."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.waits.ddc import ConstantNumber


def ggc(servers: int, service: float = 1.0) -> qm.GGc:
    return qm.GGc(qm.Deterministic(3.0), qm.Deterministic(service), servers)


def test_nobody_waits_up_to_full_load() -> None:
    r = ggc(1).solve([0.0, 0.5, 1.0, np.nextafter(1.0, 2.0), 2.0, np.nan])
    np.testing.assert_array_equal(r.waiting_time, [0, 0, 0, np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(r.wait.mean, r.waiting_time)
    np.testing.assert_array_equal(r.response.quantile(0.99), 1 + r.waiting_time)
    assert r.basis["percentiles"] == "exact"


@pytest.mark.parametrize("load", [0.3, 1.0, 1.75, 2.5, 3.0])
def test_number_against_its_motion(load: float) -> None:
    # One request comes every 1 / load and stays for 1.
    times = np.linspace(0.0, 1 / load, 4000, endpoint=False) + 1e-9
    ages = times + np.arange(10)[:, None] / load
    present = (ages < 1.0).sum(axis=0)
    r = ggc(3).solve(load)
    assert r.number_in_system == pytest.approx(load)
    for n in range(5):
        assert r.number.probability(n) == pytest.approx((present == n).mean(), abs=1e-3)
        assert r.number.tail(n) == pytest.approx((present > n).mean(), abs=1e-3)
    assert r.number.variance == pytest.approx(present.var(), abs=2e-3)


def test_overload_has_no_number() -> None:
    number = ConstantNumber(np.inf)
    assert (number.probability(3), number.tail(3), number.variance) == (0, 1, np.inf)
