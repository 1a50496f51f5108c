r"""The M/G/c-PS queue: c servers shared equally by all requests present.

With n requests each is served at rate min(1, c / n). The mean response time and the state
probabilities are those of M/M/c for *any* service distribution with the same mean [1]_, and the
mean response of a request of size x is x times the same stretch :math:`W / S`.

The distribution is approximate (`qmodel.queues.waits.shared_response`), but for exponential
service on one server (`qmodel.queues.mg1_ps`).

References
----------
.. [1] F. P. Kelly, "Reversibility and Stochastic Networks", Wiley, 1979, sec. 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Distribution
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mmc
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult, StreamResult
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.waits.shared_response import shared_response
from qmodel.queues.waits.sharing_errors import WORST

__all__ = ["MGcPS", "response_time"]

PROCESSOR_SHARING = Assumption(
    "processor-sharing",
    "all requests present share the servers equally; means depend on the mean service only",
    "Kleinrock 1967; Kelly 1979",
)
_VARIED, _EVEN = (
    max(WORST[f"SCV {kind} 0.3"][p] for p in ("p50", "p95", "p99"))
    for kind in ("from", "below")
)
GAMMA_EXCESS = Assumption(
    "gamma-excess",
    "a request of given size takes its size and a gamma excess of two moments; of constant to "
    "hyperexponential service of an SCV of 9, behind 1 to 32 servers at loads of 0.5 to 0.9, "
    f"p50 to p99 were found within {_VARIED} %, of an SCV below 0.3 within {_EVEN} %, and "
    "p99.9 within 8 %",
    "Yashkov 1983 for the variance; our simulations",
    APPROXIMATE,
)


@checked
def response_time(arrival_rate: Value, service_time: Value, *, servers: Count = 1) -> Value:
    """Mean time in a station whose servers are shared, W.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time of a request alone, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        Mean response time, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(response_time(14.0, 0.05))
    0.1667
    """
    return mmc.waiting_time(arrival_rate, service_time, servers=servers) + service_time


@dataclass(frozen=True, slots=True, eq=False)
class MGcPS(Station):
    """Station whose equal servers are shared by all requests present.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time of a request alone. [-]
    servers : int or integer array, default 1
        Number of servers (cores), >= 1. [-]

    Raises
    ------
    DomainError
        If `servers` is not a whole number >= 1.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> cores = MGcPS(qm.HyperExponential([0.9, 0.1], [0.03, 0.23]), servers=8)
    >>> load = cores.solve(120.0)
    >>> float(load.response_time), load.basis["response_time"], load.basis["p99"]
    (0.0589, 'exact', 'approximate')
    """

    service: Distribution
    servers: Count = parameter("servers", symbol="c", check=_check.count, default=1)
    poisson_output = True

    def serving(self, service: Distribution) -> Station:
        """Return as many shared servers with another service distribution."""
        return MGcPS(service, self.servers)

    def _response(self, rate: Value, service: Distribution) -> Distribution:
        return shared_response(rate, self.service, self.servers, service)

    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response of requests by the work that they bring.

        Parameters
        ----------
        result : StationResult
            The steady state of this station under all its streams. [-]
        work : Distribution
            Distribution of the service time of these requests, of all their visits together.
            [-]
        visits : int or integer array, default 1
            How often they come: under sharing, that is one visit with the whole work. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        return self._response(result.arrival_rate, work)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        stretch = result.response_time / self.service.mean
        return StreamResult(
            arrival_rate=rate,
            waiting_time=(stretch - 1) * service.mean,
            response_time=stretch * service.mean,
            response=self.distribution_of_response(result, service),
        )

    def _distribution_grounds(self) -> tuple[Assumption, ...]:
        return (GAMMA_EXCESS,)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c = arrival_rate, self.service.mean, self.servers
        wait = mmc.waiting_time(rate, s, servers=c)
        wait + s
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, PROCESSOR_SHARING)
        return StationResult.by_littles_law(
            self,
            rate,
            wait,
            wait=None,
            response=self._response(rate, self.service),
            basis=Basis(
                dict.fromkeys((*MEANS, "number"), grounds)
                | dict.fromkeys(DISTRIBUTIONS, (*grounds, *self._distribution_grounds()))
            ),
            number=ServerStates(rate * s, c, spare_servers(rate, s, c)),
        )
