"""Profiles: as many requests as asked for, when they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.transients import diurnal, pulse, ramp, visitors


@pytest.mark.parametrize("shape", ["bell", "burst", "news"])
def test_a_crowd_is_as_large_as_it_is(shape: str) -> None:
    crowd = pulse(1e5, 300.0, shape=shape, base=50.0)  # type: ignore[arg-type]
    alone = qm.Profile(crowd.times, crowd.rates - 50.0)
    assert alone.total == pytest.approx(1e5)
    fine = np.linspace(0, crowd.times[-1], 40_001)
    grown = np.cumsum(alone.rate(fine)) / alone.rate(fine).sum()
    span = np.interp(0.975, grown, fine) - np.interp(0.025, grown, fine)
    if shape == "burst":
        span = np.interp(0.95, grown, fine) - 450.0
    assert span == pytest.approx(300.0, rel=0.02)


def test_sums_scales_and_visitors() -> None:
    day = diurnal(100.0, swing=0.5)
    both = day + pulse(1e4, 60.0, at=40_000.0)
    assert both.total == pytest.approx(day.total + 1e4, rel=1e-6)
    assert (2 * day).total == pytest.approx(2 * day.total)
    assert day.total == pytest.approx(100.0 * 86_400, rel=1e-6)
    people = pulse(1000, 60.0)
    load = visitors(people, pages=2.5, requests=4, pause=30.0)
    assert load.total == pytest.approx(10_000)
    assert load.times[-1] > people.times[-1]


def test_bad_input() -> None:
    with pytest.raises(qm.DomainError, match="shape must be 'bell', 'burst' or 'news'"):
        pulse(1e3, 60.0, shape="bel")  # type: ignore[arg-type]
    with pytest.raises(qm.DomainError, match="requests"):
        pulse(-1.0, 60.0)
    with pytest.raises(qm.DomainError, match="until must be after the ramp"):
        ramp(1.0, 2.0, start=10.0, over=5.0, until=12.0)
    with pytest.raises(qm.DomainError, match="outside 0 to"):
        pulse(1e3, 60.0, at=1e6, until=100.0)


@pytest.mark.parametrize("name", ["within", "until"])
@pytest.mark.parametrize("time", [np.nan, np.inf, 1e-308, 5e-324])
def test_a_time_of_a_crowd_has_a_rate(name, time):
    with pytest.raises(qm.DomainError, match=f"{name} must be a time from"):
        qm.transients.pulse(**{"requests": 100.0, "within": 60.0, name: time})
