"""Labels can only get weaker."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.basis import (
    APPROXIMATE,
    ASYMPTOTIC,
    EXACT,
    INDEPENDENT_SOJOURNS,
    POISSON_ARRIVALS,
    Assumption,
    Basis,
    union,
)

LIMIT = Assumption("limit", "many servers", "Halfin and Whitt 1981", ASYMPTOTIC)
ORDER = [EXACT, ASYMPTOTIC, APPROXIMATE]
some = st.lists(st.sampled_from([POISSON_ARRIVALS, LIMIT, INDEPENDENT_SOJOURNS]), max_size=4)


@given(some, some)
def test_the_weakest_decides(one: list[Assumption], two: list[Assumption]) -> None:
    basis = Basis({"mean": tuple(one), "p99": (*one, *two)})
    assert ORDER.index(basis["mean"]) <= ORDER.index(basis["p99"])
    assert str(basis) == basis["p99"]
    labels = [a.label for a in one + two]
    assert str(basis) == max(labels, key=ORDER.index, default=EXACT)


def test_without_assumptions_it_is_exact() -> None:
    assert Basis({}) == "exact"
    assert Basis({"mean": ()})["mean"] == "exact"


def test_union_keeps_the_order_and_each_once() -> None:
    assert union((POISSON_ARRIVALS, LIMIT), (LIMIT, INDEPENDENT_SOJOURNS)) == (
        "poisson-arrivals", "limit", "independent-sojourns",
    )  # fmt: skip


def test_percentiles_share_one_entry() -> None:
    basis = Basis({"mean": (POISSON_ARRIVALS,), "percentiles": (INDEPENDENT_SOJOURNS,)})
    assert basis["p99"] == basis["p99.9"] == basis["p50"] == "approximate"
    with pytest.raises(qm.ModelError, match="no quantity 'p'; there are mean, percentiles"):
        basis["p"]
    with pytest.raises(qm.ModelError, match="variance"):
        basis["variance"]


def test_a_label_is_still_text() -> None:
    basis = Basis({"mean": (POISSON_ARRIVALS,)})
    assert basis == "exact"
    assert basis[0] == "e"
    assert basis[:2] == "ex"
    assert f"{basis:>6}" == " exact"


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_keep_what_they_know(duplicate: object) -> None:
    basis = duplicate(Basis({"mean": (POISSON_ARRIVALS, LIMIT)}))  # type: ignore[operator]
    assert basis == basis["mean"] == "asymptotic"
    assert basis.assumptions("mean")[1].source == "Halfin and Whitt 1981"


def test_resting_on_more() -> None:
    more = Assumption("rough", "it is", "us", APPROXIMATE)
    basis = Basis({"mean": (POISSON_ARRIVALS,), "p99": (POISSON_ARRIVALS,), "number": ()})
    found = basis.resting_on((more,), but="p99", without="number")
    assert (str(found), found["mean"], found["p99"]) == ("approximate", "approximate", "exact")
    assert set(found.grounds) == {"mean", "p99"}
    assert str(basis) == "exact"
