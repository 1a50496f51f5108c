"""M/E_k/1 and M/H2/1 in closed form, against the inversion that M/G/1 uses for all laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential


def erlang_wait(load: float, phases: int, t: Any) -> Any:
    """Return P(Tq > t) of M/E_k/1 with service 1, by its k poles (theory.md 2.3)."""
    r = float(phases)
    w = np.exp(2j * np.pi * np.arange(phases) / phases)
    y = np.where(np.arange(phases) == 0, 0.0, w / 2)
    for _ in range(400):
        y = w * (load / (load + r - r * y)) ** (1 / phases)
    for _ in range(3):
        f = y**phases * (load + r - r * y) - load
        slope = phases * y ** (phases - 1) * (load + r - r * y) - r * y**phases
        y = y - f / slope
    z = r * (y - 1)
    others = np.array([np.prod(np.delete(zi - z, i)) for i, zi in enumerate(z)])
    residue = (1 - load) * (z + r) ** phases / others
    return (-(residue / z) * np.exp(z * np.asarray(t)[..., None])).sum(axis=-1).real


def hyperexponential_wait(load: float, law: Any, t: Any) -> Any:
    """Return P(Tq > t) of M/H2/1 with service 1, by its two poles (theory.md 2.4)."""
    mu1, mu2 = (1 / m for m in law.means)
    b, c = mu1 + mu2 - load, mu1 * mu2 * (1 - load)
    z1 = 2 * c / (b + np.sqrt(b * b - 4 * c))
    z2 = (b + np.sqrt(b * b - 4 * c)) / 2
    wait = qm.MG1(law).solve(load).waiting_time
    a1 = (wait - load / z2) / (1 / z1 - 1 / z2)
    return a1 * np.exp(-z1 * t) + (load - a1) * np.exp(-z2 * t)


T = np.array([1e-3, 0.3, 1.0, 4.0, 15.0])


@pytest.mark.parametrize("load", [0.3, 0.8, 0.99])
@pytest.mark.parametrize("phases", [1, 2, 3, 4, 8, 25])
def test_erlang_service(load: float, phases: int) -> None:
    wait = qm.MG1(qm.Erlang(1.0, phases)).solve(load).wait
    error = 2e-12 if phases <= 4 else 1e-8
    np.testing.assert_allclose(wait.tail(T), erlang_wait(load, phases, T), atol=error)


def test_published_tail() -> None:
    # theory.md 2.1 and 13: M/E2/1 at load .8.
    assert erlang_wait(0.8, 2, 20.0) == pytest.approx(0.00347251698, rel=1e-8)
    assert erlang_wait(0.8, 2, 6.0) == pytest.approx(0.1594580463, rel=1e-9)


@pytest.mark.parametrize("load", [0.1, 0.8, 0.999])
@pytest.mark.parametrize("scv", [1.5, 4.0, 60.0])
def test_hyperexponential_service(load: float, scv: float) -> None:
    law = balanced_hyperexponential(1.0, scv)
    wait = qm.MG1(law).solve(load).wait
    expected = hyperexponential_wait(load, law, T)
    np.testing.assert_allclose(wait.tail(T), expected, atol=2e-12)
    p = 1 - expected[3]
    assert wait.quantile(p) == pytest.approx(T[3], rel=1e-8)
