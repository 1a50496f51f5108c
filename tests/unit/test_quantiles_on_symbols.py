"""Quantiles on symbols: the formula where there is one, and a clear refusal elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy as sp

import qmodel as qm
from qmodel.distributions import NEVER, Distribution, Scaled, Shifted, Sum

S, LAM, P, T = sp.symbols("S lambda p t", positive=True)
AT = {S: 0.1, LAM: 6.0, P: 0.97, T: 0.3}

FORMULAS: dict[str, Callable[..., Distribution]] = {
    "exponential": lambda s, lam, t: qm.Exponential(s),
    "constant": lambda s, lam, t: qm.Deterministic(s),
    "uniform": lambda s, lam, t: qm.Uniform(s, 3 * s),
    "lognormal": lambda s, lam, t: qm.LogNormal(s, 4.0),
    "Pareto": lambda s, lam, t: qm.Pareto(s, 2.5),
    "later": lambda s, lam, t: Shifted(qm.Exponential(s), t),
    "scaled": lambda s, lam, t: Scaled(qm.Exponential(s), t),
    "response of M/M/1": lambda s, lam, t: qm.MMc(s).solve(lam).response,
    "wait of M/M/1": lambda s, lam, t: qm.MMc(s).solve(lam).wait,
    "wait of M/M/2": lambda s, lam, t: qm.MMc(s, 2).solve(2 * lam).wait,
    "replicas": lambda s, lam, t: qm.balancing.RandomSplit(qm.MMc(s), 3).solve(lam).response,
    "pipeline": lambda s, lam, t: qm.Pipeline(qm.call("a", qm.MMc(s))).solve(lam).latency,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name: str) -> None:
    formula = FORMULAS[name](S, LAM, T).quantile(P)
    numbers = FORMULAS[name](AT[S], AT[LAM], AT[T]).quantile(AT[P])
    assert float(sp.N(formula.doit().subs(AT))) == pytest.approx(float(numbers), rel=1e-9)


def test_the_response_of_one_server() -> None:
    found = qm.MMc(S).solve(LAM).response.quantile(P)
    assert sp.simplify(found + S * sp.log(1 - P) / (1 - LAM * S)) == 0


@pytest.mark.parametrize(
    "distribution",
    [
        lambda: qm.MMc(S, 2).solve(LAM).response,
        lambda: qm.MG1(qm.Gamma(S, 2.0)).solve(LAM).wait,
        lambda: qm.MG1PS(qm.Exponential(S)).solve(LAM).response,
        lambda: qm.HyperExponential((0.5, 0.5), (S, 2 * S)),
        lambda: Sum((qm.Exponential(S), qm.Exponential(2 * S))),
        lambda: qm.Gamma(S, T),
        lambda: NEVER,
        lambda: qm.Empirical([0.1, 0.2]),
        lambda: qm.Pareto(0.1, 2.5, 3.0),
        lambda: qm.MMc(0.1, 2).solve(5.0).response,
    ],
)
def test_others_are_refused(distribution: Callable[[], Distribution]) -> None:
    with pytest.raises(qm.ModelError, match="has no formula on symbols: put numbers in"):
        distribution().quantile(P)


def test_numbers_are_numbers_beside_sympy() -> None:
    distribution = qm.MMc(0.1, 2).solve(5.0).response
    assert distribution.tail(distribution.quantile(0.99)) == pytest.approx(0.01, rel=1e-9)
    with pytest.raises(TypeError):
        distribution.quantile()
