"""The number present: counts broadcast against cells."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.counts.states import FiniteStates, Geometric, Poisson


def test_counts_of_one_cell():
    distribution = FiniteStates(np.array([0.5, 0.3, 0.2]))
    assert distribution.probability([2, 1, 0, 7]) == pytest.approx([0.2, 0.3, 0.5, 0.0])
    assert distribution.tail([0, 1, 2]) == pytest.approx([0.5, 0.2, 0.0])
    assert np.ndim(distribution.probability(1)) == 0


def test_counts_against_cells():
    cells = FiniteStates(np.array([[0.5, np.nan], [0.3, np.nan], [0.2, np.nan]]))
    found = cells.probability(np.arange(4)[:, None])
    assert found[:, 0] == pytest.approx([0.5, 0.3, 0.2, 0.0])
    assert np.isnan(found[:, 1]).all()


@pytest.mark.parametrize(
    "distribution", [Poisson(2.0), Geometric(0.4), FiniteStates(np.full(9, 1 / 9))]
)
def test_probabilities_add_up(distribution):
    n = np.arange(200)
    p = distribution.probability(n)
    assert p.sum() == pytest.approx(1.0)
    assert (n * p).sum() == pytest.approx(distribution.mean)
    assert (n**2 * p).sum() - distribution.mean**2 == pytest.approx(distribution.variance)
    assert distribution.tail(3) == pytest.approx(p[4:].sum())


def test_array_of_counts_at_a_station():
    number = qm.MG1K(qm.Deterministic(1.0), 2).solve(0.9).number
    assert number.probability([0, 1, 2]) == pytest.approx([0.3112, 0.4542, 0.2346], abs=5e-5)
