"""Tails of few real exponentials, and loads between nodes, against each load by itself."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.phase_type import PhaseType
from qmodel.queues.phases import condensed as condensed_module
from qmodel.queues.phases.condensed import condensed
from qmodel.queues.phases.refined import refined
from qmodel.queues.phases.tables import Blend, PhaseQueue, floor, solved_apart

TIMES = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 60)])


def queue(shape: float, most: float, servers: int) -> tuple[PhaseQueue, float]:
    """Return a queue of few phases of Pareto service, and a rate slower than all of its."""
    least = 1 / float(qm.Pareto(1.0, shape, most).mean)
    fits = refined(qm.Pareto(least, shape, most * least))
    assert fits is not None
    service = fits.services[1 if servers == 2 else 0]
    slowest = min(-service.generator.diagonal().max(), 2 / (1 + float(service.scv)))
    return PhaseQueue(service, False, servers), float(slowest) * 0.9


def tails(blend: Blend) -> np.ndarray:
    cells = np.arange(blend.ratio.size)[:, None]
    return np.asarray(blend.tails.sums(cells, lambda x, t: np.exp(-x * t), TIMES))


@pytest.mark.parametrize(("shape", "most"), [(1.5, 10.0), (1.5, 1e3), (1.8, 1e4), (2.5, 1e3)])
@pytest.mark.parametrize("servers", [2, 4])
def test_few_exponentials_are_enough(shape: float, most: float, servers: int) -> None:
    of, slowest = queue(shape, most, servers)
    load = np.array([0.01, 0.1, 0.3, 0.5, 0.6, 0.8, 0.95, 0.999])
    few, all_of_them = condensed(of, load, slowest), solved_apart(of, load)
    exact, found = tails(all_of_them), tails(few)
    assert few.tails.rates.shape[1] < 60
    assert found == pytest.approx(exact, abs=2e-5)
    assert (abs(found - exact) <= 1e-3 * exact)[exact > 1e-3].all()
    assert few.tails.weights.sum(axis=1) == pytest.approx(np.ones(load.size), abs=1e-7)
    means = (few.tails.weights / few.tails.rates).sum(axis=1)
    assert means == pytest.approx(all_of_them.tails.means, rel=2e-3)
    assert (few.ratio == all_of_them.ratio).all()
    assert (few.tails.means == all_of_them.tails.means).all()


@pytest.mark.parametrize(
    ("shape", "most", "mean", "tail"),
    [
        (1.5, 10.0, 1e-6, 1e-3),
        (1.5, 1e3, 1e-4, 1e-3),
        (1.8, 1e4, 3e-3, 1e-2),
        (2.5, 1e3, 1e-5, 1e-3),
    ],
)
@pytest.mark.parametrize("servers", [2, 4])
def test_between_the_nodes(
    shape: float, most: float, mean: float, tail: float, servers: int
) -> None:
    of, slowest = queue(shape, most, servers)
    load = np.concatenate([np.linspace(0.02, 0.97, 60), 1 - np.geomspace(1e-5, 0.03, 20)])
    found, each = condensed(of, load, slowest), solved_apart(of, load)
    assert found.ratio == pytest.approx(each.ratio, rel=1e-5)
    assert found.levels == pytest.approx(each.levels, rel=2e-5)
    assert found.tails.means == pytest.approx(each.tails.means, rel=mean)
    exact = tails(each)
    assert (abs(tails(found) - exact) <= tail * exact)[exact > 1e-2].all()


def test_a_load_is_what_it_is_among_others() -> None:
    of, slowest = queue(1.5, 1e3, 2)
    load = np.linspace(0.0, 1.0, 203)[1:-1]
    every, some = condensed(of, load, slowest), condensed(of, load[::3], slowest)
    assert some.ratio == pytest.approx(every.ratio[::3], rel=1e-14)
    assert some.tails.weights == pytest.approx(every.tails.weights[::3], abs=1e-9)


def test_where_hardly_one_waits_they_wait_alike() -> None:
    of, slowest = queue(1.5, 1e3, 4)
    low = floor(of)
    found = condensed(of, np.geomspace(low / 1e6, low, 40), slowest)
    assert np.ptp(found.ratio) == 0
    assert found.tails.means == pytest.approx(solved_apart(of, np.array([low])).tails.means[0])


def test_nodes_are_solved_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    h2 = PhaseType([0.9, 0.1], [[-2.0, 0.0], [0.0, -2 / 11.25]])
    queue, solved = PhaseQueue(h2, True, 2), []

    def counted(of: PhaseQueue, load: np.ndarray) -> Blend:
        solved.append(load)
        return solved_apart(of, load)

    monkeypatch.setattr(condensed_module, "solved_apart", counted)
    low, high = np.linspace(0.4, 0.5, 50), np.linspace(0.4, 0.9, 50)
    first = condensed(queue, low, 0.1)
    assert 6 <= solved[0].size <= 9
    condensed(queue, high, 0.1)
    # Those of the lower loads are known, and nothing is left of what they were without.
    assert not np.intersect1d(solved[0], solved[1]).size
    again = condensed(queue, low, 0.1)
    assert len(solved) == 2
    assert (again.tails.weights == first.tails.weights).all()
