r"""Random split: each request goes to a replica drawn at random, blind to their state.

Each request goes to one of N replicas with equal probability, whatever the others do: so
does random choice, and hashing of many keys that are asked for equally often. The parts of
a Poisson stream are independent Poisson streams [1]_, so that each replica is the station
that it is, at :math:`\lambda / N`, and for M/M/1 replicas at load :math:`\rho`

.. math::

    W = \frac{S}{1 - \rho}, \qquad P(T > t) = e^{-(1 - \rho) t / S} .

This is exact whatever the replica. It is the worst of the usual policies: requests queue
at one replica while others idle.

**Numbers.** Those of the replica: symbols too, where it takes them.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] J. F. C. Kingman, "Poisson Processes", Oxford University Press, 1993, sec. 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qmodel._typing import Value
from qmodel.balancing.pool import SplitPool
from qmodel.basis import Assumption
from qmodel.queues.base import StationResult

__all__ = ["RandomSplit"]

RANDOM_SPLIT = Assumption(
    "random-split",
    "each request goes to a replica or a site drawn at random, by fixed shares, so that each "
    "of them sees a Poisson stream",
    "Kingman 1993, sec. 5.1",
)


@dataclass(frozen=True, slots=True, eq=False)
class RandomSplit(SplitPool):
    """Equal replicas; each request goes to one of them drawn at random.

    Parameters
    ----------
    replica : Station
        What one replica is, with its own workers and service distribution. [-]
    replicas : int or integer array
        Their number, >= 1. [-]

    Raises
    ------
    DomainError
        If `replicas` is not a whole number >= 1.
    ModelError
        If `replica` is not a station.

    Examples
    --------
    Eight servers at 80 % load, each with its own queue, and behind one queue:

    >>> import qmodel as qm
    >>> server = qm.MMc(service_time=0.1)
    >>> load = RandomSplit(server, replicas=8).solve(64.0)
    >>> float(load.response_time), float(load.response.quantile(0.99)), load.basis
    (0.5, 2.3026, 'exact')
    >>> float(qm.MMc(0.1, servers=8).solve(64.0).response_time)
    0.1286

    Replicas may be anything: here each shares its four cores among its requests.

    >>> pool = RandomSplit(qm.MGcPS(qm.from_mean_scv(0.1, scv=4.0), servers=4), replicas=8)
    >>> pool.solve([128.0, 256.0, 400.0]).response_time.round(4)
    array([0.1038, 0.1746,    inf])
    """

    policy: ClassVar[Assumption] = RANDOM_SPLIT

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether Poisson arrivals leave as a Poisson stream: as from the replica."""
        return self.replica.poisson_output

    def _part(self, arrival_rate: Value) -> StationResult:
        return self.replica._solve(arrival_rate / self.replicas)
