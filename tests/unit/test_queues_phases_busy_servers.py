"""States of busy servers: counted, and their rates against servers one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from qmodel.queues.phases.busy_servers import (
    changes,
    configurations,
    ends,
    log_weights,
    starts,
    states,
)

RATES = np.array([[[-3.0, 1.0, 0.5], [0.2, -2.0, 0.0], [0.0, 0.7, -1.0]]])


@pytest.mark.parametrize(("servers", "phases"), [(1, 3), (3, 2), (4, 3), (2, 5)])
def test_states(servers: int, phases: int) -> None:
    rows = configurations(servers, phases)
    every = {
        tuple(np.bincount(s, minlength=phases)) for s in product(range(phases), repeat=servers)
    }
    assert {tuple(row) for row in rows.tolist()} == every
    assert len(rows) == len(every) == states(servers, phases)


def test_rates_are_those_of_servers_one_by_one() -> None:
    """The Kronecker sum of three servers, with the states of equal counts put together."""
    one, n = np.eye(3), 3
    rates = RATES[0]
    each = np.kron(np.kron(rates, one), one) + np.kron(np.kron(one, rates), one)
    each += np.kron(np.kron(one, one), rates)
    rows = configurations(n, 3).tolist()
    labels = [
        rows.index(np.bincount(s, minlength=3).tolist()) for s in product(range(3), repeat=n)
    ]
    lumped = np.zeros((len(rows), len(rows)))
    for i, row in zip(labels, each, strict=True):
        lumped[i] = np.bincount(labels, weights=row, minlength=len(rows))
    np.testing.assert_allclose(changes(n, RATES)[0], lumped, atol=1e-12)


def test_nothing_is_lost() -> None:
    for servers in (1, 4):
        total = changes(servers, RATES).sum(axis=-1) + ends(servers, RATES).sum(axis=-1)
        np.testing.assert_allclose(total, 0.0, atol=1e-12)
    np.testing.assert_allclose(starts(3, np.array([[0.2, 0.3, 0.5]])).sum(axis=-1), 1.0)


def test_weights_make_hyperexponential_rates_symmetric() -> None:
    initial, rates = np.array([[0.2, 0.8]]), np.array([[[-3.0, 0.0], [0.0, -0.4]]])
    weights = np.exp(log_weights(5, initial, rates))[0]
    leave = (ends(5, rates) @ starts(4, initial))[0]
    balance = weights[:, None] * leave
    np.testing.assert_allclose(balance, balance.T, rtol=1e-12)
