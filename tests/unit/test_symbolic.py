"""Formulas of stations and of the typical pipeline: solved, differentiated, expanded."""

import subprocess
import sys

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel import symbolic as sy
from qmodel.errors import DomainError, ModelError
from qmodel.queues import mg1, mmc
from qmodel.web import typical_microservices, typical_pipeline

LAM, S, C, H, T = sy.arrival_rate, sy.service_time, sy.servers, sy.hit_ratio, sy.target
SITE = typical_pipeline(hit_ratio=H, workers="free")
MEAN = SITE.solve(LAM).latency.mean


def test_importing_qmodel_does_not_import_sympy():
    code = "import sys, qmodel; assert 'sympy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_symbol_is_positive():
    found = [x for x in vars(sy).values() if isinstance(x, sp.Symbol)]
    assert len(found) == len(set(found)) == 9
    assert all(x.is_positive for x in found)
    assert C.is_integer


# The typical pipeline.


def numbers(rng):
    h = float(rng.uniform(0.05, 1.0))
    site = typical_pipeline(hit_ratio=h, workers="free")
    return site, {LAM: float(rng.uniform(0.01, 0.98) * site.max_rate), H: h}


@pytest.mark.thorough
def test_pipeline_in_numbers_is_the_pipeline_in_symbols():
    rng, result = np.random.default_rng(3), SITE.solve(LAM)
    for _ in range(20):
        site, at = numbers(rng)
        r = site.solve(at[LAM])
        assert sy.evaluate(MEAN, at) == pytest.approx(float(r.latency.mean), rel=1e-12)
        assert sy.evaluate(SITE.max_rate, at) == pytest.approx(float(site.max_rate), rel=1e-12)
        for name, count in r.visits.items():
            formula = result.visits[name]
            assert sy.evaluate(formula, at) == pytest.approx(float(count), rel=1e-12)
        for name, station in r.stations.items():
            formula = result.stations[name].response_time
            here = float(station.response_time)
            assert sy.evaluate(formula, at) == pytest.approx(here, rel=1e-12)


def test_formulas_of_the_pipeline_have_no_rounded_numbers():
    result = SITE.solve(LAM)
    for formula in (MEAN, SITE.max_rate, *result.visits.values(), result.goodput):
        assert not sp.sympify(formula).atoms(sp.Float)
    assert result.visits["database"] == 1 - sp.Rational(43, 50) * H
    assert result.goodput == LAM


def test_derivative_in_the_hit_ratio_is_the_slope_of_the_numbers():
    slope, at = sy.derivative(MEAN, H), {LAM: 2000.0, H: 0.8}
    step = 1e-5
    up, down = (
        typical_pipeline(hit_ratio=0.8 + d, workers="free").solve(2000.0) for d in (step, -step)
    )
    expected = float(up.latency.mean - down.latency.mean) / (2 * step)
    assert sy.evaluate(slope, at) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("load", [500.0, 2000.0, 3000.0])
def test_hit_ratio_that_a_target_needs(load):
    low = max(0.0, (1 - 1098.0 / load) / 0.86)  # where the database is stable
    needed = sy.root(MEAN, H, between=(low, 1.0), equals=0.0861, given={LAM: load})
    mean = typical_pipeline(hit_ratio=float(needed), workers="free").solve(load).latency.mean
    assert mean == pytest.approx(0.0861, rel=1e-11)


def test_hit_ratios_for_many_loads_at_once():
    loads = np.array([500.0, 1000.0, 2000.0, 3400.0])
    found = sy.root(MEAN, H, between=(0.7, 1.0), equals=0.0861, given={LAM: loads})
    assert np.isnan(found[3])  # beyond what the application carries
    assert (np.diff(found[:3]) > 0).all()  # more load needs a better cache
    one = sy.root(MEAN, H, between=(0.7, 1.0), equals=0.0861, given={LAM: 2000.0})
    assert found[2] == pytest.approx(one, rel=1e-12)


def test_microservices_have_visits_and_capacity_on_symbols():
    site = typical_microservices(hit_ratio=H, workers="free")
    assert site.visits["hop"] == 3
    at = {H: 0.4}
    expected = float(typical_microservices(hit_ratio=0.4, workers="free").max_rate)
    assert sy.evaluate(site.max_rate, at) == pytest.approx(expected, rel=1e-12)


