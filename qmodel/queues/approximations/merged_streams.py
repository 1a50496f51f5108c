r"""Streams of several servers that merge: how often their requests come close to one another.

The requests of one server of constant work D are at least D apart, all or a part of them drawn
at random. Where n equal, independent
such streams of the rate :math:`\lambda` together merge before one server of constant work s,
with :math:`n s \le D`, no request waits for one that is D before it, and of each other stream
one comes in that time, with the probability :math:`\lambda D / n`, evenly. The wait is exactly

.. math::

    E[W] = \int_0^D \frac{E\big[(s B(t) - t)^+\big]}{t} dt, \qquad
    B(t) \sim \text{Binomial}\big(n - 1, \lambda t / n\big)

and one of n waits less often than behind Poisson arrivals (Takács's ballot theorem for
increments that may be exchanged [1]_; the N D/D/1 queue [2]_).

Beyond, and of other service, what merges is more regular than the index of dispersion over
exponential times says, as several servers cannot have many requests leave at once: the index
less 1 counts by

.. math::

    1 + a (1 - c_s^2)^2 \min\Big(\max\Big(1.3 - \frac{1.2}{n^2} - 1.25 y, 0\Big), 1\Big)
    - 0.3 \max\Big(1 - \frac{1.5}{y}, 0\Big), \qquad y = \frac{t^*}{2.1 E[S]} (1 - \rho)

with the time :math:`t^*` in which the station fills, the load :math:`\rho` and service S of the
servers before, and :math:`a = 0.2 + 0.75 / n^2` of constant work, 0.15 of other (ours, from
simulations).

References
----------
.. [1] L. Takács, "Combinatorial Methods in the Theory of Stochastic Processes", Wiley 1967.
.. [2] A. E. Eckberg, "The single server queue with periodic arrival process and deterministic
   service times", IEEE Transactions on Communications 27, 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from qmodel.numerics.quadrature import on_unit_interval

__all__ = ["Sources", "mean_wait", "part_of", "sources_of"]

_CONSTANT, _FEW, _OTHER = 0.2, 0.75, 0.15
_FULL, _FULL_FEW, _FALLS, _RELAXES, _LATER, _LATE = 1.3, 1.2, 1.25, 2.1, 0.3, 1.5
_NODES = 6


class Sources(NamedTuple):
    """Servers whose streams merge: how many, their load, service time and its SCV.

    And which share of what leaves them, drawn at random, comes, and where they are equal.
    """

    number: int
    load: Any
    mean: Any
    scv: Any
    share: Any = 1.0
    equal: Any = True

    def counts(self, index: Any, filling: Any, service_scv: Any) -> Any:
        """Return by how much more the index of dispersion less 1 counts, where below 0."""
        n = self.number
        if n == 1:
            return 1.0  # Its index says all.
        y = filling * (index + service_scv) * (1 - self.load) / (_RELAXES * self.mean)
        much = np.where(np.equal(self.scv, 0), _CONSTANT + _FEW / n**2, _OTHER)
        fades = np.clip(_FULL - _FULL_FEW / n**2 - _FALLS * y, 0.0, 1.0)
        soon = much * np.maximum(1 - np.asarray(service_scv), 0.0) ** 2 * fades
        found = 1 + soon - _LATER * np.maximum(1 - _LATE / y, 0.0)
        # In overload it fills for ever; of parts, and unequal ones, their indices say all.
        some = self.equal & np.equal(self.share, 1) & np.isfinite(found)
        return np.where(some, found, 1.0)

    def early(self, load: Any, service_scv: Any) -> Any:
        """Return the SCV with which one of n waits less often than behind a Poisson stream."""
        load = np.minimum(load, 1.0)
        rest, least = 1 - load, 1 / self.number
        half = (rest * load * service_scv + 4 * least * load**2) / 2
        met = least * (1 + load * (service_scv - 1) + load**2 * service_scv)
        free = np.maximum(rest * (1 + load * service_scv) - met, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(free > 0, free / (half + np.sqrt(half**2 + rest * free)), 0.0)

    def apart(self, services: Any, servers: Any) -> Any:
        """Return where all work is constant, and that of one server no longer than all come."""
        constant = np.equal(self.scv, 0) & np.equal(services.scv, 0) & np.equal(servers, 1)
        constant = constant & self.equal
        return constant & np.less_equal(self.number * services.mean, self.mean * (1 + 1e-12))


def sources_of(parts: Sequence[tuple[Any, Any]]) -> Sources | None:
    """Return the servers that streams come from, each with its share of the requests.

    None where they are not two or more alike that Poisson streams come to.
    """
    number = len(parts)
    if number < 2 or not all(part.station for _, part in parts):
        return None
    equal: Any = True
    load, _, service = parts[0][1].station
    for share, part in parts:
        other, _, work = part.station
        equal = equal & part.leaves_one_server
        equal = equal & np.isclose(share, 1 / number, rtol=1e-9, atol=0.0)
        for x, y in ((load, other), (service.mean, work.mean), (service.scv, work.scv)):
            equal = equal & np.equal(x, y)
    return (
        Sources(number, load, service.mean, service.scv, equal=equal) if equal.any() else None
    )


def part_of(share: Any, stream: Any) -> Sources | None:
    """Return the servers that a share of a stream comes from, None where they are not known."""
    sources: Sources | None = stream.sources
    if sources is not None:
        return sources._replace(share=sources.share * share)
    if not np.any(stream.leaves_one_server) or not stream.station:
        return None
    load, _, service = stream.station
    return Sources(1, load, service.mean, service.scv, share, stream.leaves_one_server)


def mean_wait(sources: Sources, service: Any) -> Any:
    """Return the mean wait at a server of constant work behind servers of constant work.

    Parameters
    ----------
    sources : Sources
        The servers before: n of them with constant work D. [-]
    service : number or array
        Service time s behind them, at most D / n. [s]

    Returns
    -------
    number or array
        The mean wait. [s]

    Examples
    --------
    Of two servers each waits for the other alone:

    >>> float(mean_wait(Sources(2, 0.8, 1.6, 0.0), 0.8))
    0.1600
    """
    from scipy.special import bdtrc

    n, x = sources.number, on_unit_interval(_NODES)
    s, period, load = np.broadcast_arrays(
        service, sources.mean, sources.load * np.asarray(sources.share)
    )
    total = np.zeros(s.shape)
    for j in range(1, n):
        # Between j - 1 and j services: any j of them are more than have been done.
        with np.errstate(invalid="ignore", divide="ignore"):
            t = (j - 1 + x[0]) * s[..., None]
            p = np.minimum(load[..., None] * t / period[..., None], 1.0)
            late = bdtrc(j - 1.0, n - 1, p)
            work = (n - 1) * p * (bdtrc(j - 2.0, n - 2, p) if j > 1 else 1.0)
            total += ((s[..., None] * work - t * late) / (j - 1 + x[0])) @ x[1]
    return total[()]
