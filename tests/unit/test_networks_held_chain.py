"""The Markov chain of a held pool: its digits, and what is interpolated between loads."""

import numpy as np
import pytest

from qmodel.networks.held.chain import solve, solve_all
from qmodel.networks.held.counts import Place, saturation
from qmodel.networks.held.moves import Chain


def rates(permits: int, mean: float, servers: float, cells: int) -> np.ndarray:
    return np.minimum(np.arange(permits + 1), servers)[:, None] * np.ones(cells) / mean


POOLS = [((0.05, 1), (0.05, 1), 1.0), ((0.045, np.inf), (0.009, 4), 0.8),
         ((0.05, np.inf), (1.0, 1), 0.05)]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "visits"), POOLS)
@pytest.mark.parametrize("permits", [1, 2, 9, 40])
def test_many_loads_are_what_each_is_alone(
    first: tuple[float, float], second: tuple[float, float], visits: float, permits: int
) -> None:
    """Near saturation too, where a chain loses digits; who hardly waits counts little."""
    loads = np.concatenate([np.linspace(0.02, 0.99, 90), 1 - np.geomspace(1e-4, 5e-3, 10)])
    places = {"a": Place(1.0, *first), "b": Place(visits, *second)}
    limit = float(saturation(permits, places))
    work = np.array([rates(permits, *s, loads.size) for s in (first, second)])
    many = np.array([np.ones(loads.size), np.full(loads.size, visits)])
    chain = Chain.of(permits, work, many)
    together = solve_all(chain, loads * limit, np.full(loads.size, limit))
    alone = solve(chain, loads * limit)
    assert together.full == pytest.approx(alone.full, abs=1e-7)
    assert together.present == pytest.approx(alone.present, rel=1e-6)
    often = alone.full > 1e-6
    assert together.waits[:, often] == pytest.approx(alone.waits[:, often], rel=1e-5)


def test_rare_states_keep_their_digits() -> None:
    """At little load all permits are taken as in M/M/inf, whose holders queue nowhere."""
    permits, mean = 12, 0.05
    load = np.array([1e-9, 1e-4, 1e-2])
    work = np.array([rates(permits, mean / 2, np.inf, 3)] * 2)
    state = solve(Chain.of(permits, work, np.ones((2, 3))), load / mean)
    poisson = np.exp(permits * np.log(load) - load - np.sum(np.log(np.arange(1, permits + 1))))
    assert state.full == pytest.approx(poisson, rel=2 * load.max())
    # Each of twelve that are there is as far on as any other: the first to leave of all.
    assert state.waits[0] == pytest.approx(state.waits[0][0], rel=1e-2)
    assert state.present == pytest.approx(np.full((2, 3), mean / 2), rel=1e-9)
