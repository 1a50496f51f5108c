"""The marginal cost of a flow is the derivative of the number that wait."""

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.balancing import RandomSplit, RoundRobin, marginal_wait
from qmodel.balancing.marginal_cost import marginal_wait_of, waiting_time_of
from qmodel.errors import DomainError

STATIONS = [
    qm.MMc(0.1, 3),
    qm.MMc(0.1, 64),
    qm.MGcPS(qm.Gamma(0.1, 3.0), 3),
    qm.MG1(qm.Gamma(0.1, 3.0)),
    qm.MGc(qm.Gamma(0.1, 3.0), 3),
    qm.MDc(0.1, 3),
    RoundRobin(qm.MMc(0.1), 3),
]


@pytest.mark.parametrize("servers", [1, 2, 7])
def test_erlang_c_by_symbols(servers: int):
    lam, s = sp.symbols("lambda S", positive=True)
    number = qm.MMc(s, servers).solve(lam).queue_length
    at = {lam: sp.Rational(17, 2) * servers, s: sp.Rational(1, 10)}
    expected = float(sp.diff(number.doit(), lam).subs(at))
    assert marginal_wait(8.5 * servers, 0.1, servers=servers) == pytest.approx(
        expected, rel=1e-12
    )
    same = marginal_wait(lam, s, servers=servers).doit()
    assert float(same.subs(at)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("station", STATIONS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("load", [0.05, 0.6, 0.95, 0.9999])
def test_is_the_derivative(station: qm.Station, load: float):
    # The integral of the derivative is the number that wait: Gauss-Legendre on both sides.
    full = float(station.max_rate)
    low, high = 0.98 * load * full, load * full
    x, w = np.polynomial.legendre.leggauss(20)
    rates = (low + high) / 2 + (high - low) / 2 * x
    if load > 0.99:  # towards the pole the room that is left is the scale
        rooms = np.exp(np.linspace(np.log(full - low), np.log(full - high), 2))
        logs = np.log(rooms).mean() + np.diff(np.log(rooms)) / 2 * x
        rates, w = (
            full - np.exp(logs),
            w * np.exp(logs) * -np.diff(np.log(rooms)) / (high - low),
        )
    area = (high - low) / 2 * (w * marginal_wait_of(station)(rates)).sum()
    ends = [station.solve(rate).queue_length for rate in (low, high)]
    assert area == pytest.approx(ends[1] - ends[0], rel=1e-6)


def test_quotient_has_nine_digits():
    # M/M/c as a pool of one is not known to be M/M/c; its quotient is held against the formula.
    rates = 30.0 * np.array([1e-3, 0.3, 0.9, 0.999, 1 - 1e-6])
    found = marginal_wait_of(RandomSplit(qm.MMc(0.1, 3), 1))(rates)
    assert found == pytest.approx(marginal_wait(rates, 0.1, servers=3), rel=1e-9)


def test_bad_arguments():
    with pytest.raises(DomainError, match="arrival_rate must be a number >= 0"):
        marginal_wait(-1.0, 0.1)
    with pytest.raises(DomainError, match="servers must be a whole number >= 1"):
        marginal_wait(1.0, 0.1, servers=0)


@pytest.mark.parametrize("station", STATIONS, ids=lambda s: type(s).__name__)
def test_no_load_saturation_and_waits(station: qm.Station):
    full = float(station.max_rate)
    rates = np.array([0.0, 0.5 * full, full, 2 * full])
    found, waits = marginal_wait_of(station)(rates), waiting_time_of(station)(rates)
    assert found[0] == 0
    assert np.isposinf(found[2:]).all()
    assert found[1] > waits[1]  # a request also makes others wait
    assert waits == pytest.approx(
        np.broadcast_to(station.solve(rates).waiting_time, 4), rel=1e-12
    )
