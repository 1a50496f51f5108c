"""The wait behind those that are found: its stages, and what is left of the first."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.networks.held.counts import Place
from qmodel.networks.held.found_wait import FoundWait
from qmodel.networks.held.times import mean_met, stages

MET = np.array([0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("scv", [0.0, 0.25, 1.0, 4.0])
def test_moments_are_those_of_the_transform(scv: float) -> None:
    wait = FoundWait.of(MET, 1, 50.0, scv, 1.7, 0.6)
    points = np.exp(2j * np.pi * np.arange(32) / 32)
    logs = np.log([wait.laplace(2.0 * z) for z in points])
    cumulants = [(-1) ** k * (logs * points**-k).mean().real / 2.0**k for k in (1, 2, 3)]
    known = [wait.mean, wait.variance / 2, wait.third_cumulant / 6]
    assert known == pytest.approx(cumulants, rel=1e-9)
    assert wait.atom == pytest.approx(0.4)


def test_exponential_stages_of_several_servers() -> None:
    """Two servers: who finds two waits for one of them, an exponential time."""
    wait = FoundWait.of(MET, 2, 2 / 0.02)
    t = np.array([0.0, 0.005, 0.02, 0.1])
    x = t * 100.0
    tail = (0.2 + 0.1) * np.exp(-x) + 0.1 * x * np.exp(-x)
    assert wait.tail(t) == pytest.approx(tail, abs=1e-9)


@pytest.mark.parametrize("service", [qm.LogNormal(0.02, scv=4.0), qm.Gamma(0.02, 0.25)])
def test_what_is_left_of_a_service_is_its_residual(service: qm.Distribution) -> None:
    """One server: the mean of what is found is that of M/G/1, if one finds what it has."""
    place = Place(1.0, 0.02, 1, service=service)
    between, left, its_scv = stages(place)
    assert between == pytest.approx(service.scv)
    # E[S^2] / 2 E[S]^2, and E[S^3] / 3 E[S] of the second moment.
    square = service.variance + service.mean**2
    cube = service.third_cumulant + 3 * service.mean * square - 2 * service.mean**3
    assert left * 0.02 == pytest.approx(square / 2 / 0.02)
    assert (its_scv + 1) * (left * 0.02) ** 2 == pytest.approx(cube / 3 / 0.02)
    one = np.array([0.0, 1.0])
    assert mean_met(place, one, left) == pytest.approx(0.02 + square / 2 / 0.02)


def test_a_service_without_a_variance_has_exponential_stages() -> None:
    assert stages(Place(1.0, 0.02, 1, service=qm.Pareto(0.02, shape=1.5))) == (1.0, 1.0, 1.0)
