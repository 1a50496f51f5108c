"""Erlang B and C, the mean wait and its percentiles on the whole grid, against 50 digits.

The reference is the definition: 1/B is the sum of c! / ((c - k)! a^k), added up in 50
digits. All is held to 5e-13 relative, with two exceptions. A percentile of the wait is
ln(C / (1 - p)) over the rate of drain, so where C is close to 1 - p, and the percentile close
to zero, an error of C is enlarged by 1 / ln(C / (1 - p)): no arithmetic can mend that. And C
is taken at the offered load rounded to a float; d ln C / d ln a is about c - a, so the last
half bit of the load moves C by (c - a) 2^-53, which is 1e-12 with ten thousand of ten
million servers to spare. Probabilities below 1e-300 fade to zero.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import qmodel as qm

LIMIT = 5e-13
SMALLEST = 1e-300
SERVERS = [1, 2, 3, 8, 63, 64, 65, 512, 10_000, 100_000, 1_000_000, 10_000_000]
LOADS = [1e-12, 1e-6, 1e-3, 0.1, 0.5, 0.8, 0.95, 0.999, 1 - 1e-4, 1 - 1e-6, 1 - 1e-9, 1 - 1e-12]
SERVICE_TIMES = [1.0, 0.2]
PERCENTILES = [0.5, 0.9, 0.99, 0.999999]


BITS = 300
"""Bits behind the point: 90 digits."""


@cache
def inverse_loss(servers: int, load: Any) -> Any:
    """Return 1/B in 50 digits; infinity where B is below the smallest that is held."""
    # Whole numbers of BITS behind the point are added up ten times faster than mpmath's floats.
    with mp.workdps(100):
        a, one = int(load * 2**BITS), 1 << BITS
    term = total = one
    most, near = one * int(1 / SMALLEST), int(load)
    for k in range(servers):
        term = term * ((servers - k) << BITS) // a
        total += term
        if total > most:
            return mp.inf
        if servers - k < near and term < total >> 190:
            break
    with mp.workdps(60):
        return mpf(total) / one


def error(found: Any, exact: Any) -> float:
    return float(abs(mpf(float(found)) - exact) / exact)


def check(servers: int, load: float, service_time: float) -> None:
    with mp.workdps(50):
        rate = load * servers / service_time
        s, lam = mpf(service_time), mpf(rate)
        a = lam * s
        spare = servers - a
        assert spare > 0
        inverse = inverse_loss(servers, a)
        station = qm.MMc(service_time, servers)
        for cells in (float(rate), np.array([rate])):
            r = station.solve(cells)
            found = np.ravel(r.waiting_time)[0]
            if inverse == mp.inf:
                assert 0 <= found <= 2 * SMALLEST * service_time * servers
                assert np.ravel(r.wait.quantile(0.999999))[0] == 0
                continue
            blocked = 1 / inverse
            waits = 1 / (1 + spare / servers * (inverse - 1))
            where = f"{servers} servers at {load!r}"
            offered = float(rate * service_time)
            limit = LIMIT + (0 if offered == a else float(spare) * 2.0**-53)
            if offered == a:  # Erlang's functions take the load itself
                assert (
                    error(qm.erlang_b(servers=servers, offered_load=offered), blocked) <= LIMIT
                ), where
                assert (
                    error(qm.erlang_c(servers=servers, offered_load=offered), waits) <= LIMIT
                ), where
            assert error(found, waits * s / spare) <= limit, where
            for p in PERCENTILES:
                log = mp.log(waits / (1 - mpf(p)))
                quantile = np.ravel(r.wait.quantile(p))[0]
                if log <= 0:
                    assert quantile <= limit * float(s / spare), where
                else:
                    near = limit * max(1.0, 1 / float(log))
                    assert error(quantile, log * s / spare) <= near, (where, p)


@pytest.mark.parametrize("servers", SERVERS)
def test_wait_against_fifty_digits(servers: int) -> None:
    for load in LOADS:
        for service_time in SERVICE_TIMES:
            check(servers, load, service_time)


@pytest.mark.slow
def test_wait_against_fifty_digits_on_the_deep_grid() -> None:
    rng = np.random.default_rng(11)
    for servers in np.unique(np.geomspace(1, 1e6, 60).astype(int)).tolist():
        distances = np.exp(rng.uniform(np.log(1e-12), np.log(0.99), 12))
        for distance in distances:
            check(servers, float(1 - distance), float(rng.uniform(1e-3, 10.0)))


def test_nothing_is_unknown_negative_or_infinite() -> None:
    """On 40 000 points: servers 1 to 1e7, loads 1e-12 to 1 - 1e-12."""
    servers = np.unique(np.round(np.geomspace(1, 1e7, 220)))[:, None]
    odds = np.exp(np.linspace(np.log(1e-12), np.log(1e12), 220))
    load = np.where(odds < 1, odds / (1 + odds), 1 - 1 / (1 + odds))
    for service_time in (1.0, 1e-6, 3e5):
        r = qm.MMc(service_time, servers).solve(load * servers / service_time)
        for p in (0.5, 0.999):
            at = r.wait.quantile(p)
            assert np.isfinite(at).all()
            assert (at >= 0).all()
        for name in ("waiting_time", "response_time", "queue_length", "number_in_system"):
            value = getattr(r, name)
            assert np.isfinite(value).all(), name
            assert (value >= 0).all(), name
        assert ((r.wait.atom >= 0) & (r.wait.atom <= 1)).all()
        # Rising with the load, to the last bits.
        step = np.diff(r.waiting_time, axis=1)
        assert (step >= -1e-12 * r.waiting_time[:, 1:]).all()
    few = qm.MMc(1.0, servers[::20]).solve((load * servers)[::20, ::10])
    for p in (0.5, 0.999):
        at = few.response.quantile(p)
        assert np.isfinite(at).all()
        assert (at > 0).all()
