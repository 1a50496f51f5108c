"""Where two models change places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.planning.crossing import crossing

FAST, POOL = qm.MMc(0.010), qm.MMc(0.030, servers=4)


def by_bisection(
    a: qm.Station, b: qm.Station, p: float | None, low: float, high: float
) -> float:
    def gap(rate: float) -> float:
        first, second = (m.solve(rate).response for m in (a, b))
        if p is None:
            return float(first.mean - second.mean)
        return float(first.quantile(p) - second.quantile(p))

    return float(optimize.brentq(gap, low, high, xtol=1e-12))


@pytest.mark.parametrize(("quantity", "p"), [("mean", None), ("p99", 0.99), ("p50", 0.5)])
def test_the_load_is_where_both_are_equal(quantity: str, p: float | None) -> None:
    r = crossing(FAST, POOL, quantity, names=("fast", "pool"))
    expected = by_bisection(FAST, POOL, p, 1.0, 99.0)
    assert r.rates == pytest.approx([expected], rel=2e-7)
    assert r.idle == "fast"
    assert [r.better(x) for x in (expected * 0.99, expected * 1.01)] == ["fast", "pool"]
    assert r.basis == "exact"


def test_by_hand() -> None:
    """M/M/1 of 1/10 and a delay of 1/4: equal where 10 - x = 4."""
    r = crossing(qm.MMc(0.1), qm.Delay(qm.Exponential(0.25)), "mean")
    assert r.rates == pytest.approx([6.0], rel=1e-7)
    assert (r.saturation, r.max_rates[1]) == (pytest.approx(10.0), math.inf)
    assert r.better([5.9, 6.1, 50.0]).tolist() == ["first", "second", "second"]


def test_beyond_both_nothing_is_better() -> None:
    r = crossing(FAST, POOL, names=("fast", "pool"))
    assert r.better(100.0) == "pool"
    assert r.better(134.0) == ""
    assert r.saturation == pytest.approx(100.0)


def test_equal_models_never_cross() -> None:
    r = crossing(FAST, qm.MMc(0.010))
    assert r.rates.size == 0
    assert r.idle == r.better(50.0) == ""
    assert str(r) == "first and second have the same p99"


def test_one_is_better_throughout() -> None:
    r = crossing(FAST, qm.MMc(0.02), "mean", names=("fast", "slow"))
    assert r.rates.size == 0
    assert str(r) == "lower mean: fast up to 50/s; slow saturates at 50/s"


def test_two_changes() -> None:
    """Many slow servers stay level until they are full; queues in a row rise from the start."""
    level = qm.MMc(0.24, servers=32)
    queues = [qm.call(str(i), qm.MMc(1 / 140)) for i in range(5)]
    rising = qm.Pipeline(qm.series(qm.call("d", qm.Delay(0.18)), *queues))

    def gap(rate: float) -> float:
        return float(level.solve(rate).response_time) - 0.18 - 5 / (140 - rate)

    r = crossing(level, rising, "mean", names=("level", "rising"))
    found = [optimize.brentq(gap, 0.0, 110.0), optimize.brentq(gap, 110.0, 133.3)]
    assert r.rates == pytest.approx(found, rel=2e-7)
    assert [r.better(x) for x in (10.0, 110.0, 133.0)] == ["rising", "level", "rising"]
    assert str(r).startswith("lower mean: rising up to ")
    assert str(r).endswith("then rising; level saturates at 133/s")


def test_cells_are_solved_as_alone() -> None:
    times, delays = np.array([0.02, 0.03, 0.2]), np.array([[0.0], [0.004]])
    pool = qm.Pipeline(
        qm.series(qm.call("d", qm.Delay(delays)), qm.call("q", qm.MMc(times, servers=4)))
    )
    r = crossing(FAST, pool, "mean")
    assert r.rates.shape == (1, 2, 3)
    for i, d in enumerate(delays.ravel()):
        for j, s in enumerate(times):
            path = qm.series(qm.call("d", qm.Delay(d)), qm.call("q", qm.MMc(s, servers=4)))
            alone = crossing(FAST, qm.Pipeline(path), "mean")
            found = r.rates[:, i, j]
            assert found[~np.isnan(found)] == pytest.approx(alone.rates, rel=2e-7)
            assert r.idle[i, j] == alone.idle
            for rate in (5.0, 19.0, 60.0, 99.0, 120.0):
                assert r.better(rate)[i, j] == alone.better(rate)


def test_kinds_and_limits() -> None:
    def site(pool: float) -> qm.Pipeline:
        page, order = qm.call("page", qm.MMc(0.01)), qm.call("order", qm.MMc(pool, servers=4))
        return qm.Pipeline({"page": (0.5, page), "order": (0.5, order)})

    r = crossing(site(0.01), site(0.02), "p99", kind="order")
    assert (r.idle, r.rates.size) == ("first", 0)
    assert crossing(site(0.01), site(0.02), "p99", kind="page").idle == ""
    delays = qm.Delay(0.1), qm.Delay(0.2)
    assert crossing(*delays, up_to=10.0).idle == "first"
    with pytest.raises(ModelError, match="neither model saturates"):
        crossing(*delays)


def test_the_end_of_a_comparison_is_no_saturation() -> None:
    r = crossing(FAST, POOL, "mean", up_to=50.0)
    assert (r.better(40.0), r.better(60.0)) == ("first", "")
    assert "saturates" not in str(r)


def test_what_is_refused() -> None:
    with pytest.raises(ModelError, match="second must be a Pipeline or a Station"):
        crossing(FAST, 3)  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="unknown quantity 'p'"):
        crossing(FAST, POOL, "p")
    with pytest.raises(DomainError, match="up_to must be a number > 0"):
        crossing(FAST, POOL, up_to=0.0)
    with pytest.raises(ModelError, match="a station has no parts"):
        crossing(FAST, POOL, kind="page")


def test_the_noise_of_inverted_distributions_is_no_difference() -> None:
    steps = [
        qm.call(n, qm.MMc(s, servers=2)) for n, s in (("a", 0.01), ("b", 0.02), ("c", 0.013))
    ]
    one, other = qm.Pipeline(qm.series(*steps)), qm.Pipeline(qm.series(*reversed(steps)))
    rates = np.linspace(1.0, 90.0, 40)
    p99, same = (m.solve(rates).latency.quantile(0.99) for m in (one, other))
    assert (p99 != same).any()
    r = crossing(one, other)
    assert (r.idle, r.rates.size) == ("", 0)


def test_names_are_two_and_unknown_models_are_no_tie() -> None:
    for names in (("a",), ("a", "a")):
        with pytest.raises(ModelError, match="names must be two different ones"):
            crossing(FAST, POOL, names=names)  # type: ignore[arg-type]
    assert "unknown" in str(crossing(FAST, qm.MMc(np.nan)))


def test_losses_and_goodput() -> None:
    # Many slow servers without a queue against few with one: who refuses less?
    few, many = qm.MMcK(0.05, servers=2, capacity=40), qm.MGcc(qm.Exponential(0.2), 9)
    found = crossing(few, many, "loss", up_to=200.0, names=("queue", "no queue"))
    (at,) = found.rates
    lost = [float(model.solve(at).loss) for model in (few, many)]
    assert lost[0] == pytest.approx(lost[1], rel=1e-5)
    assert found.better([0.5 * at, 1.5 * at]).tolist() == ["queue", "no queue"]
    served = crossing(few, many, "goodput", up_to=200.0, names=("queue", "no queue"))
    assert served.rates == pytest.approx(found.rates, rel=1e-4)
    assert "higher goodput: queue up to" in str(served)
