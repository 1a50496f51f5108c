"""A closed form in floats is the same closed form on symbols, for every station."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
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


ONE_SERVER = ("MG1", "Delay")
"""Kinds whose formulas know no number of servers."""

RATE_OF_TRANSFORM = sp.Symbol("s", positive=True)
GIVEN = LAM, S, C2, RATE_OF_TRANSFORM


@cache
def formulas(kind: str, servers: int) -> dict[str, Callable[..., Any]]:
    """Return the means, and of the wait and the response mean, variance and transform.

    They are functions of arrival rate, service time, SCV and s, in 40 digits.
    """
    result = STATIONS[kind](S, C2, servers).solve(LAM)
    found = {name: sp.sympify(getattr(result, name)) for name in MEANS}
    for name in ("wait", "response"):
        if (of := getattr(result, name)) is not None:
            found[f"{name}.mean"] = sp.sympify(of.mean)
            if "PS" not in kind:  # a sum over 40 sizes stands for the distribution there
                found[f"{name}.variance"] = sp.sympify(of.variance)
                found[f"{name}.laplace"] = sp.sympify(of.laplace(RATE_OF_TRANSFORM))
    return {name: sp.lambdify(GIVEN, formula, "mpmath") for name, formula in found.items()}


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
    numbers, s = here.solve(rate), 0.3 / mean
    symbols = formulas(kind, 1 if kind.startswith(ONE_SERVER) else servers)
    with mpmath.workdps(40):
        at = [mpmath.mpf(x) for x in (rate, mean, scv, s)]
        values = {name: float(formula(*at)) for name, formula in symbols.items()}
    for name, exact in values.items():
        if name in MEANS:
            # The rounding of load * service time is all that is lost, enlarged near saturation.
            near = {"rel": 1e-12 + 1e-15 / (1 - load), "abs": 1e-290}
            assert getattr(numbers, name) == pytest.approx(exact, **near), name
            continue
        distribution, _, quantity = name.partition(".")
        if (floats := getattr(numbers, distribution)) is None:
            continue
        found = getattr(floats, quantity)
        near = {"rel": 1e-9} if quantity == "laplace" else {"rel": 1e-9, "abs": 1e-290}
        assert (found(s) if quantity == "laplace" else found) == pytest.approx(exact, **near)


@pytest.mark.thorough
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
