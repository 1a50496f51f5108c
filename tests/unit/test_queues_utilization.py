"""The utilization of every kind of station: what comes, over what its servers can do."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.testing.kinds import STATIONS, Parts

PARTS = Parts(qm.Gamma(0.1, 2.0), servers=3, few=4)
WITHOUT_LOSS = [kind for kind, build in STATIONS.items() if not build(PARTS).loses]
SOURCES = ("FiniteSource",)
"""Of these the load is that of one idle client."""


@pytest.mark.parametrize("kind", [k for k in WITHOUT_LOSS if k not in SOURCES])
def test_utilization_is_the_load_of_a_server(kind: str) -> None:
    station = STATIONS[kind](PARTS)
    most = station.max_rate if np.isfinite(station.max_rate) else 20.0
    rates = np.array([0.3, 0.8]) * most
    r = station.solve(rates)
    # The busy share of the servers, whatever else is known of the station.
    np.testing.assert_allclose(
        r.utilization, rates / most if np.isfinite(station.max_rate) else 0.0, rtol=1e-9
    )
