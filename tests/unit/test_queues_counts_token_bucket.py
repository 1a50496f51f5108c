"""The token bucket against its alternating sum in 60 digits, and against simulations."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.queues.counts.token_bucket import accepted, accepted_of_batches


def rejected(load: float, burst: int) -> float:
    """Return the share that finds no token, by the usual sum, one token a second."""
    with mp.workdps(60):
        lam, x = mp.mpf(load), burst - 1
        h = mp.fsum(
            (lam * (k - x)) ** k / mp.factorial(k) * mp.exp(-lam * (k - x))
            for k in range(x + 1)
        )
        return float(1 - h / (1 + lam * h))


@pytest.mark.parametrize("load", [0.1, 0.8, 0.999, 1.3, 2.0, 10.0])
@pytest.mark.parametrize("burst", [1, 2, 5, 8])
def test_share(load: float, burst: int) -> None:
    assert 1 - accepted(load, limit=1.0, burst=burst) == pytest.approx(
        rejected(load, burst), rel=1e-9, abs=1e-13
    )


@pytest.mark.parametrize("burst", [12, 20, 50])
def test_larger_bursts(burst: int) -> None:
    assert 1 - accepted(0.8, limit=1.0, burst=burst) == pytest.approx(
        rejected(0.8, burst), abs=1e-7
    )
    assert 1 - accepted(1.3, limit=1.0, burst=burst) == pytest.approx(
        rejected(1.3, burst), abs=1e-7
    )


@pytest.mark.parametrize("burst", [1, 5, 20])
def test_at_saturation(burst: int) -> None:
    assert 1 - accepted(1.0, limit=1.0, burst=burst) == pytest.approx(
        rejected(1.0, burst), abs=1e-6
    )


def test_simulated() -> None:
    """Four million requests each (theory, section 7.4)."""
    cases = {
        (0.8, 5): 0.0354,
        (1.0, 5): 0.1034,
        (1.3, 10): 0.2322,
        (0.95, 20): 0.0079,
        (2.0, 3): 0.5060,
    }
    for (load, burst), share in cases.items():
        assert 1 - accepted(load, limit=1.0, burst=burst) == pytest.approx(share, abs=6e-4)


def test_edges() -> None:
    assert accepted(0.0, limit=1.0, burst=5) == 1.0
    assert accepted(1e6, limit=1.0, burst=5) == pytest.approx(1e-6, rel=1e-6)
    assert accepted(3.0, limit=np.inf, burst=1) == pytest.approx(1.0)
    # One token and no memory: a request is let through if the last one was long enough ago.
    assert accepted(0.5, limit=1.0, burst=1) == pytest.approx(1 / 1.5)


def test_more_burst_and_more_tokens_let_more_through() -> None:
    loads = np.linspace(0.1, 3.0, 30)
    assert (np.diff(accepted(loads, limit=1.0, burst=5)) < 0).all()
    assert (np.diff(accepted(0.9, limit=1.0, burst=np.arange(1, 30))) >= -1e-7).all()


def test_impossible_values() -> None:
    for arguments, name in (
        ((-1.0, 1.0, 5), "arrival_rate"),
        ((1.0, 0.0, 5), "limit"),
        ((1.0, 1.0, 0.5), "burst"),
    ):
        with pytest.raises(qm.DomainError, match=name):
            accepted(arguments[0], limit=arguments[1], burst=arguments[2])


def replayed(batch: int, interval: float, limit: float, burst: int, many: int = 5000) -> float:
    """Return the share that a bucket lets through, batch by batch, from a full one on."""
    tokens, through = float(burst), 0
    for _ in range(many):
        taken = min(batch, int(tokens + 1e-9))
        through += taken
        tokens = min(float(burst), tokens - taken + limit * interval)
    return through / many / batch


@pytest.mark.parametrize("come", [0.125, 0.3, 0.7, 1.0, 1.75, 2.0, 2.6, 3.999, 4.5, 6.0])
def test_batches_at_regular_intervals(come: float) -> None:
    for batch in (1, 2, 3, 5, 8):
        for burst in (1, 2, 3, 5, 9):
            found = accepted_of_batches(batch, interval=2.0, limit=come / 2, burst=burst)
            expected = replayed(batch, 2.0, come / 2, burst)
            assert found == pytest.approx(expected, abs=burst / 2500), (batch, burst)


def test_a_page_of_images_at_once() -> None:
    """A published case: 154 images, 100/s with a burst of 100 behind the first; 53 refused."""
    share = accepted_of_batches(154, interval=60.0, limit=100.0, burst=101)
    assert 154 * (1 - share) == pytest.approx(53)
    alone = accepted_of_batches([1, 101, 154], interval=np.inf, limit=100.0, burst=101)
    assert alone == pytest.approx([1.0, 1.0, 101 / 154])
    assert np.isnan(accepted_of_batches(3, interval=np.nan, limit=1.0, burst=5))
    for arguments, name in (
        ({"batch": 0}, "batch"), ({"interval": 0.0}, "interval"), ({"burst": 1.5}, "burst"),
    ):  # fmt: skip
        usual = {"batch": 3, "interval": 1.0, "limit": 1.0, "burst": 5} | arguments
        with pytest.raises(qm.DomainError, match=name):
            accepted_of_batches(usual.pop("batch"), **usual)


def test_symbols_are_refused_with_a_sentence() -> None:
    path = qm.Pipeline(qm.series(qm.limit("quota", 300.0), qm.call("a", qm.MMc(0.01))))
    with pytest.raises(qm.ModelError, match="token bucket lets through has no symbolic form"):
        assert path.solve(sp.Symbol("x", positive=True)).latency