def test_a_pipeline_of_all_kinds_of_step_solves_on_symbols():
    n, q = sp.Integer(3), sp.Symbol("q", positive=True)
    web, db = qm.call("web", qm.MMc(S, C)), qm.call("db", qm.MG1(qm.Gamma(S, sy.scv)))
    shared = qm.call("cpu", qm.MG1PS(qm.Exponential(S)))
    path = qm.series(
        # Behind general service symbols take arrivals as Poisson: it comes last.
        qm.repeat(n, web), qm.retry(shared, failure=q, attempts=2, pause=T),
        qm.branch((H, qm.call("net", qm.Delay(T))), (1 - H, qm.nothing())), db,
    )  # fmt: skip
    at = {LAM: 2.0, S: 0.1, C: 2, sy.scv: 2.0, q: 0.25, T: 0.3, H: 0.4}
    r = qm.Pipeline(path).solve(LAM)
    inner = qm.call("cpu", qm.MG1PS(qm.Exponential(0.1)))
    same = qm.Pipeline(
        qm.series(
            qm.repeat(3, qm.call("web", qm.MMc(0.1, 2))),
            qm.retry(inner, failure=0.25, attempts=2, pause=0.3),
            qm.branch((0.4, qm.call("net", qm.Delay(0.3))), (0.6, qm.nothing())),
            qm.call("db", qm.MG1(qm.Gamma(0.1, 2.0))),
        )
    ).solve(2.0)
    assert r.visits["web"] == 3
    for name, count in same.visits.items():
        assert sy.evaluate(r.visits[name], at) == pytest.approx(float(count), rel=1e-12)
        formula, here = r.stations[name].response_time, same.stations[name].response_time
        assert sy.evaluate(formula, at) == pytest.approx(float(here), rel=1e-12)


# What is asked of an expression.


def test_load_at_which_the_mean_wait_is_a_target():
    for servers in (1, 2):
        formula = mmc.waiting_time(LAM, S, servers=servers)
        (load,) = sy.solve_for(formula, LAM, equals=T)
        rate = float(load.subs({S: 0.2, T: 0.5}))
        assert mmc.waiting_time(rate, 0.2, servers=servers) == pytest.approx(0.5, rel=1e-12)
    assert sy.solve_for(sp.Eq(1 / (1 - sy.utilization), 5), sy.utilization) == (
        sp.Rational(4, 5),
    )


def test_root_agrees_with_the_closed_form():
    formula = mg1.waiting_time(LAM, S, scv=sy.scv)
    (closed,) = sy.solve_for(formula, LAM, equals=T)
    given = {S: np.array([0.1, 0.2]), sy.scv: np.array([[0.5], [4.0]]), T: 0.3}
    found = sy.root(formula, LAM, between=(0.0, 0.999999 / given[S]), equals=T, given=given)
    np.testing.assert_allclose(found, sy.evaluate(closed, given), rtol=1e-10)
    decreasing = sy.root(1 / S, S, between=(0.1, 5.0), equals=2)
    assert decreasing == pytest.approx(0.5, rel=1e-11)
    assert np.isnan(sy.root(S, S, between=(1.0, 2.0), equals=3))


def test_a_symbol_without_a_value_is_named():
    with pytest.raises(ModelError, match="no value for S, lambda"):
        sy.evaluate(LAM * S * H, {H: 0.5})


def test_elasticity_is_the_slope_of_the_logs():
    formula = mmc.waiting_time(LAM, S, servers=5)
    at = {S: 1.0, LAM: 4.0}
    up, down = (
        np.log(mmc.waiting_time(4.0 * np.exp(d), 1.0, servers=5)) for d in (1e-5, -1e-5)
    )
    expected = (up - down) / 2e-5
    assert sy.evaluate(sy.elasticity(formula, LAM), at) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("servers", [1, 2, 5])
def test_series_at_light_load(servers):
    formula = mmc.waiting_time(LAM, S, servers=servers)
    found = sy.series_light(formula, order=servers + 2)
    at = {LAM: 1e-4, S: 1.0}
    assert sy.evaluate(found, at) == pytest.approx(sy.evaluate(formula, at), rel=1e-3)
    first = S ** (servers + 1) * LAM**servers / (servers * sp.factorial(servers))
    assert sp.simplify(found.coeff(LAM, servers) * LAM**servers - first) == 0


