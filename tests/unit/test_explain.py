"""Formula, source, assumptions and numbers of a result, as text and for notebooks."""

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel import symbolic as sy
from qmodel.explanation import explain
from qmodel.web import typical_pipeline

STATIONS = {
    "MMc": qm.MMc(0.2, 4),
    "MG1": qm.MG1(qm.Gamma(0.05, 4.0)),
    "MG1 constant": qm.MG1(qm.Deterministic(0.05)),
    "MG1 mixture": qm.MG1(qm.HyperExponential([0.9, 0.1], [0.03, 0.23])),
    "MG1 measured": qm.MG1(qm.Empirical([0.01, 0.02, 0.09])),
    "MG1PS": qm.MG1PS(qm.Exponential(0.05)),
    "MGcPS": qm.MGcPS(qm.Gamma(0.05, 4.0), 3),
    "MGc exponential": qm.MGc(qm.Exponential(0.05), 3),
    "Delay": qm.Delay(qm.Uniform(0.1, 0.2)),
}
MEANS = (
    "utilization", "waiting_time", "response_time", "queue_length", "number_in_system",
    "throughput",
)  # fmt: skip


def numbers_of(why):
    return {x: v for x, v in why.numbers.items() if isinstance(x, sp.Symbol)}


@pytest.mark.parametrize("station", STATIONS.values(), ids=STATIONS)
@pytest.mark.parametrize("quantity", MEANS)
def test_the_formula_with_the_numbers_put_in_is_the_value(station, quantity):
    result = station.solve(8.0)
    why = explain(result, quantity)
    value = sy.evaluate(why.formula.rhs, numbers_of(why))
    assert value == pytest.approx(float(getattr(result, quantity)), rel=1e-12)
    assert why.value is getattr(result, quantity) or why.value == getattr(result, quantity)
    if quantity in result.basis.grounds:
        assert why.assumptions == result.basis.assumptions(quantity)
        assert why.label == result.basis[quantity]


def test_arrays_of_scenarios_have_one_formula():
    result = qm.MMc(0.2, np.array([2, 4])).solve(9.0)
    why = explain(result, "waiting_time")
    np.testing.assert_allclose(
        sy.evaluate(why.formula.rhs, numbers_of(why)), result.waiting_time, rtol=1e-12
    )
    assert "2 to 4 (2 cells)" in str(why)


@pytest.mark.parametrize(("quantity", "p"), [("p99", 0.99), ("p50", 0.5), ("p99.9", 0.999)])
def test_a_percentile_of_mmc_lies_on_the_tail_shown(quantity, p):
    why = explain(qm.MMc(0.2, 4).solve(9.0), quantity)
    assert why.formula.lhs == sp.Symbol("P(T > t)")
    at = {x: v for x, v in numbers_of(why).items() if x != sy.probability}
    tail = sy.evaluate(why.formula.rhs, at | {sy.time: why.value})
    assert tail == pytest.approx(1 - p, rel=1e-6)
    assert "Newton" in why.how


def test_a_percentile_by_inversion_shows_the_transform():
    why = explain(qm.MG1(qm.Gamma(0.05, 4.0)).solve(8.0), "p95")
    s, b = sp.Symbol("s", positive=True), sp.Function("B")(sp.Symbol("s", positive=True))
    lam, mean = sy.arrival_rate, sy.service_time
    expected = s * (1 - lam * mean) * b / (s - lam * (1 - b))
    assert sp.simplify(why.formula.rhs - expected) == 0
    assert "B(s) is the transform of the law of service" in why.how
    assert "inversion" in why.how


def test_what_has_no_form_on_symbols_says_so():
    why = explain(qm.MGc(qm.Gamma(0.05, 4.0), 3).solve(8.0), "waiting_time")
    assert why.formula is None
    assert "Found numerically" in str(why)
    assert why._repr_latex_() is None
    assert "kimura (approximate): the mean wait interpolates" in str(why)


@pytest.mark.parametrize("station", STATIONS.values(), ids=STATIONS)
@pytest.mark.parametrize("quantity", [*MEANS, "p99", "response"])
def test_text_fits_80_columns(station, quantity):
    for line in str(explain(station.solve(8.0), quantity)).splitlines():
        assert len(line) <= 80
        assert line == line.rstrip()


def test_text_in_full():
    printed = str(explain(qm.MMc(0.2, servers=4).solve(9.0), "waiting_time"))
    assert printed.splitlines()[0] == "waiting_time = 11.7 ms (exact)"
    for piece in (
        "W_q = ─────────────────",
        "λ = 9/s   arrival rate",
        "ErlangC(c, S⋅λ) = 0.128534",
        "poisson-arrivals (exact): requests arrive in a Poisson stream",
        "Wolff 1982 (PASTA)",
        "Fundamentals of",
    ):
        assert piece in printed


def test_notebooks_get_latex_and_markdown():
    why = explain(qm.MMc(0.2, servers=4).solve(9.0), "waiting_time")
    assert why._repr_latex_() == (
        r"$\displaystyle W_{q} = \frac{S C\left(c, S \lambda\right)}{- S \lambda + c}$"
    )
    page = why._repr_markdown_()
    assert page.startswith("**waiting_time = 11.7 ms (exact)**")
    assert "| $c$ | 4 | servers |" in page
    assert "- `exponential-service` (exact): " in page


# Pipelines.


@pytest.fixture(scope="module")
def site():
    return typical_pipeline().solve(2000.0)


def test_mean_of_a_pipeline_is_the_sum_over_its_stations(site):
    why = explain(site, "mean")
    assert why.value == site.latency.mean
    assert str(why.formula) == "Eq(E[T], Sum(V[i]*W[i], (i, 1, n)))"
    assert [row[0] for row in why.rows[1:]] == list(site.stations)
    assert {name for names, _ in why.parts for name in names.split(", ")} == set(site.stations)
    total = sum(site.visits[n] * r.response_time for n, r in site.stations.items())
    assert why.value == pytest.approx(total)


@pytest.mark.parametrize(
    "quantity", ["mean", "p99", "max_rate", "bottleneck", "headroom", "visits"]
)
def test_every_quantity_of_a_pipeline(site, quantity):
    why = explain(site, quantity)
    for line in str(why).splitlines():
        assert len(line) <= 80
    assert why.assumptions
    assert "| database |" in why._repr_markdown_()


def test_a_pipeline_with_steps_at_once_or_a_limit_has_no_sum():
    web = qm.call("web", qm.MMc(0.01))
    two = qm.parallel(web, qm.call("db", qm.MMc(0.02)))
    why = explain(qm.Pipeline(two).solve(10.0), "mean")
    assert why.formula is None
    assert "mean of the longest" in why.how
    limited = qm.Pipeline(qm.series(qm.limit("quota", 20.0), web)).solve(30.0)
    assert "limit" in explain(limited, "mean").how
    assert explain(limited, "max_rate").formula is None


def test_unknown_quantities_get_the_nearest_name(site):
    station = qm.MMc(0.2, 4).solve(9.0)
    with pytest.raises(qm.ModelError, match=r"no quantity 'waitin'; did you mean 'wait"):
        explain(station, "waitin")
    with pytest.raises(qm.ModelError, match=r"no quantity 'p999'; did you mean"):
        explain(station, "p999")
    with pytest.raises(qm.ModelError, match=r"did you mean 'max_rate'"):
        explain(site, "maxrate")
    with pytest.raises(qm.ModelError, match="result must be of a station or a pipeline"):
        explain(3.0, "mean")
