"""Erlang B and C against one bare scipy.special.gammaincc at the same points."""

import numpy as np
import pytest
from scipy.special import gammaincc

from qmodel.numerics import erlang

pytestmark = pytest.mark.benchmark
KERNEL = {"B": erlang.erlang_b, "C": erlang.erlang_c}


def points(low, high, n=10**6):
    """Servers uniform in the logarithm, loads to 1e-6 of saturation, in random order."""
    rng = np.random.default_rng(1)
    c = np.floor(np.exp(rng.uniform(np.log(low), np.log(high), n)))
    near = 1.0 - 10.0 ** rng.uniform(-6.0, 0.0, n)
    return c * np.where(rng.uniform(size=n) < 0.5, rng.uniform(size=n), near), c


@pytest.mark.parametrize("name", KERNEL)
@pytest.mark.parametrize(
    ("low", "high", "limit"), [(1, 1e7, 2.0), (64, 1e7, 1.0), (1, 64, 2.0)], ids=str
)
def test_arrays(interleaved, name, low, high, limit):
    a, c = points(low, high)
    r = interleaved(lambda: KERNEL[name](a, c), lambda: gammaincc(c + 1.0, a))
    print(f"\nErlang {name}, {low:g} to {high:g} servers: {r} gammaincc, limit {limit}")
    assert r.median <= limit


@pytest.mark.parametrize("servers", [3, 50, 100, 10**4])
def test_scalars(interleaved, servers):
    a, c = 0.9 * servers, float(servers)
    r = interleaved(
        lambda: [erlang.erlang_c(a, c) for _ in range(3000)],
        lambda: [gammaincc(c + 1.0, a) for _ in range(3000)],
    )
    print(f"\nErlang C, one float, {servers} servers: {r} gammaincc, limit 10")
    assert r.median <= 10.0