@pytest.mark.parametrize("servers", [1, 2, 5])
@pytest.mark.parametrize("order", [1, 2])
def test_series_at_heavy_load(servers, order):
    found = sy.series_heavy(mmc.waiting_time(LAM, S, servers=C), limit=C / S, order=order)
    gap = 1e-3
    at = {LAM: servers - gap, S: 1.0, C: servers}
    error = sy.evaluate(found, at) - mmc.waiting_time(servers - gap, 1.0, servers=servers)
    assert abs(error) < 0.3 * gap**order


@pytest.mark.thorough
def test_series_at_heavy_load_of_a_whole_pipeline():
    one = sp.Rational(1, 50)
    web, lookup = qm.call("web", qm.MMc(one, 2)), qm.call("cache", qm.MMc(one / 50))
    miss = qm.call("db", qm.MMc(2 * one, 3))
    site = qm.Pipeline(qm.series(web, qm.cached(sp.Rational(1, 2), lookup=lookup, miss=miss)))
    formula = site.solve(LAM).latency.mean
    found = sy.series_heavy(formula, limit=site.max_rate, order=1)
    at = {LAM: float(site.max_rate) - 1e-3}
    assert sy.evaluate(found, at) == pytest.approx(sy.evaluate(formula, at), rel=1e-6)


def test_nothing_is_simplified():
    formula = (sy.utilization**2 - 1) / (sy.utilization - 1)
    assert sy.derivative(formula * 1, LAM) == 0
    assert sy.latex(formula) == r"\frac{\rho^{2} - 1}{\rho - 1}"


# Text is never executed, whichever argument brings it.

SYMBOL = sp.Symbol("y")


def bad_calls(bad):
    mean = 1 / (1 - SYMBOL)
    yield lambda: sy.evaluate(bad, {})
    yield lambda: sy.evaluate(mean, {SYMBOL: bad})
    yield lambda: sy.evaluate(mean, {bad: 1.0})
    yield lambda: sy.evaluate(mean, bad)
    yield lambda: sy.root(bad, SYMBOL, between=(0.0, 1.0))
    yield lambda: sy.root(mean, bad, between=(0.0, 1.0))
    yield lambda: sy.root(mean, SYMBOL, between=(0.0, bad))
    yield lambda: sy.root(mean, SYMBOL, between=bad)
    yield lambda: sy.root(mean, SYMBOL, between=(0.0, 1.0), equals=bad)
    yield lambda: sy.solve_for(bad, SYMBOL)
    yield lambda: sy.solve_for(mean, bad)
    yield lambda: sy.solve_for(mean, SYMBOL, equals=bad)
    yield lambda: sy.derivative(bad, SYMBOL)
    yield lambda: sy.derivative(mean, bad)
    yield lambda: sy.derivative(mean, SYMBOL, bad)
    yield lambda: sy.elasticity(bad, SYMBOL)
    yield lambda: sy.series_light(bad, SYMBOL)
    yield lambda: sy.series_heavy(bad, 1, SYMBOL)
    yield lambda: sy.series_heavy(mean, bad, SYMBOL)
    yield lambda: sy.latex(bad)
    yield lambda: qm.MMc(bad).solve(SYMBOL)
    yield lambda: qm.namespace(SYMBOL).asarray(bad)
    yield lambda: qm.namespace(SYMBOL).exact(bad)


def test_text_is_never_executed(tmp_path):
    written = tmp_path / "x"
    text = f"__import__('pathlib').Path({str(written)!r}).write_text('y')"
    for bad_call in bad_calls(text):
        with pytest.raises((DomainError, sp.SympifyError)):
            bad_call()
        assert not written.exists()


def test_what_is_no_expression_is_named():
    with pytest.raises(DomainError, match="expression must be a SymPy expression, got 'x'; te"):
        sy.evaluate("x", {})
    with pytest.raises(DomainError, match="symbol must be a SymPy symbol, got 3"):
        sy.derivative(SYMBOL, 3)
    with pytest.raises(DomainError, match=r"values\[y\] must be a number .*, got 1j"):
        sy.evaluate(SYMBOL, {SYMBOL: 1j})
    with pytest.raises(DomainError, match="must have a shape that broadcasts"):
        sy.evaluate(SYMBOL + LAM, {SYMBOL: np.ones(2), LAM: np.ones(3)})


def test_a_load_beside_symbols_is_known():
    site = qm.Pipeline(qm.call("db", qm.MMc(sp.Symbol("S", positive=True), servers=2)))
    for unknown in (np.nan, np.inf):
        with pytest.raises(
            qm.DomainError, match="arrival_rate must be known where symbols are"
        ):
            site.solve(unknown)
