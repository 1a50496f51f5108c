"""Users in networks without a product form: their Markov chain, its limits, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.networks import ClosedClass, classes, closed, routed

E = qm.Exponential
LOOP = {"x": {"y": 1.0}, "y": {"x": 1.0}}


def test_one_class_of_any_order_is_the_closed_network() -> None:
    """With one service for all, who goes first changes no mean of all together."""
    twin = closed.solve({"x": qm.MMc(0.2, 2), "y": qm.MMc(0.3)}, {"x": 1, "y": 1}, 5, 1.0)
    for first in (qm.MMcPriority(0.2, 2), qm.MMcPriority(0.2, 2, True), qm.MMcLCFS(0.2, 2)):
        network = routed({"x": first, "y": qm.MMc(0.3)}, {key: {"x": {"y": 1}} for key in "ab"})
        r = network.solve({"a": qm.Closed(3, 1.0), "b": qm.Closed(2, 1.0)})
        assert sum(r.throughputs.values()) == pytest.approx(twin.throughput, rel=1e-12)
        for name, s in twin.stations.items():
            found = r.stations[name]
            assert found.number_in_system == pytest.approx(s.number_in_system, rel=1e-11)
            assert found.utilization == pytest.approx(s.utilization, rel=1e-11)
        assert str(r.basis) == "exact"


def test_the_more_important_class_does_not_see_the_other() -> None:
    own = {"b": {"x": E(0.5)}}
    network = routed({"x": qm.MG1Priority(E(0.2), True)}, {"a": {}, "b": {}}, own)
    r = network.solve({"a": qm.Closed(3, 1.0), "b": qm.Closed(4, 1.0)})
    alone = closed.solve({"x": qm.MMc(0.2)}, {"x": 1}, 3, 1.0)
    assert r.throughputs["a"] == pytest.approx(alone.throughput, rel=1e-12)
    assert "chain-of-states" in r.assumptions


def test_product_forms_need_no_chain() -> None:
    """Shared servers with a service by class, and classes that change: exact, at any size."""
    rows = {("a", "x"): {("b", "x"): 0.5}, ("b", "x"): {}}
    network = routed({"x": qm.MG1PS(E(0.1))}, rows, {"b": {"x": E(0.4)}})
    r = network.solve({"a": qm.Closed(400, 5.0)})
    twin = closed.solve({"x": qm.MMc(0.3)}, {"x": 1}, 400, 5.0)
    assert r.throughputs["a"] == pytest.approx(twin.throughput, rel=1e-12)
    with pytest.raises(ModelError, match="turn into the same class"):
        network.solve({"a": qm.Closed(4, 5.0), "b": qm.Closed(4, 5.0)})


def test_the_chain_agrees_with_the_product_form() -> None:
    """Equal weights are a product form, weights that hardly differ are almost it."""
    site = {"x": qm.MG1PS(E(0.2)), "y": qm.MG1PS(E(0.1))}
    own = {"b": {"x": E(0.5)}}
    load = {"a": qm.Closed(3, 1.0), "b": qm.Closed(4, 2.0)}
    ways = {key: {"x": {"y": 0.5}} for key in "ab"}
    exact = routed(site, ways, own).solve(load)
    near = routed(site, ways, own, {"a": {"x": 1 + 1e-9}}).solve(load)
    assert "chain-of-states" in near.assumptions
    assert "chain-of-states" not in exact.assumptions
    for c in "ab":
        assert near.throughputs[c] == pytest.approx(exact.throughputs[c], rel=1e-8)
        assert near.response_times[c] == pytest.approx(exact.response_times[c], rel=1e-8)
    more = routed(site, ways, own, {"b": {"x": 5.0}}).solve(load)
    assert more.response_times["b"] < exact.response_times["b"]
    assert more.response_times["a"] > exact.response_times["a"]


def test_a_class_that_changes_brings_its_order() -> None:
    """One kind of users, who come back with another service: no product form under FCFS."""
    rows = {("a", "x"): {("b", "x"): 1.0}, ("b", "x"): {}, ("c", "x"): {("c", "y"): 1.0}}
    first, shared = ({"x": s, "y": qm.MMc(1.0)} for s in (qm.MMc(0.1), qm.MG1PS(E(0.1))))
    own, load = {"b": {"x": E(2.0)}}, {"a": qm.Closed(4, 1.0)}
    r, twin = (routed(site, rows, own).solve(load) for site in (first, shared))
    assert "chain-of-states" in r.assumptions
    assert "chain-of-states" not in twin.assumptions
    assert r.throughputs["a"] != pytest.approx(twin.throughputs["a"], rel=1e-5)
    many = {"a": qm.Closed(40, 1.0)}
    assert routed(shared, rows, own).solve(many).throughputs["a"] == pytest.approx(1 / 2.1)
    with pytest.raises(ModelError, match="come to x as several classes, whose order"):
        routed(first, rows, own).solve(many)
    # Where nobody comes, nothing is served.
    never = {"c": {"y": E(9.0)}}
    assert "y" not in routed(shared, rows, own | never).solve(load).stations["x"].numbers


def test_requests_that_never_end() -> None:
    trap = {c: {"x": {"y": 0.5}, "y": {"y": 1.0}} for c in "ab"}
    network = routed({"x": qm.MMcPriority(0.1), "y": qm.MMc(0.1)}, trap)
    with pytest.raises(ModelError, match="never leave"):
        network.solve({"a": qm.Closed(2, 1.0), "b": qm.Closed(2, 1.0)})


def test_speeds_by_number_in_the_chain() -> None:
    ways, load = {key: {"x": {"y": 1}} for key in "ab"}, {"a": qm.Closed(2), "b": qm.Closed(3)}
    site = {"x": qm.BirthDeath([4.0, 6.0]), "y": qm.MMcPriority(0.2)}
    r = routed(site, ways).solve(load)
    twin = closed.solve(site | {"y": qm.MMc(0.2)}, {"x": 1, "y": 1}, 5)
    assert sum(r.throughputs.values()) == pytest.approx(twin.throughput, rel=1e-12)
    assert r.stations["x"].utilization == pytest.approx(
        twin.stations["x"].utilization, rel=1e-2
    )


def test_cells() -> None:
    """Services, think times and probabilities may be arrays; the states are found once."""
    p, think = np.array([0.2, 0.5, 0.9]), np.array([[1.0], [4.0]])
    site = {"x": qm.MMc(0.1), "y": qm.MMc(0.1)}

    def solved(p: object, think: object) -> classes.ClassesResult:
        ways = {key: {"x": {"y": p}, "y": {"x": 1.0}} for key in "ab"}
        network = routed(site, ways, {"b": {"x": E(0.7)}})
        return network.solve({"a": qm.Closed(3, think), "b": qm.Closed(2, 1.0)})

    r, one = solved(p, think), solved(0.5, 4.0)
    assert r.throughputs["a"].shape == (2, 3)
    assert r.throughputs["a"][1, 1] == pytest.approx(one.throughputs["a"], rel=1e-12)
    assert r.stations["y"].residence_times["b"][1, 1] == pytest.approx(
        one.stations["y"].residence_times["b"], rel=1e-12
    )
    for c, n, z in (("a", 3, think), ("b", 2, 1.0)):
        assert r.throughputs[c] * (r.response_times[c] + z) == pytest.approx(np.full((2, 3), n))


@pytest.mark.parametrize("blocking", ["after service", "repeated service"])
def test_places_that_suffice_do_not_block(blocking: str) -> None:
    few = {"x": qm.MMcK(0.2, 1, 4), "y": qm.MMcK(0.3, 2, 6)}
    network = routed(few, LOOP)
    r = network.solve({"u": qm.Closed(4)}, blocking=blocking)
    twin = closed.solve({"x": qm.MMc(0.2), "y": qm.MMc(0.3, 2)}, {"x": 1, "y": 1}, 4)
    assert r.throughputs["u"] == pytest.approx(twin.throughput, rel=1e-12)
    assert not {"blocked-after-service", "served-again"} & set(r.assumptions)
    slower = network.solve({"u": qm.Closed(7)}, blocking=blocking)
    free = closed.solve({"x": qm.MMc(0.2), "y": qm.MMc(0.3, 2)}, {"x": 1, "y": 1}, 7)
    assert slower.throughputs["u"] < free.throughput
    present = sum(s.number_in_system for s in slower.stations.values())
    assert present == pytest.approx(7.0)


def test_one_place_each_is_a_chain_by_hand() -> None:
    """Two users, stations of one and of two places, blocked after service.

    States (1, 1), (0, 2) and (blocked, 1 in service of 2): with rates 1 and 2, by hand.
    """
    network = routed({"x": qm.MMcK(1.0, 1, 2), "y": qm.MMcK(0.5, 1, 1)}, LOOP)
    r = network.solve({"u": qm.Closed(2)})
    # x2 -1-> x1y1 -1-> blocked (x has finished one, y is full) -2-> x1y1 ; x1y1 -2-> x2.
    distribution = np.linalg.solve(
        np.array([[-1.0, 2.0, 0.0], [0.0, 1.0, -2.0], [1.0, 1.0, 1.0]]), [0.0, 0.0, 1.0]
    )
    assert r.throughputs["u"] == pytest.approx(2.0 * (distribution[1] + distribution[2]))
    assert r.stations["x"].utilization == pytest.approx(distribution[0] + distribution[1])
    assert r.stations["x"].number_in_system == pytest.approx(
        2 * distribution[0] + distribution[1] + distribution[2]
    )


def test_large_ones_are_approximate() -> None:
    """Beyond the chain the Linearizer takes the order in; beside it, it is near."""
    ways, own = {key: {"x": {"y": 1}} for key in "ab"}, {"b": {"x": E(0.05)}}
    network = routed({"x": qm.MMc(0.1), "y": qm.MMc(0.02)}, ways, own)
    r = network.solve({"a": qm.Closed(300, 40.0), "b": qm.Closed(200, 40.0)})
    assert {"order-among-classes", "linearizer"} <= set(r.assumptions)
    assert str(r.basis) == "approximate"
    small = {"a": qm.Closed(4, 0.5), "b": qm.Closed(3, 0.5)}
    exact = network.solve(small)
    mix = {
        c: ClosedClass(visits={"x": 1, "y": 1}, users=load.users, think_time=0.5,
                       services=own.get(c, {}))
        for c, load in small.items()
    }  # fmt: skip
    near = classes.solve(network.stations, mix)
    for c in "ab":
        assert near.throughputs[c] == pytest.approx(exact.throughputs[c], rel=0.02)


@pytest.mark.parametrize(
    ("station", "within"),
    [(qm.MMcPriority(1.0, 1, True), 0.09), (qm.MMcPriority(1.0), 0.08),
     (qm.MMcLCFS(1.0), 0.05), (qm.MG1PS(E(1.0)), 0.14)],
)  # fmt: skip
def test_orders_are_near_their_chains(station: qm.Station, within: float) -> None:
    own = {"a": {"x": E(0.2)}, "b": {"x": E(0.5)}}
    weights = {"a": {"x": 3.0}} if isinstance(station, qm.MG1PS) else {}
    network = routed({"x": station}, {"a": {}, "b": {}}, own, weights)
    exact = network.solve({"a": qm.Closed(4, 1.0), "b": qm.Closed(4, 2.0)})
    mix = {
        c: ClosedClass(visits={"x": 1}, users=4, think_time=z, services=own[c],
                       weights=weights.get(c, {}))
        for c, z in (("a", 1.0), ("b", 2.0))
    }  # fmt: skip
    near = classes.solve({"x": station}, mix)
    assert "order-among-classes" in near.assumptions
    for c in mix:
        assert near.throughputs[c] == pytest.approx(exact.throughputs[c], rel=within)


def test_classes_of_no_users_and_numbers_that_are_unknown() -> None:
    ways = {c: {"x": {"y": 1.0}} for c in "ab"}
    network = routed({"x": qm.MMcPriority(0.1), "y": qm.MMc(0.1)}, ways)
    r = network.solve({"a": qm.Closed(0, 1.0), "b": qm.Closed(3, 1.0)})
    alone = closed.solve({"x": qm.MMc(0.1), "y": qm.MMc(0.1)}, {"x": 1, "y": 1}, 3, 1.0)
    assert r.throughputs["a"] == 0
    assert r.throughputs["b"] == pytest.approx(alone.throughput, rel=1e-12)
    empty = network.solve({"a": qm.Closed(0, 1.0), "b": qm.Closed(0, 1.0)})
    assert empty.stations["x"].number_in_system == 0
    unknown = routed({"x": qm.MMcPriority([0.1, np.nan]), "y": qm.MMc(0.1)}, ways)
    found = unknown.solve({"a": qm.Closed(2, 1.0), "b": qm.Closed(2, 1.0)})
    assert np.isnan(found.throughputs["a"]).tolist() == [False, True]
    assert np.isnan(found.stations["y"].utilization).tolist() == [False, True]


def test_models_that_do_not_fit() -> None:
    full = routed({"x": qm.MMcK(0.1, 1, 2), "y": qm.MMcK(0.1, 1, 2)}, LOOP)
    with pytest.raises(ModelError, match="block each other for good"):
        full.solve({"u": qm.Closed(4)})
    with pytest.raises(ModelError, match="places for all users"):
        full.solve({"u": qm.Closed(5)})
    with pytest.raises(DomainError, match="blocking must be one of after service, repeated"):
        full.solve({"u": qm.Closed(2)}, blocking="never")
    with pytest.raises(ModelError, match="can be full, which needs a chain of at most"):
        routed(
            {"x": qm.MMcK(0.1, 1, 90), "y": qm.MMc(0.1), "z": qm.MMc(0.1)},
            {"x": {"y": 0.5, "z": 0.5}, "y": {"x": 1.0}, "z": {"x": 1.0}},
        ).solve({"u": qm.Closed(120)})
    with pytest.raises(ModelError, match="put the load into a mapping"):
        full.solve(qm.Closed(2))
    with pytest.raises(DomainError, match="weight of a at x must be a number > 0, got -1"):
        classes.solve(
            {"x": qm.MG1PS(E(0.1))},
            {c: ClosedClass(visits={"x": 1}, users=2, weights={"x": -1.0}) for c in "ab"},
        )
    with pytest.raises(ModelError, match="takes one kind of users, got 2"):
        full.solve({"u": qm.Closed(2), "v": qm.Closed(1)})
    two = routed({"x": qm.MMcPriority(0.1)}, {"a": {}, "b": {}})
    with pytest.raises(ModelError, match="no class 'c'; there are a, b"):
        two.solve({"c": qm.Closed(2)})
    with pytest.raises(ModelError, match="go as a mapping"):
        two.solve(qm.Closed(2))
    with pytest.raises(ModelError, match="users of a do not visit 'z'"):
        two.solve({"a": qm.Closed(2)}, entry="z")
    with pytest.raises(DomainError, match="the weight of a at x must be a number > 0"):
        routed({"x": qm.MG1PS(E(0.1))}, {"a": {}, "b": {}}, weights={"a": {"x": 0}})
    with pytest.raises(ModelError, match="no class 'a' at 'y' to have weights"):
        routed({"x": qm.MG1PS(E(0.1))}, {"a": {}, "b": {}}, weights={"a": {"y": 2}})
    with pytest.raises(ModelError, match="weights need one server"):
        routed({"x": qm.MGcPS(E(0.1), 2)}, {"a": {}, "b": {}}, weights={"a": {"x": 2}}).solve(
            {"a": qm.Closed(2, 1.0), "b": qm.Closed(2, 1.0)}
        )
    with pytest.raises(ModelError, match="'exact' needs a product form"):
        classes.solve(
            {"x": qm.MMcPriority(0.1)},
            dict.fromkeys("ab", ClosedClass(visits={"x": 1}, users=3)),
            method="exact",
        )
