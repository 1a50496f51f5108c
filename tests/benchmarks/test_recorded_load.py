"""A recorded load over time against each of its rows as a steady state."""

import numpy as np
import pandas as pd
import pytest

import qmodel as qm
from qmodel.distributions import percentiles
from qmodel.recorded_load import replay

pytestmark = pytest.mark.benchmark

ROWS = 125_300
PEAKS = [(9, 1.22), (5, 1.06), (37, 1.29), (2, 1.01), (59, 1.24), (3, 1.03), (24, 1.32)]
"""Minutes in which more comes than can be served, and how much more at most."""


def recorded(limit):
    """Return 87 days of whole requests a minute, with the crowds of some football matches."""
    rng, minute = np.random.default_rng(98), np.arange(ROWS)
    grows = np.exp(2.5 * minute / ROWS - 4.6)
    rate = limit * grows * (1 + 0.7 * np.sin(2 * np.pi * minute / 1440))
    for number, (length, most) in enumerate(PEAKS):
        # A parabola, above the limit for so long; it rises and falls within three hours.
        middle = 80_000 + 1440 * 2 * number
        away = np.abs(minute - middle) / (length / 2)
        fades = 0.95 * np.exp((1 - away) * length / 120)
        crowd = np.where(away < 1, most - (most - 1) * away**2, fades)
        rate = np.maximum(rate, limit * np.where(away * length < 180, crowd, 0.0))
    rate *= 1 + 0.02 * rng.standard_normal(ROWS)
    counts = rng.poisson(60 * np.maximum(rate, 0.0))
    return pd.DataFrame({"time": 60.0 * minute, "arrival_rate": counts / 60})


def test_replay_over_time(interleaved):
    model = qm.web.typical_pipeline()
    load = recorded(float(model.max_rate))

    def play(dynamic):
        return replay(model, load, percentiles=(0.5, 0.95, 0.99), dynamic=dynamic)

    over = play(dynamic=True)
    full = load["arrival_rate"] > float(model.max_rate)
    most = over["backlog"].max()
    print(f"\n{full.sum()} of {ROWS:,} minutes in overload, backlog up to {most:,.0f}")
    assert 100 < full.sum() < 250
    assert np.isfinite(over["p99"]).all()

    def each_alone():
        # No percentile begins at its neighbours', as none of a minute by itself can.
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(percentiles, "_MANY", ROWS)
            return play(dynamic=False)

    r = interleaved(lambda: play(dynamic=True), each_alone, rounds=3)
    print(f"{ROWS:,} minutes over time: {r} times each as a steady state, limit 3")
    assert r.median <= 3.0
