r"""How the waits of one request at stations in a row depend on one another.

Behind a Poisson stream and exponential service they are independent. Service that is more
regular than what comes passes the bunches of the arrivals on, so that stations are long
together; service that varies more breaks them up, but for the longest, behind which all wait
that came meanwhile. With the index of dispersion :math:`c_a^2` of what comes to a station at
the time scale of its queue, the SCV :math:`c_s^2` of its service, and

.. math::

    h = \frac{c_a^2 - c_s^2}{c_a^2 + c_s^2}, \qquad
    g = \frac{c_a^2}{c_a^2 + c_s^2}, \qquad
    \phi = \min\Big(\frac{E[W]^2}{\operatorname{Var} W}, 1\Big),

for a station i before a station j

.. math::

    \operatorname{cov}(T_i, T_j) = \tfrac13 \sqrt{g_j} \, (\phi_i h_i + (1 - \phi_i) b_{ij}) \,
    \frac{\min(1 - \rho_i, 1 - \rho_j)}{\max(1 - \rho_i, 1 - \rho_j)}
    \sqrt{\operatorname{Var} W_i \operatorname{Var} W_j}, \\
    b_{ij} = 1.45 \, (1 - \phi_i) \sqrt{g_j} \, |h_i| \text{ where } h_i < 0, \text{ else }
    h_i (1 + 1.5 \max(1 - 1 / c_{a,i}^2, 0)).

That h decides the sign is the condition of Harrison and Williams [1]_ for independence in heavy
traffic; :math:`\phi` weighs heavy traffic against light, in which few wait for long; g is how
much of a wait comes of the arrivals, and not of the service there; and queues that fill at
other speeds depend less. The numbers, and the form in all of these, are ours, from simulated
rows of equal and of unequal stations.

Behind constant work, slower constant work makes a request wait at both as long as at the slower
one alone (`qmodel.queues.approximations.constant_in_a_row`), whose variance, as of M/D/1 with
such a mean, the two waits are then given.

The time of a row of up to six stations then is that of waits that are long together, or one
where the other is not (`qmodel.queues.waits.dependent`). Covariances beyond what these can
have, and those of longer rows, make it that of independent stations whose waits vary more or
less: where more, fewer wait, for longer; where less, the wait is drawn towards its mean. Means
stay.

References
----------
.. [1] J. M. Harrison, R. J. Williams, "Brownian models of open queueing networks with
   homogeneous customer populations", Stochastics 22, 1987.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import ZERO, Deterministic, Distribution, Scaled, Sum
from qmodel.distributions.algebra import measure
from qmodel.distributions.shared import each_once, read
from qmodel.queues.waits.dependent import dependent

__all__ = ["Wait", "with_covariances"]

_MOST, _LONG, _BUNCHED = 1 / 3, 1.45, 1.5
_SPREAD = 4 / 3
"""Of the square of the wait at M/D/1."""
_TOGETHER = 6
"""Waits up to which each is long or short."""


class Wait(NamedTuple):
    """The wait at one station of a row, and what decides how others depend on it."""

    time: Distribution
    utilization: Any
    arrival_scv: Any
    service_scv: Any

    def covariance(self, after: Wait, between: Sequence[Wait] = ()) -> Any:
        """Return the covariance with the time at a station `after` this one [s^2]."""
        first, second = (np.asarray(read(w.time, "variance")) for w in (self, after))
        mean = np.asarray(read(self.time, "mean"))
        spare = [np.maximum(1 - np.asarray(w.utilization), 0.0) for w in (self, after)]
        with np.errstate(all="ignore"):
            arriving, service = np.asarray(self.arrival_scv), np.asarray(self.service_scv)
            regular = (arriving - service) / (arriving + service)
            heavy = np.minimum(mean**2 / first, 1.0)
            met = 1 / (1 + np.asarray(after.service_scv) / np.asarray(after.arrival_scv))
            bunches = regular * (1 + _BUNCHED * np.maximum(1 - 1 / arriving, 0.0))
            root = np.sqrt(met)
            few = np.where(regular < 0, -_LONG * root * (1 - heavy) * regular, bunches)
            share = _MOST * root * (heavy * regular + (1 - heavy) * few)
            alike = np.minimum(*spare) / np.maximum(*spare)
            found = share * alike * np.sqrt(first) * np.sqrt(second)
            load = np.asarray(after.utilization)
            slower = (service == 0) & np.equal(after.service_scv, 0) & (arriving == 1)
            slower = (
                slower & (load > self.utilization) & (load < 1) & (second > 0) & (not between)
            )
            both = mean + read(after.time, "mean")
            whole = both**2 * (1 + _SPREAD * (1 - load) / load)
            found = np.where(slower, (whole - first - second) / 2, found)
        return np.where(np.isfinite(found), found, 0.0)[()]


def with_covariances(waits: Sequence[Any]) -> list[Distribution]:
    """Return waits that, taken as independent, have a sum as that of these.

    A wait is a `Wait`, or has its `time` and `covariance` in another way. Some waits may be in
    one, where the first of them is.
    """
    pairs: dict[tuple[int, int], Any] = {}
    with each_once():  # Each is asked of all others.
        for j, after in enumerate(waits):
            for i, before in enumerate(waits[:j]):
                both = before.covariance(after, waits[i + 1 : j])
                if np.any(both):
                    pairs[i, j] = both
    times = [wait.time for wait in waits]
    row = sorted({place for pair in pairs for place in pair})
    if not 0 < len(row) <= _TOGETHER:
        return _independent(times, pairs)
    at = {place: k for k, place in enumerate(row)}
    own = {(at[i], at[j]): both for (i, j), both in pairs.items()}
    of_row = [times[place] for place in row]
    joint = dependent(of_row, own)
    if np.any(joint.held < 1):
        rest = {pair: both * (1 - joint.held) for pair, both in own.items()}
        held = {pair: both * joint.held for pair, both in own.items()}
        joint = dependent(_independent(of_row, rest), held)
    return [joint if k == row[0] else ZERO if k in at else t for k, t in enumerate(times)]


def _independent(
    times: Sequence[Distribution], pairs: dict[tuple[int, int], Any]
) -> list[Distribution]:
    """Return waits of which those of independent stations have a sum as variable."""
    more: list[Any] = [0.0] * len(times)
    for (i, j), both in pairs.items():
        more[i], more[j] = more[i] + both, more[j] + both
    return [_varying(time, extra) for time, extra in zip(times, more, strict=True)]


def _varying(time: Distribution, more: Any) -> Distribution:
    """Return a time of the same mean whose variance is larger by `more`, or smaller."""
    if not np.any(more):
        return time
    mean, variance = np.asarray(time.mean), np.asarray(time.variance)
    with np.errstate(all="ignore"):  # Where all waits are endless nothing is known.
        longer = 1 + np.maximum(more, 0.0) / (variance + mean**2)
        narrower = np.sqrt(np.maximum(1 + np.minimum(more, 0.0) / variance, 0.25))
        longer, narrower = (np.where(np.isfinite(x), x, 1.0)[()] for x in (longer, narrower))
        least = np.where(narrower < 1, (1 - narrower) * mean, 0.0)[()]
    stretched = measure((1 / longer, 1 - 1 / longer), (Scaled(time, longer * narrower), ZERO))
    return Sum((Deterministic(least), stretched)) if np.any(least > 0) else stretched
