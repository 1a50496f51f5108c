r"""Over which times a station feels a stream whose index of dispersion is known over all.

With the utilization :math:`\rho` of the station, its rate :math:`\lambda`, the index I of what
comes and the SCV :math:`c_s^2` of its service, it is felt over exponential times, by a share
at the rate at which the wait itself falls, and by the rest along the spectrum of its memory,
both as much slower as the station is more variable than M/M/1:

.. math::

    I = \alpha I_d\!\left(\frac{2 \lambda}{I + c_s^2} \frac{1 - \rho}{\rho}\right)
    + (1 - \alpha) \int_0^\pi I_d\!\left(\frac{2 \lambda}{I + c_s^2}
    \frac{(1 - \rho)^2}{\rho (1 + 2 \sqrt\rho \cos\psi + \rho)}\right)
    \frac{2 \sin^2 \psi}{\pi (1 + 2 \sqrt\rho \cos\psi + \rho)} d\psi .

The integral alone is exact to the first order at M/M/1 behind a stream that is nearly Poisson:
its kernel is the spectrum of M/M/1 [1]_, [2]_. The share :math:`\alpha = 0.35 \min(I, 1)`, and
the factor :math:`2 / (I + c_s^2)` at other stations, are ours, from simulations. The wait is
then longer by

.. math:: \frac{(I - 1) \rho}{2 \lambda (1 - \rho)} ,

as of the SCV :math:`1 + (I - 1) / \rho` of times between arrivals. What of that does not last,
as a burst passes that is shorter than the queue that it leaves, is what the index loses over
times four times as long; it makes no longest waits, and counts by three times as much of the
wait as comes of the stream, up to all, less where service varies more than exponential times
(ours), and where bursts have no end (`qmodel.queues.approximations.bursts`).

References
----------
.. [1] P. M. Morse, "Stochastic properties of waiting lines", Operations Research 3, 1955.
.. [2] J. Abate, W. Whitt, "Transient behavior of the M/M/1 queue via Laplace transforms",
   Advances in Applied Probability 20, 1988 (the spectrum).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel.queues.approximations.bursts import Bursts, ordinary_load
from qmodel.queues.approximations.time_scales import filling

if TYPE_CHECKING:
    from qmodel.queues.approximations.dispersion import Dispersion

__all__ = ["Clock", "Felt", "felt_by_clock"]

_NODES, _FALLS = 8, 0.35
"""Nodes of the spectrum, and what counts by the rate at which the wait falls."""
_ANGLES = (np.arange(_NODES) + 0.5) * np.pi / _NODES
_COSINES, _SQUARES = np.cos(_ANGLES), np.sin(_ANGLES) ** 2
_ROUNDS, _CLOSE, _LEAST = 8, 0.01, 0.05
"""How often the index is found anew, and the least variability of a station."""
_LATE, _PASSES = 4.0, 3.0
"""How much later a burst has passed, and how much that counts."""


class Felt(NamedTuple):
    """What a station feels of a stream: the numbers are 1 for a Poisson stream.

    The index, the SCV of times between arrivals of which waits are as long, and that of which
    the longest are; and the bursts of the servers before.
    """

    index: Any
    scv: Any
    late: Any
    bursts: Bursts | None


class Clock:
    """Exponential times over which a station feels a stream, along a last axis.

    Parameters
    ----------
    time : number or array
        The time in which the station fills, for indices of which no more is known. [s]
    rates : array
        Rates of the times. [1/s]
    weights : array
        What each counts. [-]
    ordinary : number or array
        Load there of services that are not long. [-]
    """

    def __init__(self, time: Any, rates: Any, weights: Any, ordinary: Any) -> None:
        self.time, self.rates, self._weights = time, rates, weights
        self.ordinary = ordinary
        self.known: dict[int, Any] = {}
        """Of streams, over the time."""
        self.felt: dict[int, tuple[Any, Any]] = {}
        """Of streams, over the exponential times, and over the time."""

    @classmethod
    def of_station(
        cls, rate: Any, utilization: Any, scvs: Any, index: Any = 1.0, service_scv: Any = 1.0
    ) -> Clock:
        """Return that of a station, with the sum of the SCVs of arrivals and service there.

        Examples
        --------
        >>> clock = Clock.of_station(1.0, 0.5, 2.0)
        >>> float(clock.time), float(clock.mean(1.0)), float(clock.mean(clock.rates))
        (1.0, 1.0, 1.0)
        """
        time = filling(rate, utilization) * scvs
        load = np.clip(np.asarray(utilization, dtype=float), 1e-9, 1.0)[..., None]
        width = 1 + load + 2 * np.sqrt(load) * _COSINES
        falls = (1 - load) / load
        share = _FALLS * np.minimum(np.asarray(index)[..., None], 1.0)
        weights = _SQUARES / width
        weights = (1 - share) * weights / weights.sum(axis=-1, keepdims=True)
        paces = np.concatenate([falls, (1 - load) ** 2 / (load * width)], axis=-1)
        share = np.broadcast_to(share, (*weights.shape[:-1], 1))
        return cls(
            time,
            paces * np.asarray(2 * rate / scvs)[..., None],
            np.concatenate([share, weights], axis=-1),
            ordinary_load(utilization, service_scv),
        )

    def mean(self, values: Any) -> Any:
        """Return the mean over the times."""
        return (self._weights * values).sum(axis=-1)[()]

    def parts(self, stream: Dispersion) -> tuple[Any, Any]:
        """Return what of the index less 1 is known over these times, and what over the time."""
        by_rate, by_time = stream.over(self)
        return self.mean(by_rate), by_time


def felt_by_clock(stream: Dispersion, rate: Any, utilization: Any, service_scv: Any) -> Felt:
    """Return what a station feels of a stream some of which is known over exponential times.

    Parameters
    ----------
    stream : Dispersion
        What comes. [-]
    rate : number or array
        Requests a second. [1/s]
    utilization, service_scv : number or array
        Busy share of the servers, and SCV of the service time. [-]

    Examples
    --------
    M/M/1 behind M/D/1, at 50 % load both; simulated, its wait is 0.744 of what it is behind a
    Poisson stream:

    >>> import qmodel as qm
    >>> from qmodel.queues.approximations.behind import Behind
    >>> from qmodel.queues.approximations.dispersion import POISSON
    >>> left = Behind(POISSON, 1.0, 0.5, 1, qm.Deterministic(0.5), 1.0)
    >>> felt = felt_by_clock(left, 1.0, 0.5, 1.0)
    >>> float(felt.index), float((1 + felt.scv) / 2)
    (0.7458, 0.7458)
    """
    felt: tuple[Any, Any, Any] = 1.0, 0.0, 0.0
    settled: Any = False
    sources = stream.sources
    with np.errstate(all="ignore"):
        for _ in range(_ROUNDS):
            index = felt[0]
            scvs = np.maximum(index + service_scv, _LEAST)
            clock = Clock.of_station(rate, utilization, scvs, index, service_scv)
            own, other = clock.parts(stream)
            if sources is not None:
                fills = filling(rate, utilization)
                count = sources.counts(index, fills, service_scv)
                own = own * np.where(np.less(own, 0), count, 1.0)
            found = np.maximum(1 + own + other, 0.0), own, other
            # A cell stays as it is once it has settled, whatever stands beside it.
            felt = tuple(np.where(settled, x, y) for x, y in zip(felt, found, strict=True))
            settled = settled | ~(np.abs(felt[0] - index) > _CLOSE * scvs)
            if np.all(settled):
                break
        index, own, other = (x[()] for x in felt)
        scvs = np.maximum(index + service_scv, _LEAST)
        clock = Clock.of_station(rate, utilization, _LATE * scvs, index, service_scv)
        later, after = clock.parts(stream)
        load = np.where(np.equal(utilization, 0), 1.0, utilization)
        scv = np.maximum(1 + own / load + other, 1e-9 - np.minimum(service_scv, 1.0))
        lost = np.maximum(own - later, 0.0) / load + np.maximum(other - after, 0.0)
        of_stream = np.maximum(scv - 1, 0.0) / np.maximum(scv + service_scv, 1e-9)
        passes = np.minimum(_PASSES * of_stream / np.maximum(service_scv, 1.0), 1.0)
        bursts = stream.bursts(clock.ordinary)
        late = scv - lost * passes * (1.0 if bursts is None else bursts.ends)
    return Felt(index, scv, np.where(np.isfinite(late), late, scv)[()], bursts)
