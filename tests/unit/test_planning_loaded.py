"""Questions under a closed load: of users who wait for their answers, and of what they do."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel import answers
from qmodel.errors import DomainError, InfeasibleError
from qmodel.planning import cost_frontier
from qmodel.planning._loaded import Loaded, one_load

WEB, DB = qm.call("web", qm.MMc(0.045)), qm.call("db", qm.MMc(0.020))
SITE = qm.Pipeline(qm.series(WEB, DB))
USERS = qm.Closed(400, 5.0)


def p99(site: qm.Pipeline, users: qm.Closed = USERS) -> float:
    return float(site.solve(users).latency.quantile(0.99))


@cache
def p99_of(web: int, db: int) -> float:
    return p99(SITE.replace({"web.servers": web, "db.servers": db}))


@pytest.mark.parametrize("limit", [0.3, 0.6, 2.0])
def test_the_least_of_all_choices(limit: float) -> None:
    plan = qm.size(
        SITE, USERS, f"p99 < {limit:g} s", prices={"web.servers": 1, "db.servers": 3}
    )
    enough = [w + 3 * d for w, d in product(range(2, 10), range(1, 6)) if p99_of(w, d) <= limit]
    assert plan.cost == min(enough)
    assert plan.exact
    assert p99(SITE.replace(plan.numbers)) <= limit
    # Users wait, and need no number of servers.
    assert plan.steady == {"web.servers": 1, "db.servers": 1}


@pytest.mark.thorough
def test_headroom_is_more_users_and_scenarios_hold_too() -> None:
    more = qm.size(SITE, USERS, "p99 < 600 ms", headroom=0.25)
    assert more.needed == qm.size(SITE, qm.Closed(500, 5.0), "p99 < 600 ms").needed
    crowd = {"as it is": {}, "a crowd": {"arrival_rate": qm.Closed(500, 5.0)}}
    both = qm.size(SITE, USERS, "p99 < 600 ms", scenarios=crowd)
    assert (both.numbers, both.binding_scenario) == (more.needed, "a crowd")


@pytest.mark.thorough
def test_no_servers_make_a_service_shorter() -> None:
    with pytest.raises(InfeasibleError, match=r"p99 is \d+ ms .*web.service_time at most"):
        qm.size(SITE, USERS, "p99 < 200 ms")


def test_elasticities_are_those_of_wide_differences() -> None:
    site = SITE.replace({"web.servers": 4, "db.servers": 2})
    found = qm.sensitivity(site, USERS, "p99 < 2 s")
    for name in ("web.service_time", "think_time"):
        near = []
        for factor in (0.999, 1.001):
            value = factor * found.parameters[name]
            think = value if name == "think_time" else 5.0
            changed = site if name == "think_time" else site.replace({name: value})
            result = changed.solve(qm.Closed(400, think))
            near.append([float(result.response_time), float(result.latency.quantile(0.99))])
        slopes = np.diff(np.log(near), axis=0)[0] / np.log(1.001 / 0.999)
        measured = [found.elasticities[q][name] for q in ("mean", "p99")]
        assert measured == pytest.approx(slopes, rel=1e-4)
    one_more = site.solve(qm.Closed(401, 5.0)).response_time / site.solve(USERS).response_time
    assert found.elasticities["mean"]["users"] == pytest.approx(
        np.log(one_more) / np.log(401 / 400), rel=1e-9
    )


@pytest.mark.thorough
@pytest.mark.parametrize(("goals", "unit"), [(("p99 < 1 s",), 1.5), ((), 1e-6)])
def test_the_capacity_is_a_number_of_users(goals: tuple[str, ...], unit: float) -> None:
    site, load = SITE.replace({"web.servers": 40, "db.servers": 20}), qm.Closed(4000, 5.0)
    found = qm.sensitivity(site, load, *goals)
    asked = Loaded(site, load)
    wanted = qm.planning.slo.objectives_of(goals)
    most = float(asked.capacity(wanted))
    assert found.values["capacity"] == most > 3000
    for name in ("web.service_time", "think_time"):
        value = found.parameters[name]
        moved = float(asked.replace({name: 1.02 * value}).capacity(wanted))
        expected = most * 1.02 ** found.elasticities["capacity"][name]
        # Whole users on both sides, and a curve within two percent.
        assert moved == pytest.approx(expected, abs=unit + 2e-3 * abs(moved - most))
    assert found.elasticities["capacity"]["users"] == pytest.approx(0, abs=1e-12)


def test_users_are_drawn_as_whole_users_and_never_overload() -> None:
    site = SITE.replace({"web.servers": 4, "db.servers": 2})
    spreads = {"users": 0.1, "think_time": 0.05, "web.service_time": 0.1}
    found = qm.uncertainty(site, USERS, spreads, "p99 < 1 s", draws=128)
    drawn = found.samples
    assert found.overload == 0
    assert np.array_equal(drawn["users"], np.rint(drawn["users"]))
    assert np.std(np.log(drawn["users"])) == pytest.approx(0.1, rel=0.1)
    changed = site.replace({"web.service_time": drawn["web.service_time"]})
    result = changed.solve(qm.Closed(drawn["users"], drawn["think_time"]))
    assert drawn["mean"] == pytest.approx(result.response_time, rel=1e-12)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert "overload" not in str(found)


@pytest.mark.thorough
def test_answers_say_the_users() -> None:
    site = SITE.replace({"web.servers": 6, "db.servers": 3})
    lost = answers.outages(site, USERS, objectives="p99 < 1 s")
    assert lost.verdict.startswith("With 400 users who think 5 s it survives")
    assert lost.fact("users") == 400
    steps = answers.frontier(site, USERS, points=3)
    assert "with 400 users who think 5 s" in steps.tables[0].title
    assert answers.size(site, USERS, objectives="p99 < 1 s").fact("think_time") == 5.0


@pytest.mark.thorough
def test_a_report_on_users() -> None:
    found = qm.report(qm.MMc(0.045, 2), qm.Closed(80, 5.0), objectives="p99 < 1 s")
    keys = [section.key for section in found.sections]
    assert keys == [
        "verdict", "map", "sweep", "size", "losses", "sensitivity", "uncertainty", "basis",
        "model",
    ]  # fmt: skip
    assert "80 users" in found.verdict
    (sweep,) = (s.answer for s in found.sections if s.key == "sweep")
    assert len(sweep.draw()) == 1


@pytest.mark.parametrize(
    ("load", "what"),
    [
        (qm.Closed(0, 5.0), "users"),
        (qm.Closed([1, 2], 5.0), "users"),
        (qm.Closed(sp.Symbol("N", positive=True), 5.0), "users"),
        (qm.Closed(10, [1.0, 2.0]), "think_time"),
        (qm.Closed(10, float("nan")), "think_time"),
    ],
)
def test_a_load_of_one_scenario(load: qm.Closed, what: str) -> None:
    for question in (
        lambda: one_load(load),
        lambda: qm.size(SITE, load, "p99 < 1 s"),
        lambda: cost_frontier(SITE, load),
        lambda: qm.sensitivity(SITE, load),
        lambda: qm.uncertainty(SITE, load, {"web.service_time": 0.1}),
        lambda: answers.sensitivity(SITE, load),
    ):
        with pytest.raises(DomainError, match=f"^{what} must be"):
            question()


def test_a_rate_is_a_poisson_load() -> None:
    one, other = (qm.sensitivity(qm.MMc(0.01), load) for load in (50.0, qm.Poisson(50.0)))
    assert one.elasticities == other.elasticities
    plans = [qm.size(qm.MMc(0.01), x, "p99 < 60 ms") for x in (150.0, qm.Poisson(150.0))]
    assert plans[0].numbers == plans[1].numbers
