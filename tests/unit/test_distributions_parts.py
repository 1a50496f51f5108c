"""The parts of a time: what each weighs, and what is made of it keeps its tail."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import (
    Distribution,
    Maximum,
    Minimum,
    Mixture,
    Repeated,
    Scaled,
    Shifted,
    Sum,
)
from qmodel.distributions.constants import NEVER
from qmodel.distributions.truncated import within

WAITS: dict[str, Distribution] = {
    "lognormal": qm.MG1(qm.LogNormal(1.0, 4.0)).solve(0.5).wait,
    "two times": qm.MG1(qm.Mixture((0.7, 0.3), [qm.Deterministic(0.5), qm.Deterministic(2.0)]))
    .solve(0.5)
    .wait,
    "constant": qm.MDc(1.0, 2).solve(1.2).wait,
}  # type: ignore[dict-item]
NOTHING = qm.Deterministic(0.0)
LATE = Sum([qm.Gamma(1.0, 0.5), qm.Exponential(0.2)])
MADE = {
    "as it is": lambda w: w,
    "scaled": lambda w: Scaled(w, 1.1),
    "shifted": lambda w: Shifted(w, 0.2),
    "repeated": lambda w: Repeated(w, 2),
    "scaled twice over": lambda w: Repeated(Scaled(w, 1.1), 2),
    "scaled sum": lambda w: Scaled(Sum([w, qm.Exponential(0.3)]), 0.8),
    "scaled mixture": lambda w: Scaled(Mixture((0.4, 0.6), [w, NOTHING]), 0.8),
}
TIMES = np.array([0.1, 1.0, 8.0])


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("wait", WAITS)
def test_parts_weigh_what_they_are(wait: str, made: str) -> None:
    parts = MADE[made](WAITS[wait]).parts()
    assert sum(float(part.mass) for part in parts) == pytest.approx(1.0, rel=1e-12)
    for part in parts:
        assert float(part.distribution.mass) == pytest.approx(float(part.mass), rel=1e-12)


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("wait", WAITS)
def test_a_mixture_with_nothing_has_its_share_of_the_tail(wait: str, made: str) -> None:
    """Behind streams that are not Poisson a wait is scaled, and fewer or more have one."""
    time = MADE[made](WAITS[wait])
    mixture = Mixture((0.6, 0.4), [time, NOTHING])
    assert mixture.tail(TIMES) == pytest.approx(0.6 * np.asarray(time.tail(TIMES)), rel=1e-6)


def test_a_station_behind_another_has_the_percentiles_of_its_mean() -> None:
    """Of lognormal service the wait behind arrivals that are not Poisson once had no end."""
    station = qm.MG1(qm.LogNormal(1.0, 4.0))
    for scv in (0.7, 1.3):
        behind = station.solve_at([qm.Stream(0.5, scv=scv)], None)  # type: ignore[arg-type]
        t = np.geomspace(1e-3, 300.0, 250)
        tail = np.asarray(behind.response.tail(t))
        mean = t[0] + np.trapezoid(tail, t)
        assert mean == pytest.approx(float(behind.response_time), rel=2e-3)


@pytest.mark.parametrize("rate", [0.6, 1.2, 1.75, 2.8])
def test_moments_within_a_deadline_see_where_a_tail_jumps(rate: float) -> None:
    """Nobody takes less than the constant service, which most take and no more."""
    time = qm.MDc(1.0, 4).solve(rate).response
    in_time = within(time, 20.0)
    assert float(in_time.mean) == pytest.approx(float(time.mean), rel=2e-5)
    assert float(in_time.variance) == pytest.approx(float(time.variance), rel=1e-3)
    plain = qm.distributions.Truncated(time, 20.0)
    assert float(plain.mean) == pytest.approx(float(time.mean), rel=2e-5)


def test_what_is_scaled_starts_as_much_later() -> None:
    slow = Scaled(Shifted(qm.Exponential(0.02), 0.05), 3.0)
    whole = Sum([slow, qm.MG1(qm.Uniform(0.0, 0.2)).solve(2.0).response])
    plain = Sum([qm.Deterministic(0.15), qm.Exponential(0.06), whole.distributions[1]])
    t = np.array([0.0, 0.1, 0.149, 0.2, 0.5])
    assert whole.tail(t) == pytest.approx(plain.tail(t), abs=1e-9)
    assert float(whole.tail(0.149)) == 1.0


def test_where_a_deadline_ends_a_time_sums_of_it_jump() -> None:
    """The tail at 4 s was off by .01, and p99.9 was above what no sum exceeds."""
    first = Minimum([qm.Exponential(1.0), qm.Deterministic(2.0)])
    twice, a = Sum([first, first]), np.exp(-2.0)
    assert sum(part.mass for part in first.parts()) == pytest.approx(1.0, rel=1e-15)
    assert float(twice.quantile(0.99)) == pytest.approx(4.0, abs=1e-3)
    t = np.array([2.01, 3.99, 4.0, 4.01])
    # Both end before: of the first the times that leave the second less than 2 s, and others.
    early = np.exp(2 - t)
    both = early - a - (4 - t) * np.exp(-t) + (1 - a) * (1 - early)
    one = 2 * a * (1 - np.minimum(early, 1.0))
    right = np.where(t < 4, 1 - both - one, 0.0)
    assert twice.tail(t) == pytest.approx(right, abs=5e-5)
    assert (np.abs(twice.tail(t) - right) <= 1.05 * np.asarray(twice.tail_error(t))).all()


def test_jumps_at_one_time_are_one_jump() -> None:
    """In the first of two cells the deadline is another's constant time."""
    one, late = qm.Deterministic(1.0), qm.Deterministic(3.0)
    deadline = Mixture([0.5, 0.5], [qm.Deterministic(np.array([1.0, 2.0])), one])
    rest, jump = Maximum([one, deadline, qm.Uniform(0.0, 4.0)]).parts()
    assert rest.distribution.atom == pytest.approx([0.25, 0.125])
    assert jump.mass == pytest.approx([0.0, 0.25])
    first = Minimum([deadline, qm.Exponential(1.0), Mixture([0.5, 0.5], [one, late])])
    rest, own, other, last = first.parts()
    assert rest.mass + own.mass + other.mass == pytest.approx([1.0, 1.0], rel=1e-15)
    assert own.mass == pytest.approx([np.exp(-1.0), 0.25 * np.exp(-2.0)])
    assert other.mass == pytest.approx([0.0, 0.75 * np.exp(-1.0)])
    assert not np.any(last.mass)


def test_beside_one_that_ends_what_never_does_is_late_for_sure() -> None:
    t = np.array([3.0, 3.0])
    never = Repeated(Mixture([np.array([1.0, 0.0]), np.array([0.0, 1.0])], [LATE, NEVER]), 2)
    for time in (never, Sum([qm.Gamma(1.0, 2.0), never])):
        assert np.asarray(time.defect).tolist() == [0.0, 1.0]
        assert float(np.asarray(time.tail(t))[1]) == 1.0
