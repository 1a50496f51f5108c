"""Phases for the service inside a pool: from one to as many as a chain has room for.

Service of phase type is taken as it is. Other service above an SCV of 1 has the two phases of
balanced means, or the phases that imitate its residual (`qmodel.distributions.fit_phases`);
below 1 it has k in a row (`qmodel.distributions.few_phases`), of the SCV itself if that is at
least 1/k, else of 1/k. Each of these is a step of a ladder, the first of which is exponential
service.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.few_phases import balanced, erlangs
from qmodel.distributions.fit_phases import fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.networks.held.phases import EXPONENTIAL

__all__ = ["Ladder", "ladder", "of_delay", "of_moments"]

_MOST = 4
"""Phases up to which service is written out."""
_OF_DELAY = 3
_NEAR = 1e-9


class Ladder(NamedTuple):
    """Distributions of mean 1 of ever more phases, and what they lead to."""

    steps: tuple[PhaseType, ...]
    scv: float
    """SCV of the service itself. [-]"""
    exact: bool
    """Whether the last step is the service itself."""


@lru_cache(maxsize=1024)
def of_moments(scv: float, most: int = _MOST) -> Ladder:
    """Return the steps to a distribution with an SCV, of at most `most` phases.

    Examples
    --------
    >>> [step.initial.size for step in of_moments(0.3).steps], of_moments(4.0).steps[-1].scv
    ([1, 2, 3, 4], 4.0)
    """
    if abs(scv - 1) < _NEAR:
        return Ladder((EXPONENTIAL,), 1.0, False)
    if scv > 1:
        return Ladder((EXPONENTIAL, PhaseType(*balanced(scv))), scv, False)
    steps = [EXPONENTIAL]
    for k in range(2, most + 1):
        steps.append(PhaseType(*erlangs(scv, k)))
        if scv >= 1 / k:
            break
    return Ladder(tuple(steps), scv, False)


def ladder(service: Distribution) -> Ladder | None:
    """Return the steps to a service whose parameters are numbers; None if none is like it."""
    found = _known(service, _MOST)
    if found is None or found.exact or found.scv <= 1 + _NEAR:
        return found
    fitted = fit_phases(service, 3).distribution
    unit = PhaseType(fitted.initial, fitted.generator * float(fitted.mean))
    return found._replace(steps=(*found.steps, unit))


def of_delay(time: Distribution) -> Ladder | None:
    """Return the steps to a time at which nobody waits, whose shape counts for less."""
    return _known(time, _OF_DELAY)


def _known(time: Distribution, most: int) -> Ladder | None:
    scv, exact = float(time.scv), phases_of(time)
    if not np.isfinite(scv):
        return None
    found = of_moments(scv, most)
    if exact is None or exact.initial.size > most:
        return found
    unit = PhaseType(exact.initial, exact.generator * float(time.mean))
    fewer = (step for step in found.steps if step.initial.size < unit.initial.size)
    return Ladder((*fewer, unit), scv, True)
