r"""Shards: equal stations that get unequal shares of the requests, by their keys.

Where a request goes is decided by what it asks for, not by who is free. Shard i gets the
share :math:`w_i` of a Poisson stream, and with independent requests for many keys its part
is again Poisson [1]_, so that

.. math::

    W = \sum_i w_i W_i(w_i \lambda), \qquad P(T > t) = \sum_i w_i P(T_i > t), \qquad
    \lambda^* = \frac{\lambda_1^*}{\max_i w_i} .

The fullest shard decides: beyond :math:`\lambda^*` its queue grows without end and the mean
is infinite, although the others may be idle. `utilization` is that of the fullest.

The shares are weights that somebody chose (regions, tenants), the mean shares of a hash ring
(`ring_shares`), or one full shard among even ones (`shares_of_imbalance`), where
`ring_imbalance_quantile`, `keys_imbalance_quantile` and `hot_imbalance_quantile` say how full
it may be. The distribution is that for these shares: exact where the replica's is.

References
----------
.. [1] J. F. C. Kingman, "Poisson Processes", Oxford University Press, 1993, sec. 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Self

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.balancing.weighted_split import WeightedSplit
from qmodel.distributions import Distribution
from qmodel.errors import DomainError
from qmodel.queues.base import Station, StationResult, StreamResult

__all__ = ["Sharded", "shares_of_imbalance", "usable_capacity"]


@checked
def shares_of_imbalance(imbalance: Value, shards: int) -> tuple[Value, ...]:
    """Shares of the shards if one has so many times the average, and the others are even.

    Parameters
    ----------
    imbalance : number or array
        Load of the fullest shard over the average, from 1 to the number of shards. [-]
    shards : int
        Number of shards, >= 1. [-]

    Returns
    -------
    tuple of numbers or arrays
        The shares, the fullest first; they sum to 1. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> shares_of_imbalance(1.5, 4)
    (0.375, 0.2083, 0.2083, 0.2083)
    """
    count = _check.count("shards", shards, most=10**6)
    _check.numbers("shares_of_imbalance", count, imbalance)
    if np.ndim(count):
        raise DomainError(f"shards must be one number, got shape {np.shape(count)}")
    n, need = int(count), f"a number from 1 to the {count:g} shards"
    x = _check.positive("imbalance", imbalance, need=need)
    if np.any((x < 1) | (x > n)):
        raise DomainError(f"imbalance must be {need}, got {imbalance}")
    fullest = x / n
    return (fullest, *((1 - fullest) / (n - 1) for _ in range(n - 1)))


@checked
def usable_capacity(shares: Sequence[Value]) -> Value:
    """Share of the capacity of equal shards that can be used before the fullest is full.

    Parameters
    ----------
    shares : sequence of numbers or arrays
        Share of the requests of each shard; they sum to 1. [-]

    Returns
    -------
    number or array
        One over the number of shards and the greatest share; 1 if they are even. [-]

    Raises
    ------
    DomainError
        If the shares do not sum to 1, or one is no probability.

    Examples
    --------
    >>> float(usable_capacity([0.4, 0.2, 0.2, 0.2]))
    0.625
    """
    checked = _check.weights("shares", shares)
    return 1 / (len(checked) * reduce(namespace(*checked).maximum, checked))


@dataclass(frozen=True, slots=True, eq=False)
class Sharded(Station):
    """Equal stations, each of which gets its own share of the requests.

    Parameters
    ----------
    replica : Station
        What one shard is. [-]
    shares : sequence of numbers or arrays
        Share of the requests of each shard; they sum to 1. [-]

    Raises
    ------
    DomainError
        If the shares do not sum to 1, or one is no probability.
    ModelError
        If `replica` is not a station, or loses requests.

    Examples
    --------
    Four shards that could do 400 requests a second do 250, as one of them has 40 % of all:

    >>> import qmodel as qm
    >>> shards = Sharded(qm.MMc(0.01), shares=[0.4, 0.2, 0.2, 0.2])
    >>> float(shards.max_rate)
    250.0
    >>> load = shards.solve(200.0)
    >>> float(load.utilization), float(load.response_time), load.basis
    (0.8, 0.03, 'exact')

    On a hash ring with one point a shard, and with a hundred:

    >>> from qmodel.balancing.hashing.hash_ring import ring_shares
    >>> Sharded(qm.MMc(0.01), ring_shares(4, [1, 100])).max_rate.round()
    array([192., 362.])
    """

    replica: Station
    shares: tuple[Value, ...] = parameter(
        "share of each shard", symbol="w", check=_check.weights
    )

    def __post_init__(self) -> None:
        _ = self._split  # refuses what cannot be a shard

    @property
    def _split(self) -> WeightedSplit:
        return WeightedSplit((self.replica,) * len(self.shares), self.shares)

    @property
    def not_in_paths(self) -> str:  # type: ignore[override]
        """Why a path cannot call it: because it cannot call the replica."""
        return self.replica.not_in_paths

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether Poisson arrivals leave as a Poisson stream: as from the replica."""
        return self.replica.poisson_output

    @property
    def service(self) -> Distribution:
        """Distribution of the service time of one request. [-]."""
        return self.replica.service

    @property
    def servers(self) -> Count:
        """Workers that the shares let the shards use. [-]."""
        return self._split.servers

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the fullest shard is full. [1/s]."""
        return self._split.max_rate

    @checked
    def serving(self, service: Distribution) -> Self:
        """Return the shards with another service distribution."""
        return replace(self, replica=self.replica.serving(service))

    def _solve(self, arrival_rate: Value) -> StationResult:
        return replace(self._split._solve(arrival_rate), station=self)

    @checked
    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response of requests with their own work.

        Parameters
        ----------
        result : StationResult
            The steady state under all streams. [-]
        work : Distribution
            Distribution of the service time of these requests, of all their visits together.
            [-]
        visits : int or integer array, default 1
            How often they come on one way, taken as to one shard. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        return self._split.distribution_of_response(result, work, visits)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        return self._split._stream(result, rate, service)
