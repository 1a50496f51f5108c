"""Elasticities and intervals, against closed forms and published figures."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

import qmodel as qm

TIMES, SERVERS = (0.01, 0.02, 0.03, 0.015), (4, 8, 12, 6)
STEPS = [
    qm.call(f"s{i + 1}", qm.MMc(time, servers=count))
    for i, (time, count) in enumerate(zip(TIMES, SERVERS, strict=True))
]
PATH = qm.Pipeline(qm.series(*STEPS))
SPREAD = [*(f"s{i}.service_time" for i in range(1, 5)), "arrival_rate"]


def test_closed_forms_of_mm1() -> None:
    # T = S / (1 - lambda S): elasticity 1 / (1 - rho) by S, rho / (1 - rho) by lambda.
    for rate in (1.0, 50.0, 99.0):
        rho = rate * 0.01
        found = qm.sensitivity(qm.MMc(0.01), rate, quantities=("mean", "p95 wait", "p99"))
        for quantity in ("mean", "p99"):
            by = found.elasticities[quantity]
            assert by["service_time"] == pytest.approx(1 / (1 - rho), rel=1e-9)
            assert by["arrival_rate"] == pytest.approx(rho / (1 - rho), rel=1e-9)
        assert found.elasticities["capacity"]["service_time"] == pytest.approx(-1, rel=1e-9)
        assert found.elasticities["capacity"]["arrival_rate"] == pytest.approx(0, abs=1e-9)
        # One more server halves the load: what the arc from one to two says.
        two, one = qm.MMc(0.01, 2).solve(rate), qm.MMc(0.01).solve(rate)
        arc = math.log(two.response_time / one.response_time) / math.log(2)
        assert found.elasticities["mean"]["servers"] == pytest.approx(arc, rel=1e-12)


# Implicit derivatives of an independent inversion of the transforms.
GOLDEN = {
    240.0: (0.2075, [0.13, 0.27, 0.56, 0.18, 0.14]),
    280.0: (0.2152, [0.20, 0.33, 0.60, 0.25, 0.38]),
    320.0: (0.2365, [0.44, 0.54, 0.76, 0.48, 1.23]),
    340.0: (0.2633, [0.79, 0.87, 1.04, 0.82, 2.51]),
}


@pytest.mark.parametrize("rate", GOLDEN)
def test_elasticities_of_a_path(rate: float) -> None:
    p99, expected = GOLDEN[rate]
    found = qm.sensitivity(PATH, rate, over=SPREAD)
    assert found.values["p99"] == pytest.approx(p99, abs=6e-5)
    assert [found.elasticities["p99"][n] for n in SPREAD] == pytest.approx(expected, abs=6e-3)
    sizes = [abs(e) for e in found.elasticities["p99"].values()]
    assert sizes == sorted(sizes, reverse=True)


def test_elasticities_to_nine_digits() -> None:
    # Derivatives of the transforms, inverted by Talbot's rule with 40 digits of mpmath.
    exact = [
        0.44442354443649, 0.54405465516682, 0.76451110113244, 0.48162362225971, 1.2346129229955
    ]  # fmt: skip
    found = qm.sensitivity(PATH, 320.0, over=SPREAD)
    assert found.values["p99"] == pytest.approx(0.236464226300977, rel=1e-10)
    assert [found.elasticities["p99"][n] for n in SPREAD] == pytest.approx(exact, rel=1e-9)
    off = np.abs([found.elasticities["p99"][n] for n in SPREAD] - np.array(exact))
    assert off.max() <= found.errors["p99"] < 1e-6


def test_the_capacity_under_an_objective_without_a_search() -> None:
    # M/M/1: p99 is ln(100) / (1/S - C), so that C = 1/S - ln(100) / t.
    found = qm.sensitivity(qm.MMc(0.01), 20.0, "p99 < 100 ms")
    capacity = 100 - math.log(100) / 0.1
    assert found.values["capacity"] == pytest.approx(capacity, rel=1e-9)
    by = found.elasticities["capacity"]
    assert by["service_time"] == pytest.approx(-100 / capacity, rel=1e-9)
    assert by["arrival_rate"] == pytest.approx(0, abs=1e-12)
    assert found.errors["capacity"] < 1e-6
    # Where the model saturates before the objective is missed, it is the saturation.
    free = qm.sensitivity(qm.MMc(0.01), 20.0, "p99 < 1000 s")
    assert free.elasticities["capacity"]["service_time"] == pytest.approx(-1, rel=1e-4)


def test_the_capacity_near_saturation_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    # p99 < 20 s of M/M/1 holds up to 0.23 % below saturation.
    module = sys.modules["qmodel.planning._loaded"]
    searches = []
    monkeypatch.setattr(module, "capacity", lambda *a: searches.append(a) or qm.capacity(*a))
    found = qm.sensitivity(qm.MMc(0.01), 20.0, "p99 < 20 s", over=["service_time"])
    capacity = 100 - math.log(100) / 20
    assert len(searches) == 1
    assert found.elasticities["capacity"]["service_time"] == pytest.approx(
        -100 / capacity, rel=1e-8
    )
    assert found.errors["capacity"] < 1e-6


# Monte Carlo with 1,500 draws of an independent solver: 5 % and 95 % of the p99.
DRAWN = [
    (240.0, 0.05, 0.1978, 0.2208, 0.0),
    (280.0, 0.05, 0.2033, 0.2365, 0.0),
    (320.0, 0.05, 0.2157, 0.3423, 0.002),
    (280.0, 0.10, 0.1949, 0.4071, 0.021),
]


@pytest.mark.parametrize(("rate", "sd", "low", "high", "overload"), DRAWN)
def test_intervals_of_a_path(
    rate: float, sd: float, low: float, high: float, overload: float
) -> None:
    found = qm.uncertainty(PATH, rate, dict.fromkeys(SPREAD, sd), draws=3000)
    # Both have standard errors: of the published figures about 1 % below, 3 % and 6 % above.
    assert found.intervals["p99"][0] == pytest.approx(low, rel=0.01)
    assert found.intervals["p99"][2] == pytest.approx(high, rel=0.08)
    assert found.overload == pytest.approx(overload, abs=0.012)
    assert sum(found.shares.values()) == pytest.approx(1.0)


def test_intervals_where_they_are_known() -> None:
    # The mean of one delay is drawn as it is: lognormal.
    found = qm.uncertainty(qm.Delay(qm.Exponential(0.1)), 1.0, {"service.mean": 0.2})
    low, median, high = found.intervals["mean"]
    assert median == pytest.approx(0.1, rel=0.01)
    assert low == pytest.approx(0.1 * math.exp(-0.2 * 1.6449), rel=0.02)
    assert high == pytest.approx(0.1 * math.exp(0.2 * 1.6449), rel=0.02)
    assert found.overload == 0
    # The load of one server overloads it with a probability that is known.
    load = qm.uncertainty(qm.MMc(0.01), 90.0, {"arrival_rate": 0.1}, "mean < 50 ms")
    exact = 0.5 * math.erfc(math.log(100 / 90) / 0.1 / math.sqrt(2))
    assert load.overload == pytest.approx(exact, abs=4 * math.sqrt(exact / load.draws))
    met = 0.5 * math.erfc(math.log(90 / 80) / 0.1 / math.sqrt(2))
    assert load.met["mean < 50 ms"] == pytest.approx(met, abs=0.02)
    assert load.intervals["p99"][2] == math.inf
    assert "P(overload) 15 % at 90/s" in str(load)


def test_a_share_stays_a_share() -> None:
    db = qm.call("db", qm.MMc(0.01, servers=4))
    site = qm.Pipeline(qm.cached(0.95, lookup=qm.nothing(), miss=db, name="cache"))
    found = qm.uncertainty(site, 1000.0, {"cache.hit_ratio": 0.03}, draws=2000)
    drawn = found.samples["cache.hit_ratio"]
    assert 0.5 < drawn.min() < drawn.max() < 1
    assert np.median(drawn) == pytest.approx(0.95, abs=0.003)
    assert found.shares == {"cache.hit_ratio": pytest.approx(1.0)}
    # At the upper end of its domain the elasticity is that from below.
    full = site.replace({"cache.hit_ratio": 1.0})
    mean = qm.sensitivity(site.replace({"cache.hit_ratio": 0.9999}), 100.0, quantities=["mean"])
    assert mean.elasticities["mean"]["cache.hit_ratio"] == pytest.approx(-9999, rel=1e-5)
    assert full.solve(100.0).latency.mean == 0


def test_the_same_seed_gives_the_same_draws() -> None:
    first, second, other = (
        qm.uncertainty(qm.MMc(0.01), 50.0, {"service_time": 0.1}, draws=200, seed=seed)
        for seed in (1, np.random.default_rng(1), 2)
    )
    assert first.intervals == second.intervals
    assert first.intervals != other.intervals


def test_the_capacity_under_an_objective_and_the_next_bottleneck() -> None:
    web, db = qm.call("web", qm.MMc(0.01, 4)), qm.call("db", qm.MMc(0.02, 10))
    found = qm.sensitivity(qm.Pipeline(qm.series(web, db)), 200.0, "p99 < 150 ms")
    assert list(found.saturations.items()) == [
        ("web", pytest.approx(400.0)), ("db", pytest.approx(500.0)),
    ]  # fmt: skip
    assert "web saturates at 400/s, then db at 500/s" in str(found)
    by = found.elasticities["capacity"]

    def capacity(factor: float) -> float:
        path = qm.series(qm.call("web", qm.MMc(0.01 * factor, 4)), db)
        return float(qm.capacity(qm.Pipeline(path), "p99 < 150 ms"))

    slope = math.log(capacity(1.0001) / capacity(0.9999)) / math.log(1.0001 / 0.9999)
    assert by["web.service_time"] == pytest.approx(slope, rel=1e-4)
    frame = found.to_frame()
    assert frame["parameter"].tolist() == list(by)
    assert frame.loc[frame["parameter"] == "db.service_time", "value"].item() == 0.02


def test_shares_of_kinds_give_way_to_each_other() -> None:
    web, db = qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02))
    shop = qm.Pipeline({"read": (0.75, web), "write": (0.25, qm.series(web, db))})
    found = qm.sensitivity(shop, 40.0, quantities=["mean"])
    # T = W + p D(p), with the response D of a database at p times the load.
    w, share, rate = 1 / (100 - 40), 0.25, 40.0
    d = 1 / (50 - rate * share)
    slope = d + share * rate * d**2
    by = found.elasticities["mean"]
    assert by["write.share"] == pytest.approx(share * slope / (w + share * d), rel=1e-6)
    assert by["read.share"] == pytest.approx(-0.75 * slope / (w + share * d), rel=1e-6)


def test_what_is_refused() -> None:
    with pytest.raises(qm.ModelError, match="saturates at 400/s: nothing to differentiate"):
        qm.sensitivity(PATH, 400.0)
    with pytest.raises(qm.ModelError, match="arrays of its own"):
        qm.sensitivity(qm.MMc([0.01, 0.02]), 10.0)
    with pytest.raises(qm.ModelError, match=r"did you mean 's1\.servers'"):
        qm.sensitivity(PATH, 10.0, over=["s1.server"])
    gone = qm.Pipeline(qm.cached(0.0, lookup=qm.nothing(), miss=STEPS[0]))
    with pytest.raises(qm.ModelError, match=r"cache\.hit_ratio is 0\.0: percents are of what"):
        qm.sensitivity(gone, 10.0, over=["cache.hit_ratio"])
    with pytest.raises(qm.ModelError, match="at least one, such as 'p99'"):
        qm.sensitivity(PATH, 10.0, quantities=())
    with pytest.raises(qm.ModelError, match="is a whole number"):
        qm.uncertainty(PATH, 10.0, {"s1.servers": 0.1})
    with pytest.raises(qm.ModelError, match=r"did you mean 's1\.service_time'"):
        qm.uncertainty(PATH, 10.0, {"s1.service": 0.1})
    with pytest.raises(qm.DomainError, match=r"spreads: that of s1\.service_time must be"):
        qm.uncertainty(PATH, 10.0, {"s1.service_time": -0.1})
    with pytest.raises(qm.ModelError, match="spreads must map"):
        qm.uncertainty(PATH, 10.0, {})
    over = qm.uncertainty(PATH, 500.0, {"arrival_rate": 0.2}, draws=500)
    assert over.overload > 0.8
    assert math.isnan(over.shares["arrival_rate"])
    assert over.to_frame()["quantity"].tolist() == ["max_rate", "mean", "p99"]


def test_a_parameter_at_the_lower_end_of_its_domain_goes_up() -> None:
    # A backoff may not be below 1; a request that fails once pauses p, then p b, then p b^2.
    step = qm.retry(
        qm.call("app", qm.Delay(qm.Exponential(0.1))), attempts=4, failure=0.5, pause=0.2
    )
    found = qm.sensitivity(qm.Pipeline(step), 1.0, quantities=["mean"])
    # The mean is 0.1 (1 + f + f^2 + f^3) + 0.2 (f + f^2 b + f^3 b^2), at b = 1.
    slope = 0.2 * (0.25 + 2 * 0.125)
    mean = 0.1 * 1.875 + 0.2 * 0.875
    assert found.values["mean"] == pytest.approx(mean)
    assert found.elasticities["mean"]["retry.backoff"] == pytest.approx(slope / mean, rel=1e-6)
