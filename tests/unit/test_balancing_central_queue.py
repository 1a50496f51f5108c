"""A central queue is the station of all workers."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import CentralQueue
from qmodel.errors import ModelError

DISTRIBUTION = qm.Gamma(0.1, 2.0)


@pytest.mark.parametrize(
    ("replica", "whole"),
    [
        (qm.MMc(0.1, 2), qm.MMc(0.1, 10)),
        (qm.MDc(0.1, 2), qm.MDc(0.1, 10)),
        (qm.MG1(DISTRIBUTION), qm.MGc(DISTRIBUTION, 5)),
        (qm.MGc(DISTRIBUTION, 2), qm.MGc(DISTRIBUTION, 10)),
        (qm.MG1PS(DISTRIBUTION), qm.MGcPS(DISTRIBUTION, 5)),
        (qm.MGcPS(DISTRIBUTION, 2), qm.MGcPS(DISTRIBUTION, 10)),
        (qm.Delay(DISTRIBUTION), qm.Delay(DISTRIBUTION)),
    ],
    ids=lambda s: type(s).__name__,
)
def test_is_the_station_of_all_workers(replica: qm.Station, whole: qm.Station):
    pool, expected = CentralQueue(replica, 5).solve(40.0), whole.solve(40.0)
    for name in qm.queues.base.MEANS:
        assert getattr(pool, name) == getattr(expected, name)
    assert pool.response.quantile(0.99) == expected.response.quantile(0.99)
    assert pool.basis == expected.basis
    assert CentralQueue(replica, 5).poisson_output == whole.poisson_output


def test_a_path_of_central_queues_keeps_its_label():
    p = qm.Pipeline(qm.call("web", CentralQueue(qm.MMc(0.1, 2), 5)))
    assert p.solve(40.0).basis["p99"] == "exact"


def test_arrays_of_replicas():
    r = CentralQueue(qm.MMc(0.1, 2), np.array([1, 2, 5])).solve(15.0)
    alone = [qm.MMc(0.1, c).solve(15.0).response_time for c in (2, 4, 10)]
    assert r.response_time.tolist() == pytest.approx(alone, rel=1e-14)


def test_what_cannot_be_joined():
    with pytest.raises(ModelError, match=r"no formula joins .* of the kind MG1LCFS"):
        CentralQueue(qm.MG1LCFS(DISTRIBUTION), 2)
    with pytest.raises(ModelError, match="of the kind CentralQueue"):
        CentralQueue(CentralQueue(qm.MMc(0.1), 2), 2)


def test_other_work_meets_the_one_queue():
    pool, whole = CentralQueue(qm.MMc(0.1, 2), 5), qm.MMc(0.1, 10)
    found = pool.distribution_of_response(pool.solve(90.0), qm.Exponential(0.3))
    expected = whole.distribution_of_response(whole.solve(90.0), qm.Exponential(0.3))
    assert found.quantile(0.9) == expected.quantile(0.9)
    shared = CentralQueue(qm.MGcPS(DISTRIBUTION, 2), 5)
    found = shared.distribution_of_response(shared.solve(90.0), qm.Exponential(0.3))
    assert found.mean == pytest.approx(0.3 * whole.solve(90.0).response_time / 0.1, rel=1e-3)
