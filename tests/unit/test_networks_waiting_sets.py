"""Sets of stations at which a request waits, against their products by hand."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from qmodel.networks.waiting_sets import beside, waiting, waiting_sets


@pytest.mark.parametrize("servers", [(1,), (3, 2), (2, 1, 4)])
def test_each_set_is_the_product_of_its_stations(servers: tuple[int, ...]) -> None:
    demands, rate = (0.3, 0.05, 0.21), 4.0
    stations, logs = zip(
        *(waiting(d, c, rate) for d, c in zip(demands, servers, strict=False)), strict=True
    )
    found = {tuple(map(float, s.rates)): np.array(s.factor) for s in waiting_sets(stations)}
    assert len(found) == 2 ** len(servers)
    for waits in product((False, True), repeat=len(servers)):
        expected = np.ones(1)
        for w, d, c in zip(waits, demands, servers, strict=False):
            terms = np.array([(rate * d) ** n / math.factorial(n) for n in range(c + 1)])
            expected = np.convolve(
                expected, np.append(0 * terms[:-1], terms[-1]) if w else terms[:-1]
            )
        rates = tuple(c / d for w, d, c in zip(waits, demands, servers, strict=False) if w)
        key = next(key for key in found if key == pytest.approx(rates))
        whole = found[key] * math.exp(sum(logs))
        assert whole[: len(expected)] == pytest.approx(expected, rel=1e-12)
        assert not whole[len(expected) :].any()


def test_cells_differ_in_their_servers() -> None:
    both, log = waiting(np.array([0.3, 0.1]), np.array([1, 3]), 4.0)
    for cell, (demand, servers) in enumerate([(0.3, 1), (0.1, 3)]):
        alone, own = waiting(demand, servers, 4.0)
        assert both.free[:servers, cell] * np.exp(log[cell] - own) == pytest.approx(alone.free)
        assert both.busy[servers, cell] * np.exp(log[cell] - own) == pytest.approx(
            alone.busy[-1]
        )
    assert beside(tuple(both.free), np.zeros((3, 5, 2))).shape == (3, 1, 2)
