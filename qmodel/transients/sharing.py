r"""The time at shared servers: the work, slower by those who are there, then and later.

Who finds n at c servers gets a share :math:`\min(1, c / (n + 1))` of one. Where the load stays
as it is for as long as a request is there the time is the work over that share. Where backlogs
build up and drain meanwhile, the share changes as its mean does,

.. math:: V(t) = \int_0^t \frac{du}{s(u)}, \qquad
    V(t + T) - V(t) = \frac{s_n}{s(t)} \, x,

with the work x, the mean slowdown s(t) of all who come then, and that of who finds n, whose
distance to the mean stays: a request is done when its work is. After the last time the share is
that of the last time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from qmodel.distributions import Distribution, Gamma, Scaled
from qmodel.distributions.algebra import measure
from qmodel.transients.strand import Part
from qmodel.transients.walk import Walk

__all__ = ["in_bins", "shared_response"]

_NODES = np.concatenate([np.linspace(0.0, 0.95, 20), 1 - np.geomspace(0.03, 1e-5, 13), [1.0]])
"""Shares of the work between which it is taken as its middle."""

_SAME = 0.01
"""A change of the mean time that is none."""


def shared_response(
    walk: Walk,
    numbers: np.ndarray,
    times: np.ndarray,
    ways: Sequence[Part],
    cuts: np.ndarray,
) -> Distribution:
    """Return the time at shared servers, a cell for each time.

    `ways` are those that the servers went, with the probabilities of the numbers;
    what is found is taken together between the `cuts`.
    """
    p = np.zeros((len(times), len(ways) * len(numbers)))
    slower = np.empty_like(p)
    for i, (strand, at, seen) in enumerate(ways):
        columns = slice(i * len(numbers), (i + 1) * len(numbers))
        p[at, columns] = seen
        servers = np.maximum(strand.ready, 1e-300)[:, None]
        slower[:, columns] = np.maximum((numbers + 1) / servers, 1.0)
    if len(ways) > 1:
        order = np.argsort(slower, axis=1, kind="stable")
        p, slower = (np.take_along_axis(x, order, axis=1) for x in (p, slower))
    weights, factors = in_bins(p, slower, cuts)
    factors = np.maximum(factors, 1.0)
    weights = weights / weights.sum(axis=0)
    changed, parts, means, scvs = _over_time(walk.service, times, weights, factors, cuts)
    kept = tuple(np.where(changed, 0.0, w) for w in weights)
    here = tuple(Scaled(walk.service, factor) for factor in factors)
    if not changed.any():
        return measure(kept, here)
    later = tuple(Gamma(m, v) for m, v in zip(means, scvs, strict=True))
    return measure((*kept, *(np.where(changed, w, 0.0) for w in parts)), (*here, *later))


def in_bins(
    p: np.ndarray, values: np.ndarray, cuts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mass between cuts, and the mean of the values there: (bins, t)."""
    upto = np.concatenate([np.zeros((len(p), 1)), np.cumsum(p, axis=1)], axis=1)
    weights, means = [], []
    for low, high in itertools.pairwise(cuts):
        share = np.diff(np.clip(upto, low, high), axis=1)
        weights.append(share.sum(axis=1))
        means.append((share * values).sum(axis=1) / np.maximum(weights[-1], 1e-300))
    return np.array(weights), np.array(means)


def _over_time(
    work: Distribution,
    times: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
    cuts: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Return where the share changes meanwhile, and the times then: in bins of (bins, t)."""
    mean = (weights * factors).sum(axis=0)
    grown = np.concatenate(
        [[0.0], np.cumsum(np.diff(times) * (1 / mean[1:] + 1 / mean[:-1]) / 2)]
    )
    nodes = np.asarray(work.quantile((_NODES[1:] + _NODES[:-1]) / 2), dtype=float)
    shares = np.diff(_NODES)
    nodes = nodes * float(work.mean) / float(shares @ nodes)
    needed = nodes[:, None, None] * (factors / mean)
    until = grown + needed
    beyond = np.maximum(until - grown[-1], 0.0) * mean[-1]
    takes = np.interp(until, grown, times) + beyond - times
    each = shares[:, None, None] * weights
    whole, same = (each * takes).sum(axis=(0, 1)), float(work.mean) * mean
    changed = np.abs(whole - same) > _SAME * same
    flat, mass = takes.reshape(-1, len(times)).T, each.reshape(-1, len(times)).T
    order = np.argsort(flat, axis=1, kind="stable")
    flat, mass = (np.take_along_axis(x, order, axis=1) for x in (flat, mass))
    parts, means = in_bins(mass, flat, cuts)
    _, squares = in_bins(mass, flat**2, cuts)
    means = np.maximum(means, 1e-300)
    return changed, parts, means, np.maximum(squares / means**2 - 1, 1e-4)
