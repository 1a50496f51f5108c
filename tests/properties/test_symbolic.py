"""A closed form in floats is the same closed form on symbols, for every station."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import qmodel as qm
from qmodel import symbolic as sy

LAM, S, C2 = sy.arrival_rate, sy.service_time, sy.scv
HIGH, LOW = sp.symbols("S_1 S_2", positive=True)

STATIONS: dict[str, Callable[[Any, Any, int], qm.Station]] = {
    "MMc": lambda s, _, c: qm.MMc(s, c),
    "MGc exponential": lambda s, _, c: qm.MGc(qm.Exponential(s), c),
    "MG1 exponential": lambda s, _, c: qm.MG1(qm.Exponential(s)),
    "MG1 gamma": lambda s, c2, _: qm.MG1(qm.Gamma(s, c2)),
    "MG1 constant": lambda s, _, c: qm.MG1(qm.Deterministic(s)),
    "MG1 uniform": lambda s, _, c: qm.MG1(qm.Uniform(s / 2, 2 * s)),
    "MG1 sum": lambda s, c2, _: qm.MG1(qm.Sum((qm.Gamma(s, c2), qm.Exponential(s)))),
    "MG1PS": lambda s, c2, _: qm.MG1PS(qm.Gamma(s, c2)),
    "MGcPS": lambda s, c2, c: qm.MGcPS(qm.Gamma(s, c2), c),
    "Delay": lambda s, c2, _: qm.Delay(qm.Gamma(s, c2)),
}
"""Stations with closed forms; a new one needs one line."""

MEANS = (
    "utilization", "waiting_time", "response_time", "queue_length", "number_in_system",
    "throughput",
)  # fmt: skip


@pytest.mark.parametrize("kind", STATIONS)
@given(
    load=st.floats(1e-3, 0.99), mean=st.floats(1e-3, 1e3), scv=st.floats(0.01, 20.0),
    servers=st.integers(1, 300),
)  # fmt: skip
def test_float_equals_symbolic(
    kind: str, load: float, mean: float, scv: float, servers: int
) -> None:
    build = STATIONS[kind]
    here = build(mean, scv, servers)
    rate = load * float(min(here.max_rate, 1e3 / mean))
    numbers, formulas = here.solve(rate), build(S, C2, servers).solve(LAM)
    at = {LAM: sp.Float(rate, 40), S: sp.Float(mean, 40), C2: sp.Float(scv, 40)}
    for name in MEANS:
        exact = float(sp.sympify(getattr(formulas, name)).subs(at).evalf(20))
        # The rounding of load * service time is all that is lost, enlarged near saturation.
        near = {"rel": 1e-12 + 1e-15 / (1 - load), "abs": 1e-290}
        assert getattr(numbers, name) == pytest.approx(exact, **near), name
    for distribution in ("wait", "response"):
        symbols, floats = getattr(formulas, distribution), getattr(numbers, distribution)
        if symbols is None or floats is None:
            continue
        mean_there = float(sp.sympify(symbols.mean).subs(at).evalf(20))
        assert floats.mean == pytest.approx(mean_there, rel=1e-9, abs=1e-290)
        if "PS" not in kind:  # a sum over 40 sizes stands for the distribution there
            variance = float(sp.sympify(symbols.variance).subs(at).evalf(20))
            assert floats.variance == pytest.approx(variance, rel=1e-9, abs=1e-290)
            s = 0.3 / mean
            transform = sp.sympify(symbols.laplace(sp.Float(s, 40))).subs(at).evalf(20)
            assert floats.laplace(s) == pytest.approx(float(transform), rel=1e-9)


@given(st.floats(0.05, 0.95), st.integers(2, 50), st.floats(0.01, 5.0), st.floats(0.3, 0.999))
def test_distributions_of_mmc_on_symbols(load: float, servers: int, x: float, p: float) -> None:
    # At this load the form on symbols is 0 / 0, and the numbers take its limit.
    assume(abs(load * servers - (servers - 1)) > 1e-6)
    rate = load * servers
    numbers, formulas = qm.MMc(1.0, servers).solve(rate), qm.MMc(S, servers).solve(LAM)
    at = {LAM: sp.Float(rate, 40), S: sp.Integer(1), sy.time: sp.Float(x, 40)}
    at[sy.probability] = sp.Float(p, 40)
    for distribution in ("wait", "response"):
        for name in ("tail", "density"):
            formula = getattr(getattr(formulas, distribution), name)(sy.time)
            exact = float(formula.subs(at).evalf(20))
            found = getattr(getattr(numbers, distribution), name)(x)
            assert found == pytest.approx(exact, rel=1e-9, abs=1e-14), (distribution, name)
    quantile = formulas.wait.quantile(sy.probability).subs(at).evalf(20)
    assert numbers.wait.quantile(p) == pytest.approx(float(quantile), rel=1e-11, abs=1e-14)


@given(st.floats(0.05, 0.95))
def test_symbolic_variance_under_sharing_is_the_exact_one(load: float) -> None:
    """Of M/M/1-PS, whose distribution in floats is exact (Coffman, Muntz and Trotter 1970)."""
    formula = qm.MG1PS(qm.Exponential(S)).solve(LAM).response.variance
    exact = float(formula.subs({LAM: load, S: 1}).evalf(20))
    distribution = qm.MG1PS(qm.Exponential(1.0)).solve(load).response
    assert distribution.variance == pytest.approx(exact, rel=1e-7)


def test_a_distribution_without_a_form_says_so() -> None:
    distribution = qm.MG1PS(qm.Gamma(S, C2)).solve(LAM).response
    with pytest.raises(qm.ModelError, match="no symbolic form"):
        distribution.laplace(sp.Symbol("s"))
