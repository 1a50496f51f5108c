"""The cheapest numbers of servers, against trying all of them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.planning._least_cost import cheapest
from qmodel.planning.slo import missed_by

GOALS = ("p99", "p90", "mean")


def problem(seed: int, stations: int) -> tuple[qm.Pipeline, float, dict[str, float], str]:
    """Return a random path, load, prices, and an objective that some numbers meet."""
    rng = np.random.default_rng(seed)
    rate = float(rng.uniform(100, 1000))
    calls = [qm.call(f"s{i}", qm.MMc(float(rng.uniform(0.002, 0.02)))) for i in range(stations)]
    if seed % 3 == 1:  # A cache before the last, which few requests then come to.
        hit = float(rng.uniform(0.3, 0.9))
        calls[-2:] = [qm.cached(hit, lookup=calls[-2], miss=calls[-1], name="cache")]
    if seed % 3 == 2:
        calls[-2:] = [qm.parallel(calls[-2], calls[-1])]
    path = qm.Pipeline(qm.series(*calls))
    prices = {f"s{i}.servers": float(p) for i, p in enumerate(rng.uniform(0.5, 3, stations))}
    quantity = GOALS[seed % len(GOALS)]
    idle = path.replace(dict.fromkeys(prices, 10_000)).solve(rate)
    limit = qm.Objective(quantity, 1.0).value(idle) * rng.uniform(1.01, 2.0)
    return path, rate, prices, f"{quantity} < {float(limit)!r} s"


def coupled(
    seed: int,
) -> tuple[qm.Pipeline, float, dict[str, float], dict[str, float], str]:
    """Return a random site in which more of one thing lets fewer of another be enough.

    Memory keeps requests away from a database.
    """
    rng = np.random.default_rng(seed)
    rate = float(rng.uniform(100, 800))
    database = qm.call("database", qm.MMc(float(rng.uniform(0.002, 0.012))))
    prices = {"database.servers": float(rng.uniform(1, 6))}
    pages = qm.caches.Zipf(100_000, exponent=float(rng.uniform(0.6, 1.1)))
    lookup = qm.call("lookup", qm.MMc(0.0002, servers=2))
    path: qm.Step = qm.cached(
        qm.caches.LRU(1000), popularity=pages, lookup=lookup, miss=database, name="store"
    )
    if seed % 2:
        path = qm.series(qm.call("web", qm.MMc(float(rng.uniform(0.005, 0.02)))), path)
        prices["web.servers"] = float(rng.uniform(0.5, 3))
    prices["store.capacity"] = float(rng.uniform(0.3, 3))
    lots = {"store.capacity": 10_000.0}
    site = qm.Pipeline(path)
    quantity = GOALS[int(rng.integers(3))]
    most = {name: 9 if name in lots else 200 for name in prices}
    idle = site.replace(amounts(most, lots)).solve(rate)
    limit = qm.Objective(quantity, 1.0).value(idle) * rng.uniform(1.05, 4.0)
    return site, rate, prices, lots, f"{quantity} < {float(limit)!r} s"


def held(seed: int) -> tuple[qm.Pipeline, float, dict[str, float], dict[str, float], str]:
    """Return a random site whose threads are held: a limit may be better than none."""
    rng = np.random.default_rng(seed)
    rate = float(rng.uniform(50, 300))
    cpu = qm.call("cpu", qm.MMc(float(rng.uniform(0.005, 0.02)), 64))
    database = qm.call("database", qm.MMc(float(rng.uniform(0.004, 0.012))))
    site = qm.Pipeline(qm.hold("threads", 32, qm.series(cpu, database)))
    prices = {
        "threads.permits": float(rng.uniform(0.05, 0.5)),
        "database.servers": float(rng.uniform(1, 6)),
    }
    quantity = GOALS[int(rng.integers(3))]
    idle = site.replace({"threads.permits": 200, "database.servers": 60}).solve(rate)
    limit = qm.Objective(quantity, 1.0).value(idle) * rng.uniform(1.05, 2.5)
    return site, rate, prices, {}, f"{quantity} < {float(limit)!r} s"


def amounts(numbers: dict[str, Any], lots: dict[str, float]) -> dict[str, Any]:
    return {name: number * lots.get(name, 1) for name, number in numbers.items()}


def all_cheaper(
    model: qm.Pipeline, rate: float, plan: qm.Sizing, lots: dict[str, float]
) -> np.ndarray:
    """Return all numbers that cost less, but for those that no others could keep steady."""
    names, prices = list(plan.prices), np.array(list(plan.prices.values()))
    steady = []
    for name in names:
        others = {name: 10 if name in lots else 200 for name in names}
        each = {**others, name: np.arange(1, 101)}
        saturates = model.replace(amounts(each, lots)).max_rate
        steady.append(1 + int(np.argmax(np.broadcast_to(saturates, 100) > rate)))
    left = plan.cost - prices @ steady
    ranges = [range(s, int(s + left / p) + 1) for s, p in zip(steady, prices, strict=True)]
    grid = np.stack(np.meshgrid(*map(np.array, ranges), indexing="ij"), axis=-1)
    rows = grid.reshape(-1, len(prices))
    return rows[rows @ prices < plan.cost * (1 - 1e-9)]


def check_against_all(seed: int, stations: int) -> None:
    model, rate, prices, goal = problem(seed, stations)
    check_none_cheaper(model, rate, prices, {}, goal)


def check_none_cheaper(
    model: qm.Pipeline,
    rate: float,
    prices: dict[str, float],
    lots: dict[str, float],
    goal: str,
) -> None:
    plan = qm.size(model, rate, goal, prices=prices, lots=lots)
    assert plan.exact
    assert plan.gap == 0
    objective = qm.planning.parse_objective(goal)
    assert objective.met(plan.model.solve(rate))
    rows = all_cheaper(model, rate, plan, lots)
    for part in np.array_split(rows, max(len(rows) // 20_000, 1)) if len(rows) else ():
        changes = amounts({name: part[:, i] for i, name in enumerate(prices)}, lots)
        assert not objective.met(model.replace(changes).solve(rate)).any()


@pytest.mark.parametrize(("seed", "stations"), [(0, 3), (1, 3), (2, 3), (3, 4), (4, 4)])
def test_nothing_cheaper_is_enough(seed: int, stations: int) -> None:
    check_against_all(seed, stations)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_nothing_cheaper_is_enough_of_thirty(seed: int) -> None:
    check_against_all(100 + seed, 3 + seed % 3)


@pytest.mark.parametrize("seed", [0, 3, 117])
def test_nothing_cheaper_is_enough_where_one_thing_stands_in_for_another(seed: int) -> None:
    check_none_cheaper(*coupled(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_nothing_cheaper_is_enough_of_thirty_coupled(seed: int) -> None:
    check_none_cheaper(*coupled(100 + seed))


@pytest.mark.parametrize("seed", [35, 38, 3])
def test_nothing_cheaper_is_enough_where_a_limit_is_better_than_none(seed: int) -> None:
    check_none_cheaper(*held(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_nothing_cheaper_is_enough_of_sixty_held(seed: int) -> None:
    check_none_cheaper(*held(100 + seed))


def test_eight_stations_within_a_second() -> None:
    took = []
    for seed in (0, 3, 6):
        model, rate, prices, goal = problem(seed, 8)
        started = time.process_time()
        plan = qm.size(model, rate, goal, prices=prices)
        took.append(time.process_time() - started)
        assert plan.exact
        assert plan.bound == plan.cost
    assert min(took) < 1.0


def test_a_budget_leaves_a_bound() -> None:
    model, rate, prices, goal = problem(3, 8)
    full = qm.size(model, rate, goal, prices=prices)
    part = qm.size(model, rate, goal, prices=prices, budget=1)
    assert not part.exact
    assert part.bound <= full.cost <= part.cost
    assert 0 < part.gap < 0.2
    assert "over the least" in str(part)


def test_a_call_centre() -> None:
    plan = qm.size(qm.MMc(180.0), 1 / 18, "80 % of wait within 20 s")
    assert plan.numbers == {"servers": 14}
    assert plan.steady == {"servers": 11}
    assert isinstance(plan.model, qm.MMc)
    calls = qm.size(qm.MGcc(qm.Exponential(2.0), 1), 100.0, "loss < 0.1 %")
    assert calls.numbers == {"servers": 238}


SHOP = qm.Pipeline(
    qm.series(
        qm.call("web", qm.MMc(0.045)),
        qm.cached(0.85, lookup=qm.nothing(), miss=qm.call("db", qm.MMc(0.02)), name="cache"),
    )
)
PRICES = {"web.servers": 1.0, "db.servers": 3.0}


def test_scenarios_hold_all_at_once() -> None:
    goal = "p99 < 250 ms"
    scenarios = {
        "peak": {},
        "night": {"arrival_rate": 150.0},
        "a zone lost": {"web.servers": 2 / 3, "db.servers": 2 / 3},
        "cache lost": {"cache.hit_ratio": 0.0, "arrival_rate": 600.0},
    }
    plan = qm.size(SHOP, 1200.0, goal, prices=PRICES, scenarios=scenarios)
    alone = [
        qm.size(SHOP, 1200.0, goal, prices=PRICES, scenarios={name: changes})
        for name, changes in scenarios.items()
    ]
    for name in PRICES:
        assert plan.numbers[name] >= max(one.least[name] for one in alone)
    assert plan.cost >= max(one.cost for one in alone)
    web, db = plan.numbers.values()
    lost = SHOP.replace({"web.servers": web * 2 // 3, "db.servers": db * 2 // 3})
    cold = SHOP.replace({**plan.numbers, "cache.hit_ratio": 0.0})
    for model, rate in ((plan.model, 1200.0), (lost, 1200.0), (cold, 600.0)):
        assert float(model.solve(rate).latency.quantile(0.99)) < 0.25
    assert plan.values["cache lost"][goal] == pytest.approx(
        float(cold.solve(600.0).latency.quantile(0.99))
    )
    assert plan.binding_scenario in ("a zone lost", "cache lost")


def test_headroom_and_spares() -> None:
    plain = qm.size(SHOP, 1200.0, "p99 < 250 ms", prices=PRICES)
    more = qm.size(SHOP, 1200.0, "p99 < 250 ms", prices=PRICES, headroom=0.25)
    as_much = qm.size(SHOP, 1500.0, "p99 < 250 ms", prices=PRICES)
    assert more.numbers == as_much.numbers
    # Beside the p99 at the load itself stands that with one more at the same load.
    goal = "p99 < 250 ms"
    assert all(x < more.values["as it is"][goal] for x in more.with_one_more.values())
    spared = qm.size(SHOP, 1200.0, "p99 < 250 ms", prices=PRICES, spares={"web.servers": 2})
    assert spared.needed == plain.numbers
    assert spared.numbers["web.servers"] == plain.numbers["web.servers"] + 2
    assert spared.cost == plain.cost + 2.0
    assert spared.exact


def test_what_binds_and_what_one_more_buys() -> None:
    plan = qm.size(SHOP, 1200.0, "p99 < 250 ms", prices=PRICES)
    for name in PRICES:
        one = SHOP.replace({**plan.numbers, name: plan.numbers[name] + 1}).solve(1200.0)
        assert plan.with_one_more[name] == pytest.approx(float(one.latency.quantile(0.99)))
    assert plan.binding == "web.servers"
    frame = plan.to_frame()
    assert frame["number"].tolist() == list(plan.numbers.values())
    assert frame["cost"].sum() == plan.cost
    assert frame.attrs["units"] == {"with_one_more": "s"}
    assert "web.servers binds" in str(plan)


def test_what_no_number_meets() -> None:
    with pytest.raises(qm.InfeasibleError) as told:
        qm.size(SHOP, 1200.0, "p99 < 150 ms", prices=PRICES)
    message = str(told.value)
    assert "with any number p99 is 21" in message
    assert "alone web 207 ms" in message
    assert "web.service_time at most 3" in message
    assert "db.service_time" not in message.split("enough would be")[1]
    both = {"usual": {}, "slow": {"web.service_time": 0.1}}
    with pytest.raises(qm.InfeasibleError, match="in scenario 'slow'"):
        qm.size(SHOP, 1200.0, "p99 < 250 ms", scenarios=both)
    with pytest.raises(qm.InfeasibleError, match="no single service time would be enough"):
        qm.size(SHOP, 1200.0, "p99 < 250 ms", "p95 < 1 us")


def test_loss_and_latency_together() -> None:
    door = qm.Pipeline(
        qm.series(
            qm.call("door", qm.MGcc(qm.Exponential(0.05), 1)), qm.call("db", qm.MMc(0.01))
        )
    )
    plan = qm.size(door, 300.0, "loss < 1 %", "p95 wait of db < 10 ms")
    result = plan.model.solve(300.0)
    assert result.rejected < 0.01
    assert float(result.stations["db"].wait.quantile(0.95)) < 0.01
    for name, number in plan.numbers.items():
        less = door.replace({**plan.numbers, name: number - 1}).solve(300.0)
        assert less.rejected >= 0.01 or less.stations["db"].wait.quantile(0.95) >= 0.01


def test_what_is_lost_is_said() -> None:
    room = qm.Pipeline(qm.call("room", qm.MMcK(0.1, servers=5, capacity=60)))
    plan = qm.size(room, 300.0, "P(wait > 50 ms) < 10 %")
    assert plan.rejected == pytest.approx(float(plan.model.solve(300.0).rejected), rel=1e-9)
    assert ("are rejected" in str(plan)) == (plan.rejected > 1e-9)
    few = qm.size(room, 800.0, "p99 < 1 s")
    assert few.rejected > 0.2
    assert "of the requests" in str(few)
    assert "are rejected" in str(few)
    assert "rejected" not in str(qm.size(room, 300.0, "loss < 1 %")).split("; of")[-1][:5]


def test_what_is_refused() -> None:
    with pytest.raises(qm.ModelError, match="needs an objective"):
        qm.size(SHOP, 1200.0)
    with pytest.raises(qm.ModelError, match=r"did you mean 'db.servers'"):
        qm.size(SHOP, 1200.0, "p99 < 1 s", prices={"db.server": 1.0})
    with pytest.raises(qm.ModelError, match=r"web\.service_time is no whole number: lots must"):
        qm.size(SHOP, 1200.0, "p99 < 1 s", prices={"web.service_time": 1.0})
    with pytest.raises(qm.DomainError, match=r"price of 'db\.servers'"):
        qm.size(SHOP, 1200.0, "p99 < 1 s", prices={"db.servers": 0.0})
    with pytest.raises(qm.DomainError, match="the share that is left"):
        qm.size(SHOP, 1200.0, "p99 < 1 s", scenarios={"x": {"db.servers": 4}})
    with pytest.raises(qm.ModelError, match="arrays of its own"):
        qm.size(SHOP.replace({"web.service_time": [0.01, 0.02]}), 1200.0, "p99 < 1 s")
    with pytest.raises(qm.ModelError, match="at least one scenario"):
        qm.size(SHOP, 1200.0, "p99 < 1 s", scenarios={})
    with pytest.raises(qm.ModelError, match=r"is not sized; did you mean 'web\.servers'"):
        qm.size(SHOP, 1200.0, "p99 < 1 s", spares={"web.server": 1})
    room = qm.MMcK(0.1, servers=5, capacity=10)
    with pytest.raises(qm.ModelError, match="more of capacity is worse for p99 < 600 ms"):
        qm.size(room, 48.0, "p99 < 600 ms", prices={"capacity": 1.0})


@pytest.mark.parametrize("seed", range(20))
def test_the_search_itself_on_any_monotone_condition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, prices = rng.uniform(0.2, 2, (3, 4)), rng.uniform(0.5, 3, 4)
    needs = rng.uniform(2, 6, 3)
    corner = rng.integers(0, 3, 4)

    def excess(rows: np.ndarray) -> np.ndarray:
        linear = (needs - np.sqrt(rows) @ weights.T).max(axis=1)
        return np.maximum(linear, (corner - rows).max(axis=1))

    high = np.full(4, 200)
    found = cheapest(excess, prices, np.zeros(4, dtype=np.int64), high, 10**6)
    best = float(prices @ found.numbers)
    grid = np.stack(np.meshgrid(*[np.arange(int(best / p) + 1) for p in prices]), axis=-1)
    cheaper = grid.reshape(-1, 4)
    cheaper = cheaper[cheaper @ prices < best - 1e-9]
    assert found.exact
    assert (excess(cheaper) > 0).all()
    assert excess(found.numbers[None])[0] <= 0


def test_missed_by_goes_on_in_overload() -> None:
    result = qm.MMc(0.01).solve([50.0, 100.0, 200.0])
    goal = [qm.planning.parse_objective("p99 < 1 s")]
    assert (np.diff(missed_by(result, goal)) > 0).all()


def test_the_frontier_falls_as_its_cost_rises() -> None:
    frame = qm.cost_frontier(SHOP, 1200.0, prices=PRICES, points=6)
    assert (np.diff(frame["cost"]) > 0).all()
    assert (np.diff(frame["p99"]) < 0).all()
    for row in frame.to_dict("records"):
        numbers = {name: row[name] for name in PRICES}
        at = SHOP.replace(numbers).solve(1200.0)
        assert row["p99"] == pytest.approx(float(at.latency.quantile(0.99)))
        assert row["cost"] == sum(PRICES[name] * number for name, number in numbers.items())
    best = SHOP.replace(dict.fromkeys(PRICES, 10_000)).solve(1200.0).latency.quantile(0.99)
    assert best < frame["p99"].iloc[-1] <= 1.01 * best
    lost = qm.cost_frontier(qm.MGcc(qm.Exponential(1.0), 1), 10.0, "loss", points=4)
    assert lost["loss"].is_monotonic_decreasing
    with pytest.raises(qm.DomainError, match="less is better"):
        qm.cost_frontier(SHOP, 1200.0, "goodput")


def test_memory_is_bought_in_lots() -> None:
    store = qm.cached(
        qm.caches.LRU(1000),
        popularity=qm.caches.Zipf(100_000, exponent=0.9),
        lookup=qm.call("cache", qm.MMc(0.0002, servers=2)),
        miss=qm.call("db", qm.MMc(0.004)),
    )
    site, goal = qm.Pipeline(store), "p99 < 19 ms"
    prices = {"db.servers": 3.0, "cache.capacity": 1.0}
    plan = qm.size(site, 800.0, goal, prices=prices, lots={"cache.capacity": 2000.0})
    assert plan.exact
    memory, servers = plan.numbers["cache.capacity"], plan.numbers["db.servers"]
    assert plan.lots == {"cache.capacity": 2000.0}
    assert plan.model.parameters()["cache.capacity"] == 2000.0 * memory
    assert f"cache.capacity {memory} x 2000" in str(plan)
    objective = qm.planning.parse_objective(goal)
    assert objective.met(plan.model.solve(800.0))
    # Nothing that costs less is enough, of all pairs of numbers.
    for count in range(1, int(plan.cost / 3) + 1):
        most = int(np.ceil(plan.cost - 3 * count)) - 1
        if most >= 1:
            cheaper = site.replace({"db.servers": count, "cache.capacity": 2000.0 * most})
            assert not objective.met(cheaper.solve(800.0)), (count, most)
    assert servers >= 1
    with pytest.raises(qm.ModelError, match="lots must say how much"):
        qm.size(site, 800.0, goal, prices=prices)
    with pytest.raises(qm.ModelError, match="bought one by one"):
        qm.size(site, 800.0, goal, prices=prices, lots={"db.servers": 2.0})
    with pytest.raises(qm.ModelError, match=r"not sized; did you mean 'cache\.capacity'"):
        qm.size(site, 800.0, goal, prices=prices, lots={"cache.capacit": 2.0})
