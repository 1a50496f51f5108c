"""Every number of a model has a name, under which it can be changed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import qmodel as qm

DB = qm.call("db", qm.MMc(0.01, servers=4))
PAGE = qm.call("page", qm.MGc(qm.Gamma(0.02, 0.5), servers=8))


def test_probabilities_of_a_branch_keep_their_ratios() -> None:
    three = qm.branch((0.5, DB), (0.3, PAGE), (0.2, qm.nothing()), name="read")
    p = qm.Pipeline(three)
    names = [f"read.{step}.probability" for step in ("db", "page", "nothing")]
    assert [float(p.parameters()[name]) for name in names] == [0.5, 0.3, 0.2]
    more = p.replace({"read.db.probability": np.array([0.0, 0.75, 1.0])}).parameters()
    assert more["read.page.probability"] == pytest.approx([0.6, 0.15, 0.0])
    both = p.replace({names[0]: 0.1, names[1]: 0.2}).parameters()
    assert float(both[names[2]]) == pytest.approx(0.7)
    with pytest.raises(qm.DomainError, match=r"must sum to at most 1, got 1\.4"):
        p.replace({names[0]: 0.7, names[1]: 0.7})
    with pytest.raises(qm.DomainError, match=r"a probability from 0 to 1, got 1\.5"):
        p.replace({names[0]: 1.5})
    with pytest.raises(qm.DomainError, match=r"must sum to 1, as nothing"):
        p.replace({names[0]: 0.5, names[1]: 0.5}).replace({names[0]: 0.1, names[1]: 0.1})


def test_shares_of_kinds() -> None:
    p = qm.Pipeline({"read": (0.9, PAGE), "write": (0.1, qm.series(PAGE, DB))})
    assert float(p.parameters()["write.share"]) == 0.1
    writes = p.replace({"write.share": [0.1, 0.5, 1.0]})
    assert writes.visits["db"] == pytest.approx([0.1, 0.5, 1.0])
    assert writes.kinds["read"][0] == pytest.approx([0.9, 0.5, 0.0])


def test_repeats_attempts_failures_and_pauses() -> None:
    again = qm.retry(DB, failure=0.1, attempts=3, pause=0.2, name="again")
    p = qm.Pipeline(qm.series(again, qm.repeat(2, PAGE, name="pages")))
    assert {"again.failure", "again.attempts", "again.pause", "pages.times"} <= {
        *p.parameters()
    }
    assert float(p.replace({"again.attempts": 2}).visits["db"]) == pytest.approx(1.1)
    assert p.replace({"pages.times": [1, 5]}).visits["page"] == pytest.approx([1, 5])
    with pytest.raises(qm.DomainError, match="attempts must be a whole number >= 1, got 0"):
        p.replace({"again.attempts": 0})


def test_steps_without_a_name_are_numbered() -> None:
    either = [qm.branch((p, DB), (1 - p, qm.nothing())) for p in (0.1, 0.2)]
    p = qm.Pipeline(qm.series(*either, qm.repeat(2, PAGE), qm.repeat(3, PAGE)))
    found = p.parameters()
    assert float(found["branch.db.probability"]) == 0.1
    assert float(found["branch 2.db.probability"]) == 0.2
    assert (found["repeat.times"], found["repeat 2.times"]) == (2, 3)
    changed = p.replace({"branch 2.db.probability": 1.0, "repeat 2.times": 1})
    assert float(changed.visits["db"]) == pytest.approx(1.1)
    assert float(changed.visits["page"]) == pytest.approx(3)


def test_two_values_of_one_name_are_refused() -> None:
    caches = [qm.cached(h, lookup=DB, miss=PAGE, name="store") for h in (0.9, 0.5)]
    with pytest.raises(qm.ModelError, match=r"two different values .* 'store.hit_ratio'"):
        qm.Pipeline(qm.series(*caches))
    qm.Pipeline(qm.series(caches[0], caches[0]))
    same = [qm.cached(0.9, lookup=DB, miss=PAGE, name="store") for _ in range(2)]
    both = qm.Pipeline(qm.series(*same)).replace({"store.hit_ratio": 0.0})
    assert float(both.visits["page"]) == 2.0


def test_two_services_at_one_station_have_two_names() -> None:
    slow = [qm.call("db", DB.station, service=qm.Exponential(s)) for s in (0.03, 0.05)]
    p = qm.Pipeline(qm.branch((0.5, slow[0]), (0.5, slow[1])))
    assert (p.parameters()["db.mean"], p.parameters()["db 2.mean"]) == (0.03, 0.05)
    changed = p.replace({"db 2.mean": 0.07})
    assert float(changed.solve(1.0).stations["db"].utilization) == pytest.approx(0.05 / 4)


@pytest.mark.parametrize("scv", [0.0, 0.5, 1.0, 4.0])
def test_two_moments_are_parameters_at_any_variability(scv: float) -> None:
    station = qm.MG1(qm.from_mean_scv(0.01, scv))
    p = qm.Pipeline(qm.call("app", station))
    assert {"app.service.mean", "app.service.scv"} == {*p.parameters()}
    for value in (0.0, 0.5, 1.0, 4.0):
        changed = p.replace({"app.service.scv": value})
        direct = qm.MG1(qm.from_mean_scv(0.01, value)).solve(70.0)
        assert float(changed.solve(70.0).latency.mean) == pytest.approx(
            float(direct.response_time), rel=1e-12
        )
    assert float(p.replace({"app.service.mean": 0.02}).max_rate) == pytest.approx(50.0)


def test_a_pipeline_and_its_result_pickle() -> None:
    site = qm.web.typical_pipeline()
    copy = pickle.loads(pickle.dumps(site))
    assert copy.parameters() == site.parameters()
    result = pickle.loads(pickle.dumps(site.solve(2000.0)))
    assert str(result) == str(site.solve(2000.0))


def test_stations_in_the_result_keep_their_kind() -> None:
    r = qm.Pipeline({"a": (0.5, DB), "b": (0.5, DB)}).solve(100.0)
    assert [(s.kind, float(s.arrival_rate)) for s in r.stations["db"].streams] == [
        ("a", 50.0),
        ("b", 50.0),
    ]
