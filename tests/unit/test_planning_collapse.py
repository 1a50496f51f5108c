"""How long a healthy state lasts: figures of the chain, its limits, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import erlang

import qmodel as qm
from qmodel.planning.collapse import _failure


def test_the_chain_of_eight_servers() -> None:
    loads = np.array([6.4, 6.0, 5.6, 5.2, 5.0])
    found = qm.time_to_collapse(loads, 1.0, servers=8, timeout=5.0, attempts=3)
    assert found == pytest.approx([1231, 6053, 41925, 414440, 1503219], rel=5e-4)


@pytest.mark.parametrize(
    ("servers", "timeout", "attempts", "shares"),
    [
        (8, 5.0, 3, [0.736, 0.633, 0.555, 0.541]),
        (8, 5.0, 2, [0.748, 0.650, 0.580, 0.567]),
        (50, 4.0, 3, [0.888, 0.847, 0.813, 0.807]),
        (50, 2.0, 3, [0.692, 0.640, 0.599, 0.592]),
    ],
)
def test_loads_that_last(servers, timeout, attempts, shares) -> None:
    horizons = np.array([1e4, 1e6, 1e8, 2.6e8])
    options = {"servers": servers, "timeout": timeout, "attempts": attempts}
    found = qm.safe_load(horizons, 1.0, **options)
    assert found / servers == pytest.approx(shares, abs=6e-4)
    assert qm.time_to_collapse(found, 1.0, **options) == pytest.approx(horizons, rel=1e-6)


def test_loads_that_last_with_a_long_timeout() -> None:
    options = {"servers": 8, "timeout": 20.0, "attempts": 3}
    found = qm.safe_load(np.array([1e6, 1e8, 2.6e8]), 1.0, **options)
    assert found / 8 == pytest.approx([0.924, 0.890, 0.883], abs=6e-4)


@pytest.mark.parametrize(
    ("servers", "timeout", "attempts", "fold"),
    [
        (8, 5, 3, 0.857),
        (8, 5, 2, 0.859),
        (8, 20, 3, 0.961),
        (50, 4, 3, 0.931),
        (50, 2, 3, 0.782),
    ],
)
def test_folds_beside_them(servers: int, timeout: float, attempts: int, fold: float) -> None:
    """The fold over the servers, and the share from which on a collapse lasts."""
    late = qm.timeout(timeout, qm.call("app", qm.MMc(1.0, servers)))
    p = qm.Pipeline(qm.retry(late, attempts=attempts))
    assert float(p.fold) / servers == pytest.approx(fold, abs=6e-4)
    assert float(p.hidden_capacity) / servers == pytest.approx(1 / attempts, rel=1e-9)


@pytest.mark.parametrize("servers", [1, 2, 8])
def test_the_failure_of_who_sees_n(servers: int) -> None:
    tau = 3.0
    for n in (0, servers - 1, servers, servers + 5, servers + 40):
        ahead = max(n - servers + 1, 0)
        if ahead == 0:
            expected = np.exp(-tau)
        else:
            wait = erlang(ahead, scale=1 / servers)
            inside = quad(lambda w, wait=wait: wait.pdf(w) * np.exp(-(tau - w)), 0, tau)[0]
            expected = wait.sf(tau) + inside
        assert float(_failure(np.array(n), servers, tau)) == pytest.approx(expected, rel=1e-7)


def test_units_and_no_load() -> None:
    options = {"servers": 4, "attempts": 2}
    one = qm.time_to_collapse(3.0, 1.0, timeout=5.0, **options)
    other = qm.time_to_collapse(300.0, 0.01, timeout=0.05, **options)
    assert float(other) == pytest.approx(float(one) / 100, rel=1e-12)
    assert qm.time_to_collapse(0.0, 1.0, timeout=5.0, **options) == np.inf
    assert np.isnan(qm.time_to_collapse(np.nan, 1.0, timeout=5.0, **options))


def test_impossible_values() -> None:
    with pytest.raises(qm.DomainError, match="timeout must be a number > 0, got 0"):
        qm.time_to_collapse(1.0, 1.0, timeout=0.0, attempts=2)
    with pytest.raises(qm.DomainError, match="attempts must be a whole number >= 1, got 0"):
        qm.time_to_collapse(1.0, 1.0, timeout=1.0, attempts=0)
    with pytest.raises(qm.InfeasibleError, match="horizon must be longer"):
        qm.safe_load(1e-3, 1.0, timeout=5.0, attempts=3)
