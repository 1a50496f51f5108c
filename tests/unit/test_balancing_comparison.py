"""Policies side by side."""

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.balancing import POLICIES, CentralQueue, RandomSplit, RoundRobin, balanced, compare
from qmodel.errors import DomainError, ModelError

COLUMNS = [
    "policy", "replicas", "arrival_rate", "utilization", "waiting_time", "response_time",
    "p50", "p95", "p99", "max_rate", "response_time.extra", "basis",
]  # fmt: skip


def test_columns_units_and_order():
    frame = compare(qm.MMc(0.1, 2), 4, 60.0)
    assert list(frame) == COLUMNS
    assert frame["policy"].tolist() == list(POLICIES)
    units = frame.attrs["units"]
    assert {units[n] for n in ("waiting_time", "response_time", "p50", "p99")} == {"s"}
    assert units["response_time.extra"] == "%"
    assert (units["replicas"], units["max_rate"]) == ("-", "1/s")


def test_values_are_those_of_the_pools():
    frame = compare(qm.MMc(0.1, 2), 4, 60.0).set_index("policy")
    central = CentralQueue(qm.MMc(0.1, 2), 4).solve(60.0)
    for policy, row in frame.iterrows():
        r = balanced(policy, qm.MMc(0.1, 2), 4).solve(60.0)
        assert row["waiting_time"] == r.waiting_time
        assert row["response_time"] == r.response_time
        assert row["p99"] == r.response.quantile(0.99)
        assert row["utilization"] == 0.75
        assert row["max_rate"] == 80.0
        extra = 100 * (r.response_time / central.response_time - 1)
        assert row["response_time.extra"] == pytest.approx(extra)
        assert row["basis"] == str(r.basis)
        assert frame.attrs["basis"][policy]["response_time"] == r.basis["response_time"]
    assert frame.loc["central queue", "response_time.extra"] == 0


def test_a_row_for_each_cell():
    replicas, rates = np.array([2, 4])[:, None], np.array([10.0, 30.0, 90.0])
    frame = compare(qm.MMc(0.1, 2), replicas, rates, policies=["random", RoundRobin])
    assert len(frame) == 12
    assert set(frame["policy"]) == {"random", "RoundRobin"}
    cell = frame[
        (frame.policy == "random") & (frame.replicas == 4) & (frame.arrival_rate == 30)
    ]
    expected = RandomSplit(qm.MMc(0.1, 2), 4).solve(30.0).response_time
    assert cell["response_time"].item() == pytest.approx(expected, rel=1e-14)
    over = frame[frame.arrival_rate > frame.max_rate]
    assert np.isposinf(over["response_time"]).all()
    assert over["response_time.extra"].isna().all()


def test_labels_of_what_is_approximate():
    frame = compare(qm.MG1PS(qm.Gamma(0.1, 2.0)), 4, 30.0, policies=["random", "round robin"])
    assert frame.attrs["basis"]["random"]["response_time"] == "exact"
    assert frame.attrs["basis"]["round robin"]["response_time"] == "approximate"
    assert frame["basis"].tolist() == ["approximate", "approximate"]


def test_bad_arguments():
    with pytest.raises(DomainError, match="policies must not be empty"):
        compare(qm.MMc(0.1), 4, 10.0, policies=[])
    with pytest.raises(DomainError, match="no policy 'robin'"):
        compare(qm.MMc(0.1), 4, 10.0, policies=["robin"])
    with pytest.raises(DomainError, match="replicas must be a whole number"):
        compare(qm.MMc(0.1), 0, 10.0)
    with pytest.raises(DomainError, match="arrival_rate must be a number >= 0"):
        compare(qm.MMc(0.1), 4, -1.0)
    with pytest.raises(ModelError, match="no formula joins"):
        compare(qm.MG1LCFS(qm.Gamma(0.1, 2.0)), 4, 1.0)


def test_one_name_is_one_policy_and_symbols_make_no_rows():
    assert compare(qm.MMc(0.1), 4, 20.0, policies="random")["policy"].tolist() == ["random"]
    with pytest.raises(ModelError, match="a frame of policies has no symbolic form"):
        compare(qm.MMc(0.1), 4, sp.Symbol("x", positive=True))
