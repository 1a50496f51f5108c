"""Formula, source, assumptions and numbers of a result, as text and for notebooks."""

import importlib

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
FINITE = {
    "Engset": qm.Engset(0.5, 3, 10),
    "FiniteSource": qm.FiniteSource(0.5, 3, 10),
    "ErlangA": qm.ErlangA(0.5, 3, 2.0),
    "MG1LCFS finished": qm.MG1LCFS(qm.Gamma(0.05, 4.0), preemptive=False),
    "MG1Vacations once": qm.MG1Vacations(qm.Exponential(0.05), qm.Exponential(1.0), False),
    "MG1Vacations": qm.MG1Vacations(qm.Gamma(0.05, 2.0), qm.Gamma(1.0, 3.0)),
    "MG1Setup": qm.MG1Setup(qm.Exponential(0.05), qm.Deterministic(1.0)),
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


@pytest.mark.parametrize("station", FINITE.values(), ids=FINITE)
@pytest.mark.parametrize("quantity", ["utilization", "response_time", "number_in_system"])
def test_what_needs_a_known_number_of_servers_or_has_a_switch(station, quantity):
    result = station.solve(0.7)
    why = explain(result, quantity)
    assert why.formula is not None
    value = float(why.formula.rhs.doit().subs(numbers_of(why)).evalf())
    assert value == pytest.approx(float(getattr(result, quantity)), rel=1e-10)


def test_no_formula_of_one_class_is_shown_for_two():
    result = qm.MG1Priority(qm.Exponential(0.05)).solve([qm.Stream(5.0), qm.Stream(9.0)])
    assert explain(result, "utilization").formula is not None
    different = qm.MG1Priority(qm.Exponential(0.05), True).solve(
        [qm.Stream(5.0, qm.Exponential(0.08)), qm.Stream(9.0, qm.Exponential(0.01))]
    )
    why = explain(different, "waiting_time")
    assert why.formula is None
    assert why.value == different.waiting_time


def test_the_rate_of_saturation_of_a_station():
    why = explain(qm.MMc(0.2, 4).solve(9.0), "max_rate")
    assert str(why.formula) == "Eq(lambda_max, c/S)"
    assert why.value == 20.0
    assert numbers_of(why) == {sy.service_time: 0.2, sy.servers: 4}


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
    assert "B(s) is the transform of the service distribution" in why.how
    assert "inversion" in why.how


def test_what_has_no_form_on_symbols_says_so():
    why = explain(qm.MGc(qm.Gamma(0.05, 4.0), 3).solve(8.0), "waiting_time")
    assert why.formula is None
    assert "Found numerically" in str(why)
    assert why._repr_latex_() is None
    assert "fitted-phases (approximate)" in str(why)


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
    return typical_pipeline(workers="free").solve(2000.0)


def test_mean_of_a_pipeline_is_the_sum_over_its_stations(site):
    why = explain(site, "mean")
    assert why.value == site.latency.mean
    assert str(why.formula) == "Eq(E[T], Sum(V[i]*W[i], (i, 1, n)))"
    assert [row[0] for row in why.rows[1:]] == list(site.stations)
    assert {name for names, _ in why.parts for name in names.split(", ")} == set(site.stations)
    total = sum(site.visits[n] * r.response_time for n, r in site.stations.items())
    assert why.value == pytest.approx(total)


@pytest.mark.parametrize(
    "quantity",
    [
        "mean", "latency", "p99", "max_rate", "bottleneck", "headroom", "visits", "goodput",
        "rejected",
    ],
)  # fmt: skip
def test_every_quantity_of_a_pipeline(site, quantity):
    why = explain(site, quantity)
    for line in str(why).splitlines():
        assert len(line) <= 80
    assert why.assumptions
    assert "| database |" in why._repr_markdown_()


@pytest.mark.parametrize("quantity", [*MEANS, "p99", "p99.9", "response", "max_rate", "loss"])
def test_every_quantity_of_a_station_in_a_pipeline(site, quantity):
    why = explain(site, f"database.{quantity}")
    alone = explain(site.stations["database"], quantity)
    assert why.quantity == f"database.{quantity}"
    assert (why.formula, why.assumptions) == (alone.formula, alone.assumptions)
    assert why.value == alone.value
    text = str(why).splitlines()
    assert text[0].startswith(f"database.{quantity}")
    assert text[1:] == str(alone).splitlines()[1:]
    assert why._repr_markdown_().startswith(f"**database.{quantity}")


def test_visits_to_a_station(site):
    why = explain(site, "database.visits")
    assert why.value == site.visits["database"]
    assert str(why).startswith("database.visits = 0.26")


def test_goodput_and_what_is_rejected(site):
    web = qm.call("web", qm.MMc(0.01))
    limited = qm.Pipeline(qm.series(qm.limit("quota", 20.0), web)).solve(30.0)
    why = explain(limited, "goodput")
    assert sy.evaluate(why.formula.rhs, why.numbers) == pytest.approx(limited.goodput)
    assert "turns a share away" in why.how
    assert "r = 0." in str(why)
    assert explain(limited, "rejected").value == limited.rejected
    assert "Nothing on the paths" in explain(site, "rejected").how
    assert explain(site, "goodput").value == 2000.0


def test_letters_do_not_depend_on_the_terminal(site, monkeypatch):
    def text():
        return "".join(str(explain(site, q)) for q in ("mean", "database.waiting_time"))

    before = text()
    letters = importlib.import_module("sympy.printing.pretty.pretty_symbology")
    monkeypatch.setattr(letters, "_use_unicode", False)
    assert text() == before
    assert "lambda" not in before
    on_symbols = qm.MMc(sy.service_time, 2).solve(sy.arrival_rate)
    assert str(explain(on_symbols, "utilization")).startswith("utilization = S*λ/2 (exact)")


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
    with pytest.raises(qm.ModelError, match=r"did you mean '\w+\.waiting_time'"):
        explain(site, "waiting_time")
    with pytest.raises(qm.ModelError, match="no station 'databas'; did you mean 'database'"):
        explain(site, "databas.p99")
    with pytest.raises(qm.ModelError, match="no quantity 'waitin_time'; did you mean 'wait"):
        explain(site, "database.waitin_time")
    with pytest.raises(qm.ModelError, match="result must be of a station, pipeline or cache"):
        explain(3.0, "mean")


def test_a_cache_is_explained() -> None:
    r = qm.caches.LRU(100).solve(qm.caches.Zipf(10_000, 0.8), request_rate=500.0)
    why = qm.explain(r, "hit_ratio")
    assert float(why.value) == float(r.hit_ratio)
    assert why.label == "asymptotic"
    assert "T_C = 222 ms   characteristic time" in str(why)
    assert "characteristic-time" in why.assumptions
    assert any("Che" in source for source in why.sources)
    for quantity in ("byte_hit_ratio", "miss_rate", "occupancy", "eviction_age"):
        assert float(qm.explain(r, quantity).value) == float(getattr(r, quantity))
    assert "\\sum" in qm.explain(r, "hit_ratio")._repr_markdown_()
    with pytest.raises(qm.ModelError, match="did you mean 'hit_ratio'"):
        qm.explain(r, "hit_rate")


def test_numbers_of_functions_stand_in_one_line() -> None:
    r = qm.balancing.RandomSplit(qm.MMc(0.01, servers=2), 4).solve(400.0)
    assert "\nErlangC(2, 0.01*λ/N) = 0.333333\n" in str(qm.explain(r, "response_time"))


def test_a_pool_that_is_held_counts_its_wait_only() -> None:
    """The rows of the stations add up to the mean; what has no formula has none."""
    site = typical_pipeline().solve(2000.0)
    why = explain(site, "mean")
    assert [row[0] for row in why.rows[1:]] == list(site.stations)
    assert explain(site.stations["monolith"], "waiting_time").formula is None
