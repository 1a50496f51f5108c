"""The exact PH/PH/c solver against what is known without it."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from qmodel.queues import erlang_c


@pytest.fixture(scope="module")
def qbd():
    path = Path(__file__).parent / "qbd.py"
    spec = importlib.util.spec_from_file_location("oracle_qbd", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_exponential_service_is_erlang_c(qbd):
    for servers, load in ((1, 0.7), (4, 0.9), (30, 0.8)):
        s = qbd.solve(qbd.exponential(), qbd.exponential(), servers, load * servers)
        probability = erlang_c(servers=servers, offered_load=load * servers)
        assert s.wait_probability == pytest.approx(probability, rel=1e-12)
        assert s.wait_tail(0.7) == pytest.approx(
            probability * np.exp(-0.7 * servers * (1 - load)), rel=1e-11
        )
        assert sum(s.probability(n) for n in range(200)) == pytest.approx(1.0, abs=1e-6)


def test_one_server_is_pollaczek_khinchine(qbd):
    for service in (qbd.erlang(3), qbd.hyperexponential(9.0, 0.2)):
        s = qbd.solve(qbd.exponential(), service, 1, 0.8)
        assert s.waiting_time == pytest.approx(0.8 * service.moment(2) / 0.4, rel=1e-10)


# theory.md 13, load 0.8: servers, mean wait, P(wait), P(wait > 2 mean waits).
GOLDEN = [
    ("erlang", 1, 3.0, 0.8, 0.1594580463),
    ("erlang", 2, 1.34239130435, 0.708695652174, 0.1700715045),
    ("erlang", 5, 0.423226072542, 0.548410429714, 0.1845508711),
    ("erlang", 20, 0.0502880399489, 0.249659203314, 0.1568653991),
    ("hyper", 1, 10.0, 0.8, 0.1702840325),
    ("hyper", 2, 4.28537766319, 0.718382735397, 0.1760100503),
    ("hyper", 5, 1.25415140466, 0.56955461742, 0.1731437541),
    ("hyper", 20, 0.123064431405, 0.271948392568, 0.1367608603),
]


@pytest.mark.parametrize(("distribution", "servers", "wait", "probability", "late"), GOLDEN)
def test_golden_values(qbd, distribution, servers, wait, probability, late):
    service = qbd.erlang(2) if distribution == "erlang" else qbd.hyperexponential(4.0)
    s = qbd.solve(qbd.exponential(), service, servers, 0.8 * servers)
    assert s.waiting_time == pytest.approx(wait, rel=1e-10)
    assert s.wait_probability == pytest.approx(probability, rel=1e-10)
    assert s.wait_tail(2 * s.waiting_time) == pytest.approx(late, rel=1e-8)


def test_distributions_have_their_moments(qbd):
    for distribution, scv in ((qbd.erlang(4), 0.25), (qbd.hyperexponential(4.0, 0.8), 4.0)):
        assert distribution.moment(1) == pytest.approx(1.0)
        assert distribution.moment(2) == pytest.approx(1 + scv)
    assert qbd.erlang(3).scaled(0.2).moment(1) == pytest.approx(0.2)
