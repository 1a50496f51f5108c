"""The third reading of a path: is a request answered, given which stations are up?"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import ModelError
from qmodel.pipeline.availability import Answering
from qmodel.pipeline.steps.branch import Branch
from qmodel.pipeline.steps.cached import Cached
from qmodel.pipeline.steps.call import Call
from qmodel.pipeline.steps.hedge import Hedge
from qmodel.pipeline.steps.parallel import Parallel
from qmodel.pipeline.steps.repeat import Repeat
from qmodel.pipeline.steps.retry import Retry
from qmodel.pipeline.steps.series import Series

FRONT, SHOP, ADVICE, CACHE, DB = (
    qm.call(name, qm.MMc(0.002, servers=8))
    for name in ("front", "shop", "advice", "cache", "db")
)

CACHED = qm.cached(0.8, lookup=CACHE, miss=DB)

NAMES = ("front", "shop", "advice", "cache", "db")


PATHS = {
    "series": qm.series(FRONT, SHOP, DB),
    "branch": qm.series(FRONT, qm.branch((0.3, SHOP), (0.5, DB), (0.2, qm.nothing()))),
    "shared database": qm.series(FRONT, CACHED, qm.parallel(qm.series(SHOP, CACHED), DB)),
    "first of two": qm.series(qm.parallel(SHOP, ADVICE, need=1), DB),
    "two of three, one shared": qm.parallel(
        qm.series(SHOP, DB), qm.series(ADVICE, DB), CACHED, need=2
    ),
    "attempts": qm.retry(qm.branch((0.5, SHOP), (0.5, ADVICE)), failure=0.1, attempts=3),
    "repeated": qm.repeat(3, qm.branch((0.25, DB), (0.75, qm.nothing()))),
    "hedged": qm.hedge("hedge", qm.branch((0.5, SHOP), (0.5, ADVICE)), 0.01),
}


def sampled(step: qm.Step, up: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Walk the tree with every request in a state of its own."""
    every = len(up)
    if isinstance(step, Call):
        return up[:, NAMES.index(step.name)]
    if isinstance(step, Series):
        return np.all([sampled(s, up, rng) for s in step.steps], axis=0)
    if isinstance(step, Branch):
        taken = rng.choice(len(step.steps), every, p=step.probabilities)
        return np.choose(taken, [sampled(s, up, rng) for s in step.steps])
    if isinstance(step, Parallel):
        return np.sum([sampled(s, up, rng) for s in step.steps], axis=0) >= step.need
    if isinstance(step, Cached):
        hit = rng.random(every) < step.hit_ratio
        return sampled(step.lookup, up, rng) & (hit | sampled(step.miss, up, rng))
    if isinstance(step, Repeat):
        return np.all([sampled(step.step, up, rng) for _ in range(step.times)], axis=0)
    if isinstance(step, (Retry, Hedge)):
        attempts = step.attempts if isinstance(step, Retry) else 2
        return np.any([sampled(step.step, up, rng) for _ in range(attempts)], axis=0)
    return np.ones(every, dtype=bool)


@pytest.mark.parametrize("name", PATHS)
def test_against_sampled_outages(name: str) -> None:
    rng = np.random.default_rng(len(name))
    probabilities = np.array([0.9, 0.7, 0.8, 0.6, 0.5])
    up = rng.random((400_000, 5)) < probabilities
    found = sampled(PATHS[name], up, rng).mean()
    share = Answering(dict(zip(NAMES, probabilities.tolist(), strict=True))).share(PATHS[name])
    assert float(share) == pytest.approx(found, abs=4 * 0.5 / np.sqrt(400_000))


@pytest.mark.parametrize("name", PATHS)
def test_averaging_over_all_states_by_hand(name: str) -> None:
    probabilities = np.array([0.9, 0.7, 0.8, 0.6, 0.5])
    total = 0.0
    for state in product((0.0, 1.0), repeat=5):
        weight = float(np.prod(np.where(state, probabilities, 1 - probabilities)))
        total += weight * float(
            Answering(dict(zip(NAMES, state, strict=True))).share(PATHS[name])
        )
    share = Answering(dict(zip(NAMES, probabilities.tolist(), strict=True))).share(PATHS[name])
    assert float(share) == pytest.approx(total, abs=1e-14)


def share(step: qm.Step, **up: float) -> float:
    return float(Answering(up).share(step))


def test_a_station_met_twice_is_up_or_down_for_both() -> None:
    assert share(qm.series(DB, FRONT, DB), db=0.9) == pytest.approx(0.9, rel=1e-15)
    no_use = qm.parallel(DB, qm.series(FRONT, DB), need=1)
    assert share(no_use, db=0.9) == pytest.approx(0.9, rel=1e-15)
    again = qm.retry(DB, failure=0.5, attempts=5)
    assert share(again, db=0.9) == pytest.approx(0.9, rel=1e-15)
    # A fan-out that is done twice has the same copies down.
    quorum = qm.fan_out("quorum", 3, DB, need=2)
    assert share(qm.series(quorum, quorum), db=0.9) == pytest.approx(
        share(quorum, db=0.9), rel=1e-15
    )


def test_a_copy_that_is_sent_by_a_budget_helps_as_often() -> None:
    either = qm.branch((0.5, SHOP), (0.5, ADVICE))

    def hedged(budget: float) -> float:
        return share(qm.hedge("hedge", either, 0.01, budget=budget), shop=0.0)

    assert hedged(0.0) == 0.5
    assert hedged(0.1) == pytest.approx(0.55)
    assert hedged(1.0) == pytest.approx(0.75)


def test_nothing_is_done_no_times() -> None:
    assert share(qm.repeat(0, DB), db=0.0) == 1.0
    assert share(qm.repeat(2, DB), db=0.5) == 0.5
    assert share(qm.series(qm.limit("quota", 5.0), qm.nothing()), db=0.0) == 1.0


def test_stations_needed_by_all_cost_no_states() -> None:
    calls = [qm.call(f"s{i}", qm.MMc(0.001)) for i in range(60)]
    up = {f"s{i}": 0.999 for i in range(60)}
    assert share(qm.series(*calls, *calls), **up) == pytest.approx(0.999**60, rel=1e-13)
    mesh = [qm.parallel(a, b, need=1) for a in calls[:16] for b in calls[:16] if a is not b]
    with pytest.raises(ModelError, match="at most 14 stations"):
        share(qm.series(*mesh), **dict(list(up.items())[:16]))


def test_symbols() -> None:
    a, h = sp.symbols("A h", positive=True)
    path = qm.cached(h, lookup=CACHE, miss=DB)
    found = Answering({"cache": a, "db": a}).share(path)
    assert sp.simplify(found - a * (h + (1 - h) * a)) == 0
    twice = Answering({"db": a}).share(qm.series(path, DB))
    assert sp.simplify(twice - a) == 0


def test_where_nothing_fails_all_is_answered() -> None:
    copies = qm.fan_out("copies", 3, SHOP, need=2)
    for step in (*PATHS.values(), copies, qm.series(copies, DB)):
        if step is not PATHS["attempts"]:
            assert Answering({}).share(step) == pytest.approx(1.0), step


def test_copies_fail_one_by_one() -> None:
    up = Answering({"shop": 0.9})
    assert up.share(qm.fan_out("all", 3, SHOP)) == pytest.approx(0.9**3)
    assert up.share(qm.fan_out("two", 3, SHOP, need=2)) == pytest.approx(0.9**2 * (3 - 2 * 0.9))
