"""Tails as few exponentials, against matrix exponentials and at many more states than terms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

import qmodel as qm
from qmodel.distributions.phase_type import phases_of
from qmodel.queues.phases import queue
from qmodel.queues.phases.exponentials import TERMS, exponentials, few

TIMES = np.append(0.0, np.geomspace(1e-4, 15.0, 40))

# How many times as long a few requests take, and service whose matrix has no eigenvectors.
SERVICES = {
    "one in a thousand": (qm.HyperExponential([0.001, 0.999], [500.0, 0.5]), 32),
    "one in 10,000": (qm.HyperExponential([1e-4, 1 - 1e-4], [5000.0, 0.5]), 40),
    "Erlang on many servers": (qm.Erlang(1.0, 2), 64),
    "eight phases": (qm.Erlang(1.0, 8), 3),
}


@pytest.mark.parametrize("what", SERVICES)
@pytest.mark.parametrize("load", [0.3, 0.5, 0.8, 0.95, 0.999])
def test_few_terms_are_the_matrix_exponential(
    what: str, load: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, servers = SERVICES[what]
    phases, seen = phases_of(service), []
    assert phases is not None

    def recorded(*of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(of)
        return exponentials(*of)

    monkeypatch.setattr(queue, "exponentials", recorded)
    unit = float(service.mean) / (servers * (1 - load))
    rate = np.array([servers * load / float(service.mean)])
    found = queue.solve(phases.initial[None], phases.generator[None], servers, rate)
    start, matrix, end = (x[0] for x in seen[0])
    exact = [start @ expm(matrix * t * unit) @ end / (start @ end) for t in TIMES]
    tail = (found.weights * np.exp(-found.rates * TIMES[:, None] * unit)).sum(axis=1)
    assert found.weights.shape[1] <= 40
    assert tail.real == pytest.approx(np.array(exact), abs=1e-9)
    assert abs(tail.imag).max() < 1e-12
    assert (found.weights / found.rates).sum().real == pytest.approx(found.mean[0], rel=1e-8)


def test_few_of_many_exponentials() -> None:
    rates = np.linspace(1.0, 50.0, 300)[None]
    weights, found = few(np.full((1, 300), 1 / 300), rates)
    assert TERMS <= weights.shape[1] <= 24
    exact = np.exp(-rates[0] * TIMES[:, None]).mean(axis=1)
    assert (weights * np.exp(-found * TIMES[:, None])).sum(axis=1) == pytest.approx(
        exact, abs=1e-9
    )


def test_what_few_cannot_be_stays_as_it_is() -> None:
    """Rates over twelve decades."""
    rates = np.geomspace(1.0, 1e12, 400)[None]
    weights, found = few(np.full((1, 400), 1 / 400), rates)
    assert weights.shape[1] == 400
    assert (found == rates).all()


def test_rates_that_are_alike_are_one() -> None:
    """Of three rates the steps end after three; a step more would be of rounding."""
    weights, rates = few(np.full((1, 300), 1 / 300), np.repeat([1.0, 2.0, 5.0], 100)[None])
    counts = weights[0] > 0
    assert weights.shape[1] <= TERMS
    assert weights[0, counts] == pytest.approx(np.full(3, 1 / 3), rel=1e-9)
    assert rates[0, counts] == pytest.approx([1.0, 2.0, 5.0], rel=1e-9)
