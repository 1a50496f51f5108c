"""Times of holders who find so many others at a station: their means, and stages of a wait."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import Exponential
from qmodel.networks.held.counts import Place

__all__ = ["mean_met", "stages"]


def stages(place: Place) -> tuple[Any, Any, Any]:
    """Return the SCV of the time between two ends of service, and what of one is left.

    The latter by its mean over that of others, and its SCV: of several servers those of all.
    """
    if isinstance(place.service, Exponential):
        return 1.0, 1.0, 1.0
    scv, one = np.asarray(place.scv, dtype=float), np.equal(place.servers, 1)
    if place.service is None or not np.all(np.isfinite(scv)):
        return 1.0, 1.0, 1.0
    mean = place.service.mean
    third = place.service.third_cumulant / mean**3 + 3 * scv + 1
    left = (1 + scv) / 2
    left_scv = np.where(np.isfinite(third), third / (3 * left**2) - 1, scv)
    between = 1 + (scv - 1) / np.asarray(place.servers)
    return between, np.where(one, left, 1.0), np.where(one, left_scv, 1.0)


def mean_met(place: Place, met: Any, left: Any = 1.0) -> Any:
    """Return the mean time of holders who meet so many others, the first of them `left`."""
    there = np.arange(1.0, len(met) + 1).reshape(-1, *[1] * (np.ndim(met) - 1))
    if place.speeds is None:
        speeds: Any = np.minimum(there, place.servers)
    else:
        last = len(place.speeds) - 1
        speeds = np.stack(
            np.broadcast_arrays(*(place.speeds[min(j, last)] for j in range(len(met))))
        )
        speeds = speeds.reshape(
            len(met), *[1] * (np.ndim(met) - speeds.ndim), *speeds.shape[1:]
        )
    times = (met * there / speeds).sum(axis=0)
    if place.speeds is None:
        waits = np.where(there - 1 >= np.asarray(place.servers), met, 0.0).sum(axis=0)
        times = times + waits * (left - 1) / np.asarray(place.servers)
    return times * place.work
